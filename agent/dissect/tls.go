package dissect

import (
	"slices"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "tls",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(443, 802, 4843, 8883, 19999),
		Match:    tlsMatch,
		New:      func() Dissector { return &tls{} },
		Reads:    "version, server name, application protocol, client fingerprint (JA4), certificate names, encryption",
		Standard: "RFC 8446, RFC 5246, RFC 5280",
	})
}

// Record types (RFC 8446 section 5.1).
const (
	tlsChangeCipherSpec = 20
	tlsAlert            = 21
	tlsHandshake        = 22
	tlsApplicationData  = 23

	tlsRecordHeader = 5
	tlsMaxRecord    = 1<<14 + 2048 // RFC 5246 section 6.2.3, the longer of the two
)

// Handshake types (RFC 5246 section 7.4).
const (
	tlsClientHello = 1
	tlsServerHello = 2
	tlsCertificate = 11
	tlsHandshakes  = 24 // key update, the highest

	// maxHandshake bounds a handshake message that is put together from
	// several records. Longer certificate chains exist, and are passed over.
	maxHandshake = 40 << 10
)

// tls reads handshakes until the first encrypted data, in either direction.
type tls struct {
	text     scratch
	sides    sides
	security ot.Security
	sealed   [3]bool // by side: change cipher spec seen: what follows is ciphertext
	hello    bool    // a client or server hello was read
	answered bool    // the server hello was read
	plain    bool    // the agreed cipher suite does not encrypt
	client   side    // of the client hello
	early    uint8   // records of application data before the server hello
}

// record is one record header.
type tlsRecord struct {
	kind  uint8
	minor uint8
	n     int
}

// readTLSRecord reads and checks a header; ok tells whether it can be one.
func readTLSRecord(c *wire.Cursor) (r tlsRecord, ok bool) {
	r.kind = c.U8()
	major := c.U8()
	r.minor, r.n = c.U8(), int(c.U16())
	ok = r.kind >= tlsChangeCipherSpec && r.kind <= tlsApplicationData && major == 3 && r.minor <= 4 &&
		r.n > 0 && r.n <= tlsMaxRecord
	return r, ok && (r.kind != tlsChangeCipherSpec || r.n == 1)
}

// tlsMatch knows a hello, and in a session from the middle a record of
// application data that is followed by a record or by nothing. The first bytes
// of a hello pass: Dissect judges the whole.
func tlsMatch(b []byte) bool {
	c := wire.New(b)
	r, ok := readTLSRecord(&c)
	if !c.OK() {
		return len(b) > 0 && b[0] == tlsHandshake && (len(b) < 2 || b[1] == 3)
	}
	if !ok {
		return false
	}
	if r.kind == tlsHandshake {
		p := c.Peek(min(r.n, c.Len()))
		return len(p) < 4 || tlsHelloFront(p)
	}
	return r.kind == tlsApplicationData && tlsFollowed(b, tlsRecordHeader+r.n) != chainBroken
}

// tlsHelloFront reports whether b begins like a hello: type, a length of three
// bytes, version 3.x.
func tlsHelloFront(b []byte) bool {
	c := wire.New(b)
	kind, n, version := c.U8(), c.U24(), c.U8()
	return (kind == tlsClientHello || kind == tlsServerHello) && n >= 38 && n <= maxHandshake && (!c.OK() || version == 3)
}

type chain uint8

const (
	chainBroken chain = iota
	chainOpen         // the record has not come whole
	chainHolds
)

// tlsFollowed tells what stands behind a record that ends at off.
func tlsFollowed(b []byte, off int) chain {
	switch {
	case off > len(b):
		return chainOpen
	case off == len(b):
		return chainHolds
	}
	c := wire.New(b[off:])
	if _, ok := readTLSRecord(&c); c.OK() && !ok {
		return chainBroken
	}
	return chainHolds
}

// Dissect reads one record, or as many as a handshake message spreads over.
func (d *tls) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	r, ok := readTLSRecord(&c)
	if !c.OK() {
		return 0, ErrShort
	}
	if !ok {
		return 0, d.broken()
	}
	from, end := d.sides.of(m), tlsRecordHeader+r.n
	switch {
	case r.kind == tlsHandshake && !d.sealed[from]:
		return d.handshake(m, out)
	case !d.hello:
		return d.middle(m, r, end, out)
	case r.kind == tlsChangeCipherSpec:
		// TLS 1.3 sends it for show (RFC 8446 appendix D.4), never before the hello.
		d.sealed[from] = true
		if d.answered && d.sealed[from.other()] {
			d.protected(out)
		}
		return end, nil
	case r.kind == tlsApplicationData:
		return d.ciphertext(end, out)
	}
	return end, nil
}

