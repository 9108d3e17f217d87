package identity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"demarc/internal/ot"
	"demarc/internal/oui"
	"demarc/internal/role"
	"demarc/internal/tables"

	demarcv1 "demarc/proto/demarc/v1"
)

// describe fills what facts and connections say of an asset.
func (b *Book) describe(out *demarcv1.Asset, facts []fact, uses []role.Use) {
	out.Names = namesOf(facts)
	facts = append(facts, orderFacts(facts)...)
	facts = append(facts, fingerprintFacts(device(out, facts, uses), facts)...)
	for _, f := range [...]struct {
		attribute ot.Attribute
		to        *string
	}{
		{ot.Vendor, &out.Vendor},
		{ot.Product, &out.Product},
		{ot.Model, &out.Model},
		{ot.FirmwareRev, &out.Firmware},
		{ot.Hardware, &out.Hardware},
		{ot.Serial, &out.Serial},
		{ot.OS, &out.Os},
	} {
		if best := (&part{facts: facts}).best(f.attribute, ot.GradeNone); best != nil {
			*f.to = oneName(f.attribute, best.value)
		}
	}
	for i := range uses {
		if u := &uses[i]; u.Protocol != "" && u.Protocol != "unknown" && u.Protocol != "scan" && u.Grade > ot.Hint {
			out.Protocols = append(out.Protocols, &demarcv1.AssetProtocol{Name: u.Protocol, As: u.As.String()})
		}
	}
	claims := role.Default().Of(device(out, facts, uses))
	for _, c := range claims {
		out.Roles = append(out.Roles, &demarcv1.AssetRole{Role: string(c.Role), Grade: c.Grade.String(), Why: c.Why})
	}
	if level, ok := levelFact(facts, claims); ok {
		facts = append(facts, level)
	}
	if best := (&part{facts: facts}).best(ot.Level, ot.GradeNone); best != nil {
		if n, err := strconv.ParseInt(best.value, 10, 32); err == nil {
			n32 := int32(n)
			out.Level = &n32
		}
	}
	out.Changes, out.Conflicts = history(facts)
	out.Facts = showFacts(facts)
}

// oneName is what a vendor or product is called whatever the spelling; the fact
// keeps what was told.
func oneName(a ot.Attribute, told string) string {
	switch a {
	case ot.Vendor:
		return tables.Vendor(told)
	case ot.Product:
		return tables.Product(told)
	}
	return told
}

func device(out *demarcv1.Asset, facts []fact, uses []role.Use) *role.Device {
	d := &role.Device{Router: out.Kind == "router", Names: out.Names, MACs: out.Macs, Uses: uses, Facts: make([]role.Fact, len(facts))}
	for i := range facts {
		f := &facts[i]
		d.Facts[i] = role.Fact{Attribute: f.attribute.Value(), Value: f.value, Source: f.source.Value(), Grade: f.grade}
	}
	slices.SortFunc(d.Facts, func(x, y role.Fact) int {
		return cmp.Or(cmp.Compare(y.Grade, x.Grade), strings.Compare(x.Attribute, y.Attribute), strings.Compare(x.Value, y.Value), strings.Compare(x.Source, y.Source))
	})
	return d
}

// levelFact is the Purdue level that the first role with one stands at.
func levelFact(facts []fact, claims []role.Claim) (fact, bool) {
	for _, c := range claims {
		level, ok := role.Default().Level(c.Role)
		if !ok {
			continue
		}
		f := fact{attribute: mk(string(ot.Level)), value: strconv.Itoa(level), source: mk("role." + string(c.Role)), grade: c.Grade}
		for i := range facts {
			f.first, f.last = widen(f.first, f.last, facts[i].first, facts[i].last)
		}
		return f, true
	}
	return fact{}, false
}

func showFacts(facts []fact) []*demarcv1.Fact {
	slices.SortFunc(facts, func(a, b fact) int {
		return cmp.Or(compareSym(a.attribute, b.attribute), strings.Compare(a.value, b.value), compareSym(a.source, b.source))
	})
	out := make([]*demarcv1.Fact, len(facts))
	for i := range facts {
		f := &facts[i]
		out[i] = &demarcv1.Fact{
			Attribute: f.attribute.Value(), Value: f.value, Source: f.source.Value(), Grade: f.grade.String(),
			FirstSeen: stamp(f.first), LastSeen: stamp(f.last),
		}
	}
	return out
}

// prefixFacts name the vendors that a's own MACs were assigned to. A MAC that
// nobody proved counts only when its one address cannot be a remote one.
func (a *asset) prefixFacts() []fact {
	var facts []fact
	for _, m := range a.macs {
		vendor := strings.TrimRight(oui.Lookup(m.mac), ", ") // some end in a comma
		if vendor == "" || !vendorOwns(m.mac) || !a.surelyOwn(m) {
			continue
		}
		first, last := m.span()
		attribute := ot.Vendor
		if host := hypervisor(m.mac); host != "" { // its maker is not the device's
			attribute, vendor = Hypervisor, host
		}
		facts = unite(facts, fact{attribute: mk(string(attribute)), value: vendor, source: mk("mac.prefix"), grade: ot.Hint, first: first, last: last})
	}
	return facts
}

// vendorOwns reports whether whoever the prefix of m belongs to made the device:
// not where a standard shares it among vendors.
func vendorOwns(m MAC) bool {
	kind := virtualKind(m)
	return kind == "" || kind == "FGCP" // a cluster of one vendor's own
}

func (a *asset) surelyOwn(m *macNode) bool {
	if m.onLink() || len(m.proven) > 0 || len(a.units) == 0 {
		return true
	}
	return len(a.macs) == 1 && !slices.ContainsFunc(a.units, func(u *unit) bool {
		return u.ep.ip.IsGlobalUnicast() && !u.ep.ip.IsPrivate()
	})
}
