package boundary

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Piece is one document of a file on its own.
type Piece struct {
	File              // the document behind as many empty lines as stand before it
	Kind, Name string // empty where they cannot be told; Read says why
}

// Document is "Kind/name"; empty where either cannot be told.
func (p Piece) Document() string {
	if p.Kind == "" || p.Name == "" {
		return ""
	}
	return p.Kind + "/" + p.Name
}

// Pieces cuts files into their documents, so that documents of one name can
// take each other's place. It refuses nothing: what cannot be read keeps its
// text and has no name, and a file without any document stays whole. Like Read
// it never expands an alias.
func Pieces(files []File) []Piece {
	var all []Piece
	for _, f := range files {
		var of []Piece
		if textProblem(f) == nil {
			of = piecesOf(f)
		}
		if of == nil {
			of = []Piece{{File: f}}
		}
		all = append(all, of...)
	}
	return all
}

func piecesOf(f File) []Piece {
	var of []Piece
	for _, one := range split(text(f.Content)) {
		body, problem := parse(f.Path, one)
		if body == nil && problem == nil {
			continue // nothing but comments
		}
		p := Piece{File: File{f.Path, []byte(strings.Repeat("\n", one.line) + one.text)}}
		p.Kind = textAt(body, "kind")
		p.Name = textAt(body, "metadata", "name")
		of = append(of, p)
	}
	return of
}

// textAt is the text at a path of keys in n, empty if there is none.
func textAt(n ast.Node, path ...string) string {
	for _, key := range path {
		m, ok := n.(*ast.MappingNode)
		if !ok {
			return ""
		}
		n = nil
		for _, p := range m.Values {
			if keyName(p) == key {
				n = p.Value
				break
			}
		}
	}
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	return ""
}
