package boundary

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gaissmai/bart"
)

// Policy is what the documents come to, ready to place and to judge by. It
// never changes and is safe for concurrent use.
type Policy struct {
	version    uint64
	sites      map[string]*site
	shared     *bart.Lite                // ranges that mean the same at every site
	company    *bart.Table[[]*entry]     // entries within shared, of every site
	boundaries map[string]*Info          // Internet too
	names      []string                  // of boundaries, sorted, without Internet
	parts      map[string][]string       // of a boundary, without those that are isolated
	agreements map[[2]string][]Offer     // client's and server's boundary
	agreed     []*Agreement              // each once, in the order of the documents
	published  map[string][]Offer        // sender's boundary, of agreements with groups
	internal   map[string]*InternalRules // boundaries whose inside is not simply allowed
	points     map[string]bool           // addresses of declared access points
	listings   map[string]*Listing       // hardware lists by the boundary that they were authorized for
	lists      map[string]*Listing       // every hardware list by its name
	hardware   []Authorized              // the same, with what each is for
	resolved   Resolved                  // roles and names, as they were when the documents were applied
	asked      map[string][]string       // boundary -> roles that documents name there
	pairs      []pair                    // redundant groups
	roamers    []roamers                 // transient groups
	roams      bool                      // one of them says when
	docs       *Documents
	decisions  map[string]*Decision   // authorizations by name
	over       map[string][]*Decision // by each boundary that they name, the latest first
	openings   map[string][]Opening   // by interconnection
	attested   []Attested             // in order
	fired      []Fired                // in order
	moves      *moves
}

// site is one Site compiled, with the member entries that name it.
type site struct {
	title    string
	zone     *time.Location
	names    []string // of segments, in order
	space    bart.Lite
	local    map[string]*bart.Lite
	prefixes bart.Table[[]*entry]
	macs     map[string][]*entry
	vlans    map[uint32][]*entry
	segments map[string][]*entry
}

// entry is one thing that a member entry holds.
type entry struct {
	boundary, segment string
	shared            []string // Boundary first; nil when not shared
	why               string
}

// Info is what is known of a boundary beside its members.
type Info struct {
	Name, Title, Kind, Domain, Parent string
	Members                           []string // in words
	Sites                             []string // named by its members, sorted
	Safety, Isolated                  bool
	Process, Business                 bool      // levels 0 to 2 alone; ERP, or level 4 and above alone
	Survey                            time.Time // first instant after the survey of the boundary; zero without one
	above                             []string  // every boundary that it is a part of, nearest first
}

// Compile makes the policy of documents that Read accepted; nil or empty
// documents make a policy without boundaries. Roles and names of devices cover
// nothing there: see CompileResolved.
func Compile(d *Documents, version uint64) (*Policy, error) { return CompileResolved(d, version, nil) }

// CompileResolved makes the policy of documents whose roles and names of devices
// came to what resolved says.
func CompileResolved(d *Documents, version uint64, resolved Resolved) (*Policy, error) {
	if d == nil {
		d = &Documents{}
	}
	p := &Policy{
		version: version, shared: new(bart.Lite), company: new(bart.Table[[]*entry]), sites: make(map[string]*site), boundaries: make(map[string]*Info),
		agreements: make(map[[2]string][]Offer), published: make(map[string][]Offer), internal: make(map[string]*InternalRules), points: make(map[string]bool), docs: d,
		listings: make(map[string]*Listing), lists: make(map[string]*Listing), resolved: resolved, asked: make(map[string][]string),
	}
	for _, s := range d.Sites {
		p.addSite(s)
	}
	p.boundaries[Internet] = &Info{Name: Internet, Title: "Internet", Kind: "external", Domain: "external"}
	for _, b := range d.Boundaries {
		p.boundaries[b.Name] = infoOf(b)
		p.names = append(p.names, b.Name)
	}
	slices.Sort(p.names)
	if err := p.setAbove(); err != nil {
		return nil, err
	}
	for _, b := range d.Boundaries {
		if err := p.addMembers(b); err != nil {
			return nil, err
		}
	}
	p.addGroups(d)
	p.addAgreements(d)
	p.addListings(d)
	return p.With(Acts{}), nil
}

// Empty is the policy without documents.
func Empty() *Policy {
	p, err := Compile(nil, 0)
	if err != nil {
		panic("boundary: " + err.Error()) // nothing in it can fail
	}
	return p
}

// Version is the number that the policy was compiled with.
func (p *Policy) Version() uint64 { return p.version }

// Boundary returns a boundary by name; Internet is always there.
func (p *Policy) Boundary(name string) (Info, bool) {
	if i := p.boundaries[name]; i != nil {
		return *i, true
	}
	return Info{}, false
}

// Domain is the domain of a boundary: ot, dmz, it or external; empty without
// such a boundary.
func (p *Policy) Domain(name string) string {
	if i := p.boundaries[name]; i != nil {
		return i.Domain
	}
	return ""
}

// Boundaries lists every boundary of the documents by name; Internet is none.
func (p *Policy) Boundaries() []Info {
	list := make([]Info, len(p.names))
	for i, n := range p.names {
		list[i] = *p.boundaries[n]
	}
	return list
}

// SiteInfo is what a Site says of itself.
type SiteInfo struct {
	Name, Title string
	Segments    []string
}

