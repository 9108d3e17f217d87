package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Attributes that NTLM log-ons tell, whatever protocol carries them.
const (
	ntlmDomain  ot.Attribute = "ntlm.domain"
	ntlmVersion ot.Attribute = "ntlm.os_version"
)

// ntlmSignature opens every NTLM message (MS-NLMP section 2.2.1).
var ntlmSignature = []byte("NTLMSSP\x00")

// Flags of negotiation (MS-NLMP section 2.2.2.5).
const (
	ntlmUnicode    = 1 << 0
	ntlmHasVersion = 1 << 25
)

// ntlm finds an NTLM message in a security token and tells the names in it.
// User names and responses are left alone.
func (s *scratch) ntlm(token []byte, out Out) {
	i := bytes.Index(token, ntlmSignature)
	if i < 0 {
		return
	}
	b := token[i:]
	c := wire.New(b)
	c.Skip(len(ntlmSignature))
	switch kind := c.U32LE(); kind {
	case 1:
		s.ntlmNegotiate(b, out)
	case 2:
		s.ntlmChallenge(b, out)
	case 3:
		s.ntlmAuthenticate(b, out)
	}
}

// ntlmField reads what a length, a maximum and an offset at off point to
// (MS-NLMP section 2.2.1.1).
func ntlmField(b []byte, off int) []byte {
	c := wire.New(b)
	c.Skip(off)
	n := int(c.U16LE())
	c.Skip(2)
	at := int(c.U32LE())
	if !c.OK() || n == 0 {
		return nil
	}
	v := wire.New(b)
	v.Skip(at)
	return v.Bytes(n)
}

func ntlmFlags(b []byte, off int) uint32 {
	c := wire.New(b)
	c.Skip(off)
	return c.U32LE()
}

// ntlmText is a text field in the encoding that the flags name.
func (s *scratch) ntlmText(v []byte, flags uint32) []byte {
	if flags&ntlmUnicode != 0 {
		return s.utf16(v)
	}
	return trim(v)
}

func ntlmName(out Out, a ot.Attribute, v []byte, source string) {
	if len(v) > 0 && len(v) <= 255 && printable(v) {
		out.Fact(Sender, a, v, source, ot.Identity)
	}
}

// ntlmNegotiate reads the client's first message (section 2.2.1.1); its names
// are in the OEM character set.
func (s *scratch) ntlmNegotiate(b []byte, out Out) {
	flags := ntlmFlags(b, 12)
	ntlmName(out, ntlmDomain, trim(ntlmField(b, 16)), "ntlm.negotiate.domain")
	ntlmName(out, ot.Name, trim(ntlmField(b, 24)), "ntlm.negotiate.workstation")
	s.ntlmVersion(b, 32, flags, out)
}

// ntlmChallenge reads the server's message (section 2.2.1.2) with the list of
// its names (section 2.2.2.1), always in UTF-16.
func (s *scratch) ntlmChallenge(b []byte, out Out) {
	s.ntlmVersion(b, 48, ntlmFlags(b, 20), out)
	c := wire.New(ntlmField(b, 40))
	for range 16 {
		id, v := c.U16LE(), c.Bytes(int(c.U16LE()))
		if !c.OK() || id == 0 {
			return
		}
		switch id {
		case 1:
			ntlmName(out, ot.Name, s.utf16(v), "ntlm.challenge.nb_computer_name")
		case 2:
			ntlmName(out, ntlmDomain, s.utf16(v), "ntlm.challenge.nb_domain_name")
		case 3:
			ntlmName(out, ot.Name, s.utf16(v), "ntlm.challenge.dns_computer_name")
		case 4:
			ntlmName(out, ntlmDomain, s.utf16(v), "ntlm.challenge.dns_domain_name")
		}
	}
}

// ntlmAuthenticate reads the client's second message (section 2.2.1.3).
func (s *scratch) ntlmAuthenticate(b []byte, out Out) {
	flags := ntlmFlags(b, 60)
	ntlmName(out, ntlmDomain, s.ntlmText(ntlmField(b, 28), flags), "ntlm.authenticate.domain")
	ntlmName(out, ot.Name, s.ntlmText(ntlmField(b, 44), flags), "ntlm.authenticate.workstation")
	s.ntlmVersion(b, 64, flags, out)
}

// ntlmVersion reads the version of the operating system (section 2.2.2.10).
func (s *scratch) ntlmVersion(b []byte, off int, flags uint32, out Out) {
	c := wire.New(b)
	c.Skip(off)
	major, minor, build := c.U8(), c.U8(), c.U16LE()
	if flags&ntlmHasVersion == 0 || !c.OK() || major == 0 {
		return
	}
	from := s.mark()
	s.uint(uint64(major))
	s.adds(".")
	s.uint(uint64(minor))
	s.adds(".")
	s.uint(uint64(build))
	out.Fact(Sender, ntlmVersion, s.since(from), "ntlm.version", ot.Identity)
}
