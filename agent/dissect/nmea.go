package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "nmea",
		Over:     []string{"udp", "tcp"},
		Tier:     3,
		Ports:    append(TCP(10110), UDP(10110)...),
		Match:    matchNMEA,
		New:      func() Dissector { return &nmea{} },
		OT:       true,
		Reads:    "talkers and sources of sentences, queries",
		Standard: "IEC 61162-1 clause 7 (NMEA 0183), IEC 61162-450 clause 7",
	})
}

// Attributes of those who send sentences.
const (
	nmeaTalker ot.Attribute = "nmea.talker"
	nmeaSource ot.Attribute = "nmea.source"
)

// nmea reads sentences, "$" or "!", an address, fields and a check of all
// between: $GPGGA,...*47. Over IEC 61162-450 a datagram begins with a token,
// and a sentence may follow tags between backslashes, with a check of their own.
type nmea struct {
	told   bool
	text   scratch
	recent recent
}

const (
	nmeaToken = "UdPbC\x00"
	nmeaMost  = 512
)

// nmeaLine is one line: tags and a sentence.
type nmeaLine struct {
	tags, address []byte
	size          int // with its line end; 0 while that has not come
}

// readNMEA reads a line; ok is false where b cannot begin with one.
func readNMEA(b []byte, stream bool) (l nmeaLine, ok bool) {
	line, _, whole := bytes.Cut(b, []byte{'\n'})
	if len(line) > nmeaMost {
		return l, false
	}
	if !whole && stream {
		return l, len(b) > 0 && nmeaBegins(line[0]) && printable(bytes.TrimRight(line, "\r"))
	}
	l.size = min(len(line)+1, len(b))
	line = bytes.TrimRight(line, "\r")
	if len(line) > 0 && line[0] == '\\' {
		tags, rest, ok := bytes.Cut(line[1:], []byte{'\\'})
		if l.tags = nmeaChecked(tags); !ok || l.tags == nil {
			return l, false
		}
		line = rest
	}
	if len(line) == 0 && l.tags != nil {
		return l, true
	}
	if len(line) == 0 || line[0] != '$' && line[0] != '!' {
		return l, false
	}
	body := nmeaChecked(line[1:])
	if body == nil || !printable(body) {
		return l, false
	}
	l.address, _, _ = bytes.Cut(body, []byte{','})
	return l, nmeaAddress(l.address)
}

func nmeaBegins(c byte) bool { return c == '$' || c == '!' || c == '\\' }

// nmeaChecked is v without its check, nil when that is wrong: the exclusive or
// of all octets, as two digits behind an asterisk.
func nmeaChecked(v []byte) []byte {
	n := len(v) - 3
	if n < 1 {
		return nil
	}
	c := wire.New(v)
	body := c.Bytes(n)
	sum := byte(0)
	for _, x := range body {
		sum ^= x
	}
	const digits = "0123456789ABCDEF"
	star, high, low := c.U8(), c.U8(), c.U8()
	if high >= 'a' {
		high -= 'a' - 'A'
	}
	if low >= 'a' {
		low -= 'a' - 'A'
	}
	if star != '*' || high != digits[sum>>4] || low != digits[sum&15] {
		return nil
	}
	return body
}

// nmeaAddress reports talker and type in five characters, or P and what its
// maker chose.
func nmeaAddress(v []byte) bool {
	for _, x := range v {
		if (x < 'A' || x > 'Z') && (x < '0' || x > '9') {
			return false
		}
	}
	return len(v) == 5 || len(v) >= 4 && len(v) <= 15 && v[0] == 'P'
}

func matchNMEA(b []byte) bool {
	c := wire.New(b)
	if string(c.Peek(len(nmeaToken))) == nmeaToken {
		c.Skip(len(nmeaToken))
	}
	l, ok := readNMEA(c.Rest(), false)
	return ok && l.size > 0
}

func (d *nmea) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	if !m.Stream && string(c.Peek(len(nmeaToken))) == nmeaToken {
		c.Skip(len(nmeaToken))
	}
	at := c.Off()
	l, ok := readNMEA(c.Rest(), m.Stream)
	switch {
	case !ok && m.Cut && d.told:
		return 0, ErrShort
	case !ok:
		return 0, notMine(d.told)
	case l.size == 0:
		return 0, ErrShort
	}
	if !m.Trial && !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.learn(&l, m, out)
	return at + l.size, nil
}

func (d *nmea) learn(l *nmeaLine, m *Message, out Out) {
	for rest := l.tags; len(rest) > 0; {
		var tag []byte
		tag, rest, _ = bytes.Cut(rest, []byte{','})
		if v, ok := bytes.CutPrefix(tag, []byte("s:")); ok && len(v) > 0 && printable(v) && d.recent.fresh(m.Time, hashOf(v)) {
			out.Fact(Sender, nmeaSource, v, "nmea.tag.source", ot.Content)
		}
	}
	c := wire.New(l.address)
	talker := c.Bytes(2)
	switch {
	case l.address == nil || l.address[0] == 'P':
	case len(l.address) == 5 && l.address[4] == 'Q': // talker, listener, Q
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case d.recent.fresh(m.Time, uint64(talker[0])<<8|uint64(talker[1])):
		out.Fact(Sender, nmeaTalker, talker, "nmea.sentence.talker", ot.Content)
	}
}

// Resync finds the next line behind a gap.
func (d *nmea) Resync(b []byte) int {
	for off := 0; off < len(b); {
		if nmeaBegins(b[off]) {
			return off
		}
		i := bytes.IndexByte(b[off:], '\n')
		if i < 0 {
			return -1
		}
		off += i + 1
	}
	return -1
}
