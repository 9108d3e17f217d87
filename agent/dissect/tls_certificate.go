package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Attributes of the certificate that an asset presents.
const (
	certCommonName ot.Attribute = "tls.certificate.common_name"
	certSubject    ot.Attribute = "tls.certificate.subject"
	certIssuer     ot.Attribute = "tls.certificate.issuer"
	certDNSName    ot.Attribute = "tls.certificate.dns_name"
	certNotAfter   ot.Attribute = "tls.certificate.not_after"
)

// tlsTagCommonName is the tag of a certificate's common name, handed to the
// protocols over TLS that are known by it.
const tlsTagCommonName = 1

// tlsTagOrganization is the tag of the organization that issued it.
const tlsTagOrganization = 2

// maxCertNames bounds the alternative names that are told of a certificate.
const maxCertNames = 4

// certificates reads the Certificate message of TLS 1.2 and before (RFC 5246
// section 7.4.2): its first certificate is the sender's own. In TLS 1.3 the
// message is encrypted.
func (d *tls) certificates(m *Message, c *wire.Cursor, out Out) {
	list := c.Sub(min(int(c.U24()), c.Len()))
	der := list.Sub(int(list.U24()))
	if !list.OK() {
		return
	}
	x, ok := readCertificate(&der)
	if !ok {
		return
	}
	if name := d.text.nameOf(x.issuer, oidOrganization); len(name) > 0 {
		out.Payload(tlsTagOrganization, name)
	}
	if name := d.text.nameOf(x.subject, oidCommonName); len(name) > 0 {
		out.Fact(Sender, certCommonName, name, "tls.certificate.subject", ot.Content)
		out.Payload(tlsTagCommonName, name)
	}
	subject := d.text.distinguishedName(x.subject)
	if len(subject) > 0 {
		out.Fact(Sender, certSubject, subject, "tls.certificate.subject", ot.Content)
	}
	if issuer := d.text.distinguishedName(x.issuer); len(issuer) > 0 {
		out.Fact(Sender, certIssuer, issuer, "tls.certificate.issuer", ot.Content)
	}
	if len(x.notAfter) > 0 {
		out.Fact(Sender, certNotAfter, x.notAfter, "tls.certificate.validity", ot.Content)
	}
	d.alternativeNames(x.names, out)
	if d.client == d.sides.of(m) {
		return // a client's certificate: the connection's subject is the server's
	}
	d.security.Subject = string(subject)
	out.Security(d.security)
}

// certificate is what is read of one; names are parts of the DER that hold
// further structure.
type certificate struct {
	subject, issuer []byte // RDN sequences
	names           []byte // GeneralNames of the alternative name extension
	notAfter        []byte // as it stands: YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ
}

// readCertificate walks a certificate as far as its extensions (RFC 5280
// section 4.1).
func readCertificate(c *wire.Cursor) (x certificate, ok bool) {
	outer := berExpect(c, berSequence)
	tbs := berExpect(&outer, berSequence)
	tag, _ := berValue(&tbs) // version, which version 1 leaves out
	if tag == 0xa0 {
		berExpect(&tbs, berInteger) // serial number
	}
	berExpect(&tbs, berSequence) // signature algorithm
	issuer := berExpect(&tbs, berSequence)
	validity := berExpect(&tbs, berSequence)
	subject := berExpect(&tbs, berSequence)
	berExpect(&tbs, berSequence) // key
	if !c.OK() || !outer.OK() || !tbs.OK() {
		return x, false
	}
	x.issuer, x.subject = issuer.Rest(), subject.Rest()
	berValue(&validity)
	if _, end := berValue(&validity); validity.OK() {
		x.notAfter = end.Rest()
	}
	for tbs.Len() > 0 {
		if tag, v := berValue(&tbs); tag == 0xa3 {
			x.names = subjectAltName(&v)
		}
	}
	return x, true
}

// subjectAltName finds the alternative names among the extensions (RFC 5280
// section 4.2.1.6).
func subjectAltName(c *wire.Cursor) []byte {
	const id = "\x55\x1d\x11"
	list := berExpect(c, berSequence)
	for range 32 {
		extension := berExpect(&list, berSequence)
		if !list.OK() {
			return nil
		}
		oid := berExpect(&extension, berOID)
		if string(oid.Rest()) != id {
			continue
		}
		tag, v := berValue(&extension)
		if tag != berOctetString { // the critical flag stands between
			v = berExpect(&extension, berOctetString)
		}
		names := berExpect(&v, berSequence)
		if !v.OK() {
			return nil
		}
		return names.Rest()
	}
	return nil
}

