package dissect

import (
	"encoding/binary"
	"math/bits"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "mbus",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Match:    func(b []byte) bool { return matchFT12(b, provesMBus) },
		New:      func() Dissector { return &mbus{} },
		OT:       true,
		Reads:    "maker, serial number, version and kind of meters behind a gateway, operations",
		Standard: "EN 13757-2:2018 (link layer) and EN 13757-3:2018 (application layer) behind serial gateways; from the text alone",
	})
}

// Attributes of meters.
const (
	mbusAddress ot.Attribute = "mbus.primary_address"
	mbusMaker   ot.Attribute = "mbus.manufacturer"
	mbusVersion ot.Attribute = "mbus.version"
)

// mbus reads the bus of meters. The master begins every exchange; behind the
// address stands what the data is:
//
//	control information | header | records
//	header 72, 76: identification 4 (BCD) | maker 2 | version | kind | access | status | configuration 2
//
// Of 76 numbers have the high octet first.
type mbus struct {
	claimed bool
	asked   bool // a request was seen: answers then count nothing of their own
	answers bool // an answer was
	parts   numberedParts
	recent  recent
	text    scratch
}

// Control information, EN 13757-3 clause 5 and EN 13757-7.
const (
	mbusReset     = 0x50
	mbusSelect    = 0x52
	mbusLongLow   = 0x72
	mbusFixedLow  = 0x73 // of old meters: identification 4, access, status, kinds 2, two counters of 4
	mbusLongHigh  = 0x76
	mbusBaud      = 0xb8 // to BF
	mbusBaudLast  = 0xbf
	mbusSelected  = 0xfd // address of the meter that was selected
	mbusLongHead  = 12
	mbusFixedSize = 16
)

type mbusUnit struct {
	address, what uint8
	rest          wire.Cursor
}

func readMBus(f *ft12) (x mbusUnit, ok bool) {
	c := wire.New(f.body)
	c.Skip(1)
	x.address, x.what = c.U8(), c.U8()
	x.rest = c
	return x, c.OK()
}

// mbusMeter is the header of a long answer.
type mbusMeter struct {
	digits  uint32 // of the serial number, four bits each
	serial  uint32
	maker   [3]byte
	version uint8
	kind    uint8
}

// meter reads what a meter says of itself, and goes through its records.
func (x *mbusUnit) meter() (v mbusMeter, ok bool) {
	c := x.rest
	id := c.U32LE()
	maker := c.U16LE()
	if x.what == mbusLongHigh {
		id, maker = bits.ReverseBytes32(id), bits.ReverseBytes16(maker)
	}
	v.version, v.kind = c.U8(), c.U8()
	c.Skip(2)
	configuration := c.U16()
	var digits, letters bool
	v.digits = id
	v.serial, digits = bcd32(id)
	v.maker, letters = flagLetters(maker)
	return v, c.OK() && digits && letters && (configuration != 0 || mbusRecords(&c))
}

