package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Capabilities (Capability Flags).
const (
	mysqlWithDB     = 1 << 3
	mysqlCompress   = 1 << 5
	mysqlNew        = 1 << 9 // CLIENT_PROTOCOL_41
	mysqlSSL        = 1 << 11
	mysqlSecure     = 1 << 15
	mysqlPlugin     = 1 << 19
	mysqlAttributes = 1 << 20
	mysqlLenAuth    = 1 << 21
	mysqlZstd       = 1 << 26
)

// Commands (Command Phase).
const (
	mysqlInitDB     = 0x02
	mysqlQuery      = 0x03
	mysqlCreateDB   = 0x05
	mysqlDropDB     = 0x06
	mysqlShutdown   = 0x08
	mysqlStatistics = 0x09
	mysqlProcesses  = 0x0a
	mysqlKill       = 0x0c
	mysqlChangeUser = 0x11
	mysqlBinlog     = 0x12
	mysqlPrepare    = 0x16
	mysqlExecute    = 0x17
	mysqlBinlogGTID = 0x1e
	mysqlBulk       = 0xfa // MariaDB: COM_STMT_BULK_EXECUTE
)

// greeting reads the version of a server.
func (d *mysql) greeting(p *mysqlPacket, from side, out Out) {
	out.Sender(Server)
	d.client, d.greeted = from.other(), true
	c := wire.New(p.body)
	c.Skip(1)
	if version := pgText(&c); c.OK() {
		out.Fact(Sender, mysqlVersion, version, "mysql.greeting", ot.Identity)
	}
}

// logon reads what a client says of itself (Handshake Response Packet), or its
// wish for TLS, which is the same up to the user's name.
func (d *mysql) logon(p *mysqlPacket, out Out) {
	d.greeted = false
	out.Sender(Client)
	c := wire.New(p.body)
	flags := uint32(c.U16LE())
	if flags&mysqlNew == 0 { // before version 4.1
		out.Operation(ot.Authenticate, 1)
		return
	}
	flags |= uint32(c.U16LE()) << 16
	c.Skip(4 + 1 + 23) // largest packet, character set, filler
	if c.OK() && c.Len() == 0 && flags&mysqlSSL != 0 {
		out.Switch("tls")
		return
	}
	out.Operation(ot.Authenticate, 1)
	out.Security(ot.Security{Mode: ot.SecurityNone})
	d.compressed = flags&(mysqlCompress|mysqlZstd) != 0
	d.credentials(&c, flags, out)
}

// credentials passes over user and answer to the challenge, and reads what
// follows them.
func (d *mysql) credentials(c *wire.Cursor, flags uint32, out Out) {
	pgText(c)
	switch {
	case flags&mysqlLenAuth != 0:
		c.Skip(mysqlLength(c))
	case flags&mysqlSecure != 0:
		c.Skip(int(c.U8()))
	default:
		pgText(c)
	}
	if flags&mysqlWithDB != 0 {
		if db := pgText(c); c.OK() {
			mysqlTell(Receiver, mysqlDatabase, db, "mysql.handshake_response", out)
		}
	}
	if flags&mysqlPlugin != 0 {
		pgText(c)
	}
	if flags&mysqlAttributes != 0 {
		d.attributes(c, out)
	}
}

func mysqlTell(of Subject, a ot.Attribute, v []byte, source string, out Out) {
	if len(v) > 0 && len(v) <= 255 && printable(v) {
		out.Fact(of, a, v, source, ot.Content)
	}
}

// attributes reads the connection attributes.
func (d *mysql) attributes(c *wire.Cursor, out Out) {
	all := c.Sub(mysqlLength(c))
	var library, version []byte
	for range 64 {
		name, value := all.Bytes(mysqlLength(&all)), all.Bytes(mysqlLength(&all))
		if !all.OK() || len(name) == 0 {
			break
		}
		switch string(name) {
		case "program_name":
			mysqlTell(Sender, mysqlProgram, value, "mysql.connect_attrs.program_name", out)
		case "_os":
			mysqlTell(Sender, ot.OS, value, "mysql.connect_attrs._os", out)
		case "_client_name":
			library = value
		case "_client_version":
			version = value
		}
	}
	if len(library) > 0 {
		from := d.text.mark()
		d.text.add(library)
		d.text.adds(" ")
		d.text.add(version)
		mysqlTell(Sender, mysqlClient, trim(d.text.since(from)), "mysql.connect_attrs._client_name", out)
	}
}

