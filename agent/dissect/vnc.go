package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "vnc",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(5900, 5901),
		Match:    func(b []byte) bool { return len(b) > 0 && startsLike(b, "RFB ") },
		New:      func() Dissector { return &vnc{} },
		Reads:    "version, security type, log-on, desktop name",
		Standard: "RFC 6143 section 7",
	})
}

// Attributes of VNC servers.
const (
	vncVersion  ot.Attribute = "vnc.version"
	vncDesktop  ot.Attribute = "vnc.desktop_name"
	vncSecurity ot.Attribute = "vnc.security_type"
)

// vncState is what comes next in the handshake, whoever sends it.
type vncState uint8

const (
	vncServerVersion vncState = iota
	vncClientVersion
	vncOffer     // the server's security types
	vncChoice    // the client's
	vncChallenge // of the DES log-on (section 7.2.2)
	vncResponse
	vncResult
	vncClientInit
	vncServerInit
)

// Security types (section 8.1.2).
const (
	vncInvalid  = 0
	vncNone     = 1
	vncPassword = 2
)

// vnc walks the handshake. What a side sends early waits in its own stream: a
// message is read only when it is that side's turn.
type vnc struct {
	text   scratch
	sides  sides
	server side // who sent the first version, as far as nothing else tells
	state  vncState
	minor  uint8 // protocol version that the client chose
	kind   uint8 // security type
}

// fromServer reports whose turn it is.
func (s vncState) fromServer() bool {
	switch s {
	case vncServerVersion, vncOffer, vncChallenge, vncResult, vncServerInit:
		return true
	}
	return false
}

// Dissect reads one message of the handshake.
func (d *vnc) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		saved := *d
		defer func() { *d = saved }()
	}
	d.text.reset()
	from := d.sides.of(m)
	if d.server == sideNone {
		d.begin(m, from)
	}
	if d.state.fromServer() != (from == d.server) {
		if d.state == vncServerVersion {
			return 0, ErrNotMine
		}
		return 0, ErrShort
	}
	c := wire.New(m.Data)
	next, err := d.step(&c, m, out)
	switch {
	case err != nil:
		return 0, err
	case !c.OK():
		return 0, ErrShort
	}
	d.state = next
	if d.state > vncServerInit {
		return c.Off(), ErrDone
	}
	return c.Off(), nil
}

// begin takes the sender of the first version for the server, unless it is
// known to be the client: then the server's was missed.
func (d *vnc) begin(m *Message, from side) {
	d.server = from
	if m.Direction == FromClient {
		d.server, d.state = from.other(), vncClientVersion
	}
}

// step reads what state awaits and returns the state after it; a short cursor
// asks for more bytes.
func (d *vnc) step(c *wire.Cursor, m *Message, out Out) (vncState, error) {
	switch d.state {
	case vncServerVersion:
		if err := d.version(c, m, out); err != nil {
			return 0, err
		}
		return vncClientVersion, nil // both send one alike: the second tells who is who
	case vncClientVersion:
		if err := d.version(c, m, out); err != nil {
			return 0, ErrMalformed
		}
		out.Sender(Client)
		return vncOffer, nil
	case vncOffer:
		return d.offer(c, out)
	case vncChoice:
		d.kind = c.U8()
		return d.chosen(c, out)
	case vncChallenge, vncResponse:
		if c.Skip(16); d.state == vncChallenge {
			return vncResponse, nil
		}
		if c.OK() {
			out.Operation(ot.Authenticate, 1)
		}
		return vncResult, nil
	case vncResult:
		if c.U32() != 0 { // the log-on failed
			return vncServerInit + 1, nil
		}
		return vncClientInit, nil
	case vncClientInit:
		c.Skip(1)
		return vncServerInit, nil
	}
	return d.serverInit(c, out)
}

// version reads "RFB 003.008\n" (section 7.1.1).
func (d *vnc) version(c *wire.Cursor, m *Message, out Out) error {
	line := c.Bytes(12)
	if line == nil {
		if startsLike(m.Data, "RFB ") {
			return nil
		}
		return ErrNotMine
	}
	if !startsLike(line, "RFB 00") || line[7] != '.' || line[11] != '\n' || decimal(line[4:7]) < 3 || decimal(line[8:11]) < 0 {
		return ErrNotMine
	}
	d.minor = line[10] - '0'
	out.Fact(Sender, vncVersion, line[4:11], "vnc.protocol_version", ot.Content)
	return nil
}

// offer reads the security handshake (section 7.1.2; version 3.3 in appendix A).
func (d *vnc) offer(c *wire.Cursor, out Out) (vncState, error) {
	if d.minor < 7 {
		kind := c.U32()
		if !c.OK() {
			return 0, nil
		}
		d.kind = uint8(min(kind, 255))
		return d.chosen(c, out)
	}
	n := int(c.U8())
	if c.OK() && n == 0 { // the server gives a reason and closes
		return vncServerInit + 1, nil
	}
	c.Skip(n)
	return vncChoice, nil
}

// chosen tells the security type and what follows it.
func (d *vnc) chosen(c *wire.Cursor, out Out) (vncState, error) {
	if !c.OK() {
		return 0, nil
	}
	server := Sender
	if d.state == vncChoice {
		server = Receiver
	}
	out.Fact(server, vncSecurity, d.text.string(vncSecurityName(d.kind)), "vnc.security_type", ot.Content)
	switch d.kind {
	case vncNone:
		out.Security(ot.Security{Mode: ot.SecurityNone})
		if d.minor < 8 { // no result is sent (appendix A)
			return vncClientInit, nil
		}
		return vncResult, nil
	case vncPassword:
		out.Security(ot.Security{Mode: ot.SecurityNone})
		return vncChallenge, nil
	}
	return vncServerInit + 1, nil // VeNCrypt, RA2 and others go their own way
}

func vncSecurityName(kind uint8) string {
	switch kind {
	case vncInvalid:
		return "invalid"
	case vncNone:
		return "none"
	case vncPassword:
		return "vnc password"
	case 5, 6, 13, 129, 130, 133:
		return "RSA-AES"
	case 16:
		return "tight"
	case 18:
		return "TLS"
	case 19:
		return "VeNCrypt"
	case 30, 35:
		return "Apple"
	}
	return "other"
}

// serverInit reads the desktop's name (section 7.3.2).
func (d *vnc) serverInit(c *wire.Cursor, out Out) (vncState, error) {
	const most = 1024
	c.Skip(20)
	n := int(c.U32())
	if c.OK() && n > most {
		return 0, ErrMalformed
	}
	if name := trim(c.Bytes(n)); c.OK() && len(name) > 0 {
		out.Fact(Sender, vncDesktop, name, "vnc.server_init", ot.Identity)
	}
	return vncServerInit + 1, nil
}
