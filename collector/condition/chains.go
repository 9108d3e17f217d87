package condition

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"demarc/collector/boundary"
	"demarc/collector/paper"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// chainHops is how long a chain is looked for where a document does not say.
const chainHops = 3

// nowhere begins what stands for the boundary of an end that stands in none:
// each is apart from every other.
const nowhere = "no boundary: "

// noTransitivePath: no information that leaves the boundary moves on, from
// device to device, to an end that "to" picks. A chain is there for certain
// where every end of it stands in a boundary and an operation that was counted
// in the window shows the direction of every hop.
func (k *judge) noTransitivePath() {
	hops := chainHops
	if h := k.with().Hops; h != nil {
		hops = *h
	}
	live := k.live()
	surely := func(a answer) bool { return a == yes }
	perhaps := func(a answer) bool { return a != no }
	paths, _ := paper.Paths(paper.World{Policy: k.w.Policy, Connections: k.directed(live)}, k.begins(surely), k.ends(surely), hops)
	if len(paths) > 0 {
		k.out.violated = k.chained(paths, "information moves from ")
		return
	}
	w := paper.World{Policy: k.w.Policy, Connections: k.undirected(live)}
	paths, leftOff := paper.Paths(w, k.begins(perhaps), k.ends(perhaps), hops)
	k.out.unknown = k.chained(paths, "it cannot be told whether information moves from ")
	if leftOff {
		k.out.unknown = append(k.out.unknown, "there are more chains than are looked at")
	}
	for _, b := range paper.Reached(w, k.begins(perhaps), k.ends(surely), hops) {
		k.beyond(b)
	}
}

// leaves reports whether a connection leaves a boundary.
func leaves(client, server string) bool { return client == "" || client != server }

// live are the connections of the window that leave a boundary, whosever.
func (k *judge) live() []*demarcv1.JudgedConnection {
	var all []*demarcv1.JudgedConnection
	for _, c := range k.eye.index.Between(leaves) {
		if k.active(c) && !group(c.GetConnection().GetServer()) {
			all = append(all, c)
		}
	}
	return all
}

// directed are those of which operations in the window show a direction, with
// these operations alone.
func (k *judge) directed(all []*demarcv1.JudgedConnection) []*demarcv1.JudgedConnection {
	var list []*demarcv1.JudgedConnection
	for _, c := range all {
		ops := map[string]uint64{}
		for class := range ot.NumOperations {
			if n := k.operations(c, ot.Operation(class), false); n.Low > 0 {
				ops[ot.Operation(class).String()] = uint64(n.Low)
			}
		}
		c = with(c, ops)
		if toServer, toClient := paper.Moves(c); toServer || toClient {
			list = append(list, c)
		}
	}
	return list
}

// undirected are all, each with the operations that it may have held in the
// window: with none, which stands for both directions, where not all of it was
// decoded or it holds what tells none. An end with an IP address that stands in
// no boundary has one of its own; frames without IP stay on their link.
func (k *judge) undirected(all []*demarcv1.JudgedConnection) []*demarcv1.JudgedConnection {
	place := func(boundary, address string) string {
		if _, err := netip.ParseAddr(address); boundary == "" && err == nil {
			return nowhere + address
		}
		return boundary
	}
	list := make([]*demarcv1.JudgedConnection, len(all))
	for i, c := range all {
		ops := map[string]uint64{}
		for class := range ot.NumOperations {
			if n := k.operations(c, ot.Operation(class), true); n.High > 0 {
				ops[ot.Operation(class).String()] = uint64(n.High)
			}
		}
		if !k.decoded(c) || ops[ot.Transfer.String()] > 0 {
			ops = nil
		}
		d := c.GetConnection()
		c = with(c, ops)
		c.ClientBoundary, c.ServerBoundary = place(c.GetClientBoundary(), d.GetClient()), place(c.GetServerBoundary(), d.GetServer())
		list[i] = c
	}
	return list
}

// with is a copy of c that holds other operations.
func with(c *demarcv1.JudgedConnection, ops map[string]uint64) *demarcv1.JudgedConnection {
	c = proto.CloneOf(c)
	c.Connection.Operations = ops
	return c
}

func (k *judge) begins(enough func(answer) bool) func(boundary, address, asset string) bool {
	return func(name, address, asset string) bool {
		return k.inside(name) && enough(k.picks(k.with().From, end{name, address, k.eye.index.Asset(asset)}))
	}
}

// ends picks where a chain ends: it or external where the document does not say.
func (k *judge) ends(enough func(answer) bool) func(boundary, address, asset string) bool {
	to := k.with().To
	return func(name, address, asset string) bool {
		if strings.HasPrefix(name, nowhere) {
			name = ""
		}
		e := end{name, address, k.eye.index.Asset(asset)}
		if to != nil {
			return enough(k.picks(to, e))
		}
		it, external := &boundary.Selector{Domain: "it"}, &boundary.Selector{Domain: "external"}
		return enough(max(k.picks(it, e), k.picks(external, e)))
	}
}

// beyond says why a hop that leaves a boundary on the way might not have shown.
func (k *judge) beyond(name string) {
	address, hidden := strings.CutPrefix(name, nowhere)
	switch {
	case hidden:
		k.out.unknown = append(k.out.unknown, "information reaches "+address+", which stands in no boundary: what leaves it cannot be told")
	case !k.inside(name):
		s := k.eye.of(name, k.from, k.to)
		for _, gap := range append(s.Gaps, s.lossy(k.maxLoss())...) {
			k.out.unknown = append(k.out.unknown, "information reaches "+name+", and "+gap)
		}
	}
}

// chained files the connections of chains, and tells each in words.
func (k *judge) chained(paths []*demarcv1.Path, before string) (told []string) {
	members := map[string]bool{}
	for _, p := range paths {
		told = append(told, before+chain(p))
		for _, h := range p.GetHops() {
			for _, id := range h.GetConnections() {
				members[id] = true
			}
		}
	}
	k.out.connections = slices.Sorted(maps.Keys(members))
	return told
}

// chain puts a chain in words, by one of its sources and one of its ends.
func chain(p *demarcv1.Path) string {
	var b strings.Builder
	name := func(addresses []string, boundary string) {
		if strings.HasPrefix(boundary, nowhere) {
			boundary = "no boundary"
		}
		b.WriteString(addresses[0])
		if n := len(addresses); n > 1 {
			fmt.Fprintf(&b, " and %d more", n-1)
		}
		b.WriteString(" (" + boundary + ")")
	}
	name(p.GetHops()[0].GetFrom(), p.GetHops()[0].GetFromBoundary())
	for _, h := range p.GetHops() {
		b.WriteString(" to ")
		name(h.GetTo(), h.GetToBoundary())
	}
	return b.String()
}