// bcd32 reads eight decimal digits.
func bcd32(v uint32) (n uint32, ok bool) {
	for shift := 28; shift >= 0; shift -= 4 {
		digit := v >> shift & 15
		if digit > 9 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, true
}

// flagLetters reads the three letters of a maker, five bits each.
func flagLetters(v uint16) (letters [3]byte, ok bool) {
	for i := range letters {
		n := v >> (10 - 5*i) & 31
		if n < 1 || n > 26 {
			return letters, false
		}
		letters[i] = 'A' + byte(n) - 1
	}
	return letters, v>>15 == 0
}

// Fields of records, EN 13757-3 clause 6.3.
const (
	mbusFiller   = 0x2f
	mbusExtends  = 0x80
	mbusOwn      = 0x0f // a maker's own, to the end; 1F says that more follows
	mbusVariable = 0x0d
	mbusText     = 0x7c // the unit is text
	mbusMost     = 10   // octets that extend one field
)

// mbusLengths are those of the data by the low half of the first octet.
var mbusLengths = [16]int{0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, mbusVariable: 0, 14: 6, 15: 0}

// mbusRecords reports whether records fill all that is left.
func mbusRecords(c *wire.Cursor) bool {
	for c.Len() > 0 {
		first := c.U8()
		switch {
		case first == mbusFiller:
			continue
		case first&0x6f == mbusOwn && first&mbusExtends == 0:
			return true
		case first&0x0f == mbusOwn:
			return false
		}
		if !mbusExtended(c, first) {
			return false
		}
		unit := c.U8()
		if unit&0x7f == mbusText {
			c.Skip(int(c.U8()))
		}
		if !mbusExtended(c, unit) {
			return false
		}
		n := mbusLengths[first&15]
		if first&15 == mbusVariable {
			n = mbusLength(c.U8())
		}
		c.Skip(n)
	}
	return c.OK()
}

// mbusExtended passes over the octets that extend a field.
func mbusExtended(c *wire.Cursor, x uint8) bool {
	for range mbusMost {
		if x&mbusExtends == 0 {
			return c.OK()
		}
		x = c.U8()
	}
	return false
}

// mbusLength is the size of data of variable length: text, positive and
// negative decimal digits, binary numbers.
func mbusLength(n uint8) int {
	switch {
	case n < 0xc0:
		return int(n)
	case n < 0xf0:
		return int(n & 15)
	}
	return 4 * int(n-0xec)
}

// mbusFits reports whether a frame is a meter's answer with a header, or
// selects one.
func mbusFits(f *ft12) bool {
	x, ok := readMBus(f)
	switch {
	case !ok:
		return false
	case x.what == mbusSelect:
		return f.primary() && x.address == mbusSelected && x.rest.Len() == 8
	case f.primary():
		return false
	case x.what == mbusLongLow, x.what == mbusLongHigh:
		_, ok = x.meter()
		return ok
	}
	_, digits := bcd32(x.rest.U32LE())
	return x.what == mbusFixedLow && digits && x.rest.Len() == mbusFixedSize-4
}

func provesMBus(f ft12) bool { return f.body != nil && mbusFits(&f) }

func (d *mbus) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	f, err := nextFT12(m, d.claimed, 1, provesMBus)
	if err != nil {
		return 0, err
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	asks := !f.single && f.primary()
	out.Sender(roleOf(asks))
	if asks {
		d.request(&f, out)
	} else if f.body != nil {
		d.answer(m, &f, out)
	}
	return f.size, nil
}

// request tells what the master wants.
func (d *mbus) request(f *ft12, out Out) {
	d.asked = true
	if fn := f.function(); f.body == nil {
		if fn == ft12Class1 || fn == ft12Class2 {
			out.Operation(ot.Read, 1)
		}
		return
	}
	x, _ := readMBus(f)
	switch {
	case x.what == mbusSelect:
		out.Operation(ot.Diagnose, 1)
	case x.what == mbusReset:
		out.Operation(ot.Control, 1)
	case x.what >= mbusBaud && x.what <= mbusBaudLast:
		out.Operation(ot.Configure, 1)
	default:
		out.Operation(ot.Write, 1)
	}
}

// answer tells who a meter is. The request to the first answer of a stream may
// yet come; else what nobody was seen to ask for counts.
func (d *mbus) answer(m *Message, f *ft12, out Out) {
	if !d.asked && (d.answers || !m.Stream) {
		out.Operation(ot.Read, 1)
	}
	d.answers = true
	x, _ := readMBus(f)
	if x.what != mbusLongLow && x.what != mbusLongHigh {
		return
	}
	v, ok := x.meter()
	if !ok || !d.recent.fresh(m.Time, uint64(v.serial)<<32|uint64(v.kind)) {
		return
	}
	of := Part(Sender, d.parts.path("meter/", v.serial))
	if of.Path == "" {
		return // too many behind one gateway
	}
	d.identify(of, &x, &v, out)
}

func (d *mbus) identify(of Subject, x *mbusUnit, v *mbusMeter, out Out) {
	const source = "mbus.header."
	var digits [4]byte
	binary.BigEndian.PutUint32(digits[:], v.digits)
	out.Fact(of, ot.Serial, d.text.hex(digits[:], 0), source+"identification", ot.Identity)
	from := d.text.mark()
	d.text.add(v.maker[:])
	out.Fact(of, mbusMaker, d.text.since(from), source+"manufacturer", ot.Identity)
	if name, ok := dlmsMakers[string(v.maker[:])]; ok {
		out.Fact(of, ot.Vendor, d.text.string(name), source+"manufacturer", ot.Identity)
	}
	out.Fact(of, mbusVersion, d.text.uint(uint64(v.version)), source+"version", ot.Identity)
	if kind := mbusKind(v.kind); kind != "" {
		out.Fact(of, ot.DeviceType, d.text.string(kind), source+"device_type", ot.Identity)
	}
	if x.address > 0 && x.address <= 250 {
		out.Fact(of, mbusAddress, d.text.uint(uint64(x.address)), "mbus.address", ot.Content)
	}
}

// mbusKinds are device types, EN 13757-3 table 13.
var mbusKinds = [...]string{
	1: "oil meter", 2: "electricity meter", 3: "gas meter", 4: "heat meter", 5: "steam meter", 6: "warm water meter", 7: "water meter",
	8: "heat cost allocator", 9: "compressed air meter", 10: "cooling meter", 11: "cooling meter", 12: "heat meter", 13: "heat and cooling meter",
	14: "bus or system component", 20: "calorific value", 21: "hot water meter", 22: "cold water meter", 23: "dual register water meter",
	24: "pressure meter", 25: "A/D converter", 26: "smoke detector", 27: "room sensor", 28: "gas detector", 32: "breaker", 33: "valve",
	37: "customer unit", 40: "waste water meter", 49: "communication controller", 54: "radio converter", 55: "radio converter",
}

func mbusKind(n uint8) string {
	if int(n) < len(mbusKinds) {
		return mbusKinds[n]
	}
	return ""
}

// Resync finds the next frame that is one of a meter.
func (d *mbus) Resync(b []byte) int { return resyncFT12(b, provesMBus) }
