package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "umas",
		Tier:     1,
		Over:     []string{"modbus"},
		New:      func() Dissector { return &umas{} },
		OT:       true,
		Reads:    "controller model and hardware identifier, operations",
		Standard: "no public one; L. Martin-Liras: The Unity (UMAS) protocol, parts I to V (lirasenlared, 2017); Kaspersky ICS CERT: The secrets of Schneider Electric's UMAS protocol (2022); Apache PLC4X, protocols/umas",
	})
}

// umasHardware is the identifier of a controller's hardware.
const umasHardware ot.Attribute = "umas.hardware_id"

// umas reads the protocol by which a vendor's engineering software speaks with
// its controllers, inside Modbus function 90. Its maker publishes no text.
//
//	 0      1         2
//	+------+---------+----------+----------
//	| 5Ah  | pairing | function | data ..., little endian
//	|      | key     |          |
//	+------+---------+----------+----------
//	A response has FEh (done) or FDh (refused) in place of the function.
type umas struct {
	claimed bool
	asked   [8]umasAsked // requests whose answers are due
	next    uint8
	text    scratch
}

type umasAsked struct {
	transaction uint64 // and unit, as Modbus tags them
	function    uint8
	due         bool
}

// Functions that need a name.
const (
	umasReadID  = 0x02
	umasRefused = 0xfd
	umasDone    = 0xfe
)

// umasClass is the class of a function; the names are Martin-Liras's. What he
// calls upload goes from the engineer to the controller.
func umasClass(function uint8) (ot.Operation, bool) {
	switch function {
	case 0x01, umasReadID, 0x03, 0x04, 0x06: // begin, identity, project, controller, memory card
		return ot.Diagnose, true
	case 0x0a, 0x12, 0x39, 0x58, 0x73: // repeat, keep alive, Ethernet, check, status of a module
		return ot.Diagnose, true
	case 0x10, 0x11: // take and release the reservation
		return ot.Configure, true
	case 0x20, 0x22, 0x24, 0x26, 0x50, 0x70: // memory, variables, registers, dictionary, monitor, I/O
		return ot.Read, true
	case 0x23, 0x25, 0x71: // variables, registers, I/O
		return ot.Write, true
	case 0x30, 0x31, 0x32, 0x33, 0x34, 0x35: // program to the controller and back
		return ot.Program, true
	case 0x40, 0x41: // start, stop
		return ot.Control, true
	}
	return 0, false
}

func (d *umas) Dissect(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	fc := c.U8()
	c.Skip(1)
	function := c.U8()
	if !c.OK() || fc != modbusUMAS || function == 0 {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	d.text.reset()
	if function != umasDone && function != umasRefused {
		out.Sender(Client)
		if class, ok := umasClass(function); ok {
			out.Operation(class, 1)
		}
		d.asked[d.next] = umasAsked{m.Tag, function, true}
		d.next = (d.next + 1) % uint8(len(d.asked))
		return len(m.Data), nil
	}
	out.Sender(Server)
	if d.answers(m.Tag) == umasReadID && function == umasDone {
		d.identity(&c, out)
	}
	return len(m.Data), nil
}

// answers is the function of the latest request with a transaction, 0 when none
// is due.
func (d *umas) answers(transaction uint64) uint8 {
	for i := range d.asked {
		a := &d.asked[(int(d.next)+len(d.asked)-1-i)%len(d.asked)]
		if a.due && a.transaction == transaction {
			a.due = false
			return a.function
		}
	}
	return 0
}

// identity reads the answer to Read ID, whose layout PLC4X and the scripts that
// show a controller's model agree on:
//
//	range 16, hardware 32, model 16, versions 5 x 16 with a code of 32 among
//	them, unknown 16, length 8, model in words, memory banks
func (d *umas) identity(c *wire.Cursor, out Out) {
	c.Skip(2)
	hardware := c.U32LE()
	c.Skip(2 + 4*2 + 4 + 2)
	model := trim(c.Bytes(int(c.U8())))
	if !c.OK() || len(model) == 0 || !printable(model) {
		return
	}
	at := d.text.mark()
	d.text.adds("0x")
	d.text.hex([]byte{byte(hardware >> 24), byte(hardware >> 16), byte(hardware >> 8), byte(hardware)}, 0)
	out.Fact(Sender, umasHardware, d.text.since(at), "umas.read_id.hardware_id", ot.Content)
	out.Fact(Sender, ot.Model, model, "umas.read_id.model", ot.Identity)
}
