package dissect

import (
	"fmt"
	"regexp"
	"sort"
)

// registry is filled by the init of each protocol's file, and by nothing else.
var registry = map[string]Protocol{}

var protocolName = regexp.MustCompile(`^[a-z0-9.-]+$`)

// register adds a protocol. A duplicate or incomplete entry is a fault of the
// program and panics at start.
func register(p Protocol) {
	_, twice := registry[p.Name]
	switch {
	case !protocolName.MatchString(p.Name):
		panic(fmt.Sprintf("dissect: protocol name %q", p.Name))
	case twice:
		panic("dissect: " + p.Name + " is registered twice")
	case len(p.Over) == 0 || p.New == nil || p.Reads == "" || p.Standard == "":
		panic("dissect: " + p.Name + " lacks Over, New, Reads or Standard")
	}
	registry[p.Name] = p
}

// Protocols lists the registry, sorted by name.
func Protocols() []Protocol {
	all := make([]Protocol, 0, len(registry))
	for _, p := range registry {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// carrier is what protocols are registered over, with its candidates.
type carrier struct {
	protocols []*Protocol
	ports     map[uint16][]*Protocol
	usual     map[uint16]bool // of a plant's protocols whose bytes there nothing public describes
}

func carriers(all []Protocol) map[string]*carrier {
	m := map[string]*carrier{}
	at := func(name string) *carrier {
		if m[name] == nil {
			m[name] = &carrier{ports: map[uint16][]*Protocol{}, usual: map[uint16]bool{}}
		}
		return m[name]
	}
	for i := range all {
		p := &all[i]
		for _, over := range p.Over {
			at(over).protocols = append(at(over).protocols, p)
		}
		for _, port := range p.Ports {
			c := at(port.Carrier)
			c.ports[port.Number] = append(c.ports[port.Number], p)
		}
		for _, port := range p.Usual {
			at(port.Carrier).usual[port.Number] = p.OT
		}
	}
	for _, u := range UsualPorts() {
		at(u.Carrier).usual[u.Number] = true
	}
	return m
}

// PortHints maps the ports that the registry knows to the protocol that
// usually has them. A hint is what is shown while no bytes prove anything.
type PortHints struct{ byPort map[Port]string }

// NewPortHints reads the registry. Of several protocols on one port the one
// directly over the transport stands, the first by name.
func NewPortHints(all []Protocol) PortHints {
	h := PortHints{map[Port]string{}}
	for _, p := range all {
		for _, port := range p.Ports {
			if _, taken := h.byPort[port]; !taken {
				h.byPort[port] = p.Name
			}
		}
	}
	for _, p := range all {
		for _, port := range p.Usual {
			if _, taken := h.byPort[port]; !taken {
				h.byPort[port] = p.Name
			}
		}
	}
	for _, u := range UsualPorts() {
		if _, taken := h.byPort[u.Port]; !taken && len(all) > 0 {
			h.byPort[u.Port] = u.Name
		}
	}
	return h
}

// Lookup returns the protocol that usually has a port of an IP protocol (or an
// EtherType of flow.Ethernet), "" when none has.
func (h PortHints) Lookup(transport uint8, port uint16) string {
	return h.byPort[Port{carrierOf(transport), port}]
}
