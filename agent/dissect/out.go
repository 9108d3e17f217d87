package dissect

import (
	"net/netip"

	"demarc/internal/ot"
)

type told uint8

const (
	toldFact told = iota
	toldOperation
	toldSender
	toldSecurity
	toldPayload
	toldSwitch
	toldExpect
)

// entry is one thing that a dissector told. Only the fields of its kind are
// set: entries are used again without clearing.
type entry struct {
	kind      told
	grade     ot.Grade
	role      Role
	operation ot.Operation
	n         int
	subject   Subject
	attribute ot.Attribute
	value     []byte
	text      string // source, Switch target or expected protocol
	tag       uint64
	a, b      netip.AddrPort
	security  ot.Security
}

// Out takes what a dissector learns, until the error that it returns says
// whether that counts. Byte slices may alias Message.Data: they are copied by
// the receiver when new.
type Out = *log

// log is an Out. What most messages tell and no more, who sent them and what
// they ask for, has places of its own; all else, and what comes behind it, is an
// entry.
type log struct {
	settled bool         // who is client is known, by something better than a message
	sender  Role         // 0 for none
	asked   ot.Operation // once if asks is 1, not at all if it is 0
	asks    int
	n       int
	entries []entry
}

// maxTold bounds what one message can tell.
const maxTold = 512

func (l *log) reset() { l.settled, l.sender, l.asks, l.n = false, 0, 0, 0 }

// plain reports whether a message told nothing but what it asks for.
func (l *log) plain() bool { return l.n|int(l.sender) == 0 }

// payloadAlone is what a message told that told a payload and no more, or nil.
func (l *log) payloadAlone() *entry {
	if l.n != 1 || l.asks|int(l.sender) != 0 || l.entries[0].kind != toldPayload {
		return nil
	}
	return &l.entries[0]
}

func (l *log) next(kind told) *entry {
	switch {
	case l.n < len(l.entries):
	case l.n < maxTold:
		l.entries = append(l.entries, entry{})
	default:
		l.n = maxTold - 1 // the last place is overwritten
	}
	e := &l.entries[l.n]
	l.n++
	e.kind = kind
	return e
}

// drop takes back the entries of a kind, from the one at from on.
func (l *log) drop(kind told, from int) {
	keep := from
	for i := from; i < l.n; i++ {
		if l.entries[i].kind != kind {
			l.entries[keep], l.entries[i] = l.entries[i], l.entries[keep]
			keep++
		}
	}
	l.n = keep
}

// Fact tells one attribute of an asset. value is text (invalid UTF-8 and
// control characters are escaped by the receiver); source names the message
// and field: "modbus.device_id.vendor_name".
func (l *log) Fact(of Subject, a ot.Attribute, value []byte, source string, g ot.Grade) {
	e := l.next(toldFact)
	e.subject, e.attribute, e.value, e.text, e.grade = of, a, value, source, g
}

// Operation counts what the message asks the other side to do.
func (l *log) Operation(c ot.Operation, n int) {
	if l.n|l.asks|n>>1 != 0 {
		l.another(c, n)
	} else {
		l.asked, l.asks = c, n
	}
}

//go:noinline
func (l *log) another(c ot.Operation, n int) {
	e := l.next(toldOperation)
	e.operation, e.n = c, n
}

// bit is 1 for true, without a branch.
func bit(b bool) (n uint16) {
	if b {
		n = 1
	}
	return n
}

// Sender tells that the sender is client or server: proof of direction.
func (l *log) Sender(r Role) {
	switch {
	case l.settled:
	case l.n == 0 && l.asks == 0 && l.sender == 0:
		l.sender = r
	default:
		l.next(toldSender).role = r
	}
}

// Security tells how the conversation is protected.
func (l *log) Security(s ot.Security) { l.next(toldSecurity).security = s }

// Payload gives b to the protocols registered over this one.
func (l *log) Payload(tag uint64, b []byte) {
	e := l.next(toldPayload)
	e.tag, e.value = tag, b
}

// Switch tells that the next byte of the stream is another protocol; "" looks
// afresh.
func (l *log) Switch(to string) { l.next(toldSwitch).text = to }

// Expect announces a conversation to come; port 0 is any port, an invalid
// address any address.
func (l *log) Expect(a, b netip.AddrPort, protocol string, tag uint64) {
	e := l.next(toldExpect)
	e.a, e.b, e.text, e.tag = a, b, protocol, tag
}

// Read lets d read one message without an engine, and calls fact with each fact
// that it tells.
func Read(d Dissector, m *Message, fact func(of Subject, a ot.Attribute, value []byte, source string, g ot.Grade)) (used int, err error) {
	var l log
	used, err = d.Dissect(m, &l)
	for i := range l.entries[:l.n] {
		if e := &l.entries[i]; e.kind == toldFact {
			fact(e.subject, e.attribute, e.value, e.text, e.grade)
		}
	}
	return used, err
}
