package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "openvpn",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(UDP(openvpnPort), TCP(openvpnPort)...),
		Match:    openvpnMatch,
		New:      func() Dissector { return &openvpn{} },
		Reads:    "who asks for the tunnel, how its control channel is protected, log-ons; what the tunnel carries is encrypted",
		Standard: "draft-openvpn-wire-protocol sections 2 to 4",
	})
}

const openvpnPort = 1194

// openvpnControl is how the control channel is protected beside its TLS.
const openvpnControl ot.Attribute = "openvpn.control_channel"

// Opcodes, the upper five bits of the first octet; the lower three are a key's
// number.
const (
	openvpnSoftReset    = 3
	openvpnControlV1    = 4
	openvpnAck          = 5
	openvpnData         = 6
	openvpnClientReset  = 7
	openvpnServerReset  = 8
	openvpnData2        = 9
	openvpnClientReset3 = 10
	openvpnWrappedKey   = 11
)

// openvpnWrap is what stands around the packets of the control channel.
type openvpnWrap uint8

const (
	openvpnUnknown openvpnWrap = iota
	openvpnPlain
	openvpnAuth   // an HMAC with a shared key, and a counter (tls-auth)
	openvpnCrypt  // encrypted with a shared key (tls-crypt)
	openvpnCrypt2 // encrypted with a key of each client (tls-crypt-v2)
)

var openvpnWraps = [...][]byte{openvpnPlain: []byte("plain"), openvpnAuth: []byte("tls-auth"), openvpnCrypt: []byte("tls-crypt"), openvpnCrypt2: []byte("tls-crypt-v2")}

// openvpn reads a conversation from its first packets; one that is met in the
// middle is told from noise by its port alone and left unnamed elsewhere.
type openvpn struct{ claimed bool }

// openvpnMatch knows the packets that begin a session, as a datagram or behind
// the length that TCP puts before them.
func openvpnMatch(b []byte) bool {
	if _, wrap := openvpnReset(b); wrap != openvpnUnknown {
		return true
	}
	c := wire.New(b)
	n := int(c.U16())
	if !c.OK() || n < openvpnLeast {
		return false
	}
	p := c.Rest()
	if len(p) < openvpnLeast {
		return len(p) > 0 && openvpnResetCode(p) && n <= openvpnMostReset
	}
	_, wrap := openvpnReset(p[:min(n, len(p))])
	return wrap != openvpnUnknown
}

// Lengths of what begins a session: opcode, session, no acknowledgements, packet
// number; and the longest that wraps a client's key.
const (
	openvpnLeast     = 14
	openvpnMostReset = 1 << 11
)

func openvpnResetCode(b []byte) bool {
	c := wire.New(b)
	switch c.U8() {
	case openvpnClientReset << 3, openvpnServerReset << 3, openvpnClientReset3 << 3:
		return c.OK()
	}
	return false
}

// openvpnReset reads a packet that begins a session: its opcode and what stands
// around it. The number of the packet is 0 and the key's, too.
func openvpnReset(b []byte) (op uint8, wrap openvpnWrap) {
	c := wire.New(b)
	op = c.U8() >> 3
	session := c.Bytes(8)
	if !openvpnResetCode(b) || !c.OK() || openvpnZero(session) {
		return 0, openvpnUnknown
	}
	if op == openvpnClientReset3 { // with the client's own key wrapped behind it
		if sealed := openvpnCounted(&c) && looksRandom(c.Peek(32)); sealed && len(b) > 54+2 && len(b) < openvpnMostReset {
			return op, openvpnCrypt2
		}
		return 0, openvpnUnknown
	}
	if openvpnTail(op, c.Peek(c.Len())) {
		return op, openvpnPlain
	}
	for _, hmac := range [...]int{16, 20, 28, 32, 48, 64} {
		a := c
		if a.Skip(hmac); a.OK() && openvpnCounted(&a) && openvpnTail(op, a.Rest()) {
			return op, openvpnAuth
		}
	}
	if openvpnCounted(&c) && looksRandom(c.Bytes(32)) && openvpnTailLen(op, c.Len()) {
		return op, openvpnCrypt
	}
	return 0, openvpnUnknown
}

