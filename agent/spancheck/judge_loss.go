package spancheck

import (
	"fmt"
	"strings"
	"time"
)

func drops(n *Counts, s Source) Result {
	if !s.Live && n.Capture.Drops == 0 {
		return Result{Drops, CannotTell, "the file does not tell of drops", "ask whoever captured it what the capture program counted"}
	}
	card := s.Since.Dropped + s.Since.Missed + s.Since.Overrun
	lost := n.Capture.Drops + card
	var parts, cures []string
	if n.Capture.Drops > 0 {
		parts = append(parts, fmt.Sprintf("%d frames by the ring, which was full %d times", n.Capture.Drops, n.Capture.Freezes))
		cures = append(cures, fmt.Sprintf("raise ringMB in the agent's settings (now %s), mirror less, or take a faster machine", ring(s.RingMB)))
	}
	if s.Since.Dropped > 0 {
		parts = append(parts, fmt.Sprintf("%d by the kernel before the ring", s.Since.Dropped))
	}
	if s.Since.Missed+s.Since.Overrun > 0 {
		parts = append(parts, fmt.Sprintf("%d by the card (missed %d, overrun %d)", s.Since.Missed+s.Since.Overrun, s.Since.Missed, s.Since.Overrun))
	}
	if card > 0 {
		cures = append(cures, fmt.Sprintf("enlarge the card's queue: ethtool -G %s rx 4096", s.Name))
	}
	if s.Since.Damaged > 0 {
		parts = append(parts, fmt.Sprintf("%d arrived damaged (check sequence)", s.Since.Damaged))
		cures = append(cures, "change the cable, the transceiver or the TAP")
	}
	v := Warning
	switch all := n.Frames + lost; {
	case len(parts) == 0 && n.Frames < fewFrames:
		return Result{Drops, Good, "nothing was dropped", ""}
	case len(parts) == 0:
		return Result{Drops, Good, fmt.Sprintf("none of %d frames was dropped by card, kernel or ring", n.Frames), ""}
	case lost*100 >= all && lost > 0:
		v = Bad
	}
	return Result{Drops, v, fmt.Sprintf("%s frames were lost on this machine: %s", share(lost+s.Since.Damaged, n.Frames+lost+s.Since.Damaged), strings.Join(parts, ", ")), strings.Join(cures, "; ")}
}

func ring(mb int) string {
	if mb == 0 {
		return "32, the default"
	}
	return fmt.Sprint(mb)
}

func capacity(n *Counts, s Source) Result {
	cure := "mirror fewer ports into one, take rx or tx of VLAN sources alone, or a faster destination port; a TAP loses nothing"
	if !s.Live {
		cure += "; unless a filter left frames out of this capture"
	}
	full := ""
	if n.Full > 0 {
		full = fmt.Sprintf("the link was full %d times for %v", n.Full, time.Duration(1<<burstShift).Round(time.Millisecond))
	}
	evidence := fmt.Sprintf("%s TCP segments with data follow data that the receiver had and the mirror did not show", share(n.Gaps, n.Segments))
	if n.Capture.Drops > 0 {
		cure = "cure the drops on this machine first (drops); then " + cure
	}
	v := Good
	switch {
	case n.Cut*100 >= n.Frames && n.Cut > 0 && n.Full < 3:
		return Result{Capacity, CannotTell, "gaps in TCP tell nothing where frames are cut", "see whole-frames"}
	case n.Segments >= fewSegments && n.Gaps >= 5 && n.Gaps*100 >= n.Segments:
		v = Bad
		evidence = "the mirror loses frames: " + evidence
	case n.Segments >= fewSegments && n.Gaps >= 5 && n.Gaps*1000 >= n.Segments:
		v = Warning
		evidence = "the mirror loses some frames: " + evidence
	case n.Full >= 3:
		v = Warning
	case n.Segments < fewSegments:
		return Result{Capacity, CannotTell, fmt.Sprintf("%d TCP segments with data are too few to show gaps", n.Segments), "listen longer"}
	}
	if full != "" {
		evidence = full + "; " + evidence
	}
	if s.Box != nil && s.Box.Speed > 0 && full == "" {
		evidence += fmt.Sprintf("; the busiest moment took %d %% of the link", n.Peak*100*1e9/(s.Box.Speed/8*(1<<burstShift)))
	}
	if v == Good {
		cure = ""
	}
	return Result{Capacity, v, evidence, cure}
}

func clock(n *Counts, s Source) Result {
	const (
		year2000 = 946684800 * int64(time.Second)
		off      = 2 * time.Second
		farOff   = time.Minute
	)
	cure := "have this machine follow the plant's time server (chrony or systemd-timesyncd): schedules and windows are judged by its clock"
	if !s.Live {
		cure = "set the clock of the capturing machine and capture again: schedules and windows are judged by packet time"
	}
	offset := time.Duration(0)
	if n.Answers.n > 0 {
		offset = n.Answers.median()
	}
	answers := fmt.Sprintf("%d answers of NTP servers, %s among them", n.Answers.n, n.Answers.server)
	switch {
	case n.Frames > 0 && n.To < year2000:
		return Result{Clock, Bad, "packet time lies before the year 2000: the clock was not set", cure}
	case n.Backwards > 0:
		return Result{Clock, Warning, fmt.Sprintf("packet time jumped back %d times, by up to %s", n.Backwards, spell(time.Duration(n.BackwardsMax))), cure}
	case offset.Abs() >= farOff:
		return Result{Clock, Bad, fmt.Sprintf("the clock is %s by %s", late(offset), answers), cure}
	case offset.Abs() >= off:
		return Result{Clock, Warning, fmt.Sprintf("the clock is %s by %s", late(offset), answers), cure}
	case n.Answers.n > 0:
		return Result{Clock, Good, fmt.Sprintf("within %s of %s", spell(offset.Abs()), answers), ""}
	case s.Box != nil && s.Box.InStep == Yes:
		return Result{Clock, Good, "the kernel says that its clock is kept in step", ""}
	case s.Box != nil && s.Box.InStep == No:
		return Result{Clock, Warning, "nothing keeps this machine's clock in step, says its kernel, and no NTP answer passed by to compare with", cure}
	}
	return Result{Clock, CannotTell, "no NTP answer passed by to compare with", ""}
}

// late says how a clock differs, by the server's less ours.
func late(offset time.Duration) string {
	if offset > 0 {
		return spell(offset) + " late"
	}
	return spell(-offset) + " early"
}