// mysqlLength reads a length-encoded integer (Protocol Data Types); -1 when it
// stands for something else or is longer than a packet.
func mysqlLength(c *wire.Cursor) int {
	switch n := c.U8(); n {
	case 0xfb, 0xfe, 0xff:
		return -1
	case 0xfc:
		return int(c.U16LE())
	case 0xfd:
		return int(c.U16LE()) | int(c.U8())<<16
	default:
		return int(n)
	}
}

// packet reads what is neither greeting nor log-on: number 0 begins a command.
func (d *mysql) packet(p *mysqlPacket, from side, out Out) error {
	refused := p.n > 0 && p.seq == 0 && p.body[0] == 0xff
	switch {
	case d.client != sideNone:
	case p.seq == 0 && !refused:
		d.client = from
		out.Security(ot.Security{Mode: ot.SecurityNone})
	default:
		d.client = from.other()
	}
	out.Sender(roleOf(from == d.client))
	switch {
	case p.n == 0:
	case from == d.client && p.seq == 0:
		d.command(p, out)
	case from != d.client:
		return d.reply(p)
	}
	return nil
}

// command counts what a client asks.
func (d *mysql) command(p *mysqlPacket, out Out) {
	c := wire.New(p.body)
	d.preparing = false
	switch c.U8() {
	case mysqlQuery:
		if class, ok := sqlOperation(c.Rest()); ok {
			out.Operation(class, 1)
		}
	case mysqlPrepare:
		d.prepare(c.Rest())
	case mysqlExecute, mysqlBulk:
		if class := d.prepared(c.U32LE()); class != 0 {
			out.Operation(ot.Operation(class-1), 1)
		}
	case mysqlInitDB:
		mysqlTell(Receiver, mysqlDatabase, c.Rest(), "mysql.init_db", out)
	case mysqlCreateDB, mysqlDropDB:
		out.Operation(ot.Configure, 1)
	case mysqlShutdown, mysqlKill:
		out.Operation(ot.Control, 1)
	case mysqlStatistics, mysqlProcesses:
		out.Operation(ot.Diagnose, 1)
	case mysqlChangeUser:
		out.Operation(ot.Authenticate, 1)
	case mysqlBinlog, mysqlBinlogGTID:
		out.Operation(ot.Subscribe, 1)
	}
}

// prepare keeps the class of a statement until the server numbers it.
func (d *mysql) prepare(text []byte) {
	d.pending, d.preparing = 0, true
	if class, ok := sqlOperation(text); ok {
		d.pending = pgClass(class) + 1
	}
	d.last = d.pending
}

// prepared is the class of a statement by its number. MariaDB's clients may
// execute the last one, number -1, before they know it.
func (d *mysql) prepared(id uint32) pgClass {
	if id == 0xffffffff {
		return d.last
	}
	for _, x := range d.statements {
		if x.id == id {
			return x.class
		}
	}
	return 0
}

// reply reads an OK packet: it may number a statement, or begin compression.
func (d *mysql) reply(p *mysqlPacket) error {
	ok := p.body[0] == 0
	if ok && d.compressed {
		return ErrDone
	}
	if d.preparing && ok && p.seq == 1 && len(p.body) >= 5 {
		c := wire.New(p.body)
		c.Skip(1)
		d.number(c.U32LE())
	}
	d.preparing = false
	return nil
}

func (d *mysql) number(id uint32) {
	for i := range d.statements {
		if d.statements[i].id == id {
			d.statements[i].class = d.pending
			return
		}
	}
	d.statements[d.next] = mysqlStatement{id, d.pending}
	d.next = (d.next + 1) % maxPGStatements
}
