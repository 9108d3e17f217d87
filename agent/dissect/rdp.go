package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "rdp",
		Over:     []string{"cotp"},
		Tier:     1,
		Usual:    TCP(3389), // MS-RDPBCGR 2.1
		Match:    rdpMatch,
		New:      func() Dissector { return &rdp{} },
		Reads:    "negotiated protection, client computer name and build; then the TLS handshake",
		Standard: "MS-RDPBCGR sections 1.3.1.1 and 2.2.1, ITU-T T.125, T.124",
	})
}

// Attributes of RDP clients.
const (
	rdpBuild     ot.Attribute = "rdp.client_build"
	rdpProductID ot.Attribute = "rdp.client_product_id"
)

// rdp reads the connection sequence, which COTP carries, until TLS or RDP's
// own encryption begins.
type rdp struct{ text scratch }

// Negotiation structures (MS-RDPBCGR 2.2.1.1.1, 2.2.1.2.1, 2.2.1.2.2): type,
// flags, length 8 and four bytes, little endian.
const (
	rdpNegRequest  = 1
	rdpNegResponse = 2
	rdpNegFailure  = 3

	rdpNegLen       = 8
	rdpNegProtocols = 0x1f // TLS, CredSSP, RDSTLS, CredSSP early, Entra ID

	// rdpConnectInitial and -Response are BER application tags 101 and 102
	// (T.125 section 7).
	rdpConnectInitial  = 0x7f65
	rdpConnectResponse = 0x7f66
)

// rdpCookie opens the routing token or the cookie of a connection request.
var rdpCookie = []byte("Cookie: msts")

// gccKey is the object identifier of T.124 in packed form, before the data of
// a conference create request or response.
var gccKey = []byte{0x00, 0x05, 0x00, 0x14, 0x7c, 0x00, 0x01}

type rdpKind uint8

const (
	rdpNone rdpKind = iota
	rdpRequest
	rdpResponse
	rdpInitial
	rdpServerData
	rdpClientSends // in a session that runs
	rdpServerSends
)

// rdpKindOf tells what a COTP payload is, by several fields of it.
func rdpKindOf(b []byte) (kind rdpKind, neg []byte) {
	c := wire.New(b)
	if len(b) >= 2 && (b[0] == 0x7f) {
		head := b[:min(len(b), 160)]
		switch kind := c.U16(); {
		case !bytes.Contains(head, gccKey):
		case kind == rdpConnectInitial:
			return rdpInitial, nil
		case kind == rdpConnectResponse:
			return rdpServerData, nil
		}
		return rdpNone, nil
	}
	if kind := rdpRuns(b); kind != rdpNone {
		return kind, nil
	}
	neg = b
	if cookie := bytes.HasPrefix(b, rdpCookie); cookie {
		_, neg, _ = bytes.Cut(b, []byte("\r\n"))
		if len(neg) == 0 {
			return rdpRequest, nil
		}
	}
	if len(neg) < rdpNegLen || neg[2] != rdpNegLen || neg[3] != 0 {
		return rdpNone, nil
	}
	c = wire.New(neg[4:])
	protocols := c.U32LE()
	switch {
	case neg[0] == rdpNegRequest && protocols <= rdpNegProtocols:
		return rdpRequest, neg
	case neg[0] == rdpNegResponse && protocols <= rdpNegProtocols && len(neg) == rdpNegLen,
		neg[0] == rdpNegFailure && protocols >= 1 && protocols <= 6 && len(neg) == rdpNegLen:
		return rdpResponse, neg
	}
	return rdpNone, nil
}

// rdpRuns tells who sends a data unit of a session that runs, which is all that a
// sensor sees that came later. T.125 section 7, packed (X.691): the choice, then
// the user counted from 1001, the channel as it is:
//
//	 0    1      3         5            6
//	+----+------+---------+------------+--------+------
//	| 64 | user | channel | x011 0000b | length | data    SendDataRequest, 68: Indication
//	+----+------+---------+------------+--------+------
//	| 38 | user | channel |                               ChannelJoinRequest
//	| 3e | 00 | user | requested | channel |              ChannelJoinConfirm
//
// A server hands out channels one after another from 1001, too (MS-RDPBCGR 1.3.1.1).
func rdpRuns(b []byte) rdpKind {
	const client, server = 0x64, 0x68
	const join, joined, successful = 0x38, 0x3e, 0
	c := wire.New(b)
	choice := c.U8()
	if choice == joined && c.U8() != successful {
		return rdpNone
	}
	user, channel := c.U16(), c.U16()
	if user > 0xff || channel < 1001 || channel > 1001+0xff {
		return rdpNone
	}
	if choice == joined && c.U16() != channel {
		return rdpNone
	}
	end := c.OK() && c.Len() == 0
	switch {
	case choice == join && end, choice == client && rdpSends(&c):
		return rdpClientSends
	case choice == joined && end, choice == server && rdpSends(&c):
		return rdpServerSends
	}
	return rdpNone
}

