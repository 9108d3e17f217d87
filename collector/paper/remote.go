package paper

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/internal/domains"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Ways by which somebody comes to a device from afar.
const (
	ByJumpHost = "jump-host"
	Direct     = "direct"
	Outbound   = "outbound"
	AskedFor   = "asked-for"
)

// Ways lists them.
var Ways = []string{Outbound, Direct, ByJumpHost, AskedFor}

// maxPeers is how many addresses a row of remote access lists.
const maxPeers = 16

// RemoteAccess gathers what lets somebody act from afar across boundaries: each
// device that is reached, by the tool, where it comes from, and the verdict.
// activity says of the i-th connection whether it still happens, and open names
// the findings that are not closed.
func RemoteAccess(w World, activity func(i int) string, open map[string]bool) []*demarcv1.RemoteAccess {
	r := &remotes{w: w, activity: activity, open: open, by: map[string]*remote{}, into: map[string][]*leg{}, jumps: jumpHosts(w)}
	for i, c := range w.Connections {
		if l := r.legOf(c, i); l != nil {
			r.legs = append(r.legs, l)
			if !l.outbound {
				r.into[l.device] = append(r.into[l.device], l)
			}
		}
	}
	for _, l := range r.legs {
		r.add(l)
	}
	var all []*demarcv1.RemoteAccess
	for _, x := range r.by {
		all = append(all, x.told())
	}
	return append(all, r.askedFor()...)
}

// remotes is RemoteAccess under way.
type remotes struct {
	w        World
	activity func(i int) string
	open     map[string]bool
	legs     []*leg
	into     map[string][]*leg // by the device that they reach
	by       map[string]*remote
	jumps    map[string]string // device -> what it is, in words
}

// leg is a connection that lets somebody act on a device.
type leg struct {
	*demarcv1.JudgedConnection
	kind, tool                    string
	boundary, address, device     string // that is reached
	from, fromAddress, fromDevice string // where it comes from, or what it calls
	outbound                      bool
	at                            int
}

// remote is a row under way.
type remote struct {
	*demarcv1.RemoteAccess
	peers map[string]bool
}

// legOf is nil for a connection that gives no access from afar across
// boundaries, or of which nothing came.
func (r *remotes) legOf(c *demarcv1.JudgedConnection, at int) *leg {
	d := c.GetConnection()
	a, b := c.GetClientBoundary(), c.GetServerBoundary()
	if a == b || !Exchanged(c) {
		return nil
	}
	l := &leg{JudgedConnection: c, at: at, boundary: b, address: d.GetServer(), from: a, fromAddress: d.GetClient()}
	l.device, l.fromDevice = device(d.GetServerAsset(), b, d.GetServer()), device(d.GetClientAsset(), a, d.GetClient())
	e, named := domains.Lookup(d.GetSecurityFacts().GetServerName())
	switch by := ot.RemoteBy(d.GetProtocol()); {
	case by == ot.Interactive:
		l.kind, l.tool = "session", d.GetProtocol()
	case by == ot.Tunnel:
		l.kind, l.tool = "tool", d.GetProtocol()
	case named && e.Kind == domains.RemoteAccess:
		l.kind, l.tool = "tool", e.Tool
	default:
		return nil
	}
	if !named && d.GetGrade() == ot.Hint.String() {
		l.tool += "?" // a port alone says so
	}
	if l.kind == "tool" && depth(r.w.Policy, a) > depth(r.w.Policy, b) { // who calls out is who is reached
		l.boundary, l.address, l.device, l.from, l.fromAddress, l.fromDevice = a, d.GetClient(), l.fromDevice, b, d.GetServer(), l.device
		l.outbound = true
	}
	return l
}

// depth is how far inside a boundary stands.
func depth(p *boundary.Policy, name string) int {
	if name == boundary.Internet {
		return 0
	}
	return slices.Index([]string{"", "external", "it", "dmz", "ot"}, p.Domain(name)) + 1
}

func (r *remotes) add(l *leg) {
	way, via := Direct, ""
	if l.outbound {
		way = Outbound
	} else if words := r.jumps[l.fromDevice]; words != "" {
		way, via = ByJumpHost, words
	}
	peer := l.fromDevice
	if l.from == boundary.Internet { // hosts out there are many, and say nothing
		peer = ""
	}
	v := l.GetVerdict()
	key := strings.Join([]string{l.GetSite(), l.boundary, l.device, l.tool, l.from, peer, way, v.GetVerdict()}, "\x00")
	x := r.by[key]
	if x == nil {
		x = &remote{RemoteAccess: &demarcv1.RemoteAccess{
			Id: idOf("r-", key), Site: l.GetSite(), Boundary: cmp.Or(l.boundary, None), Device: l.address, Tool: l.tool, Kind: l.kind, PeerBoundary: cmp.Or(l.from, None),
			Way: way, Via: via, Verdict: v.GetVerdict(), Reason: v.GetReason(),
		}, peers: map[string]bool{}}
		if !strings.Contains(l.device, " ") {
			x.DeviceAsset = l.device
		}
		switch way {
		case Outbound:
			x.PeerName = l.GetConnection().GetSecurityFacts().GetServerName()
		case ByJumpHost:
			x.Behind = r.behind(l.fromDevice)
		}
		r.by[key] = x
	}
	x.add(l, r.open)
	x.Activity = likelier(x.Activity, r.activity(l.at))
}

