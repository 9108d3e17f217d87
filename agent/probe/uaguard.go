package probe

import (
	"errors"
	"fmt"

	"demarc/internal/wire"
)

// uaService names an OPC UA request that may leave this program, by the number
// of its binary encoding (OPC 10000-6 A.3, NodeIds.csv). The list is code: no
// setting and no server can add to it. All of them read.
func uaService(id uint16) (name string, ok bool) {
	switch id {
	case 422:
		return "FindServers", true
	case 428:
		return "GetEndpoints", true
	case 461:
		return "CreateSession", true
	case 467:
		return "ActivateSession", true
	case 473:
		return "CloseSession", true
	case 527:
		return "Browse", true
	case 554:
		return "TranslateBrowsePathsToNodeIds", true
	case 631:
		return "Read", true
	}
	return "", false
}

// Numbers of the channel's own requests.
const (
	uaOpenChannel  = 446
	uaCloseChannel = 452
)

// uaMaxMessage bounds a message either way: the buffers that our Hello names.
const uaMaxMessage = 0xffff

// uaGuard is what a connection may send: a Hello, one OpenSecureChannel with
// the policy that was chosen, so many requests of uaService, and a close.
// Where messages are encrypted it sees their kind, size and number alone; that
// they read is then for the child's code, which can form nothing else.
type uaGuard struct {
	policy    string // URI
	encrypted bool   // mode sign-and-encrypt
	left      int    // requests
	said      string // name of the message that was checked last
	hello     bool
	open      bool
	asked     bool
	closed    bool
}

// opening reports whether nothing was sent since the channel was asked for.
func (g *uaGuard) opening() bool { return g.open && !g.asked }

// check refuses what is not the next message.
func (g *uaGuard) check(b []byte) error {
	c := wire.New(b)
	kind, chunk, size := string(c.Bytes(3)), c.U8(), c.U32LE()
	if !c.OK() || int64(size) != int64(len(b)) || len(b) > uaMaxMessage {
		return fmt.Errorf("opcua: %d bytes are not one message", len(b))
	}
	if chunk != 'F' || g.closed {
		return fmt.Errorf("opcua: a message %s%c has no place here", kind, chunk)
	}
	switch {
	case kind == "HEL" && !g.hello:
		g.hello, g.said = true, "opcua Hello"
		return nil
	case kind == "OPN" && g.hello && !g.open: // once: a token that a server lets end at once is not renewed
		return g.opens(&c)
	case kind == "MSG" && g.open && g.left > 0:
		return g.asks(&c)
	case kind == "CLO" && g.open:
		return g.closes(&c)
	}
	return fmt.Errorf("opcua: a message %s is not the next one", kind)
}

func (g *uaGuard) opens(c *wire.Cursor) error {
	c.Skip(4) // channel
	policy := string(uaBytes(c))
	uaBytes(c) // our certificate
	uaBytes(c) // thumbprint of the server's
	if !c.OK() || policy != g.policy {
		return fmt.Errorf("opcua: a channel with policy %q, %q was chosen", clean(policy), g.policy)
	}
	if policy == uaNone {
		c.Skip(8)
		if n := uaType(c); n != uaOpenChannel {
			return fmt.Errorf("opcua: request %d opens no channel", n)
		}
	}
	g.open, g.said = true, "opcua OpenSecureChannel"
	return nil
}

func (g *uaGuard) asks(c *wire.Cursor) error {
	c.Skip(8)
	g.said = "opcua request, encrypted"
	if !g.encrypted {
		c.Skip(8)
		n := uaType(c)
		name, ok := uaService(n)
		if !ok {
			return fmt.Errorf("opcua: request %d is no read", n)
		}
		g.said = "opcua " + name
	}
	g.left--
	g.asked = true
	return nil
}

func (g *uaGuard) closes(c *wire.Cursor) error {
	c.Skip(16)
	if n := uaType(c); !g.encrypted && n != uaCloseChannel {
		return fmt.Errorf("opcua: request %d closes no channel", n)
	}
	g.closed, g.said = true, "opcua CloseSecureChannel"
	return nil
}

// uaBytes is a ByteString or String, OPC 10000-6 5.2.2; nil for null.
func uaBytes(c *wire.Cursor) []byte {
	if n := int32(c.U32LE()); n > 0 {
		return c.Bytes(int(n))
	}
	return nil
}

// uaType is the number of a message's type, a NodeId of four bytes in
// namespace 0; 0 is none.
func uaType(c *wire.Cursor) uint16 {
	form, space, id := c.U8(), c.U8(), c.U16LE()
	if !c.OK() || form != 1 || space != 0 {
		return 0
	}
	return id
}

// uaHeader reads the front of a message from a server: its size, and whether
// it is the last chunk.
func uaHeader(b []byte) (kind string, size int, last bool, err error) {
	c := wire.New(b)
	kind = string(c.Bytes(3))
	last = c.U8() != 'C'
	size = int(c.U32LE())
	if !c.OK() || size < 8 || size > uaMaxMessage {
		return "", 0, false, fmt.Errorf("opcua: a message of %d bytes, %d are allowed", size, uaMaxMessage)
	}
	return kind, size, last, nil
}

// answers refuses a channel that a server opens otherwise than it was asked
// to: the library would follow it to another policy, or another certificate.
func (g *uaGuard) answers(kind string, b, certificate []byte) error {
	if kind != "OPN" {
		return nil
	}
	c := wire.New(b)
	c.Skip(12)
	policy, sender := string(uaBytes(&c)), uaBytes(&c)
	switch {
	case !c.OK() || policy != g.policy:
		return fmt.Errorf("opcua: the server answers with security policy %q, asked for was %q", clean(policy), g.policy)
	case policy != uaNone && string(sender) != string(certificate):
		return errors.New("opcua: the server answers with another certificate than the one that is trusted")
	}
	return nil
}
