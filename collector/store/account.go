package store

import "slices"

// Role is what a person is to the collector. The names are stored: they never
// change.
type Role string

// Roles that people have; one person may have several.
const (
	Engineer       Role = "engineer"                  // agents, agreed windows
	Analyst        Role = "analyst"                   // triage
	ISSM           Role = "issm"                      // documents; records what was decided outside
	SystemOwner    Role = "system-owner"              // attests, confirms snapshots, owns POA&M items
	Official       Role = "official"                  // decides
	Representative Role = "designated-representative" // as the official, but decides and rescinds nothing
	Auditor        Role = "auditor"                   // reads
	Admin          Role = "admin"                     // accounts and machines; nothing on a boundary
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{Engineer, Analyst, ISSM, SystemOwner, Official, Representative, Auditor, Admin}
}

// Grant is a role with its limits; without any it holds everywhere.
type Grant struct {
	Role       Role     `json:"role"`
	Sites      []string `json:"sites,omitempty"`
	Boundaries []string `json:"boundaries,omitempty"`
}

// Limited reports whether the role does not hold everywhere.
func (g Grant) Limited() bool { return len(g.Sites) > 0 || len(g.Boundaries) > 0 }

// OverSite reports whether the role holds at a site, or in part of it.
func (g Grant) OverSite(site string) bool { return len(g.Sites) == 0 || slices.Contains(g.Sites, site) }

// OverBoundary reports whether the role holds over a boundary whose members
// stand at sites.
func (g Grant) OverBoundary(name string, sites []string) bool {
	if len(g.Boundaries) > 0 && !slices.Contains(g.Boundaries, name) {
		return false
	}
	if len(g.Sites) == 0 {
		return true
	}
	return len(sites) > 0 && !slices.ContainsFunc(sites, func(s string) bool { return !slices.Contains(g.Sites, s) })
}
