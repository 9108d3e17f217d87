package propose

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

type (
	segmentDoc = boundary.Segment
	prefixDoc  = boundary.Prefix
)

// cluster is a candidate boundary.
type cluster struct {
	name, site, segment, domain, tier string
	nets                              []*net
	loose                             []*host // without an IP address
	span                              span
}

// maxMACs is how many addresses of devices without IP one candidate lists.
const maxMACs = 64

// cluster puts ranges together that were heard on one segment and look alike;
// what was heard from afar alone, by what it looks like and its wider range.
func (d *draft) cluster() {
	keys := slices.Sorted(maps.Keys(d.nets))
	for _, k := range keys {
		n := d.nets[k]
		slices.SortFunc(n.hosts, compareHosts)
		n.counts = map[class]int{}
		for _, h := range n.hosts {
			n.counts[classes[h.role]]++
		}
		n.classify(false)
	}
	d.between()
	by := map[string]*cluster{}
	for _, k := range keys {
		n := d.nets[k]
		at := n.segment
		if at == "" {
			at = "net " + wide(n.prefix).String()
		}
		key := n.site + " " + at + " " + n.domain + " " + n.tier
		c := by[key]
		if c == nil {
			c = &cluster{site: n.site, segment: n.segment, domain: n.domain, tier: n.tier}
			by[key] = c
		}
		c.nets = append(c.nets, n)
	}
	for _, k := range slices.Sorted(maps.Keys(by)) {
		d.clusters = append(d.clusters, by[k])
	}
	// The largest of a segment has its name.
	slices.SortStableFunc(d.clusters, func(a, b *cluster) int { return b.devices() - a.devices() })
	for _, c := range d.clusters {
		d.nameCluster(c)
		for _, n := range c.nets {
			for _, h := range n.hosts {
				d.at[h.place] = c
				c.span.add(h.asset.GetFirstSeen(), h.asset.GetLastSeen())
			}
		}
	}
	slices.SortFunc(d.clusters, func(a, b *cluster) int { return strings.Compare(a.name, b.name) })
}

func (d *draft) nameCluster(c *cluster) {
	switch {
	case c.segment == "":
		c.name = d.name(Boundary, "net", strings.TrimRight(strings.TrimSuffix(wide(c.nets[0].prefix).Masked().Addr().String(), ".0.0"), ":"))
	case !d.names[Boundary+"/"+slug(c.segment)]:
		c.name = d.name(Boundary, c.segment)
	default:
		c.name = d.name(Boundary, c.segment, c.tier)
	}
}

// wide is the range that subnets heard from afar are put together by.
func wide(p netip.Prefix) netip.Prefix {
	bits := 16
	if p.Addr().Is6() {
		bits = 48
	}
	w, _ := p.Addr().Prefix(bits)
	return w
}

// between tells operations that exchange with control and with others from
// those that stand beside control alone, and takes what proved nothing for
// control where it exchanges with control on its segment.
func (d *draft) between() {
	of := map[place]*net{}
	for _, n := range d.nets {
		for _, h := range n.hosts {
			of[h.place] = n
		}
	}
	plant, other, own := map[*net]bool{}, map[*net]bool{}, map[*net]bool{}
	domain := func(boundary string, n *net) string {
		if n != nil {
			return n.domain
		}
		return d.Policy.Domain(boundary)
	}
	for _, c := range d.Connections {
		x := c.GetConnection()
		client, server := of[place{x.GetClientAsset(), x.GetClient()}], of[place{x.GetServerAsset(), x.GetServer()}]
		for _, e := range []struct {
			n      *net
			across string
		}{{client, domain(c.GetServerBoundary(), server)}, {server, domain(c.GetClientBoundary(), client)}} {
			if e.n != nil && client != server {
				plant[e.n] = plant[e.n] || e.across == "ot"
				own[e.n] = own[e.n] || e.across == "ot" && client != nil && server != nil && client.segment == server.segment && e.n.segment != ""
				other[e.n] = other[e.n] || e.across == "it" || e.across == "external"
			}
		}
	}
	for _, n := range d.nets {
		if n.counts[operations] > 0 && n.tier != "control" && plant[n] && other[n] {
			n.classify(true)
		}
		if n.tier == "enterprise" && own[n] && n.counts[unclassed]*2 > len(n.hosts) {
			n.domain, n.tier, n.beside = "ot", "control", true
		}
	}
}

func (c *cluster) hosts() (all []*host) {
	for _, n := range c.nets {
		all = append(all, n.hosts...)
	}
	return append(all, c.loose...)
}

func (c *cluster) devices() int {
	ids := map[string]bool{}
	for _, h := range c.hosts() {
		ids[h.place.asset] = true
	}
	return len(ids)
}

// boundaries writes the candidates down.
func (d *draft) boundaries() {
	for _, key := range slices.Sorted(maps.Keys(d.mutes)) {
		d.adopt(d.mutes[key])
	}
	for _, c := range d.clusters {
		d.add(d.boundaryText(c), c.span)
	}
}

