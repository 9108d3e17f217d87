package decode

import (
	"bytes"
	"net/netip"
	"time"

	"demarc/internal/wire"
)

const (
	defaultDatagrams = 128
	maxDatagram      = 65535 // bytes of IP payload, headers not counted
	maxRanges        = 64    // separate runs of one datagram: more are shuffled on purpose
	smallBuffer      = 8 << 10

	// fragmentTimeout is how long a datagram waits for its missing fragments:
	// 30 s, what Linux waits; RFC 8200 section 4.5 allows 60 s.
	fragmentTimeout = int64(30 * time.Second)
	// echoTime is how long fragments of a finished datagram count as copies (a
	// mirror of ingress and egress) and not as a new datagram with the same
	// identification.
	echoTime = int64(200 * time.Millisecond)
)

// FragmentStats counts reassembly.
type FragmentStats struct {
	Seen        uint64 // fragments
	Reassembled uint64 // datagrams that became whole
	Duplicates  uint64 // fragments that came again with the same bytes
	Overlaps    uint64 // fragments that disagree with bytes kept before, which stay
	Expired     uint64 // datagrams given up: fragments did not come in time
	Evicted     uint64 // datagrams given up: the table was full, or cut into too many runs
	Invalid     uint64 // fragments that end beyond 64 KiB or contradict the datagram's end
}

// piece says where in which datagram a fragment belongs.
type piece struct {
	id       uint32
	protocol uint8 // part of the key in IPv4 alone (RFC 791 section 3.2)
	v6       bool
	offset   int
	more     bool
}

type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	iface    int32
	vlan     uint16
	protocol uint8
	v6       bool
}

type span struct{ from, to int }

// datagram is one slot of the table; its buffer stays when the slot is used anew.
type datagram struct {
	key      fragmentKey
	used     bool
	whole    bool
	since    int64 // packet time of the first fragment, or when it became whole
	end      int   // length, known once the last fragment came; else -1
	protocol uint8 // of the fragment with offset 0
	frames   int
	length   int // bytes on the wire of all fragments
	have     []span
	buf      []byte
}

// reassembly is the table of unfinished datagrams: a fixed number of slots of
// at most 64 KiB, the oldest given up for a new one.
type reassembly struct {
	slots []datagram
	index map[fragmentKey]int
	stats FragmentStats
}

func (r *reassembly) init(n int) {
	if n <= 0 {
		n = defaultDatagrams
	}
	r.slots = make([]datagram, n)
	r.index = make(map[fragmentKey]int, n)
}

// fragment keeps a fragment, and goes on with the datagram when it is the last
// one missing. The packet of every other one carries the fault Fragment.
func (d *Decoder) fragment(c *reader, p *Packet, x piece) layer {
	r := &d.fragments
	r.stats.Seen++
	if c.missing > 0 {
		// Cut fragments never become whole. The first still shows the ports.
		if x.offset == 0 {
			return transport
		}
		p.Fault = Fragment
		return done
	}
	p.Fault = Fragment
	g := r.slot(p, x)
	if g == nil || !r.add(g, p, x, c.Rest()) {
		return done
	}
	p.Fault = NoFault
	p.Protocol, p.Frames, p.Length = g.protocol, g.frames, g.length
	*c = reader{Cursor: wire.New(g.buf[:g.end])}
	if x.v6 {
		return d.extensions(c, p)
	}
	return transport
}

// slot finds the datagram of a fragment or starts it; nil when the fragment is
// a copy of one that is whole already.
func (r *reassembly) slot(p *Packet, x piece) *datagram {
	k := fragmentKey{p.Src, p.Dst, x.id, int32(p.Interface), p.VLAN(), x.protocol, x.v6}
	if i, ok := r.index[k]; ok {
		g := &r.slots[i]
		switch age := abs(p.Time - g.since); {
		case g.whole && age < echoTime:
			r.stats.Duplicates++
			return nil
		case !g.whole && age < fragmentTimeout:
			return g
		}
		r.drop(i)
	}
	i := r.free(p.Time)
	g := &r.slots[i]
	*g = datagram{key: k, used: true, since: p.Time, end: -1, protocol: p.Protocol, have: g.have[:0], buf: g.buf}
	r.index[k] = i
	return g
}

