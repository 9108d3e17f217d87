package finding

import (
	"strings"

	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// authorization is the one that a held finding is about.
func (g group) authorization() string { return strings.TrimPrefix(g.Document, authorizationPrefix) }

// about fills in what a held finding is about.
func (f *finding) about(out *demarcv1.Finding) {
	f.unused(out)
	if !f.group.held() || f.group.idles() {
		return
	}
	out.Authorization = f.group.authorization()
	if f.group.Kind == Condition {
		out.Condition = out.Authorization + "/" + f.group.Subject
	}
}

func (f *finding) heldSeverity(s *score, t traits) {
	switch f.group.Kind {
	case NeverUsed, NeverSeen:
		f.idleSeverity(s)
		return
	case NoSnapshot:
		s.add(15, "what was decided on is on no record, so that no change shows against it")
		return
	case Condition:
		s.add(50, "a condition that an official set is violated")
	case Drift + "-" + NewAsset:
		s.add(30, "a device that was not there when it was decided")
	case Drift + "-" + ChangedAsset:
		s.add(20, "a device is not as it was when it was decided")
		if f.group.Service == "firmware" || f.group.Service == "serial" {
			s.add(10, "another "+f.group.Service+": another device, or what it runs")
		}
	case Drift + "-" + GoneAsset, Drift + "-" + GoneConnection:
		s.add(15, "what was decided on is not there any more")
	default:
		s.add(20, "traffic that was not there when it was decided; what is agreed covers it")
	}
	if t.ot {
		s.add(15, "in ot")
	} else if t.inner {
		s.add(5, "in dmz")
	}
}

// its is the authorization's name with its possessive.
func (g group) its() string { return g.authorization() + "'s snapshot" }

func (f *finding) heldTitle() string {
	g := f.group
	switch g.Kind {
	case NeverUsed, NeverSeen:
		return f.idleTitle()
	case NoSnapshot:
		return "No snapshot shows what " + g.authorization() + " was decided on"
	case Condition:
		return "Condition " + g.Subject + " of " + g.authorization() + " is violated"
	case Drift + "-" + NewAsset:
		return "New in " + place(g.From) + " since " + g.its() + ": " + f.subjects()
	case Drift + "-" + ChangedAsset:
		return "Another " + g.Service + " in " + place(g.From) + " than in " + g.its() + ": " + f.subjects()
	case Drift + "-" + GoneAsset:
		return "Gone from " + place(g.From) + " since " + g.its() + ": " + f.subjects()
	case Drift + "-" + NewConnection:
		return "New from " + end(g.From) + " to " + end(g.To) + " since " + g.its() + ": " + f.subjects()
	case Drift + "-" + ChangedConnection:
		return "From " + end(g.From) + " to " + end(g.To) + ", " + g.Service + " is not as in " + g.its() + ": " + f.subjects()
	}
	return "No longer seen from " + end(g.From) + " to " + end(g.To) + " since " + g.its() + ": " + f.subjects()
}

// end is where a connection of a snapshot begins or leads; what stays on its own link leads to none.
func end(boundary string) string {
	if boundary == "" {
		return "no boundary"
	}
	return place(boundary)
}

// subjects names what a drift is about: its members, or those of the past when
// there are no others.
func (f *finding) subjects() string {
	for _, past := range []bool{false, true} {
		var all []string
		for _, list := range []map[string]*member{f.conns, f.assets} {
			for _, m := range list {
				if m.Past == past {
					all = append(all, m.Addresses...)
				}
			}
		}
		if len(all) > 0 {
			return some(sortedCopy(all), 3)
		}
	}
	return "nothing any more"
}

func (f *finding) heldWhy() string {
	switch f.group.Kind {
	case NeverUsed, NeverSeen:
		return f.idleWhy()
	case NoSnapshot:
		return "An official decided on what stood there that day; without a record of it, nobody can say what has changed since."
	case Condition:
		return "The authorization was given on this condition, and traffic shows that it does not hold."
	case Drift + "-" + GoneAsset, Drift + "-" + GoneConnection:
		return "What was decided on is not there any more: removed, broken, or moved where nobody looks."
	}
	return "The risk was accepted for what was there when it was decided; this was not."
}

func (f *finding) heldTechnique() string {
	switch {
	case f.group.Kind == Drift+"-"+NewAsset:
		return "T0864 Transient Cyber Asset"
	case f.group.Kind == Drift+"-"+ChangedAsset && f.group.Service == "firmware":
		return "T0857 System Firmware"
	case f.group.Service == Operation(ot.Firmware.String()):
		return "T0857 System Firmware"
	case f.group.Service == Operation(ot.Program.String()):
		return "T0843 Program Download"
	case f.group.Service == Operation(ot.Write.String()), f.group.Service == Operation(ot.Control.String()):
		return "T0855 Unauthorized Command Message"
	case f.group.Service == Operation(ot.Configure.String()):
		return "T0836 Modify Parameter"
	}
	return ""
}

// ceasedWords say why nothing of a finding with members holds any more.
func (f *finding) ceasedWords() string {
	switch {
	case f.group.Kind == Condition:
		return "the condition is not violated any more"
	case f.group.Kind == ProbeDifference:
		return "what is heard of the device and what it says when it is asked agree"
	case isDrift(f.group.Kind):
		return "it is as it was when it was decided"
	}
	return "all that it lists is covered, gone or told elsewhere"
}
