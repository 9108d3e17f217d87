package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "proconos",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(proconosPort),
		Match:    matchProConOS,
		New:      func() Dissector { return &proconos{} },
		OT:       true,
		Reads:    "run-time system and type of controllers, who asks",
		Standard: "no public one; " + FromText + ": proconos-info.nse (Digital Bond Redpoint), T. Deneut's Phoenix Contact state tool",
	})
}

const proconosPort = 20547

const proconosRuntime ot.Attribute = "proconos.runtime"

// proconos reads what programming tools say to KW-Software's run-time system
// ProConOS, which several makers of controllers use, as far as is public:
//
//	 0    1     2      4        6        8
//	+----+-----+------+--------+--------+--------+-----------+
//	| CC |01 : | code | number | length | data   | check 2   |
//	|    |ask  |      |        | (LE)   |        | (LE)      |
//	+----+-----+------+--------+--------+--------+-----------+
//
// The check is the CRC of ITU-T V.41 with the low bit first over all before it;
// the public requests bear it out. The answer that says what a controller is
// has texts at fixed places, with such a frame or without.
type proconos struct {
	claimed bool
}

const (
	proconosMark  = 0xcc
	proconosAsk   = 0x01
	proconosLeast = 10
	proconosMost  = 4 << 10
	proconosAbout = 0x000b
	proconosState = 0x000f
)

// proconosFrame is one message.
type proconosFrame struct {
	size int // 0 while it has not come
	ask  bool
	code uint16
}

// readProConOS reads a message with its check; a beginning of one, for which
// nothing speaks against it, is ok and has no size.
func readProConOS(b []byte) (f proconosFrame, ok bool) {
	c := wire.New(b)
	if c.U8() != proconosMark {
		return f, false
	}
	f.ask = c.U8() == proconosAsk
	f.code = c.U16()
	c.Skip(2)
	n := int(c.U16LE())
	if !c.OK() {
		return f, true
	}
	size := proconosLeast + n
	if size > proconosMost {
		return f, false
	}
	if len(b) < size {
		return f, true
	}
	c.Skip(n)
	if c.U16LE() != crcLow(0, b[:size-2]) {
		return f, false
	}
	f.size = size
	return f, true
}

func matchProConOS(b []byte) bool {
	f, ok := readProConOS(b)
	return ok && f.size > 0 || proconosSays(b)
}

// proconosSays reports the answer with the texts.
func proconosSays(b []byte) bool {
	c := wire.New(b)
	mark := c.U8()
	c.Skip(proconosRuntimeAt - 1)
	return mark == proconosMark && string(c.Bytes(8)) == "ProConOS" && len(b) >= proconosPlate
}

// Offsets of texts in the answer that says what a controller is.
const (
	proconosRuntimeAt = 12
	proconosTypeAt    = 44
	proconosPlate     = 77
)

func (d *proconos) Dissect(m *Message, out Out) (int, error) {
	claimed := d.claimed
	f, ok := readProConOS(m.Data)
	says := proconosSays(m.Data)
	switch {
	case !ok && says:
		f = proconosFrame{size: proconosPlate} // what follows is no frame
	case !ok && len(m.Data) < proconosPlate && proconosMaySay(m.Data):
		return 0, ErrShort
	case !ok:
		return 0, notMine(claimed)
	case f.size == 0:
		return 0, ErrShort
	}
	switch {
	case says || m.Src().Port == proconosPort:
		out.Sender(Server)
	case f.ask:
		out.Sender(Client)
		if f.code == proconosAbout || f.code == proconosState {
			out.Operation(ot.Diagnose, 1)
		}
	}
	if says {
		d.plate(m.Data, out)
	}
	if !claimed && !m.Trial {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return f.size, nil
}

// proconosMaySay reports what may be the beginning of the answer with texts.
func proconosMaySay(b []byte) bool {
	c := wire.New(b)
	if c.U8() != proconosMark {
		return false
	}
	c.Skip(min(proconosRuntimeAt-1, c.Len()))
	text := c.Bytes(min(8, c.Len()))
	return string(text) == "ProConOS"[:len(text)]
}

// plate tells what a controller is.
func (d *proconos) plate(b []byte, out Out) {
	kind := ot.Product
	if c := wire.New(b); proconosVersion(&c) { // some makers write their version here
		kind = ot.FirmwareRev
	}
	proconosText(kind, b, proconosTypeAt, "proconos.about.plc_type", out)
	proconosText(proconosRuntime, b, proconosRuntimeAt, "proconos.about.runtime", out)
}

func proconosText(a ot.Attribute, b []byte, at int, source string, out Out) {
	c := wire.New(b)
	c.Skip(at)
	if v := trim(c.Bytes(min(32, c.Len()))); len(v) > 1 && printable(v) {
		out.Fact(Sender, a, v, source, ot.Identity)
	}
}

// Resync implements Resyncer.
func (d *proconos) Resync(b []byte) int {
	for i := 0; i+proconosLeast <= len(b); i++ {
		if matchProConOS(b[i:]) {
			return i
		}
	}
	return -1
}

// proconosVersion reports a version in the place of the type.
func proconosVersion(c *wire.Cursor) bool {
	c.Skip(proconosTypeAt)
	return string(c.Bytes(2)) == "V "
}
