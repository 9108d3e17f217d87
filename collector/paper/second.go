package paper

import (
	"slices"
	"strings"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of SecondPath.
const (
	DualHomed   = "dual-homed"
	Router      = "router"
	AccessPoint = "access-point"
)

// SecondPathKinds lists them, the one first that surprises most.
var SecondPathKinds = []string{DualHomed, Router, AccessPoint}

// SecondPaths lists the devices that are a way between boundaries, and the access
// points of documents that were not seen. findings tells which assets are
// dual-homed, and open which findings are not closed.
func SecondPaths(w World, findings []*demarcv1.Finding, open map[string]bool) []*demarcv1.SecondPath {
	named := accessPoints(w.Documents)
	of, apart := map[string][]string{}, map[string]bool{}
	for _, f := range findings {
		for _, a := range f.GetAssets() {
			apart[a] = apart[a] || f.GetKind() == DualHomed
			if open[f.GetId()] {
				of[a] = append(of[a], f.GetId())
			}
		}
	}
	seen := map[string]bool{}
	var all []*demarcv1.SecondPath
	for _, a := range w.Assets {
		x := &demarcv1.SecondPath{
			Id: a.GetId(), Site: a.GetSite(), Asset: a.GetId(), Addresses: slices.Concat(a.GetIps(), a.GetMacs()), Names: a.GetNames(), Segment: a.GetSegment(),
			Boundaries: slices.DeleteFunc(boundaries(a), func(b string) bool { return b == boundary.Internet }),
			Why:        a.GetJoins(), Findings: of[a.GetId()], FirstSeen: a.GetFirstSeen(), LastSeen: a.GetLastSeen(),
		}
		var words []string
		for _, ip := range a.GetIps() {
			if p, ok := named[ip]; ok {
				words, seen[p.id()] = once(words, p.words()), true
			}
		}
		x.Named = strings.Join(words, "; ")
		switch {
		case a.GetParent() != "": // its whole stands for it
			continue
		case a.GetKind() == "router":
			x.Kind = Router
		case apart[a.GetId()], x.Named != "" && len(x.Boundaries) > 1:
			x.Kind = DualHomed
		case x.Named != "":
			x.Kind = AccessPoint
		default:
			continue
		}
		all = append(all, x)
	}
	for _, b := range w.Documents.Boundaries {
		for i := range b.AccessPoints {
			p := point{&b.AccessPoints[i], b.Name}
			if seen[p.id()] {
				continue
			}
			x := &demarcv1.SecondPath{Id: p.id(), Kind: AccessPoint, Boundaries: []string{b.Name}, Named: p.words(), Why: []string{"documents name it, and none of its addresses was seen"}}
			for _, a := range p.Addresses {
				x.Addresses = append(x.Addresses, a.Addr.String())
			}
			all = append(all, x)
		}
	}
	return all
}

// point is an access point of a boundary.
type point struct {
	*boundary.AccessPoint
	of string
}

func (p point) id() string    { return p.of + "/" + p.Name.Name }
func (p point) words() string { return p.Name.Name + ", " + p.Type + " of " + p.of }

// accessPoints are those of all documents, by address.
func accessPoints(d *boundary.Documents) map[string]point {
	all := map[string]point{}
	for _, b := range d.Boundaries {
		for i := range b.AccessPoints {
			for _, a := range b.AccessPoints[i].Addresses {
				all[a.Addr.Unmap().String()] = point{&b.AccessPoints[i], b.Name}
			}
		}
	}
	return all
}
