package dissect

import (
	"encoding/binary"
	"errors"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "cotp",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(102),
		Match:    matchCOTP,
		New:      func() Dissector { return &cotp{} },
		OT:       true,
		Reads:    "who called, transport selectors; carries S7, MMS, RDP",
		Standard: "RFC 1006 (TPKT), ITU-T X.224 | ISO/IEC 8073 class 0",
	})
}

// cotp reads the ISO transport protocol over TCP, class 0.
//
// RFC 1006 section 6 puts each TPDU into a TPKT; X.224 clause 13 has the TPDUs:
//
//	 0      1      2      3      4      5      6
//	+------+------+------+------+------+------+------+---
//	|  3   |  0   |   length    |  LI  | code | ...
//	+------+------+------+------+------+------+------+---
//	 TPKT: length counts itself  TPDU: LI octets behind LI, then user data
//
//	CR 1110 0000, CC 1101 0000 | dst-ref 2 | src-ref 2 | class | variable part
//	DT 1111 0000 | EOT and number | user data
//
// It is a carrier. Payload is told with the TPDU's code as tag:
//
//	0xE0  everything behind the class octet of a CR: the variable part whole
//	      (X.224 parameters, or the cookie and negotiation request of
//	      MS-RDPBCGR 2.2.1.1, or both) and user data behind it
//	0xD0  the same of a CC
//	0xF0  one TSDU: the user data of all DT up to the one that ends it
//
// A TSDU of several DT is read from the front of the stream in one go, so
// that nothing is kept between messages but a buffer that is used again.
type cotp struct {
	claimed bool
	tsap    [2]byte // called TSAP of the CR, for Siemens slots; valid iff tsapLen == 2
	tsapLen int
	joined  []byte // a TSDU put together
	text    scratch
}

// TPDU codes, X.224 13.1: the upper four bits; class 0 leaves the lower ones 0.
const (
	cotpCR = 0xe0
	cotpCC = 0xd0
	cotpDR = 0x80
	cotpDC = 0xc0
	cotpDT = 0xf0
	cotpED = 0x10
	cotpAK = 0x60
	cotpEA = 0x20
	cotpRJ = 0x50
	cotpER = 0x70
)

const (
	cotpHead   = 6        // TPKT header, LI and code
	cotpMax    = 60 << 10 // a TSDU that is put together, with its headers
	cotpRetain = 16 << 10 // buffer kept for the next one
)

// tpdu is one TPDU in its TPKT.
type tpdu struct {
	size int // of the TPKT
	li   int
	code byte
	last bool // DT: EOT
}

// readTPDU reads the headers at the front of b: the fields, and whether they
// are whole (ErrShort) and are ISO transport at all (ErrNotMine).
func readTPDU(b []byte) (t tpdu, err error) {
	if len(b) < cotpHead+1 {
		return t, shortTPDU(b)
	}
	h := (*[cotpHead + 1]byte)(b)
	t.size, t.li, t.code = int(binary.BigEndian.Uint16(h[2:])), int(h[4]), h[5]
	third := h[6] // DT: EOT and TPDU number, which class 0 leaves 0
	t.last = third&0x80 != 0
	if h[0] != 3 || h[1] != 0 || t.size < cotpHead+1 || !t.sane(third) {
		return t, ErrNotMine
	}
	if cr := t.code == cotpCR || t.code == cotpCC; cr && len(b) > 10 && b[10]>>4 != 0 {
		return t, ErrNotMine // RFC 1006 section 5: class 0
	}
	return t, nil
}

// shortTPDU judges headers that have not come whole.
func shortTPDU(b []byte) error {
	c := wire.New(b)
	version, reserved, size := c.U8(), c.U8(), c.U16()
	if len(b) > 0 && version != 3 || reserved != 0 || c.OK() && size < cotpHead+1 {
		return ErrNotMine
	}
	return ErrShort
}

// sane checks the length indicator against the code, X.224 13.3 to 13.12.
func (t tpdu) sane(third byte) bool {
	rest := t.size - 5 // octets behind LI
	if t.li > rest || t.li == 255 {
		return false
	}
	switch t.code {
	case cotpDT:
		return t.li == 2 && third&0x7f == 0
	case cotpCR, cotpCC, cotpDR:
		return t.li >= 6
	case cotpDC, cotpED, cotpAK, cotpEA, cotpRJ, cotpER:
		return t.li >= 4 && t.li == rest
	}
	return false
}

func matchCOTP(b []byte) bool {
	t, err := readTPDU(b)
	return err == nil || (errors.Is(err, ErrShort) && t.size < 8<<10) // the header may come alone
}

// Dissect implements Dissector.
func (d *cotp) Dissect(m *Message, out Out) (int, error) {
	if used := d.whole(m.Data); used > 0 {
		out.Payload(cotpDT, m.Data[cotpHead+1:used])
		return used, nil
	}
	return d.read(m, out)
}

// whole is the length of what nearly all are that follow the first: one DT with
// a whole TSDU. What it leaves alone, with 0, read reads, as it would the rest.
func (d *cotp) whole(b []byte) int {
	if !d.claimed || d.tsapLen == 2 || len(b) <= cotpHead+1 {
		return 0
	}
	h := binary.BigEndian.Uint64(b)
	size := int(h >> 32 & 0xffff)
	if h>>48 != 0x0300 || h>>8&0xffffff != 2<<16|cotpDT<<8|0x80 || size <= cotpHead+1 || size > len(b) {
		return 0
	}
	return size
}

