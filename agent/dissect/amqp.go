package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "amqp",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(amqpPort),
		Match:    matchAMQP,
		New:      func() Dissector { return &amqp{} },
		Reads:    "product, version and platform of brokers and clients, users, containers, what is published, consumed and declared",
		Standard: "AMQP 0-9-1 specification sections 2.3 and 4.2, OASIS AMQP 1.0 (ISO/IEC 19464) parts 1, 2 and 5",
	})
}

const amqpPort = 5672

// Attributes of brokers and their clients.
const (
	amqpVersion   ot.Attribute = "amqp.version"
	amqpPlatform  ot.Attribute = "amqp.platform"
	amqpUser      ot.Attribute = "amqp.user"
	amqpContainer ot.Attribute = "amqp.container"
	amqpCluster   ot.Attribute = "amqp.cluster"
)

// amqp reads both generations, which share a name, a port and the header that
// opens them, "AMQP" and four octets:
//
//	0-9-1: kind 8, channel 16, size 32, payload, 0xce
//	1.0:   size 32, offset of data 8, kind 8, channel 16, performative
type amqp struct {
	generation uint8 // 1 for 1.0, 9 for 0-9-1, 0 while unknown
	told       bool
	text       scratch
}

// Protocol identifiers of a header of 1.0, parts 2.2, 5.2 and 5.3.
const (
	amqpPlain   = 0
	amqpTLS     = 2
	amqpSASL    = 3
	amqpMaxSize = 16 << 20 // of a frame: larger ones are not agreed on in practice
)

// amqpFrame is one frame of either generation, or a header.
type amqpFrame struct {
	generation uint8
	header     bool
	protocol   uint8  // of a header
	kind       uint8  // of a frame of 0-9-1, or 0 AMQP and 1 SASL
	code       uint32 // class and method, or the performative
	size       int    // of all of it
	body       []byte // behind the code, as far as it is there
	whole      bool
}

// Kinds of frames of 0-9-1, section 2.3.5.
const (
	amqpMethod    = 1
	amqpContent   = 2
	amqpBody      = 3
	amqpHeartbeat = 8
	amqpEnd       = 0xce
)

// readAMQP reads a frame from the front of b. want is the generation, 0 when
// it is not known.
func readAMQP(b []byte, want uint8) (f amqpFrame, err error) {
	if startsLike(b, "AMQP") {
		return readAMQPHeader(b)
	}
	if len(b) < 8 {
		return f, amqpBegins(b, want)
	}
	if want != 1 {
		if f, err = readAMQP0(b); err == nil || want == 9 {
			return f, err
		}
	}
	return readAMQP1(b)
}

// amqpBegins says whether the octets of a short beginning can be a frame.
func amqpBegins(b []byte, want uint8) error {
	c := wire.New(b)
	first := c.U8()
	if want == 0 && first > amqpHeartbeat {
		return ErrNotMine
	}
	return ErrShort
}

func readAMQPHeader(b []byte) (f amqpFrame, err error) {
	c := wire.New(b)
	c.Skip(4)
	id, major, minor, revision := c.U8(), c.U8(), c.U8(), c.U8()
	if !c.OK() {
		return f, ErrShort
	}
	f = amqpFrame{header: true, size: 8, whole: true, protocol: id}
	switch {
	case id == 0 && major == 0 && minor == 9 && revision == 1, id == 1 && major == 1 && minor == 0 && revision == 10, id == 1 && major == 1 && minor == 9 && revision == 0:
		f.generation = 9
	case major == 1 && minor == 0 && revision == 0 && (id == amqpPlain || id == amqpTLS || id == amqpSASL):
		f.generation = 1
	default:
		return f, ErrNotMine
	}
	return f, nil
}

// readAMQP0 reads a frame of 0-9-1.
func readAMQP0(b []byte) (f amqpFrame, err error) {
	c := wire.New(b)
	f = amqpFrame{generation: 9, kind: c.U8()}
	channel := c.U16()
	n := int(c.U32())
	f.size = 7 + n + 1
	switch {
	case f.kind == amqpHeartbeat && (n != 0 || channel != 0), n < 0 || n > amqpMaxSize,
		f.kind < amqpMethod || f.kind > amqpBody && f.kind != amqpHeartbeat:
		return f, ErrNotMine
	}
	if f.whole = c.Len() > n; f.whole {
		end := wire.New(b)
		end.Skip(7 + n)
		if end.U8() != amqpEnd {
			return f, ErrNotMine
		}
	}
	f.body = c.Bytes(min(n, c.Len()))
	if f.kind != amqpMethod {
		return f, nil
	}
	v := wire.New(f.body)
	f.code = v.U32()
	switch {
	case !v.OK() && n >= 4:
		return f, ErrShort
	case !amqpKnown(f.code, channel):
		return f, ErrNotMine
	}
	f.body = v.Rest()
	return f, nil
}

