package boundary

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Meta is what every document has.
type Meta struct {
	At
	Kind, Name string
	digest     [sha256.Size]byte // of what it says, whatever its layout and comments
}

// String is how verdicts name the document: "Interconnection/line4-to-historian".
func (m Meta) String() string { return m.Kind + "/" + m.Name }

func (m Meta) name() string { return m.Name }

// Documents is what Read accepted, each kind in the order of the files.
type Documents struct {
	Sites            []*Site
	Boundaries       []*Boundary
	Interconnections []*Interconnection
	ServiceSets      []*ServiceSet
	SharedServices   []*SharedService
	Groups           []*Group
	Windows          []*Window
	Inventories      []*Inventory
	Authorizations   []*Authorization

	Warnings Problems // read, and worth a second thought; refuses nothing
}

// kinds is every kind of document.
var kinds = []struct {
	name string
	spec reflect.Type
	add  func(*Documents, *decoder, Meta, raw)
}{
	{"Site", reflect.TypeFor[Site](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.Sites = append(d.Sites, spec.into(r, &Site{Meta: m}).(*Site))
	}},
	{"Boundary", reflect.TypeFor[Boundary](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.Boundaries = append(d.Boundaries, spec.into(r, &Boundary{Meta: m}).(*Boundary))
	}},
	{"Interconnection", reflect.TypeFor[Interconnection](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.Interconnections = append(d.Interconnections, spec.into(r, &Interconnection{Meta: m}).(*Interconnection))
	}},
	{"ServiceSet", reflect.TypeFor[ServiceSet](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.ServiceSets = append(d.ServiceSets, spec.into(r, &ServiceSet{Meta: m}).(*ServiceSet))
	}},
	{"SharedService", reflect.TypeFor[SharedService](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.SharedServices = append(d.SharedServices, spec.into(r, &SharedService{Meta: m}).(*SharedService))
	}},
	{"Group", reflect.TypeFor[Group](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.Groups = append(d.Groups, spec.into(r, &Group{Meta: m}).(*Group))
	}},
	{"Window", reflect.TypeFor[Window](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.Windows = append(d.Windows, spec.into(r, &Window{Meta: m}).(*Window))
	}},
	{"Inventory", reflect.TypeFor[Inventory](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.Inventories = append(d.Inventories, spec.into(r, &Inventory{Meta: m}).(*Inventory))
	}},
	{"Authorization", reflect.TypeFor[Authorization](), func(d *Documents, r *decoder, m Meta, spec raw) {
		d.Authorizations = append(d.Authorizations, spec.into(r, &Authorization{Meta: m}).(*Authorization))
	}},
}

// Kinds lists every kind of document.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// document is one document whose spec can check itself once it is read.
type document interface{ check(d *decoder) }

// raw is a part of a document that is read later, by its kind.
type raw struct{ node ast.Node }

func (r *raw) decode(_ *decoder, n ast.Node, _ string) {
	if _, empty := n.(*ast.NullNode); !empty {
		r.node = n
	}
}

// into fills doc, a pointer to one of the document types, from the spec.
func (r raw) into(d *decoder, doc document) document {
	if r.node != nil {
		d.mapping(r.node, reflect.ValueOf(doc).Elem(), "spec")
		doc.check(d)
	}
	return doc
}

type header struct {
	APIVersion string `doc:"apiVersion,need" oneof:"demarc/v1"`
	Kind       string `doc:"kind,need"`
	Metadata   struct {
		Name Name `doc:"name,need"`
	} `doc:"metadata,need"`
	Spec raw `doc:"spec"`
}

// document reads one document into docs and reports whether its name is known.
func (d *decoder) document(n ast.Node, docs *Documents) bool {
	var h header
	d.mapping(n, reflect.ValueOf(&h).Elem(), "the document")
	if h.Kind == "" || h.Metadata.Name.Name == "" {
		return false
	}
	names := Kinds()
	i := slices.Index(names, h.Kind)
	switch {
	case i < 0:
		d.problem(d.at(n), "kind "+quote(h.Kind)+" is not known", unknown(h.Kind, names))
		return false
	case h.Spec.node == nil && h.Kind != "Site":
		d.problem(d.at(n), h.Kind+" "+h.Metadata.Name.Name+" has no spec", "add spec: ...")
	}
	m := Meta{At: d.at(n), Kind: h.Kind, Name: h.Metadata.Name.Name}
	sum := sha256.New()
	canonical(sum, n)
	sum.Sum(m.digest[:0])
	kinds[i].add(docs, d, m, h.Spec)
	return true
}

// canonical writes what n says: keys sorted, scalars by their text.
func canonical(w hash.Hash, n ast.Node) {
	put := func(format string, a any) {
		_, _ = fmt.Fprintf(w, format, a) // a hash takes every write
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		values := slices.Clone(v.Values)
		slices.SortStableFunc(values, func(a, b *ast.MappingValueNode) int { return strings.Compare(keyName(a), keyName(b)) })
		put("{%d", len(values))
		for _, p := range values {
			put("%q", keyName(p))
			canonical(w, p.Value)
		}
	case *ast.MappingValueNode:
		put("{1%q", keyName(v))
		canonical(w, v.Value)
	case *ast.SequenceNode:
		put("[%d", len(v.Values))
		for _, one := range v.Values {
			canonical(w, one)
		}
	case *ast.StringNode:
		put("%q", v.Value)
	case *ast.LiteralNode:
		put("%q", v.Value.Value)
	default:
		put("%q", n.GetToken().Value)
	}
}

// all ranges over the Meta of every document, by kind and then in order.
func (d *Documents) all(yield func(Meta) bool) {
	var metas []Meta
	for _, x := range d.Sites {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.Boundaries {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.Interconnections {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.ServiceSets {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.SharedServices {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.Groups {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.Windows {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.Inventories {
		metas = append(metas, x.Meta)
	}
	for _, x := range d.Authorizations {
		metas = append(metas, x.Meta)
	}
	for _, m := range metas {
		if !yield(m) {
			return
		}
	}
}

// Change says what became of one document between two sets of them.
type Change struct {
	Kind, Name string
	Change     string // new, changed, same, removed
}

// Compare lists every document of d and before, nil for none, with what became
// of it; first those of d in order.
func (d *Documents) Compare(before *Documents) []Change {
	old := make(map[string]Meta)
	if before != nil {
		for m := range before.all {
			old[m.String()] = m
		}
	}
	var changes []Change
	for m := range d.all {
		was, had := old[m.String()]
		change := "new"
		if had && was.digest == m.digest {
			change = "same"
		} else if had {
			change = "changed"
		}
		delete(old, m.String())
		changes = append(changes, Change{m.Kind, m.Name, change})
	}
	if before != nil {
		for m := range before.all {
			if _, gone := old[m.String()]; gone {
				changes = append(changes, Change{m.Kind, m.Name, "removed"})
			}
		}
	}
	return changes
}
