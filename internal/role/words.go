package role

import (
	"strings"
	"unicode"
)

// phrase is words that stand one after the other; a word that ends in * begins
// the word it matches, and a lone * matches anything.
type phrase []string

func phraseOf(s string) phrase { return wordsOf(s, '*') }

// wordsOf splits s, in lower case, where neither letter nor digit stands; runes
// of keep belong to words too.
func wordsOf(s string, keep rune) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && (keep == 0 || r != keep)
	})
}

// in reports whether p stands in words.
func (p phrase) in(words []string) bool {
	for at := 0; at+len(p) <= len(words); at++ {
		if p.begins(words[at:]) {
			return true
		}
	}
	return false
}

func (p phrase) begins(words []string) bool {
	for i, w := range p {
		front, open := strings.CutSuffix(w, "*")
		if words[i] != w && (!open || !strings.HasPrefix(words[i], front)) {
			return false
		}
	}
	return true
}

// nameWords are the words of a host name without the digits around them, and
// of its first label only.
func nameWords(name string) []string {
	name, _, _ = strings.Cut(name, ".")
	words := wordsOf(name, 0)
	for i, w := range words {
		words[i] = strings.TrimFunc(w, unicode.IsDigit)
	}
	return words
}
