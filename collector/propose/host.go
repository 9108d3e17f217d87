package propose

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// class is what a role says of where a device stands.
type class int

const (
	unclassed class = iota
	control
	supervisory
	operations
	dmz
	enterprise
)

var classes = map[string]class{
	"plc": control, "rtu": control, "ied": control, "dcs-controller": control, "safety-controller": control, "io-device": control, "drive": control,
	"hmi": supervisory, "scada-server": supervisory, "dcs-server": supervisory, "engineering-workstation": supervisory, "opc-server": supervisory,
	"historian": operations, "mes": operations, "batch-record": operations, "quality-record": operations,
	"jump-host": dmz, "remote-access": dmz, "iiot-gateway": dmz, "iiot-broker": dmz,
	"erp": enterprise, "erp-interface": enterprise, "domain-controller": enterprise, "printer": enterprise, "workstation": enterprise,
	"server": enterprise, "database": enterprise, "camera": enterprise, "cloud-service": enterprise,
}

// host is an address of a device that stands in no boundary.
type host struct {
	place
	asset *demarcv1.Asset
	addr  netip.Addr // not valid for a MAC
	role  string     // of better grade than a hint, "" for none
}

// net is a range of addresses, as wide as most subnets are.
type net struct {
	site, segment string // segment that most of it was heard on itself, "" for none
	prefix        netip.Prefix
	local         bool // the range means something else on other segments
	hosts         []*host
	counts        map[class]int
	domain        string
	tier          string // control, operations, dmz, enterprise: what it is named after
	beside        bool   // it counts as control because it exchanges with control on its segment
}

func (n *net) key() string {
	if n.local {
		return n.site + " " + n.prefix.String() + " " + n.segment
	}
	return n.site + " " + n.prefix.String()
}

// rangeOf is the range that is drafted around an address: no mask was seen.
func rangeOf(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// homed reports whether a device was heard on its own link.
func homed(a *demarcv1.Asset) bool { return len(a.GetMacs()) > 0 }

// roleOf is the role of an asset that is more than a hint.
func roleOf(a *demarcv1.Asset) string {
	for _, r := range a.GetRoles() {
		if r.GetGrade() != "hint" && r.GetRole() != "unknown" {
			return r.GetRole()
		}
	}
	return ""
}

// foreign reports whether an address is one of the Internet, where no document
// says what belongs to the site.
func (d *draft) foreign(site string, a netip.Addr, own bool) bool {
	shared := netip.MustParsePrefix("100.64.0.0/10")
	return d.known(site) == nil && !own && !a.IsPrivate() && !shared.Contains(a)
}

// hosts sorts what stands in no boundary into ranges.
func (d *draft) hosts() {
	assets := slices.SortedFunc(slices.Values(d.Assets), func(a, b *demarcv1.Asset) int { return strings.Compare(a.GetId(), b.GetId()) })
	for _, a := range assets {
		if a.GetParent() != "" || d.Site != "" && a.GetSite() != d.Site {
			continue
		}
		for _, p := range a.GetPlaces() {
			if p.GetBoundary() != "" {
				continue
			}
			h := &host{place: place{a.GetId(), p.GetAddress()}, asset: a, role: roleOf(a)}
			addr, err := netip.ParseAddr(p.GetAddress())
			switch {
			case err != nil && len(a.GetIps()) == 0:
				key := a.GetSite() + " " + a.GetSegment()
				d.mutes[key] = append(d.mutes[key], h)
				continue
			case err != nil:
				continue // the MAC of what has an IP address
			}
			h.addr = addr.Unmap().WithZone("")
			switch {
			case !h.addr.IsGlobalUnicast():
			case d.foreign(a.GetSite(), h.addr, homed(a)):
				d.left["addresses of the Internet: nothing is drafted for them before somebody decides"]++
			default:
				d.sort(h)
			}
		}
	}
	d.settle()
}

// sort puts a host into its range, on its segment.
func (d *draft) sort(h *host) {
	n := &net{site: h.asset.GetSite(), segment: h.asset.GetSegment(), prefix: rangeOf(h.addr), local: true}
	if !homed(h.asset) {
		n.segment = ""
	}
	if d.nets[n.key()] == nil {
		d.nets[n.key()] = n
	}
	d.nets[n.key()].hosts = append(d.nets[n.key()].hosts, h)
}

// settle puts together what is one range on several segments: all but where the
// same address is another device there.
func (d *draft) settle() {
	ranges := map[string][]*net{}
	for _, key := range slices.Sorted(maps.Keys(d.nets)) {
		n := d.nets[key]
		k := n.site + " " + n.prefix.String()
		ranges[k] = append(ranges[k], n)
	}
	d.nets = map[string]*net{}
	for _, k := range slices.Sorted(maps.Keys(ranges)) {
		all := ranges[k]
		site := d.known(all[0].site)
		repeats := repeated(all)
		for _, n := range all {
			declared := site != nil && slices.ContainsFunc(site.Segments, func(s segmentDoc) bool {
				return s.Name.Name == n.segment && slices.ContainsFunc(s.Local, func(l prefixDoc) bool {
					return l.Prefix.Contains(n.prefix.Addr()) && l.Prefix.Bits() <= n.prefix.Bits()
				})
			})
			n.local = declared || repeats && site == nil
			if repeats && site != nil && !declared {
				d.left["addresses of "+n.prefix.String()+" at site "+n.site+", which are other devices on other segments: declare the range local in the Site first"] += len(n.hosts)
				continue
			}
			if n.local && n.segment == "" {
				d.left["addresses of "+n.prefix.String()+" at site "+n.site+" that were heard from afar alone, while the range means several things"] += len(n.hosts)
				continue
			}
			d.merge(n)
		}
	}
}

// merge adds a range to what is there of it: the segment counts on which most
// of it was heard.
func (d *draft) merge(n *net) {
	was := d.nets[n.key()]
	if was == nil {
		d.nets[n.key()] = n
		return
	}
	if was.segment == "" || n.segment != "" && len(n.hosts) > len(was.hosts) {
		was.segment = n.segment
	}
	was.hosts = append(was.hosts, n.hosts...)
}

// repeated reports whether an address is a device of its own on two segments.
func repeated(all []*net) bool {
	on := map[netip.Addr]string{}
	for _, n := range all {
		if n.segment == "" {
			continue
		}
		for _, h := range n.hosts {
			if seg, twice := on[h.addr]; twice && seg != n.segment {
				return true
			}
			on[h.addr] = n.segment
		}
	}
	return false
}

// classify says what a range looks like by the roles in it; exchanges tells
// whether it has to do with control and with what is none.
func (n *net) classify(exchanges bool) {
	plant := n.counts[control] + n.counts[supervisory]
	rest := n.counts[operations] + n.counts[dmz] + n.counts[enterprise]
	switch {
	case plant > 0 && plant >= rest:
		n.domain, n.tier = "ot", "control"
	case n.counts[dmz] > 0 && n.counts[dmz] >= n.counts[enterprise] || n.counts[operations] > 0 && exchanges:
		n.domain, n.tier = "dmz", "dmz"
	case n.counts[operations] > 0 && n.counts[operations] >= n.counts[enterprise]:
		n.domain, n.tier = "ot", "operations"
	default:
		n.domain, n.tier = "it", "enterprise"
	}
}

func compareHosts(a, b *host) int {
	return cmp.Or(a.addr.Compare(b.addr), strings.Compare(a.address, b.address), strings.Compare(a.place.asset, b.place.asset))
}
