package dissect

import (
	"bytes"
	"encoding/binary"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "opcua",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(4840),
		Match:    matchUA,
		New:      func() Dissector { return &opcua{} },
		OT:       true,
		Reads:    "applications, endpoints, build information, security policy and mode, operations",
		Standard: "OPC 10000-6 UA Mappings 1.05 (OPC UA TCP, Secure Conversation, binary encoding), OPC 10000-4 UA Services 1.05",
	})
}

// opcua reads OPC UA binary over TCP, OPC 10000-6 sections 6.7 and 7.1:
//
//	 0    1    2    3     4 .. 7         8 .. 11
//	+----+----+----+-----+--------------+----------------+---
//	| H    E    L  |  F  | size, little |  ...
//	+----+----+----+-----+--------------+----------------+---
//	HEL ACK ERR RHE: F; the connection      OPN: F; policy, certificate, then body
//	MSG, CLO: F last, C more, A abandoned;
//	    secure channel 4 | token 4 | sequence number 4 | request 4 | body
//
// From the sequence number on, a MSG is ciphertext when its channel encrypts,
// and clear with a signature behind it when its channel only signs.
type opcua struct {
	claimed  bool
	requests bool // a request was seen: answers then count nothing of their own
	opened   bool // an OPN was seen: the policy is known
	plain    bool // that policy is None
	moded    bool // the mode in security is known; with none, so that security, far from here, is seldom looked at
	none     bool // security is no more than a channel's whose policy is None
	opaque   uint8
	ends     sides
	joining  [3]bool // by side: parts holds a message that may go on
	reads    uaReads
	text     scratch
	parts    [3]uaParts
	security ot.Security // what was told last
}

// uaParts is a message that comes in several chunks.
type uaParts struct {
	wanted      bool // its body is read; else its chunks are passed over
	over        bool // body is not all of it
	request     uint32
	first, last uint32 // sequence numbers of the first chunk and of the latest
	service     uint32
	before      int    // length of body before the latest chunk, should that be looked at twice
	body        []byte // behind the type
}

const (
	uaWhole  = 48 << 10 // of a chunk; what lies behind is passed over
	uaJoined = 64 << 10 // of a message in several chunks
	uaRetain = 16 << 10 // buffer kept for the next one
	uaLimit  = 64 << 20 // chunk that is still believed
	uaFront  = 32       // octets that show a chunk's service
	uaOpaque = 4        // chunks in a row that cannot be read: ciphertext
)

// uaHeader is the header of a chunk.
type uaHeader struct {
	kind  uaKind
	chunk byte
	size  int
}

// uaKind is the three letters that a chunk begins with, the first lowest.
type uaKind uint32

const (
	uaHEL = 'H' | 'E'<<8 | 'L'<<16
	uaACK = 'A' | 'C'<<8 | 'K'<<16
	uaERR = 'E' | 'R'<<8 | 'R'<<16
	uaRHE = 'R' | 'H'<<8 | 'E'<<16
	uaOPN = 'O' | 'P'<<8 | 'N'<<16
	uaMSG = 'M' | 'S'<<8 | 'G'<<16
	uaCLO = 'C' | 'L'<<8 | 'O'<<16
)

// readUA reads the header of a chunk: ok is false when these bytes, as far as
// they go, are no chunk; whole is false when the header itself is cut.
func readUA(b []byte) (h uaHeader, whole, ok bool) {
	if len(b) < 8 {
		return h, false, uaBegins(b)
	}
	v := binary.LittleEndian.Uint64(b)
	h.kind, h.chunk = uaKind(v&0xffffff), byte(v>>24)
	size := v >> 32
	if size > uaLimit || (h.chunk != 'F' && h.kind != uaMSG) {
		return h, true, false
	}
	h.size = int(size)
	return h, true, h.sane()
}

// sane checks the size against the kind.
func (h uaHeader) sane() bool {
	switch h.kind {
	case uaMSG:
		return h.size > 24 && (h.chunk == 'F' || h.chunk == 'C' || h.chunk == 'A')
	case uaCLO:
		return h.size > 24 && h.size < 8<<10
	case uaOPN:
		return h.size > 32 && h.size <= uaWhole
	case uaHEL:
		return h.size >= 32 && h.size < 8<<10
	case uaACK:
		return h.size == 28
	case uaERR, uaRHE:
		return h.size >= 16 && h.size < 16<<10
	}
	return false
}

// uaBegins reports whether a few bytes may be the beginning of a chunk.
func uaBegins(b []byte) bool {
	for _, k := range [...]string{"MSG", "OPN", "HEL", "ACK", "ERR", "RHE", "CLO"} {
		if n := min(len(k), len(b)); string(b[:n]) == k[:n] {
			return len(b) < 4 || b[3] == 'F' || (k == "MSG" && (b[3] == 'C' || b[3] == 'A'))
		}
	}
	return false
}

func matchUA(b []byte) bool {
	_, _, ok := readUA(b)
	return ok
}

