package dissect

import (
	"demarc/internal/wire"
)

// A frame of HDLC, IEC 62056-46 clause 6.4 (frame format type 3 of ISO/IEC
// 13239); flags may be shared by two frames:
//
//	7E | format 4 bits, segmented 1, length 11 | to 1..4 | from 1..4 | control | check 2 | LLC, APDU | check 2 | 7E
//
// The check of the header is there where something follows it.
const (
	hdlcFlag   = 0x7e
	hdlcFormat = 0xa0
	hdlcLeast  = 7 // length without content
)

// Control fields, the poll bit off, clause 6.4.3.
const (
	hdlcSNRM     = 0x83 // client: begin
	hdlcDISC     = 0x43 // client: end
	hdlcUA       = 0x63 // server
	hdlcDM       = 0x0f // server
	hdlcFRMR     = 0x87 // server
	hdlcUI       = 0x03
	hdlcPollBit  = 0x10
	hdlcRNR      = 0x05
	hdlcRR       = 0x01
	hdlcReceives = 0x0f // of RR and RNR, below the sequence
)

type hdlcFrame struct {
	size    int
	control uint8 // without its poll bit
	info    []byte
}

// readHDLC reads one frame, with its opening flag or behind a shared one.
func readHDLC(b []byte) (f hdlcFrame, err error) {
	c := wire.New(b)
	if flag := c.Peek(1); flag != nil && flag[0] == hdlcFlag {
		c.Skip(1)
	}
	start := c.Off()
	format := c.U16()
	if c.OK() && format>>12 != hdlcFormat>>4 || !c.OK() && len(b) > start && b[start]&0xf0 != hdlcFormat {
		return f, ErrNotMine
	}
	n := int(format & 0x07ff)
	if c.OK() && n < hdlcLeast {
		return f, ErrNotMine
	}
	x := c.Sub(n - 2)
	end := c.U8()
	if !c.OK() {
		return f, ErrShort
	}
	if end != hdlcFlag {
		return f, ErrNotMine
	}
	f.size = c.Off()
	all := b[start : start+n : start+n]
	if !hdlcChecked(all) || !hdlcAddress(&x) || !hdlcAddress(&x) {
		return f, ErrNotMine
	}
	f.control = x.U8() &^ hdlcPollBit
	if x.Len() > 2 {
		head := 2 + x.Off() + 2
		x.Skip(2)
		f.info = x.Bytes(x.Len() - 2)
		if !hdlcChecked(all[:head]) {
			return f, ErrNotMine
		}
	}
	if !x.OK() {
		return f, ErrNotMine
	}
	return f, nil
}

// hdlcChecked reports whether b ends with its check, low octet first.
func hdlcChecked(b []byte) bool {
	const residue = 0xf0b8 // ISO/IEC 13239 clause 4.2.5.2
	return crcLow(0xffff, b) == residue
}

// hdlcAddress reads one address: the last of its octets has bit 0 set.
func hdlcAddress(c *wire.Cursor) bool {
	for range 4 {
		if c.U8()&1 != 0 {
			return c.OK()
		}
	}
	return false
}

// known reports whether the control field is one that meters use.
func (f *hdlcFrame) known() bool {
	switch {
	case f.control&1 == 0: // information
		return true
	case f.control == hdlcSNRM, f.control == hdlcDISC, f.control == hdlcUA, f.control == hdlcDM, f.control == hdlcFRMR, f.control == hdlcUI:
		return true
	}
	low := f.control & hdlcReceives
	return low == hdlcRR || low == hdlcRNR
}

// hdlc reads one frame and what is in it.
func (d *dlms) hdlc(m *Message, out Out) (int, error) {
	f, err := readHDLC(m.Data)
	if err == nil && !f.known() {
		err = ErrNotMine
	}
	if err != nil {
		return 0, d.failure(m, err)
	}
	d.claimed = true
	switch f.control {
	case hdlcSNRM, hdlcDISC:
		out.Sender(Client)
	case hdlcUA, hdlcDM, hdlcFRMR:
		out.Sender(Server)
	default:
		d.llc(f.info, out)
	}
	return f.size, nil
}

// llc opens the link layer's header, clause 6.3: E6 E6 00 asks, E6 E7 00
// answers. Later segments of a message have none and are passed over.
func (d *dlms) llc(b []byte, out Out) {
	c := wire.New(b)
	to, from, quality := c.U8(), c.U8(), c.U8()
	if !c.OK() || to != 0xe6 || from != 0xe6 && from != 0xe7 || quality != 0 {
		return
	}
	out.Sender(roleOf(from == 0xe6))
	d.apdu(c.Rest(), out)
}
