package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// tdsHandshake reports whether b begins with a TLS record.
func tdsHandshake(b []byte) bool { return len(b) >= 2 && tlsContent(b[0]) && b[1] == 3 }

// tlsContent reports a type of TLS records, none of which is one of packets.
func tlsContent(kind byte) bool { return kind >= tlsChangeCipherSpec && kind <= tlsApplicationData }

// handshake reads a message of TLS records in packets (MS-TDS 2.2.6.5). A
// record may go on in the next packet, so the message is read whole.
func (d *tds) handshake(m *Message, out Out) (int, error) {
	const retained = 16 << 10
	if d.joined = d.joined[:0]; cap(d.joined) > retained {
		d.joined = nil
	}
	c := wire.New(m.Data)
	for last := false; !last; {
		p, ok := readTDS(c.Peek(c.Len()))
		switch {
		case !ok || p.size != 0 && p.kind != tdsPrelogin:
			return 0, notMine(d.claimed)
		case p.size == 0 || !p.whole():
			return 0, ErrShort
		}
		d.joined = append(d.joined, p.body...)
		c.Skip(p.size)
		last = p.last
	}
	before := out.n
	in := *m
	for in.Data = d.joined; len(in.Data) > 0; {
		used, err := d.inner.Dissect(&in, out)
		if err != nil || used > len(in.Data) {
			break // half a record, or nothing more to learn
		}
		in.Data = in.Data[used:]
	}
	out.drop(toldSecurity, before) // what the handshake protects may be the log-on alone
	d.claimed = true
	return c.Off(), nil
}

// record passes over a TLS record that stands alone. It is the log-on, or
// everything is encrypted: then the server sends records, too, or the client
// many.
func (d *tds) record(m *Message, out Out) (int, error) {
	const logon = 4 // records that a log-on may take
	c := wire.New(m.Data)
	r, ok := readTLSRecord(&c)
	switch {
	case !c.OK():
		return 0, ErrShort
	case !ok:
		return 0, ErrMalformed
	}
	client := m.Direction == FromClient || d.inner.client != sideNone && d.inner.client == d.inner.sides.of(m)
	d.sealed++
	if d.full || !client && r.kind == tlsApplicationData || d.sealed > logon {
		d.inner.security.Mode = ot.SignAndEncrypt
		out.Security(d.inner.security)
		out.Switch("tls")
		return tlsRecordHeader + r.n, nil
	}
	if r.kind == tlsApplicationData && d.sealed == 1 && d.open {
		out.Operation(ot.Authenticate, 1)
	}
	d.logon = true
	return tlsRecordHeader + r.n, nil
}

// Options of a prelogin (MS-TDS 2.2.6.5).
const (
	tdsOptionVersion    = 0
	tdsOptionEncryption = 1
	tdsOptionLast       = 0xff
	tdsMaxOptions       = 16

	tdsEncryptOff  = 0 // the log-on alone
	tdsEncryptNone = 2
)

// tdsOptions reports whether b begins with a list of options, of which the
// version comes first and has six bytes.
func tdsOptions(b []byte) bool {
	c := wire.New(b)
	token, at, size := c.U8(), c.U16(), c.U16()
	if !c.OK() || token != tdsOptionVersion || size != 6 || at < 11 || at > 5*tdsMaxOptions+1 {
		return false
	}
	next := c.U8()
	return c.OK() && (next == tdsOptionLast || next < tdsMaxOptions)
}

// options reads the version and encryption that an end offers.
func (d *tds) options(b []byte, server bool, out Out) {
	c := wire.New(b)
	for range tdsMaxOptions {
		token := c.U8()
		at, size := int(c.U16()), int(c.U16())
		v := wire.New(b)
		v.Skip(at)
		v = v.Sub(size)
		if token == tdsOptionLast || !c.OK() || !v.OK() {
			return
		}
		switch {
		case token == tdsOptionVersion && server:
			d.version(&v, "tds.prelogin.version", out)
		case token == tdsOptionEncryption && server:
			d.agreed(v.U8(), out)
		}
	}
}

// version tells a server's version: major, minor and build.
func (d *tds) version(v *wire.Cursor, source string, out Out) {
	from := d.text.mark()
	d.text.uint(uint64(v.U8()))
	d.text.byte('.')
	d.text.uint(uint64(v.U8()))
	d.text.byte('.')
	d.text.uint(uint64(v.U16()))
	if v.OK() {
		out.Fact(Sender, tdsVersion, d.text.since(from), source, ot.Identity)
	}
}

// agreed reads the server's word on encryption.
func (d *tds) agreed(mode uint8, out Out) {
	switch mode &^ 0x80 { // with a client certificate
	case tdsEncryptOff, tdsEncryptNone:
		d.inClear(out)
	default:
		d.full = true
	}
}

// inClear tells once that what follows the log-on is not protected.
func (d *tds) inClear(out Out) {
	if !d.open {
		d.open = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}
