package flow

import (
	"net/netip"
	"testing"

	"demarc/agent/decode"
)

// TestCopiesApart: between a frame and its copy others pass, of this and of
// other conversations.
func TestCopiesApart(t *testing.T) {
	for _, id := range []uint16{0, 7} {
		h := &script{}
		tab := NewTable(h, Limit{})
		frames := []*decode.Packet{
			segment(1*ms, true, decode.ACK, 100, 0, "ab"), segment(1*ms+1, true, decode.ACK, 102, 0, "cd"),
			segment(1*ms+2, false, decode.ACK, 500, 104, "ef"), segment(1*ms+3, true, decode.ACK, 104, 502, "gh"),
		}
		for i, p := range frames {
			p.Checksum = uint16(i + 1)
			if p.IPID = id; id != 0 {
				p.IPID += uint16(i)
			}
			tab.Add(p, 0)
		}
		for _, p := range frames {
			q := *p
			q.Time += 2 * ms
			if _, _, copied := tab.Add(&q, 0); !copied {
				t.Errorf("id %d: the copy of %q is not recognised", id, p.Payload)
			}
		}
		if tab.Duplicates != 4 || h.text != [2]string{"abcdgh", "ef"} {
			t.Errorf("id %d: %d copies, %q", id, tab.Duplicates, h.text)
		}
	}
}

// TestDatagramsWithoutIdentification: two equal datagrams may be two, but
// where the mirror shows every frame twice they are one.
func TestDatagramsWithoutIdentification(t *testing.T) {
	tab := NewTable(&script{}, Limit{})
	send := func(at int64, sum uint16) bool {
		p := &decode.Packet{Time: at, Length: 60, Has: decode.HasIP | decode.HasPort, Protocol: 17, Src: netip.MustParseAddr("fd00::1"), Dst: netip.MustParseAddr("fd00::2"), SrcPort: 2222, DstPort: 2222, Payload: []byte("x"), PayloadLen: 1, Checksum: sum}
		_, _, copied := tab.Add(p, 0)
		return copied
	}
	for i := range 50 { // a datagram now and then that is sent twice
		at := int64(i) * 1000 * ms
		for j := range 4 {
			send(at+int64(j)*10*ms, uint16(10*i+j+1))
		}
		if send(at+30*ms+1, uint16(10*i+4)) {
			t.Fatal("an equal datagram is taken for a copy")
		}
	}
	copies := 0
	for i := range 1000 {
		at := int64(100+i) * 1000 * ms
		send(at, uint16(i+1))
		if send(at+1, uint16(i+1)) {
			copies++
		}
	}
	if copies < 900 {
		t.Errorf("%d of 1000 copies are recognised", copies)
	}
}

// TestLateHandshakeCopy: a SYN that the mirror shows again, or late, is not
// another session.
func TestLateHandshakeCopy(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{})
	syn := segment(1*ms, true, decode.SYN, 99, 0, "")
	tab.Add(syn, 0)
	c, _, _ := tab.Add(segment(5*ms, true, decode.ACK, 100, 0, "ab"), 0)
	late := *syn
	late.Time, late.IPID = 9*ms, 77
	tab.Add(&late, 0)
	again := segment(12*ms, true, decode.ACK, 100, 0, "ab")
	if d, _, _ := tab.Add(again, 0); d != c || h.text[A] != "ab" || h.closed != 0 {
		t.Errorf("got %q, %d closed", h.text[A], h.closed)
	}
}

// TestPortUsedAgain: the ports of a session that ended, or whose end was not
// seen, open another one: counted, and read from its beginning.
func TestPortUsedAgain(t *testing.T) {
	for name, end := range map[string][]*decode.Packet{
		"finished":     {segment(10*ms, true, decode.FIN|decode.ACK, 102, 0, ""), segment(11*ms, false, decode.FIN|decode.ACK, 500, 103, "")},
		"reset":        {segment(10*ms, false, decode.RST, 500, 0, "")},
		"end not seen": nil,
	} {
		h := &script{}
		tab := NewTable(h, Limit{})
		tab.Add(segment(1*ms, true, decode.SYN, 99, 0, ""), 0)
		tab.Add(segment(2*ms, false, decode.SYN|decode.ACK, 499, 100, ""), 0)
		tab.Add(segment(3*ms, true, decode.ACK, 100, 500, "ab"), 0)
		for _, p := range end {
			tab.Add(p, 0)
		}
		tab.Add(segment(20*ms, true, decode.SYN, 7000, 0, ""), 0)
		c, side, _ := tab.Add(segment(21*ms, true, decode.ACK, 7001, 0, "cd"), 0)
		if h.closed != 1 || c.Sent[side].Packets != 2 || c.Finished != 0 || c.Reset || h.text[A] != "abcd" || h.gaps != 0 {
			t.Errorf("%s: %d closed, %+v packets, %q, %d gaps", name, h.closed, c.Sent, h.text[A], h.gaps)
		}
	}
}

// TestAcknowledgedBeforeItShows: the answer passes before the next request
// shows that the one before was missed.
func TestAcknowledgedBeforeItShows(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{})
	tab.Add(segment(1*ms, true, decode.ACK, 100, 500, "q1"), 0)
	tab.Add(segment(2*ms, false, decode.ACK, 500, 102, "r1"), 0)
	tab.Add(segment(4*ms, false, decode.ACK, 502, 104, "r2"), 0) // q2 was missed
	tab.Add(segment(5*ms, true, decode.ACK, 104, 504, "q3"), 0)
	if h.text != [2]string{"q1q3", "r1r2"} || h.gaps != 1 {
		t.Errorf("%q, %d gaps", h.text, h.gaps)
	}
}

