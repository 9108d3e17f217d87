package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "goose",
		Tier:     1,
		Over:     []string{"ethernet"},
		Ports:    EtherType(0x88b8),
		New:      func() Dissector { return &goose{security: ot.Security{Mode: ot.SecurityNone}} },
		OT:       true,
		Reads:    "publisher: control block, data set, identifier, APPID, configuration revision; events apart from repeats, simulation",
		Standard: "IEC 61850-8-1:2011 clause 18 and annex C",
	})
}

// goose reads the Generic Object Oriented Substation Event behind its
// EtherType, IEC 61850-8-1 annex C.2. The length counts from APPID:
//
//	 0       2        4           6           8
//	+-------+--------+-----------+-----------+----+-----+-----------------
//	| APPID | length | reserved1 | reserved2 | 61 | len | goosePdu
//	|       |        | S 8000h   |           |    |     | gocbRef [0] ...
//	+-------+--------+-----------+-----------+----+-----+-----------------
//	S: simulated by a test set
//
// The publisher stands as the client: nobody asks it.
type goose struct {
	claimed  bool
	security ot.Security
	recent   recent
	text     scratch
}

// gseHeader is what GOOSE and sampled values have before their APDU.
type gseHeader struct {
	appid     []byte
	simulated bool
}

// readGSE reads the header and the APDU, which must have the tag and fit the
// length; what is behind is padding.
func readGSE(b []byte, tag uint8, cut bool) (h gseHeader, apdu wire.Cursor, ok bool) {
	c := wire.New(b)
	h.appid = c.Bytes(2)
	length := int(c.U16()) - 8
	h.simulated = c.U16()&0x8000 != 0
	c.Skip(2)
	if !c.OK() || length < 2 || (length > c.Len() && !cut) {
		return h, apdu, false
	}
	body := c.Sub(min(length, c.Len()))
	got, apdu := berNext(&body, cut)
	return h, apdu, got == uint16(tag)
}

// goosePDU are the elements that are told, IEC 61850-8-1 18.1 and annex A.
type goosePDU struct {
	controlBlock, dataSet, id, revision []byte
	sequence                            uint64
	simulated                           bool
}

// readGOOSE reads the elements in the order of their tags, [0] to [11]. Unless
// the capture cut it, a reference to the control block, a data set, both
// numbers and the data must be there.
func readGOOSE(apdu wire.Cursor, cut bool) (p goosePDU, ok bool) {
	seen, last := uint32(0), -1
	for apdu.Len() > 0 {
		tag, v := berNext(&apdu, cut)
		number := int(tag & 0x1f)
		if tag&^0x3f != 0x80 || number <= last && number != 0x0b {
			return p, false
		}
		last = number
		seen |= 1 << number
		switch number {
		case 0:
			p.controlBlock = v.Rest()
		case 2:
			p.dataSet = v.Rest()
		case 3:
			p.id = v.Rest()
		case 6:
			p.sequence = berUint(&v)
		case 7:
			p.simulated = v.U8() != 0
		case 8:
			p.revision = v.Rest()
		}
	}
	const needed = 1<<0 | 1<<2 | 1<<5 | 1<<6 | 1<<11
	named := gseName(p.controlBlock) && len(p.dataSet) <= 255 && len(p.id) <= 255
	return p, named && (seen&needed == needed || cut)
}

// gseName reports whether b can be a reference or an identifier: printable
// and not empty (IEC 61850-7-2 table 5, VISIBLE STRING129; some are longer).
func gseName(b []byte) bool { return len(b) > 0 && len(b) <= 255 && printable(b) }

// Dissect implements Dissector: one frame.
func (d *goose) Dissect(m *Message, out Out) (int, error) {
	h, apdu, ok := readGSE(m.Data, 0x61, m.Cut)
	if !ok {
		return 0, notMine(d.claimed)
	}
	p, ok := readGOOSE(apdu, m.Cut)
	if !ok {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	d.tell(m, h, p, out)
	if m.Cut {
		return 0, ErrShort
	}
	d.claimed = true
	return len(m.Data), nil
}

// tell tells what one event says.
func (d *goose) tell(m *Message, h gseHeader, p goosePDU, out Out) {
	out.Sender(Client)
	if p.sequence == 0 {
		out.Operation(ot.Alarm, 1) // a change: the sequence begins anew (18.1.2.5)
	} else {
		out.Operation(ot.Subscribe, 1)
	}
	d.publisher(m, h, p, out)
}

// publisher tells what a control block says of itself.
func (d *goose) publisher(m *Message, h gseHeader, p goosePDU, out Out) {
	key := hashOf(p.controlBlock) ^ hashOf(p.revision)<<1 ^ hashOf(h.appid)<<2
	simulated := p.simulated || h.simulated
	if simulated {
		key ^= 1
	}
	if !d.recent.fresh(m.Time, key) {
		return
	}
	out.Security(d.security)
	out.Fact(Sender, "goose.gocb_ref", p.controlBlock, "goose.gocbRef", ot.Identity)
	out.Fact(Sender, "goose.dataset", p.dataSet, "goose.datSet", ot.Identity)
	if len(p.id) > 0 {
		out.Fact(Sender, "goose.id", p.id, "goose.goID", ot.Identity)
	}
	out.Fact(Sender, "goose.appid", d.text.hexNumber(h.appid), "goose.appid", ot.Content)
	if len(p.revision) > 0 && len(p.revision) <= 5 {
		c := wire.New(p.revision)
		out.Fact(Sender, "goose.conf_rev", d.text.uint(berUint(&c)), "goose.confRev", ot.Content)
	}
	if simulated {
		out.Fact(Sender, "goose.simulated", p.controlBlock, "goose.simulation", ot.Content)
	}
}
