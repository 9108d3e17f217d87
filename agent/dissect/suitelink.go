package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "suitelink",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(5413),
		Match:    matchSuiteLink,
		New:      func() Dissector { return &suiteLink{} },
		OT:       true,
		Reads:    "nodes, users, programs and topics of clients, subscriptions and writes",
		Standard: "no public one; from the text alone: Finngineering, A Wireshark dissector for Suitelink (README, 2024)",
	})
}

// Attributes of SuiteLink ends.
const (
	slApplication ot.Attribute = "suitelink.application" // that a server gives data of
	slTopic       ot.Attribute = "suitelink.topic"
	slClient      ot.Attribute = "suitelink.client" // program of the client
	slUser        ot.Attribute = "suitelink.user"
)

// suiteLink reads the protocol of Wonderware's, now AVEVA's, SCADA programs, as
// far as Finngineering found out. A session begins with a handshake of a magic
// number; then messages come in one of two forms, all numbers little endian:
//
//	data:   | length 2 | type 2 | ... | A5h |            length counts from the type
//	alarms: | length 1, or 00h and 2, or 00h 0000h and 4 | ...
type suiteLink struct {
	sides   sides
	claimed bool
	alarms  bool
	text    scratch
}

// Types of data messages.
const (
	slReady     = 0x0001
	slAdvised   = 0x0003
	slUnadvised = 0x0004
	slTime      = 0x0008
	slUpdate    = 0x0009
	slPoked     = 0x000b
	slPoke      = 0x080b
	slConnect   = 0x8001
	slUnadvise  = 0x8004
	slAdvise    = 0x8010
	slPing      = 0x4023 // to 4026h: ping, pong, peng, pang
	slPingLast  = 0x4026
	slEnd       = 0xa5
	slMagicLen  = 16
	slOldLen    = 48 // of the oldest handshake, which says no length
	slMaxAlarm  = 1 << 20
)

// Magic numbers of handshakes.
var (
	slOldQuery   = []byte("\x60\x5f\xc3\xb1\x2d\x05\xd1\x11\xbf\x08\x00\xa0\xc9\x72\x3e\x82")
	slQuery      = []byte("\xca\xfe\x8b\xba\xfe\x8b\xd3\x11\xaa\x05\x00\xa0\xc9\xec\xfd\x9f")
	slRegister   = []byte("\xd5\xcf\xc7\xf8\x0b\xcd\xd3\x11\xaa\x10\x00\xa0\xc9\xec\xfd\x9f")
	slAlarmReady = []byte("\xd4\xcf\xc7\xf8\x0b\xcd\xd3\x11\xaa\x10\x00\xa0\xc9\xec\xfd\x9f")
	slRegistered = []byte("\x96\xe2\x78\x44\xfc\xcd\xd3\x11\xaa\x10\x00\xa0\xc9\xec\xfd\x9f")
)

// slMessage is one message.
type slMessage struct {
	size  int // 0 while its head has not come
	kind  int // type, or -1 for a handshake
	magic []byte
	body  []byte // behind type or magic
}

// readSuiteLink reads a message of the data form or a handshake; a beginning of
// one, for which nothing speaks against it, is ok and has no size.
func readSuiteLink(b []byte) (s slMessage, ok bool) {
	if s, ok = readSLHandshake(b); ok {
		return s, true
	}
	c := wire.New(b)
	n, kind := int(c.U16LE()), int(c.U16LE())
	if !c.OK() {
		return s, len(b) < 2 || n >= 3
	}
	if n < 3 || !slKnown(kind) {
		return s, false
	}
	s.kind = kind
	if len(b) < 2+n {
		return s, true
	}
	s.body = c.Bytes(n - 3)
	if c.U8() != slEnd {
		return s, false
	}
	s.size = 2 + n
	return s, true
}

// readSLHandshake reads what a session begins with.
func readSLHandshake(b []byte) (s slMessage, ok bool) {
	s.kind = -1
	n := min(len(b), slMagicLen)
	if n > 0 && bytes.Equal(b[:n], slOldQuery[:n]) {
		s.magic = slOldQuery
		if len(b) >= slOldLen {
			s.size, s.body = slOldLen, b[slMagicLen:slOldLen]
		}
		return s, true
	}
	c := wire.New(b)
	size := int(c.U8())
	n = min(c.Len(), slMagicLen)
	front := c.Peek(n)
	for _, magic := range [...][]byte{slQuery, slRegister, slAlarmReady, slRegistered} {
		if n == 0 || size < slMagicLen || !bytes.Equal(front, magic[:n]) {
			continue
		}
		if s.magic = magic; c.Len() >= size {
			c.Skip(slMagicLen)
			s.size, s.body = 1+size, c.Bytes(size-slMagicLen)
		}
		return s, true
	}
	return s, false
}

