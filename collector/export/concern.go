package export

import (
	"slices"
	"strings"

	demarcv1 "demarc/proto/demarc/v1"
)

// concerning lists those of documents that are about what the package is of:
// its authorizations and boundaries, what names one of them, what those name
// in turn, windows that name one of those, and the decisions that are leant on.
func concerning(documents []*demarcv1.PolicyDocument, authorizations, boundaries, lenders []string) []*demarcv1.PolicyDocument {
	about := map[string]bool{}
	for _, n := range slices.Concat(authorizations, boundaries) {
		about[n] = true
	}
	in, named, agreements := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, d := range documents {
		own := d.GetKind() == "Authorization" && slices.Contains(authorizations, d.GetName()) || d.GetKind() == "Boundary" && slices.Contains(boundaries, d.GetName())
		if !own && !slices.ContainsFunc(words(d), func(w string) bool { return about[w] }) {
			continue
		}
		in[document(d)] = true
		for _, w := range words(d) {
			named[w] = true
		}
		if d.GetKind() == "Interconnection" || d.GetKind() == "SharedService" {
			agreements[d.GetName()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(documents), func(d *demarcv1.PolicyDocument) bool {
		window := d.GetKind() == "Window" && slices.ContainsFunc(words(d), func(w string) bool { return agreements[w] })
		lent := d.GetKind() == "Authorization" && slices.Contains(lenders, d.GetName())
		return !in[document(d)] && !named[d.GetName()] && !window && !lent
	})
}

func document(d *demarcv1.PolicyDocument) string { return d.GetKind() + "/" + d.GetName() }

// words are what may be names in a document: a reference is one of them, and
// so may be a word of a sentence, which takes in a document too many.
func words(d *demarcv1.PolicyDocument) []string {
	all := strings.FieldsFunc(d.GetText(), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
	for i, w := range all {
		all[i] = strings.Trim(w, "._-")
	}
	return all
}
