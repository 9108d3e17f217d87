package dissect

import (
	"bytes"
	"crypto/x509"
	"hash/maphash"

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
	k := &d.certificates[d.ends.of(m)]
	d.certificate(k, certificate, out)
	if k.subject != "" && known && !client {
		now.Subject = k.subject
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

// secure tells the connection's protection when it has changed.
func (d *opcua) secure(now ot.Security, out Out) {
	if now == d.security {
		return
	}
	d.security = now
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

func (d *opcua) modeUnknown() bool { return !d.opened && d.security.Mode == ot.SecurityUnknown }

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

// uaCertificate is what was read of one side's certificate. Channels are
// renewed with the same one, which is then not parsed again.
type uaCertificate struct {
	sum          uint64
	subject, uri string
}

var uaCertificateSeed = maphash.MakeSeed()

// certificate reads the sender's application instance certificate, OPC 10000-6
// section 6.2.2: it carries the ApplicationUri. A chain begins with it.
func (d *opcua) certificate(k *uaCertificate, der []byte, out Out) {
	if sum := maphash.Bytes(uaCertificateSeed, der); sum != k.sum {
		*k = uaCertificate{sum: sum}
		cert, err := x509.ParseCertificate(derFirst(der))
		if err != nil {
			return
		}
		k.subject = truncate(cert.Subject.String())
		if len(cert.URIs) > 0 {
			k.uri = truncate(cert.URIs[0].String())
		}
	}
	const source = "opcua.open_secure_channel.certificate"
	d.tellText("opcua.certificate_subject", k.subject, source, out)
	d.tellText("opcua.application_uri", k.uri, source, out)
}

// truncate bounds what is kept of a certificate.
func truncate(s string) string { return s[:min(len(s), 1024)] }

func (d *opcua) tellText(a ot.Attribute, value, source string, out Out) {
	if value != "" {
		at := len(d.text)
		d.text = append(d.text, value...)
		out.Fact(Sender, a, d.text[at:], source, ot.Identity)
	}
}

// derFirst is the first element of concatenated DER, X.690 section 8.1.
func derFirst(b []byte) []byte {
	c := wire.New(b)
	c.Skip(1)
	n := int(c.U8())
	switch n {
	case 0x81:
		n = int(c.U8())
	case 0x82:
		n = int(c.U16())
	}
	c.Skip(n)
	if !c.OK() {
		return nil
	}
	return b[:c.Off()]
}

// keep holds a value until the message has been told.
func (d *opcua) keep(parts ...[]byte) []byte {
	at := len(d.text)
	for _, p := range parts {
		d.text = append(d.text, p...)
	}
	return d.text[at:]
}
