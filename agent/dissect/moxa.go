package dissect

import (
	"demarc/agent/decode"
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "moxa",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(4800),
		Match:    matchMoxa,
		New:      func() Dissector { return &moxa{} },
		OT:       true,
		Reads:    "model, name and MAC address of Moxa serial device servers, whether they ask for a password",
		Standard: "no public one; " + FromText + ": Greenbone gb_moxa_protocol_detect.nasl, rt-saber/moxadmin README.md",
	})
}

// moxaPassword says whether a device server asks for a password.
const moxaPassword ot.Attribute = "moxa.password"

// moxaModel is the number by which a device server names its model.
const moxaModel ot.Attribute = "moxa.model_number"

// moxa reads how Moxa's programs find device servers and ask them:
//
//	 0      1     2        4    8       14    20
//	+------+-----+--------+----+-------+-----+------
//	| type | err | length | id | model | MAC | what was asked for
//	+------+-----+--------+----+-------+-----+------
//
// The length counts everything. A search ends behind the id; an answer has the
// type of its request and the highest bit.
type moxa struct {
	claimed bool
	text    scratch
}

const (
	moxaSearch = 0x01
	moxaName   = 0x10
	moxaAuth   = 0x16
	moxaAnswer = 0x80

	moxaShort  = 8  // octets of a search
	moxaHeader = 20 // of all else
)

type moxaMessage struct {
	kind, failed uint8
	model        []byte // none in a search
	mac          decode.MAC
	rest         wire.Cursor
}

func readMoxa(b []byte) (x moxaMessage, ok bool) {
	c := wire.New(b)
	x.kind, x.failed = c.U8(), c.U8()
	n := int(c.U16())
	c.Skip(4)
	if !c.OK() || n != len(b) || x.kind&^moxaAnswer == 0 || x.failed != 0 && x.kind < moxaAnswer {
		return x, false
	}
	if n == moxaShort {
		return x, x.kind == moxaSearch
	}
	model, mac := c.Bytes(6), c.Bytes(6)
	if !c.OK() {
		return x, false
	}
	x.model, x.rest = model, wire.New(c.Rest())
	copy(x.mac[:], mac)
	return x, mac[0] == 0x00 && mac[1] == 0x90 && mac[2] == 0xe8 // Moxa's
}

// matchMoxa claims what names a device server by its MAC address; a search has
// no more than its length.
func matchMoxa(b []byte) bool {
	x, ok := readMoxa(b)
	return ok && x.model != nil
}

func (d *moxa) Dissect(m *Message, out Out) (int, error) {
	x, ok := readMoxa(m.Data)
	if !ok || x.model == nil && m.Dst().Port != 4800 && !d.claimed {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	if !d.claimed {
		d.claimed = !m.Trial
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if x.kind < moxaAnswer {
		out.Sender(Client)
		if x.kind == moxaSearch || x.kind == moxaName || x.kind == moxaAuth {
			out.Operation(ot.Diagnose, 1)
		}
		return len(m.Data), nil
	}
	out.Sender(Server)
	if x.failed == 0 {
		d.learn(&x, out)
	}
	return len(m.Data), nil
}

var moxaVendor, moxaYes, moxaNo = []byte("Moxa"), []byte("yes"), []byte("no")

func (d *moxa) learn(x *moxaMessage, out Out) {
	switch x.kind &^ moxaAnswer {
	case moxaSearch:
		out.Fact(Sender, ot.Vendor, moxaVendor, "moxa.search", ot.Behaviour)
		out.Fact(Sender, moxaModel, d.text.hex(x.model, 0), "moxa.search.model", ot.Identity)
		if name := moxaModels[[6]byte(x.model)]; name != "" {
			out.Fact(Sender, ot.Model, d.text.string(name), "moxa.search.model", ot.Identity)
		}
	case moxaName:
		if name := trim(x.rest.Rest()); len(name) > 0 && len(name) <= 64 && printable(name) {
			out.Fact(Sender, ot.Name, name, "moxa.name", ot.Identity)
		}
	case moxaAuth:
		x.rest.Skip(12)
		switch asks := x.rest.U8(); {
		case !x.rest.OK():
		case asks == 0:
			out.Fact(Sender, moxaPassword, moxaNo, "moxa.authentication", ot.Identity)
		case asks == 1:
			out.Fact(Sender, moxaPassword, moxaYes, "moxa.authentication", ot.Identity)
		}
	}
}

// moxaModels are numbers of models that public texts name.
var moxaModels = map[[6]byte]string{
	{0x10, 0x51, 0x00, 0x80, 0x10, 0x51}: "NPort 5110",
	{0x00, 0x51, 0x01, 0x80, 0x1a, 0x51}: "NPort 5110A",
	{0x00, 0x51, 0x00, 0x80, 0x30, 0x51}: "NPort 5130",
	{0x00, 0x51, 0x01, 0x80, 0x3a, 0x51}: "NPort 5130A",
	{0x00, 0x51, 0x00, 0x80, 0x50, 0x51}: "NPort 5150",
	{0x12, 0x03, 0x00, 0x80, 0x22, 0x03}: "NPort 5210",
	{0x00, 0x52, 0x01, 0x80, 0x1a, 0x52}: "NPort 5210A",
	{0x12, 0x03, 0x00, 0x80, 0x12, 0x03}: "NPort 5230",
	{0x12, 0x03, 0x00, 0x80, 0x32, 0x03}: "NPort 5232",
	{0x00, 0x50, 0x00, 0x80, 0x04, 0x05}: "NPort 5410",
	{0x00, 0x50, 0x00, 0x80, 0x34, 0x05}: "NPort 5430",
	{0x00, 0x54, 0x00, 0x80, 0x04, 0x54}: "NPort 5450",
	{0x10, 0x56, 0x00, 0x80, 0x18, 0x56}: "NPort 5610-8",
	{0x10, 0x56, 0x00, 0x80, 0x13, 0x56}: "NPort 5610-16",
	{0x10, 0x56, 0x00, 0x80, 0x58, 0x56}: "NPort 5650-8",
	{0x10, 0x56, 0x00, 0x80, 0x53, 0x56}: "NPort 5650-16",
	{0x50, 0x52, 0x00, 0x80, 0x51, 0x51}: "NPort IA-5150",
	{0x50, 0x52, 0x00, 0x80, 0x51, 0x52}: "NPort IA-5250",
	{0x00, 0x60, 0x00, 0x80, 0x50, 0x61}: "NPort 6150",
	{0x00, 0x60, 0x00, 0x80, 0x50, 0x62}: "NPort 6250",
	{0x00, 0x60, 0x00, 0x80, 0x50, 0x64}: "NPort 6450",
	{0x00, 0x60, 0x00, 0x80, 0x58, 0x66}: "NPort 6650-8",
	{0x00, 0x60, 0x00, 0x80, 0x53, 0x66}: "NPort 6650-16",
}
