package identity

import (
	"slices"
	"strings"

	"demarc/internal/ot"
	"demarc/internal/tables"
)

// serialKey is a serial number of a vendor, told in identity messages at one
// site.
type serialKey struct {
	site           sym
	vendor, serial string // lower case
}

// serialNode joins what tells one serial number.
type serialNode struct {
	key    serialKey
	at     []*observation
	active bool // few enough addresses tell it
}

// join visits what stands where the serial number was told.
func (s *serialNode) join(visit func(node)) {
	if s == nil || !s.active {
		return
	}
	for _, o := range s.at {
		switch {
		case o.unit != nil:
			visit(o.unit)
		case o.mac != nil && o.mac.heard():
			visit(o.mac)
		}
	}
}

// settle decides whether the number counts, and marks all that tell it.
func (s *serialNode) settle(nodes map[node]bool) {
	was := s.active
	s.active = len(s.at) > 1 && len(s.at) <= maxSerial
	if !was && !s.active {
		return
	}
	s.active, was = true, s.active
	s.join(func(n node) { nodes[n] = true })
	s.active = was
}

// setSerial finds the serial number that o itself tells, at grade identity and
// with its vendor.
func (b *Book) setSerial(o *observation) {
	var key serialKey
	if p := o.part(""); p != nil {
		serial, vendor := p.best(ot.Serial, ot.Identity), p.best(ot.Vendor, ot.Content)
		if serial != nil && vendor != nil && isSerial(serial.value) {
			key = serialKey{o.key.site, strings.ToLower(tables.Vendor(vendor.value)), strings.ToLower(serial.value)}
		}
	}
	if o.serial != nil {
		if o.serial.key == key {
			return
		}
		b.leaveSerial(o)
	}
	if key == (serialKey{}) {
		return
	}
	s := b.serials[key]
	if s == nil {
		s = &serialNode{key: key}
		b.serials[key] = s
	}
	s.at = append(s.at, o)
	o.serial = s
	b.dirty.serials[s] = true
}

func (b *Book) leaveSerial(o *observation) {
	s := o.serial
	o.serial = nil
	s.at = slices.DeleteFunc(s.at, func(x *observation) bool { return x == o })
	b.dirty.serials[s] = true
	if o.unit != nil {
		b.dirty.nodes[o.unit] = true
	} else if o.mac != nil {
		b.dirty.nodes[o.mac] = true
	}
	if len(s.at) == 0 {
		delete(b.serials, s.key)
	}
}

// isSerial reports whether s can tell one device from another: not empty, not
// one character over and over, not a word for nothing.
func isSerial(s string) bool {
	s = strings.TrimSpace(s)
	digits := strings.TrimPrefix(strings.ToLower(s), "0x")
	if len(digits) < 3 || strings.Trim(digits, digits[:1]) == "" {
		return false
	}
	return strings.ContainsAny(digits, "0123456789")
}
