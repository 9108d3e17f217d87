package identity

import (
	"cmp"
	"slices"
	"strings"

	"demarc/internal/ot"

	demarcv1 "demarc/proto/demarc/v1"
)

// part is what was told of an address, or of one part behind it.
type part struct {
	path  sym // "" is the address itself
	facts []fact
}

type fact struct {
	attribute, source sym
	value             string
	first, last       int64
	grade             ot.Grade
}

// AskedPrefix begins the sources of what a device said because an agent asked
// it; what follows is the source under which the same message is overheard.
const AskedPrefix = "probe."

// Asked reports whether an asset, or one of its parts, was asked by an agent.
func (b *Book) Asked(asset string) bool {
	b.settle()
	a := b.assets[asset]
	if p, ok := b.parts[asset]; ok && a == nil {
		a = p.asset
	}
	return a != nil && slices.ContainsFunc(a.observations(), func(o *observation) bool { return o.asked })
}

// weigh orders facts by grade and then by how lately they were told; the rest
// only makes the order total.
func (f *fact) weigh(g *fact) int {
	return cmp.Or(
		cmp.Compare(f.grade, g.grade),
		cmp.Compare(f.last, g.last),
		strings.Compare(g.value, f.value),
		strings.Compare(g.attribute.Value(), f.attribute.Value()),
		strings.Compare(g.source.Value(), f.source.Value()))
}

func (o *observation) part(path string) *part {
	for i := range o.parts {
		if o.parts[i].path.Value() == path {
			return &o.parts[i]
		}
	}
	return nil
}

// best is the weightiest fact of an attribute of at least the grade.
func (p *part) best(a ot.Attribute, least ot.Grade) *fact {
	var best *fact
	name := mk(string(a))
	for i := range p.facts {
		f := &p.facts[i]
		if f.attribute == name && f.grade >= least && (best == nil || f.weigh(best) > 0) {
			best = f
		}
	}
	return best
}

// tell takes one fact.
func (b *Book) tell(site sym, d *demarcv1.FactDelta) {
	k, ok := keyOf(site, d.GetOf())
	if !ok || d.GetAttribute() == "" || d.GetValue() == "" {
		b.refuse("fact without an address, attribute or value", d.GetFirstNs())
		return
	}
	if !k.canSend() {
		return
	}
	o := b.observe(k)
	if o == nil {
		return
	}
	path := clip(d.GetPart(), maxLabel)
	p := o.part(path)
	if p == nil {
		if len(o.parts) >= maxParts {
			b.lose(k.segment.Value(), "parts behind "+k.String()+" beyond the table", d.GetFirstNs(), d.GetLastNs())
			return
		}
		o.parts = append(o.parts, part{path: mk(path)})
		p = &o.parts[len(o.parts)-1]
		b.touchParts(o)
	}
	f := fact{
		attribute: mk(clip(d.GetAttribute(), maxLabel)),
		source:    mk(clip(d.GetSource(), maxLabel)),
		value:     clip(d.GetValue(), maxValue),
		grade:     ot.Grade(min(max(d.GetGrade(), 0), demarcv1.Grade_GRADE_IDENTITY)),
	}
	f.first, f.last = widen(0, 0, d.GetFirstNs(), d.GetLastNs())
	b.number(&o.num)
	o.asked = o.asked || strings.HasPrefix(f.source.Value(), AskedPrefix)
	if !p.merge(f) {
		b.lose(k.segment.Value(), "facts of "+k.String()+" beyond the table, the weakest and oldest first", f.first, f.last)
	}
	if p.path == none && marking[f.attribute.Value()] {
		b.setMarks(o)
	}
	b.touchObservation(o)
}

// merge adds f, or strengthens what is known. It returns false when the table
// was full and the lightest fact fell out.
func (p *part) merge(f fact) bool {
	for i := range p.facts {
		g := &p.facts[i]
		if g.attribute == f.attribute && g.source == f.source && g.value == f.value {
			g.grade = max(g.grade, f.grade)
			g.first, g.last = widen(g.first, g.last, f.first, f.last)
			return true
		}
	}
	if len(p.facts) < maxFacts {
		p.facts = append(p.facts, f)
		return true
	}
	lightest := 0
	for i := range p.facts {
		if p.facts[i].weigh(&p.facts[lightest]) < 0 {
			lightest = i
		}
	}
	if f.weigh(&p.facts[lightest]) > 0 {
		p.facts[lightest] = f
	}
	return false
}
