package flow

import (
	"net/netip"
	"testing"

	"demarc/agent/decode"
	"demarc/internal/ot"
)

var hostR = netip.MustParseAddr("10.0.0.254") // a router

// quoter notes what was quoted.
type quoter struct {
	script
	quotes  int
	side    Side
	payload string
	cut     bool
}

func (q *quoter) Quoted(_, _ *Conversation, side Side, b []byte, _ int64, cut bool) {
	q.quotes++
	q.side, q.payload, q.cut = side, string(b), cut
}

// datagram4 is an IPv4 packet with the payload given.
func datagram4(src, dst netip.Addr, protocol uint8, payload []byte) []byte {
	n := 20 + len(payload)
	b := []byte{0x45, 0, byte(n >> 8), byte(n), 0, 7, 0, 0, 64, protocol, 0, 0}
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	return append(b, payload...)
}

func datagram6(src, dst netip.Addr, next uint8, payload []byte) []byte {
	b := []byte{0x60, 0, 0, 0, byte(len(payload) >> 8), byte(len(payload)), next, 64}
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	return append(b, payload...)
}

func udpOf(src, dst uint16, text string) []byte {
	n := 8 + len(text)
	return append([]byte{byte(src >> 8), byte(src), byte(dst >> 8), byte(dst), byte(n >> 8), byte(n), 0, 0}, text...)
}

// synOf is a TCP header with flags.
func synOf(src, dst uint16, flags byte) []byte {
	return []byte{byte(src >> 8), byte(src), byte(dst >> 8), byte(dst), 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0}
}

// unreach is the packet of an error from one host to another.
func unreach(from, to netip.Addr, kind, code, words byte, quoted []byte) *decode.Packet {
	p := &decode.Packet{Time: 2, Length: 70, Has: decode.HasIP, Protocol: 1, Src: from, Dst: to, Frames: 1}
	head := []byte{kind, code, 0, 0, 0, words, 0, 0}
	if from.Is6() {
		p.Protocol = 58
		head = []byte{kind, code, 0, 0, words, 0, 0, 0}
	}
	p.Payload = append(head, quoted...)
	return p
}

func TestQuoteIsARefusedTry(t *testing.T) {
	h := &quoter{}
	tab := NewTable(h, Limit{})
	q := datagram4(hostA, hostB, 17, udpOf(5000, 47808, "who is"))
	tab.Add(unreach(hostB, hostA, 3, 3, 0, q), 0)
	tab.Add(unreach(hostB, hostA, 3, 3, 0, q), 0)
	if tab.Len() != 2 || h.quotes != 2 || h.payload != "who is" || h.cut {
		t.Fatalf("%d conversations, %d quotes, %q, cut %v", tab.Len(), h.quotes, h.payload, h.cut)
	}
	report, c := tab.all[0], tab.all[1]
	if !c.Quoted || c.Ends[A].Addr != hostA || c.Ends[B].Port != 47808 || c.Outcome() != ot.Refused || c.Sent[A] != (Counter{Packets: 2}) || !c.Ends[A].MAC.IsZero() {
		t.Errorf("%+v, %v", c, c.Outcome())
	}
	if report.Outcome() != ot.OneSided || report.Other {
		t.Errorf("the error itself: %v", report.Outcome())
	}
	p := &decode.Packet{Time: 3, Length: 60, Has: decode.HasIP | decode.HasPort, Protocol: 17, Src: hostA, Dst: hostB, SrcPort: 5000, DstPort: 47808, Payload: []byte("x"), PayloadLen: 1}
	if seen, _, _ := tab.Add(p, 0); seen.Quoted || seen.Sent[A].Packets != 1 || h.closed != 1 {
		t.Errorf("seen itself: %+v, %d closed", seen, h.closed)
	}
}

func TestQuoteSaysWhatCameOfIt(t *testing.T) {
	six, sixR := netip.MustParseAddr("2001:db8::a"), netip.MustParseAddr("2001:db8::fe")
	sixB := netip.MustParseAddr("2001:db8::b")
	udp4 := datagram4(hostA, hostB, 17, udpOf(5000, 161, "get"))
	udp6 := udpOf(5000, 161, "get")
	options := append([]byte{17, 0, 0, 0, 0, 0, 0, 0}, udp6...)
	for name, c := range map[string]struct {
		p       *decode.Packet
		outcome ot.Outcome
		client  Side
		basis   ot.Basis
	}{
		"port":                 {unreach(hostB, hostA, 3, 3, 0, udp4), ot.Refused, A, ot.BasisUnknown},
		"prohibited by router": {unreach(hostR, hostA, 3, 13, 0, udp4), ot.Refused, A, ot.BasisUnknown},
		"host not there":       {unreach(hostR, hostA, 3, 1, 0, udp4), ot.Unanswered, A, ot.BasisUnknown},
		"syn refused":          {unreach(hostR, hostA, 3, 10, 0, datagram4(hostA, hostB, 6, synOf(4000, 502, decode.SYN))), ot.Refused, A, ot.BasisSemantics},
		"syn lost":             {unreach(hostR, hostA, 3, 1, 0, datagram4(hostA, hostB, 6, synOf(4000, 502, decode.SYN))), ot.Unanswered, A, ot.BasisSemantics},
		"answer to a syn":      {unreach(hostR, hostA, 3, 1, 0, datagram4(hostA, hostB, 6, synOf(502, 4000, decode.SYN|decode.ACK))), ot.OneSided, B, ot.BasisSemantics},
		"eight octets of tcp":  {unreach(hostR, hostA, 3, 13, 0, datagram4(hostA, hostB, 6, synOf(4000, 502, 0)[:8])), ot.Refused, A, ot.BasisUnknown},
		"v6 port":              {unreach(sixB, six, 1, 4, 0, datagram6(six, sixB, 17, udp6)), ot.Refused, A, ot.BasisUnknown},
		"v6 no route":          {unreach(sixR, six, 1, 0, 0, datagram6(six, sixB, 17, udp6)), ot.Unanswered, A, ot.BasisUnknown},
		"v6 options":           {unreach(sixB, six, 1, 4, 0, datagram6(six, sixB, 60, options)), ot.Refused, A, ot.BasisUnknown},
	} {
		tab := NewTable(&quoter{}, Limit{})
		tab.Add(c.p, 0)
		if tab.Len() != 2 {
			t.Errorf("%s: %d conversations", name, tab.Len())
			continue
		}
		if got := tab.all[1]; got.Outcome() != c.outcome || got.ClientSide() != c.client || got.Basis != c.basis {
			t.Errorf("%s: %v, client %d by %v", name, got.Outcome(), got.ClientSide(), got.Basis)
		}
	}
}

