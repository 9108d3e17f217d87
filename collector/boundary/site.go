package boundary

import (
	"fmt"
	"net/netip"
	"time"
	_ "time/tzdata" // schedules need the zones on machines that have none
)

// Site is a plant: its clock and its address plan.
type Site struct {
	Meta
	Title        string    `doc:"title"`
	Timezone     Zone      `doc:"timezone"`     // UTC when absent
	AddressSpace []Prefix  `doc:"addressSpace"` // public ranges that are used privately; private ranges always belong to the site
	Shared       []Prefix  `doc:"shared"`       // mean the same at every site
	Segments     []Segment `doc:"segments"`
}

// Segment is a part of the network that agents listen on.
type Segment struct {
	Name  Name     `doc:"name,need"`
	Title string   `doc:"title"`
	Local []Prefix `doc:"local"` // ranges that mean something here only
}

// Zone is a time zone of the IANA database.
type Zone struct {
	At
	Location *time.Location
}

func (z *Zone) parse(s string) (string, string) {
	l, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		return quote(s) + " is not a time zone", "write an IANA name such as America/Chicago"
	}
	z.Location = l
	return "", ""
}

func (s *Site) check(d *decoder) {
	first := make(map[string]At)
	for _, g := range s.Segments {
		if at, twice := first[g.Name.Name]; twice && g.Name.Name != "" {
			d.problem(g.Name.At, "segment "+g.Name.Name+" stands twice, first in line "+fmt.Sprint(at.Line), "keep one")
		}
		first[g.Name.Name] = g.Name.At
		for _, l := range g.Local {
			for _, c := range s.Shared {
				if l.Prefix.IsValid() && l.Prefix.Overlaps(c.Prefix) {
					d.problem(l.At, fmt.Sprintf("%s is local to segment %s and overlaps %s, which is shared by every site", l.Prefix, g.Name.Name, c.Prefix), "an address means either one thing or many: correct one of them")
				}
			}
		}
	}
}

// localTo lists the segments where all of p is local.
func (s *Site) localTo(p netip.Prefix) []string {
	var names []string
	for _, g := range s.Segments {
		for _, l := range g.Local {
			if l.Prefix.Bits() <= p.Bits() && l.Prefix.Contains(p.Addr()) {
				names = append(names, g.Name.Name)
				break
			}
		}
	}
	return names
}
