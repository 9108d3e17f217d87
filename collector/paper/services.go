package paper

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// flow is a service that was used from one boundary to another.
type flow struct {
	from, to  string // boundaries of client and server
	link      bool   // to a group on the sender's own link
	protocol  string // empty while not identified
	transport string
	port      uint32
}

// used is what was seen of a flow.
type used struct {
	connections []string
	last        time.Time
	found       bool // on paper
}

// services holds the rows of ports-protocols-services lists against what was
// used, by the boundary of the server, port, protocol and direction. Tries that
// came to nothing are no use.
func (r *reconciler) services() bool {
	lists := r.lists("services")
	seen := r.flows(func(c *demarcv1.JudgedConnection) bool {
		return r.holds(c.GetClientBoundary()) || r.holds(c.GetServerBoundary())
	})
	all := sortedFlows(seen)
	for _, v := range lists {
		for i := range v.Rows {
			r.service(v, &v.Rows[i], all, seen)
		}
	}
	for _, f := range all {
		if s := seen[f]; !s.found {
			r.add(&demarcv1.ReconcileRow{List: "services", Name: f.words(), Connections: s.connections, Seen: f.words()}, s.last)
		}
	}
	return len(lists) > 0
}

// flows gathers what was exchanged by the connections that fit.
func (r *reconciler) flows(fits func(*demarcv1.JudgedConnection) bool) map[flow]*used {
	seen := map[flow]*used{}
	for _, c := range byID(r.w.Connections) {
		if !Exchanged(c) || !fits(c) {
			continue
		}
		f := flowOf(c)
		s := seen[f]
		if s == nil {
			s = &used{}
			seen[f] = s
		}
		s.connections = append(s.connections, c.GetId())
		s.last = later(s.last, lastOf(c.GetConnection().GetLastSeen()))
	}
	return seen
}

// Service is what was used from one boundary to another: on which port, and by
// which protocol, empty while none is identified. A port that was negotiated is 0.
type Service struct {
	From, To, Protocol, Transport string
	Port                          uint32
}

// ServiceOf is the service that a connection used.
func ServiceOf(c *demarcv1.JudgedConnection) Service {
	f := flowOf(c)
	return Service{f.from, f.to, f.protocol, f.transport, f.port}
}

// Exchanged reports whether anything came of a connection between two places.
func Exchanged(c *demarcv1.JudgedConnection) bool {
	o := c.GetConnection().GetOutcome()
	return o != "refused" && o != "unanswered" && c.GetConnection().GetProtocol() != "scan"
}

// ownLink reports whether a connection goes to a group on the sender's own
// link, and so leaves no boundary.
func ownLink(c *demarcv1.JudgedConnection) bool {
	return c.GetServerBoundary() == "" && c.GetVerdict().GetVerdict() == verdict.Internal
}

func flowOf(c *demarcv1.JudgedConnection) flow {
	d := c.GetConnection()
	f := flow{from: c.GetClientBoundary(), to: c.GetServerBoundary(), link: ownLink(c), transport: d.GetTransport(), port: d.GetPort()}
	if p := d.GetProtocol(); p != "unknown" && d.GetGrade() != "hint" {
		f.protocol = p
	}
	if d.GetRelatedTo() != "" {
		f.port = 0 // negotiated: it stands for its parent
	}
	return f
}

func sortedFlows(seen map[flow]*used) []flow {
	return slices.SortedFunc(maps.Keys(seen), func(a, b flow) int {
		return cmp.Or(strings.Compare(a.to, b.to), strings.Compare(a.from, b.from), cmp.Compare(a.port, b.port), strings.Compare(a.protocol, b.protocol), strings.Compare(a.transport, b.transport))
	})
}

// service holds one row against every flow: one that fits it whole before one
// that differs in one thing.
func (r *reconciler) service(v *boundary.Inventory, p *boundary.Row, all []flow, seen map[flow]*used) {
	to := cmp.Or(p.To, v.Boundary.Name, r.boundary)
	row := &demarcv1.ReconcileRow{List: "services", Name: serviceWords(p, to), Document: v.Meta.String(), At: p.At.String()}
	var last time.Time
	take := func(f flow) {
		s := seen[f]
		s.found = true
		row.Connections = append(row.Connections, s.connections...)
		last = later(last, s.last)
		if row.Seen == "" {
			row.Seen = f.words()
		}
	}
	for _, f := range all {
		if field, _, _ := r.against(p, to, f); field == "" {
			take(f)
		}
	}
	if len(row.Connections) == 0 {
		for _, f := range all {
			if field, paper, wire := r.against(p, to, f); field != "different" && !seen[f].found {
				take(f)
				row.Differences = append(row.Differences, &demarcv1.Difference{Field: field, Paper: paper, Wire: wire})
				break
			}
		}
	}
	r.add(row, last)
}

// against says in which one thing a flow differs from a row: none, protocol,
// ports or direction; "different" in more.
func (r *reconciler) against(p *boundary.Row, to string, f flow) (field, paper, wire string) {
	is := func(doc, at string) bool { return doc == "" || at != "" && r.w.Policy.Holds(doc, at) }
	port := len(p.Ports.Ranges) == 0 || p.Ports.Holds(f.port)
	protocol := f.protocol == "" || f.protocol == p.Protocol
	straight, turned := is(to, f.to) && is(p.From, f.from), p.From != "" && is(to, f.from) && is(p.From, f.to)
	switch {
	case straight && port && protocol && (f.protocol != "" || len(p.Ports.Ranges) > 0):
		return "", "", ""
	case straight && port && len(p.Ports.Ranges) > 0:
		return "protocol", p.Protocol, f.protocol
	case straight && f.protocol == p.Protocol:
		return "ports", p.Ports.String(), fmt.Sprint(f.transport, "/", f.port)
	case turned && port && f.protocol == p.Protocol:
		return "direction", p.From + " to " + to, f.from + " to " + f.to
	}
	return "different", "", ""
}

func (f flow) words() string {
	service := f.protocol
	if service == "" {
		service = "something not identified"
	}
	on := f.transport
	if f.port != 0 && f.transport != "ethernet" {
		on = fmt.Sprintf("%s/%d", f.transport, f.port)
	}
	to := cmp.Or(f.to, "no boundary")
	if f.link {
		to = "its own link"
	}
	return fmt.Sprintf("%s on %s, %s to %s", service, on, cmp.Or(f.from, "no boundary"), to)
}

func serviceWords(p *boundary.Row, to string) string {
	s := p.Protocol
	if len(p.Ports.Ranges) > 0 {
		s += " on " + p.Ports.String()
	}
	return s + ", " + cmp.Or(p.From, "anywhere") + " to " + to
}
