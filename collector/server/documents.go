package server

import (
	"demarc/collector/boundary"
	"demarc/collector/store"
)

// merge puts new documents in the place of those of the same name. The others
// stay, unless prune is set: then they are named.
func merge(files []boundary.File, before []store.Document, prune bool) (all []boundary.File, pruned []string) {
	named := map[string]bool{}
	for _, p := range boundary.Pieces(files) {
		all = append(all, p.File)
		named[p.Document()] = true
	}
	old := make([]boundary.File, len(before))
	for i, d := range before {
		old[i] = boundary.File{Path: d.Path, Content: d.Content}
	}
	for _, p := range boundary.Pieces(old) {
		switch name := p.Document(); {
		case name == "" || named[name]:
		case prune:
			pruned = append(pruned, name)
		default:
			all = append(all, p.File)
		}
	}
	return all, pruned
}
