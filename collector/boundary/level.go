package boundary

import "slices"

// process reports whether b holds levels 0 to 2 and nothing above.
func (b *Boundary) process() bool {
	return len(b.Levels) > 0 && !slices.ContainsFunc(b.Levels, func(l Level) bool { return l.Tenths > 20 })
}

// business reports whether b holds the ERP, or level 4 and above alone.
func (b *Boundary) business() bool {
	return slices.Contains(b.Systems, "erp") || len(b.Levels) > 0 && !slices.ContainsFunc(b.Levels, func(l Level) bool { return l.Tenths < 40 })
}

// PastInterface reports whether a connection between two boundaries joins levels
// 0 to 2 and business systems without the level between them, where an ERP
// interface stands (ISA-95). Boundaries whose documents name no levels tell
// nothing.
func (p *Policy) PastInterface(a, b string) bool {
	x, y := p.boundaries[a], p.boundaries[b]
	return x != nil && y != nil && (x.Process && y.Business || x.Business && y.Process)
}