// free returns an unused slot: an empty one, else the oldest finished one,
// since that only remembers copies, else the oldest of all.
func (r *reassembly) free(now int64) int {
	r.expire(now)
	oldest, finished := 0, -1
	for i := range r.slots {
		g := &r.slots[i]
		if !g.used {
			return i
		}
		if g.whole && (finished < 0 || g.since < r.slots[finished].since) {
			finished = i
		}
		if g.since < r.slots[oldest].since {
			oldest = i
		}
	}
	if finished >= 0 {
		oldest = finished
	} else {
		r.stats.Evicted++
	}
	r.release(oldest)
	return oldest
}

// expire drops the slots that are past their time.
func (r *reassembly) expire(now int64) {
	if len(r.index) == 0 {
		return
	}
	for i := range r.slots {
		if g := &r.slots[i]; g.used && abs(now-g.since) >= fragmentTimeout {
			r.drop(i)
		}
	}
}

// drop frees slot i, and counts it as lost when it was not whole.
func (r *reassembly) drop(i int) {
	if !r.slots[i].whole {
		r.stats.Expired++
	}
	r.release(i)
}

func (r *reassembly) release(i int) {
	delete(r.index, r.slots[i].key)
	r.slots[i].used = false
}

// add keeps the bytes of one fragment and reports whether g is whole now.
func (r *reassembly) add(g *datagram, p *Packet, x piece, b []byte) bool {
	end := x.offset + len(b)
	last := -1
	if len(g.have) > 0 {
		last = g.have[len(g.have)-1].to
	}
	switch {
	case end > maxDatagram, len(b) == 0, x.more && len(b)%8 != 0,
		g.end >= 0 && end > g.end, !x.more && (last > end || g.end >= 0 && g.end != end):
		r.stats.Invalid++
		return false
	}
	g.grow(end)
	if !r.keep(g, x.offset, b) {
		return false
	}
	g.frames++
	g.length += p.Length
	if x.offset == 0 {
		g.protocol = p.Protocol
	}
	if !x.more {
		g.end = end
	}
	if g.end < 0 || len(g.have) != 1 || g.have[0] != (span{0, g.end}) {
		return false
	}
	g.whole, g.since = true, p.Time
	r.stats.Reassembled++
	return true
}

// grow makes room for n bytes: a small buffer first, then the largest.
func (g *datagram) grow(n int) {
	if n <= len(g.buf) {
		return
	}
	size := smallBuffer
	if n > size {
		size = maxDatagram
	}
	b := make([]byte, size)
	for _, s := range g.have {
		copy(b[s.from:s.to], g.buf[s.from:s.to])
	}
	g.buf = b
}

// keep copies the bytes that no fragment before brought; what came first stays
// (RFC 5722 would have the datagram discarded; a listener must not be blinded
// by one forged fragment). It reports false when nothing was new.
func (r *reassembly) keep(g *datagram, from int, b []byte) bool {
	to := from + len(b)
	fresh, conflict := false, false
	at := from
	for _, s := range g.have {
		if s.to <= at || s.from >= to {
			continue
		}
		if s.from > at {
			copy(g.buf[at:s.from], b[at-from:])
			fresh, at = true, s.from
		}
		upto := min(s.to, to)
		conflict = conflict || !bytes.Equal(g.buf[at:upto], b[at-from:upto-from])
		at = upto
	}
	if at < to {
		copy(g.buf[at:to], b[at-from:])
		fresh = true
	}
	switch {
	case conflict:
		r.stats.Overlaps++
	case !fresh:
		r.stats.Duplicates++
	}
	if !fresh {
		return false
	}
	g.insert(span{from, to})
	if len(g.have) > maxRanges {
		r.stats.Evicted++
		r.release(r.index[g.key])
		return false
	}
	return true
}

// insert adds s to the sorted runs and joins those that touch.
func (g *datagram) insert(s span) {
	i := 0
	for i < len(g.have) && g.have[i].to < s.from {
		i++
	}
	j := i
	for j < len(g.have) && g.have[j].from <= s.to {
		s.from, s.to = min(s.from, g.have[j].from), max(s.to, g.have[j].to)
		j++
	}
	if i == j {
		g.have = append(g.have, span{})
		copy(g.have[i+1:], g.have[i:])
		g.have[i] = s
		return
	}
	g.have[i] = s
	g.have = append(g.have[:i+1], g.have[j:]...)
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