// TestEndMissed: what was acknowledged and never seen is told, though nothing
// comes behind it. The FIN's own number is no byte.
func TestEndMissed(t *testing.T) {
	for ack, gaps := range map[uint32]int{102: 0, 103: 0, 110: 1} {
		h := &script{}
		tab := NewTable(h, Limit{})
		tab.Add(segment(1*ms, true, decode.ACK, 100, 500, "q1"), 0)
		tab.Add(segment(2*ms, false, decode.ACK, 500, ack, "r"), 0)
		tab.Close()
		if h.gaps != gaps {
			t.Errorf("acknowledged to %d: %d gaps, want %d", ack, h.gaps, gaps)
		}
	}
}

// TestNoAcknowledgementSeen: with one side mirrored a gap is given up in time.
func TestNoAcknowledgementSeen(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{})
	tab.Add(segment(1000*ms, true, decode.ACK, 100, 0, "q1"), 0)
	tab.Add(segment(2000*ms, true, decode.ACK, 104, 0, "q3"), 0) // q2 was missed
	tab.Add(segment(3000*ms, true, decode.ACK, 106, 0, "q4"), 0)
	if h.text[A] != "q1" {
		t.Fatalf("not waited for: %q", h.text[A])
	}
	tab.Add(segment(5100*ms, true, decode.ACK, 108, 0, "q5"), 0)
	if h.text[A] != "q1q3q4q5" || h.gaps != 1 {
		t.Fatalf("%q, %d gaps", h.text[A], h.gaps)
	}
	tab.Add(segment(6000*ms, true, decode.ACK, 112, 0, "q7"), 0)
	for at := int64(7000); at < 30000; at += 1100 { // in silence
		tab.Tick(at * ms)
	}
	if h.text[A] != "q1q3q4q5q7" || h.gaps != 2 {
		t.Fatalf("in silence: %q, %d gaps", h.text[A], h.gaps)
	}
}

// TestFragmentsAreNoCopies: the fragments of a datagram share identification.
func TestFragmentsAreNoCopies(t *testing.T) {
	tab := NewTable(&script{}, Limit{})
	for i := range int64(3) {
		p := &decode.Packet{Time: i, Length: 1514, Has: decode.HasIP, Fault: decode.Fragment, Protocol: 17, Src: hostA, Dst: hostB, IPID: 9}
		if _, _, copied := tab.Add(p, 0); copied {
			t.Error("a fragment is taken for a copy")
		}
	}
}

// TestOneSideMissing: the acknowledgements show that the other side sent data.
// That nobody saw it is told once.
func TestOneSideMissing(t *testing.T) {
	for _, polls := range []int{1, 2, 20} {
		h := &script{}
		tab := NewTable(h, Limit{})
		tab.Add(segment(1*ms, true, decode.SYN, 99, 0, ""), 0)
		tab.Add(segment(2*ms, true, decode.ACK, 100, 500, ""), 0)
		for i := range polls {
			at := int64(10*i + 10)
			tab.Add(segment(at*ms, true, decode.ACK, uint32(100+2*i), uint32(500+9*i), "q."), 0)
			tab.Add(segment((at+5)*ms, true, decode.ACK, uint32(102+2*i), uint32(509+9*i), ""), 0)
		}
		if polls == 20 && h.gaps != 1 {
			t.Errorf("%d gaps while it lasts", h.gaps)
		}
		tab.Close()
		if h.gaps != 1 {
			t.Errorf("%d polls: %d gaps", polls, h.gaps)
		}
	}
	h := &script{} // nothing was sent but the handshake and the FIN
	tab := NewTable(h, Limit{})
	tab.Add(segment(2*ms, true, decode.ACK, 100, 500, "a"), 0)
	tab.Add(segment(9*ms, true, decode.ACK, 101, 501, ""), 0)
	tab.Close()
	if h.gaps != 0 {
		t.Errorf("%d gaps where nothing was missed", h.gaps)
	}
}

// TestCopiesAtAnyRate: what is remembered grows with the traffic, so that copies
// are recognised from a frame a second to a million.
func TestCopiesAtAnyRate(t *testing.T) {
	for _, apart := range []int64{1000 * ms, ms, ms / 100, ms / 1000} {
		tab := NewTable(&script{}, Limit{})
		const frames = 20_000
		lag := int(2 * ms / apart) // frames between one and its copy
		copies, early := 0, 0
		at := func(i int) *decode.Packet {
			p := segment(int64(i+1)*apart, true, decode.ACK, uint32(100+i), 0, "x")
			p.Checksum, p.IPID = uint16(i+1), uint16(i>>8)
			return p
		}
		for i := range frames {
			tab.Add(at(i), 0)
			if i < lag {
				continue
			}
			p := at(i - lag)
			p.Time = int64(i+1) * apart
			if _, _, copied := tab.Add(p, 0); copied {
				copies++
			} else if i < frames/2 {
				early++
			}
		}
		if missed := frames - lag - copies; missed > frames/50 || missed-early > frames/100 {
			t.Errorf("a frame each %d ns: %d of %d copies are missed, %d of them in the first half", apart, missed, frames-lag, early)
		}
	}
}
