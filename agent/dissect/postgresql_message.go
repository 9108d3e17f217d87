package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// pgMessage is one message with a type.
type pgMessage struct {
	kind  byte
	size  int    // with type and length; 0 while the header is not whole
	body  []byte // as much as is there
	whole bool
}

// Types by who sends them (section 53.7); some letters mean another message in
// each direction, and pgBoth are those that do not tell by themselves.
const (
	pgFromClient = "QPBXfFp"
	pgFromServer = "RKZTI123nstAGWVvN"
	pgBoth       = "SCDEHdc"
)

// readPG reads the head of a message. ok is false when it cannot be one.
func readPG(b []byte) (f pgMessage, ok bool) {
	c := wire.New(b)
	f.kind = c.U8()
	if !c.OK() || !pgKind(f.kind) {
		return f, false
	}
	n := int(c.U32())
	if !c.OK() {
		return f, true
	}
	if n < 4 || n > pgMaxLength {
		return f, false
	}
	f.size = 1 + n
	f.body = c.Bytes(min(c.Len(), n-4))
	f.whole = len(f.body) == n-4
	return f, true
}

func pgKind(c byte) bool {
	return bytes.IndexByte([]byte(pgFromClient+pgFromServer+pgBoth), c) >= 0
}

// sane holds a whole message to the form of its type, for one that stands at
// the front of what was seen of a session. Types without a form of their own
// are not believed there.
func (f *pgMessage) sane() bool {
	c := wire.New(f.body)
	if !f.whole {
		return false
	}
	switch f.kind {
	case 'Q':
		query := pgText(&c)
		return c.OK() && c.Len() == 0 && sqlBegins(query) && printable(query)
	case 'P':
		name, query := pgText(&c), pgText(&c)
		c.Skip(4 * int(c.U16()))
		return c.OK() && c.Len() == 0 && printable(name) && sqlBegins(query) && printable(query)
	case 'B':
		return pgBindSane(&c)
	case 'Z':
		return len(f.body) == 1 && bytes.IndexByte([]byte("ITE"), f.body[0]) >= 0
	case 'T':
		return pgRowSane(&c)
	case 'D':
		return pgDataSane(&c)
	case 'E', 'N':
		return bytes.HasPrefix(f.body, []byte("SERROR\x00")) || bytes.HasPrefix(f.body, []byte("SFATAL\x00")) || bytes.HasPrefix(f.body, []byte("SWARNING\x00"))
	case 'S':
		name, value := pgText(&c), pgText(&c)
		return c.OK() && c.Len() == 0 && len(name) > 2 && printable(name) && printable(value)
	case 'R':
		code := c.U32()
		return c.OK() && code <= 12 && (code != 0 || c.Len() == 0)
	case 'C':
		tag := pgText(&c)
		return c.OK() && c.Len() == 0 && sqlBegins(tag) && printable(tag)
	}
	return false
}

// pgRowSane reads a RowDescription: names, each with 18 bytes.
func pgRowSane(c *wire.Cursor) bool {
	count := int(c.U16())
	for range count {
		if name := pgText(c); !printable(name) {
			return false
		}
		c.Skip(18)
		if !c.OK() {
			return false
		}
	}
	return count > 0 && c.OK() && c.Len() == 0
}

// pgDataSane reads a DataRow: values, each with its length, -1 for none.
func pgDataSane(c *wire.Cursor) bool {
	count := int(c.U16())
	pgValues(c, count)
	return count > 0 && c.OK() && c.Len() == 0
}

func pgValues(c *wire.Cursor, count int) {
	for i := 0; i < count && c.OK(); i++ {
		if n := int32(c.U32()); n >= 0 {
			c.Skip(int(n))
		}
	}
}

// pgBindSane reads a Bind: names, formats, values, formats.
func pgBindSane(c *wire.Cursor) bool {
	portal, statement := pgText(c), pgText(c)
	c.Skip(2 * int(c.U16()))
	pgValues(c, int(c.U16()))
	c.Skip(2 * int(c.U16()))
	return c.OK() && c.Len() == 0 && printable(portal) && printable(statement)
}

// message tells what a message says.
func (d *postgresql) message(m *Message, f *pgMessage, from side, out Out) {
	if role, ok := d.role(m, f, from); ok {
		out.Sender(role)
		d.client = from
		if role == Server {
			d.client = from.other()
		}
		if role == Client {
			d.heard = true
			d.request(f, out)
		} else {
			d.reply(f, out)
		}
	}
}

// role tells who sends a message: by its type, or where that has two meanings
// by what was learned before or by its form.
func (d *postgresql) role(m *Message, f *pgMessage, from side) (Role, bool) {
	switch {
	case bytes.IndexByte([]byte(pgFromClient), f.kind) >= 0:
		return Client, true
	case bytes.IndexByte([]byte(pgFromServer), f.kind) >= 0:
		return Server, true
	case d.client != sideNone:
		return roleOf(from == d.client), true
	case f.kind == 'S' || f.kind == 'H':
		return roleOf(f.size == pgTyped), true // Sync, Flush: nothing but their type
	case f.kind == 'C' || f.kind == 'D' || f.kind == 'E': // claimed by the form of the server's message
		return Server, f.sane()
	}
	return roleOf(m.Direction == FromClient), m.Direction != Unknown
}

// request reads what a client asks.
func (d *postgresql) request(f *pgMessage, out Out) {
	c := wire.New(f.body)
	switch f.kind {
	case 'Q':
		if class, ok := sqlOperation(f.body); ok {
			out.Operation(class, 1)
		}
	case 'P':
		d.prepare(pgHash(pgText(&c)), c.Rest())
	case 'B':
		pgText(&c)
		d.bound = d.prepared(pgHash(pgText(&c)))
	case 'E':
		if d.bound != 0 {
			out.Operation(ot.Operation(d.bound-1), 1)
		}
	}
}

// prepare keeps the class of a statement that is parsed under a name.
func (d *postgresql) prepare(name uint32, query []byte) {
	var class pgClass
	if op, ok := sqlOperation(query); ok {
		class = pgClass(op) + 1
	}
	for i := range d.statements {
		if x := &d.statements[i]; x.name == name {
			x.class = class
			return
		}
	}
	d.statements[d.next] = pgStatement{name, class}
	d.next = (d.next + 1) % maxPGStatements
}

func (d *postgresql) prepared(name uint32) pgClass {
	for _, x := range d.statements {
		if x.name == name {
			return x.class
		}
	}
	return 0
}

// pgHash is FNV-1a over a name.
func pgHash(name []byte) uint32 {
	h := uint32(2166136261)
	for _, x := range name {
		h = (h ^ uint32(x)) * 16777619
	}
	return h
}

// reply reads what a server says of itself, or repeats of its client. Where the
// client is not heard, what was completed stands for what was asked.
func (d *postgresql) reply(f *pgMessage, out Out) {
	c := wire.New(f.body)
	name := pgText(&c)
	if f.kind == 'C' && !d.heard {
		if class, ok := sqlOperation(name); ok {
			out.Operation(class, 1)
		}
	}
	value := pgText(&c)
	if f.kind != 'S' || !c.OK() || len(value) == 0 || !printable(value) {
		return
	}
	switch string(name) {
	case "server_version":
		out.Fact(Sender, pgVersion, value, "postgresql.parameter_status", ot.Identity)
	case "application_name":
		out.Fact(Receiver, pgApplication, value, "postgresql.parameter_status", ot.Content)
	}
}
