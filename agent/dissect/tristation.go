package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "tristation",
		Over:     []string{"udp"},
		Tier:     3,
		Ports:    UDP(1502),
		New:      func() Dissector { return &tristation{} },
		OT:       true,
		Reads:    "who commands a safety controller, operations",
		Standard: "TriStation of Triconex has no public text: the message layout of the TRITON analyses (FireEye 2018) and of nDPI; from the text alone",
	})
}

// tristation reads the engineering protocol of Triconex safety controllers, as
// far as it is public; numbers little endian:
//
//	0      1         2        4           6
//	+------+---------+--------+-----------+---------+---------+---+----------+--------+------+-------+
//	| type | channel | length | direction | command | counter | 0 | checksum | length | data | check |
//	|      |    0    |        | and id    |         |         |   |          |        |      |   2   |
//	+------+---------+--------+-----------+---------+---------+---+----------+--------+------+-------+
//
// What stands behind the first length is there for commands only. How the
// check is made is not public, so it is not held against a message, and the
// port must be right, too.
type tristation struct {
	claimed bool
	said    bool // a command was seen
}

// Types of messages.
const (
	tsConnect      = 1
	tsConnected    = 2
	tsDisconnected = 3
	tsDisconnect   = 4
	tsExecute      = 5
	tsPing         = 6
	tsLast         = 11 // 7 to 11 refuse

	tsOverhead = 6  // type, channel, length, check
	tsCommand  = 10 // octets of a command without data
	tsAnswers  = 100
)

func (d *tristation) Dissect(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	kind, channel, n := c.U8(), c.U8(), int(c.U16LE())
	if !c.OK() || m.Stream || !onPort(m, 1502) || kind < tsConnect || kind > tsLast || channel != 0 || len(m.Data) != n+tsOverhead {
		return 0, notMine(d.claimed)
	}
	if kind == tsExecute {
		if !d.execute(&c, n, out) {
			return 0, notMine(d.claimed)
		}
	} else if n != 0 {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	switch {
	case kind == tsConnect, kind == tsDisconnect, kind == tsPing && m.Dst().Port == 1502 && m.Src().Port != 1502:
		out.Sender(Client)
	case kind == tsConnected, kind == tsDisconnected, kind > tsPing:
		out.Sender(Server)
	}
	return len(m.Data), nil
}

// execute reads a command or its answer of n octets.
func (d *tristation) execute(c *wire.Cursor, n int, out Out) bool {
	direction := c.U8()
	c.Skip(1)
	command := c.U8()
	c.Skip(1)
	zero := c.U16LE()
	c.Skip(2)
	again := int(c.U16LE())
	if !c.OK() || n < tsCommand || direction > 1 || zero != 0 || again != n && again != n-tsCommand {
		return false
	}
	if !d.said {
		d.said = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	out.Sender(roleOf(command < tsAnswers))
	if command < tsAnswers {
		out.Operation(tsOperation(command), 1)
	}
	return true
}

// tsOperations are the commands that do more than read.
var tsOperations = map[ot.Operation][]uint8{
	ot.Program:   {0, 1, 3, 10, 11, 12, 18, 42, 48, 49, 50, 55, 56, 58, 59, 60, 63, 65, 66, 68, 72, 80},
	ot.Write:     {16, 27, 30, 62},
	ot.Control:   {17, 20, 21, 22, 23, 32, 57},
	ot.Configure: {2, 4, 5, 6, 7, 9, 14, 15, 26, 31, 34, 43, 44, 45, 52},
	ot.Diagnose:  {13, 19, 24, 25, 29, 33, 35, 37, 38, 39, 40, 47, 54, 64, 71, 73},
}

var tsClasses = func() (t [tsAnswers]ot.Operation) { // what is not named reads
	for of, commands := range tsOperations {
		for _, x := range commands {
			t[x] = of
		}
	}
	return t
}()

func tsOperation(command uint8) ot.Operation { return tsClasses[command] }
