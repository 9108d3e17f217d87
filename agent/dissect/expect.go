package dissect

import (
	"net/netip"
	"time"

	"demarc/agent/flow"
)

// Limits of announced conversations.
const (
	maxExpected   = 4096
	expectedLives = int64(60 * time.Second)
)

// expectation is a conversation that another one announced.
type expectation struct {
	protocol string
	tag      uint64
	until    int64
	parent   flow.Related
}

type expectKey struct {
	segment uint16
	a, b    netip.AddrPort
}

type expectations struct {
	m     map[expectKey]*expectation
	order []expectKey // as they came; once full, next is the oldest
	next  int
}

func newExpectations() expectations { return expectations{m: map[expectKey]*expectation{}} }

// add announces a conversation between two ends; p tells which ports are its
// own, any other was negotiated.
func (x *expectations) add(c *flow.Conversation, t *entry, at int64, p *Protocol) {
	if p == nil {
		return
	}
	client := c.ClientSide()
	k := expectKey{c.Segment, t.a, t.b}
	v := x.m[k]
	if v == nil {
		x.remember(k)
		v = &expectation{}
		x.m[k] = v
	}
	// An announcement that comes again renews the one before, in place: a
	// conversation that it was taken for learns the new tag.
	v.protocol, v.tag, v.until = t.text, t.tag, at+expectedLives
	v.parent = flow.Related{Client: c.Ends[client], Server: c.Ends[client.Other()], Transport: c.Transport, Dynamic: !p.owns(t.a.Port()) && !p.owns(t.b.Port())}
}

// remember notes a new key, in place of the oldest when there are too many.
func (x *expectations) remember(k expectKey) {
	if len(x.order) < maxExpected {
		x.order = append(x.order, k)
		return
	}
	delete(x.m, x.order[x.next])
	x.order[x.next] = k
	x.next = (x.next + 1) % maxExpected
}

func (p *Protocol) owns(port uint16) bool {
	for _, own := range p.Ports {
		if own.Number == port {
			return true
		}
	}
	return false
}

// take finds the expectation that a new conversation answers. It stays, for
// the same may be opened again, until it is too old.
func (x *expectations) take(c *flow.Conversation) *expectation {
	if len(x.m) == 0 || c.Transport == flow.Ethernet {
		return nil
	}
	for _, a := range forms(c.Ends[flow.A]) {
		for _, b := range forms(c.Ends[flow.B]) {
			for _, k := range [2]expectKey{{c.Segment, a, b}, {c.Segment, b, a}} {
				if v := x.m[k]; v != nil && c.First <= v.until {
					return v
				}
			}
		}
	}
	return nil
}

// forms are the ways in which an announcement may name an end.
func forms(e flow.Endpoint) [3]netip.AddrPort {
	return [3]netip.AddrPort{
		netip.AddrPortFrom(e.Addr, e.Port),
		netip.AddrPortFrom(e.Addr, 0),
		netip.AddrPortFrom(netip.Addr{}, e.Port),
	}
}
