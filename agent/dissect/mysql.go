package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "mysql",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(mysqlPort),
		Match:    mysqlMatch,
		New:      func() Dissector { return &mysql{} },
		Reads:    "server version, databases, client program and operating system, reads and writes, TLS",
		Standard: "MySQL Client/Server Protocol; MariaDB Client/Server Protocol",
	})
}

const mysqlPort = 3306

// Attributes of MySQL and MariaDB.
const (
	mysqlVersion  ot.Attribute = "mysql.server_version"
	mysqlDatabase ot.Attribute = "mysql.database"
	mysqlProgram  ot.Attribute = "mysql.program_name"
	mysqlClient   ot.Attribute = "mysql.client"
	mysqlLibrary  ot.Attribute = "mysql.client"
)

const (
	mysqlHead     = 4     // length and number
	mysqlMaxLogon = 8192  // a log-on is read whole up to here
	mysqlMaxFirst = 16384 // and so is the statement that a session is known by
)

// mysql reads one session. A packet has a length of three bytes, little
// endian, and a number that begins at 0 with each command (Protocol Basics,
// MySQL Packets):
//
//	+----------+--------+---------
//	| length 3 | number | payload ...
//	+----------+--------+---------
type mysql struct {
	text       scratch
	sides      sides
	client     side
	claimed    bool
	greeted    bool // the server's greeting was seen, and no log-on yet
	compressed bool // was agreed: the first OK ends what can be read

	pending    pgClass // of the statement whose number the server has yet to give
	preparing  bool
	statements [maxPGStatements]mysqlStatement
	next       int
	last       pgClass // of the statement that was prepared last
}

type mysqlStatement struct {
	id    uint32
	class pgClass
}

// mysqlPacket is one packet.
type mysqlPacket struct {
	n    int // length of the payload
	seq  uint8
	body []byte // as much as is there
}

func readMySQL(b []byte) (p mysqlPacket, ok bool) {
	c := wire.New(b)
	n := c.Bytes(3)
	p.seq = c.U8()
	if !c.OK() {
		return p, false
	}
	p.n = int(n[0]) | int(n[1])<<8 | int(n[2])<<16
	p.body = c.Bytes(min(p.n, c.Len()))
	return p, true
}

func (p *mysqlPacket) whole() bool { return len(p.body) == p.n }

// mysqlMatch knows a greeting, a statement in clear and the columns of an
// answer; the head of a greeting may come alone.
func mysqlMatch(b []byte) bool {
	p, ok := readMySQL(b)
	if !ok || len(p.body) == 0 {
		return mysqlGreetingFront(b)
	}
	return p.greeting() || p.statement() || mysqlColumns(b)
}

// mysqlGreetingFront looks at what there is of the head of a greeting: its
// length is below 256, its number 0.
func mysqlGreetingFront(b []byte) bool {
	for i, x := range b[:min(len(b), mysqlHead)] {
		if i > 0 && x != 0 || i == 0 && x < 40 {
			return false
		}
	}
	return len(b) > 0
}

// greeting reports whether this is the first packet of a server (Initial
// Handshake Packet, version 10): a version that begins with a digit, fields of
// fixed length, a filler of 0.
func (p *mysqlPacket) greeting() bool {
	if p.seq != 0 || p.n < 40 || p.n > 255 || !startsLike(p.body, "\x0a") || len(p.body) == 0 {
		return false
	}
	c := wire.New(p.body)
	c.Skip(1)
	version := pgText(&c)
	if !c.OK() {
		return !p.whole() && printable(p.body[1:]) && mysqlDigit(p.body[1:])
	}
	c.Skip(4 + 8) // connection, first part of the challenge
	filler := c.U8()
	return len(version) > 2 && mysqlDigit(version) && printable(version) && filler == 0 && (c.OK() || !p.whole())
}

func mysqlDigit(b []byte) bool { return len(b) == 0 || b[0] >= '0' && b[0] <= '9' }

// statement reports whether this is a command with a statement in clear, which
// is whole.
func (p *mysqlPacket) statement() bool {
	if p.seq != 0 || !p.whole() || p.n < 2 {
		return false
	}
	text := p.body[1:]
	return (p.body[0] == mysqlQuery || p.body[0] == mysqlPrepare) && sqlBegins(text) && printable(text)
}

// mysqlColumns reports whether b is the answer to a query: the number of
// columns, then the first of their definitions, which names the catalogue
// "def" (Column Definition Packet).
func mysqlColumns(b []byte) bool {
	c := wire.New(b)
	count, columns := c.U32(), c.U8()
	p, _ := readMySQL(c.Rest())
	return count == 0x01000001 && columns > 0 && p.seq == 2 && p.n > 4 && startsLike(p.body, "\x03def") && len(p.body) >= 4
}

// Dissect reads one packet.
func (d *mysql) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	p, ok := readMySQL(m.Data)
	if !ok {
		return 0, ErrShort
	}
	if !d.claimed {
		if err := p.first(m); err != nil {
			return 0, err
		}
	}
	from := d.sides.of(m)
	logon := d.greeted && from == d.client && p.seq == 1
	if len(p.body) < p.needed(logon) {
		return 0, ErrShort
	}
	d.text.reset()
	err := error(nil)
	switch {
	case p.greeting():
		d.greeting(&p, from, out)
	case logon:
		d.logon(&p, out)
	default:
		err = d.packet(&p, from, out)
	}
	d.claimed = true
	return mysqlHead + p.n, err
}

// first judges the first packet that is seen of a session.
func (p *mysqlPacket) first(m *Message) error {
	switch {
	case p.greeting(), p.refusal(m), mysqlColumns(m.Data):
		return nil
	case p.whole() && p.statement():
		return nil
	case p.n == 1 && p.seq == 1 && len(m.Data) < 13: // may become columns
		return ErrShort
	case !p.whole() && p.seq == 0 && p.n <= mysqlMaxFirst && p.mayBe():
		return ErrShort
	}
	return ErrNotMine
}

// mayBe looks at what there is of a first packet.
func (p *mysqlPacket) mayBe() bool {
	if len(p.body) == 0 {
		return true
	}
	return p.body[0] == 10 && p.n <= 255 || p.body[0] == mysqlQuery || p.body[0] == mysqlPrepare
}

// refusal reports an error in place of a greeting: the host is not allowed, or
// there are too many connections (Error Packet). It has too little form to be
// believed elsewhere than on the reserved port.
func (p *mysqlPacket) refusal(m *Message) bool {
	return onPort(m, mysqlPort) && p.seq == 0 && p.n > 9 && p.n < 512 && p.whole() && p.body[0] == 0xff && printable(p.body[3:])
}

// needed is how much of a packet is looked at.
func (p *mysqlPacket) needed(logon bool) int {
	switch {
	case logon:
		return min(p.n, mysqlMaxLogon)
	case p.seq == 0:
		return min(p.n, max(1+maxSQL, 255))
	}
	return min(p.n, 5)
}
