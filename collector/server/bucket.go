package server

import "slices"

// bucket holds the connections between two boundaries.
type bucket struct {
	pair  [2]string // boundaries of client and server
	alone []*bucket // the bucket itself, for what is in no other
	in    map[*judgement]bool

	sorted []*judgement // by id, as of when it was asked for last; since then
	came   []*judgement // these came
	went   bool         // and some went
}

// list lists the connections, by id. It is never changed afterwards.
func (b *bucket) list() []*judgement {
	if !b.went && len(b.came) == 0 {
		return b.sorted
	}
	slices.SortFunc(b.came, byID)
	all := make([]*judgement, 0, len(b.in))
	old, came := b.sorted, b.came
	for len(old)+len(came) > 0 {
		from := &old
		if len(old) == 0 || len(came) > 0 && byID(came[0], old[0]) < 0 {
			from = &came
		}
		j := (*from)[0]
		*from = (*from)[1:]
		if again := len(all) > 0 && all[len(all)-1] == j; !again && (!b.went || b.in[j]) {
			all = append(all, j)
		}
	}
	b.sorted, b.came, b.went = all, nil, false
	return all
}

func (b *bucket) put(j *judgement) {
	b.in[j] = true
	b.came = append(b.came, j)
}

func (b *bucket) drop(j *judgement) {
	delete(b.in, j)
	b.went = true
}
