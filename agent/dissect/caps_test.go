package dissect

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"demarc/agent/decode"
	"demarc/agent/flow"
	"demarc/internal/ot"
)

// What a hostile peer can make grow has a cap, and what is shed is told.

// does is a dissector made of a function.
type does struct {
	f func(m *Message, out Out) (int, error)
}

func (d *does) Dissect(m *Message, out Out) (int, error) { return d.f(m, out) }

func onTCP(name string, isOT bool, f func(m *Message, out Out) (int, error)) Protocol {
	return Protocol{Name: name, Over: []string{"tcp"}, Ports: TCP(7), OT: isOT, New: func() Dissector { return &does{f} }}
}

// tally is a Sink that counts.
type tally struct {
	quiet
	facts int
	lost  map[string]int
	shed  []string // protocols of conversations that lost their buffers
}

func (l *tally) Fact(*flow.Conversation, Subject, ot.Attribute, []byte, string, ot.Grade, int64) {
	l.facts++
}

func (l *tally) Lost(c *flow.Conversation, reason string, n int) {
	if l.lost == nil {
		l.lost = map[string]int{}
	}
	l.lost[reason] += n
	if s, ok := c.App.(*session); ok && reason == "state-shed" {
		name := ""
		if s.root.speaker != nil {
			name = s.root.speaker.Name
		}
		l.shed = append(l.shed, name)
	}
}

// opener is a conversation of its own on port 7, opened by a SYN.
func opener(n int) *flow.Conversation {
	c := &flow.Conversation{Transport: 6, Opened: true, Directed: true}
	c.Ends[flow.A] = flow.Endpoint{Addr: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), Port: 40000}
	c.Ends[flow.B] = flow.Endpoint{Addr: netip.AddrFrom4([4]byte{10, 255, 0, 1}), Port: 7}
	return c
}

func TestCapOfOneMessage(t *testing.T) {
	l := &tally{}
	e := NewEngine([]Protocol{onTCP("talker", true, func(m *Message, out Out) (int, error) {
		for range 10 * maxTold {
			out.Fact(Sender, ot.Name, m.Data, "talker", ot.Content)
		}
		return len(m.Data), nil
	})}, l)
	e.Stream(opener(1), flow.A, []byte("x"), 1, false)
	if l.facts != maxTold || len(e.levels[0].out.entries) != maxTold {
		t.Errorf("%d facts of one message in %d places, the cap is %d", l.facts, len(e.levels[0].out.entries), maxTold)
	}
}

func never(*Message, Out) (int, error) { return 0, ErrShort }

func TestCapOfOneDirection(t *testing.T) {
	for _, size := range []int{1, 1460, maxBuffer, maxBuffer + 1} {
		l := &tally{}
		e := NewEngine([]Protocol{onTCP("never", true, never)}, l)
		c := opener(1)
		segment := make([]byte, size)
		for sent := 0; sent < 3*maxBuffer; sent += size {
			e.Stream(c, flow.A, segment, 1, false)
			if n := e.buffers.bytes; n > maxBuffer {
				t.Fatalf("segments of %d: %d bytes are kept", size, n)
			}
		}
		if l.lost["state-shed"] < maxBuffer {
			t.Errorf("segments of %d: %v is told", size, l.lost)
		}
		e.Close(c, false)
		if e.buffers.bytes != 0 || e.buffers.oldest != nil {
			t.Errorf("segments of %d: %d bytes are kept of nobody", size, e.buffers.bytes)
		}
	}
}

// TestCapOfAllConversations: the idle IT stream goes first, and the sum holds.
func TestCapOfAllConversations(t *testing.T) {
	l := &tally{}
	once := func(m *Message, out Out) (int, error) { // claims the first octet, then waits for ever
		if m.Data[0] == 'a' {
			return 1, nil
		}
		return 0, ErrShort
	}
	plant, office := onTCP("plant", true, once), onTCP("office", false, once)
	office.Ports = TCP(8)
	e := NewEngine([]Protocol{plant, office}, l)
	segment := append([]byte("a"), make([]byte, 60<<10)...)
	const fits = maxBuffers / (60 << 10)
	for n := range fits + 20 {
		c := opener(n)
		if n == 10 {
			c.Ends[flow.B].Port = 8
		}
		e.Stream(c, flow.A, segment, 1, false)
		if e.buffers.bytes > maxBuffers {
			t.Fatalf("%d bytes are kept", e.buffers.bytes)
		}
	}
	if len(l.shed) < 10 || l.shed[0] != "office" {
		t.Errorf("shed in this order: %q", l.shed)
	}
}

// TestBuffersAreNotKeptByEach: a conversation that once buffered a little
// holds nothing afterwards.
func TestBuffersAreNotKeptByEach(t *testing.T) {
	e := NewEngine(toys(), quiet{})
	kept := 0
	for n := range 1000 {
		c := opener(n)
		e.Stream(c, flow.A, []byte("T\x02"), 1, false)
		e.Stream(c, flow.A, []byte("qx"), 1, false)
		kept += cap(c.App.(*session).half[flow.A].incomplete())
	}
	if kept != 0 || e.buffers.bytes != 0 || len(e.buffers.spare) > maxSpare {
		t.Errorf("%d bytes are kept by conversations, %d counted, %d spare buffers", kept, e.buffers.bytes, len(e.buffers.spare))
	}
}

