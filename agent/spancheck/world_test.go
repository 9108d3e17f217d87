package spancheck

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/dissect"
	"demarc/agent/flow"
)

type frameOf = capture.Frame

// world feeds built frames through decode and flow to a Checker, as the
// pipeline does.
type world struct {
	check   *Checker
	decoder *decode.Decoder
	flows   *flow.Table
	stats   capture.Stats
	now     int64
	id      uint16
	seq     map[[2]int]uint32
	tag     uint16
}

// silent is a flow.Handler that forgets.
type silent struct{}

func (silent) Stream(*flow.Conversation, flow.Side, []byte, int64, bool)   {}
func (silent) Gap(*flow.Conversation, flow.Side, int64)                    {}
func (silent) Datagram(*flow.Conversation, flow.Side, []byte, int64, bool) {}
func (silent) Close(*flow.Conversation, bool)                              {}

const start = int64(1_767_225_600_000_000_000) // 2026-01-01

func newWorld(o Options) *world {
	o.Protocols = dissect.Protocols()
	w := &world{check: New(o), decoder: decode.New(decode.Options{}), flows: flow.NewTable(silent{}, flow.Limit{}), now: start, seq: map[[2]int]uint32{}}
	w.check.Attach(w.flows)
	w.check.Due(w.now)
	return w
}

// host is a station by its number: 10.20.4.N, 02:00:00:00:00:N.
func host(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 20, 4, byte(n)}) }

func mac(n int) []byte { return []byte{2, 0, 0, 0, byte(n >> 8), byte(n)} }

// ether makes a frame; it is 10 ms later than the one before.
func (w *world) ether(from, to []byte, kind uint16, payload []byte) capture.Frame {
	b := append(slices.Clone(to), from...)
	if w.tag != 0 {
		b = binary.BigEndian.AppendUint16(append(b, 0x81, 0), w.tag)
	}
	b = append(binary.BigEndian.AppendUint16(b, kind), payload...)
	w.now += int64(10 * time.Millisecond)
	return capture.Frame{Time: w.now, Link: capture.LinkEthernet, Length: len(b), Data: b}
}

func (w *world) ip(from, to netip.Addr, src, dst []byte, protocol byte, payload []byte) capture.Frame {
	w.id++
	h := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(payload)))
	h = binary.BigEndian.AppendUint16(h, w.id)
	h = append(h, 0, 0, 64, protocol, 0, 0)
	h = append(append(h, from.AsSlice()...), to.AsSlice()...)
	return w.ether(src, dst, 0x0800, append(h, payload...))
}

// tcp makes a segment of conversation i between client 100+i and server 1, port
// 502. Side A is the client.
func (w *world) tcp(i int, side flow.Side, flags byte, data string) capture.Frame {
	from, to, sport, dport := 100+i, 1, 40000+i, 502
	if side == flow.B {
		from, to, sport, dport = to, from, dport, sport
	}
	key, other := [2]int{i, int(side)}, [2]int{i, int(side.Other())}
	if w.seq[key] == 0 {
		w.seq[key] = 1000
	}
	h := binary.BigEndian.AppendUint16(nil, uint16(sport))
	h = binary.BigEndian.AppendUint16(h, uint16(dport))
	h = binary.BigEndian.AppendUint32(h, w.seq[key])
	h = binary.BigEndian.AppendUint32(h, max(w.seq[other], 1000))
	h = append(h, 5<<4, flags, 0xff, 0xff, byte(w.id>>8)|1, byte(w.id), 0, 0)
	w.seq[key] += uint32(len(data))
	if flags&(decode.SYN|decode.FIN) != 0 {
		w.seq[key]++
	}
	return w.ip(host(from), host(to), mac(from), mac(to), 6, append(h, data...))
}

func (w *world) udp(from, to, sport, dport int, payload []byte) capture.Frame {
	h := binary.BigEndian.AppendUint16(nil, uint16(sport))
	h = binary.BigEndian.AppendUint16(h, uint16(dport))
	h = binary.BigEndian.AppendUint16(h, uint16(8+len(payload)))
	h = append(h, byte(w.id>>8)|1, byte(w.id))
	return w.ip(host(from), host(to), mac(from), mac(to), 17, append(h, payload...))
}

var everyone = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func (w *world) arp(from, to netip.Addr) capture.Frame {
	n := int(from.As4()[3])
	b := append([]byte{0, 1, 8, 0, 6, 4, 0, 1}, mac(n)...)
	b = append(append(b, from.AsSlice()...), make([]byte, 6)...)
	return w.ether(mac(n), everyone, 0x0806, append(b, to.AsSlice()...))
}

// show puts a frame before the mirror.
func (w *world) show(f capture.Frame) {
	var p decode.Packet
	w.decoder.Decode(&f, &p)
	c, side, duplicate := w.flows.Add(&p, 0)
	w.check.Packet(&f, &p, c, side, duplicate)
}

// talk shows n conversations of rounds requests and replies each, from the
// middle of their session; what of them is seen, keep says.
func (w *world) talk(n, rounds int, keep func(side flow.Side) bool) {
	for range rounds {
		for i := range n {
			for _, side := range []flow.Side{flow.A, flow.B} {
				f := w.tcp(i, side, decode.ACK|decode.PSH, "0123456789")
				if keep == nil || keep(side) {
					w.show(f)
				}
			}
		}
	}
}

// judge ends the capture and returns the answer of one check.
func (w *world) judge(t *testing.T, id string, s Source) Result {
	t.Helper()
	w.check.tick = max(w.check.tick, w.now)
	w.check.End(w.stats)
	for _, r := range Judge(w.check.Latest(), s) {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("no check %s", id)
	return Result{}
}

// want holds an answer against a verdict and words of it.
func want(t *testing.T, r Result, v Verdict, words ...string) {
	t.Helper()
	if r.Verdict != v {
		t.Fatalf("%s: %v, want %v: %s", r.ID, r.Verdict, v, r.Evidence)
	}
	for _, word := range words {
		if !strings.Contains(r.Evidence+"\n"+r.Cure, word) {
			t.Errorf("%s: %q is not in: %s\n%s", r.ID, word, r.Evidence, r.Cure)
		}
	}
	if (r.Cure == "") != (v == Good) && v != CannotTell {
		t.Errorf("%s is %v and its cure is %q", r.ID, v, r.Cure)
	}
}
