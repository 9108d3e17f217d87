package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// smbLANManager is the name of the SMB 1 implementation.
const smbLANManager ot.Attribute = "smb.native_lanman"

// Commands of SMB 1 (MS-CIFS section 2.2.2.1).
const (
	smb1Delete       = 0x06
	smb1Rename       = 0x07
	smb1Read         = 0x0a
	smb1Write        = 0x0b
	smb1Transaction  = 0x25
	smb1ReadAndX     = 0x2e
	smb1WriteAndX    = 0x2f
	smb1Transaction2 = 0x32
	smb1SessionSetup = 0x73

	smb1HeaderLen = 32
	smb1Unicode   = 0x8000
	smb1Extended  = 0x0800 // extended security
)

// smb1 reads a message of SMB 1 (MS-CIFS section 2.2.3.1).
func (d *smb) smb1(c *wire.Cursor, n int, out Out) error {
	h := wire.New(c.Peek(min(c.Len(), smb1HeaderLen)))
	h.Skip(4)
	command := h.U8()
	h.Skip(4) // status
	flags, flags2 := h.U8(), h.U16LE()
	h.Skip(20)
	switch {
	case !h.OK():
		return ErrShort
	case n < smb1HeaderLen+3:
		return notMine(d.claimed)
	}
	response := flags&0x80 != 0
	var body wire.Cursor
	if command == smb1SessionSetup {
		var err error
		if body, err = d.wait(c, n); err != nil {
			return err
		}
	}
	smbSender(response, out)
	if command == smb1SessionSetup {
		d.sessionSetup(body.Rest(), response, flags2, out)
	}
	if response {
		return nil
	}
	switch command {
	case smb1SessionSetup:
		out.Operation(ot.Authenticate, 1)
	case smb1Read, smb1Write, smb1ReadAndX, smb1WriteAndX:
		out.Operation(ot.Transfer, 1)
	case smb1Transaction2:
		out.Operation(ot.Read, 1)
	case smb1Delete, smb1Rename:
		out.Operation(ot.Write, 1)
	}
	return nil
}

// sessionSetup reads the names in a log-on (MS-CIFS section 2.2.4.53, MS-SMB
// section 2.2.4.6). The number of parameter words tells its form.
func (d *smb) sessionSetup(b []byte, response bool, flags2 uint16, out Out) {
	c := wire.New(b)
	c.Skip(smb1HeaderLen)
	count := int(c.U8())
	words := c.Sub(2 * count)
	size := int(c.U16LE())
	text := smbText{b: b[:min(len(b), c.Off()+size)], at: c.Off(), unicode: flags2&smb1Unicode != 0}
	if !c.OK() {
		return
	}
	fields := 2 // operating system and LAN manager, then the domain
	switch {
	case count == 12 && !response, count == 4 && response: // extended security
		words.Skip(6)
		if !response {
			words.Skip(8)
		}
		blob := int(words.U16LE())
		token := wire.New(b)
		token.Skip(text.at)
		d.text.ntlm(token.Bytes(blob), out)
		text.at += blob
	case count == 13 && !response:
		words.Skip(14)
		text.at += int(words.U16LE()) + int(words.U16LE()) // passwords
		text.next(&d.text)                                 // account
		if domain := text.next(&d.text); len(domain) > 0 && printable(domain) {
			out.Fact(Sender, ntlmDomain, domain, "smb.session_setup.primary_domain", ot.Content)
		}
	case count == 3 && response:
		fields = 3
	default:
		return
	}
	d.implementation(&text, fields == 3, out)
}

func (d *smb) implementation(text *smbText, domain bool, out Out) {
	if os := text.next(&d.text); len(os) > 0 && printable(os) {
		out.Fact(Sender, ot.OS, os, "smb.session_setup.native_os", ot.Identity)
	}
	if lm := text.next(&d.text); len(lm) > 0 && printable(lm) {
		out.Fact(Sender, smbLANManager, lm, "smb.session_setup.native_lanman", ot.Identity)
	}
	if name := text.next(&d.text); domain && len(name) > 0 && printable(name) {
		out.Fact(Sender, ntlmDomain, name, "smb.session_setup.primary_domain", ot.Content)
	}
}

// smbText walks the strings of a message, in UTF-16 on even offsets from its
// header or in single bytes, each ended by NUL.
type smbText struct {
	b       []byte
	at      int
	unicode bool
}

func (t *smbText) next(s *scratch) []byte {
	if t.unicode {
		t.at += t.at & 1
	}
	if t.at >= len(t.b) {
		return nil
	}
	v := t.b[t.at:]
	if !t.unicode {
		end := bytes.IndexByte(v, 0)
		if end < 0 {
			end = len(v)
		}
		t.at += end + 1
		return bytes.TrimSpace(v[:end])
	}
	end := 0
	for end+1 < len(v) && (v[end] != 0 || v[end+1] != 0) {
		end += 2
	}
	t.at += end + 2
	return bytes.TrimSpace(s.utf16(v[:end]))
}
