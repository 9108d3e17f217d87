package probe

import (
	"slices"

	"demarc/agent/dissect"
	"demarc/agent/flow"
	"demarc/internal/ot"
)

// hearer reads answers with the dissector that reads them on the wire: what a
// device says when it is asked has the same names as what was overheard.
type hearer struct {
	x *exchange
	d dissect.Dissector
}

// newHearer makes a dissector of the registry listen. Units are parts of the
// device once there are many, as on the wire.
func newHearer(x *exchange, protocol string, many bool) *hearer {
	all := dissect.Protocols()
	i := slices.IndexFunc(all, func(p dissect.Protocol) bool { return p.Name == protocol })
	h := &hearer{x: x, d: all[i].New()}
	if many {
		// The dissector learns of a second unit when one answers: here with a no.
		for _, unit := range []byte{1, 2} {
			h.hear(modbusRead{unit: unit, pdu: []byte{fnServerID}}.adu(), modbusRead{unit: unit, pdu: []byte{fnServerID | 0x80, 1}}.adu())
		}
	}
	return h
}

// hear takes a request and its answer.
func (h *hearer) hear(request, answer []byte) {
	defer func() { _ = recover() }() // a panic costs the answer, as in the engine
	var ends [2]dissect.Endpoint     // ours, the device's
	for _, m := range []dissect.Message{
		{Data: request, From: flow.A, Direction: dissect.FromClient, Ends: &ends},
		{Data: answer, From: flow.B, Direction: dissect.FromServer, Ends: &ends},
	} {
		if len(m.Data) > 0 {
			_, _ = dissect.Read(h.d, &m, h.fact) // what cannot be read tells nothing
		}
	}
}

// fact takes what an answer tells of the device; the rest that messages tell is
// about connections.
func (h *hearer) fact(of dissect.Subject, a ot.Attribute, value []byte, source string, g ot.Grade) {
	if of.Kind == dissect.BySender {
		h.x.fact(Fact{Part: of.Path, Attribute: string(a), Value: string(value), Source: "probe." + source, Grade: g})
	}
}
