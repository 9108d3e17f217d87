package flow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"demarc/agent/decode"
	"demarc/internal/ot"
)

// script is a Handler that writes down what it is told.
type script struct {
	text   [2]string
	gaps   int
	closed int
	last   *Conversation
}

func (s *script) Stream(c *Conversation, side Side, b []byte, _ int64, _ bool) {
	s.text[side] += string(b)
	s.last = c
}
func (s *script) Gap(*Conversation, Side, int64)                              { s.gaps++ }
func (s *script) Datagram(c *Conversation, _ Side, _ []byte, _ int64, _ bool) { s.last = c }
func (s *script) Close(*Conversation, bool)                                   { s.closed++ }

var (
	hostA = netip.MustParseAddr("10.0.0.1")
	hostB = netip.MustParseAddr("10.0.0.2")
)

func segment(at int64, fromA bool, flags uint8, seq, ack uint32, data string) *decode.Packet {
	p := &decode.Packet{
		Time: at, Length: 60, Has: decode.HasIP | decode.HasPort, Protocol: 6, Src: hostA, Dst: hostB, SrcPort: 40000, DstPort: 502,
		Flags: flags, Seq: seq, Ack: ack, Payload: []byte(data), PayloadLen: len(data), Checksum: uint16(at), IPID: uint16(at),
	}
	if !fromA {
		p.Src, p.Dst, p.SrcPort, p.DstPort = p.Dst, p.Src, p.DstPort, p.SrcPort
	}
	return p
}

const ms = int64(time.Millisecond)

// TestStreamAnyOrder sends a text in random pieces, out of order, overlapping
// and repeated, and across the wrap of the sequence number.
func TestStreamAnyOrder(t *testing.T) {
	const text = "the quick brown fox jumps over the lazy dog and runs away"
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := &script{}
		tab := NewTable(h, Limit{})
		start := uint32(0xfffffff0)
		tab.Add(segment(1, true, decode.SYN, start-1, 0, ""), 0)
		var pieces [][2]int
		for off := 0; off < len(text); {
			n := min(1+r.IntN(8), len(text)-off)
			pieces = append(pieces, [2]int{max(0, off-r.IntN(3)), off + n})
			off += n
		}
		pieces = append(pieces, pieces...)
		for i := range pieces { // exchanged with a near neighbour
			j := min(i+r.IntN(4), len(pieces)-1)
			pieces[i], pieces[j] = pieces[j], pieces[i]
		}
		for i, p := range pieces {
			tab.Add(segment(int64(i+2)*10*ms, true, decode.ACK, start+uint32(p[0]), 0, text[p[0]:p[1]]), 0)
		}
		if h.text[A] != text || h.gaps != 0 {
			t.Fatalf("seed %d: got %q, %d gaps", seed, h.text[A], h.gaps)
		}
	}
}

// What one end sent is told once, however often it shows; acknowledgements and
// keep-alives are none, and what the capture missed was sent.
func TestMovedIsPayloadOnce(t *testing.T) {
	tab := NewTable(&script{}, Limit{})
	at := int64(0)
	var c *Conversation
	add := func(fromA bool, flags uint8, seq, ack uint32, data string, a, b uint32) {
		t.Helper()
		at += 10 * ms
		c, _, _ = tab.Add(segment(at, fromA, flags, seq, ack, data), 0)
		if c.Moved(A) != a || c.Moved(B) != b {
			t.Errorf("moved %d and %d, want %d and %d", c.Moved(A), c.Moved(B), a, b)
		}
	}
	start := uint32(0xfffffffd) // it wraps
	add(true, decode.SYN, start-1, 0, "", 0, 0)
	add(false, decode.SYN|decode.ACK, 499, start, "", 0, 0)
	add(true, decode.ACK, start, 500, "", 0, 0)
	add(true, decode.ACK, start, 500, "values", 6, 0)
	add(false, decode.ACK, 500, start+6, "", 6, 0)
	add(true, decode.ACK, start, 500, "values", 6, 0) // sent again
	add(true, decode.ACK, start+5, 500, "s", 6, 0)    // a keep-alive
	add(true, decode.ACK, start+9, 500, "more", 6, 0) // three are missing
	add(false, decode.ACK, 500, start+13, "", 13, 0)  // and arrived
	add(false, decode.ACK|decode.FIN, 500, start+13, "", 13, 0)
	add(true, decode.ACK|decode.RST, start+13, 501, "", 13, 0)
	add(false, decode.ACK, 500, start+13, "no", 13, 2)
}

