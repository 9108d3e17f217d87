package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// What an APDU is, by its tag.
const (
	dlmsNoTag    = iota
	dlmsPlain    // nothing more is read
	dlmsACSE     // AARQ, AARE, release
	dlmsService  // GET, SET, ACTION: kind 1, invoke 1, ...
	dlmsCiphered // length, security control, counter
)

type dlmsTag struct {
	is     uint8
	from   Role // 0: either
	of     ot.Operation
	counts bool
}

const (
	dlmsPush          = 0x0f // data that nobody asks for
	dlmsAARQ          = 0x60
	dlmsAARE          = 0x61
	dlmsGet           = 0xc0
	dlmsSet           = 0xc1
	dlmsAction        = 0xc3
	dlmsGetAnswer     = 0xc4
	dlmsAuthenticated = 0x10 // bits of the security control
	dlmsEncrypted     = 0x20
)

// dlmsTags are the APDUs of IEC 62056-5-3 clause 8.
var dlmsTags = func() (t [256]dlmsTag) {
	for tag, of := range map[uint8]dlmsTag{
		0x01: {is: dlmsPlain, from: Client}, 0x08: {is: dlmsPlain, from: Server}, // initiate
		0x05: {dlmsPlain, Client, ot.Read, true}, 0x0c: {is: dlmsPlain, from: Server}, // short names
		0x06: {dlmsPlain, Client, ot.Write, true}, 0x0d: {is: dlmsPlain, from: Server},
		0x0e: {is: dlmsPlain, from: Server}, 0x18: {dlmsPlain, Server, ot.Alarm, true},
		dlmsPush: {is: dlmsPlain, from: Server},
		dlmsAARQ: {is: dlmsACSE, from: Client}, dlmsAARE: {is: dlmsACSE, from: Server},
		0x62: {is: dlmsACSE, from: Client}, 0x63: {is: dlmsACSE, from: Server},
		dlmsGet: {dlmsService, Client, ot.Read, true}, dlmsGetAnswer: {is: dlmsService, from: Server},
		dlmsSet: {dlmsService, Client, ot.Write, true}, 0xc5: {is: dlmsService, from: Server},
		dlmsAction: {dlmsService, Client, ot.Control, true}, 0xc7: {is: dlmsService, from: Server},
		0xc2: {dlmsPlain, Server, ot.Alarm, true},
		0xd8: {is: dlmsPlain, from: Server}, // exception
		0xdb: {is: dlmsPlain}, 0xdc: {is: dlmsPlain}, 0xdd: {is: dlmsPlain}, 0xdf: {is: dlmsPlain}, 0xe0: {is: dlmsPlain},
	} {
		t[tag] = of
	}
	for _, key := range []uint8{0xc8, 0xd0} { // with the global, and the dedicated, key
		for i := range uint8(8) {
			if of := t[dlmsGet+i]; of.is != dlmsNoTag {
				of.is = dlmsCiphered
				t[key+i] = of
			}
		}
	}
	return t
}()

// dlmsFits reports whether the beginning of an APDU agrees with its tag: what
// a signature may go by.
func dlmsFits(b []byte) bool {
	c := wire.New(b)
	tag := c.U8()
	switch dlmsTags[tag].is {
	case dlmsACSE, dlmsCiphered:
		n, ok := c1222Length(&c)
		return ok && n == c.Len()
	case dlmsService:
		kind, _ := c.U8(), c.U8()
		return c.OK() && kind >= 1 && kind <= 5 && c.Len() > 0
	case dlmsPlain:
		if tag == dlmsPush { // invoke 4, then a time or none
			c.Skip(4)
			n := c.U8()
			return (n == 0 || n == 12) && c.Len() > int(n)
		}
	}
	return false
}

// apdu reads one APDU.
func (d *dlms) apdu(b []byte, out Out) {
	c := wire.New(b)
	tag := c.U8()
	is := dlmsTags[tag]
	if !c.OK() || is.is == dlmsNoTag {
		return
	}
	if is.from != 0 {
		out.Sender(is.from)
	}
	switch is.is {
	case dlmsACSE:
		d.associate(tag, &c, out)
	case dlmsService:
		d.service(tag, &c, out)
		return
	case dlmsCiphered:
		if _, ok := c1222Length(&c); ok {
			d.ciphered(c.U8(), c.OK(), out)
		}
	}
	if is.counts {
		out.Operation(is.of, 1)
	}
}

// ciphered tells the protection that a security control octet says.
func (d *dlms) ciphered(control uint8, ok bool, out Out) {
	switch {
	case ok && control&dlmsEncrypted != 0:
		d.protect(ot.SignAndEncrypt, out)
	case ok && control&dlmsAuthenticated != 0:
		d.protect(ot.Sign, out)
	}
}

// protect tells a better protection than the one before.
func (d *dlms) protect(mode ot.SecurityMode, out Out) {
	if mode > d.mode {
		d.mode = mode
		out.Security(ot.Security{Mode: mode})
	}
}

// Classes of COSEM objects, IEC 62056-6-2.
const (
	dlmsClock       = 8
	dlmsAssociation = 15
	dlmsImage       = 18
	dlmsSecurity    = 64
)

// service reads GET, SET and ACTION of one object, and the answer to GET.
func (d *dlms) service(tag uint8, c *wire.Cursor, out Out) {
	kind, invoke := c.U8(), c.U8()&0x0f
	if tag == dlmsGetAnswer {
		if result := c.U8(); c.OK() && kind == 1 && result == 0 {
			d.value(d.asked[invoke], c, out)
		}
		return
	}
	is := dlmsTags[tag]
	if !is.counts {
		return
	}
	of := is.of
	if kind == 1 {
		class := c.U16()
		object, attribute := c.Bytes(6), c.U8()
		of = dlmsClassOf(is.of, class)
		if tag == dlmsGet {
			d.asked[invoke] = dlmsIdentityOf(object, attribute)
		}
	}
	if tag != dlmsGet || kind != 2 { // the next block of an answer is no new request
		out.Operation(of, 1)
	}
	d.protect(ot.SecurityNone, out)
}

// dlmsClassOf is the operation that an object's class makes of a service.
func dlmsClassOf(of ot.Operation, class uint16) ot.Operation {
	switch {
	case of == ot.Read:
	case class == dlmsImage:
		return ot.Firmware
	case class == dlmsAssociation && of == ot.Control:
		return ot.Authenticate // the second pass of a log-on
	case class == dlmsClock, class == dlmsAssociation, class == dlmsSecurity:
		return ot.Configure
	}
	return of
}
