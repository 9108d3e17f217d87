package paper

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// None stands for no boundary where a list needs a word.
const None = "none"

// Crossings gathers connections by the boundaries of their ends; with inside,
// also those that stay in one. What is sent to groups or links alone crosses
// nothing. live counts those that still happen, and open names the findings that
// are not closed.
func Crossings(w World, inside bool, live func(i int) bool, open map[string]bool) []*demarcv1.Crossing {
	by := map[[2]string]*crossing{}
	for i, c := range w.Connections {
		from, to := c.GetClientBoundary(), c.GetServerBoundary()
		if to == "" && c.GetVerdict().GetVerdict() == verdict.Internal {
			to = from
		}
		if from == to && !inside {
			continue
		}
		k := [2]string{from, to}
		x := by[k]
		if x == nil {
			x = newCrossing(w, from, to)
			by[k] = x
		}
		x.add(c, open)
		if live(i) {
			x.Live++
		}
	}
	var all []*demarcv1.Crossing
	for _, x := range by {
		all = append(all, x.told())
	}
	return all
}

// crossing is one pair under way.
type crossing struct {
	*demarcv1.Crossing
	clients, servers, findings map[string]bool
}

func newCrossing(w World, from, to string) *crossing {
	x := &demarcv1.Crossing{
		From: cmp.Or(from, None), To: cmp.Or(to, None), FromDomain: w.Policy.Domain(from), ToDomain: w.Policy.Domain(to),
		Verdicts: map[string]uint32{}, Protocols: map[string]uint32{}, Operations: map[string]uint64{},
	}
	for _, o := range w.Policy.Agreements(from, to) {
		x.Agreements = once(x.Agreements, o.Document)
	}
	return &crossing{x, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

func (x *crossing) add(c *demarcv1.JudgedConnection, open map[string]bool) {
	d := c.GetConnection()
	x.Connections++
	x.Verdicts[c.GetVerdict().GetVerdict()]++
	x.Protocols[cmp.Or(flowOf(c).protocol, "unknown")]++
	if !Exchanged(c) {
		x.InVain++
	}
	for o, n := range d.GetOperations() {
		x.Operations[o] += n
	}
	x.clients[d.GetClient()], x.servers[d.GetServer()] = true, true
	x.Sessions += d.GetSessions()
	x.Bytes += d.GetClientBytes() + d.GetServerBytes()
	for _, f := range c.GetFindings() {
		if open[f] {
			x.findings[f] = true
		}
	}
	if x.FirstSeen == nil || lastOf(d.GetFirstSeen()).Before(x.FirstSeen.AsTime()) {
		x.FirstSeen = timestamppb.New(lastOf(d.GetFirstSeen()))
	}
	if x.LastSeen == nil || lastOf(d.GetLastSeen()).After(x.LastSeen.AsTime()) {
		x.LastSeen = timestamppb.New(lastOf(d.GetLastSeen()))
	}
}

func (x *crossing) told() *demarcv1.Crossing {
	x.Clients, x.Servers = uint32(len(x.clients)), uint32(len(x.servers))
	x.Findings = slices.Sorted(maps.Keys(x.findings))
	return x.Crossing
}
