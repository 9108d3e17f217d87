package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "koyo",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(28784),
		Match:    matchKoyo,
		New:      func() Dissector { return &koyo{} },
		OT:       true,
		Reads:    "family, interface, name and description of DirectLOGIC controllers, use of a password, operations",
		Standard: "Host Automation Products protocol; " + FromText + ": Host Engineering's SDK definitions (HEI), koyo_login.rb of Metasploit, HAP emulator of B. Jaromin (2012)",
	})
}

// Attributes of what speaks the Host Automation Products protocol.
const (
	koyoDescription ot.Attribute = "koyo.description"
	koyoNode        ot.Attribute = "koyo.node_number"
)

// koyo reads the datagrams of Host Automation Products:
//
//	 0       3             5       7        9
//	+-------+-------------+-------+--------+----------+------
//	| "HAP" | application | check | length | function | data
//	+-------+-------------+-------+--------+----------+------
//
// Numbers have their low octet first. The check is CRC-16 of function and
// data, or 0. An answer with data has no function: the request tells what it is.
type koyo struct {
	claimed bool
	asked   uint8  // function of the last request
	setup   uint16 // what of the setup it asked for
	number  uint16 // its application value
	text    scratch
}

const (
	koyoPolling   = 0x00
	koyoDevice    = 0x04
	koyoPollAll   = 0x05
	koyoReadSetup = 0x0b
	koyoWrite     = 0x0c // setup
	koyoDelete    = 0x0d // setup
	koyoAddressed = 0x15 // broadcast for one device, whose MAC address and function follow
	koyoCCM       = 0x19
	koyoKSequence = 0x1a
	koyoAck       = 0x32
	koyoFound     = 0x55

	koyoNumber = 0x20 // of the setup: node number, name, description
	koyoName   = 0x16
	koyoText   = 0x26
)

type koyoMessage struct {
	number uint16
	data   []byte // with the function
}

func readKoyo(b []byte) (x koyoMessage, ok bool) {
	if !startsLike(b, "HAP") {
		return x, false
	}
	c := wire.New(b)
	c.Skip(3)
	x.number = c.U16LE()
	check, n := c.U16LE(), int(c.U16LE())
	x.data = c.Rest()
	return x, c.OK() && n > 0 && n == len(x.data) && (check == 0 || check == crcHigh(x.data))
}

func matchKoyo(b []byte) bool {
	_, ok := readKoyo(b)
	return ok
}

func (d *koyo) Dissect(m *Message, out Out) (int, error) {
	x, ok := readKoyo(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	if m.Trial {
		return len(m.Data), nil
	}
	d.text.reset()
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if m.likelyFromClient(28784) {
		d.request(&x, out)
	} else {
		d.answer(&x, out)
	}
	return len(m.Data), nil
}

// request tells what is asked for, and remembers it for the answer.
func (d *koyo) request(x *koyoMessage, out Out) {
	c := wire.New(x.data)
	function := c.U8()
	if function == koyoAddressed {
		c.Skip(6)
		function = c.U8()
		out.Sender(Client)
	}
	d.asked, d.setup, d.number = function, 0, x.number
	switch function {
	case koyoPolling, koyoPollAll, koyoDevice:
		out.Operation(ot.Diagnose, 1)
	case koyoReadSetup:
		c.Skip(1)
		d.setup = c.U16LE()
		out.Operation(ot.Diagnose, 1)
	case koyoWrite, koyoDelete:
		out.Operation(ot.Configure, 1)
	case koyoCCM:
		c.Skip(2)
		if way := c.U8(); way == 0x20 {
			out.Operation(ot.Write, 1)
		} else if way == 0x1e {
			out.Operation(ot.Read, 1)
		}
	case koyoKSequence:
		c.Skip(4)
		koyoSequence(c.Rest(), out)
	}
}

// koyoSequence tells of a request of the K sequence: 50 reads, 51 writes, and
// what is written to 0219 is a password.
func koyoSequence(b []byte, out Out) {
	c := wire.New(b)
	switch way, first, second := c.U8(), c.U8(), c.U8(); {
	case !c.OK():
	case way == 0x50:
		out.Operation(ot.Read, 1)
	case way == 0x51 && first == 0x01 && second == 0x19:
		out.Operation(ot.Authenticate, 1)
	case way == 0x51:
		out.Operation(ot.Write, 1)
	}
}

// answer tells what a device says of itself.
func (d *koyo) answer(x *koyoMessage, out Out) {
	c := wire.New(x.data)
	if x.data[0] == koyoFound || x.data[0] == koyoAck {
		out.Sender(Server)
		return
	}
	if x.number != d.number {
		return
	}
	asked := d.asked
	d.asked = koyoPolling
	switch {
	case asked == koyoDevice:
		d.device(&c, out)
	case asked == koyoReadSetup && c.U16LE() == 0: // no error
		d.said(c.Rest(), out)
	}
}

// device reads the device definition: family, unused, module type, state, MAC
// address.
func (d *koyo) device(c *wire.Cursor, out Out) {
	family := c.U8()
	c.Skip(1)
	module := c.U8()
	c.Skip(7)
	if !c.OK() || family < 2 || family > 4 {
		return
	}
	at := d.text.mark()
	d.text.adds("DirectLOGIC ")
	d.text.byte('0' + family)
	d.text.adds("05")
	if module == 1 {
		d.text.adds(" ECOM")
	}
	out.Fact(Sender, ot.Product, d.text.since(at), "koyo.device_info", ot.Identity)
}

func (d *koyo) said(v []byte, out Out) {
	switch text := trim(v); d.setup {
	case koyoName:
		if len(text) > 0 && printable(text) {
			out.Fact(Sender, ot.Name, text, "koyo.setup.node_name", ot.Identity)
		}
	case koyoText:
		if len(text) > 0 && printable(text) {
			out.Fact(Sender, koyoDescription, text, "koyo.setup.description", ot.Identity)
		}
	case koyoNumber:
		c := wire.New(v)
		if n := c.U32LE(); c.OK() && n != 0 {
			out.Fact(Sender, koyoNode, d.text.uint(uint64(n)), "koyo.setup.node_number", ot.Identity)
		}
	}
}
