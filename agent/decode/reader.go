package decode

import "demarc/internal/wire"

// reader is the cursor over what is left of a frame, with the number of bytes
// that the headers announce behind its end and that the capture did not keep.
type reader struct {
	wire.Cursor
	missing int
}

// limit ends the reader after n bytes, as a header said: what the frame holds
// beyond is padding or a trailer, what it lacks is missing.
func (c *reader) limit(n int) {
	if n > c.Len() {
		c.missing = n - c.Len()
		return
	}
	c.Cursor, c.missing = c.Sub(n), 0
}

// payload gives everything left to p and ends the walk.
func (c *reader) payload(p *Packet) layer {
	p.Payload = c.Rest()
	p.PayloadLen = len(p.Payload) + c.missing
	p.CutShort = c.missing > 0
	return done
}

// short tells a header that the capture cut from one that its sender never
// completed.
func (c *reader) short() Fault {
	if c.missing > 0 {
		return Cut
	}
	return Malformed
}
