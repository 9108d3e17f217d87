package boundary

import (
	"slices"
	"strings"
)

// unknown words what to do about a name that is none of known: the nearest
// one, or all of them while they are few.
func unknown(name string, known []string) string {
	if best := nearest(name, known); best != "" {
		return "did you mean " + best + "?"
	}
	known = slices.Clone(known)
	slices.Sort(known)
	switch n := len(known); {
	case n == 0:
		return "there is none yet"
	case n > 12:
		return "known are " + strings.Join(known[:12], ", ") + " and others"
	}
	return "known are " + strings.Join(known, ", ")
}

// nearest is the one of known that name is most likely a slip of, or empty.
func nearest(name string, known []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least || d == least && best != "" && k < best {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of letters to change, insert, drop or swap with their
// neighbour (optimal string alignment). Long names are not compared.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			rows[i][j] = step(rows, a, b, i, j)
		}
	}
	return rows[len(a)][len(b)]
}

// step is the distance of a[:i] and b[:j], from shorter ones.
func step(rows [][]int, a, b string, i, j int) int {
	if i == 0 || j == 0 {
		return i + j
	}
	cost := 1
	if a[i-1] == b[j-1] {
		cost = 0
	}
	n := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
	if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
		n = min(n, rows[i-2][j-2]+1)
	}
	return n
}