func TestQuoteThatCannotBeTrue(t *testing.T) {
	good := datagram4(hostA, hostB, 17, udpOf(5000, 161, "get"))
	changed := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return b
	}
	tunnelled := unreach(hostB, hostA, 3, 3, 0, good)
	tunnelled.Tunnels = 1
	cases := map[string]*decode.Packet{
		"to somebody else":  unreach(hostB, hostR, 3, 3, 0, good),
		"too big":           unreach(hostR, hostA, 3, 4, 0, good),
		"no such code":      unreach(hostR, hostA, 3, 16, 0, good),
		"a later fragment":  unreach(hostB, hostA, 3, 3, 0, changed(7, 9)),
		"of a group":        unreach(hostB, hostA, 3, 3, 0, changed(16, 239)),
		"of itself":         unreach(hostB, hostA, 3, 3, 0, datagram4(hostA, hostA, 17, udpOf(1, 2, ""))),
		"another error":     unreach(hostB, hostA, 3, 3, 0, datagram4(hostA, hostB, 1, udpOf(5000, 161, "get"))),
		"no IPv4":           unreach(hostB, hostA, 3, 3, 0, changed(0, 0x65)),
		"short header":      unreach(hostB, hostA, 3, 3, 0, changed(0, 0x44)),
		"longer than it is": unreach(hostB, hostA, 3, 3, 0, changed(24, 0x7f)),
		"inside a tunnel":   tunnelled,
	}
	for n := range 28 {
		cases["cut"+string(rune('a'+n))] = unreach(hostB, hostA, 3, 3, 0, good[:n])
	}
	for name, p := range cases {
		tab := NewTable(&quoter{}, Limit{})
		tab.Add(p, 0)
		if tab.Len() != 1 {
			t.Errorf("%s: %d conversations", name, tab.Len())
		}
	}
}

func TestQuoteEndsWhereItSays(t *testing.T) {
	h := &quoter{}
	tab := NewTable(h, Limit{})
	q := datagram4(hostA, hostB, 17, udpOf(5000, 161, "ten octets"))[:36]
	tab.Add(unreach(hostB, hostA, 3, 3, 8, append(q, "extension"...)), 0)
	if h.payload != "ten " || !h.cut {
		t.Errorf("%q, cut %v", h.payload, h.cut)
	}
	tab.Add(unreach(hostB, hostA, 3, 3, 0, append(datagram4(hostA, hostB, 17, udpOf(5000, 162, "all")), "padding"...)), 0)
	if h.payload != "all" || h.cut {
		t.Errorf("%q, cut %v", h.payload, h.cut)
	}
}

func TestQuoteEndsNoExchange(t *testing.T) {
	tab := NewTable(&quoter{}, Limit{})
	tab.Add(segment(1, true, decode.ACK, 1, 1, "q"), 0)
	c, _, _ := tab.Add(segment(2, false, decode.ACK, 1, 2, "r"), 0)
	a, b := c.Ends[A], c.Ends[B]
	tab.Add(unreach(b.Addr, a.Addr, 3, 3, 0, datagram4(a.Addr, b.Addr, 6, synOf(a.Port, b.Port, decode.ACK))), 0)
	if c.Outcome() != ot.Exchanged || c.Reset {
		t.Errorf("%v, reset %v", c.Outcome(), c.Reset)
	}
}

func TestFloodOfQuotesIsBounded(t *testing.T) {
	tab := NewTable(&quoter{}, Limit{Conversations: 200})
	for i := range 5000 {
		from := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		tab.Add(unreach(hostB, from, 3, 3, 0, datagram4(from, hostB, 17, udpOf(5000, 161, "get"))), 0)
	}
	if tab.Len() > 200 {
		t.Errorf("%d conversations", tab.Len())
	}
}

func FuzzQuote(f *testing.F) {
	six := netip.MustParseAddr("2001:db8::a")
	f.Add(unreach(hostB, hostA, 3, 3, 0, datagram4(hostA, hostB, 17, udpOf(5000, 161, "get"))).Payload, false)
	f.Add(unreach(six, six.Next(), 1, 4, 9, datagram6(six.Next(), six, 60, append([]byte{17, 0, 0, 0, 0, 0, 0, 0}, udpOf(5000, 161, "get")...))).Payload, true)
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		p := &decode.Packet{Time: 1, Has: decode.HasIP, Protocol: icmp, Src: hostB, Dst: hostA, Payload: b}
		if v6 {
			p.Protocol, p.Src, p.Dst = icmpv6, six, six.Next()
		}
		q, ok := readQuote(p.Protocol, p)
		if ok && (q.packet.Src != p.Dst || q.packet.DstPort == 0 || len(q.packet.Payload) > len(b)) {
			t.Errorf("%+v", q)
		}
	})
}
