package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "arp",
		Over:     []string{"ethernet"},
		Tier:     1,
		Ports:    EtherType(0x0806),
		New:      func() Dissector { return arp{} },
		Reads:    "requests and replies; addresses are taken from the packet",
		Standard: "RFC 826, RFC 5227",
	})
}

// arp counts requests. The binding of addresses is read from the packet by the
// sighting stage.
type arp struct{}

const (
	arpRequest = 1
	arpReply   = 2
)

// Dissect reads one packet for Ethernet and IPv4 (RFC 826).
func (arp) Dissect(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	hardware, protocol, hlen, plen, op := c.U16(), c.U16(), c.U8(), c.U8(), c.U16()
	c.Skip(20)
	if !c.OK() || hardware != 1 || protocol != 0x0800 || hlen != 6 || plen != 4 {
		return 0, ErrNotMine
	}
	switch op {
	case arpRequest:
		// Announcements and probes (RFC 5227 sections 1.1 and 3) ask nobody
		// in particular, as every request does.
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case arpReply:
		if !toGroup(m) { // a gratuitous reply answers no one
			out.Sender(Server)
		}
	default:
		return 0, ErrNotMine
	}
	return len(m.Data), nil // the rest pads the frame
}