func TestGapIsToldWhenAcknowledged(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{})
	tab.Add(segment(1*ms, true, decode.SYN, 99, 0, ""), 0)
	tab.Add(segment(10*ms, true, decode.ACK, 100, 0, "ab"), 0)
	tab.Add(segment(20*ms, true, decode.ACK, 104, 0, "ef"), 0) // cd is missing
	if h.text[A] != "ab" || h.gaps != 0 {
		t.Fatalf("before: %q, %d gaps", h.text[A], h.gaps)
	}
	tab.Add(segment(30*ms, false, decode.ACK, 500, 106, ""), 0) // the receiver has it: we missed it
	if h.text[A] != "abef" || h.gaps != 1 {
		t.Fatalf("after: %q, %d gaps", h.text[A], h.gaps)
	}
}

func TestCutSegmentIsAGap(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{})
	p := segment(1*ms, true, decode.ACK, 100, 0, "abc")
	p.PayloadLen, p.CutShort = 10, true
	tab.Add(p, 0)
	tab.Add(segment(9*ms, true, decode.ACK, 110, 0, "next"), 0)
	if h.text[A] != "abcnext" || h.gaps != 1 {
		t.Fatalf("got %q, %d gaps", h.text[A], h.gaps)
	}
}

func TestDirection(t *testing.T) {
	for name, c := range map[string]struct {
		packets []*decode.Packet
		client  Side
		basis   ot.Basis
		outcome ot.Outcome
	}{
		"syn":                  {[]*decode.Packet{segment(1, true, decode.SYN, 1, 0, "")}, A, ot.BasisSYN, ot.Unanswered},
		"answer to a syn only": {[]*decode.Packet{segment(1, false, decode.SYN|decode.ACK, 1, 2, "")}, B, ot.BasisSYN, ot.OneSided},
		"refused":              {[]*decode.Packet{segment(1, true, decode.SYN, 1, 0, ""), segment(2, false, decode.RST|decode.ACK, 0, 2, "")}, A, ot.BasisSYN, ot.Refused},
		"exchange": {[]*decode.Packet{
			segment(1, true, decode.SYN, 1, 0, ""), segment(2, false, decode.SYN|decode.ACK, 1, 2, ""),
			segment(3, true, decode.ACK, 2, 2, "q"), segment(4, false, decode.ACK, 2, 3, "r"),
		}, A, ot.BasisSYN, ot.Exchanged},
	} {
		h := &script{}
		tab := NewTable(h, Limit{})
		var got *Conversation
		for _, p := range c.packets {
			got, _, _ = tab.Add(p, 0)
		}
		if !got.Directed || got.Client != c.client || got.Basis != c.basis || got.Outcome() != c.outcome {
			t.Errorf("%s: client %d by %v, %v", name, got.Client, got.Basis, got.Outcome())
		}
	}
}

func TestListenerTellsALaterDirection(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{})
	tab.Add(segment(1, false, decode.SYN|decode.ACK, 1, 2, ""), 0)
	p := segment(2*ms, false, decode.ACK, 77, 0, "from the middle")
	p.DstPort = 41000
	c, _, _ := tab.Add(p, 0)
	if c.Basis != ot.BasisListener || c.Client != B {
		t.Errorf("client %d by %v, want the other end by listener", c.Client, c.Basis)
	}
	if other, _, _ := tab.Add(p, 1); other.Directed {
		t.Error("a listener of one segment speaks for another")
	}
}

func TestDuplicateIsCountedOnce(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{})
	p := segment(1*ms, true, decode.ACK, 100, 0, "abc")
	tab.Add(p, 0)
	q := *p
	q.Time += ms / 2 // the same frame from the egress side
	if _, _, dup := tab.Add(&q, 0); !dup {
		t.Error("the copy is not recognised")
	}
	r := *p
	r.Time, r.IPID = p.Time+200*ms, 9 // a retransmission
	c, _, dup := tab.Add(&r, 0)
	if dup || c.Sent[A].Packets != 2 || tab.Duplicates != 1 || h.text[A] != "abc" {
		t.Errorf("duplicate %v, %d packets, %d copies, %q", dup, c.Sent[A].Packets, tab.Duplicates, h.text[A])
	}
}

func TestUnreachableRefuses(t *testing.T) {
	tab := NewTable(&script{}, Limit{})
	p := &decode.Packet{Time: 1, Length: 60, Has: decode.HasIP | decode.HasPort, Protocol: 17, Src: hostA, Dst: hostB, SrcPort: 5000, DstPort: 161, Payload: []byte("x"), PayloadLen: 1}
	c, _, _ := tab.Add(p, 0)
	a, b := hostA.As4(), hostB.As4()
	inner := append([]byte{0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0}, append(a[:], b[:]...)...)
	inner = append(inner, 5000>>8, 5000&255, 0, 161, 0, 9, 0, 0)
	icmp := &decode.Packet{Time: 2, Length: 70, Has: decode.HasIP, Protocol: 1, Src: hostB, Dst: hostA, Payload: append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, inner...)}
	tab.Add(icmp, 0)
	if c.Outcome() != ot.Refused {
		t.Errorf("outcome %v", c.Outcome())
	}
	icmp.Payload = icmp.Payload[:20] // cut
	tab.Add(icmp, 0)
}

