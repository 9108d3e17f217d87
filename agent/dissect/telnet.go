package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "telnet",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(23),
		Match:    telnetMatch,
		New:      func() Dissector { return &telnet{} },
		Reads:    "option negotiation: who is the terminal, its type",
		Standard: "RFC 854, RFC 855, RFC 1091, RFC 1143",
	})
}

// telnetTerminal is the terminal type that a client names (RFC 1091).
const telnetTerminal ot.Attribute = "telnet.terminal"

// Commands (RFC 854) and options (IANA registry).
const (
	telnetSE   = 240
	telnetSB   = 250
	telnetWill = 251
	telnetDont = 254
	telnetIAC  = 255

	telnetEcho         = 1
	telnetTerminalType = 24
	telnetWindowSize   = 31
	telnetLastOption   = 49
)

// maxTelnetMessages is how many commands and runs of text are looked at; then
// the session is text.
const maxTelnetMessages = 64

type telnet struct {
	claimed bool
	seen    int
}

// telnetMatch knows a negotiation by its first command; a byte 255 alone may
// become one.
func telnetMatch(b []byte) bool {
	switch {
	case len(b) == 0 || b[0] != telnetIAC:
		return false
	case len(b) == 1:
		return true
	case b[1] < telnetSB || b[1] > telnetDont:
		return false
	}
	return len(b) == 2 || b[2] <= telnetLastOption
}

// Dissect reads one command, or the text up to the next. The first message
// must be two negotiation commands, or one on the telnet port.
func (d *telnet) Dissect(m *Message, out Out) (int, error) {
	if !d.claimed {
		if err := d.opens(m); err != nil {
			return 0, err
		}
	}
	used, err := d.read(m.Data, out)
	if err != nil || m.Trial {
		return used, err
	}
	d.claimed = true
	if d.seen++; d.seen > maxTelnetMessages {
		return used, ErrDone
	}
	return used, nil
}

func (d *telnet) opens(m *Message) error {
	if !telnetMatch(m.Data) {
		return ErrNotMine
	}
	first, ok := telnetCommand(m.Data)
	switch {
	case !ok:
		return ErrShort
	case onPort(m, 23):
		return nil
	case !telnetMatch(m.Data[first:]) && len(m.Data) > first:
		return ErrNotMine
	}
	if _, ok := telnetCommand(m.Data[first:]); !ok {
		return ErrShort
	}
	return nil
}

// telnetCommand is the length of the command at the front of b.
func telnetCommand(b []byte) (n int, ok bool) {
	switch {
	case len(b) < 2:
		return 0, false
	case b[1] == telnetSB:
		end := bytes.Index(b, []byte{telnetIAC, telnetSE})
		return end + 2, end >= 0
	case b[1] > telnetSB && b[1] <= telnetDont:
		return 3, len(b) >= 3
	}
	return 2, true
}

func (d *telnet) read(b []byte, out Out) (int, error) {
	if b[0] != telnetIAC {
		if i := bytes.IndexByte(b, telnetIAC); i >= 0 {
			return i, nil
		}
		return len(b), nil
	}
	n, ok := telnetCommand(b)
	switch {
	case !ok && len(b) > 1024:
		return 0, notMine(d.claimed)
	case !ok:
		return 0, ErrShort
	}
	d.command(b[:n], out)
	return n, nil
}

// command tells who is the terminal: it alone has a size and a type, and the
// other side echoes. To be asked to echo proves nothing: servers ask, too, to
// know old clients.
func (d *telnet) command(b []byte, out Out) {
	const do = 253
	c := wire.New(b)
	c.Skip(1)
	verb, option := c.U8(), c.U8()
	terminal := option == telnetTerminalType || option == telnetWindowSize
	switch {
	case !c.OK():
	case verb == telnetSB && terminal:
		d.subnegotiation(option, &c, out)
	case verb == telnetWill && terminal:
		out.Sender(Client)
	case verb == do && terminal, verb == telnetWill && option == telnetEcho:
		out.Sender(Server)
	}
}

func (d *telnet) subnegotiation(option uint8, c *wire.Cursor, out Out) {
	const is = 0
	if option == telnetWindowSize {
		out.Sender(Client)
		return
	}
	if c.U8() != is {
		out.Sender(Server) // asks for the type
		return
	}
	out.Sender(Client)
	if name := c.Bytes(c.Len() - 2); c.OK() && len(name) > 0 && printable(name) {
		out.Fact(Sender, telnetTerminal, name, "telnet.terminal_type", ot.Content)
	}
}
