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

// log collects what one Dissect call told until its error says whether it
// counts. It implements Out.
type log struct {
	entries []entry
	n       int
}

// maxTold bounds what one message can tell.
const maxTold = 512

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

func (l *log) Fact(of Subject, a ot.Attribute, value []byte, source string, g ot.Grade) {
	e := l.next(toldFact)
	e.subject, e.attribute, e.value, e.text, e.grade = of, a, value, source, g
}

func (l *log) Operation(c ot.Operation, n int) {
	e := l.next(toldOperation)
	e.operation, e.n = c, n
}

func (l *log) Sender(r Role) { l.next(toldSender).role = r }

func (l *log) Security(s ot.Security) { l.next(toldSecurity).security = s }

func (l *log) Payload(tag uint64, b []byte) {
	e := l.next(toldPayload)
	e.tag, e.value = tag, b
}

func (l *log) Switch(to string) { l.next(toldSwitch).text = to }

func (l *log) Expect(a, b netip.AddrPort, protocol string, tag uint64) {
	e := l.next(toldExpect)
	e.a, e.b, e.text, e.tag = a, b, protocol, tag
}
