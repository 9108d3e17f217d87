package dissect

import (
	"errors"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "synchrophasor",
		Tier:     1,
		Over:     []string{"tcp", "udp"},
		Ports:    append(TCP(4712), UDP(4713)...),
		Match:    matchPhasor,
		New:      func() Dissector { return &phasor{} },
		OT:       true,
		Reads:    "stream and station codes, station names behind a concentrator, commands",
		Standard: "IEEE C37.118.2-2011",
	})
}

// phasor reads synchrophasor frames, IEEE C37.118.2 clause 6, big endian:
//
//	 0    1        2        4        6      10       14
//	+----+--------+--------+--------+------+--------+-------- ... ----+-----+
//	| AA | type   | frame  | ID     | SOC  | frac-  | data            | CRC |
//	|    | version| size   | code   |      | sec    |                 |     |
//	+----+--------+--------+--------+------+--------+-------- ... ----+-----+
//	type in bits 6 to 4: 0 data, 1 header, 2, 3, 5 configuration, 4 command
//
// A command comes from the receiver of the data, the client, and names the
// stream that it is for; all else comes from the stream's source.
type phasor struct {
	claimed bool
	asked   bool // a command was seen: its answer then counts nothing of its own
	recent  recent
	parts   numberedParts
	text    scratch
}

// Frame types, IEEE C37.118.2 table 3.
const (
	phasorData    = 0
	phasorHeader  = 1
	phasorConfig1 = 2
	phasorConfig2 = 3
	phasorCommand = 4
	phasorConfig3 = 5
)

const (
	phasorHead = 14 // up to the data
	phasorMin  = phasorHead + 4
)

// phasorFrame is one frame; data may be cut.
type phasorFrame struct {
	kind byte
	id   uint16
	data wire.Cursor
	size int
}

// readPhasor reads the header at the front of b.
func readPhasor(b []byte) (f phasorFrame, err error) {
	c := wire.New(b)
	sync, kind := c.U8(), c.U8()
	f.kind = kind >> 4
	if (len(b) > 0 && sync != 0xaa) || (len(b) > 1 && (f.kind > phasorConfig3 || kind&0x0f < 1 || kind&0x0f > 3)) {
		return f, ErrNotMine
	}
	f.size = int(c.U16())
	if len(b) >= 4 && f.size < phasorMin {
		return f, ErrNotMine
	}
	f.id = c.U16()
	c.Skip(8)
	if !c.OK() {
		return f, ErrShort
	}
	f.data = c.Sub(max(0, min(f.size-phasorHead-2, c.Len())))
	return f, nil
}

// sound reports whether a frame that is there whole has the right CRC.
func (f phasorFrame) sound(b []byte) bool {
	c := wire.New(b)
	covered := c.Bytes(f.size - 2)
	return c.U16() == phasorCRC(covered) && c.OK()
}

// phasorTable is CRC-CCITT, x16+x12+x5+1, highest bit first (annex B).
var phasorTable = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i) << 8
		for range 8 {
			crc = crc<<1 ^ 0x1021*(crc>>15)
		}
		t[i] = crc
	}
	return t
}()

func phasorCRC(b []byte) uint16 {
	crc := uint16(0xffff)
	for _, x := range b {
		crc = crc<<8 ^ phasorTable[byte(crc>>8)^x]
	}
	return crc
}

func matchPhasor(b []byte) bool {
	f, err := readPhasor(b)
	if err != nil || f.size > len(b) {
		return !errors.Is(err, ErrNotMine)
	}
	return f.sound(b)
}

// Dissect implements Dissector: one frame.
func (d *phasor) Dissect(m *Message, out Out) (int, error) {
	f, err := readPhasor(m.Data)
	whole := err == nil && f.size <= len(m.Data)
	switch {
	case errors.Is(err, ErrNotMine), !whole && !m.Stream && !m.Cut:
		return 0, notMine(d.claimed)
	case err != nil, !whole && !m.Cut:
		return 0, ErrShort
	case whole && (!d.claimed || f.kind != phasorData) && !f.sound(m.Data):
		// data frames are many: once the stream is known, they are not summed
		return 0, notMine(d.claimed)
	}
	if !m.Trial {
		d.learn(m, f, whole, out)
		d.claimed = d.claimed || whole
	}
	if !whole {
		return 0, ErrShort
	}
	return f.size, nil
}

