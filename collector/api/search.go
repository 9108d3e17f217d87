package api

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// search finds rows that hold words; without words, every row. Case does not
// count for ASCII letters.
type search []string

// Bounds of what may be searched for.
const (
	maxSearch = 256 // bytes
	maxWords  = 8
)

func newSearch(text string) (search, error) {
	words := strings.Fields(strings.Map(func(r rune) rune {
		if r < 0x80 {
			return rune(lower(byte(r)))
		}
		return r
	}, text))
	if len(text) > maxSearch || len(words) > maxWords {
		return nil, status.Errorf(codes.InvalidArgument, "search takes %d words in %d bytes at most", maxWords, maxSearch)
	}
	return words, nil
}

// in reports whether each word stands in one of the row's texts, which texts
// passes one after the other while it is told to go on.
func (s search) in(texts func(yield func(string) bool)) bool {
	if len(s) == 0 {
		return true
	}
	var found uint // a bit a word
	all := uint(1)<<len(s) - 1
	texts(func(t string) bool {
		for i, w := range s {
			if found&(1<<i) == 0 && containsFold(t, w) {
				found |= 1 << i
			}
		}
		return found != all
	})
	return found == all
}

// containsFold reports whether t holds word, which has no capital letter.
func containsFold(t, word string) bool {
	for i := 0; i+len(word) <= len(t); i++ {
		if lower(t[i]) == word[0] && sameFold(t[i+1:i+len(word)], word[1:]) {
			return true
		}
	}
	return false
}

func sameFold(t, word string) bool {
	for i := range len(word) {
		if lower(t[i]) != word[i] {
			return false
		}
	}
	return true
}