// openvpnCounted reads what a replay is told by: a counter that has only begun,
// and the time in seconds.
func openvpnCounted(c *wire.Cursor) bool {
	const year2010, year2100 = 1262304000, 4102444800
	n, at := c.U32(), c.U32()
	return c.OK() && n > 0 && n < 1<<8 && at > year2010 && at < year2100
}

// openvpnTail reads acknowledgements and the packet's own number: a client's
// reset acknowledges nothing, a server's one the client's.
func openvpnTail(op uint8, b []byte) bool {
	c := wire.New(b)
	n := int(c.U8())
	if op == openvpnClientReset && n != 0 || op == openvpnServerReset && n != 1 {
		return false
	}
	if n > 0 && c.U32() != 0 {
		return false
	}
	if n > 0 {
		c.Skip(8)
	}
	return c.U32() == 0 && c.OK() && c.Len() == 0
}

func openvpnTailLen(op uint8, n int) bool {
	if op == openvpnServerReset {
		return n >= 17 && n < 64 // options of an early negotiation may follow
	}
	return n == 5
}

func openvpnZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// Dissect reads one packet.
func (d *openvpn) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		saved := *d
		defer func() { *d = saved }()
	}
	if !m.Stream {
		return len(m.Data), d.packet(m.Data, out)
	}
	c := wire.New(m.Data)
	n := int(c.U16())
	p := c.Peek(n)
	front := c.Rest()
	switch {
	case !c.OK():
		return 0, ErrShort
	case n == 0 || len(front) > 0 && !openvpnOpcode(front):
		return 0, notMine(d.claimed)
	case p == nil && !d.claimed && !openvpnResetCode(front) && len(front) > 0 && !onPort(m, openvpnPort):
		return 0, ErrNotMine
	case p == nil:
		return 0, ErrShort
	}
	return 2 + n, d.packet(p, out)
}

func openvpnOpcode(b []byte) bool {
	c := wire.New(b)
	op := c.U8() >> 3
	return op >= openvpnSoftReset && op <= openvpnWrappedKey
}

func (d *openvpn) packet(b []byte, out Out) error {
	if !openvpnOpcode(b) {
		return notMine(d.claimed)
	}
	if op, wrap := openvpnReset(b); wrap != openvpnUnknown {
		d.claimed = true
		d.begins(op, wrap, out)
		return nil
	}
	c := wire.New(b)
	switch op := c.U8() >> 3; {
	case !d.claimed && !openvpnGoesOn(b):
		return ErrNotMine
	case op == openvpnData || op == openvpnData2:
		return ErrDone
	}
	d.claimed = true
	return nil
}

// openvpnGoesOn reports a packet of the control channel that can be told in the
// middle of a session: plain, with TLS or nothing in it.
func openvpnGoesOn(b []byte) bool {
	c := wire.New(b)
	op := c.U8() >> 3
	session := c.Bytes(8)
	n := int(c.U8())
	if !c.OK() || n > 8 || openvpnZero(session) || op != openvpnControlV1 {
		return false
	}
	for range n {
		if c.U32() > 1<<16 {
			return false
		}
	}
	if n > 0 {
		c.Skip(8)
	}
	number := c.U32()
	kind, version := c.U8(), c.U16()
	return c.OK() && number < 1<<16 && kind >= 20 && kind <= 23 && version>>8 == 3 && version&0xff <= 4
}

// begins tells of a new session.
func (d *openvpn) begins(op uint8, wrap openvpnWrap, out Out) {
	if op == openvpnServerReset {
		out.Sender(Server)
		out.Fact(Sender, openvpnControl, openvpnWraps[wrap], "openvpn.hard_reset", ot.Content)
		return
	}
	out.Sender(Client)
	out.Operation(ot.Authenticate, 1)
}