func (d *tls) broken() error { return notMine(d.hello) }

// ciphertext ends the reading once both sides agreed.
func (d *tls) ciphertext(end int, out Out) (int, error) {
	const maxEarly = 16 // early data (RFC 8446 section 2.3), or a capture of one side
	if !d.answered && d.early < maxEarly {
		d.early++
		return end, nil
	}
	d.protected(out)
	return end, ErrDone
}

// protected tells that what follows is protected as was agreed.
func (d *tls) protected(out Out) {
	d.security.Mode = ot.SignAndEncrypt
	if d.plain {
		d.security.Mode = ot.Sign
	}
	out.Security(d.security)
}

// middle takes up a session whose start was not captured: application data in
// records that follow each other.
func (d *tls) middle(m *Message, r tlsRecord, end int, out Out) (int, error) {
	if r.kind != tlsApplicationData || r.minor == 0 || r.minor == 4 {
		return 0, ErrNotMine
	}
	switch tlsFollowed(m.Data, end) {
	case chainOpen:
		return 0, ErrShort
	case chainBroken:
		return 0, ErrNotMine
	}
	s := ot.Security{Mode: ot.SignAndEncrypt}
	if r.minor < 3 { // version 3.3 stands for TLS 1.2 and 1.3 alike
		s.TLS = tlsVersion(0x0300 | uint16(r.minor))
	}
	out.Security(s)
	return end, ErrDone
}

// handshake reads the messages of one record; the last may go on in further
// records of the same kind (RFC 8446 section 5.1).
func (d *tls) handshake(m *Message, out Out) (int, error) {
	c := wire.New(m.Data)
	r, _ := readTLSRecord(&c)
	if p := c.Peek(min(r.n, c.Len())); !d.hello && len(p) >= 4 && !tlsHelloFront(p) {
		return 0, ErrNotMine
	}
	body := c.Bytes(r.n)
	if !c.OK() {
		return d.unfinished(m, out)
	}
	whole, ok := tlsMessages(body)
	for !ok && whole <= maxHandshake {
		next, found := readTLSRecord(&c)
		more := c.Bytes(next.n)
		switch {
		case !c.OK():
			return 0, ErrShort
		case !found || next.kind != tlsHandshake:
			return 0, d.broken()
		}
		body = append(slices.Clip(body), more...)
		whole, ok = tlsMessages(body)
	}
	if err := d.messages(m, body, out); err != nil {
		return 0, err
	}
	return c.Off(), nil
}

// unfinished reads what there is of a hello that the capture cut.
func (d *tls) unfinished(m *Message, out Out) (int, error) {
	if m.Cut {
		_ = d.messages(m, m.Data[tlsRecordHeader:], out)
	}
	return 0, ErrShort
}

// tlsMessages walks the handshake messages of b. ok tells that they end with
// it, need is the length that the last one asks for.
func tlsMessages(b []byte) (need int, ok bool) {
	c := wire.New(b)
	for c.Len() > 0 {
		kind, n := c.U8(), int(c.U24())
		need = c.Off() + n
		if kind > tlsHandshakes { // ciphertext, or no handshake at all
			return need, true
		}
		c.Skip(n)
		if !c.OK() {
			return max(need, 4), false
		}
	}
	return need, true
}

func (d *tls) messages(m *Message, b []byte, out Out) error {
	c := wire.New(b)
	for c.Len() > 0 {
		kind, n := c.U8(), int(c.U24())
		v := c.Sub(min(n, c.Len()))
		if !c.OK() {
			return nil
		}
		switch kind {
		case tlsClientHello:
			if err := d.clientHello(m, &v, out); err != nil {
				return err
			}
		case tlsServerHello:
			if err := d.serverHello(&v, out); err != nil {
				return err
			}
		case tlsCertificate:
			d.certificates(m, &v, out)
		}
	}
	if !d.hello {
		return ErrNotMine
	}
	return nil
}

// tlsVersion is the name of a protocol version.
func tlsVersion(v uint16) string {
	switch v {
	case 0x0300:
		return "SSL 3.0"
	case 0x0301:
		return "1.0"
	case 0x0302:
		return "1.1"
	case 0x0303:
		return "1.2"
	case 0x0304:
		return "1.3"
	}
	return ""
}
