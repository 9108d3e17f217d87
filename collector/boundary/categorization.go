package boundary

import "strings"

// Unequal says in which of confidentiality, integrity and availability two
// boundaries are categorized differently: "integrity high and moderate". It is
// empty where they are equal, or where one has no categorization.
func (b *Boundary) Unequal(o *Boundary) string {
	if b == nil || o == nil || b.Categorization == nil || o.Categorization == nil {
		return ""
	}
	x, y := b.Categorization, o.Categorization
	var all []string
	for _, part := range []struct{ name, x, y string }{
		{"confidentiality", x.Confidentiality, y.Confidentiality}, {"integrity", x.Integrity, y.Integrity}, {"availability", x.Availability, y.Availability},
	} {
		if part.x != part.y && part.x != "" && part.y != "" {
			all = append(all, part.name+" "+part.x+" and "+part.y)
		}
	}
	return strings.Join(all, ", ")
}

// unequal warns of an agreement between boundaries whose categorization differs
// (FIPS 199): one side relies on what protects less. One that states its impact
// was weighed.
func (c *checker) unequal(m Meta, impact *Impact, a, b string) {
	if how := c.boundaries[a].Unequal(c.boundaries[b]); how != "" && impact == nil {
		c.warn(m.At, m.Name+" joins "+a+" and "+b+", which are categorized unequally: "+how, "weigh what the lower side puts at risk, and write the result as impact: in "+m.Name)
	}
}
