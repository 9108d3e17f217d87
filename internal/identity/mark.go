package identity

import (
	"net"
	"slices"
	"strings"

	"demarc/internal/ot"
	"demarc/internal/tables"
)

// markKind says what a mark is.
type markKind uint8

const (
	serialMark  markKind = iota // a serial number of a vendor, told in an identity message
	chassisMark                 // the base MAC of a bridge or chassis, told from each of its ports
	saidMark                    // a person put them together; vendor says who and why
	nameMark                    // the full name of a computer in its domain, told when it logs on or is logged on to
)

// markKey is something that one device alone has, at one site.
type markKey struct {
	site   sym
	kind   markKind
	vendor string // of a serial number, lower case
	value  string // lower case
}

// markNode joins what tells one mark.
type markNode struct {
	key    markKey
	at     []*observation
	mac    *macNode // the base MAC itself, which has its own frames; nil for other kinds
	active bool     // enough and few enough addresses tell it
}

// join visits what stands where the mark was told.
func (s *markNode) join(visit func(node)) {
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
	if s.mac != nil && s.mac.heard() {
		visit(s.mac)
	}
}

// most is at how many addresses a mark may stand.
func (s *markNode) most() int {
	if s.key.kind == chassisMark {
		return maxPorts
	}
	return maxSerial
}

// settle decides whether the mark counts, and marks all that tell it.
func (s *markNode) settle(nodes map[node]bool) {
	was := s.active
	n := len(s.at)
	if s.mac != nil {
		n++
	}
	s.active = n > 1 && len(s.at) <= s.most()
	if !was && !s.active {
		return
	}
	s.active, was = true, s.active
	s.join(func(n node) { nodes[n] = true })
	s.active = was
}

// marking lists the attributes that marks are made of.
var marking = map[string]bool{
	string(ot.Serial): true, string(ot.Vendor): true, string(ot.Name): true,
	"lldp.chassis_id": true, "lldp.profinet_chassis_mac": true, "stp.bridge_id": true,
}

// marksOf are what o itself tells of its device, each once.
func marksOf(o *observation) []markKey {
	p := o.part("")
	if p == nil {
		return nil
	}
	var keys []markKey
	add := func(k markKey) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	site := o.key.site
	if serial, vendor := p.best(ot.Serial, ot.Identity), p.best(ot.Vendor, ot.Content); serial != nil && vendor != nil && isSerial(serial.value) {
		add(markKey{site, serialMark, strings.ToLower(tables.Vendor(vendor.value)), strings.ToLower(serial.value)})
	}
	for _, attribute := range [...]ot.Attribute{"lldp.chassis_id", "lldp.profinet_chassis_mac", "stp.bridge_id"} {
		f := p.best(attribute, ot.Content)
		if f == nil || o.mac == nil { // a bridge speaks of itself without IP
			continue
		}
		if m, ok := chassisMAC(f.value); ok {
			add(markKey{site: site, kind: chassisMark, value: m.String()})
		}
	}
	if name := p.computer(); name != "" {
		add(markKey{site: site, kind: nameMark, value: strings.ToLower(name)})
	}
	return keys
}

// chassisMAC reads a MAC, or one behind a bridge's priority: "32768/00:0e:..".
func chassisMAC(s string) (m MAC, ok bool) {
	if _, behind, found := strings.Cut(s, "/"); found {
		s = behind
	}
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != len(m) {
		return m, false
	}
	m = MAC(hw)
	return m, m.isStation() && virtualKind(m) == ""
}

// computer is the full name that the machine itself gives when somebody logs on
// to it (MS-NLMP 2.2.2.1): a domain has each name once. "" without a domain.
func (p *part) computer() string {
	var best *fact
	for i := range p.facts {
		f := &p.facts[i]
		if f.source.Value() == "ntlm.challenge.dns_computer_name" && strings.Contains(strings.Trim(f.value, "."), ".") && (best == nil || f.weigh(best) > 0) {
			best = f
		}
	}
	if best == nil {
		return ""
	}
	return strings.Trim(best.value, ".")
}

// setMarks finds again what o itself tells of its device.
func (b *Book) setMarks(o *observation) {
	keys := marksOf(o)
	if o.said != nil {
		keys = append(keys, o.said.together...)
	}
	for _, s := range slices.Clone(o.marks) {
		if !slices.Contains(keys, s.key) {
			b.leaveMark(o, s)
		}
	}
	for _, key := range keys {
		if slices.ContainsFunc(o.marks, func(s *markNode) bool { return s.key == key }) {
			continue
		}
		s := b.mark(key)
		s.at = append(s.at, o)
		o.marks = append(o.marks, s)
		b.dirty.marks[s] = true
	}
}

// mark finds or makes the node of a mark.
func (b *Book) mark(key markKey) *markNode {
	s := b.marks[key]
	if s != nil {
		return s
	}
	s = &markNode{key: key}
	b.marks[key] = s
	if m, ok := chassisMAC(key.value); ok && key.kind == chassisMark {
		s.mac = b.macNode(key.site, m)
		s.mac.chassis = s
	}
	return s
}

func (b *Book) leaveMark(o *observation, s *markNode) {
	is := func(x *observation) bool { return x == o }
	o.marks = slices.DeleteFunc(o.marks, func(x *markNode) bool { return x == s })
	s.at = slices.DeleteFunc(s.at, is)
	b.dirty.marks[s] = true
	if o.unit != nil {
		b.dirty.nodes[o.unit] = true
	} else if o.mac != nil {
		b.dirty.nodes[o.mac] = true
	}
	if len(s.at) > 0 {
		return
	}
	delete(b.marks, s.key)
	if s.mac != nil {
		s.mac.chassis = nil
		b.dirty.nodes[s.mac] = true
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
