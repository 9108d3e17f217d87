package spancheck

import (
	"fmt"
	"strings"
	"time"
)

// Source is what the counts are of.
type Source struct {
	Name   string   // interface, or file
	Live   bool     // an interface
	Box    *Box     // its state; nil for a file, or when it cannot be read
	Since  Card     // what the card counted in the same time as the Checker
	VLANs  []uint16 // that the settings give a segment of their own
	RingMB int      // as set; 0 is the default
}

// Amounts below which nothing is said.
const (
	fewFrames        = 20
	fewConversations = 3
	fewSegments      = 200
	fewARPs          = 3
	muchTraffic      = 1000 // frames in which OT would have shown
	quiet            = 20 * time.Second
)

// Judge answers every check that applies, in a fixed order: the traffic, then
// the machine.
func Judge(n *Counts, s Source) []Result {
	all := []Result{
		traffic(n, s), unicast(n), directions(n), duplicates(n), vlanTags(n, s), whole(n, s), drops(n, s), capacity(n, s), clock(n, s), otTraffic(n),
	}
	if !s.Live {
		return all
	}
	all = append(all, ownTraffic(n))
	if s.Box != nil {
		machine := boxResults(s.Box, s.Since)
		if n.Mirrored*2 > n.Frames {
			machine = addressed(machine)
		}
		all = append(all, machine...)
	}
	return all
}

func traffic(n *Counts, s Source) Result {
	span := n.Span()
	switch {
	case n.Frames >= fewFrames:
		return Result{Traffic, Good, fmt.Sprintf("%d frames, %d bytes in %s", n.Frames, n.Bytes, spell(span)), ""}
	case n.Frames > 0:
		return Result{
			Traffic, Warning, fmt.Sprintf("only %d frames in %s: too few to judge the mirror by", n.Frames, spell(span)),
			"listen longer (--for), or see whether the mirror has a source that carries traffic",
		}
	case !s.Live:
		return Result{Traffic, Bad, "there is no frame in it", "capture again, and see that the interface is the one that the mirror feeds"}
	case s.Box != nil && !s.Box.Carrier:
		return Result{
			Traffic, Bad, fmt.Sprintf("no frame came, and %s has no link", s.Name),
			"plug the cable in, and see that the switch port is enabled: no shutdown",
		}
	case span < quiet:
		return Result{Traffic, CannotTell, "no frame has come in " + spell(span), "listen longer (--for)"}
	}
	return Result{
		Traffic, Bad, fmt.Sprintf("nothing at all came in %s", spell(span)),
		"see that the mirror session is active, that its destination is the port of this cable, and that it has a source (Cisco: show monitor session all)",
	}
}

func unicast(n *Counts) Result {
	others := n.Group + n.Unicast
	if others < fewFrames {
		return Result{Unicast, CannotTell, fmt.Sprintf("%d frames are too few to tell", others), "listen longer"}
	}
	evidence := fmt.Sprintf("%s frames go to a single station", share(n.Unicast, others))
	cure := "make the switch port the destination of a mirror session whose sources are the ports, or the VLAN, of the plant's devices (Cisco: monitor session 1 source vlan 10 both; monitor session 1 destination interface Gi1/0/24)"
	few := n.Unicast*100 < others
	switch {
	case few && n.OTs > 0 && n.Unicast == 0:
		return Result{Unicast, Warning, fmt.Sprintf("you see only broadcast and multicast: %s; %s is among it, so this may be a process bus, which has nothing else", evidence, some(n.OTNames, 3)), cure}
	case n.Unicast == 0:
		return Result{Unicast, Bad, fmt.Sprintf("you see only broadcast and multicast, as on any ordinary switch port: none of %d frames goes to a single station", others), cure}
	case few && others >= 10*fewFrames:
		return Result{Unicast, Bad, "you see almost only broadcast and multicast, and what the switch floods: " + evidence, cure}
	}
	return Result{Unicast, Good, evidence, ""}
}

func directions(n *Counts) Result {
	one, both := n.Conversations[oneTCP], n.Conversations[bothTCP]
	cure := "have the mirror session copy both directions of its source (Cisco: monitor session 1 source interface Gi1/0/1 both; elsewhere: rx and tx, ingress and egress); with a TAP, connect both of its monitor ports"
	evidence := fmt.Sprintf("%s TCP conversations show one side alone, although the other is acknowledged", share(one, one+both))
	switch {
	case one+both < fewConversations && one > 0 || one+both == 0:
		return otherDirections(n, cure)
	case one*5 >= (one+both)*4:
		return Result{Directions, Bad, visible(n) + ": " + evidence, cure}
	case one*10 >= one+both:
		return Result{
			Directions, Warning, "some conversations are seen from one side: " + evidence,
			cure + "; where traffic returns by another path (asymmetric routing, teaming), mirror that port, too",
		}
	}
	return Result{Directions, Good, fmt.Sprintf("%s TCP conversations show both sides", share(both, one+both)), ""}
}

// visible says which side of the conversations the mirror shows.
func visible(n *Counts) string {
	switch known := n.FromClient + n.FromServer; {
	case n.FromServer*10 >= known*9 && known > 0:
		return "you see only replies: the SPAN session copies one direction of its source (of a port towards the clients tx but not rx)"
	case n.FromClient*10 >= known*9 && known > 0:
		return "you see only requests: the SPAN session copies one direction of its source (of a port towards the clients rx but not tx)"
	}
	return "you see one side of each conversation: the SPAN session copies rx or tx of its source, not both"
}

// otherDirections judges by conversations that may be one-sided in truth.
func otherDirections(n *Counts, cure string) Result {
	one, both := n.Conversations[oneOther], n.Conversations[bothOther]
	switch {
	case both > 0 && both*5 >= one+both && n.Conversations[oneTCP] == 0:
		return Result{Directions, Good, fmt.Sprintf("%s conversations between two stations show both sides", share(both, one+both)), ""}
	case both == 0 && one >= 10:
		return Result{Directions, Warning, fmt.Sprintf("none of %d conversations between two stations shows both sides", one), cure}
	}
	return Result{
		Directions, CannotTell, fmt.Sprintf("%d TCP conversations and %d others between two stations are too few to tell", n.Conversations[oneTCP]+n.Conversations[bothTCP], one+both),
		"listen longer, or while a client talks to a device",
	}
}

// spell says a duration in the unit that fits.
func spell(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d < 10*time.Minute:
		d = d.Round(time.Second)
	default:
		d = d.Round(time.Minute)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
