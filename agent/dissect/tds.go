package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "tds",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(TCP(1433), UDP(tdsBrowserPort)...),
		Match:    tdsMatch,
		New:      func() Dissector { return &tds{} },
		Reads:    "server version, computer and instance names, client program and databases, log-ons, reads and writes, TLS; the browser's instances and ports",
		Standard: "MS-TDS, MC-SQLR",
	})
}

// Attributes of SQL Server and its clients.
const (
	tdsVersion     ot.Attribute = "tds.server_version"
	tdsProgram     ot.Attribute = "tds.server_program"
	tdsServer      ot.Attribute = "tds.server_name"
	tdsInstance    ot.Attribute = "tds.instance"
	tdsDatabase    ot.Attribute = "tds.database"
	tdsApplication ot.Attribute = "tds.application"
	tdsLibrary     ot.Attribute = "tds.library"
)

// Types of packets (MS-TDS 2.2.3.1.1).
const (
	tdsBatch       = 0x01
	tdsRPC         = 0x03
	tdsResult      = 0x04
	tdsAttention   = 0x06
	tdsBulk        = 0x07
	tdsFedAuth     = 0x08
	tdsTransaction = 0x0e
	tdsLogin       = 0x10
	tdsSSPI        = 0x11
	tdsPrelogin    = 0x12

	tdsHead      = 8
	tdsMaxPacket = 32767
	tdsInspected = 2048 // bytes of a packet that are looked at after the log-on
)

// tds reads one session of SQL Server. Packets have a header, big endian
// (MS-TDS 2.2.3.1); a message may take several:
//
//	+------+--------+----------+--------+--------+--------+
//	| type | status | length 2 | spid 2 | number | window | ...
//	+------+--------+----------+--------+--------+--------+
//
// The TLS handshake goes inside such packets (2.2.6.5). What follows it is TLS
// records alone, of the log-on or of everything.
type tds struct {
	text     scratch
	sides    sides
	claimed  bool
	old      bool // version 7.1 or before: statements have no headers
	logon    bool // the answer to a log-on is awaited
	open     bool // it was told that statements go in clear
	full     bool // it was agreed to encrypt everything
	sealed   int  // records from a client in a row
	inside   [3]bool
	inner    tls
	joined   []byte  // the TLS records of a message
	prepared pgClass // of every statement that was prepared; tdsMixed when they differ
}

// tdsMixed says that statements of several classes were prepared.
const tdsMixed pgClass = 255

// tdsPacket is one packet.
type tdsPacket struct {
	kind   uint8
	last   bool // of its message
	number uint8
	size   int    // with its header
	body   []byte // as much as is there
}

func (p *tdsPacket) whole() bool { return len(p.body) == p.size-tdsHead }

// readTDS reads a header. ok is false when it cannot be one; size 0 says that
// it has not come whole.
func readTDS(b []byte) (p tdsPacket, ok bool) {
	c := wire.New(b)
	p.kind = c.U8()
	status := c.U8()
	size := int(c.U16())
	c.Skip(2)
	p.number = c.U8()
	window := c.U8()
	if !c.OK() {
		return p, len(b) > 0 && tdsKind(p.kind) && status&^0x1f == 0
	}
	if !tdsKind(p.kind) || status&^0x1f != 0 || size < tdsHead || size > tdsMaxPacket || window != 0 {
		return p, false
	}
	p.last, p.size = status&1 != 0, size
	p.body = c.Bytes(min(c.Len(), size-tdsHead))
	return p, true
}

func tdsKind(kind uint8) bool {
	switch kind {
	case tdsBatch, tdsRPC, tdsResult, tdsAttention, tdsBulk, tdsFedAuth, tdsTransaction, tdsLogin, tdsSSPI, tdsPrelogin:
		return true
	}
	return false
}

// tdsMatch knows the first packets of a session and statements by their form,
// and answers of the browser. The head of a first packet may come alone.
func tdsMatch(b []byte) bool {
	if tdsBrowserAnswer(b) {
		return true
	}
	p, ok := readTDS(b)
	if !ok {
		return false
	}
	if p.size == 0 {
		return p.kind == tdsPrelogin || p.kind == tdsLogin
	}
	return p.sane()
}

// sane holds a packet to the form of its type, as far as it is there. It is for
// the first packet that is seen; types without a form are not believed there.
func (p *tdsPacket) sane() bool {
	switch p.kind {
	case tdsPrelogin:
		return tdsOptions(p.body) || tdsHandshake(p.body)
	case tdsLogin:
		return tdsLoginSane(p)
	case tdsBatch, tdsRPC, tdsTransaction, tdsBulk:
		return tdsHeadersSane(p.body) || p.kind == tdsBatch && p.oldStatement()
	case tdsResult:
		return tdsOptions(p.body) || tdsTokenSane(p)
	}
	return false
}

// Dissect reads one packet, or one datagram of the browser.
func (d *tds) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		trial.joined = nil
		d = &trial
	}
	d.text.reset()
	if !m.Stream {
		return d.browser(m, out)
	}
	if d.claimed && tlsContent(m.Data[0]) {
		return d.record(m, out)
	}
	p, ok := readTDS(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case p.size == 0:
		return 0, ErrShort
	case len(p.body) < min(p.needed(d), p.size-tdsHead):
		return 0, d.wait(&p)
	case !d.claimed && !p.sane():
		return 0, ErrNotMine
	}
	d.sealed = 0
	if p.kind == tdsPrelogin && tdsHandshake(p.body) {
		return d.handshake(m, out)
	}
	d.message(m, &p, out)
	d.claimed = true
	return p.size, nil
}

// wait asks for more, unless what is there cannot be the front of a session.
func (d *tds) wait(p *tdsPacket) error {
	if !d.claimed && len(p.body) >= 32 && !p.sane() {
		return ErrNotMine
	}
	return ErrShort
}

// needed is how much of a packet's body is looked at.
func (p *tdsPacket) needed(d *tds) int {
	switch p.kind {
	case tdsPrelogin, tdsLogin, tdsSSPI:
		return p.size
	case tdsResult:
		if d.logon {
			return p.size
		}
	}
	return tdsInspected
}

// message tells what a packet says. A server sends results alone, and answers
// a prelogin with one, too.
func (d *tds) message(m *Message, p *tdsPacket, out Out) {
	from := d.sides.of(m)
	begins := !d.inside[from] && p.number <= 1 // the number is that of the packet in its message
	d.inside[from] = !p.last
	out.Sender(roleOf(p.kind != tdsResult))
	switch p.kind {
	case tdsPrelogin, tdsResult:
		if tdsOptions(p.body) {
			d.options(p.body, p.kind == tdsResult, out)
			return
		}
		if begins {
			d.tokens(p.body, out)
		}
		d.logon = d.logon && !p.last
	case tdsLogin:
		d.login(p, out)
	case tdsSSPI:
		d.text.ntlm(p.body, out)
		d.logon = true
	case tdsBatch, tdsRPC, tdsBulk:
		if begins {
			d.statement(p, out)
		}
	}
}

// Resync finds the next packet that is sure behind a gap.
func (d *tds) Resync(b []byte) int {
	for i := range b {
		if len(b)-i >= tdsHead+4 && tdsKind(b[i]) && tdsMatch(b[i:]) {
			return i
		}
	}
	return -1
}