// Sites lists every site of the documents by name.
func (p *Policy) Sites() []SiteInfo {
	var list []SiteInfo
	for name, s := range p.sites {
		list = append(list, SiteInfo{name, s.title, slices.Clone(s.names)})
	}
	slices.SortFunc(list, func(a, b SiteInfo) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Within reports whether boundary name is whole or a part of it, and nothing on
// the way is isolated.
func (p *Policy) Within(name, whole string) bool {
	i := p.boundaries[name]
	for i != nil && i.Name != whole {
		if i.Isolated {
			return false
		}
		i = p.boundaries[i.Parent]
	}
	return i != nil
}

// AccessPoint reports whether a is an address of a declared access point.
func (p *Policy) AccessPoint(a netip.Addr) bool { return p.points[a.Unmap().String()] }

func (p *Policy) addSite(doc *Site) {
	s := &site{
		title: doc.Title, zone: doc.Timezone.Location, local: make(map[string]*bart.Lite),
		macs: make(map[string][]*entry), vlans: make(map[uint32][]*entry), segments: make(map[string][]*entry),
	}
	if s.zone == nil {
		s.zone = time.UTC
	}
	for _, a := range doc.AddressSpace {
		s.space.Insert(a.Prefix)
	}
	for _, a := range doc.Shared {
		p.shared.Insert(a.Prefix)
	}
	for _, g := range doc.Segments {
		s.names = append(s.names, g.Name.Name)
		s.local[g.Name.Name] = new(bart.Lite)
		for _, l := range g.Local {
			s.local[g.Name.Name].Insert(l.Prefix)
		}
	}
	p.sites[doc.Name] = s
}

func infoOf(b *Boundary) *Info {
	i := &Info{
		Name: b.Name, Title: b.Title, Kind: b.Type, Domain: b.Domain, Parent: b.Parent.Name, Isolated: b.Isolated,
		Safety: b.Zone != nil && b.Zone.Safety, Process: b.process(), Business: b.business(),
	}
	if b.Review != nil && b.Review.State == "survey" {
		i.Survey = b.Review.Until.End()
	}
	if i.Kind == "" {
		i.Kind = map[string]string{"ot": "control-environment", "it": "enterprise", "external": "external"}[b.Domain]
	}
	if i.Kind == "" {
		i.Kind = "system"
	}
	for c := range b.claims {
		i.Members = append(i.Members, c.words)
	}
	for _, m := range b.Members {
		if !slices.Contains(i.Sites, m.Site.Name) {
			i.Sites = append(i.Sites, m.Site.Name)
		}
	}
	slices.Sort(i.Sites)
	return i
}

// Places reports whether a document places anything in one of boundaries or in a
// part of one.
func (p *Policy) Places(boundaries []string) bool {
	return slices.ContainsFunc(p.names, func(n string) bool {
		return len(p.boundaries[n].Members) > 0 && slices.ContainsFunc(boundaries, func(whole string) bool { return p.reaches(whole, n) })
	})
}

func (p *Policy) setAbove() error {
	for _, i := range p.boundaries {
		for up := p.boundaries[i.Parent]; up != nil; up = p.boundaries[up.Parent] {
			if len(i.above) > len(p.boundaries) {
				return errors.New("boundary: parents of " + i.Name + " form a circle; use documents that Read accepted")
			}
			i.above = append(i.above, up.Name)
		}
	}
	return nil
}

func (p *Policy) addMembers(b *Boundary) error {
	for _, point := range b.AccessPoints {
		for _, a := range point.Addresses {
			p.points[a.Addr.String()] = true
		}
	}
	for _, m := range b.Members {
		s := p.sites[m.Site.Name]
		if s == nil {
			return fmt.Errorf("boundary: %s names site %s, which has no document; use documents that Read accepted", b.Name, m.Site.Name)
		}
		p.addMember(s, b, m)
	}
	return nil
}

func (p *Policy) addMember(s *site, b *Boundary, m Member) {
	var shared []string
	for _, r := range m.Shared {
		if r.Name == b.Name {
			shared = slices.Insert(shared, 0, r.Name)
		} else {
			shared = append(shared, r.Name)
		}
	}
	one := *b
	one.Members = []Member{m}
	claims := slices.Collect(one.claims)
	next := func() *entry {
		c := claims[0]
		claims = claims[1:]
		return &entry{boundary: b.Name, segment: m.Segment.Name, shared: shared, why: c.words + " (" + c.at.String() + ")"}
	}
	for _, c := range m.CIDRs {
		e := next()
		insert(&s.prefixes, c.Prefix, e)
		if p.shared.OverlapsPrefix(c.Prefix) {
			insert(p.company, c.Prefix, e)
		}
	}
	for _, a := range m.MACs {
		s.macs[a.MAC] = append(s.macs[a.MAC], next())
	}
	for _, v := range m.VLANs {
		s.vlans[v.ID] = append(s.vlans[v.ID], next())
	}
	if len(claims) > 0 {
		s.segments[m.Segment.Name] = append(s.segments[m.Segment.Name], next())
	}
}

func insert(t *bart.Table[[]*entry], p netip.Prefix, e *entry) {
	list, _ := t.Get(p)
	t.Insert(p, append(slices.Clip(list), e))
}
