// Package plain makes texts of devices and people fit for files of others: Line
// is one line without anything that does not show.
package plain

import (
	"strings"
	"unicode"
)

// Line is s in one line, with nothing but text at either end. Control
// characters, marks that turn the direction of writing, and what is no UTF-8
// are gone.
func Line(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}