// readAMQP1 reads a frame of 1.0, part 2.3.1.
func readAMQP1(b []byte) (f amqpFrame, err error) {
	c := wire.New(b)
	n := int(c.U32())
	offset := int(c.U8()) * 4
	f = amqpFrame{generation: 1, kind: c.U8(), size: n}
	c.Skip(2)
	if n < 8 || n > amqpMaxSize || offset < 8 || offset > n || f.kind > 1 {
		return f, ErrNotMine
	}
	f.whole = len(b) >= n
	c.Skip(min(offset-8, c.Len()))
	v := c.Sub(min(n-offset, c.Len()))
	if n == offset {
		return f, nil // keeps the connection open
	}
	if f.code, err = amqpPerformative(&v); err != nil {
		return f, err
	}
	if sasl := f.code >= 0x40; sasl != (f.kind == 1) {
		return f, ErrNotMine
	}
	f.body = v.Rest()
	return f, nil
}

// amqpPerformative reads the descriptor: 0, a small or a full ulong.
func amqpPerformative(c *wire.Cursor) (uint32, error) {
	zero, width := c.U8(), c.U8()
	code := uint64(0)
	switch {
	case !c.OK():
		return 0, ErrShort
	case zero == 0 && width == 0x53:
		code = uint64(c.U8())
	case zero == 0 && width == 0x80:
		code = c.U64()
	default:
		return 0, ErrNotMine
	}
	if !c.OK() {
		return 0, ErrShort
	}
	if code < amqpOpen || code > amqpClose && code < amqpMechanisms || code > amqpOutcome {
		return 0, ErrNotMine
	}
	return uint32(code), nil
}

func matchAMQP(b []byte) bool {
	f, err := readAMQP(b, 0)
	if err != nil {
		return false
	}
	return f.header || f.whole && (f.generation == 9 && f.kind != amqpHeartbeat || f.code != 0)
}

// bulk reports a frame of which nothing more is read than is here.
func (f *amqpFrame) bulk() bool {
	if f.generation == 9 {
		return f.kind == amqpContent || f.kind == amqpBody
	}
	return f.code == amqpTransfer
}

func (d *amqp) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	f, err := readAMQP(m.Data, d.generation)
	switch {
	case err == ErrNotMine: //nolint:errorlint // of readAMQP, never wrapped
		return 0, notMine(d.generation != 0)
	case err != nil:
		return 0, ErrShort
	case !f.whole && !f.bulk() && f.size > maxBuffer:
		return 0, notMine(d.generation != 0)
	case !f.whole && !f.bulk() && !m.Cut:
		return 0, ErrShort
	}
	if d.generation == 0 && !f.whole && !onPort(m, amqpPort) {
		return 0, ErrNotMine
	}
	if f.header {
		d.header(&f, m, out)
	} else if f.generation == 9 {
		d.method(&f, out)
	} else {
		d.performative(&f, m, out)
	}
	if !f.whole && !f.bulk() {
		return 0, ErrShort
	}
	d.generation = f.generation
	return f.size, nil
}

// header reads what opens a connection. Of 0-9-1 a server sends one only to
// refuse; of 1.0 both send one, the client first.
func (d *amqp) header(f *amqpFrame, m *Message, out Out) {
	if f.generation == 9 {
		out.Sender(Client)
	}
	if f.protocol == amqpTLS {
		if !m.likelyFromClient(amqpPort) {
			out.Switch("tls")
		}
		return
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

// Resync finds the next frame behind a gap.
func (d *amqp) Resync(b []byte) int {
	for i := range b {
		c := wire.New(b)
		c.Skip(i)
		if f, err := readAMQP(c.Rest(), d.generation); err == nil && (f.whole || f.bulk() && f.generation == 1) {
			return i
		}
	}
	return -1
}
