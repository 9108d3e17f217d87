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
	port uint16
	b    []byte
	told bool
}

// keepUnread keeps the first octets that nobody claims, where they stand on the
// port of an operational-technology protocol.
func (e *Engine) keepUnread(s *session, side flow.Side, b []byte) {
	s.keep(side, b)
	if s.tries >= maxTries-1 { // it will hardly be claimed: a person need not wait for its end
		e.tellUnread(s)
	}
}

// plantPort is the usual port (or EtherType) of an operational-technology
// protocol that the conversation is on: the server's, or either while it does
// not show who that is.
func (s *session) plantPort() (port uint16, ok bool) {
	c := s.conv
	if c.Transport == flow.Ethernet {
		return c.EtherType, plantHas(s.root.on.ports[c.EtherType])
	}
	server := c.ClientSide().Other()
	for _, side := range [...]flow.Side{server, server.Other()} {
		port = c.Ends[side].Port
		if plantHas(s.root.on.ports[port]) || s.root.on.usual[port] {
			return port, true
		}
		if c.Directed {
			break
		}
	}
	return 0, false
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
		s.keep(flow.Side(side), s.half[side].incomplete())
	}
	u := s.unread
	if u == nil || u.told {
		return
	}
	u.told = true
	c := s.conv
	x := entry{
		kind: toldFact, subject: Sender, attribute: ot.Unidentified, grade: ot.Hint, value: hex.AppendEncode(nil, u.b),
		text: "unidentified." + carrierOf(c.Transport) + "." + strconv.Itoa(int(u.port)),
	}
	e.fact(c, &Message{Time: c.Last, From: u.side}, &x)
}

func (s *session) keep(side flow.Side, b []byte) {
	if s.unread != nil || len(b) == 0 {
		return
	}
	if port, ok := s.plantPort(); ok {
		s.unread = &unread{side: side, port: port, b: append([]byte(nil), b[:min(len(b), maxUnread)]...)}
	}
}
