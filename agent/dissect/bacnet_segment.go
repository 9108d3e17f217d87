package dissect

// Limits of segmented answers that are put together.
const (
	maxJoin    = 16 << 10 // octets of one answer; what goes beyond is not read
	joinRetain = 8 << 10  // buffer kept for the next one
)

// bacnetJoin puts the segments of one answer together, clause 5.2. A second one
// that begins takes its place.
type bacnetJoin struct {
	buf    []byte
	from   side
	invoke uint8
	next   uint8  // sequence number that is due
	source uint64 // network and address of the device, as a number
	live   bool
}

// join gives the whole answer when its last segment has come, nil before. When
// segments are missing it gives what had come until then.
func (d *bacnet) join(m *Message, n *npdu, a *apdu) []byte {
	if !a.segmented {
		return a.body
	}
	j := &d.joined
	from, source := d.sides.of(m), n.source()
	same := j.live && j.from == from && j.invoke == a.invoke && j.source == source
	switch {
	case a.sequence == 0 && (!same || j.next != 0):
		if cap(j.buf) > joinRetain {
			j.buf = nil
		}
		*j = bacnetJoin{buf: j.buf[:0], from: from, invoke: a.invoke, source: source, live: true}
	case !same:
		return nil // its beginning was not seen
	case a.sequence == j.next-1:
		return nil // sent again
	case a.sequence != j.next:
		j.live = false
		return j.buf
	}
	if room := maxJoin - len(j.buf); room > 0 {
		j.buf = append(j.buf, a.body[:min(room, len(a.body))]...)
	}
	j.next++
	if a.more && !m.Cut {
		return nil
	}
	j.live = false
	return j.buf
}

// source tells devices behind one address apart.
func (n *npdu) source() uint64 {
	v := uint64(n.snet)
	for _, x := range n.sadr {
		v = v<<8 ^ v>>56 ^ uint64(x)
	}
	return v
}
