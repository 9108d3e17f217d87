package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "postgresql",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(5432),
		Match:    pgMatch,
		New:      func() Dissector { return &postgresql{} },
		Reads:    "server version, databases, users and application names, reads and writes, TLS",
		Standard: "PostgreSQL 17 documentation, chapter 53 Frontend/Backend Protocol",
	})
}

// Attributes of PostgreSQL.
const (
	pgVersion     ot.Attribute = "postgresql.server_version"
	pgDatabase    ot.Attribute = "postgresql.database"
	pgUser        ot.Attribute = "postgresql.user"
	pgApplication ot.Attribute = "postgresql.application_name"
)

// What a client opens with, in place of a type: a length and one of these
// (section 53.7, StartupMessage, CancelRequest, SSLRequest, GSSENCRequest).
const (
	pgStartup   = 3 // major version, in the upper half
	pgCancel    = 1234<<16 | 5678
	pgSSL       = 1234<<16 | 5679
	pgGSS       = 1234<<16 | 5680
	pgMaxStart  = 10000 // MAX_STARTUP_PACKET_LENGTH of the server
	pgTyped     = 5     // type and length
	pgInspected = 1024  // bytes of a message that are looked at
	pgMaxLength = 1 << 30
)

// postgresql reads one session. Every message but the first of a client has a
// type, a byte, and a length that counts itself (section 53.7):
//
//	+------+----------+---------
//	| type | length 4 | body ...
//	+------+----------+---------
type postgresql struct {
	sides   sides
	client  side
	claimed bool
	asked   side // asked for encryption and awaits one byte
	gss     bool // ... of GSSAPI
	heard   bool // a request was seen, so requests are counted, not completions

	statements [maxPGStatements]pgStatement
	next       int
	bound      pgClass // of the statement that was bound last
}

// maxPGStatements is how many prepared statements keep their class.
const maxPGStatements = 16

type pgStatement struct {
	name  uint32 // hash
	class pgClass
}

// pgClass is a class of operation plus one; 0 is none.
type pgClass uint8

func pgMatch(b []byte) bool {
	if len(b) > 0 && b[0] == 0 {
		return pgOpening(b)
	}
	f, ok := readPG(b)
	return ok && f.whole && f.sane()
}

// pgOpening reports whether b begins like what a client opens with.
func pgOpening(b []byte) bool {
	c := wire.New(b)
	n := c.U32()
	if !c.OK() {
		return startsLike(b, "\x00\x00")
	}
	if n < 8 || n > pgMaxStart {
		return false
	}
	code := c.U32()
	if !c.OK() {
		return startsLike(b[4:], "\x00\x03\x00") || startsLike(b[4:], "\x04\xd2\x16")
	}
	return code>>16 == pgStartup && code&0xffff < 16 && n > 8 || code == pgCancel || (code == pgSSL || code == pgGSS) && n == 8
}

// Dissect reads one message.
func (d *postgresql) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	from := d.sides.of(m)
	switch {
	case m.Data[0] == 0:
		return d.opening(m, from, out)
	case d.asked != sideNone && d.asked == from.other() && bytes.IndexByte([]byte("SNG"), m.Data[0]) >= 0, !d.claimed && pgAnswer(m.Data):
		return d.encryption(m.Data[0], out)
	}
	f, ok := readPG(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case f.size == 0, !d.claimed && !f.whole && f.size <= maxBuffer/4, len(f.body) < min(f.size-pgTyped, pgInspected):
		return 0, ErrShort
	case !d.claimed && !f.sane():
		return 0, ErrNotMine
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.message(m, &f, from, out)
	return f.size, nil
}

// opening reads what a client opens with.
func (d *postgresql) opening(m *Message, from side, out Out) (int, error) {
	if !pgOpening(m.Data) {
		return 0, notMine(d.claimed)
	}
	c := wire.New(m.Data)
	size := int(c.U32())
	code := c.U32()
	body := c.Sub(size - 8)
	if !c.OK() {
		return 0, ErrShort
	}
	out.Sender(Client)
	d.claimed, d.client, d.asked = true, from, sideNone
	switch code {
	case pgSSL, pgGSS:
		d.asked, d.gss = from, code == pgGSS
	case pgCancel:
	default:
		pgParameters(&body, out)
		out.Operation(ot.Authenticate, 1)
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return size, nil
}

// pgAnswer reports whether b begins with the one byte that answers a request
// for encryption which was not seen: what follows it is no length, but a
// message or a TLS record.
func pgAnswer(b []byte) bool {
	if b[0] != 'S' && b[0] != 'N' || len(b) < 1+pgTyped {
		return false
	}
	if b[1] == tlsHandshake && b[2] == 3 {
		return true
	}
	f, ok := readPG(b[1:])
	return ok && (f.kind == 'R' || f.kind == 'E') && f.size < pgMaxStart
}

// encryption reads the server's answer to a request for encryption. A server
// that does not know the request answers with an error instead.
func (d *postgresql) encryption(answer byte, out Out) (int, error) {
	gss := d.gss
	d.claimed, d.asked, d.gss = true, sideNone, false
	out.Sender(Server)
	switch {
	case answer == 'S' && !gss:
		out.Switch("tls")
	case answer == 'G' && gss:
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
		return 1, ErrDone
	case answer != 'N':
		return 0, ErrMalformed
	}
	return 1, nil
}

// pgParameters reads pairs of names and values of a startup message.
func pgParameters(c *wire.Cursor, out Out) {
	for c.Len() > 1 {
		name, value := pgText(c), pgText(c)
		if !c.OK() || len(name) == 0 {
			return
		}
		if len(value) == 0 || !printable(value) {
			continue
		}
		switch string(name) {
		case "user":
			out.Fact(Sender, pgUser, value, "postgresql.startup.user", ot.Identity)
		case "database":
			out.Fact(Receiver, pgDatabase, value, "postgresql.startup.database", ot.Content)
		case "application_name":
			out.Fact(Sender, pgApplication, value, "postgresql.startup.application_name", ot.Identity)
		}
	}
}

// pgText reads text up to its NUL, which must be there.
func pgText(c *wire.Cursor) []byte {
	rest := c.Peek(c.Len())
	for i, x := range rest {
		if x == 0 {
			c.Skip(i + 1)
			return rest[:i]
		}
	}
	c.Skip(len(rest) + 1) // marks it short
	return nil
}

// Resync finds the next message that is sure behind a gap.
func (d *postgresql) Resync(b []byte) int {
	for i := range b {
		if b[i] != 0 && pgMatch(b[i:]) {
			return i
		}
	}
	return -1
}
