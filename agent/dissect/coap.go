package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "coap",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(coapPort),
		Match:    matchCoAP,
		New:      func() Dissector { return &coap{} },
		OT:       true,
		Reads:    "requests and observations, end points that register in a directory, host names, OSCORE",
		Standard: "RFC 7252 sections 3, 5.10 and 12, RFC 7641, RFC 7959, RFC 8613 section 2, RFC 9176 section 5",
	})
}

const coapPort = 5683

// Attributes of CoAP ends.
const (
	coapEndpoint ot.Attribute = "coap.endpoint"
	coapHost     ot.Attribute = "coap.host"
)

// coap reads datagrams, RFC 7252 section 3:
//
//	 0                     1       2            4
//	+---------------------+-------+------------+-------+---------+------+---------
//	| 1, type 2, length 4 | code  | message id | token | options | 0xff | payload
//	+---------------------+-------+------------+-------+---------+------+---------
type coap struct {
	claimed bool
	oscore  bool
	text    scratch
	recent  recent
}

// Options that are looked at, RFC 7252 section 12.2 and RFC 7641.
const (
	coapURIHost = 3
	coapObserve = 6
	coapOSCORE  = 9
	coapPath    = 11
	coapQuery   = 15
	coapProxy   = 35
)

const (
	coapAcknowledgement = 2
	coapReset           = 3
	maxCoAPOptions      = 64
)

// coapMessage is what is kept of a message.
type coapMessage struct {
	kind, class, detail uint8
	known               bool // every option is one that is registered
	named               bool // a request says what it asks for
	observe, oscore     bool
	discovery, register bool // of the resources there; in a directory of them
	host, endpoint      []byte
}

// coapLengths are the options of the registry with their shortest and longest
// values, in ascending order.
var coapLengths = [...][3]uint16{
	{1, 0, 8},
	{3, 1, 255},
	{4, 1, 8},
	{5, 0, 0},
	{6, 0, 3},
	{7, 0, 2},
	{8, 0, 255},
	{9, 0, 255},
	{11, 0, 255},
	{12, 0, 2},
	{13, 0, 3},
	{14, 0, 4},
	{15, 0, 255},
	{16, 1, 1},
	{17, 0, 2},
	{19, 0, 3},
	{20, 0, 255},
	{21, 0, 255},
	{23, 0, 3},
	{27, 0, 3},
	{28, 0, 4},
	{31, 0, 3},
	{35, 1, 1034},
	{39, 1, 255},
	{60, 0, 4},
	{252, 1, 40},
	{258, 0, 1},
	{292, 0, 8},
}

// readCoAP reads a message to its end.
func readCoAP(b []byte) (g coapMessage, ok bool) {
	c := wire.New(b)
	first, code := c.U8(), c.U8()
	c.Skip(2)
	g.kind, g.class, g.detail, g.known = first>>4&3, code>>5, code&31, true
	n := int(first & 15)
	c.Skip(n)
	if !c.OK() || first>>6 != 1 || n > 8 || !g.sensible() {
		return g, false
	}
	if code == 0 {
		return g, len(b) == 4 && g.kind != 1
	}
	number, segments := 0, 0
	for range maxCoAPOptions {
		if c.Len() == 0 {
			return g, true
		}
		head := c.U8()
		if head == 0xff {
			return g, c.Len() > 0 // an empty payload is a format error, section 3
		}
		delta, length := int(head>>4), int(head&15)
		if delta == 15 || length == 15 {
			return g, false
		}
		number += coapExtended(&c, delta)
		v := c.Bytes(coapExtended(&c, length))
		if !c.OK() || !g.option(number, v, &segments) {
			return g, false
		}
	}
	return g, false
}

