package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "nbdgm",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(138),
		New:      func() Dissector { return &nbdgm{} },
		Reads:    "NetBIOS name of the sender; computer name, version and services that it announces to its network neighbours",
		Standard: "RFC 1002 section 4.4, MS-BRWS section 2.2",
	})
}

// Attributes that a computer announces.
const (
	browserVersion  ot.Attribute = "browser.os_version"
	browserServices ot.Attribute = "browser.services"
	browserComment  ot.Attribute = "browser.comment"
	browserDomain   ot.Attribute = "browser.domain"
)

// Datagram types (RFC 1002 section 4.4.1) and browser frames (MS-BRWS 2.2).
const (
	nbdgmUnique    = 0x10
	nbdgmBroadcast = 0x12
	nbdgmHeader    = 14

	browserHost     = 1
	browserAsk      = 2
	browserDomains  = 12
	browserLocal    = 15
	browserElection = 8
)

type nbdgm struct{ text scratch }

// Dissect reads one datagram: header, source and destination name, user data.
func (d *nbdgm) Dissect(m *Message, out Out) (int, error) {
	if !onPort(m, 138) || m.Stream {
		return 0, ErrNotMine
	}
	d.text.reset()
	c := wire.New(m.Data)
	kind, flags := c.U8(), c.U8()
	c.Skip(2)
	from := c.Bytes(4)
	port, length, offset := c.U16(), int(c.U16()), c.U16()
	switch {
	case !c.OK(), kind < nbdgmUnique, kind > nbdgmBroadcast, flags&0xf0 != 0, port != 138, length > len(m.Data):
		return 0, ErrNotMine
	case flags&2 == 0 || offset != 0: // not the first fragment
		return len(m.Data), nil
	}
	source := d.text.netbiosName(m.Data, nbdgmHeader)
	if source == nil || !dnsSkipName(&c) || !dnsSkipName(&c) {
		return 0, ErrNotMine
	}
	out.Sender(Client)
	of := Sender
	if a := addrOf(from); a != m.Src().Addr && !a.IsUnspecified() {
		of = Addr(a) // forwarded
	}
	out.Fact(of, nbnsName, d.text.netbios(source), "netbios.datagram.source", ot.Identity)
	d.mailslot(c.Rest(), out)
	return len(m.Data), nil
}

// mailslot finds the browser frame in an SMB transaction (MS-CIFS section
// 2.2.4.33, MS-MAIL section 2.2.1).
func (d *nbdgm) mailslot(b []byte, out Out) {
	c := wire.New(b)
	mark := c.Bytes(4)
	command := c.U8()
	c.Skip(smb1HeaderLen - 5)
	words := c.Sub(2 * int(c.U8()))
	words.Skip(22)
	size, at := int(words.U16LE()), int(words.U16LE())
	c.Skip(2)
	name := c.Bytes(len(`\MAILSLOT\BROWSE`))
	if !c.OK() || !words.OK() || smbMark(mark) != smb1 || command != smb1Transaction || !bytes.EqualFold(name, []byte(`\MAILSLOT\BROWSE`)) {
		return
	}
	data := wire.New(b)
	data.Skip(at)
	frame := data.Sub(size)
	if frame.OK() {
		d.browser(&frame, out)
	}
}

func (d *nbdgm) browser(c *wire.Cursor, out Out) {
	switch kind := c.U8(); kind {
	case browserHost, browserLocal, browserDomains:
		d.announcement(kind, c, out)
	case browserAsk:
		c.Skip(1)
		d.computer(trim(c.Rest()), "browser.announcement_request", out)
	case browserElection:
		c.Skip(13) // version, criteria, uptime, unused
		d.computer(trim(c.Rest()), "browser.election", out)
	}
}

func (d *nbdgm) computer(name []byte, source string, out Out) {
	if len(name) > 0 && len(name) <= netbiosNameLen && printable(name) {
		out.Fact(Sender, ot.Name, name, source, ot.Identity)
	}
}

// announcement reads MS-BRWS sections 2.2.1, 2.2.6 and 2.2.8. A domain
// announcement carries the domain as name, and its master as comment.
func (d *nbdgm) announcement(kind uint8, c *wire.Cursor, out Out) {
	c.Skip(5) // count, period
	name := trim(c.Bytes(16))
	major, minor := c.U8(), c.U8()
	services := c.U32LE()
	c.Skip(4) // browser version, signature
	if !c.OK() {
		return
	}
	comment := trim(c.Rest())
	if kind == browserDomains {
		if len(name) > 0 && printable(name) {
			out.Fact(Sender, browserDomain, name, "browser.domain_announcement", ot.Content)
		}
		return
	}
	d.computer(name, "browser.announcement", out)
	from := d.text.mark()
	d.text.uint(uint64(major))
	d.text.adds(".")
	d.text.uint(uint64(minor))
	out.Fact(Sender, browserVersion, d.text.since(from), "browser.announcement", ot.Identity)
	if v := d.services(services); len(v) > 0 {
		out.Fact(Sender, browserServices, v, "browser.announcement", ot.Identity)
	}
	if len(comment) > 0 && printable(comment) {
		out.Fact(Sender, browserComment, comment, "browser.announcement", ot.Identity)
	}
}

// browserServiceNames follow the bits of the server type (MS-BRWS section
// 2.2.1, MS-SRVS section 2.2.2.7).
var browserServiceNames = [...]string{
	0: "workstation", 1: "server", 2: "sql-server", 3: "domain-controller", 4: "backup-domain-controller",
	5: "time-source", 9: "print-queue", 10: "dial-in", 15: "windows-nt-server", 18: "master-browser", 19: "domain-master-browser", 24: "cluster", 25: "terminal-server",
}

func (d *nbdgm) services(bits uint32) []byte {
	from := d.text.mark()
	for i, name := range browserServiceNames {
		if name == "" || bits&(1<<i) == 0 {
			continue
		}
		if d.text.mark() > from {
			d.text.adds(" ")
		}
		d.text.adds(name)
	}
	return d.text.since(from)
}
