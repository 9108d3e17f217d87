package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ether-sio",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(6060),
		Match:    matchESIO,
		New:      func() Dissector { return &etherSIO{} },
		OT:       true,
		Reads:    "station addresses of controllers and remote I/O, cyclic data, status",
		Standard: "Saia-Burgess Controls Ether-S-I/O, as Wireshark's esio dissector has it; from the text alone",
	})
}

// esioStation is a station's number.
const esioStation ot.Attribute = "ether-sio.station"

// etherSIO reads the cyclic data between Saia controllers and their remote I/O:
//
//	0        4      6         8        10            12
//	+--------+------+---------+--------+-------------+------
//	| "ESIO" | type | version | length | transaction |
//	+--------+------+---------+--------+-------------+------
//	data 1:   telegram 4, source 4, transfers 1, flags 1, then transfer 4, destination 4, length 2, octets, ...
//	status 2: type 2, size 2, source 4, status 1, lost 1, diagnostics 1, flags 1
//
// Both sides send of their own accord, so who is client does not show.
type etherSIO struct {
	claimed bool
	recent  recent
	text    scratch
}

const (
	esioData   = 1
	esioStatus = 2
)

type esioTelegram struct {
	kind   uint16
	source uint32
}

func readESIO(b []byte) (x esioTelegram, ok bool) {
	c := wire.New(b)
	mark := c.Bytes(4)
	x.kind = c.U16()
	version := c.U16()
	c.Skip(2 + 2)
	if !c.OK() || string(mark) != "ESIO" || x.kind > esioStatus || version > 0x00ff {
		return x, false
	}
	switch x.kind {
	case esioData:
		c.Skip(4)
		x.source = c.U32()
		n := c.U8()
		c.Skip(1)
		for range n {
			c.Skip(4 + 4)
			c.Skip(int(c.U16()))
		}
	case esioStatus:
		c.Skip(4)
		x.source = c.U32()
		c.Skip(4)
	}
	return x, c.OK()
}

func matchESIO(b []byte) bool {
	x, ok := readESIO(b)
	return ok && x.kind != 0
}

func (d *etherSIO) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	x, ok := readESIO(m.Data)
	if !ok || m.Stream {
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if x.kind != 0 && d.recent.fresh(m.Time, uint64(x.source)) {
		out.Fact(Sender, esioStation, d.text.uint(uint64(x.source)), "ether-sio.source", ot.Content)
	}
	if x.kind == esioStatus {
		out.Operation(ot.Diagnose, 1)
	}
	return len(m.Data), nil
}
