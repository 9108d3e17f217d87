package condition

import (
	"strings"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// sent is a connection of which each end sent so many frames of so many bytes.
func sent(from, to, transport string, clientFrames, serverFrames, size uint64, outcome string) *demarcv1.JudgedConnection {
	c := flow(from, to, "opcua", nil)
	d := c.Connection
	d.Transport, d.Outcome = transport, outcome
	d.ClientPackets, d.ServerPackets, d.ClientBytes, d.ServerBytes = clientFrames, serverFrames, clientFrames*size, serverFrames*size
	return c
}

func TestOneWay(t *testing.T) {
	const loose, strict = "check: one-way, with: {from: {boundary: line4}, to: {boundary: dmz}}", "check: one-way, with: {from: {boundary: line4}, to: {boundary: dmz}, strict: true}"
	for _, c := range []struct {
		name, condition string
		flow            *demarcv1.JudgedConnection
		state           string
	}{
		{"datagrams out", loose, sent("line4", "dmz", "udp", 9, 0, 300, "one-sided"), Holds},
		{"a datagram back", loose, sent("line4", "dmz", "udp", 9, 1, 300, "exchanged"), Violated},
		{"long segments back", loose, sent("line4", "dmz", "tcp", 9, 9, 1000, "exchanged"), Violated},
		{"acknowledgements, or short answers", loose, sent("line4", "dmz", "tcp", 9, 9, 60, "exchanged"), NotObservable},
		{"the other side sends", loose, sent("dmz", "line4", "udp", 9, 0, 300, "one-sided"), Violated},
		{"a try from the other side", loose, sent("dmz", "line4", "tcp", 3, 0, 60, "unanswered"), NotObservable}, // nothing shows the edge
		{"acknowledgements are frames", strict, sent("line4", "dmz", "tcp", 9, 9, 60, "exchanged"), Violated},
		{"a try is a frame back", strict, sent("dmz", "line4", "tcp", 3, 0, 60, "unanswered"), Violated},
		{"sensors on one side alone", strict, sent("line4", "dmz", "udp", 9, 0, 300, "one-sided"), NotObservable},
	} {
		if r := one(t, seen(t, c.condition, c.flow)); r.State != c.state {
			t.Errorf("%s: %s (%s), want %s", c.name, r.State, r.Reason, c.state)
		}
	}
}

// Strict holds only while sensors on both sides of the access point are heard.
func TestStrictOneWayNeedsBothSides(t *testing.T) {
	text := strings.Replace(site, "title: Line 4, domain: ot,", "title: Line 4, domain: ot, accessPoints: [{name: diode, kind: unidirectional-gateway, addresses: [10.20.4.1], sensors: {inside: [line4], outside: [b]}}],", 1) +
		ato("check: one-way, with: {from: {boundary: line4}, to: {boundary: dmz}, strict: true}")
	docs, p := read(t, text)
	l := NewLedger()
	hear(l, "a", "line4", noon.Add(-Window), noon)
	w := World{Policy: p, Documents: docs, Connections: []*demarcv1.JudgedConnection{sent("line4", "dmz", "udp", 9, 0, 300, "one-sided")}, Ledger: l, Now: noon}
	if r := one(t, w); r.State != NotObservable || !strings.Contains(r.Reason, "sensor b of access point diode") {
		t.Errorf("inside alone: %s (%s)", r.State, r.Reason)
	}
	hear(l, "b", "dmz", noon.Add(-Window), noon)
	if r := one(t, w); r.State != Holds {
		t.Errorf("both sides: %s (%s)", r.State, r.Reason)
	}
	lose(l, "b", "dmz", "mirror-directions", noon.Add(-Window/2), 1)
	if r := one(t, w); r.State != NotObservable {
		t.Errorf("a mirror of one direction: %s (%s)", r.State, r.Reason)
	}
}
