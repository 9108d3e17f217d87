package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "egd",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(18246),
		New:      func() Dissector { return &egd{} },
		OT:       true,
		Reads:    "producer and exchange identifiers, who produces for whom, cyclic data",
		Standard: "GE GFK-2224 TCP/IP Ethernet Communications User's Manual chapter 5 (Ethernet Global Data)",
	})
}

// Attributes of producers.
const (
	egdProducer ot.Attribute = "egd.producer_id"
	egdExchange ot.Attribute = "egd.exchange_id"
)

// egd reads the data that a controller produces, GFK-2224 chapter 5; numbers
// little endian:
//
//	 0      1         2         4          8          12     20       24        28   32
//	+------+---------+---------+----------+----------+------+--------+---------+----+------
//	| type | version | request | producer | exchange | time | status | config  | 0  | data
//	|  13  |    1    |         |          |          |      |        |signature|    |
//	+------+---------+---------+----------+----------+------+--------+---------+----+------
//
// Nobody asks for it: who produces is the client, as who publishes GOOSE is,
// and where both ends do the first that is heard.
type egd struct {
	told   bool
	recent recent
	text   scratch
}

const (
	egdType    = 13
	egdVersion = 1
	egdMost    = 32 + 1400
)

func (d *egd) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	kind, version := c.U8(), c.U8()
	c.Skip(2)
	producer, exchange := c.Bytes(4), c.U32LE()
	c.Skip(8 + 4 + 4)
	if reserved := c.U32LE(); !c.OK() || kind != egdType || version != egdVersion || reserved != 0 || zero(producer) || len(m.Data) > egdMost {
		return 0, notMine(d.told)
	}
	if d.recent.fresh(m.Time, uint64(exchange)) {
		// The producer is named by an address, though it need not be the sender's.
		out.Fact(Sender, egdProducer, d.text.addr(addrOf(producer)), "egd.producer_id", ot.Content)
		out.Fact(Sender, egdExchange, d.text.uint(uint64(exchange)), "egd.exchange_id", ot.Content)
	}
	if m.Cut {
		return 0, ErrShort
	}
	out.Operation(ot.Subscribe, 1)
	if !d.told {
		d.told = true
		out.Sender(Client)
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil
}
