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

// Draft is records that are made some at a time, by key.
type Draft struct {
	ledger *Ledger
	keys   []dayKey
}

// Draft lists the records that are new, changed or gone since the last one, or
// all of them if whole. The Ledger may change before they are made: what does is
// in the next Draft again.
func (l *Ledger) Draft(whole bool) *Draft {
	if whole {
		for e, h := range l.ears {
			for d := range h.days {
				l.dirty[dayKey{e, d}] = true
			}
		}
	}
	d := &Draft{l, slices.SortedFunc(maps.Keys(l.dirty), dayKey.compare)}
	clear(l.dirty)
	return d
}

// Len is how many records are left.
func (d *Draft) Len() int { return len(d.keys) }

// Next makes some records, n at most.
func (d *Draft) Next(n int) (all []Record, err error) {
	for _, k := range d.keys[:min(n, len(d.keys))] {
		r := Record{Key: k.String()}
		if h := d.ledger.ears[k.ear]; h != nil && h.days[k.day] != nil {
			h.days[k.day].Since = h.since
			if r.Value, err = json.Marshal(h.days[k.day]); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	d.keys = d.keys[len(all):]
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
