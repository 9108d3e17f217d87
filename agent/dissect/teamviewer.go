package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "teamviewer",
		Over:     []string{"tcp", "udp"},
		Tier:     3,
		Ports:    append(TCP(teamViewerPort), UDP(teamViewerPort)...),
		Match:    matchTeamViewer,
		New:      func() Dissector { return &teamViewer{} },
		Reads:    "remote control by TeamViewer, who asks for a connection",
		Standard: "no public text; from the text alone: the commands as bettercap lists them, the signatures of nDPI and libprotoident",
	})
}

const teamViewerPort = 5938

// teamViewer knows commands of the first form, the length little endian:
//
//	 0         2         3        5
//	+---------+---------+--------+---------
//	| 17 24   | command | length | data ...
//	+---------+---------+--------+---------
//
// and of the second, 11 30, of which its magic and the command in its fourth
// octet are known: what follows one is not read. A datagram has eleven octets
// before the first form, of which the first is zero.
type teamViewer struct{ claimed bool }

const (
	teamViewerMagic  = 0x1724
	teamViewerMagic2 = 0x1130
	teamViewerHead   = 5
	teamViewerBefore = 11 // octets of a datagram before the command
)

// Commands that say who sends them.
const (
	teamViewerIdentify = 10
	teamViewerConnect  = 11
	teamViewerUDP      = 70
)

// teamViewerCommand reports a command that is known.
func teamViewerCommand(n uint8) bool {
	return n >= 10 && n <= 63 && n != 12 || n >= 70 && n <= 72 || n >= 90 && n <= 113
}

// teamViewerMessage is what the front of some bytes can be.
type teamViewerMessage struct {
	command uint8
	size    int // 0 while the head has not come whole
	second  bool
}

func readTeamViewer(b []byte) (g teamViewerMessage, ok bool) {
	c := wire.New(b)
	switch magic := c.U16(); {
	case !c.OK():
		return g, len(b) == 0 || b[0] == teamViewerMagic>>8 || b[0] == teamViewerMagic2>>8
	case magic == teamViewerMagic2:
		c.Skip(1)
		g.second, g.command = true, c.U8()
		return g, !c.OK() || teamViewerCommand(g.command)
	case magic != teamViewerMagic:
		return g, false
	}
	g.command = c.U8()
	if c.OK() && !teamViewerCommand(g.command) {
		return g, false
	}
	if n := int(c.U16LE()); c.OK() {
		g.size = teamViewerHead + n
	}
	return g, true
}

// matchTeamViewer claims a command of the first form that ends with b, has
// another behind it or has not come whole.
func matchTeamViewer(b []byte) bool {
	g, ok := readTeamViewer(b)
	if !ok || g.second || len(b) == 0 || b[0] != teamViewerMagic>>8 {
		return false
	}
	if g.size == 0 || g.size >= len(b) {
		return true
	}
	c := wire.New(b)
	c.Skip(g.size)
	_, ok = readTeamViewer(c.Rest())
	return ok
}

func (d *teamViewer) Dissect(m *Message, out Out) (int, error) {
	if !m.Stream {
		return d.datagram(m, out)
	}
	g, ok := readTeamViewer(m.Data)
	c := wire.New(m.Data)
	c.Skip(4)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case !d.claimed && !onPort(m, teamViewerPort) && !matchTeamViewer(m.Data):
		return 0, ErrNotMine
	case g.second && c.OK():
		d.tell(m, &g, out)
		return len(m.Data), ErrDone
	case g.size == 0 || g.size > len(m.Data) && !m.Cut:
		return 0, ErrShort
	}
	d.tell(m, &g, out)
	if g.size > len(m.Data) {
		return 0, ErrShort
	}
	return g.size, nil
}

// datagram reads one on the port alone: nothing but the magic tells it.
func (d *teamViewer) datagram(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	first := c.U8()
	c.Skip(teamViewerBefore - 1)
	g, ok := readTeamViewer(c.Rest())
	if first != 0 || !ok || g.second || g.size == 0 || !d.claimed && !onPort(m, teamViewerPort) {
		if d.claimed {
			return len(m.Data), nil
		}
		return 0, ErrNotMine
	}
	d.tell(m, &g, out)
	return len(m.Data), nil
}

// tell says once that the tool speaks, and who asks for a connection.
func (d *teamViewer) tell(m *Message, g *teamViewerMessage, out Out) {
	if g.command == teamViewerConnect || g.command == teamViewerUDP {
		out.Sender(Client)
	}
	if d.claimed || m.Trial {
		return
	}
	d.claimed = true
	if g.command == teamViewerIdentify {
		out.Operation(ot.Authenticate, 1)
	}
}