// behind says who came to a jump host, and how.
func (r *remotes) behind(jump string) (all []string) {
	for _, l := range r.into[jump] {
		if all = once(all, l.fromAddress+" ("+cmp.Or(l.from, None)+") by "+l.tool); len(all) > maxPeers {
			return append(all[:maxPeers], "and others")
		}
	}
	return all
}

func (x *remote) add(l *leg, open map[string]bool) {
	d := l.GetConnection()
	x.peers[l.fromAddress] = true
	x.Connections = append(x.Connections, l.GetId())
	x.Sessions += d.GetSessions()
	for _, f := range l.GetFindings() {
		if open[f] {
			x.Findings = once(x.Findings, f)
		}
	}
	for _, doc := range l.GetVerdict().GetDocuments() {
		x.Documents = once(x.Documents, doc)
	}
	for _, a := range l.GetAgents() {
		x.Agents = once(x.Agents, a)
	}
	x.seen(d.GetFirstSeen(), d.GetLastSeen())
}

// likelier keeps, of two answers whether something still happens, the one that a
// person must reckon with.
func likelier(a, b string) string {
	rank := []string{"", "silent", "not-observable", "live"}
	return rank[max(slices.Index(rank, a), slices.Index(rank, b))]
}

func (x *remote) seen(first, last *timestamppb.Timestamp) {
	if x.FirstSeen == nil || lastOf(first).Before(x.FirstSeen.AsTime()) {
		x.FirstSeen = first
	}
	if x.LastSeen == nil || lastOf(last).After(x.LastSeen.AsTime()) {
		x.LastSeen = last
	}
}

func (x *remote) told() *demarcv1.RemoteAccess {
	slices.Sort(x.Connections)
	all := slices.SortedFunc(maps.Keys(x.peers), byAddress)
	x.PeerCount, x.Peers = uint32(len(all)), all[:min(len(all), maxPeers)]
	return x.RemoteAccess
}

// byAddress sorts addresses by number, what is none behind.
func byAddress(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX == nil && errY == nil {
		return x.Compare(y)
	}
	return strings.Compare(a, b)
}

// askedFor lists tools that a device asked for by name, where no session to one
// was seen.
func (r *remotes) askedFor() []*demarcv1.RemoteAccess {
	seen := map[string]bool{}
	for _, l := range r.legs {
		seen[l.device+" "+l.tool] = true
	}
	by := map[string]*remote{}
	var all []*demarcv1.RemoteAccess
	for _, a := range r.w.Assets {
		for _, f := range a.GetFacts() {
			key := a.GetId() + " " + f.GetValue()
			if f.GetAttribute() != string(ot.RemoteTool) || seen[key] {
				continue
			}
			if by[key] == nil {
				by[key] = &remote{RemoteAccess: &demarcv1.RemoteAccess{
					Id: idOf("r-", key), Site: a.GetSite(), Boundary: cmp.Or(some(boundaries(a), 1), None), Device: nameOfAddress(a), DeviceAsset: a.GetId(),
					Tool: f.GetValue(), Kind: "tool", Way: AskedFor, Agents: a.GetAgents(),
				}}
				all = append(all, by[key].RemoteAccess)
			}
			by[key].seen(f.GetFirstSeen(), f.GetLastSeen())
			by[key].Reason = fmt.Sprintf("asked for by name (%s); no session was seen", f.GetSource())
		}
	}
	return all
}

// nameOfAddress is the address that stands for a device.
func nameOfAddress(a *demarcv1.Asset) string {
	for _, list := range [][]string{a.GetIps(), a.GetMacs()} {
		if len(list) > 0 {
			return list[0]
		}
	}
	return a.GetId()
}

// jumpHosts says of the devices that documents name as the way in, or that behave
// as one, what they are.
func jumpHosts(w World) map[string]string {
	named := accessPoints(w.Documents)
	all := map[string]string{}
	for _, a := range w.Assets {
		for _, r := range a.GetRoles() {
			if r.GetRole() == string(ot.JumpHost) && r.GetGrade() != ot.Hint.String() {
				all[a.GetId()] = nameOf(a) + ", a jump host: " + r.GetWhy()
			}
		}
		for _, ip := range a.GetIps() {
			if p, ok := named[ip]; ok && slices.Contains([]string{"jump-host", "proxy", "vpn"}, p.Type) {
				all[a.GetId()] = p.words()
			}
		}
	}
	return all
}

func idOf(prefix, key string) string {
	sum := sha256.Sum256([]byte(key))
	return prefix + hex.EncodeToString(sum[:6])
}
