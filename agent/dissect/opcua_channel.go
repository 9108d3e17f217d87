package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// open reads an OpenSecureChannel message, OPC 10000-6 section 6.7.2.3: the
// header names policy and sender's certificate in clear, the body is clear
// with policy None only.
func (d *opcua) open(m *Message, c *wire.Cursor, out Out) {
	channel := c.U32LE()
	policy := uaPolicy(uaString(c))
	certificate := uaString(c)
	uaString(c) // thumbprint of the receiver's certificate
	if !c.OK() || policy == "" {
		return
	}
	d.opened, d.plain = true, policy == "None"
	client := m.Direction == FromClient
	known := m.Direction != Unknown
	if channel == 0 { // the client asks for a channel and has no number yet
		out.Sender(Client)
		client, known = true, true
	}
	if d.plain {
		c.Skip(8)
		s, ok := uaServiceOf(uaNodeID(c))
		if ok && s.response {
			out.Sender(Server)
		} else if ok {
			out.Sender(Client)
		}
		return // what it protects shows with the first message of a session
	}
	now := d.security
	now.Policy = policy
	subject := d.certificate(certificate, "opcua.open_secure_channel.certificate", out)
	if known && !client && string(subject) != now.Subject {
		now.Subject = string(subject)
	}
	d.secure(now, out)
}

// uaPolicy is the short name of a security policy, OPC 10000-7: what follows
// the number sign of its URI.
func uaPolicy(uri []byte) string {
	i := bytes.LastIndexByte(uri, '#')
	if i < 0 || !bytes.HasPrefix(uri, []byte("http://opcfoundation.org/UA/")) {
		return ""
	}
	name := uri[i+1:]
	for _, known := range [...]string{
		"None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", "Basic256", "Basic128Rsa15", "Basic192Rsa15",
		"ECC_nistP256", "ECC_nistP384", "ECC_brainpoolP256r1", "ECC_brainpoolP384r1", "ECC_curve25519", "ECC_curve448",
	} {
		if string(name) == known {
			return known
		}
	}
	if len(name) > 64 {
		return ""
	}
	return string(name)
}

// uaNone is the protection of a channel whose policy is None.
var uaNone = ot.Security{Mode: ot.SecurityNone, Policy: "None"}

// secure tells the connection's protection when it has changed.
func (d *opcua) secure(now ot.Security, out Out) {
	if now == d.security {
		return
	}
	d.security, d.moded, d.none = now, now.Mode != ot.SecurityUnknown, now == uaNone
	out.Security(now)
}

// unread handles a chunk whose service cannot be read: with a policy, or after
// several in a row that are whole cipher blocks, the channel encrypts.
func (d *opcua) unread(h uaHeader, out Out) (int, error) {
	d.claimed = true
	if d.opened && d.plain {
		return h.size, nil
	}
	if !d.opened {
		if (h.size-16)%16 != 0 { // AES, OPC 10000-6 section 6.7.2.5; 16 octets are clear
			d.opaque = 0
			return h.size, nil
		}
		if d.opaque++; d.opaque < uaOpaque {
			return h.size, nil
		}
	}
	now := d.security
	now.Mode = ot.SignAndEncrypt
	d.secure(now, out)
	return h.size, ErrDone
}

func (d *opcua) modeUnknown() bool { return !d.opened && !d.moded }

// tail tells the mode of a channel that was opened before the capture began,
// from a message read to its end: nothing is left, or a signature is
// (HMAC-SHA1 20 octets, HMAC-SHA256 32).
func (d *opcua) tail(c *wire.Cursor, out Out) {
	if !d.modeUnknown() || !c.OK() {
		return
	}
	switch c.Len() {
	case 0:
		d.secure(ot.Security{Mode: ot.SecurityNone}, out)
	case 20, 32:
		d.secure(ot.Security{Mode: ot.Sign}, out)
	}
}

// certificate reads the sender's application instance certificate, OPC 10000-6
// section 6.2.2: it carries the ApplicationUri. A chain begins with it.
func (d *opcua) certificate(der []byte, source string, out Out) (subject []byte) {
	c := wire.New(der)
	x, ok := readCertificate(&c)
	if !ok {
		return nil
	}
	subject = d.text.distinguishedName(x.subject)
	uaTell(Sender, "opcua.certificate_subject", subject, source, ot.Identity, out)
	uaTell(Sender, "opcua.application_uri", uaAlternativeURI(x.names), source, ot.Identity, out)
	return subject
}

// uaAlternativeURI is the first uniformResourceIdentifier among the
// alternative names, RFC 5280 section 4.2.1.6.
func uaAlternativeURI(names []byte) []byte {
	const uri = 0x86
	c := wire.New(names)
	for c.Len() > 0 {
		tag, v := berValue(&c)
		if !c.OK() {
			return nil
		}
		if tag == uri {
			return v.Rest()
		}
	}
	return nil
}
