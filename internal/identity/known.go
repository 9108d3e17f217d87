package identity

import (
	"slices"

	"demarc/internal/ot"
)

// Devices tells of the devices at the ends of connections what the connections
// do not show. A Book is one.
type Devices interface {
	Known(asset string) Known
	Roles(asset string) []string
}

// Known is by what a device is known: by what paper may name it.
type Known struct {
	Serials []string // from messages of identity
	MACs    []string
	Names   []string
	Ends    []End
}

// Known is by what an asset is known; empty for a part, and when there is no
// such asset.
func (b *Book) Known(asset string) Known {
	b.settle()
	a := b.assets[asset]
	if a == nil {
		return Known{}
	}
	facts := a.gather("")
	k := Known{Names: namesOf(facts), Ends: b.Ends(asset)}
	for _, n := range a.notes("") {
		if n.field == "name" {
			k.Names = append(k.Names, n.value)
		}
	}
	for _, m := range a.macs {
		k.MACs = append(k.MACs, m.mac.String())
	}
	for i := range facts {
		if f := &facts[i]; f.attribute.Value() == string(ot.Serial) && f.grade == ot.Identity && !slices.Contains(k.Serials, f.value) {
			k.Serials = append(k.Serials, f.value)
		}
	}
	slices.Sort(k.MACs)
	slices.Sort(k.Serials)
	k.MACs = slices.Compact(k.MACs)
	return k
}

// Roles names the roles of an asset that are more than a hint, sorted.
func (b *Book) Roles(asset string) []string {
	a, ok := b.Asset(asset)
	if !ok {
		return nil
	}
	var roles []string
	for _, r := range a.GetRoles() {
		if r.GetGrade() != ot.Hint.String() && r.GetRole() != "unknown" {
			roles = append(roles, r.GetRole())
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