// adopt lists devices without IP in the candidate of their segment.
func (d *draft) adopt(all []*host) {
	site, segment := all[0].asset.GetSite(), all[0].asset.GetSegment()
	var best *cluster
	for _, c := range d.clusters {
		if c.site == site && c.segment == segment && segment != "" && (best == nil || c.devices() > best.devices()) {
			best = c
		}
	}
	if best == nil || len(all) > maxMACs {
		d.left[fmt.Sprintf("devices without an IP address on segment %s of site %s: name their VLAN or segment in a boundary", segment, site)] += len(all)
		return
	}
	slices.SortFunc(all, compareHosts)
	for _, h := range all {
		d.at[h.place] = best
		if key := "MAC/" + site + " " + h.address; !d.names[key] { // heard on several segments, it stands with the first
			d.names[key] = true
			best.loose = append(best.loose, h)
		}
		best.span.add(h.asset.GetFirstSeen(), h.asset.GetLastSeen())
	}
}

// levels that a tier stands at.
var levels = map[string]string{"control": "[0, 1, 2]", "operations": "[3]", "dmz": "[3.5]", "enterprise": "[4]"}

func (d *draft) boundaryText(c *cluster) *demarcv1.Candidate {
	where := "segment " + c.segment
	if c.segment == "" {
		where = "addresses heard from afar in " + wide(c.nets[0].prefix).String()
	}
	out := &demarcv1.Candidate{Kind: Boundary, Name: c.name, Devices: uint32(c.devices())}
	out.Evidence = append(out.Evidence, fmt.Sprintf("%s at site %s, %s, %s", of(c.devices(), "device"), c.site, where, c.span.words()), "Roles: "+roleWords(c.hosts()))
	out.Doubts = c.doubts()
	t := &text{}
	t.head(out)
	t.line("apiVersion: demarc/v1", "kind: Boundary", "metadata: {name: "+c.name+"}", "spec:")
	t.line("  title: " + quoted("TODO: "+title(c)))
	t.line("  domain: "+c.domain+"            # ot, dmz, it or external: what OT-to-IT is judged by", "  levels: "+levels[c.tier])
	t.line("  members:")
	for _, n := range c.nets {
		segment := ""
		if n.local {
			segment = " segment: " + n.segment + ","
		}
		for _, p := range d.prefixes(n) {
			t.line(fmt.Sprintf("    - {site: %s,%s cidrs: [%s]}   # %s", c.site, segment, yamlPrefix(p), clean(hostWords(inside(n.hosts, p)))))
		}
	}
	for _, h := range c.loose {
		t.line(fmt.Sprintf("    - {site: %s, macs: [%s]}   # %s", c.site, quoted(h.address), clean(deviceWords(h))))
	}
	t.line("  # parties: [{role: system-owner, name: TODO, contact: TODO}]")
	t.line("  review: {state: survey, until: " + d.Now.AddDate(0, 0, 60).UTC().Format("2006-01-02") + "}")
	out.Text = t.String()
	return out
}

// prefixes is a range, or the addresses in it where a document has the range
// already.
func (d *draft) prefixes(n *net) []netip.Prefix {
	for _, b := range d.Documents.Boundaries {
		for _, m := range b.Members {
			if m.Site.Name == n.site && slices.ContainsFunc(m.CIDRs, func(p prefixDoc) bool { return p.Prefix == n.prefix }) {
				var all []netip.Prefix
				for _, h := range n.hosts {
					all = append(all, netip.PrefixFrom(h.addr, h.addr.BitLen()))
				}
				return slices.Compact(all)
			}
		}
	}
	return []netip.Prefix{n.prefix}
}

func inside(all []*host, p netip.Prefix) (in []*host) {
	for _, h := range all {
		if p.Contains(h.addr) {
			in = append(in, h)
		}
	}
	return in
}

func title(c *cluster) string {
	what := map[string]string{"control": "control system", "operations": "operations", "dmz": "industrial DMZ", "enterprise": "enterprise network"}[c.tier]
	if c.segment == "" {
		return what + " at " + wide(c.nets[0].prefix).String()
	}
	return what + " on segment " + c.segment
}

func (c *cluster) doubts() (all []string) {
	counts, afar := map[class]int{}, 0
	for _, h := range c.hosts() {
		counts[classes[h.role]]++
		if !homed(h.asset) {
			afar++
		}
	}
	total := len(c.hosts())
	if plant, rest := counts[control]+counts[supervisory], counts[enterprise]+counts[dmz]+counts[operations]; plant > 0 && rest > 0 {
		all = append(all, fmt.Sprintf("control and other devices share it (%d and %d): split it by narrower ranges if they are different systems", plant, rest))
	}
	if counts[unclassed] == total {
		all = append(all, "no device here proved a role: domain and levels are guesses")
	} else if counts[unclassed]*2 > total {
		all = append(all, fmt.Sprintf("%d of %d addresses proved no role", counts[unclassed], total))
	}
	for _, n := range c.nets {
		if n.beside {
			all = append(all, n.prefix.String()+" proved little of itself and counts as control because it exchanges with control devices on its segment")
		}
	}
	if afar == total {
		all = append(all, "no agent listens on its own link: what is local there was not seen")
	}
	all = append(all, "the ranges are as wide as most subnets: no mask was seen")
	return all
}