func (d *tls) alternativeNames(names []byte, out Out) {
	const dnsName = 0x82
	c := wire.New(names)
	for n := 0; c.Len() > 0 && n < maxCertNames; {
		tag, v := berValue(&c)
		if !c.OK() {
			return
		}
		if name := v.Rest(); tag == dnsName && len(name) > 0 && printable(name) {
			out.Fact(Sender, certDNSName, name, "tls.certificate.subject_alt_name", ot.Content)
			n++
		}
	}
}

// maxRDNs bounds the parts of a distinguished name that are read.
const maxRDNs = 16

// rdns lists the offsets of the relative names in a sequence of them.
func rdns(name []byte) (at [maxRDNs]int, n int) {
	c := wire.New(name)
	for c.Len() > 0 && n < maxRDNs {
		at[n] = c.Off()
		berExpect(&c, berSet)
		if !c.OK() {
			return at, 0
		}
		n++
	}
	return at, n
}

// attributeValue reads the next type and value of a relative name.
func attributeValue(set *wire.Cursor) (oid, value []byte, tag uint8, ok bool) {
	pair := berExpect(set, berSequence)
	id := berExpect(&pair, berOID)
	tag, v := berValue(&pair)
	return id.Rest(), v.Rest(), tag, set.OK() && pair.OK()
}

const (
	oidCommonName   = "\x55\x04\x03"
	oidOrganization = "\x55\x04\x0a"
)

// commonName is the last common name of a distinguished name.
func (s *scratch) nameOf(name []byte, kind string) []byte {
	at, n := rdns(name)
	for i := n - 1; i >= 0; i-- {
		c := wire.New(name[at[i]:])
		set := berExpect(&c, berSet)
		for set.Len() > 0 {
			oid, v, tag, ok := attributeValue(&set)
			if !ok {
				break
			}
			if string(oid) == kind {
				from := s.mark()
				s.directoryString(tag, v, false)
				return s.since(from)
			}
		}
	}
	return nil
}

// distinguishedName is the text of a name after RFC 4514: last part first.
func (s *scratch) distinguishedName(name []byte) []byte {
	at, n := rdns(name)
	from := s.mark()
	for i := n - 1; i >= 0; i-- {
		c := wire.New(name[at[i]:])
		set := berExpect(&c, berSet)
		for first := true; set.Len() > 0; first = false {
			oid, v, tag, ok := attributeValue(&set)
			if !ok {
				break
			}
			switch {
			case !first:
				s.adds("+")
			case s.mark() > from:
				s.adds(",")
			}
			s.attributeType(oid)
			s.adds("=")
			s.directoryString(tag, v, true)
		}
	}
	return s.since(from)
}

// attributeType appends the short name of RFC 4514 section 3, or the number.
func (s *scratch) attributeType(oid []byte) {
	switch string(oid) {
	case oidCommonName:
		s.adds("CN")
	case "\x55\x04\x06":
		s.adds("C")
	case "\x55\x04\x07":
		s.adds("L")
	case "\x55\x04\x08":
		s.adds("ST")
	case "\x55\x04\x09":
		s.adds("STREET")
	case oidOrganization:
		s.adds("O")
	case "\x55\x04\x0b":
		s.adds("OU")
	case "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19":
		s.adds("DC")
	case "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01":
		s.adds("UID")
	default:
		s.oid(oid)
	}
}

// oid appends an object identifier in dotted decimal (X.690 section 8.19).
func (s *scratch) oid(b []byte) {
	v, first := uint64(0), true
	for _, x := range b {
		v = v<<7 | uint64(x&0x7f)
		if x&0x80 != 0 {
			continue
		}
		if first {
			top := min(v/40, 2)
			s.uint(top)
			v, first = v-40*top, false
		}
		s.adds(".")
		s.uint(v)
		v = 0
	}
}

// directoryString appends text of a name, with the escapes of RFC 4514 section
// 2.4 when it becomes part of a longer one.
func (s *scratch) directoryString(tag uint8, v []byte, escape bool) {
	if tag == berBMP {
		v = appendUTF16(nil, v, true)
	}
	for i, x := range v {
		if escape && needsEscape(v, i) {
			s.adds(`\`)
		}
		s.byte(x)
	}
}

func needsEscape(v []byte, i int) bool {
	switch v[i] {
	case '"', '+', ',', ';', '<', '>', '\\':
		return true
	case '#':
		return i == 0
	case ' ':
		return i == 0 || i == len(v)-1
	}
	return false
}
