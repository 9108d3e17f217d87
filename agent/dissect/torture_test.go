package dissect

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"demarc/agent/decode"
)

// TestTorture plays the samples as bad mirrors would show them: datagrams with
// one side missing, TCP in every way.
// Where all bytes are there, all that is told stays the same; where some are
// missing, what is told is a part of it, and that something is missing is told.
func TestTorture(t *testing.T) {
	for _, p := range Protocols() {
		for _, file := range samples(t, p) {
			packets := load(t, file)
			if !slices.ContainsFunc(packets, func(p decode.Packet) bool { return isData(&p) }) {
				t.Run(p.Name+"/"+filepath.Base(file), func(t *testing.T) { // datagrams: each is whole, but a side may be missing
					r := newRack(t, packets, p.OT)
					r.allow()
					r.sides()
				})
				continue
			}
			t.Run(p.Name+"/"+filepath.Base(file), func(t *testing.T) {
				r := newRack(t, packets, p.OT)
				r.allow()
				r.cuts()
				r.orders()
				r.mirrors()
				r.sides()
				r.snaps()
				for _, n := range []int{0, 7} { // segments that begin with a message, and segments that do not
					r := newRack(t, cutAt(packets, n), p.OT)
					r.allow()
					r.cut = n > 0
					r.middles()
					r.gaps()
				}
			})
		}
	}
}

// rack holds one sample under torture.
type rack struct {
	t       *testing.T
	all     []Protocol
	packets []decode.Packet
	whole   *learned
	told    []int // operations told by each packet of the whole
	ot      bool  // a sample of an operational-technology protocol
	cut     bool  // every message is in two segments at least
}

func newRack(t *testing.T, packets []decode.Packet, ot bool) *rack {
	r := &rack{t: t, all: Protocols(), packets: packets, told: make([]int, len(packets)), ot: ot}
	before := 0
	r.whole = learn(packets, r.all, func(i, ops int) { r.told[i], before = ops-before, ops })
	return r
}

// allow finds the names that are right for a part of a conversation: what
// carries its protocol, and what it switched to.
func (r *rack) allow() {
	over := map[string][]string{}
	for _, p := range r.all {
		over[p.Name] = p.Over
	}
	to := []string{}
	learn(r.packets, traced(r.all, func(_ *Protocol, d Dissector, m *Message, l *log) (int, error) {
		used, err := d.Dissect(m, l)
		for _, e := range l.all() {
			if e.kind == toldSwitch {
				to = append(to, e.text)
			}
		}
		return used, err
	}), nil)
	if strings.Contains(r.whole.text, " tls.ja4=") {
		to = append(to, "tls") // carried in packets of its own, and then alone
	}
	for _, h := range r.whole.talks {
		h.also = append(h.also, to...)
		for next := []string{h.protocol}; len(next) > 0; next = next[1:] {
			for _, name := range over[next[0]] {
				if !slices.Contains(h.also, name) {
					h.also, next = append(h.also, name), append(next, name)
				}
			}
		}
	}
}

func (r *rack) same(variant []decode.Packet, format string, args ...any) {
	if got := learn(variant, r.all, nil); got.text != r.whole.text {
		r.t.Errorf("%s tells something else:\n%s", fmt.Sprintf(format, args...), diff(r.whole.text, got.text))
	}
}

func (r *rack) part(variant []decode.Packet, format string, args ...any) *learned {
	got := learn(variant, r.all, nil)
	got.within(r.t, fmt.Sprintf(format, args...), r.whole)
	return got
}

// cuts: segments end anywhere in a message, or hold many.
func (r *rack) cuts() {
	longest := 0
	for i := range r.packets {
		longest = max(longest, len(r.packets[i].Payload))
	}
	for n := 1; n < longest; n += 1 + n/16 {
		r.same(cutAt(r.packets, n), "cut behind %d", n)
		r.same(cutAt(r.packets, -n), "cut %d before the end", n)
	}
	r.same(joined(r.packets), "joined")
	for _, n := range []int{2, 3} {
		r.part(pipelined(r.packets, n), "pipelined by %d", n)
	}
}

// orders: segments come out of order, again, and overlapping.
func (r *rack) orders() {
	for seed := range uint64(4) {
		r.same(shuffled(r.packets, seed), "shuffled %d", seed)
	}
	for _, n := range []int{0, 1, 3, 8} {
		r.same(late(r.packets, n), "sent again %d later", n)
	}
	for _, n := range []int{1, 5, 1 << 10} {
		r.same(overlapped(r.packets, n), "overlapped by %d", n)
	}
}

// mirrors: every frame twice. It is counted once.
func (r *rack) mirrors() {
	for _, n := range []int{0, 1, 3} {
		for _, ids := range []bool{true, false} {
			v := mirrored(r.packets, n, ids)
			r.same(v, "mirrored twice %d later, ids %v", n, ids)
			for k, h := range learn(v, r.all, nil).talks {
				if w := r.whole.talks[k]; k.transport == 6 && (h.packets > w.packets || h.packets < distinct(r.packets, k)) {
					r.t.Errorf("mirrored twice %d later, ids %v: %v counts %d packets, not %d", n, ids, k, h.packets, w.packets)
				}
			}
		}
	}
}

