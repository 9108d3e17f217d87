package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "c12.22",
		Over:     []string{"tcp", "udp"},
		Tier:     2,
		Ports:    append(TCP(1153), UDP(1153)...),
		Match:    matchC1222,
		New:      func() Dissector { return &c1222{} },
		OT:       true,
		Reads:    "application titles, device class, electronic serial number and native address of meters, authentication and encryption, operations",
		Standard: "ANSI C12.22 / IEEE 1703 clauses 5.3.2 and 5.3.4, RFC 6142",
	})
}

// Attributes of meters and their hosts.
const (
	c1222Title  ot.Attribute = "c12.22.ap_title"
	c1222Class  ot.Attribute = "c12.22.device_class"
	c1222Native ot.Attribute = "c12.22.native_address"
)

// c1222 reads ACSE messages (C12.22 clause 5.3.4, BER of X.690) with the
// services of EPSEM in them:
//
//	60 length
//	   A1 context, A2 called title, A6 calling title, A8 invocation, ...
//	   BE information: 28 EXTERNAL: 81 octets: EPSEM
//	EPSEM: flags 8, class 32 if bit 4, then length and service, again and again
//	flags: bit 7 set, bits 3 and 2 security mode
type c1222 struct {
	claimed bool
	mode    ot.SecurityMode
	text    scratch
}

// Tags of a message.
const (
	c1222Message     = 0x60
	c1222Calling     = 0xa6
	c1222Information = 0xbe
	c1222External    = 0x28
	c1222Octets      = 0x81
	c1222Relative    = 0x80
	c1222OID         = 0x06
	c1222MaxMessage  = 0xffff
	maxC1222         = 16 // elements of a message, services of an EPSEM
)

type c1222Frame struct {
	size    int    // of the message; 0 while its length is not whole
	whole   bool   // all of it is here
	calling []byte // TLV of the sender's title
	epsem   []byte
}

// readC1222 reads a message; a beginning of one is ok.
func readC1222(b []byte) (f c1222Frame, ok bool) {
	if len(b) == 0 || b[0] != c1222Message {
		return f, false
	}
	head := wire.New(b)
	head.Skip(1)
	n, ok := c1222Length(&head)
	if !ok {
		return f, head.Len() == 0 && len(b) < 4
	}
	if n < 8 || n > c1222MaxMessage {
		return f, false
	}
	f.size = head.Off() + n
	f.whole = head.Len() >= n
	body := head.Sub(min(n, head.Len()))
	return f, f.elements(&body)
}

// c1222Length reads a length of BER in its definite forms.
func c1222Length(c *wire.Cursor) (n int, ok bool) {
	switch x := c.U8(); {
	case x < 0x80:
		n = int(x)
	case x == 0x81:
		n = int(c.U8())
	case x == 0x82:
		n = int(c.U16())
	default:
		return 0, false
	}
	return n, c.OK()
}

// elements reads the message's parts; the information is the last.
func (f *c1222Frame) elements(c *wire.Cursor) bool {
	for range maxC1222 {
		if c.Len() == 0 {
			return !f.whole
		}
		tag := c.U8()
		if !c1222Element(tag) {
			return false
		}
		n, ok := c1222Length(c)
		if !ok || c.Len() < n {
			return !f.whole
		}
		v := c.Sub(n)
		switch tag {
		case c1222Calling:
			f.calling = v.Rest()
		case c1222Information:
			return f.information(&v)
		}
	}
	return false
}

func c1222Element(tag uint8) bool {
	return tag >= 0xa1 && tag <= 0xa9 || tag == 0x8b || tag == 0xac || tag == c1222Information
}

// information opens the EXTERNAL around the EPSEM.
func (f *c1222Frame) information(v *wire.Cursor) bool {
	if v.U8() != c1222External {
		return false
	}
	n, ok := c1222Length(v)
	if !ok {
		return false
	}
	x := v.Sub(n)
	tag := x.U8()
	if tag == c1222OID || tag == 0x02 { // a reference to the syntax
		n, _ = c1222Length(&x)
		x.Skip(n)
		tag = x.U8()
	}
	n, ok = c1222Length(&x)
	f.epsem = x.Bytes(n)
	return ok && x.OK() && tag == c1222Octets && len(f.epsem) > 0 && f.epsem[0]&0x80 != 0
}

// matchC1222 claims whole messages anywhere.
func matchC1222(b []byte) bool {
	f, ok := readC1222(b)
	return ok && f.whole && f.epsem != nil
}

func (d *c1222) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	f, ok := readC1222(m.Data)
	if !ok || !m.Stream && !f.whole && !m.Cut {
		return 0, notMine(d.claimed)
	}
	if !f.whole && !m.Cut {
		return 0, ErrShort
	}
	if c := wire.New(f.calling); f.calling != nil {
		d.title(c1222Title, &c, "c12.22.calling_ap_title", ot.Content, out)
	}
	if f.epsem != nil {
		d.epsem(f.epsem, out)
	}
	if !f.whole {
		return 0, ErrShort
	}
	d.claimed = true
	return f.size, nil
}

// title tells an object identifier, absolute or relative to the network's.
func (d *c1222) title(a ot.Attribute, c *wire.Cursor, source string, g ot.Grade, out Out) {
	tag := c.U8()
	n, ok := c1222Length(c)
	id := c.Bytes(n)
	if !ok || !c.OK() || len(id) == 0 || id[len(id)-1]&0x80 != 0 {
		return
	}
	at := d.text.mark()
	switch tag {
	case c1222OID:
		d.text.oid(id)
	case c1222Relative, 0x0d:
		d.relative(id)
	default:
		return
	}
	out.Fact(Sender, a, d.text.since(at), source, g)
}

// relative keeps a relative object identifier with a dot before each number.
func (d *c1222) relative(id []byte) {
	n := uint64(0)
	for _, x := range id {
		n = n<<7 | uint64(x&0x7f)
		if x&0x80 == 0 {
			d.text.byte('.')
			d.text.uint(n)
			n = 0
		}
	}
}

// Resync finds the next message behind a gap.
func (d *c1222) Resync(b []byte) int {
	for i := range b {
		if b[i] == c1222Message && matchC1222(b[i:]) {
			return i
		}
	}
	return -1
}
