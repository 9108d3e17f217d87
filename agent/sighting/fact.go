package sighting

import (
	"encoding/binary"
	"hash/maphash"
	"strings"
	"unicode"

	"demarc/agent/dissect"
	"demarc/agent/flow"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// fact is one attribute value of an endpoint from one source.
type fact struct {
	of            address
	part          string
	attribute     ot.Attribute
	value, source string
	grade         ot.Grade
	first, last   int64
	changed       bool
}

// Fact implements dissect.Sink. A fact that is known costs a hash and a look-up.
func (t *Table) Fact(c *flow.Conversation, of dissect.Subject, a ot.Attribute, value []byte, source string, g ot.Grade, at int64) {
	addr := address{segment: c.Segment, ip: of.Addr}
	if of.Kind == dissect.ByMAC {
		addr = address{segment: c.Segment, vlan: c.VLAN, mac: of.MAC}
	}
	h := t.factHash(addr, of.Path, a, value, source)
	if f := t.facts[h]; f != nil {
		if at/Quarter > f.last/Quarter {
			t.factChanged(f)
		}
		f.last = max(f.last, at)
		return
	}
	text := clean(value)
	if text == "" || addr.empty() || addr.group() {
		return
	}
	e := t.endpoints[addr]
	if len(t.facts) >= maxFacts || (e != nil && e.facts >= maxFactsOfOne) {
		t.Loss(c.Segment, "table-full", 1, "facts")
		return
	}
	if e != nil {
		e.facts++
	}
	f := &fact{of: addr, part: of.Path, attribute: a, value: text, source: source, grade: g, first: at, last: at}
	t.facts[h] = f
	t.factChanged(f)
}

func (t *Table) factChanged(f *fact) {
	if !f.changed {
		f.changed = true
		t.changedFacts = append(t.changedFacts, f)
	}
}

func (t *Table) factHash(addr address, path string, a ot.Attribute, value []byte, source string) uint64 {
	ip := addr.ip.As16()
	b := append(append(t.key[:0], ip[:]...), addr.mac[:]...) // one piece is hashed faster than several
	b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, addr.segment), addr.vlan)
	b = append(append(b, path...), 0)
	b = append(append(b, a...), 0)
	b = append(append(b, source...), 0)
	t.key = append(b, value...)
	return maphash.Bytes(t.seed, t.key)
}

// clean makes text of what a peer sent: valid UTF-8, no control characters, no
// padding, at most maxValue bytes of input.
func clean(b []byte) string {
	b = b[:min(len(b), maxValue)]
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

func (t *Table) factDelta(f *fact) *demarcv1.FactDelta {
	f.changed = false
	return &demarcv1.FactDelta{
		Of: t.proto(f.of), Part: f.part, Attribute: string(f.attribute), Value: f.value, Source: f.source,
		Grade: demarcv1.Grade(f.grade), FirstNs: f.first, LastNs: f.last,
	}
}
