package decode

import "bytes"

const (
	maxDatagram = 65535   // bytes of IP payload, headers not counted
	smallBuffer = 8 << 10 // what most datagrams fit into
	maxRanges   = 64      // separate runs of one datagram: more are shuffled on purpose
)

// span is a run of bytes, from the first up to and without the last.
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
