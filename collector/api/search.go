package api

import (
	"strings"
	"sync"

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

// texts keep what a search looks into, of rows that are replaced and never
// changed. Without them each search would read every field of every row, which
// are strewn over the memory.
type texts[T comparable] struct {
	mu    sync.Mutex
	of    map[T]text
	round uint32 // since when what was not looked into is dropped
	most  int    // rows looked through at once in this round
}

// text of a row is in small letters, a line a field.
type text struct {
	string
	round uint32
}

// find returns the rows that hold each word.
func (t *texts[T]) find(rows []T, words search, fields func(T) func(func(string) bool)) []T {
	if len(words) == 0 {
		return rows
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[T]text{}
	}
	var found []T
	var b []byte
	for _, r := range rows {
		x, ok := t.of[r]
		if !ok {
			b = b[:0]
			fields(r)(func(field string) bool {
				for i := range len(field) {
					b = append(b, lower(field[i]))
				}
				b = append(b, '\n')
				return true
			})
			x = text{string(b), t.round}
			t.of[r] = x
		} else if x.round != t.round {
			x.round = t.round
			t.of[r] = x
		}
		if x.holds(words) {
			found = append(found, r)
		}
	}
	t.most = max(t.most, len(rows))
	t.drop()
	return found
}

func (x text) holds(words search) bool {
	for _, w := range words {
		if !strings.Contains(x.string, w) {
			return false
		}
	}
	return true
}

// maxStale is how many rows more than there are may have their text kept.
const maxStale = 10_000

// drop ends a round when many rows are kept that have been replaced since.
func (t *texts[T]) drop() {
	if len(t.of) <= t.most+maxStale {
		return
	}
	for r, x := range t.of {
		if x.round != t.round {
			delete(t.of, r)
		}
	}
	t.round++
	t.most = 0
}