// sides: one direction only. What a side tells in the whole it tells alone.
func (r *rack) sides() {
	for _, client := range []bool{true, false} {
		name := fmt.Sprintf("client only: %v", client)
		keep := func(k talkKey, from netip.AddrPort) bool {
			w := r.whole.talks[k]
			return !w.directed || (from != w.server) == client
		}
		variant := oneSide(r.packets, keep)
		got := r.part(variant, "%s", name)
		seen := dataOf(variant)
		for k, n := range dataOf(r.packets) {
			g, w := got.talks[k], r.whole.talks[k]
			if g == nil || !r.ot || !w.directed {
				continue // nothing of it is left
			}
			here, there := seen[k].of(client, w.server), n.of(!client, w.server)
			if here > 1 && (g.protocol == "" || !g.directed) {
				r.t.Errorf("%s: %v is %q, directed %v, with %d segments of data", name, k, g.protocol, g.directed, here)
			}
			if there > 3 && here > 3 && g.lost["stream-gap"] == 0 {
				r.t.Errorf("%s: %v does not tell that %d segments are missing", name, k, there)
			}
			if alone := r.toldBy(k, keep); g.total() < alone {
				r.t.Errorf("%s: %v tells %d operations, in the whole this side tells %d", name, k, g.total(), alone)
			}
		}
	}
}

// toldBy is how many operations of a conversation were told by packets to keep.
func (r *rack) toldBy(k talkKey, keep func(talkKey, netip.AddrPort) bool) (n int) {
	for i := range r.packets {
		if p := &r.packets[i]; isTCP(p) && packetKey(p) == k && keep(k, netip.AddrPortFrom(p.Src, p.SrcPort)) {
			n += r.told[i]
		}
	}
	return n
}

// middles: the session began before the capture. It costs what came before,
// and the messages after that lean on it.
func (r *rack) middles() {
	for n := 1; n < min(60, len(r.packets)); n++ {
		name := fmt.Sprintf("without the first %d", n)
		variant := middle(r.packets, n)
		got := r.part(variant, "%s", name)
		seen := dataOf(variant)
		for k := range dataOf(r.packets) {
			g, w := got.talks[k], r.whole.talks[k]
			if g == nil || !r.ot || w.protocol == "" {
				continue
			}
			if s := seen[k]; s.a > 2 && s.b > 2 && g.protocol == "" {
				r.t.Errorf("%s: %v has no name with %d and %d segments of data", name, k, s.a, s.b)
			}
			if cost, most := w.total()-g.total(), r.before(k, n); cost > most {
				r.t.Errorf("%s: %v loses %d operations, at most %d are touched", name, k, cost, most)
			}
		}
	}
}

// before is how many operations the first n packets of a conversation told,
// and the next few with data.
func (r *rack) before(k talkKey, n int) (ops int) {
	for i := range r.packets {
		p := &r.packets[i]
		if !isTCP(p) || packetKey(p) != k {
			continue
		}
		if n--; n == 0 {
			return ops + r.touched(i)
		}
		ops += r.told[i]
	}
	return ops
}

// snaps: frames are cut by the capture.
func (r *rack) snaps() {
	for _, n := range []int{4, 8, 16, 24, 32, 40, 54, 64, 96, 128, 200, 400} {
		name := fmt.Sprintf("cut to %d bytes", n)
		variant := snapped(r.packets, n)
		got := r.part(variant, "%s", name)
		for i := range variant {
			if p := &variant[i]; isTCP(p) && p.CutShort && got.talks[packetKey(p)].lost["stream-gap"] == 0 {
				r.t.Errorf("%s: %v does not tell of it", name, packetKey(p))
				break
			}
		}
	}
}

// gaps: one segment is missing. It is told, and costs the messages that it
// touches and the next ones, which may lean on it.
func (r *rack) gaps() {
	mine := opened(r.packets)
	for i := range r.packets {
		p := &r.packets[i]
		if !mine(p) || !isData(p) {
			continue
		}
		name := fmt.Sprintf("without packet %d", i+1)
		got := r.part(without(r.packets, i), "%s", name)
		k := packetKey(p)
		h, w := got.talks[k], r.whole.talks[k]
		if missed(r.packets, i) && h.lost["stream-gap"] <= w.lost["stream-gap"] {
			r.t.Errorf("%s: %v tells of no gap", name, k)
		}
		if cost, most := w.total()-h.total(), r.touched(i); r.ot && cost > most {
			r.t.Errorf("%s: %v loses %d operations, at most %d are touched", name, k, cost, most)
		}
	}
}

// touched is how many operations were told by packet i and the next few of its
// conversation with data.
func (r *rack) touched(i int) (n int) {
	left := 4
	if r.cut {
		left = 8
	}
	for j := i; j < len(r.told) && left > 0; j++ {
		if p := &r.packets[j]; isTCP(p) && packetKey(p) == packetKey(&r.packets[i]) && isData(p) {
			n += r.told[j]
			left--
		}
	}
	return n
}
