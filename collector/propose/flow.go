package propose

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"demarc/collector/boundary"
	"demarc/collector/verdict"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// flow is a connection from one boundary to another, each a document's or a
// candidate.
type flow struct {
	*demarcv1.JudgedConnection
	client, server               string // boundaries
	clientWords, serverWords     string // devices
	clientAddress, serverAddress netip.Addr
	used                         bool // by a shared service
}

// flows picks what crosses and no agreement covers, or all of it.
func (d *draft) flows() {
	ends := map[place]*host{}
	for _, c := range d.clusters {
		for _, h := range c.hosts() {
			ends[h.place] = h
		}
	}
	all := slices.SortedFunc(slices.Values(d.Connections), func(a, b *demarcv1.JudgedConnection) int { return strings.Compare(a.GetId(), b.GetId()) })
	for _, c := range all {
		x, v := c.GetConnection(), c.GetVerdict().GetVerdict()
		if d.Site != "" && c.GetSite() != d.Site || v == verdict.Internal || x.GetRelatedTo() != "" {
			continue // what a connection negotiated goes with it
		}
		f := &flow{JudgedConnection: c}
		f.client, f.clientWords, f.clientAddress = d.end(c.GetClientBoundary(), place{x.GetClientAsset(), x.GetClient()}, ends)
		f.server, f.serverWords, f.serverAddress = d.end(c.GetServerBoundary(), place{x.GetServerAsset(), x.GetServer()}, ends)
		agreed := v == verdict.Authorized || v == verdict.Lapsed || v == verdict.OutOfTerms
		switch {
		case f.clientAddress.IsValid() && !f.clientAddress.IsGlobalUnicast(), f.serverAddress.IsValid() && !f.serverAddress.IsGlobalUnicast():
			// groups and links need no boundary
		case f.client == f.server && f.client != "", agreed && !d.All:
		case f.client == boundary.Internet || f.server == boundary.Internet:
			d.left["connections with the Internet: no agreement is drafted before somebody decides"]++
		case x.GetOutcome() == ot.Refused.String() || x.GetOutcome() == ot.Unanswered.String():
			d.left["connections that came to nothing, refused or unanswered"]++
		case f.client == "" || f.server == "":
			d.left["connections of which an end stands in no boundary and no candidate"]++
		case !f.clientAddress.IsValid() || !f.serverAddress.IsValid():
			d.left["connections between boundaries without IP"]++
		default:
			d.flow = append(d.flow, f)
		}
	}
}

// end is where an end stands: the boundary of the documents, or the candidate.
func (d *draft) end(boundary string, at place, ends map[place]*host) (name, words string, addr netip.Addr) {
	addr, _ = netip.ParseAddr(at.address)
	addr = addr.Unmap().WithZone("")
	words = at.address
	if h := ends[at]; h != nil {
		words = deviceWords(h)
	}
	if c := d.at[at]; c != nil && boundary == "" {
		return c.name, words, addr
	}
	return boundary, words, addr
}

// services are what flows speak, by protocol.
type services struct {
	ports        map[string]map[uint32]bool
	operations   map[string]map[string]uint64
	counts       map[string]int
	unidentified map[string]int // transport and port, of what no protocol was proved on
}

func servicesOf(all []*flow) *services {
	s := &services{map[string]map[uint32]bool{}, map[string]map[string]uint64{}, map[string]int{}, map[string]int{}}
	for _, f := range all {
		x := f.GetConnection()
		if !identified(f) {
			s.unidentified[fmt.Sprintf("%s/%d", x.GetTransport(), x.GetPort())]++
			continue
		}
		p := x.GetProtocol()
		if s.ports[p] == nil {
			s.ports[p], s.operations[p] = map[uint32]bool{}, map[string]uint64{}
		}
		s.counts[p]++
		if t := x.GetTransport(); (t == "tcp" || t == "udp" || t == "sctp") && x.GetPort() > 0 {
			s.ports[p][x.GetPort()] = true
		}
		for o, n := range x.GetOperations() {
			s.operations[p][o] += n
		}
	}
	return s
}

// identified reports whether bytes proved the protocol, and documents can name
// it.
func identified(f *flow) bool {
	p, g := f.GetConnection().GetProtocol(), f.GetConnection().GetGrade()
	return p != "unknown" && ot.IsProtocol(p) && g != "" && g != ot.Hint.String()
}

// maxPorts is how many ports one service lists.
const maxPorts = 16

// lines are the services as documents write them, each with more keys behind.
func (s *services) lines(operations bool, more string) (lines []string) {
	for _, p := range slices.Sorted(maps.Keys(s.counts)) {
		line := "    - {protocol: " + p
		notes := []string{of(s.counts[p], "connection")}
		if ports := slices.Sorted(maps.Keys(s.ports[p])); len(ports) > maxPorts {
			notes[0] += " on " + of(len(ports), "port")
		} else if len(ports) > 0 {
			line += ", ports: " + strings.ReplaceAll(fmt.Sprint(ports), " ", ", ")
		}
		var names []string
		for _, o := range ot.OperationNames() {
			if n := s.operations[p][o]; n > 0 {
				names = append(names, o)
				notes = append(notes, fmt.Sprintf("%d %s", n, o))
			}
		}
		if operations && len(names) > 0 {
			line += ", operations: [" + strings.Join(names, ", ") + "]"
		}
		lines = append(lines, line+more+"}   # "+strings.Join(notes, ", "))
	}
	for _, p := range slices.Sorted(maps.Keys(s.unidentified)) {
		lines = append(lines, fmt.Sprintf("    # not identified: %s to %s", of(s.unidentified[p], "connection"), p))
	}
	return lines
}
