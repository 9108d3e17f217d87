package dissect

import (
	"bytes"
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// tdsBrowserPort is where the SQL Server Browser answers (MC-SQLR 1.9).
const tdsBrowserPort = 1434

// Messages of the browser (MC-SQLR 2.2).
const (
	tdsBroadcast = 0x02
	tdsUnicast   = 0x03
	tdsOne       = 0x04
	tdsAnswer    = 0x05
	tdsAdmin     = 0x0f
)

// tdsBrowserAnswer reports whether b is the answer of a browser.
func tdsBrowserAnswer(b []byte) bool {
	c := wire.New(b)
	kind, n := c.U8(), int(c.U16LE())
	return c.OK() && kind == tdsAnswer && n == c.Len() && startsLike(c.Rest(), "ServerName;") && n > len("ServerName;")
}

// browser reads what the browser is asked and answers. Its questions are too
// short to be known elsewhere than on its port.
func (d *tds) browser(m *Message, out Out) (int, error) {
	if tdsBrowserAnswer(m.Data) {
		out.Sender(Server)
		d.instances(m, m.Data[3:], out)
		return len(m.Data), nil
	}
	if m.Dst().Port != tdsBrowserPort || len(m.Data) == 0 {
		return 0, ErrNotMine
	}
	name := m.Data[1:]
	switch m.Data[0] {
	case tdsBroadcast, tdsUnicast:
		if len(name) != 0 {
			return 0, ErrNotMine
		}
	case tdsOne, tdsAdmin:
		if n := len(trim(name)); n == 0 || n > 32 || !printable(trim(name)) {
			return 0, ErrNotMine
		}
	default:
		return 0, ErrNotMine
	}
	out.Sender(Client)
	out.Operation(ot.Diagnose, 1)
	return len(m.Data), nil
}

// instances reads pairs of names and values between semicolons (MC-SQLR
// 2.2.5); two semicolons end an instance.
func (d *tds) instances(m *Message, b []byte, out Out) {
	for range 64 {
		name, rest, ok := bytes.Cut(b, []byte{';'})
		if !ok {
			return
		}
		if b = rest; len(name) == 0 {
			continue
		}
		value, rest, _ := bytes.Cut(b, []byte{';'})
		b = rest
		if len(value) == 0 || len(value) > 255 || !printable(value) {
			continue
		}
		switch string(name) {
		case "ServerName":
			out.Fact(Sender, ot.Name, value, "sqlr.server_name", ot.Identity)
		case "InstanceName":
			out.Fact(Sender, tdsInstance, value, "sqlr.instance_name", ot.Identity)
		case "Version":
			out.Fact(Sender, tdsVersion, value, "sqlr.version", ot.Identity)
		case "tcp":
			if port := decimal(value); port > 0 && port < 1<<16 && m.Src().Addr.IsValid() {
				out.Expect(netip.AddrPortFrom(m.Src().Addr, uint16(port)), netip.AddrPortFrom(m.Dst().Addr, 0), "tds", 0)
			}
		}
	}
}
