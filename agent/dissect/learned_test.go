package dissect

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"demarc/agent/decode"
	"demarc/agent/flow"
	"demarc/internal/ot"
)

// talkKey names a conversation whatever its direction.
type talkKey struct {
	a, b      netip.AddrPort
	transport uint8
}

func keyFor(a, b netip.AddrPort, transport uint8) talkKey {
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return talkKey{a, b, transport}
}

func packetKey(p *decode.Packet) talkKey {
	return keyFor(netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort), p.Protocol)
}

// heard is what was learned of one conversation.
type heard struct {
	protocol string
	directed bool
	server   netip.AddrPort // valid iff directed
	ops      [ot.NumOperations]int
	lost     map[string]int
	packets  uint64
	outcome  ot.Outcome
	also     []string // other names that are right for a part of it
}

func (h *heard) total() (n int) {
	for _, x := range h.ops {
		n += x
	}
	return n
}

// learned is what a play told, in a form that variants are compared by.
type learned struct {
	text   string
	facts  map[string]bool
	behind map[string]bool // facts of parts, as if told of the address before them
	talks  map[talkKey]*heard
}

// learner is a recorder that keeps the conversations apart too.
type learner struct {
	*recorder
	talks map[talkKey]*heard
	ops   int // operations told so far
}

func (l *learner) Tally(*flow.Conversation) *Tally { return &Tally{} }

func (l *learner) Operation(c *flow.Conversation, o ot.Operation, n int) {
	l.ops += n
	l.recorder.Operation(c, o, n)
}

func (l *learner) conversation(c *flow.Conversation) {
	l.recorder.conversation(c)
	if !c.Ends[0].Addr.IsValid() {
		return
	}
	end := func(s flow.Side) netip.AddrPort { return netip.AddrPortFrom(c.Ends[s].Addr, c.Ends[s].Port) }
	k := keyFor(end(flow.A), end(flow.B), c.Transport)
	h := l.talks[k]
	if h == nil {
		h = &heard{lost: map[string]int{}}
		l.talks[k] = h
	}
	x := state(c)
	if x.protocol != "" {
		h.protocol = x.protocol
	}
	if c.Directed {
		h.directed, h.server = true, end(c.Client.Other())
	}
	for i, n := range x.ops {
		h.ops[i] += n
	}
	for reason, n := range x.lost {
		h.lost[reason] += n
	}
	h.packets += c.Sent[0].Packets + c.Sent[1].Packets
	h.outcome = max(h.outcome, c.Outcome())
}

type learning struct {
	*Engine
	l *learner
}

func (h learning) Close(c *flow.Conversation, evicted bool) {
	h.Engine.Close(c, evicted)
	h.l.conversation(c)
}

// Fact forgets what nobody read: a part of a sample leaves more of that.
func (l *learner) Fact(c *flow.Conversation, of Subject, a ot.Attribute, value []byte, source string, g ot.Grade, at int64) {
	if a != ot.Unidentified {
		l.recorder.Fact(c, of, a, value, source, g, at)
	}
}

// learn plays packets and keeps what they tell. each, when set, is called
// behind every packet with the operations told by then.
func learn(packets []decode.Packet, all []Protocol, each func(i, ops int)) *learned {
	l := &learner{recorder: newRecorder(), talks: map[talkKey]*heard{}}
	tab := flow.NewTable(learning{NewEngine(all, l), l}, flow.Limit{})
	for i := range packets {
		tab.Add(&packets[i], 0)
		if each != nil {
			each(i, l.ops)
		}
	}
	tab.Close()
	got := &learned{text: l.String(), facts: map[string]bool{}, behind: map[string]bool{}, talks: l.talks}
	for k := range l.seen {
		if !strings.HasPrefix(k, "fact ") {
			continue
		}
		got.facts[k] = true
		name, _, _ := strings.Cut(k, "=")
		if words := strings.Fields(name); len(words) > 3 { // fact address path attribute
			got.behind["fact "+words[1]+" "+words[len(words)-1]+k[len(name):]] = true
		}
	}
	return got
}

// within holds a part of a sample to the whole of it: the same connections as
// far as they show, no fact that the whole does not tell as well or better, no
// operation more, no other direction, no label but those that the whole allows.
func (got *learned) within(t *testing.T, variant string, whole *learned) {
	t.Helper()
	for _, f := range slices.Sorted(maps.Keys(got.facts)) {
		if !whole.tells(f) {
			t.Errorf("%s: the whole does not tell: %s", variant, f)
		}
	}
	for k, g := range got.talks {
		w := whole.talks[k]
		if w == nil {
			t.Errorf("%s: a conversation of its own: %v", variant, k)
			continue
		}
		if g.protocol != "" && g.protocol != w.protocol && !slices.Contains(w.also, g.protocol) {
			t.Errorf("%s: %v is called %s, the whole %s", variant, k, g.protocol, w.protocol)
		}
		if g.directed && w.directed && g.server != w.server {
			t.Errorf("%s: %v has server %v, in the whole %v", variant, k, g.server, w.server)
		}
		g.fewer(t, variant+": "+k.String(), w)
	}
}

// tells reports whether a fact stands among those of the whole, with its grade
// or a better one. What stands behind an address may look like the address
// itself as long as nothing shows that it is behind it.
func (got *learned) tells(fact string) bool {
	at := strings.LastIndexByte(fact, ' ') + 1
	for g := ot.ParseGrade(fact[at:]); g <= ot.Identity; g++ {
		if f := fact[:at] + g.String(); got.facts[f] || got.behind[f] {
			return true
		}
	}
	return false
}

// fewer holds the operations of a part to those of the whole. A part may know
// one less closely: an answer whose question was missed is a read or a write.
func (h *heard) fewer(t *testing.T, what string, whole *heard) {
	t.Helper()
	for o, n := range h.ops {
		if n > whole.ops[o] && ot.Operation(o) != ot.Read && ot.Operation(o) != ot.Write {
			t.Errorf("%s tells %d of %s, the whole %d", what, n, ot.Operation(o), whole.ops[o])
		}
	}
	if h.total() > whole.total() {
		t.Errorf("%s tells %d operations, the whole %d", what, h.total(), whole.total())
	}
}

func (got *learned) String() string {
	var b strings.Builder
	for k, h := range got.talks {
		fmt.Fprintf(&b, "%v %s directed=%v server=%v ops=%v lost=%v\n", k, h.protocol, h.directed, h.server, h.ops, h.lost)
	}
	return b.String()
}

func (k talkKey) String() string { return fmt.Sprintf("%v-%v/%d", k.a, k.b, k.transport) }
