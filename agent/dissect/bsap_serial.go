package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// A frame of a serial line (D301401X012, message structure):
//
//	DLE STX | address, serial number, ... | DLE ETX | check 2
//
// A DLE of the content is sent twice. The check goes over the content, without
// what was doubled, and ETX. Bit 7 of the address says that a global header
// follows: destination 2, source 2, control 1.
const (
	bsapDLE    = 0x10
	bsapSTX    = 0x02
	bsapETX    = 0x03
	bsapOnline = 0x03 // function of the program that asks on the master's side
	bsapMost   = 280  // octets of a frame's content
)

// Functions of the link, which carry no message.
const (
	bsapLinkDialUp = 0x81
	bsapLinkLast   = 0x95
)

type bsapFrame struct {
	size    int
	content wire.Cursor
}

// frame reads one frame: ErrShort when it may go on.
func (d *bsap) frame(b []byte) (f bsapFrame, err error) {
	c := wire.New(b)
	if c.U8() != bsapDLE || c.OK() && c.Len() > 0 && c.U8() != bsapSTX {
		return f, notMine(d.claimed)
	}
	n, crc := 0, uint16(0xffff)
	for c.Len() > 0 && n < bsapMost {
		x := c.U8()
		if x == bsapDLE {
			if c.Len() == 0 {
				break
			}
			switch c.U8() {
			case bsapDLE:
			case bsapETX:
				check := c.U16LE()
				if !c.OK() {
					return f, ErrShort
				}
				if check != crcLowByte(crc, bsapETX) || n < 3 {
					return f, notMine(d.claimed)
				}
				f.size = c.Off()
				f.content = wire.New(d.kept[:n])
				return f, nil
			default:
				return f, notMine(d.claimed)
			}
		}
		d.kept[n] = x
		n++
		crc = crcLowByte(crc, x)
	}
	if n == bsapMost {
		return f, notMine(d.claimed)
	}
	return f, ErrShort
}

// bears reports whether a frame carries a message of known form.
func (f *bsapFrame) bears() bool {
	h, ok := bsapSerialHeader(f.content)
	return ok && !h.link
}

type bsapHead struct {
	link          bool // of the link alone
	to, from      uint8
	address       uint16 // of the destination; 0: not told
	global, reply bool
	rest          wire.Cursor
}

func bsapSerialHeader(c wire.Cursor) (h bsapHead, ok bool) {
	local := c.U8()
	c.Skip(1)
	h.address = uint16(local & 0x7f)
	if next := c.Peek(1); next != nil && next[0] >= bsapLinkDialUp && next[0] <= bsapLinkLast && c.Len() <= 4 {
		h.link = true
		return h, true
	}
	if h.global = local&0x80 != 0; h.global {
		h.address = c.U16LE()
		c.Skip(2 + 1)
	}
	h.to = c.U8()
	c.Skip(2)
	h.from = c.U8()
	c.Skip(1) // node status
	h.reply = h.to == bsapOnline
	h.rest = c
	return h, c.OK() && (h.to >= bsapDiagnose) != (h.from >= bsapDiagnose)
}

// serial reads one frame of a serial line.
func (d *bsap) serial(m *Message, out Out) (int, error) {
	f, err := d.frame(m.Data)
	if err != nil {
		if !m.Stream && !m.Cut {
			err = notMine(d.claimed)
		}
		return 0, err
	}
	h, ok := bsapSerialHeader(f.content)
	if !ok || h.link && !d.claimed && !onPort(m, 1235) && !onPort(m, 1234) {
		return 0, notMine(d.claimed)
	}
	d.first(out)
	if h.link {
		return f.size, nil
	}
	out.Sender(roleOf(!h.reply))
	if h.reply {
		return f.size, nil
	}
	if h.address != 0 && d.recent.fresh(m.Time, uint64(h.address)) {
		out.Fact(Receiver, bsapNode, d.text.uint(uint64(h.address)), "bsap.serial.address", ot.Content)
	}
	bsapAsked(h.to, &h.rest, out)
	return f.size, nil
}

// Resync finds the next frame of a stream.
func (d *bsap) Resync(b []byte) int {
	for i := range b {
		if b[i] == bsapDLE && matchBSAP(b[i:]) {
			return i
		}
	}
	return -1
}
