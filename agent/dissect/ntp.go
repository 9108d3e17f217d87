package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ntp",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(123),
		New:      func() Dissector { return &ntp{} },
		Reads:    "who asks whom for the time, stratum of servers",
		Standard: "RFC 5905 section 7.3",
	})
}

// ntpStratum is the distance of a time server from a reference clock.
const ntpStratum ot.Attribute = "ntp.stratum"

// Modes (RFC 5905 figure 10).
const (
	ntpActive    = 1
	ntpPassive   = 2
	ntpClient    = 3
	ntpServer    = 4
	ntpBroadcast = 5
	ntpControl   = 6
	ntpPrivate   = 7
)

const ntpHeader = 48

// ntp has no mark in its header: one end must stand on port 123 (RFC 5905
// section 7.2) and the fields must fit each other.
type ntp struct{ text scratch }

// Dissect reads one packet.
func (d *ntp) Dissect(m *Message, out Out) (int, error) {
	if !onPort(m, 123) || m.Stream {
		return 0, ErrNotMine
	}
	d.text.reset()
	c := wire.New(m.Data)
	first := c.U8()
	stratum, poll := c.U8(), int8(c.U8())
	version, mode := first>>3&7, first&7
	if version < 1 || version > 4 {
		return 0, ErrNotMine
	}
	if mode == ntpControl || mode == ntpPrivate {
		return d.management(m, mode, out)
	}
	if len(m.Data) < ntpHeader || stratum > 16 || poll < -6 || poll > 24 || (mode == 0 && version > 1) {
		return 0, ErrNotMine
	}
	switch mode {
	case ntpClient:
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case ntpServer:
		out.Sender(Server)
		if stratum > 0 && stratum < 16 {
			out.Fact(Sender, ntpStratum, d.text.uint(uint64(stratum)), "ntp.server", ot.Content)
		}
	case ntpBroadcast, ntpActive, ntpPassive:
	}
	return len(m.Data), nil
}

// management knows mode 6 (RFC 9327 section 2) and the private mode 7 by
// their lengths.
func (d *ntp) management(m *Message, mode uint8, out Out) (int, error) {
	const response = 0x80
	c := wire.New(m.Data)
	first, second := c.U8(), c.U8()
	answer := second&response != 0
	if mode == ntpPrivate {
		answer = first&response != 0
	} else {
		c.Skip(8)
		if n := int(c.U16()); !c.OK() || n > c.Len() || c.Len() > n+3+24 {
			return 0, ErrNotMine
		}
	}
	if len(m.Data) < 8 || len(m.Data)%4 != 0 {
		return 0, ErrNotMine
	}
	if answer {
		out.Sender(Server)
	} else {
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	}
	return len(m.Data), nil
}
