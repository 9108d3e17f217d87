package decode

import "encoding/binary"

// trailerSize is the length of a PRP redundancy control trailer.
const trailerSize = 6

// endsTrailer reports whether b ends as a PRP trailer does; trailer then looks
// at the whole of it.
func endsTrailer(b []byte) bool { return binary.BigEndian.Uint16(b[len(b)-2:]) == etherPRP }

// trailer takes a PRP redundancy control trailer (IEC 62439-3:2016 clause 4.1.7)
// off a frame, of which c stands before the EtherType and b is the rest. Padding that happens to end in
// the suffix is told by the lane and by the size, which counts the frame's
// bytes behind the EtherType, trailer included; some count tags, some do not.
//
//	sequence number (16) | lane A or B (4) size (12) | 0x88fb (16)
func (c *reader) trailer(b []byte, p *Packet) {
	t := b[len(b)-trailerSize:]
	lane := t[2] >> 4
	if c.missing > 0 || lane != 0xa && lane != 0xb {
		return
	}
	size := int(binary.BigEndian.Uint16(t[2:]) & 0x0fff)
	for ; size != len(b)-2; b = b[4:] {
		if len(b) < 4+2+trailerSize || !isTag(binary.BigEndian.Uint16(b)) {
			return
		}
	}
	p.Lane, p.Sequence = 'A'+lane-0xa, binary.BigEndian.Uint16(t)
	c.limit(c.Len() - trailerSize)
}

// readHSR reads an HSR tag behind its EtherType (IEC 62439-3:2016 clause 5.7):
// path (4) of which the last bit is the lane, size (12), sequence number (16),
// and the frame's own EtherType.
func (c *reader) readHSR(p *Packet) layer {
	path, sequence := c.U16(), c.U16()
	if !c.OK() {
		return done
	}
	p.Lane, p.Sequence = 'A'+uint8(path>>12&1), sequence
	return readType(c, p)
}
