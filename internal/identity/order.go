package identity

import (
	"demarc/internal/ot"
	"demarc/internal/role"
	"demarc/internal/tables"
)

// orderFacts are what the best founded order number tells besides itself: who
// makes the device, which family it is of, and its role. They are read from a
// table, so they are never better founded than content, and say nothing of a
// device that names another maker.
func orderFacts(facts []fact) []fact {
	p := &part{facts: facts}
	model := p.best(ot.Model, ot.Content)
	if model == nil {
		return nil
	}
	vendor := ""
	if v := p.best(ot.Vendor, ot.Content); v != nil {
		vendor = tables.Vendor(v.value)
	}
	family, ok := tables.Order(model.value, vendor)
	if !ok {
		return nil
	}
	var more []fact
	tell := func(a ot.Attribute, value string) {
		if value != "" {
			more = append(more, fact{attribute: mk(string(a)), value: value, source: mk("order-number." + family.Front), grade: ot.Content, first: model.first, last: model.last})
		}
	}
	tell(ot.Vendor, family.Vendor)
	tell(ot.RoleAttr, string(family.Role))
	if p.best(ot.Product, ot.Content) == nil {
		tell(ot.Product, family.Product)
	}
	return more
}

// fingerprintFacts are what fingerprints tell of a device; they are as old and
// as new as what it told.
func fingerprintFacts(d *role.Device, facts []fact) []fact {
	var more []fact
	for _, f := range role.Told(d) {
		x := fact{attribute: mk(f.Attribute), value: clip(f.Value, maxValue), source: mk(clip(f.Source, maxValue)), grade: f.Grade}
		for i := range facts {
			x.first, x.last = widen(x.first, x.last, facts[i].first, facts[i].last)
		}
		more = append(more, x)
	}
	return more
}