// Dissect implements Dissector.
func (d *opcua) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		d = d.trial()
	}
	h, whole, ok := readUA(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	if !whole {
		return 0, ErrShort
	}
	d.text.reset()
	if h.kind == uaMSG {
		return d.message(m, h, out)
	}
	if h.size > len(m.Data) {
		return 0, ErrShort
	}
	c := wire.New(m.Data[8:h.size])
	switch h.kind {
	case uaHEL:
		uaHello(&c, out)
	case uaRHE:
		uaReverseHello(&c, out)
	case uaACK, uaERR:
		out.Sender(Server)
	case uaOPN:
		d.open(m, &c, out)
	case uaCLO: // only clients close, OPC 10000-4 section 5.5.3
		out.Sender(Client)
	}
	d.claimed = true
	return h.size, nil
}

// uaHello reads a Hello, OPC 10000-6 section 7.1.2.3. Its EndpointUrl is what
// the client was told about the server.
func uaHello(c *wire.Cursor, out Out) {
	c.Skip(20)
	url := uaString(c)
	out.Sender(Client)
	uaAskedURL(url, "opcua.hello.endpoint_url", out)
}

// uaReverseHello reads a ReverseHello, section 7.1.2.6: a server that calls.
func uaReverseHello(c *wire.Cursor, out Out) {
	uri, url := uaString(c), uaString(c)
	out.Sender(Server)
	if !c.OK() {
		return
	}
	uaTell(Sender, "opcua.application_uri", uri, "opcua.reverse_hello.server_uri", ot.Identity, out)
	uaTell(Sender, "opcua.endpoint_url", url, "opcua.reverse_hello.endpoint_url", ot.Content, out)
}

// trial is a copy that may be spoilt.
func (d *opcua) trial() *opcua {
	t := *d
	t.text = scratch{}
	if t.reads.table != nil {
		table := *t.reads.table
		t.reads.table = &table
	}
	for i := range t.parts {
		t.parts[i].body = bytes.Clone(t.parts[i].body)
	}
	return &t
}

// message reads one chunk of a service message.
func (d *opcua) message(m *Message, h uaHeader, out Out) (int, error) {
	b := m.Data[:min(h.size, len(m.Data), uaWhole)]
	if len(b) < min(uaFront, h.size) {
		return 0, ErrShort
	}
	c := wire.New(b)
	c.Skip(16)
	sequence, request := c.U32LE(), c.U32LE()
	from := d.ends.of(m)
	if d.joining[from] {
		p := &d.parts[from]
		if p.request == request && sequence != p.first && sequence-p.last <= 1 {
			return d.goesOn(m, h, b, sequence, p, out)
		}
		d.close(from)
	}
	if h.chunk == 'A' {
		return h.size, nil
	}
	typ := uaNodeID(&c)
	s, known := uaServiceOf(typ)
	wanted := known && d.wants(s, typ.id, request)
	if wanted && len(b) < min(h.size, uaWhole) && !m.Cut {
		return 0, ErrShort
	}
	if h.chunk == 'C' {
		d.joining[from] = true
		d.parts[from].begin(sequence, request, typ.id, wanted, c.Rest())
	}
	if !known {
		return d.unread(h, out)
	}
	d.opaque = 0
	d.service(s, out)
	switch {
	case !wanted:
		d.operation(s, s.class, out)
	case h.chunk == 'F':
		d.body(s, typ.id, request, c.Rest(), len(b) == h.size, out)
	}
	return d.passed(m, h, b)
}

// passed ends a chunk: success, unless the capture cut what was wanted of it.
func (d *opcua) passed(m *Message, h uaHeader, b []byte) (int, error) {
	if m.Cut && len(b) < min(h.size, uaWhole) {
		return 0, ErrShort
	}
	d.claimed = true
	return h.size, nil
}

// goesOn reads a further chunk of a message. Looking at the same chunk again
// gives the same.
func (d *opcua) goesOn(m *Message, h uaHeader, b []byte, sequence uint32, p *uaParts, out Out) (int, error) {
	if h.chunk == 'A' {
		d.close(d.ends.of(m))
		return h.size, nil
	}
	if p.wanted {
		if len(b) < min(h.size, uaWhole) && !m.Cut {
			return 0, ErrShort
		}
		p.add(sequence, b[24:])
		if h.chunk == 'F' {
			s, _ := uaServiceOf(uaID{0, p.service, true})
			d.body(s, p.service, p.request, p.body, !p.over && len(b) == h.size, out)
		}
	}
	p.last = sequence
	return d.passed(m, h, b)
}

// begin starts a message of several chunks.
func (p *uaParts) begin(sequence, request, service uint32, wanted bool, b []byte) {
	*p = uaParts{wanted: wanted, request: request, first: sequence, last: sequence, service: service, body: p.body[:0]}
	if wanted {
		p.body = append(p.body, b...)
	}
}

// add appends a chunk's body, in place of itself when it comes again.
func (p *uaParts) add(sequence uint32, b []byte) {
	if sequence == p.last {
		p.body = p.body[:p.before]
	}
	p.before = len(p.body)
	if len(p.body)+len(b) > uaJoined {
		b, p.over = b[:uaJoined-len(p.body)], true
	}
	p.body = append(p.body, b...)
}

// close forgets a side's message; a large buffer goes with it.
func (d *opcua) close(from side) {
	d.joining[from] = false
	if p := &d.parts[from]; cap(p.body) > uaRetain {
		p.body = nil
	}
}
