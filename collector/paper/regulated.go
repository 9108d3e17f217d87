package paper

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Regulated lists what leaves the boundaries that hold regulated records, by
// where it goes, and the boundaries of which nothing was seen to leave. name may
// narrow it to one.
func Regulated(w World, name string) (flows []*demarcv1.RegulatedFlow, quiet []string) {
	for _, b := range w.Documents.Boundaries {
		if len(b.Regulated) == 0 || name != "" && b.Name != name {
			continue
		}
		of := leaving(w, b)
		if len(of) == 0 {
			quiet = append(quiet, b.Name)
		}
		flows = append(flows, of...)
	}
	slices.SortStableFunc(flows, func(a, b *demarcv1.RegulatedFlow) int {
		return cmp.Or(strings.Compare(a.GetBoundary(), b.GetBoundary()), strings.Compare(a.GetTo(), b.GetTo()), strings.Compare(a.GetService(), b.GetService()), strings.Compare(a.GetDocument(), b.GetDocument()))
	})
	return flows, quiet
}

// leaving gathers the connections across b's edge by peer, service and paper.
func leaving(w World, b *boundary.Boundary) []*demarcv1.RegulatedFlow {
	type key struct{ to, service, verdict, document string }
	by := map[key]*demarcv1.RegulatedFlow{}
	var all []*demarcv1.RegulatedFlow
	for _, c := range byID(w.Connections) {
		client, server := w.Policy.Holds(b.Name, c.GetClientBoundary()), w.Policy.Holds(b.Name, c.GetServerBoundary())
		if client == server || !Exchanged(c) || ownLink(c) {
			continue
		}
		to, address := c.GetServerBoundary(), c.GetConnection().GetServer()
		if server {
			to, address = c.GetClientBoundary(), c.GetConnection().GetClient()
		}
		k := key{cmp.Or(to, "no boundary"), cmp.Or(flowOf(c).protocol, "unknown"), c.GetVerdict().GetVerdict(), agreementOf(c)}
		f := by[k]
		if f == nil {
			f = &demarcv1.RegulatedFlow{
				Boundary: b.Name, Records: b.Regulated, To: k.to, Service: k.service, Verdict: k.verdict, Document: k.document, Carries: carries(w.Documents, k.document), Leaves: "no", Retention: b.Retention.String(),
			}
			by[k] = f
			all = append(all, f)
		}
		f.Leaves = worse(f.Leaves, moves(c, client))
		f.Connections = append(f.Connections, c.GetId())
		f.Destinations = once(f.Destinations, address)
		if last := c.GetConnection().GetLastSeen(); last != nil && (f.LastSeen == nil || last.AsTime().After(f.LastSeen.AsTime())) {
			f.LastSeen = timestamppb.New(last.AsTime())
		}
	}
	return all
}

// worse keeps the answer that a person must look at.
func worse(a, b string) string {
	rank := []string{"no", "not-observable", "yes"}
	return rank[max(slices.Index(rank, a), slices.Index(rank, b))]
}

// moves says whether information moves out of a boundary by c, whose client
// stands in it, or else its server.
func moves(c *demarcv1.JudgedConnection, client bool) string {
	toServer, toClient := Moves(c)
	out := toClient
	if client {
		out = toServer
	}
	switch {
	case out:
		return "yes"
	case toServer || toClient:
		return "no"
	}
	return "not-observable"
}

// Moves says which ways information moves for certain by the operations that
// were decoded: read, subscribe, alarm and diagnose from server to client;
// write, control, program, firmware and configure from client to server.
// Byte counts and acknowledgements make no direction.
func Moves(c *demarcv1.JudgedConnection) (toServer, toClient bool) {
	for o, n := range c.GetConnection().GetOperations() {
		if n == 0 {
			continue
		}
		switch o {
		case "read", "subscribe", "alarm", "diagnose":
			toClient = true
		case "write", "control", "program", "firmware", "configure":
			toServer = true
		}
	}
	return toServer, toClient
}

// agreementOf is the agreement that the verdict on c stands on.
func agreementOf(c *demarcv1.JudgedConnection) string {
	for _, d := range c.GetVerdict().GetDocuments() {
		if strings.HasPrefix(d, "Interconnection/") || strings.HasPrefix(d, "SharedService/") {
			return d
		}
	}
	return ""
}

func carries(d *boundary.Documents, document string) []string {
	for _, x := range d.Interconnections {
		if x.Meta.String() == document {
			return x.Carries
		}
	}
	return nil
}
