package dissect

import (
	"encoding/hex"
	"strconv"

	"demarc/agent/flow"
	"demarc/internal/ot"
)

// maxUnread is how many octets are kept of a conversation that nobody reads.
const maxUnread = 32

// unread is the beginning of what was said on a port of an
// operational-technology protocol and is not that protocol, nor another one:
// evidence that a person can look at.
type unread struct {
	side flow.Side
	b    []byte
	told bool
}

// keepUnread keeps the first octets that nobody claims, where they stand on the
// port of an operational-technology protocol.
func (e *Engine) keepUnread(s *session, side flow.Side, b []byte) {
	if s.unread == nil && len(b) > 0 && s.onPlantPort() {
		s.unread = &unread{side: side, b: append([]byte(nil), b[:min(len(b), maxUnread)]...)}
	}
	if s.tries >= maxTries-1 { // it will hardly be claimed: a person need not wait for its end
		e.tellUnread(s)
	}
}

// onPlantPort reports whether the server's port, or either while it does not
// show who that is, is the usual one of an operational-technology protocol.
func (s *session) onPlantPort() bool {
	c := s.conv
	if c.Transport == flow.Ethernet {
		return plantHas(s.root.on.ports[c.EtherType])
	}
	server := c.ClientSide().Other()
	if c.Directed {
		return plantHas(s.root.on.ports[c.Ends[server].Port])
	}
	return plantHas(s.root.on.ports[c.Ends[flow.A].Port]) || plantHas(s.root.on.ports[c.Ends[flow.B].Port])
}

func plantHas(all []*Protocol) bool {
	for _, p := range all {
		if p.OT {
			return true
		}
	}
	return false
}

// tellUnread tells once what was kept of a conversation that no protocol claimed.
func (e *Engine) tellUnread(s *session) {
	if s.root.speaker != nil || s.done {
		return
	}
	for side := range s.half { // it may still wait for more
		e.keepHalf(s, flow.Side(side))
	}
	u := s.unread
	if u == nil || u.told {
		return
	}
	u.told = true
	c, port := s.conv, s.conv.Ends[s.conv.ClientSide().Other()].Port
	if c.Transport == flow.Ethernet {
		port = c.EtherType
	}
	x := entry{kind: toldFact, subject: Sender, attribute: ot.Unidentified, grade: ot.Hint, value: hex.AppendEncode(nil, u.b),
		text: "unidentified." + carrierOf(c.Transport) + "." + strconv.Itoa(int(port))}
	e.fact(c, u.side, &x, c.Last)
}

func (e *Engine) keepHalf(s *session, side flow.Side) {
	if b := s.half[side].buf; s.unread == nil && len(b) > 0 && s.onPlantPort() {
		s.unread = &unread{side: side, b: append([]byte(nil), b[:min(len(b), maxUnread)]...)}
	}
}
