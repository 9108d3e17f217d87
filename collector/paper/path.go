package paper

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Limits of the search for chains: a dense graph has more of them than anybody
// reads.
const (
	maxPaths = 1000
	maxSteps = 200000
)

// hop is what moves from one device to another in another boundary.
type hop struct {
	from, to             string // boundaries
	fromDevice, toDevice string
	certain              bool
	conns                []*demarcv1.JudgedConnection
}

// quietProtocols keep the network going and move no information on.
var quietProtocols = []string{"arp", "ndp", "icmp", "icmpv6", "dns", "mdns", "llmnr", "nbns", "ntp", "ptp", "dhcp", "lldp", "cdp", "stp", "igmp", "mld", "kerberos", "radius", "tacacs", "ldap"}

// Paths lists the chains of live flows by which information that leaves a
// device of from moves on, from device to device, each in a boundary that the
// chain did not touch before (CA-3(7)): of two hops to hops, to any boundary, or
// to that of to. The flows of one device to another are one hop, and devices
// that feed the same chain are one source. leftOff tells that there are more.
func Paths(w World, from, to func(boundary, address, asset string) bool, hops int) (paths []*demarcv1.Path, leftOff bool) {
	s := &search{w: w, from: from, to: to, hops: min(max(hops, 1), boundary.MaxHops), next: map[string][]*hop{}, seen: map[string]*demarcv1.Path{}}
	s.graph()
	s.run()
	paths = slices.Collect(maps.Values(s.seen))
	slices.SortFunc(paths, func(a, b *demarcv1.Path) int {
		if a.GetCertain() != b.GetCertain() {
			if a.GetCertain() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(len(a.GetHops()), len(b.GetHops())), strings.Compare(pathKey(a), pathKey(b)))
	})
	return paths, s.leftOff
}

// Reached lists the boundaries, sorted, of the devices from which a chain that
// leaves a device of from may still move on within hops. At devices of to it has
// arrived.
func Reached(w World, from, to func(boundary, address, asset string) bool, hops int) []string {
	s := &search{w: w, from: from, next: map[string][]*hop{}}
	s.graph()
	var all []string
	seen := map[string]bool{}
	level := s.starts
	for n := 1; n < hops && len(level) > 0; n++ {
		var further []*hop
		for _, h := range level {
			if !seen[h.toDevice] && !to(h.to, h.address(false), h.toDevice) {
				all = once(all, h.to)
				further = append(further, s.next[h.toDevice]...)
			}
			seen[h.toDevice] = true
		}
		level = further
	}
	return all
}

type search struct {
	w        World
	from, to func(boundary, address, asset string) bool
	hops     int
	next     map[string][]*hop // by the device that it starts from
	starts   []*hop
	steps    int
	seen     map[string]*demarcv1.Path
	leftOff  bool
}