func TestCapOfExpectations(t *testing.T) {
	n := 0
	e := NewEngine([]Protocol{onTCP("announcer", true, func(m *Message, out Out) (int, error) {
		for range 100 {
			n++
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(n >> 16), byte(n >> 8), byte(n)}), 0)
			out.Expect(a, netip.AddrPortFrom(a.Addr(), 1), "announcer", uint64(n))
		}
		return len(m.Data), nil
	})}, quiet{})
	c := opener(1)
	for range 3 * maxExpected / 100 {
		e.Stream(c, flow.A, []byte("x"), 1, false)
	}
	if len(e.expected.m) != maxExpected || len(e.expected.order) != maxExpected {
		t.Fatalf("%d expected, %d in order", len(e.expected.m), len(e.expected.order))
	}
	for i := range n {
		k := i + 1
		a := netip.AddrFrom4([4]byte{11, byte(k >> 16), byte(k >> 8), byte(k)})
		_, held := e.expected.m[expectKey{a: netip.AddrPortFrom(a, 0), b: netip.AddrPortFrom(a, 1)}]
		if want := k > n-maxExpected; held != want {
			t.Fatalf("announcement %d of %d: held %v", k, n, held)
		}
	}
	late := opener(2)
	late.Ends[flow.A] = flow.Endpoint{Addr: netip.AddrFrom4([4]byte{11, byte(n >> 16), byte(n >> 8), byte(n)}), Port: 99}
	late.Ends[flow.B] = flow.Endpoint{Addr: late.Ends[flow.A].Addr, Port: 1}
	if late.First = 1; e.expected.take(late) == nil {
		t.Error("the last announcement is not found")
	}
	if late.First = 2 + expectedLives; e.expected.take(late) != nil {
		t.Error("an announcement does not age")
	}
}

// TestCapOfNesting: a protocol inside itself a thousand times.
func TestCapOfNesting(t *testing.T) {
	p := onTCP("onion", true, func(m *Message, out Out) (int, error) {
		if m.Data[0] != '(' {
			return 0, ErrNotMine
		}
		out.Payload(0, m.Data[1:])
		out.Operation(ot.Read, 1)
		return len(m.Data), nil
	})
	p.Over = append(p.Over, "onion")
	r := newRig(t, []Protocol{p})
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	r.send(0, strings.Repeat("(", 1000))
	if got := r.result(); !strings.Contains(got, "onion") || r.eng.Panics != 0 {
		t.Errorf("%d panics:\n%s", r.eng.Panics, got)
	}
	if n := state(firstOf(r.tab)).ops[ot.Read]; n < 2 || n > maxDepth {
		t.Errorf("%d of 1000 layers are read, the cap is %d", n, maxDepth)
	}
}

func firstOf(tab *flow.Table) (c *flow.Conversation) {
	tab.All(func(x *flow.Conversation) { c = x })
	return c
}

// TestPanicsAnywhere: in a signature, in Dissect, behind the first message, in
// Resync. Each costs its own conversation, once.
func TestPanicsAnywhere(t *testing.T) {
	for name, p := range map[string]Protocol{
		"signature": {Name: "bad", Over: []string{"tcp"}, Match: func([]byte) bool { panic("match") }, New: func() Dissector { return &does{never} }},
		"new":       {Name: "bad", Over: []string{"tcp"}, Ports: TCP(7), New: func() Dissector { panic("new") }},
		"dissect":   onTCP("bad", true, func(*Message, Out) (int, error) { panic("dissect") }),
		"second message": onTCP("bad", true, func(m *Message, _ Out) (int, error) {
			if m.Trial {
				panic("trial")
			}
			return 1, nil
		}),
		"skips and matches": {Name: "bad", Over: []string{"tcp"}, Ports: TCP(7), Match: panicsOnX, New: func() Dissector {
			return &does{func(m *Message, _ Out) (int, error) { return len(m.Data) + 9, nil }}
		}},
		"resync": {Name: "bad", Over: []string{"tcp"}, Ports: TCP(7), New: func() Dissector { return &badResync{} }},
	} {
		l := &tally{}
		e := NewEngine(append(toys(), p), l)
		bad, good := opener(1), opener(2)
		bad.Opened = false // from the middle: claims are proved
		for range 3 {
			e.Stream(bad, flow.A, []byte("xx"), 1, false)
			e.Stream(bad, flow.B, []byte("xx"), 1, false)
		}
		if e.Panics != 1 || l.lost["panic"] != 1 {
			t.Errorf("%s: %d panics, %v told", name, e.Panics, l.lost)
		}
		good.Ends[flow.B].Port = 9
		if name != "signature" {
			e.Stream(good, flow.A, []byte("T\x02qx"), 1, false)
			if s := good.App.(*session); s.done || s.root.speaker == nil {
				t.Errorf("%s: another conversation suffers", name)
			}
		}
	}
}

func panicsOnX(b []byte) bool {
	if len(b) > 0 && b[0] == 'x' {
		panic("match")
	}
	return false
}

type badResync struct{ calls int }

func (b *badResync) Dissect(*Message, Out) (int, error) {
	if b.calls++; b.calls == 1 {
		return 2, nil
	}
	return 0, ErrMalformed
}

func (b *badResync) Resync([]byte) int { panic(fmt.Sprint("resync ", b.calls)) }
