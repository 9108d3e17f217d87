// Package propose drafts boundary documents out of what was seen: Draft groups
// the addresses that stand in no boundary into candidate Boundaries, and what
// crosses between boundaries without an agreement into candidate
// Interconnections and SharedServices. A draft is text for a person to edit: it
// authorizes nothing and is applied by nobody but that person; its comments say
// what was counted, and what is doubtful. The same World gives the same text.
package propose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of documents that are drafted, in the order in which they are read best.
const (
	Site            = "Site"
	Boundary        = "Boundary"
	SharedService   = "SharedService"
	Interconnection = "Interconnection"
)

// World is what is drafted from.
type World struct {
	Policy      *boundary.Policy
	Documents   *boundary.Documents // of Policy
	Connections []*demarcv1.JudgedConnection
	Assets      []*demarcv1.Asset
	Now         time.Time
	All         bool   // also what an agreement covers already
	Site        string // "" for every site
}

// Draft returns the candidates by kind and name, and in words what nothing was
// drafted for.
func Draft(w World) (all []*demarcv1.Candidate, leftOut []string) {
	d := &draft{World: w, names: map[string]bool{}, left: map[string]int{}, at: map[place]*cluster{}, nets: map[string]*net{}, mutes: map[string][]*host{}}
	d.take()
	d.hosts()
	d.cluster()
	d.sites()
	d.boundaries()
	d.flows()
	d.shared()
	d.interconnections()
	for _, what := range slices.Sorted(maps.Keys(d.left)) {
		leftOut = append(leftOut, fmt.Sprintf("%s: %d", what, d.left[what]))
	}
	return d.out, leftOut
}

// draft is one that is being made.
type draft struct {
	World
	names    map[string]bool // "Kind/name" that is taken
	left     map[string]int  // what is left out, and how much of it
	at       map[place]*cluster
	nets     map[string]*net    // by site, prefix and, where it repeats, segment
	mutes    map[string][]*host // devices without IP, by site and segment
	clusters []*cluster
	flow     []*flow
	out      []*demarcv1.Candidate
}

// place is an address of a device.
type place struct{ asset, address string }

// take notes the names that documents have already.
func (d *draft) take() {
	for _, b := range d.Documents.Boundaries {
		d.names[Boundary+"/"+b.Name] = true
	}
	for _, x := range d.Documents.Interconnections {
		d.names[Interconnection+"/"+x.Name] = true
	}
	for _, s := range d.Documents.SharedServices {
		d.names[SharedService+"/"+s.Name] = true
	}
	d.names[Boundary+"/"+boundary.Internet] = true
}

// name is a free one of a kind, made of words.
func (d *draft) name(kind string, words ...string) string {
	base := slug(strings.Join(words, "-"))
	name := base
	for i := 2; d.names[kind+"/"+name]; i++ {
		suffix := fmt.Sprintf("-%d", i)
		name = base[:min(len(base), 63-len(suffix))] + suffix
	}
	d.names[kind+"/"+name] = true
	return name
}

// slug makes a name of a document.
func slug(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
	for strings.Contains(s, "--") {
		s = strings.ReplaceAll(s, "--", "-")
	}
	s = strings.Trim(s[:min(len(s), 60)], "-")
	return cmp.Or(s, "unnamed")
}

// known is the document of a site, nil without one.
func (d *draft) known(site string) *boundary.Site {
	for _, s := range d.Documents.Sites {
		if s.Name == site {
			return s
		}
	}
	return nil
}

// span is when something was seen.
type span struct{ first, last time.Time }

func (s *span) add(first, last *timestamppb.Timestamp) {
	if t := first.AsTime(); first != nil && (s.first.IsZero() || t.Before(s.first)) {
		s.first = t
	}
	if t := last.AsTime(); last != nil && t.After(s.last) {
		s.last = t
	}
}

func (s *span) words() string {
	if s.first.IsZero() {
		return "seen at no time that is known"
	}
	return fmt.Sprintf("first seen %s, last seen %s UTC", s.first.UTC().Format("2006-01-02 15:04"), s.last.UTC().Format("2006-01-02 15:04"))
}

func (d *draft) add(c *demarcv1.Candidate, s span) {
	if !s.first.IsZero() {
		c.FirstSeen, c.LastSeen = timestamppb.New(s.first), timestamppb.New(s.last)
	}
	d.out = append(d.out, c)
}
