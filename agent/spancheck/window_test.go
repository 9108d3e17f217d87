package spancheck

import (
	"errors"
	"slices"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/flow"
)

// publish ends the minute that runs.
func (w *world) publish(t *testing.T) *Counts {
	t.Helper()
	w.now = max(w.now, w.check.publishAt)
	if !w.check.Due(w.now) {
		t.Fatal("not due")
	}
	w.check.Publish(w.now, w.stats)
	return w.check.Latest()
}

func noBox(string) (*Box, error) { return nil, errors.New("none") }

// TestFaultComesAndGoes: a session that was seen from both sides and then from
// one is told within a window, and so is its cure; what is known of OT stays.
func TestFaultComesAndGoes(t *testing.T) {
	w := newWorld(Options{Live: true, Rolling: true})
	watch := NewWatch(Source{Name: "eth1", Live: true}, w.check, time.Unix(0, w.now))
	minute := func(keep func(flow.Side) bool) Result {
		w.talk(10, 300, keep) // 6000 frames, in a minute
		w.publish(t)
		if !watch.Update(time.Unix(0, w.now), noBox) {
			t.Fatal("not judged")
		}
		i := slices.IndexFunc(watch.Results(), func(r Result) bool { return r.ID == Directions })
		return watch.Results()[i]
	}
	minute(nil)
	w.flows.All(func(c *flow.Conversation) { w.check.Named(c, "modbus") })
	want(t, minute(nil), Good)
	minute(onlyClient) // the minute in which it breaks may still show both
	minute(onlyClient)
	want(t, minute(onlyClient), Bad)
	if f := w.check.Tell(); len(f) != 1 || f[0].ID != Directions || f[0].Text != blind[Directions] {
		t.Errorf("faults %v", f)
	}
	if f := w.check.Tell(); len(f) != 0 {
		t.Errorf("faults told twice: %v", f)
	}
	if n := w.check.Latest(); n.OTs != 10 || !slices.Equal(n.OTNames, []string{"modbus"}) {
		t.Errorf("OT in a later window: %d %v", n.OTs, n.OTNames)
	}
	minute(nil)
	minute(nil)
	want(t, minute(nil), Good)
	if f := w.check.Tell(); len(f) != 0 {
		t.Errorf("faults %v", f)
	}
}

// TestWindowsBeginAnew: counts are of one window, and stats and gaps of it alone.
func TestWindowsBeginAnew(t *testing.T) {
	w := newWorld(Options{Live: true, Rolling: true})
	w.talk(10, 100, nil)
	w.stats = capture.Stats{Packets: 2000, Drops: 5}
	n := w.publish(t) // the first comes early
	if n.Span() > 40*time.Second || n.Capture.Drops != 5 || n.Conversations[bothTCP] != 10 {
		t.Fatalf("%v %+v", n.Span(), n.Capture)
	}
	w.talk(10, 300, nil)
	for n.Span() < minWindow {
		n = w.publish(t)
	}
	if n.Frames != 8000 {
		t.Fatalf("%d frames", n.Frames)
	}
	w.stats.Drops = 7
	n = w.publish(t)
	if n.Frames != 0 || n.Capture.Drops != 2 || n.Conversations[bothTCP] != 0 {
		t.Errorf("the next window: %d frames, %+v, %v", n.Frames, n.Capture, n.Conversations)
	}
	// In silence it grows, and ends some time.
	for range 40 {
		last := n
		if n = w.publish(t); n.Span() < last.Span() {
			if last.Span() < maxWindow {
				t.Errorf("a silent window ended after %v", last.Span())
			}
			return
		}
	}
	t.Error("a silent window does not end")
}

// TestWatchKeepsAnswers: what cannot be told now, and could lately, stands.
func TestWatchKeepsAnswers(t *testing.T) {
	w := newWorld(Options{Live: true, Rolling: true})
	watch := NewWatch(Source{Name: "eth1", Live: true}, w.check, time.Unix(0, w.now))
	if watch.Update(time.Unix(0, w.now), noBox) || len(watch.Results()) != 0 {
		t.Fatal("judged before anything was counted")
	}
	of := func(id string) Verdict {
		i := slices.IndexFunc(watch.Results(), func(r Result) bool { return r.ID == id })
		return watch.Results()[i].Verdict
	}
	w.talk(10, 300, nil)
	for range 5 {
		w.publish(t)
		watch.Update(time.Unix(0, w.now), noBox)
	}
	if n := w.check.Latest(); n.Frames != 0 {
		t.Fatalf("%d frames in the window that should be silent", n.Frames)
	}
	if of(Directions) != Good || of(Traffic) != Bad {
		t.Errorf("in silence: directions %v, traffic %v", of(Directions), of(Traffic))
	}
	for range 40 {
		w.publish(t)
		watch.Update(time.Unix(0, w.now), noBox)
	}
	if of(Directions) != CannotTell {
		t.Errorf("half an hour later directions are still %v", of(Directions))
	}
	if watch.Update(time.Unix(0, w.now), noBox) {
		t.Error("judged again without new counts")
	}
}

// TestCardCountsSinceTheStart: what the card lost before the agent came is not
// the agent's, and an old loss is forgotten.
func TestCardCountsSinceTheStart(t *testing.T) {
	w := newWorld(Options{Live: true, Rolling: true})
	box := Box{Name: "eth1", Card: Card{Missed: 1000, Sent: 50}}
	look := func(string) (*Box, error) { b := box; return &b, nil }
	before := box
	watch := NewWatch(Source{Name: "eth1", Live: true, Box: &before}, w.check, time.Unix(0, w.now))
	of := func(id string) Result {
		w.talk(1, 20, nil)
		w.publish(t)
		watch.Update(time.Unix(0, w.now), look)
		i := slices.IndexFunc(watch.Results(), func(r Result) bool { return r.ID == id })
		return watch.Results()[i]
	}
	want(t, of(Drops), Good)
	want(t, of(Silence), Good)
	box.Card.Missed += 3
	box.Card.Sent++
	want(t, of(Drops), Bad, "3 by the card")
	want(t, of(Silence), Bad, "eth1 sent 1 frames", "tcpdump")
	for range 30 {
		of(Drops)
	}
	want(t, of(Drops), Good)
}

// TestNoAllocation: counting costs nothing but time.
func TestNoAllocation(t *testing.T) {
	w := newWorld(Options{Live: true, Rolling: true, MTU: 1500, Speed: 1e9})
	f := w.tcp(0, flow.A, decode.ACK, "x")
	a := w.arp(host(1), host(2))
	var p, q decode.Packet
	w.decoder.Decode(&f, &p)
	w.decoder.Decode(&a, &q)
	c, _, _ := w.flows.Add(&p, 0)
	d, _, _ := w.flows.Add(&q, 0)
	if n := testing.AllocsPerRun(1000, func() {
		w.check.Packet(&f, &p, c, flow.A, false)
		w.check.Packet(&a, &q, d, flow.A, false)
		w.check.Due(w.now)
	}); n != 0 {
		t.Errorf("%v allocations for two packets", n)
	}
}
