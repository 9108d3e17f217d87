package condition

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// dayKey names a day of an ear.
type dayKey struct {
	ear Ear
	day int64
}

// Record is one day of one ear as it is stored.
type Record struct {
	Key   string
	Value []byte // nil: the record is gone
}

// Changed returns the records that are new, changed or gone since the last
// call, or all of them if whole, by key.
func (l *Ledger) Changed(whole bool) ([]Record, error) {
	if whole {
		for e, h := range l.ears {
			for d := range h.days {
				l.dirty[dayKey{e, d}] = true
			}
		}
	}
	var all []Record
	for _, k := range slices.SortedFunc(maps.Keys(l.dirty), dayKey.compare) {
		r := Record{Key: k.String()}
		if h := l.ears[k.ear]; h != nil && h.days[k.day] != nil {
			h.days[k.day].Since = h.since
			value, err := json.Marshal(h.days[k.day])
			if err != nil {
				return nil, err
			}
			r.Value = value
		}
		all = append(all, r)
	}
	clear(l.dirty)
	return all, nil
}

// Restore takes one record into a ledger.
func (l *Ledger) Restore(r Record) error {
	parts := strings.Split(r.Key, "\x00")
	if len(parts) != 4 {
		return fmt.Errorf("condition: %q names no day of an agent", r.Key)
	}
	number, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		return fmt.Errorf("condition: %q names no day", r.Key)
	}
	d := &day{}
	if err := json.Unmarshal(r.Value, d); err != nil {
		return fmt.Errorf("condition: what was heard on %q: %w", r.Key, err)
	}
	e := Ear{parts[0], parts[1], parts[2]}
	h := l.ears[e]
	if h == nil {
		h = &hearing{days: map[int64]*day{}}
		l.ears[e] = h
	}
	h.days[number] = d
	if d.Since > 0 && (h.since == 0 || d.Since < h.since) {
		h.since = d.Since
	}
	return nil
}

func (k dayKey) String() string {
	return strings.Join([]string{k.ear.Site, k.ear.Agent, k.ear.Segment, strconv.FormatInt(k.day, 10)}, "\x00")
}

func (k dayKey) compare(o dayKey) int { return cmp.Compare(k.String(), o.String()) }
