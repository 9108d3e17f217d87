package condition

import (
	"strings"
	"testing"
	"time"

	"demarc/internal/quarter"
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

// Where payload was counted, acknowledgements and a short answer are told apart.
func TestOneWayCountsPayload(t *testing.T) {
	history := func(from, to float64, p quarter.Payload) quarter.History {
		line := new(quarter.Line)
		for h := from; h > to; h -= 0.25 {
			at := noon.Add(-time.Duration(h * float64(time.Hour)))
			line.Add(quarter.Delta{First: at.UnixNano(), Last: at.Add(time.Minute).UnixNano(), State: quarter.State{TLS: quarter.None, Payload: p}, Bytes: [2]uint64{3000, 540}})
		}
		return quarter.History{line}
	}
	const loose, strict = "check: one-way, with: {from: {boundary: line4}, to: {boundary: dmz}}", "check: one-way, with: {from: {boundary: line4}, to: {boundary: dmz}, strict: true}"
	out, in := func(size uint64) *demarcv1.JudgedConnection {
		return sent("line4", "dmz", "tcp", 9, 9, size, "exchanged")
	}, sent("dmz", "line4", "tcp", 9, 9, 60, "exchanged")
	for _, c := range []struct {
		name, condition string
		flow            *demarcv1.JudgedConnection
		kept            quarter.History
		state           string
	}{
		{"acknowledgements", loose, out(60), history(10, 1, quarter.FromClient), Holds},
		{"an answer", loose, out(60), history(10, 1, quarter.FromClient|quarter.FromServer), Violated},
		{"long frames before it was counted", loose, out(1000), history(10, 1, quarter.FromClient), Holds},
		{"an answer before the window", loose, out(60), append(history(40, 30, quarter.FromServer), history(10, 1, quarter.FromClient)...), Holds},
		{"an older agent", loose, out(60), history(10, 1, quarter.Uncounted), NotObservable},
		{"an older agent beside", loose, out(60), append(history(10, 1, quarter.FromClient), history(5, 2, quarter.Uncounted)...), NotObservable},
		{"the other side opens and listens", loose, in, history(10, 1, quarter.FromServer), Holds},
		{"the other side opens and sends", loose, in, history(10, 1, quarter.FromClient), Violated},
		{"frames", strict, out(60), history(10, 1, quarter.FromClient), Violated},
		{"one direction shows", loose, sent("line4", "dmz", "tcp", 9, 0, 300, "one-sided"), history(10, 1, quarter.FromClient), NotObservable},
	} {
		w := seen(t, c.condition, c.flow)
		w.Quarters = func(string) quarter.History { return c.kept }
		if r := one(t, w); r.State != c.state {
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
