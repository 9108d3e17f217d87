package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "atg",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(10001),
		Match:    matchATG,
		New:      func() Dissector { return &atg{} },
		OT:       true,
		Reads:    "station name, firmware and software number of tank gauges, use of a security code, operations",
		Standard: "Veeder-Root 576013-635 Serial Interface Manual for TLS-300/350/350R Monitoring Systems, chapters 3 and 7",
	})
}

// atgSoftware is the part number of a gauge's software.
const atgSoftware ot.Attribute = "atg.software_number"

// atg reads the protocol of automatic tank gauges, 576013-635 section 3.1:
//
//	command: SOH [security code 6] letter, three digits, device 2 [data] CR LF
//	display: SOH CR LF command CR LF text ETX
//	data:    SOH command data && checksum 4 ETX
//	error:   SOH 9999FF1B ETX
//
// The letter is I to ask and S to set, small for answers made for a computer.
// Commands have fixed lengths; the line end is what all who use TCP send.
type atg struct {
	claimed bool
	text    scratch
}

const (
	atgSOH  = 0x01
	atgETX  = 0x03
	atgMost = 16 << 10 // octets of an answer
	atgAsk  = 128      // octets of a command
	atgCode = 6        // letter, digits, device
)

var atgError = []byte("9999FF1B")

type atgMessage struct {
	size     int
	answer   bool
	security bool
	code     []byte // the command's letter, digits, device; empty in an error
	body     []byte // behind it
}

// readATG reads one message: ErrShort when it may go on.
func readATG(b []byte) (x atgMessage, err error) {
	c := wire.New(b)
	if c.U8() != atgSOH && c.OK() {
		return x, ErrNotMine
	}
	rest := c.Rest()
	end := bytes.IndexAny(rest, "\x01\x03\r\n")
	if end == 0 && rest[0] == '\r' {
		return readATGDisplay(rest)
	}
	if begin := rest[:min(len(rest), 13)]; end < 0 {
		if len(rest) > atgMost || !printable(begin) {
			return x, ErrNotMine
		}
		if !x.command(rest) && len(rest) >= 13 {
			return x, ErrNotMine
		}
		return x, ErrShort
	}
	line := rest[:end]
	switch {
	case rest[end] == atgETX:
		x.size, x.answer = 1+end+1, true
		if bytes.HasPrefix(line, atgError) {
			return x, nil
		}
		if !x.command(line) || x.security || !bytes.Contains(x.body, []byte("&&")) {
			return x, ErrNotMine
		}
	case end > atgAsk || !x.command(line):
		return x, ErrNotMine
	case rest[end] == '\r' && len(rest) == end+1:
		return x, ErrShort // a line feed may follow
	default:
		x.size = 1 + end
		if rest[end] == '\r' {
			x.size++
			end++
		}
		if rest[end] == '\n' {
			x.size++
		}
	}
	return x, nil
}

// readATGDisplay reads an answer for people, behind SOH.
func readATGDisplay(rest []byte) (x atgMessage, err error) {
	c := wire.New(rest)
	if head := c.Bytes(2); c.OK() && head[1] != '\n' {
		return x, ErrNotMine
	}
	if code := c.Peek(min(c.Len(), atgCode)); c.Len() < atgCode || !atgIsCode(code) {
		if c.Len() < atgCode && len(rest) <= 2+atgCode && printable(code) {
			return x, ErrShort
		}
		return x, ErrNotMine
	}
	x.code, x.answer = c.Bytes(atgCode), true
	end := bytes.IndexByte(rest, atgETX)
	switch {
	case end < 0 && len(rest) < atgMost:
		return x, ErrShort
	case end < 0:
		return x, ErrNotMine
	}
	x.size = 1 + end + 1
	x.body = rest[c.Off():end]
	return x, nil
}

// command finds the command at the front of a line.
func (x *atgMessage) command(line []byte) bool {
	c := wire.New(line)
	if code := c.Peek(atgCode); code == nil || !atgIsCode(code) {
		if code := c.Bytes(atgCode); !printable(code) {
			return false
		}
		x.security = true
	}
	x.code = c.Bytes(atgCode)
	x.body = c.Rest()
	return c.OK() && atgIsCode(x.code)
}

func atgIsCode(b []byte) bool {
	c := wire.New(b)
	switch c.U8() {
	case 'I', 'i', 'S', 's':
	default:
		return false
	}
	for i := range atgCode - 1 {
		if x := c.U8(); (x < '0' || x > '9') && (i < 3 || x < 'A' || x > 'F') {
			return false
		}
	}
	return c.OK()
}

// matchATG claims whole messages with a command, and the beginning of an
// answer that may be long.
func matchATG(b []byte) bool {
	x, err := readATG(b)
	return (err == nil || x.answer) && x.code != nil
}

func (d *atg) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	x, err := readATG(m.Data)
	switch {
	case err == ErrShort && m.Stream: //nolint:errorlint // of its own, never wrapped
		return 0, ErrShort
	case err != nil, x.code == nil && !d.claimed:
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	out.Sender(roleOf(!x.answer))
	if x.answer {
		d.answer(&x, out)
		return x.size, nil
	}
	if x.security {
		out.Operation(ot.Authenticate, 1)
	}
	out.Operation(atgOperation(x.code), 1)
	return x.size, nil
}

// atgOperation is the class of a command, 576013-635 chapter 5: functions from
// 001 act at once, those from 901 ask for the system itself.
func atgOperation(code []byte) ot.Operation {
	c := wire.New(code)
	letter, number := c.U8()|0x20, c.Bytes(3)
	switch {
	case letter == 'i' && bytes.HasPrefix(number, []byte("9")):
		return ot.Diagnose
	case letter == 'i':
		return ot.Read
	case bytes.HasPrefix(number, []byte("0")):
		return ot.Control
	}
	return ot.Configure
}

// Resync finds the next message of a stream.
func (d *atg) Resync(b []byte) int {
	for i := range b {
		if b[i] == atgSOH && matchATG(b[i:]) {
			return i
		}
	}
	return -1
}
