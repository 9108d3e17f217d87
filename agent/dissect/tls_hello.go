package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Attributes that TLS adds to the common ones.
const (
	tlsServerName  ot.Attribute = "tls.server_name"
	tlsALPN        ot.Attribute = "tls.alpn"
	tlsFingerprint ot.Attribute = "tls.ja4"
)

// Extensions (RFC 8446 section 4.2).
const (
	tlsExtServerName        = 0
	tlsExtSignatures        = 13
	tlsExtALPN              = 16
	tlsExtSupportedVersions = 43
)

// clientHello is what a client offers. Slices alias the message.
type clientHello struct {
	version    uint16 // legacy_version, or the best of supported_versions
	ciphers    []byte
	extensions []byte
	serverName []byte
	alpn       []byte // the first that is offered
	signatures []byte
}

// readClientHello reads RFC 8446 section 4.1.2; whole is false when the bytes
// end before the message does.
func readClientHello(c *wire.Cursor) (h clientHello, whole, ok bool) {
	h.version = c.U16()
	c.Skip(32) // random
	session := int(c.U8())
	c.Skip(session)
	ciphers := int(c.U16())
	h.ciphers = c.Bytes(ciphers)
	methods := int(c.U8())
	c.Skip(methods)
	ok = h.version>>8 == 3 && session <= 32 && ciphers%2 == 0
	if !c.OK() {
		return h, false, ok
	}
	ok = ok && ciphers > 0 && methods > 0
	if c.Len() == 0 {
		return h, true, ok // TLS 1.2 and before may leave extensions out
	}
	n := int(c.U16())
	whole = c.OK() && n <= c.Len()
	h.extensions = c.Bytes(min(n, c.Len()))
	e := wire.New(h.extensions)
	for e.Len() > 0 {
		kind, v := e.U16(), e.Bytes(int(e.U16()))
		if !e.OK() {
			return h, false, ok && !whole
		}
		h.extension(kind, v)
	}
	return h, whole, ok
}

func (h *clientHello) extension(kind uint16, v []byte) {
	c := wire.New(v)
	switch kind {
	case tlsExtServerName: // RFC 6066 section 3
		c.Skip(2)
		kind, name := c.U8(), c.Bytes(int(c.U16()))
		if c.OK() && kind == 0 {
			h.serverName = name
		}
	case tlsExtALPN: // RFC 7301 section 3.1
		c.Skip(2)
		if name := c.Bytes(int(c.U8())); c.OK() {
			h.alpn = name
		}
	case tlsExtSignatures:
		if list := c.Bytes(int(c.U16())); c.OK() {
			h.signatures = list
		}
	case tlsExtSupportedVersions:
		list := wire.New(c.Bytes(int(c.U8())))
		best := uint16(0)
		for list.Len() >= 2 {
			if x := list.U16(); !grease(x) && x > best {
				best = x
			}
		}
		if best != 0 {
			h.version = best
		}
	}
}

// grease reports one of the values that clients offer at random (RFC 8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func (d *tls) clientHello(m *Message, c *wire.Cursor, out Out) error {
	h, whole, ok := readClientHello(c)
	if !ok || (!whole && !m.Cut) {
		return d.broken()
	}
	d.hello, d.client = true, d.sides.of(m)
	out.Sender(Client)
	if whole {
		d.fingerprint(&h, out)
	}
	if len(h.alpn) > 0 && printable(h.alpn) {
		out.Fact(Sender, tlsALPN, h.alpn, "tls.client_hello.alpn", ot.Content)
	}
	if len(h.serverName) == 0 || !printable(h.serverName) {
		return nil
	}
	if !isAddress(h.serverName) { // which RFC 6066 section 3 forbids
		out.Fact(Receiver, tlsServerName, h.serverName, "tls.client_hello.server_name", ot.Content)
	}
	d.text.contact(Sender, h.serverName, "tls.client_hello.server_name", out)
	d.security.Name = string(h.serverName)
	out.Security(d.security)
	return nil
}

// serverHello tells the version that was agreed (RFC 8446 section 4.1.3).
func (d *tls) serverHello(c *wire.Cursor, out Out) error {
	version := c.U16()
	c.Skip(32)
	session := int(c.U8())
	c.Skip(session)
	suite := c.U16()
	compression := c.U8()
	if !c.OK() || version>>8 != 3 || session > 32 || compression > 1 {
		return d.broken()
	}
	e := c.Sub(int(c.U16()))
	for e.Len() > 0 {
		kind, v := e.U16(), e.Sub(int(e.U16()))
		if kind == tlsExtSupportedVersions {
			if x := v.U16(); v.OK() {
				version = x
			}
		}
	}
	d.hello, d.answered, d.plain = true, true, tlsNullCipher(suite)
	out.Sender(Server)
	if name := tlsVersion(version); name != "" {
		d.security.TLS = name
	}
	out.Security(d.security)
	return nil
}

// tlsNullCipher reports a cipher suite that protects integrity alone, as
// plants use it where devices must be read by monitors (IANA TLS registry;
// RFC 4785, RFC 5489, RFC 9150).
func tlsNullCipher(suite uint16) bool {
	switch suite {
	case 0x0001, 0x0002, 0x002c, 0x002d, 0x002e, 0x003b, 0x00b0, 0x00b1, 0x00b4, 0x00b5, 0x00b8, 0x00b9,
		0xc001, 0xc006, 0xc00b, 0xc010, 0xc015, 0xc039, 0xc03a, 0xc03b, 0xc0b4, 0xc0b5:
		return true
	}
	return false
}