// learn tells what one frame says.
func (d *phasor) learn(m *Message, f phasorFrame, whole bool, out Out) {
	d.text.reset()
	if f.kind == phasorCommand {
		out.Sender(Client)
		d.command(f, out)
		return
	}
	out.Sender(Server)
	if d.recent.fresh(m.Time, uint64(f.id)) {
		out.Security(ot.Security{Mode: ot.SecurityNone})
		out.Fact(Sender, "synchrophasor.stream", d.text.uint(uint64(f.id)), "synchrophasor.idcode", ot.Content)
	}
	switch {
	case f.kind == phasorData:
		out.Operation(ot.Subscribe, 1) // as reports are: they come unasked, too
	case f.kind != phasorData && !d.asked:
		out.Operation(ot.Diagnose, 1)
	}
	if whole && (f.kind == phasorConfig1 || f.kind == phasorConfig2) {
		d.configuration(f.data, false, out)
	}
	if whole && f.kind == phasorConfig3 {
		f.data.Skip(2) // CONT_IDX: its first frame has the names that are told
		d.configuration(f.data, true, out)
	}
}

// command reads what is asked, IEEE C37.118.2 table 15.
func (d *phasor) command(f phasorFrame, out Out) {
	switch f.data.U16() {
	case 1, 2: // stop and start data
		out.Operation(ot.Subscribe, 1)
	case 3, 4, 5, 6: // header, configurations
		out.Operation(ot.Diagnose, 1)
	case 8: // extended frame: the maker's or user's own
		out.Operation(ot.Write, 1)
	}
	d.asked = true
}

// pmu is one measurement unit of a configuration.
type pmu struct {
	name []byte
	id   uint16
}

// phasorMaxPMUs bounds the units of one configuration that are told.
const phasorMaxPMUs = 128

// configuration reads a configuration frame, IEEE C37.118.2 6.4: the unit that
// is alone is the sender, others stand behind a concentrator. third: frame 3.
func (d *phasor) configuration(c wire.Cursor, third bool, out Out) {
	c.Skip(4) // TIME_BASE
	n := int(c.U16())
	for i := 0; i < n && i < phasorMaxPMUs; i++ {
		var p pmu
		if third {
			p = readPMU3(&c)
		} else {
			p = readPMU(&c)
		}
		if !c.OK() {
			return
		}
		d.unit(p, n > 1, out)
	}
}

func (d *phasor) unit(p pmu, several bool, out Out) {
	number := d.text.uint(uint64(p.id))
	named := len(p.name) > 0 && printable(p.name)
	out.Fact(Sender, "synchrophasor.station_id", number, "synchrophasor.config.idcode", ot.Identity)
	if named {
		out.Fact(Sender, "synchrophasor.station", p.name, "synchrophasor.config.stn", ot.Identity)
	}
	of := Sender
	if several {
		if of.Path = d.parts.path("pmu/", uint32(p.id)); of.Path == "" {
			return
		}
		out.Fact(of, "synchrophasor.station_id", number, "synchrophasor.config.idcode", ot.Identity)
	}
	if named {
		out.Fact(of, ot.Name, p.name, "synchrophasor.config.stn", ot.Identity)
	}
}

// readPMU reads one unit of configurations 1 and 2, table 9: name 16, ID code,
// format, numbers of phasors, analogues and digitals, names of 16 octets, a
// digital having 16, conversion factors, frequency, change count.
func readPMU(c *wire.Cursor) (p pmu) {
	p.name = trim(c.Bytes(16))
	p.id = c.U16()
	c.Skip(2)
	phasors, analogs, digitals := int(c.U16()), int(c.U16()), int(c.U16())
	c.Skip(16*(phasors+analogs+16*digitals) + 4*(phasors+analogs+digitals) + 4)
	return p
}

// readPMU3 reads one unit of configuration 3, table 10: names have their
// length before them, and an identifier, scales and a place are added.
func readPMU3(c *wire.Cursor) (p pmu) {
	p.name = trim(c.Bytes(int(c.U8())))
	p.id = c.U16()
	c.Skip(16 + 2) // G_PMU_ID, format
	phasors, analogs, digitals := int(c.U16()), int(c.U16()), int(c.U16())
	for n := phasors + analogs + 16*digitals; n > 0 && c.OK(); n-- {
		c.Skip(int(c.U8()))
	}
	c.Skip(12*phasors + 8*analogs + 4*digitals + 3*4 + 1 + 2*4 + 4)
	return p
}

// phasorMaxSum bounds the octets that are summed in search of a frame.
const phasorMaxSum = 256 << 10

// Resync implements Resyncer: the next frame whose CRC is right.
func (d *phasor) Resync(b []byte) int {
	summed := 0
	for i := 0; i+phasorMin <= len(b) && summed < phasorMaxSum; i++ {
		if b[i] != 0xaa {
			continue
		}
		f, err := readPhasor(b[i:])
		if err != nil || f.size > len(b)-i {
			continue
		}
		if f.sound(b[i:]) {
			return i
		}
		summed += f.size
	}
	return -1
}