// rdpSends reports whether one whole piece of user data, of any priority, goes to
// the last octet.
func rdpSends(c *wire.Cursor) bool {
	piece, n := c.U8(), int(c.U8())
	if n&0x80 != 0 {
		n = n&0x3f<<8 | int(c.U8())
	}
	return piece&0x3f == 0x30 && c.OK() && n > 0 && n == c.Len()
}

func rdpMatch(b []byte) bool {
	kind, _ := rdpKindOf(b)
	return kind != rdpNone
}

// Dissect reads one payload of COTP: the variable part of a connection request
// or confirm, or a data unit. As speaker of the stream itself, which it becomes
// when RDP's own encryption begins, it has nothing more to learn.
func (d *rdp) Dissect(m *Message, out Out) (int, error) {
	if m.Stream {
		return len(m.Data), ErrDone
	}
	d.text.reset()
	kind, neg := rdpKindOf(m.Data)
	switch kind {
	case rdpRequest:
		out.Sender(Client)
	case rdpResponse:
		out.Sender(Server)
		d.response(neg, out)
	case rdpInitial:
		out.Sender(Client)
		d.blocks(m.Data, "Duca", out)
	case rdpServerData:
		out.Sender(Server)
		d.blocks(m.Data, "McDn", out)
		out.Switch("rdp")
	case rdpClientSends, rdpServerSends:
		out.Sender(roleOf(kind == rdpClientSends))
		out.Switch("rdp")
	case rdpNone:
		if m.Tag != cotpDT {
			return 0, ErrNotMine
		}
	}
	return len(m.Data), nil
}

// response tells what was agreed. Every protocol but RDP's own starts with a
// TLS handshake (MS-RDPBCGR 5.4.5).
func (d *rdp) response(neg []byte, out Out) {
	c := wire.New(neg)
	kind := c.U8()
	c.Skip(3)
	if protocol := c.U32LE(); kind == rdpNegResponse && protocol != 0 {
		out.Switch("tls")
	}
}

// blocks reads the data blocks behind a GCC conference request or response,
// which the key of its side precedes (MS-RDPBCGR 2.2.1.3, 2.2.1.4).
func (d *rdp) blocks(b []byte, key string, out Out) {
	i := bytes.Index(b, []byte(key))
	if i < 0 {
		return
	}
	c := wire.New(b[i+len(key):])
	if n := c.U8(); n&0x80 != 0 { // packed length of one or two bytes
		c.Skip(1)
	}
	for range 16 {
		kind, n := c.U16LE(), int(c.U16LE())
		v := c.Sub(n - 4)
		if !c.OK() {
			return
		}
		switch kind {
		case 0xc001:
			d.clientCore(&v, out)
		case 0x0c02:
			serverSecurity(&v, out)
		}
	}
}

// clientCore reads MS-RDPBCGR 2.2.1.3.2.
func (d *rdp) clientCore(c *wire.Cursor, out Out) {
	c.Skip(16) // version, desktop size, colours, key sequence, keyboard layout
	build := c.U32LE()
	name := c.Bytes(32)
	if !c.OK() {
		return
	}
	out.Fact(Sender, rdpBuild, d.text.uint(uint64(build)), "rdp.client_core_data", ot.Identity)
	if name = d.text.utf16(name); len(name) > 0 {
		out.Fact(Sender, ot.Name, name, "rdp.client_core_data", ot.Identity)
	}
	c.Skip(12 + 64 + 2 + 2 + 4 + 2 + 2 + 2)
	if id := d.text.utf16(c.Bytes(64)); c.OK() && len(id) > 0 {
		out.Fact(Sender, rdpProductID, id, "rdp.client_core_data", ot.Identity)
	}
}

// serverSecurity reads MS-RDPBCGR 2.2.1.4.3: RDP's own encryption. At the low
// level only what the client sends is encrypted, which is not told as
// protection.
func serverSecurity(c *wire.Cursor, out Out) {
	method, level := c.U32LE(), c.U32LE()
	if !c.OK() {
		return
	}
	switch {
	case method == 0 || level <= 1:
		out.Security(ot.Security{Mode: ot.SecurityNone})
	default:
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
	}
}
