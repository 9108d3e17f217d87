package propose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	demarcv1 "demarc/proto/demarc/v1"
)

// text is a document that is being written.
type text struct{ strings.Builder }

func (t *text) line(all ...string) {
	for _, s := range all {
		t.WriteString(s)
		t.WriteByte('\n')
	}
}

// head writes what a candidate rests on above it.
func (t *text) head(c *demarcv1.Candidate) {
	for _, e := range c.GetEvidence() {
		t.line("# " + clean(e))
	}
	for _, x := range c.GetDoubts() {
		t.line("# Doubtful: " + clean(x))
	}
}

// clean keeps what devices say within its comment.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, s)
}

func quoted(s string) string { return strconv.Quote(clean(s)) }

// of counts things.
func of(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// shown is how many of a list are named.
const shown = 6

func some(all []string) string {
	if len(all) > shown {
		return strings.Join(all[:shown], ", ") + fmt.Sprintf(" and %d more", len(all)-shown)
	}
	return strings.Join(all, ", ")
}

// deviceWords names a device by what it says of itself.
func deviceWords(h *host) string {
	a := h.asset
	var words []string
	if n := a.GetNames(); len(n) > 0 {
		words = append(words, n[0])
	}
	if h.role != "" {
		words = append(words, h.role)
	}
	if p := strings.TrimSpace(a.GetVendor() + " " + a.GetModel()); p != "" {
		words = append(words, p)
	}
	if len(words) == 0 {
		return h.address
	}
	s := strings.Join(words, " ")
	return h.address + " " + s[:min(len(s), 60)]
}

func hostWords(all []*host) string {
	var words []string
	for _, h := range all {
		words = append(words, deviceWords(h))
	}
	return some(words)
}

// roleWords counts roles, the most frequent first.
func roleWords(all []*host) string {
	counts, seen := map[string]int{}, map[string]bool{}
	for _, h := range all {
		if seen[h.place.asset] {
			continue
		}
		seen[h.place.asset] = true
		role := h.role
		if role == "" {
			role = "without a proved role"
		}
		counts[role]++
	}
	roles := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(roles, func(a, b string) int { return counts[b] - counts[a] })
	var words []string
	for _, r := range roles {
		words = append(words, fmt.Sprintf("%d %s", counts[r], r))
	}
	return strings.Join(words, ", ")
}
