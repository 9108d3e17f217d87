// Package boundary is the third stage: it reads the documents that say where
// addresses stand and what is agreed between boundaries. Call Read on all files
// at once, Compile what it returns, and ask the Policy where an end stands.
//
// To read one more kind of document, add its file beside interconnection.go and
// its line in kinds.go.
package boundary

import (
	"fmt"
	"strings"
)

// File is one file of documents as it was handed over.
type File struct {
	Path    string
	Content []byte
}

// Problem is one reason to refuse the documents, or one thing to think about.
type Problem struct {
	File      string
	Line, Col int // from 1
	What      string
	Cure      string
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, p.What)
	if p.Cure != "" {
		s += "; " + p.Cure
	}
	return s
}

// Problems is every reason found, by file and line: the error of Read.
type Problems []Problem //nolint:errname // also the list of warnings

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Internet is the name of the built-in boundary that holds every global address
// that no document places.
const Internet = "internet"

// Placement says where one end stands, and why.
type Placement struct {
	Boundary  string   // empty when no boundary holds it, or several do; Internet is built in
	Shared    []string // every boundary that shares the entry, Boundary first; nil when not shared
	Why       string   // the member entry that placed it, in words
	Ambiguous []string // the boundaries that hold it with equal right
	Group     bool     // group, broadcast, link-local or unspecified: needs no boundary
}
