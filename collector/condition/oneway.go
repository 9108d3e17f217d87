package condition

import (
	"fmt"
	"slices"

	"demarc/collector/boundary"
	"demarc/internal/ot"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// headers is the most that a TCP segment without payload takes on the wire:
// Ethernet with two VLAN tags, an IPv6 header with room for extensions, and the
// longest TCP header. Longer frames on average carry payload for certain.
const headers = 200

// oneWay: information goes from "from" to "to", and nothing comes back: no
// payload, or no frame at all where it is strict. Where an agent did not count
// payload, acknowledgements of TCP and a short answer are not told apart: that is
// not observable, never held.
func (k *judge) oneWay() {
	w := k.with()
	k.out.subject = true
	if w.Strict {
		k.bothSides()
	}
	k.eachOf(w.Strict, k.between, func(c *demarcv1.JudgedConnection, a answer) {
		for _, client := range []bool{true, false} {
			sender, receiver := k.client(c), k.server(c)
			if !client {
				sender, receiver = receiver, sender
			}
			if back := k.picks(w.To, sender).and(k.picks(w.From, receiver)); back != no {
				k.back(c, a.and(back), client)
			}
		}
	})
}

// between are connections with an end that "from" picks and one that "to" picks.
func (k *judge) between(c *demarcv1.JudgedConnection) answer {
	w := k.with()
	return max(k.picks(w.From, k.client(c)).and(k.picks(w.To, k.server(c))), k.picks(w.To, k.client(c)).and(k.picks(w.From, k.server(c))))
}

// back files what one end of c sent against the direction.
func (k *judge) back(c *demarcv1.JudgedConnection, a answer, client bool) {
	d := c.GetConnection()
	frames, bytes := d.GetServerPackets(), d.GetServerBytes()
	if client {
		frames, bytes = d.GetClientPackets(), d.GetClientBytes()
	}
	sent := quarter.FromServer
	if client {
		sent = quarter.FromClient
	}
	strict, tcp, h := k.with().Strict, d.GetTransport() == "tcp", k.quarters(c)
	if frames == 0 && tcp && d.GetOutcome() == ot.OneSided.String() { // it needs acknowledgements: they did not show
		k.hold(c, a, maybe, " whether payload came back: one direction of it alone shows")
		return
	}
	if frames == 0 || toGroup(d) && !client {
		return
	}
	if n := h.Bytes(client, k.from.UnixNano(), k.to.UnixNano()); !h.Empty() && n.High == 0 && !n.Cut {
		return // before the window
	}
	words := fmt.Sprintf(": %d frames came back, %d bytes", frames, bytes)
	payload := h.Payload(k.from.UnixNano(), k.to.UnixNano())
	switch {
	case strict, !tcp:
		k.hold(c, a, no, words)
	case payload&sent != 0:
		k.hold(c, a, no, words+" with payload")
	case payload&quarter.Uncounted == 0: // acknowledgements alone
	case bytes > frames*headers:
		k.hold(c, a, no, words)
	default:
		k.hold(c, a, maybe, " whether payload came back with the acknowledgements"+words)
	}
}

// bothSides: that no frame came back shows only where agents listen inside and
// outside of an access point.
func (k *judge) bothSides() {
	if k.w.Documents == nil {
		return
	}
	want := "strict needs an access point of " + k.d.Name + " with sensors inside and outside, and names none"
	for _, b := range k.w.Documents.Boundaries {
		if !k.inside(b.Name) {
			continue
		}
		for _, p := range b.AccessPoints {
			if len(p.Sensors.Inside) == 0 || len(p.Sensors.Outside) == 0 {
				continue
			}
			deaf := k.deaf(b, slices.Concat(p.Sensors.Inside, p.Sensors.Outside))
			if deaf == "" {
				return
			}
			want = "sensor " + deaf + " of access point " + p.Name.Name + " was not heard well enough to tell that no frame came back"
		}
	}
	k.out.unknown = append(k.out.unknown, want)
}

// deaf names the first of sensors, agents or segments, that was not heard for the
// whole window within what may be lost; empty when all were.
func (k *judge) deaf(b *boundary.Boundary, sensors []string) string {
	for _, name := range sensors {
		if !k.listened(b, name) {
			return name
		}
	}
	return ""
}

func (k *judge) listened(b *boundary.Boundary, name string) bool {
	if k.w.Ledger == nil {
		return false
	}
	for _, e := range k.w.Ledger.Ears() {
		at := slices.ContainsFunc(b.Members, func(m boundary.Member) bool { return m.Site.Name == e.Site })
		if !at || e.Segment != name && e.Agent != name || e.Segment == "" {
			continue
		}
		s := Sight{Segments: []SegmentSight{k.eye.segment(Segment{e.Site, e.Segment}, k.from, k.to)}}
		if len(s.Segments[0].gaps()) == 0 && len(s.lossy(k.maxLoss())) == 0 && slices.ContainsFunc(s.Segments[0].Agents, func(a string) bool { return e.Segment == name || a == name }) {
			return true
		}
	}
	return false
}