// graph makes the hops of every flow, by the direction in which information
// moves: both where that does not show.
func (s *search) graph() {
	by := map[[2]string]*hop{}
	for _, c := range byID(s.w.Connections) {
		d := c.GetConnection()
		a, b := c.GetClientBoundary(), c.GetServerBoundary()
		if !Exchanged(c) || a == "" || b == "" || s.w.Policy.Holds(a, b) || s.w.Policy.Holds(b, a) || slices.Contains(quietProtocols, d.GetProtocol()) {
			continue
		}
		client, server := device(d.GetClientAsset(), a, d.GetClient()), device(d.GetServerAsset(), b, d.GetServer())
		toServer, toClient := Moves(c)
		known := toServer || toClient
		if toServer || !known {
			join(by, a, b, client, server, known, c)
		}
		if toClient || !known {
			join(by, b, a, server, client, known, c)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(by), func(x, y [2]string) int { return cmp.Or(strings.Compare(x[0], y[0]), strings.Compare(x[1], y[1])) }) {
		h := by[k]
		s.next[h.fromDevice] = append(s.next[h.fromDevice], h)
		if s.from(h.from, h.address(true), h.fromDevice) {
			s.starts = append(s.starts, h)
		}
	}
}

// device names one: the Internet is as many devices as addresses.
func device(asset, boundary, address string) string {
	if asset != "" {
		return asset
	}
	return boundary + " " + address
}

func join(by map[[2]string]*hop, from, to, fromDevice, toDevice string, certain bool, c *demarcv1.JudgedConnection) {
	k := [2]string{fromDevice, toDevice}
	h := by[k]
	if h == nil {
		h = &hop{from: from, to: to, fromDevice: fromDevice, toDevice: toDevice}
		by[k] = h
	}
	h.certain = h.certain || certain
	h.conns = append(h.conns, c)
}

// address is that of the device at one end of a hop.
func (h *hop) address(from bool) string {
	c := h.conns[0]
	d := c.GetConnection()
	if from == (device(d.GetClientAsset(), c.GetClientBoundary(), d.GetClient()) == h.fromDevice) {
		return d.GetClient()
	}
	return d.GetServer()
}

// run walks every chain, the shortest first.
func (s *search) run() {
	var level [][]*hop
	for _, h := range s.starts {
		level = append(level, []*hop{h})
	}
	for n := 2; n <= s.hops && len(level) > 0; n++ {
		var longer [][]*hop
		for _, chain := range level {
			last := chain[len(chain)-1]
			for _, h := range s.next[last.toDevice] {
				if s.steps++; s.steps > maxSteps {
					s.leftOff = true
					return
				}
				if s.touches(chain, h.to) {
					continue
				}
				one := append(slices.Clip(chain), h)
				if s.to == nil || s.to(h.to, h.address(false), h.toDevice) {
					s.tell(one)
				}
				longer = append(longer, one)
			}
		}
		level = longer
	}
}

func (s *search) touches(chain []*hop, name string) bool {
	in := func(b string) bool { return s.w.Policy.Holds(b, name) || s.w.Policy.Holds(name, b) }
	return in(chain[0].from) || slices.ContainsFunc(chain, func(h *hop) bool { return in(h.to) })
}

// tell files a chain with those that differ in its first and last device alone.
func (s *search) tell(chain []*hop) {
	first, last := chain[0], chain[len(chain)-1]
	certain := true
	way := []string{first.from}
	for _, h := range chain {
		certain = certain && h.certain
		way = append(way, h.toDevice)
	}
	way[len(way)-1] = last.to
	key := strings.Join(way, "\x00")
	if !certain {
		key += "\x00?"
	}
	p := s.seen[key]
	if p == nil {
		if len(s.seen) >= maxPaths {
			s.leftOff = true
			return
		}
		p = &demarcv1.Path{Certain: certain}
		for _, h := range chain {
			p.Hops = append(p.Hops, &demarcv1.Hop{FromBoundary: h.from, ToBoundary: h.to, Certain: h.certain})
		}
		s.seen[key] = p
	}
	for i, h := range chain {
		h.into(p.GetHops()[i])
	}
	p.Sources, p.Ends = uint32(len(p.GetHops()[0].GetFrom())), uint32(len(p.GetHops()[len(chain)-1].GetTo()))
}

// into adds a hop to the one that is shown.
func (h *hop) into(to *demarcv1.Hop) {
	to.From, to.To = once(to.From, h.address(true)), once(to.To, h.address(false))
	for _, c := range h.conns {
		to.Connections = once(to.Connections, c.GetId())
		service := cmp.Or(flowOf(c).protocol, "unknown")
		if !slices.Contains(strings.Split(to.Service, ", "), service) {
			to.Service = strings.Join(once(slices.DeleteFunc(strings.Split(to.Service, ", "), func(s string) bool { return s == "" }), service), ", ")
		}
		to.Verdict = worst(to.Verdict, c.GetVerdict().GetVerdict())
	}
}

var verdictOrder = []string{"", "internal", "authorized", "undecided", "lapsed", "out-of-terms", "unauthorized"}

func worst(a, b string) string {
	return verdictOrder[max(slices.Index(verdictOrder, a), slices.Index(verdictOrder, b), 0)]
}

func pathKey(p *demarcv1.Path) string {
	var key strings.Builder
	for _, h := range p.GetHops() {
		key.WriteString(h.GetFromBoundary() + " " + h.GetToBoundary() + " " + strings.Join(h.GetTo(), " ") + "|")
	}
	return key.String()
}

// In picks the ends that stand in a boundary or a part of it; nil picks every
// end.
func In(p *boundary.Policy, name string) func(boundary, address, asset string) bool {
	if name == "" {
		return nil
	}
	return func(b, _, _ string) bool { return p.Holds(name, b) || name == b }
}

// live is how long after its last packet a flow counts as going on.
const live = 24 * time.Hour

// Live keeps the connections that were active within a day of now, or, where
// nothing was heard for so long, within a day of the newest: a capture is shown
// as it was.
func Live(all []*demarcv1.JudgedConnection, now time.Time) []*demarcv1.JudgedConnection {
	var newest time.Time
	for _, c := range all {
		newest = later(newest, lastOf(c.GetConnection().GetLastSeen()))
	}
	if newest.Before(now) && now.Sub(newest) > live || newest.After(now) {
		now = newest
	}
	return slices.DeleteFunc(slices.Clone(all), func(c *demarcv1.JudgedConnection) bool {
		return now.Sub(lastOf(c.GetConnection().GetLastSeen())) > live
	})
}
