package boundary

import "slices"

// Group is assets that stand for each other, or that wander.
type Group struct {
	Meta
	Type          string    `doc:"type,need" oneof:"redundant transient"`
	Members       []string  `doc:"members,need"`  // names of assets
	Virtual       []Address `doc:"virtual"`       // addresses that move between them
	MayStandIn    []Ref     `doc:"mayStandIn"`    // boundaries
	ConnectWindow *Schedule `doc:"connectWindow"` // at any time when absent
}

func (g *Group) check(d *decoder) {
	if g.Type == "redundant" && len(g.Members) == 1 {
		d.problem(g.At, "redundant group "+g.Name+" has one member", "name every member, or take the group out")
	}
	for i, m := range g.Members {
		if slices.Contains(g.Members[:i], m) {
			d.problem(g.At, "member "+quote(m)+" of "+g.Name+" stands twice", "keep one")
		}
	}
	if g.ConnectWindow != nil {
		g.ConnectWindow.check(d)
	}
	if g.Type == "redundant" && (len(g.MayStandIn) > 0 || g.ConnectWindow != nil) {
		d.problem(g.At, "mayStandIn and connectWindow belong to type: transient", "take them out")
	}
	if g.Type == "transient" && len(g.Virtual) > 0 {
		d.problem(g.At, "virtual addresses belong to type: redundant", "take them out")
	}
}
