package decode

import (
	"net/netip"
	"time"

	"demarc/internal/wire"
)

const (
	defaultDatagrams = 128

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
	iface    int
	vlan     uint16
	protocol uint8
	v6       bool
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
	k := fragmentKey{p.Src, p.Dst, x.id, p.Interface, p.VLAN(), x.protocol, x.v6}
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

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