func slKnown(kind int) bool {
	switch kind {
	case slReady, slAdvised, slUnadvised, slTime, slUpdate, slPoked, slPoke, slConnect, slUnadvise, slAdvise:
		return true
	}
	return kind >= slPing && kind <= slPingLast
}

func matchSuiteLink(b []byte) bool {
	s, ok := readSuiteLink(b)
	return ok && s.size > 0
}

func (d *suiteLink) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	if d.alarms {
		if _, ok := readSLHandshake(m.Data); !ok {
			return slAlarmMessage(m.Data)
		}
	}
	s, ok := readSuiteLink(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case s.size == 0:
		return 0, ErrShort
	}
	d.learn(m, &s, out)
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return s.size, nil
}

// slAlarmMessage passes over one message of the alarm manager.
func slAlarmMessage(b []byte) (int, error) {
	c := wire.New(b)
	n := int(c.U8())
	if n == 0 {
		n = int(c.U16LE())
	}
	if n == 0 {
		n = int(c.U32LE())
	}
	switch {
	case !c.OK():
		return 0, ErrShort
	case n == 0 || n > slMaxAlarm:
		return 0, ErrMalformed
	}
	return c.Off() + n, nil
}

// learn tells what one message says.
func (d *suiteLink) learn(m *Message, s *slMessage, out Out) {
	if s.kind < 0 {
		d.handshake(s, out)
		return
	}
	if s.kind >= slPing && s.kind <= slPingLast {
		return // both sides send them
	}
	request := s.kind >= slConnect || s.kind == slPoke
	out.Sender(roleOf(request))
	if s.kind == slConnect {
		d.connect(s.body, out)
		return
	}
	switch s.kind {
	case slAdvise, slAdvised:
		if d.sides.counts(m, request) {
			out.Operation(ot.Subscribe, 1)
		}
	case slPoke, slPoked:
		if d.sides.counts(m, request) {
			out.Operation(ot.Write, 1)
		}
	}
}

// handshake tells who calls, and which form the session has.
func (d *suiteLink) handshake(s *slMessage, out Out) {
	answer := &s.magic[0] == &slAlarmReady[0] || &s.magic[0] == &slRegistered[0]
	out.Sender(roleOf(!answer))
	d.alarms = d.alarms || answer || &s.magic[0] == &slRegister[0]
	switch &s.magic[0] {
	case &slOldQuery[0]:
		if v := trim(s.body); len(v) > 0 && printable(v) {
			out.Fact(Receiver, slApplication, v, "suitelink.handshake.application", ot.Content)
		}
	case &slQuery[0]:
		c := wire.New(s.body)
		c.Skip(slMagicLen + 4) // of the request, direct
		text := c.Rest()
		text = d.terminated(Receiver, slApplication, text, "suitelink.handshake.application", out)
		text = d.terminated(Sender, ot.Name, text, "suitelink.handshake.source_node", out)
		d.terminated(Sender, slUser, text, "suitelink.handshake.source_user", out)
	}
}

// terminated tells a UTF-16 text up to its NUL and returns what stands behind.
func (d *suiteLink) terminated(of Subject, a ot.Attribute, b []byte, source string, out Out) []byte {
	c := wire.New(b)
	for c.Len() >= 2 {
		if c.U16() == 0 {
			break
		}
	}
	d.wide(of, a, b[:c.Off()], source, out)
	return b[c.Off():]
}

// wide tells a UTF-16 text.
func (d *suiteLink) wide(of Subject, a ot.Attribute, b []byte, source string, out Out) {
	if v := trim(d.text.utf16(b)); len(v) > 0 && printable(v) {
		out.Fact(of, a, v, source, ot.Content)
	}
}

// connect reads what a client wants and who it is: texts with their number of
// characters before them.
func (d *suiteLink) connect(body []byte, out Out) {
	c := wire.New(body)
	for i, f := range slConnectFacts {
		if i == 2 {
			c.Skip(3)
		}
		b := c.Bytes(2 * int(c.U8()))
		if !c.OK() {
			return
		}
		d.wide(f.of, f.attribute, b, f.source, out)
	}
}

var slConnectFacts = [...]struct {
	of        Subject
	attribute ot.Attribute
	source    string
}{
	{Receiver, slApplication, "suitelink.connect.application"},
	{Receiver, slTopic, "suitelink.connect.topic"},
	{Sender, slClient, "suitelink.connect.client"},
	{Sender, ot.Name, "suitelink.connect.client_node"},
	{Sender, slUser, "suitelink.connect.user"},
}

// Resync implements Resyncer.
func (d *suiteLink) Resync(b []byte) int {
	if d.alarms {
		return -1
	}
	for i := 0; i+5 <= len(b); i++ {
		if matchSuiteLink(b[i:]) {
			return i
		}
	}
	return -1
}
