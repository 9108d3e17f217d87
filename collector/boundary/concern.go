package boundary

import "slices"

// Concerned lists, sorted, the boundaries that a document is about: those whose
// officials a change of it concerns. The Internet and boundaries of others
// (domain external) have no official here. everywhere is true of what is about
// no boundary in particular.
func (d *Documents) Concerned(kind, name string) (boundaries []string, everywhere bool) {
	all := make(map[string]bool)
	add := func(refs ...Ref) {
		for _, r := range refs {
			if r.Name != "" {
				all[r.Name] = true
			}
		}
	}
	switch x := d.find(kind, name).(type) {
	case *Boundary:
		add(Ref{Name: x.Name}, x.Parent)
	case *Interconnection:
		add(x.From.Boundary, x.To.Boundary)
	case *SharedService:
		add(x.Provider.Boundary)
		add(x.Consumers...)
	case *Authorization:
		add(x.Boundaries...)
		add(x.Consolidates...)
	case *Window:
		add(x.Boundaries...)
		if i, ok := d.find("Interconnection", x.Interconnection.Name).(*Interconnection); ok {
			add(i.From.Boundary, i.To.Boundary)
		}
	case *Inventory:
		add(x.Boundary)
		for _, b := range d.Boundaries {
			if b.Components != nil && b.Components.Inventory.Name == name {
				add(Ref{Name: b.Name})
			}
		}
	case *Site:
		for _, b := range d.Boundaries {
			if slices.ContainsFunc(b.Members, func(m Member) bool { return m.Site.Name == name }) {
				add(Ref{Name: b.Name})
			}
		}
	default: // a Group names devices, a ServiceSet whatever names it
		everywhere = d.find(kind, name) != nil
	}
	delete(all, Internet)
	for _, b := range d.Boundaries {
		if b.Domain == "external" && kind != "Boundary" {
			delete(all, b.Name)
		}
	}
	return keys(all), everywhere || len(all) == 0 && d.find(kind, name) != nil
}

// Digest is that of what a document says, nil when there is none of its name.
func (d *Documents) Digest(document string) []byte {
	for m := range d.all {
		if m.String() == document {
			return m.digest[:]
		}
	}
	return nil
}
