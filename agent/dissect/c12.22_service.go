package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Services of EPSEM, C12.22 clause 5.3.2.4 (those of C12.18 and C12.21 keep
// their codes). Codes below 0x20 are results.
const (
	c1222Identify    = 0x20
	c1222Deregister  = 0x24
	c1222Resolve     = 0x25
	c1222Trace       = 0x26
	c1222Register    = 0x27
	c1222Read        = 0x30 // to 0x3f
	c1222Write       = 0x40 // to 0x4f
	c1222Logon       = 0x50
	c1222Security    = 0x51
	c1222Last        = 0x7f
	c1222Initiate    = 7 // table of C12.19: procedure initiate
	c1222TableMask   = 0x7ff
	c1222StandardNew = 0x03 // standard of an Identify answer: C12.22
)

// epsem reads the services of one message. With encryption they do not show.
func (d *c1222) epsem(b []byte, out Out) {
	c := wire.New(b)
	flags := c.U8()
	mode := [...]ot.SecurityMode{ot.SecurityNone, ot.Sign, ot.SignAndEncrypt, ot.SecurityUnknown}[flags>>2&3]
	if mode > d.mode {
		d.mode = mode
		out.Security(ot.Security{Mode: mode})
	}
	if mode != ot.SecurityNone && mode != ot.Sign {
		return
	}
	if flags&0x10 != 0 {
		c.Skip(4)
	}
	for range maxC1222 {
		n, ok := c1222Length(&c)
		if !ok || n == 0 || n > c.Len() {
			return
		}
		v := c.Sub(n)
		d.service(&v, out)
		if mode == ot.Sign { // the code that follows is no service
			return
		}
	}
}

func (d *c1222) service(v *wire.Cursor, out Out) {
	code := v.U8()
	if code > c1222Last {
		return
	}
	request := code >= c1222Identify
	out.Sender(roleOf(request))
	if request {
		if class, ok := c1222Operation(code, v); ok {
			out.Operation(class, 1)
		}
		if code == c1222Register {
			d.registers(v, out)
		}
		return
	}
	if code == 0 {
		d.identified(v, out)
	}
}

// c1222Operation is what a request asks for. Results do not say what they
// answer, so an answer alone counts nothing.
func c1222Operation(code uint8, v *wire.Cursor) (ot.Operation, bool) {
	switch {
	case code == c1222Identify, code == c1222Resolve, code == c1222Trace:
		return ot.Diagnose, true
	case code == c1222Register, code == c1222Deregister:
		return ot.Configure, true
	case code == c1222Logon, code == c1222Security:
		return ot.Authenticate, true
	case code&0xf0 == c1222Read:
		return ot.Read, true
	case code&0xf0 == c1222Write:
		if table := v.U16(); v.OK() && table&c1222TableMask == c1222Initiate {
			return ot.Control, true
		}
		return ot.Write, true
	}
	return 0, false
}

// identified reads an answer to Identify, clause 5.3.2.4.1: standard, version,
// revision, then features, of which the device class comes first.
func (d *c1222) identified(v *wire.Cursor, out Out) {
	if v.U8() != c1222StandardNew || v.U8() > 3 {
		return
	}
	v.Skip(1)
	if v.U8() == 0x04 && v.OK() {
		d.title(c1222Class, v, "c12.22.identify.device_class", ot.Identity, out)
	}
}

// registers reads a Register request, clause 5.3.2.4.10: types of node and of
// connection, device class, title, electronic serial number, native address.
func (d *c1222) registers(v *wire.Cursor, out Out) {
	v.Skip(2)
	class := v.Bytes(4)
	if !v.OK() {
		return
	}
	if class[3]&0x80 == 0 {
		at := d.text.mark()
		d.relative(class)
		out.Fact(Sender, c1222Class, d.text.since(at), "c12.22.register.device_class", ot.Identity)
	}
	d.title(c1222Title, v, "c12.22.register.ap_title", ot.Identity, out)
	d.title(ot.Serial, v, "c12.22.register.electronic_serial_number", ot.Identity, out)
	address := v.Bytes(int(v.U8()))
	if !v.OK() || len(address) == 0 {
		return
	}
	if !printable(address) {
		address = d.text.hexNumber(address)
	}
	out.Fact(Sender, c1222Native, address, "c12.22.register.native_address", ot.Identity)
}
