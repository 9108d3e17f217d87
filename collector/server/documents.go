package server

import (
	"strings"

	"github.com/goccy/go-yaml"

	"demarc/collector/boundary"
	"demarc/collector/store"
)

// piece is one document of a file, behind as many empty lines as stand before
// it, so that what is said of it names the right line.
type piece struct {
	boundary.File
	name string // "Kind/name"; empty where that cannot be told
}

// pieces cuts files into their documents. What holds none stays whole, for
// boundary.Read to say what is wrong with it.
func pieces(files []boundary.File) (all []piece) {
	for _, f := range files {
		var of []piece
		for _, text := range cut(string(f.Content)) {
			if strings.TrimSpace(text) == "" {
				continue
			}
			name := nameOf(text)
			if name == "" && onlyComments(text) {
				continue
			}
			of = append(of, piece{boundary.File{Path: f.Path, Content: []byte(text)}, name})
		}
		if of == nil {
			of = []piece{{File: f}}
		}
		all = append(all, of...)
	}
	return all
}

// cut cuts at the lines that begin a YAML document (YAML 1.2.2, section 9.1).
func cut(text string) (parts []string) {
	var part strings.Builder
	lines := 0
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "---"); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n")) {
			parts = append(parts, part.String())
			part.Reset()
			part.WriteString(strings.Repeat("\n", lines))
		}
		part.WriteString(line)
		lines++
	}
	return append(parts, part.String())
}

func onlyComments(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, "---")); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// nameOf reads the name of a document, leniently: boundary.Read is strict.
func nameOf(text string) (name string) {
	defer func() {
		if recover() != nil { // the parser's fault, on input that a person wrote
			name = ""
		}
	}()
	var head struct {
		Kind     string `yaml:"kind"`
		Metadata struct {
			Name string `yaml:"name"`
		} `yaml:"metadata"`
	}
	if err := yaml.Unmarshal([]byte(text), &head); err != nil || head.Kind == "" || head.Metadata.Name == "" {
		return ""
	}
	return head.Kind + "/" + head.Metadata.Name
}

// merge puts new documents in the place of those of the same name. The others
// stay, unless prune is set: then they are named.
func merge(files []boundary.File, before []store.Document, prune bool) (all []boundary.File, pruned []string) {
	named := map[string]bool{}
	for _, p := range pieces(files) {
		all = append(all, p.File)
		named[p.name] = true
	}
	old := make([]boundary.File, len(before))
	for i, d := range before {
		old[i] = boundary.File{Path: d.Path, Content: d.Content}
	}
	for _, p := range pieces(old) {
		switch {
		case p.name == "" || named[p.name]:
		case prune:
			pruned = append(pruned, p.name)
		default:
			all = append(all, p.File)
		}
	}
	return all, pruned
}
