package finding

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// member is what a finding keeps of one connection or asset.
type member struct {
	Past       bool      `json:"past,omitempty"` // covered now
	Sight      uint64    `json:"sight"`          // what it was told apart by: a change is better sight, not another reality
	Policy     uint64    `json:"policy"`         // version that it was judged by
	Service    string    `json:"service,omitempty"`
	Source     string    `json:"source,omitempty"` // address that tried in vain
	Operations []string  `json:"operations,omitempty"`
	OneSided   bool      `json:"one_sided,omitempty"`
	Domains    [2]string `json:"domains"` // of client and server; of an asset that stands in two boundaries, of both
	Safety     string    `json:"safety,omitempty"`
	Unlisted   string    `json:"unlisted,omitempty"` // why it is on no list
	Discords   []discord `json:"differences,omitempty"`
	Addresses  []string  `json:"addresses,omitempty"`
	Boundaries []string  `json:"boundaries,omitempty"`
	First      int64     `json:"first"` // Unix nanoseconds
	Last       int64     `json:"last"`
}

func (s *Sorter) memberOf(p *boundary.Policy, c inventory.Connection, v *verdict.Judged, now time.Time) *member {
	d, m := c.Data, s.place()
	*m = member{
		Policy: p.Version(), Service: v.Service, OneSided: ot.ParseOutcome(d.GetOutcome()) == ot.OneSided,
		Domains: [2]string{p.Domain(v.Client.Boundary), p.Domain(v.Server.Boundary)}, First: now.UnixNano(), Last: now.UnixNano(),
		Sight: sum(d.GetProtocol(), d.GetGrade(), d.GetDirectionBasis(), d.GetOpenedBy(), d.GetOutcome(), d.GetSecurityFacts().GetServerName(),
			d.GetRelatedTo(), placed(v.Client), placed(v.Server)),
		Boundaries: s.boundaries(v.Client.Boundary, v.Server.Boundary), Operations: s.counted(&c),
	}
	if d.GetProtocol() == Scan {
		m.Service = Scan
	}
	if tried(c) {
		m.Source = subject(p, c.Site, c.Client)
	}
	if i, ok := p.Boundary(v.Server.Boundary); ok && i.Safety {
		m.Safety = i.Name
	}
	if d.GetFirstSeen() != nil {
		m.First = d.FirstSeen.AsTime().UnixNano()
	}
	if d.GetLastSeen() != nil {
		m.Last = d.LastSeen.AsTime().UnixNano()
	}
	return m
}

// placed is an end's place as far as sight decides it.
func placed(p boundary.Placement) string {
	return p.Boundary + "|" + strings.Join(p.Ambiguous, ",")
}

func assetMember(p *boundary.Policy, a *demarcv1.Asset, at []where, now time.Time) *member {
	parts := []string{a.Kind}
	m := &member{Policy: p.Version(), First: now.UnixNano(), Last: now.UnixNano()}
	for _, w := range at {
		parts = append(parts, w.address, placed(w.Placement), strconv.FormatBool(w.end.OwnLink))
		m.Addresses = append(m.Addresses, w.address)
		if home(w) && !slices.Contains(m.Boundaries, w.Boundary) {
			m.Boundaries = append(m.Boundaries, w.Boundary)
		}
	}
	slices.Sort(m.Boundaries)
	m.Sight = sum(parts...)
	if a.FirstSeen != nil {
		m.First = a.FirstSeen.AsTime().UnixNano()
	}
	if a.LastSeen != nil {
		m.Last = a.LastSeen.AsTime().UnixNano()
	}
	return m
}

// sum is FNV-1a over parts, each ended by a zero.
func sum(parts ...string) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range parts {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h *= 1099511628211
	}
	return h
}

// equal reports whether a finding that holds m would show n no differently.
func (m *member) equal(n *member) bool {
	return m.Past == n.Past && m.Sight == n.Sight && m.Policy == n.Policy && m.Service == n.Service && m.Source == n.Source && m.OneSided == n.OneSided &&
		m.Domains == n.Domains && m.Safety == n.Safety && m.Unlisted == n.Unlisted && m.First == n.First && m.Last == n.Last &&
		slices.Equal(m.Operations, n.Operations) && slices.Equal(m.Addresses, n.Addresses) && slices.Equal(m.Boundaries, n.Boundaries) &&
		slices.Equal(m.Discords, n.Discords)
}
