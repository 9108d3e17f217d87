package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "smb",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(445, 139),
		Match:    smbMatch,
		New:      func() Dissector { return &smb{} },
		Reads:    "computer and domain names, operating system, log-ons, file transfer, signing and encryption",
		Standard: "MS-SMB2, MS-CIFS, MS-NLMP, RFC 1002 section 4.3",
	})
}

// Session packets (RFC 1002 section 4.3.1). SMB without NetBIOS uses the first
// kind alone (MS-SMB2 section 2.1).
const (
	nbssMessage   = 0x00
	nbssRequest   = 0x81
	nbssPositive  = 0x82
	nbssNegative  = 0x83
	nbssKeepalive = 0x85

	smbMaxMessage = 1<<24 - 1
	// smbMaxInspection bounds what is put together of a log-on or negotiation.
	smbMaxInspection = 48 << 10
)

// smb reads file sharing: SMB 1 and 2 to 3.
type smb struct {
	text    scratch
	claimed bool
	mode    ot.SecurityMode // as last told
}

// smbMatch knows the header behind four bytes of length.
func smbMatch(b []byte) bool {
	c := wire.New(b)
	kind, n := c.U8(), int(c.U24())
	mark := c.Bytes(4)
	switch {
	case len(b) == 0:
		return false
	case !c.OK():
		return kind == nbssMessage && len(b) < 8 && n <= smbMaxMessage && smbFront(b)
	case kind == nbssMessage:
		return n >= 32 && smbMark(mark) != smbNone
	}
	return kind == nbssRequest && n == 68 && mark[0] == 0x20
}

// smbFront reports whether the few bytes of b can open a message.
func smbFront(b []byte) bool { return len(b) < 5 || b[4] >= 0xfc }

type smbDialect uint8

const (
	smbNone smbDialect = iota
	smb1
	smb2
	smbSealed     // encrypted, MS-SMB2 section 2.2.41
	smbCompressed // section 2.2.42
)

func smbMark(b []byte) smbDialect {
	switch string(b) {
	case "\xffSMB":
		return smb1
	case "\xfeSMB":
		return smb2
	case "\xfdSMB":
		return smbSealed
	case "\xfcSMB":
		return smbCompressed
	}
	return smbNone
}

// Dissect reads one message; file contents are passed over.
func (d *smb) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	kind, n := c.U8(), int(c.U24())
	switch {
	case !c.OK() && (len(m.Data) == 0 || m.Data[0] == nbssMessage || m.Data[0] >= nbssRequest):
		return 0, ErrShort
	case !c.OK():
		return 0, notMine(d.claimed)
	case kind != nbssMessage:
		return d.session(m, kind, n, &c, out)
	}
	mark := c.Peek(4)
	if mark == nil {
		if c.Len() > 0 && !smbFront(m.Data) {
			return 0, notMine(d.claimed)
		}
		return 0, ErrShort
	}
	used, err := 4+n, error(nil)
	switch smbMark(mark) {
	case smb1:
		err = d.smb1(&c, n, out)
	case smb2:
		err = d.smb2(&c, n, out)
	case smbSealed:
		d.protection(ot.SignAndEncrypt, out)
	case smbCompressed:
	case smbNone:
		return 0, notMine(d.claimed)
	}
	if err != nil {
		return 0, err
	}
	d.claimed = true
	return used, nil
}

// protection tells what is seen of it, once.
func (d *smb) protection(mode ot.SecurityMode, out Out) {
	if mode > d.mode {
		d.mode = mode
		out.Security(ot.Security{Mode: mode})
	}
}

// session reads what NetBIOS puts around SMB on port 139.
func (d *smb) session(m *Message, kind uint8, n int, c *wire.Cursor, out Out) (int, error) {
	fits := (kind == nbssRequest && n == 68) || (kind == nbssPositive && n == 0) || (kind == nbssNegative && n == 1) || (kind == nbssKeepalive && n == 0)
	if !fits || (!d.claimed && kind != nbssRequest && !onPort(m, 139)) {
		return 0, notMine(d.claimed)
	}
	body := c.Bytes(n)
	if !c.OK() {
		return 0, ErrShort
	}
	switch kind {
	case nbssRequest:
		const each = 34 // length, 32 letters, end
		called, name := d.text.netbiosName(body, 0), d.text.netbiosName(body, each)
		if called == nil || name == nil {
			return 0, notMine(d.claimed)
		}
		out.Sender(Client)
		out.Fact(Sender, nbnsName, d.text.netbios(name), "netbios.session_request", ot.Identity)
	case nbssPositive, nbssNegative:
		out.Sender(Server)
	}
	d.claimed = true
	return 4 + n, nil
}

// smbSender tells direction; a server marks what it sends.
func smbSender(response bool, out Out) {
	if response {
		out.Sender(Server)
	} else {
		out.Sender(Client)
	}
}

// wait is the outcome when the rest of a message that matters has not come.
func (d *smb) wait(c *wire.Cursor, n int) (body wire.Cursor, err error) {
	if c.Len() < n && n <= smbMaxInspection {
		return body, ErrShort
	}
	return c.Sub(min(n, c.Len())), nil
}
