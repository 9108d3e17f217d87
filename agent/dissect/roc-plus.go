package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "roc-plus",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(TCP(4000), UDP(4000)...),
		Match:    matchROC,
		Near:     nearROC,
		New:      func() Dissector { return &rocPlus{} },
		OT:       true,
		Reads:    "device type, station name, firmware, manufacturer and serial number, addresses, operations",
		Standard: "Emerson D301180X012 ROC Plus Protocol Specifications Manual chapters 1 to 3",
	})
}

// rocAddress is unit and group of a device, "1.2".
const rocAddress ot.Attribute = "roc-plus.address"

// rocPlus reads the protocol of Emerson's flow computers and remote terminal
// units, D301180X012 section 1.2:
//
//	0      1       2      3       4        5        6
//	+------+-------+------+-------+--------+--------+------+---------+
//	| to   | to    | from | from  | opcode | length | data | check   |
//	| unit | group | unit | group |        |        |      | CRC-16  |
//	+------+-------+------+-------+--------+--------+------+---------+
//
// Nothing says what is request and what is answer; opcode and length do.
// A request without data has the form of a Modbus serial frame with the right
// check, too: there the port decides, and elsewhere the next message.
type rocPlus struct {
	claimed bool
	recent  recent
	text    scratch
}

const (
	rocHead = 6
	rocMost = rocHead + 255 + 2
)

type rocMessage struct {
	size   int
	unit   uint8 // of the sender
	group  uint8
	opcode uint8
	data   []byte
}

// readROC reads one message: ErrShort when it may go on.
func readROC(b []byte) (x rocMessage, err error) {
	c := wire.New(b)
	c.Skip(2)
	x.unit, x.group, x.opcode = c.U8(), c.U8(), c.U8()
	if c.OK() && rocOpcodes[x.opcode].kind == rocUnknown {
		return x, ErrNotMine
	}
	n := int(c.U8())
	x.data = c.Bytes(n)
	check := c.U16LE()
	x.size = rocHead + n + 2
	switch {
	case !c.OK():
		return x, ErrShort
	case serialCRC(b[:x.size-2]) != check:
		return x, ErrNotMine
	}
	return x, nil
}

// matchROC claims whole messages with data: one without may be of Modbus.
func matchROC(b []byte) bool {
	x, err := readROC(b)
	return err == nil && len(x.data) > 0
}

// nearROC claims messages without data, too.
func nearROC(b []byte) bool {
	_, err := readROC(b)
	return err == nil
}

func (d *rocPlus) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	x, err := readROC(m.Data)
	switch {
	case err == ErrNotMine, err == ErrShort && !m.Stream && !m.Cut: //nolint:errorlint // of its own, never wrapped
		return 0, notMine(d.claimed)
	case err != nil:
		return 0, err
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	request, known := rocOpcodes[x.opcode].request(x.data)
	if known {
		out.Sender(roleOf(request))
	} else {
		request = m.likelyFromClient(4000)
	}
	if class := rocOpcodes[x.opcode].class; class.counts && (request || x.opcode == rocSignal) {
		out.Operation(class.of, 1)
	}
	if known && !request {
		d.answer(m, &x, out)
	}
	return x.size, nil
}

// answer tells who the sender says it is.
func (d *rocPlus) answer(m *Message, x *rocMessage, out Out) {
	if d.recent.fresh(m.Time, uint64(x.unit)<<8|uint64(x.group)) {
		at := d.text.mark()
		d.text.uint(uint64(x.unit))
		d.text.byte('.')
		d.text.uint(uint64(x.group))
		out.Fact(Sender, rocAddress, d.text.since(at), "roc-plus.source", ot.Content)
	}
	c := wire.New(x.data)
	switch x.opcode {
	case rocSystem:
		d.system(&c, out)
	case rocReadPoint:
		d.point(&c, out)
	case rocReadParameters:
		d.parameters(&c, out)
	}
}

// Resync finds the next message of a stream.
func (d *rocPlus) Resync(b []byte) int {
	for i := range b {
		if matchROC(b[i:]) {
			return i
		}
	}
	return -1
}