// read reads a TPDU of any kind.
func (d *cotp) read(m *Message, out Out) (int, error) {
	if m.Trial {
		d = &cotp{claimed: d.claimed}
	}
	t, err := readTPDU(m.Data)
	switch {
	case err == nil:
	case errors.Is(err, ErrShort):
		return 0, ErrShort
	default:
		return 0, notMine(d.claimed)
	}
	if t.code == cotpDT {
		return d.data(m, t, out)
	}
	if t.size > len(m.Data) {
		return 0, ErrShort
	}
	d.text.reset()
	if t.code == cotpCR || t.code == cotpCC {
		d.connect(m.Data[:t.size], t, out)
	}
	d.claimed = true
	return t.size, nil
}

// notMine is what bytes of another protocol mean before and after the first
// success.
func notMine(claimed bool) error {
	if claimed {
		return ErrMalformed
	}
	return ErrNotMine
}

// connect reads a CR or CC: who calls whom, and which selector answers.
func (d *cotp) connect(b []byte, t tpdu, out Out) {
	rest := b[min(11, len(b)):]
	called := calledTSAP(rest[:min(t.li-6, len(rest))])
	if t.code == cotpCR {
		out.Sender(Client)
		d.tsapLen = copy(d.tsap[:], called)
		if len(called) != 2 {
			d.tsapLen = 0
		}
	} else {
		out.Sender(Server)
		if len(called) > 0 {
			out.Fact(Sender, "cotp.tsap", d.selector(called), "cotp.cc.called_tsap", ot.Content)
		}
	}
	if len(rest) > 0 {
		out.Payload(uint64(t.code), rest)
	}
}

// calledTSAP finds parameter 0xC2 of a variable part, X.224 13.2.3.
func calledTSAP(variable []byte) []byte {
	c := wire.New(variable)
	for c.Len() > 0 {
		code := c.U8()
		value := c.Bytes(int(c.U8()))
		if code == 0xc2 && c.OK() && len(value) <= 32 {
			return value
		}
	}
	return nil
}

// selector writes a TSAP as text when it is text, else in hexadecimal.
func (d *cotp) selector(tsap []byte) []byte {
	for _, x := range tsap {
		if x < 0x20 || x > 0x7e {
			return d.text.hex(tsap, 0)
		}
	}
	return tsap
}

// data reads one TSDU: a DT that ends it, or all DT up to that one.
func (d *cotp) data(m *Message, t tpdu, out Out) (int, error) {
	b := m.Data
	switch {
	case t.size > len(b) && m.Cut:
		d.tell(b[cotpHead+1:], t.last, out)
		return 0, ErrShort
	case t.size > len(b):
		return 0, ErrShort
	case t.last:
		d.tell(b[cotpHead+1:t.size], true, out)
		d.claimed = true
		return t.size, nil
	case t.size == cotpHead+1:
		d.claimed = true // S7 stacks answer with an empty DT that ends nothing
		return t.size, nil
	}
	end, err := tsduEnd(b, t.size)
	if errors.Is(err, ErrShort) && end <= cotpMax {
		return 0, ErrShort
	}
	// Longer than is put together, or another TPDU stands between: the
	// fragments up to there are given up, unread.
	if err == nil {
		d.tell(d.join(b[:end]), true, out)
	}
	d.claimed = true
	return end, nil
}

// tsduEnd walks the DT from off to the one with EOT and returns the offset
// behind it, or behind what is there.
func tsduEnd(b []byte, off int) (int, error) {
	for off <= cotpMax {
		t, err := readTPDU(b[off:])
		if err != nil {
			return off, err
		}
		if t.code != cotpDT {
			return off, ErrMalformed
		}
		if t.size > len(b)-off {
			return off + t.size, ErrShort
		}
		off += t.size
		if t.last {
			return off, nil
		}
	}
	return off, ErrMalformed
}

// join puts the user data of all DT in b into one buffer.
func (d *cotp) join(b []byte) []byte {
	j := d.joined[:0]
	for len(b) > cotpHead {
		t, _ := readTPDU(b)
		j = append(j, b[cotpHead+1:t.size]...)
		b = b[t.size:]
	}
	if cap(j) <= cotpRetain {
		d.joined = j
	}
	return j
}

// tell passes a TSDU on.
func (d *cotp) tell(tsdu []byte, whole bool, out Out) {
	if len(tsdu) == 0 || !whole {
		return
	}
	if d.tsapLen == 2 {
		d.slot(tsdu, out)
	}
	out.Payload(cotpDT, tsdu)
}

// slot tells which rack and slot a Siemens TSAP names, once the TSDU behind
// the CR is S7's own set-up request; a TSAP alone proves nothing.
func (d *cotp) slot(tsdu []byte, out Out) {
	rack, slot, ok := s7Slot(d.tsap, tsdu)
	d.tsapLen = 0
	if !ok {
		return
	}
	d.text.reset()
	from := d.text.mark()
	d.text.adds("rack ")
	d.text.uint(rack)
	d.text.adds(" slot ")
	d.text.uint(slot)
	out.Fact(Receiver, "s7comm.cpu_slot", d.text.since(from), "cotp.cr.called_tsap", ot.Content)
}

// Resync implements Resyncer: the next TPKT whose TPDU is a sane one.
func (d *cotp) Resync(b []byte) int {
	for i := 0; i+cotpHead < len(b); i++ {
		if b[i] != 3 || b[i+1] != 0 {
			continue
		}
		t, err := readTPDU(b[i:])
		if err != nil || (t.size > len(b)-i && t.size > 8<<10) {
			continue
		}
		return i
	}
	return -1
}
