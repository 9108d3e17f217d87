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

// TestTorture plays the samples that hold TCP as bad mirrors would show them.
// Where all bytes are there, all that is told stays the same; where some are
// missing, what is told is a part of it, and that something is missing is told.
func TestTorture(t *testing.T) {
	all := Protocols()
	for _, p := range all {
		for _, file := range samples(t, p) {
			packets := load(t, file)
			if !slices.ContainsFunc(packets, func(p decode.Packet) bool { return isData(&p) }) {
				continue
			}
			t.Run(p.Name+"/"+filepath.Base(file), func(t *testing.T) {
				r := &rack{t: t, all: all, packets: packets, whole: learn(packets, all, nil)}
				r.allow()
				r.cuts()
				r.orders()
				r.mirrors()
				r.sides()
				r.middles()
				r.snaps()
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
		for _, e := range l.entries[:l.n] {
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

// sides: one direction only.
func (r *rack) sides() {
	for _, client := range []bool{true, false} {
		r.part(oneSide(r.packets, func(k talkKey, from netip.AddrPort) bool {
			w := r.whole.talks[k]
			return !w.directed || (from != w.server) == client
		}), "client only: %v", client)
	}
}

// middles: the session began before the capture.
func (r *rack) middles() {
	for n := 1; n < min(60, len(r.packets)); n++ {
		r.part(middle(r.packets, n), "without the first %d", n)
	}
}

// snaps: frames are cut by the capture.
func (r *rack) snaps() {
	for _, n := range []int{4, 8, 16, 24, 32, 40, 54, 64, 96, 128, 200, 400} {
		r.part(snapped(r.packets, n), "cut to %d bytes", n)
	}
}
