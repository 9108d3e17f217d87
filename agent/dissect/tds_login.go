package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// tdsLoginSane checks the front of a LOGIN7 message (MS-TDS 2.2.6.4): its
// length and its version of the protocol.
func tdsLoginSane(p *tdsPacket) bool {
	c := wire.New(p.body)
	size, version := int(c.U32LE()), c.U32LE()
	if !c.OK() {
		return len(p.body) < 8
	}
	fits := size == p.size-tdsHead || !p.last && size > p.size-tdsHead && size < 128<<10
	return fits && size >= 86 && (version>>24 >= 0x70 && version>>24 <= 0x74 || version>>24 == 0x08)
}

// Where a LOGIN7 message keeps offset and length of its texts. The length
// counts characters.
var tdsLoginTexts = [...]struct {
	at     int
	of     Subject
	a      ot.Attribute
	source string
	grade  ot.Grade
}{
	{36, Sender, ot.Name, "tds.login7.client_name", ot.Identity},
	{48, Sender, tdsApplication, "tds.login7.application_name", ot.Content},
	{52, Receiver, tdsServer, "tds.login7.server_name", ot.Content},
	{60, Sender, tdsLibrary, "tds.login7.library_name", ot.Content},
	{68, Receiver, tdsDatabase, "tds.login7.database", ot.Content},
}

// login reads what a client says of itself. Its user name and password are
// left alone.
func (d *tds) login(p *tdsPacket, out Out) {
	const oldVersion = 0x72 // statements have headers from here on
	out.Operation(ot.Authenticate, 1)
	d.inClear(out)
	d.logon = true
	c := wire.New(p.body)
	c.Skip(4)
	version := c.U32LE() >> 24
	d.old = version >= 0x70 && version < oldVersion
	for _, x := range tdsLoginTexts {
		v := d.text.utf16(tdsPointed(p.body, x.at, 2))
		if len(v) > 0 && len(v) <= 384 && printable(v) && !isAddress(v) {
			out.Fact(x.of, x.a, v, x.source, x.grade)
		}
	}
	d.text.ntlm(tdsPointed(p.body, 78, 1), out)
}

// tdsPointed is what an offset and a length at a place point to.
func tdsPointed(b []byte, at, width int) []byte {
	c := wire.New(b)
	c.Skip(at)
	off, n := int(c.U16LE()), int(c.U16LE())
	if !c.OK() || n == 0 {
		return nil
	}
	v := wire.New(b)
	v.Skip(off)
	return v.Bytes(width * n)
}

// Tokens of an answer (MS-TDS 2.2.7).
const (
	tdsTokenColumns  = 0x81
	tdsTokenError    = 0xaa
	tdsTokenInfo     = 0xab
	tdsTokenLoginAck = 0xad
	tdsTokenEnv      = 0xe3
	tdsTokenSSPI     = 0xed
	tdsTokenDone     = 0xfd
	tdsTokenDoneProc = 0xfe
	tdsTokenDoneIn   = 0xff
)

// tdsTokenSane checks the first token of an answer. Only the shortest answer
// and those that tell by their form are believed.
func tdsTokenSane(p *tdsPacket) bool {
	c := wire.New(p.body)
	token := c.U8()
	switch token {
	case tdsTokenError, tdsTokenInfo, tdsTokenEnv, tdsTokenSSPI, tdsTokenLoginAck:
		n := int(c.U16LE())
		return c.OK() && n >= 4 && n <= p.size-tdsHead-3 && (token != tdsTokenEnv || c.U8() <= 20)
	case tdsTokenColumns:
		n, user := c.U16LE(), c.U32LE()
		return c.OK() && n > 0 && n <= 4096 && user <= 256
	case tdsTokenDone, tdsTokenDoneProc, tdsTokenDoneIn:
		return p.last && p.whole() && (len(p.body) == 13 || len(p.body) == 9)
	}
	return false
}

// tokens reads the tokens at the front of an answer that have a length.
func (d *tds) tokens(b []byte, out Out) {
	c := wire.New(b)
	for range 64 {
		switch token := c.U8(); token {
		case tdsTokenError, tdsTokenInfo, tdsTokenLoginAck, tdsTokenEnv, tdsTokenSSPI:
			v := c.Sub(int(c.U16LE()))
			if !c.OK() {
				return
			}
			d.token(token, &v, out)
		default:
			return
		}
	}
}

func (d *tds) token(token uint8, v *wire.Cursor, out Out) {
	switch token {
	case tdsTokenError, tdsTokenInfo:
		v.Skip(4 + 1 + 1) // number, state, class
		v.Skip(2 * int(v.U16LE()))
		if name := v.Bytes(2 * int(v.U8())); v.OK() {
			d.serverName(d.text.utf16(name), "tds.info.server_name", out)
		}
	case tdsTokenLoginAck:
		v.Skip(1 + 4) // interface, version of the protocol
		name := d.text.utf16(v.Bytes(2 * int(v.U8())))
		if v.OK() && len(name) > 0 && printable(name) {
			out.Fact(Sender, tdsProgram, name, "tds.loginack.program", ot.Identity)
			d.version(v, "tds.loginack.version", out)
		}
	case tdsTokenSSPI:
		d.text.ntlm(v.Rest(), out)
	}
}

// serverName tells "COMPUTER\INSTANCE".
func (d *tds) serverName(v []byte, source string, out Out) {
	if len(v) == 0 || len(v) > 255 || !printable(v) {
		return
	}
	out.Fact(Sender, tdsServer, v, source, ot.Identity)
	if host, _, _ := bytes.Cut(v, []byte{'\\'}); len(host) > 0 {
		out.Fact(Sender, ot.Name, host, source, ot.Content)
	}
}