// sensible reports a code of section 12.1 in a type that may have it.
func (g *coapMessage) sensible() bool {
	switch g.class {
	case 0:
		return g.detail == 0 || g.detail <= 7 && g.kind < coapAcknowledgement
	case 2:
		return (g.detail >= 1 && g.detail <= 5 || g.detail == 31) && g.kind != coapReset
	case 4:
		return (g.detail <= 9 || g.detail == 12 || g.detail == 13 || g.detail == 15 || g.detail == 22 || g.detail == 29) && g.kind != coapReset
	case 5:
		return g.detail <= 8 && g.kind != coapReset
	}
	return false
}

// coapExtended reads the octets that extend a nibble, section 3.1.
func coapExtended(c *wire.Cursor, nibble int) int {
	switch nibble {
	case 13:
		return 13 + int(c.U8())
	case 14:
		return 269 + int(c.U16())
	}
	return nibble
}

// option keeps what one option says; segments counts those of the path.
func (g *coapMessage) option(number int, v []byte, segments *int) bool {
	ok := false
	for _, l := range coapLengths {
		if int(l[0]) == number {
			if len(v) < int(l[1]) || len(v) > int(l[2]) {
				return false
			}
			ok = true
			break
		}
	}
	g.known = g.known && ok
	switch number {
	case coapURIHost:
		g.host = v
		return printable(v)
	case coapObserve:
		g.observe = len(v) == 0 // 0 registers, 1 deregisters
	case coapOSCORE:
		g.oscore = true
	case coapPath:
		g.named = true
		g.discovery = g.discovery || *segments == 0 && string(v) == ".well-known"
		g.register = g.register || *segments == 0 && string(v) == "rd"
		*segments++
		return printable(v)
	case coapQuery:
		if name, value, _ := bytes.Cut(v, []byte{'='}); string(name) == "ep" {
			g.endpoint = value
		}
		return printable(v)
	case coapProxy:
		g.named = true
		return printable(v)
	}
	return true
}

// matchCoAP claims requests that name what they ask for, anywhere; the rest
// could be much else.
func matchCoAP(b []byte) bool {
	g, ok := readCoAP(b)
	return ok && g.class == 0 && g.detail > 0 && g.known && g.named
}

func (d *coap) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	g, ok := readCoAP(m.Data)
	if !ok && m.Cut && d.claimed {
		return 0, ErrShort
	}
	if !ok || !d.claimed && (!g.known || !onPort(m, coapPort) && !matchCoAP(m.Data)) {
		return 0, notMine(d.claimed)
	}
	if !d.claimed || g.oscore && !d.oscore {
		mode := ot.SecurityNone
		if g.oscore {
			mode = ot.SignAndEncrypt
		}
		out.Security(ot.Security{Mode: mode})
	}
	d.claimed, d.oscore = true, d.oscore || g.oscore
	switch {
	case g.class > 0:
		out.Sender(Server)
	case g.detail > 0:
		d.request(&g, m, out)
	}
	return len(m.Data), nil
}

// request tells what is asked for; within OSCORE the code says nothing.
func (d *coap) request(g *coapMessage, m *Message, out Out) {
	out.Sender(Client)
	switch {
	case g.oscore:
	case g.discovery:
		out.Operation(ot.Diagnose, 1)
	case g.detail == 1 && g.observe, g.detail == 5 && g.observe:
		out.Operation(ot.Subscribe, 1)
	case g.detail == 1, g.detail == 5: // GET, FETCH
		out.Operation(ot.Read, 1)
	default: // POST, PUT, DELETE, PATCH, iPATCH
		out.Operation(ot.Write, 1)
	}
	if g.register && g.detail == 2 && len(g.endpoint) > 0 {
		out.Fact(Sender, coapEndpoint, g.endpoint, "coap.register.ep", ot.Identity)
		out.Fact(Sender, ot.Name, g.endpoint, "coap.register.ep", ot.Content)
	}
	if len(g.host) > 0 && !isAddress(g.host) && !toGroup(m) && d.recent.fresh(m.Time, hashOf(g.host)) {
		out.Fact(Receiver, coapHost, g.host, "coap.uri_host", ot.Content)
	}
}
