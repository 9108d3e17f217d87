package recorder

import (
	"fmt"
	"net/netip"

	"demarc/agent/flow"
	"demarc/internal/slice"
)

// Query names a connection.
type Query struct {
	Client, Server string // an IP each, or a MAC
	Transport      string // as sightings name it
	Port           uint32 // 0 is any
	Segment        string
}

// Cut is what is kept of a connection.
type Cut struct {
	Data        []byte // a pcapng file; nil where nothing is kept
	Frames      int
	LeftOff     int   // that had no room in it
	First, Last int64 // Unix nanoseconds
}

// matcher is a query that records are held against.
type matcher struct {
	*Query
	transport      uint8
	ip             bool
	client, server [16]byte
	segment        uint16
	found          []record
}

// Cut cuts a slice for each query.
func (r *Recorder) Cut(queries []Query) []Cut {
	all := make([]matcher, 0, len(queries))
	for i := range queries {
		all = append(all, r.matcher(&queries[i]))
	}
	r.records(func(b record) {
		for i := range all {
			if m := &all[i]; m.fits(b) {
				m.found = append(m.found, b)
			}
		}
	})
	cuts := make([]Cut, len(all))
	for i := range all {
		cuts[i] = r.cut(all[i].found)
	}
	return cuts
}

// nowhere is the segment of a query that this worker has nothing of.
const nowhere = ^uint16(0)

func (r *Recorder) matcher(q *Query) matcher {
	m := matcher{Query: q, transport: transport(q.Transport), segment: nowhere}
	for i, name := range r.segments {
		if name == q.Segment {
			m.segment = uint16(i) // a configuration names few
		}
	}
	client, err := netip.ParseAddr(q.Client)
	server, err2 := netip.ParseAddr(q.Server)
	if m.ip = err == nil && err2 == nil; m.ip {
		m.client, m.server = client.As16(), server.As16()
	}
	return m
}

func (m *matcher) fits(b record) bool {
	if b[atProtocol] != m.transport || b.segment() != m.segment || b.hasIP() != m.ip {
		return false
	}
	if !m.ip {
		x, y := b.mac(0).String(), b.mac(1).String()
		return uint32(b.etherType()) == m.Port && (x == m.Client && y == m.Server || y == m.Client && x == m.Server)
	}
	x, y := b.addr(0), b.addr(1)
	return x == m.client && y == m.server && m.port(b.port(1)) || y == m.client && x == m.server && m.port(b.port(0))
}

func (m *matcher) port(p uint16) bool { return m.Port == 0 || m.Port == uint32(p) }

// transport is the number behind a name of a transport.
func transport(name string) (n uint8) {
	switch name {
	case "icmp":
		return 1
	case "tcp":
		return 6
	case "udp":
		return 17
	case "icmpv6":
		return 58
	case "sctp":
		return 132
	case "ethernet":
		return flow.Ethernet
	}
	_, _ = fmt.Sscanf(name, "ip-proto-%d", &n) // 0 is none that has records
	return n
}

// cut writes records as a file. Of more than it may hold, the oldest half and
// the newest half are in it: how it began, and how it goes on.
func (r *Recorder) cut(all []record) (c Cut) {
	if len(all) == 0 {
		return c
	}
	h := r.Header
	h.Link = all[0].link()
	c.Data = h.Append(nil)
	room := r.Most - len(c.Data)
	front := fill(all, room/2, h.Link, func(i int) int { return i })
	back := fill(all[front:], room-room/2, h.Link, func(i int) int { return len(all) - front - 1 - i })
	for i, b := range all {
		if i >= front && i < len(all)-back || b.link() != h.Link {
			c.LeftOff++
			continue
		}
		f := b.frame()
		if c.Frames++; c.Frames == 1 {
			c.First = f.Time
		}
		c.Last = f.Time
		c.Data = f.Append(c.Data)
	}
	if c.Frames == 0 {
		return Cut{}
	}
	return c
}

// fill is how many records, taken in order, fit into room bytes.
func fill(all []record, room int, link uint16, order func(int) int) int {
	for i := range all {
		if b := all[order(i)]; b.link() == link {
			if room -= slice.FrameSize(len(b.data())); room < 0 {
				return i
			}
		}
	}
	return len(all)
}