// TestTableBounded floods a small table: it stays within its limit, tells each
// end once, and finds what it holds.
func TestTableBounded(t *testing.T) {
	h := &script{}
	tab := NewTable(h, Limit{Conversations: 1000})
	r := rand.New(rand.NewPCG(7, 7))
	for i := range 20_000 {
		p := segment(int64(i)*ms/10, true, decode.SYN, 1, 0, "")
		p.Src = netip.AddrFrom4([4]byte{10, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		p.SrcPort = uint16(r.Uint32())
		c, _, _ := tab.Add(p, 0)
		if again, _, _ := tab.Add(p, 0); again != c {
			t.Fatal("a conversation is not found again")
		}
	}
	if tab.Len() > 1000 || h.closed+tab.Len() < 19_000 || tab.Evicted == 0 {
		t.Errorf("%d held, %d closed, %d evicted", tab.Len(), h.closed, tab.Evicted)
	}
	before := h.closed
	tab.Tick(int64(time.Hour))
	for range 200 {
		tab.Tick(int64(time.Hour))
	}
	if tab.Len() != 0 || h.closed-before != 1000 {
		t.Errorf("%d held an hour later, %d closed", tab.Len(), h.closed-before)
	}
}

func TestEstablishedOutliveAFlood(t *testing.T) {
	tab := NewTable(&script{}, Limit{Conversations: 500})
	tab.Add(segment(1, true, decode.ACK, 1, 0, "q"), 0)
	kept, _, _ := tab.Add(segment(2, false, decode.ACK, 1, 2, "r"), 0)
	for i := range 5000 {
		p := segment(int64(i+3), true, decode.SYN, 1, 0, "")
		p.Src, p.SrcPort = netip.MustParseAddr(fmt.Sprintf("10.9.%d.%d", i/250, i%250)), uint16(i)
		tab.Add(p, 0)
	}
	if c, _, _ := tab.Add(segment(9*ms, true, decode.ACK, 2, 2, "q"), 0); c != kept {
		t.Error("unanswered openers pushed out an exchange")
	}
}

// TestOddKindsLeave: what has no EtherType, no SAP and no IP protocol of its own
// is found, and leaves, like all else.
func TestOddKindsLeave(t *testing.T) {
	odd := func(set func(p *decode.Packet)) *decode.Packet {
		p := &decode.Packet{Time: 1, Length: 60, Has: decode.HasMAC, SrcMAC: decode.MAC{2, 1}, DstMAC: decode.MAC{2, 2}}
		set(p)
		return p
	}
	packets := []*decode.Packet{
		odd(func(*decode.Packet) {}),
		odd(func(p *decode.Packet) { p.SAP = 6 }),
		odd(func(p *decode.Packet) { p.EtherType = 6 }), // the same number as the SAP: one conversation
		odd(func(p *decode.Packet) { p.EtherType = 0x88b8 }),
		odd(func(p *decode.Packet) { p.VLANs[0], p.Tags = 7, 1 }),
		odd(func(p *decode.Packet) { p.Has, p.Src, p.Dst, p.Protocol = decode.HasIP, hostA, hostB, 255 }),
		odd(func(p *decode.Packet) {
			p.Has, p.Src, p.Dst, p.Protocol = decode.HasIP, netip.MustParseAddr("2001:db8::1"), hostB, 0
		}),
	}
	h := &script{}
	tab := NewTable(h, Limit{})
	for range 2 {
		for i := range packets {
			p, back := *packets[i], *packets[i]
			back.Src, back.Dst, back.SrcMAC, back.DstMAC = p.Dst, p.Src, p.DstMAC, p.SrcMAC
			c, _, _ := tab.Add(&p, 3)
			if other, side, _ := tab.Add(&back, 3); other != c || side != B {
				t.Errorf("%d: what comes back is another conversation's", i)
			}
		}
	}
	if tab.Len() != 6 {
		t.Errorf("%d conversations, want 6", tab.Len())
	}
	for range 20 {
		tab.Tick(int64(time.Hour))
	}
	if tab.Len() != 0 || h.closed != 6 {
		t.Errorf("%d held an hour later, %d closed", tab.Len(), h.closed)
	}
}
