package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "saia-sbus",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(5050),
		Match:    matchSBus,
		New:      func() Dissector { return &saiaSBus{} },
		OT:       true,
		Reads:    "type and firmware of controllers, station addresses, operations",
		Standard: "Saia-Burgess Controls 26/739 S-Bus manual; Ether-S-Bus as Wireshark's sbus dissector has it",
	})
}

// sbusStation is a controller's address on the S-Bus.
const sbusStation ot.Attribute = "saia-sbus.station"

// saiaSBus reads telegrams of Saia PCD controllers over UDP:
//
//	0        4         5      6          8           9
//	+--------+---------+------+----------+-----------+-------+-------
//	| length | version | type | sequence | attribute | ...   | check
//	| of all |         |  0   |          |           |       |   2
//	+--------+---------+------+----------+-----------+-------+-------
//	request 0: station 1, command 1, data; answer 1: data; acknowledgement 2: code 2
type saiaSBus struct {
	claimed bool
	waits   bool   // firmware was asked for
	asked   uint16 // by the request of this sequence
	recent  recent
	text    scratch
}

// Attributes of telegrams.
const (
	sbusRequest = 0
	sbusAnswer  = 1
	sbusAck     = 2

	sbusLeast    = 11
	sbusFirmware = 0x20
)

type sbusTelegram struct {
	sequence  uint16
	attribute uint8
	data      wire.Cursor
}

func readSBus(b []byte) (x sbusTelegram, size int, ok bool) {
	c := wire.New(b)
	n := c.U32()
	if n < sbusLeast || uint64(n) > uint64(len(b)) {
		return x, 0, false
	}
	version, kind := c.U8(), c.U8()
	x.sequence, x.attribute = c.U16(), c.U8()
	x.data = c.Sub(int(n) - sbusLeast)
	check := c.U16()
	return x, int(n), c.OK() && version <= 1 && kind == 0 && x.attribute <= sbusAck && check == crcHigh(b[:n-2])
}

func matchSBus(b []byte) bool {
	_, _, ok := readSBus(b)
	return ok
}

func (d *saiaSBus) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	x, size, ok := readSBus(m.Data)
	if !ok || m.Stream {
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	out.Sender(roleOf(x.attribute == sbusRequest))
	switch {
	case x.attribute == sbusRequest:
		d.request(m, &x, out)
	case x.attribute == sbusAnswer && d.waits && x.sequence == d.asked:
		d.waits = false
		d.firmware(&x.data, out)
	}
	return size, nil
}

func (d *saiaSBus) request(m *Message, x *sbusTelegram, out Out) {
	station, command := x.data.U8(), x.data.U8()
	if !x.data.OK() {
		return
	}
	if d.recent.fresh(m.Time, uint64(station)) && !toGroup(m) {
		out.Fact(Receiver, sbusStation, d.text.uint(uint64(station)), "saia-sbus.destination", ot.Content)
	}
	if command == sbusFirmware {
		d.waits, d.asked = true, x.sequence
	}
	if of, ok := sbusOperation(command); ok {
		out.Operation(of, 1)
	}
}

// firmware reads an answer to "read firmware version": type of the processor
// 5, version 3.
func (d *saiaSBus) firmware(c *wire.Cursor, out Out) {
	model, version := trim(c.Bytes(5)), trim(c.Bytes(3))
	if !c.OK() || len(model) == 0 || !printable(model) || !printable(version) {
		return
	}
	out.Fact(Sender, ot.Vendor, d.text.string("Saia-Burgess Controls"), "saia-sbus.firmware", ot.Content)
	out.Fact(Sender, ot.Model, model, "saia-sbus.firmware.pcd_type", ot.Identity)
	if len(version) > 0 {
		out.Fact(Sender, ot.FirmwareRev, version, "saia-sbus.firmware.version", ot.Identity)
	}
}

// sbusCommands are ranges of commands that are of one class.
var sbusCommands = [...]struct {
	first, last uint8
	of          ot.Operation
}{
	{0x00, 0x07, ot.Read},
	{0x0a, 0x0b, ot.Write},
	{0x0c, 0x0c, ot.Configure}, // clock
	{0x0d, 0x0f, ot.Write},
	{0x14, 0x20, ot.Diagnose}, // status, station, firmware; 1E and 1F follow
	{0x21, 0x22, ot.Read},
	{0x23, 0x24, ot.Program}, // user memory, program line
	{0x25, 0x25, ot.Write},
	{0x28, 0x44, ot.Control}, // run, restart, stop
	{0x46, 0x4b, ot.Diagnose},
	{0x50, 0x5e, ot.Write},
	{0x64, 0x6e, ot.Control},
	{0x6f, 0x6f, ot.Diagnose},
	{0x70, 0x70, ot.Program},
	{0x71, 0x71, ot.Control},
	{0x72, 0x72, ot.Program},
	{0x73, 0x77, ot.Control},
	{0x82, 0x84, ot.Control}, // interrupts
	{0x91, 0x91, ot.Read},
	{0x96, 0x96, ot.Read},
	{0x97, 0x97, ot.Write},
	{0x98, 0x9a, ot.Program},
	{0x9b, 0x9f, ot.Read},
	{0xa1, 0xa1, ot.Read},
	{0xa3, 0xa3, ot.Configure},
	{0xa5, 0xa5, ot.Program}, // erase flash
	{0xa6, 0xa6, ot.Control},
	{0xa7, 0xa7, ot.Write},
	{0xa8, 0xa8, ot.Read},
	{0xaa, 0xab, ot.Diagnose},
	{0xac, 0xac, ot.Program}, // changes blocks while running
	{0xad, 0xad, ot.Transfer},
	{0xae, 0xae, ot.Firmware},
}

func sbusOperation(command uint8) (ot.Operation, bool) {
	if command == 0x1e || command == 0x1f { // user memory, program line
		return ot.Program, true
	}
	for i := range sbusCommands {
		if r := &sbusCommands[i]; command >= r.first && command <= r.last {
			return r.of, true
		}
	}
	return 0, false
}
