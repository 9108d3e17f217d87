package finding

import (
	"cmp"
	"slices"
	"time"
)

// Wanted is a connection that an open finding is made of.
type Wanted struct {
	Connection string
	Since      time.Time // the finding was raised, or reopened
}

// Connections of one finding whose frames are evidence enough, and of all.
const (
	wantedOfOne = 4
	maxWanted   = 4096
)

// Wanting lists connections of open findings, a few of each, the latest finding
// first.
func (b *Book) Wanting() []Wanted {
	var all []Wanted
	for _, f := range b.findings {
		if f.settled() || f.Ceased != nil {
			continue
		}
		var some []string
		for c, m := range f.conns {
			if m.Past {
				continue
			}
			if at, _ := slices.BinarySearch(some, c); at < wantedOfOne {
				some = slices.Insert(some, at, c)
				some = some[:min(len(some), wantedOfOne)]
			}
		}
		for _, c := range some {
			all = append(all, Wanted{c, time.Unix(0, f.Since)})
		}
	}
	slices.SortFunc(all, func(x, y Wanted) int {
		return cmp.Or(y.Since.Compare(x.Since), cmp.Compare(x.Connection, y.Connection))
	})
	return all[:min(len(all), maxWanted)]
}
