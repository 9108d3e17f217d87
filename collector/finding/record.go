package finding

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"demarc/collector/inventory"
)

// Record is one finding as it is stored. Keys ascend as findings are made and
// are never used again.
type Record = inventory.Record

// stored is the value of a Record, as JSON.
type stored struct {
	Group group `json:"group"`
	decision
	Conns   map[string]*member `json:"connections,omitempty"`
	Assets  map[string]*member `json:"assets,omitempty"`
	LeftOff int                `json:"left_off,omitempty"`
	Idle    *idle              `json:"idle,omitempty"`
}

// Snapshot returns every record, by ascending key.
func (b *Book) Snapshot() []Record { return b.drafts().Next(math.MaxInt) }

// Changed returns the records that are new, changed or gone since the last
// call, or the last Draft, by ascending key.
func (b *Book) Changed() []Record { return b.Draft(false).Next(math.MaxInt) }

// Draft is records that are made some at a time, by ascending key.
type Draft struct {
	book *Book
	keys []uint64
	of   map[uint64]string // findings
}

// Draft lists the records that are new, changed or gone since the last one, or
// every record. The Book may change before they are made: what does is in the
// next Draft again.
func (b *Book) Draft(whole bool) *Draft {
	changed := b.dirty
	b.dirty = make(map[uint64]string)
	if whole {
		return b.drafts()
	}
	return &Draft{b, slices.Sorted(maps.Keys(changed)), changed}
}

func (b *Book) drafts() *Draft {
	of := make(map[uint64]string, len(b.findings))
	for id, f := range b.findings {
		of[f.key] = id
	}
	return &Draft{b, slices.Sorted(maps.Keys(of)), of}
}

// Len is how many records are left.
func (d *Draft) Len() int { return len(d.keys) }

// Next makes some records: as many as hold most members or fewer, and at least
// one. It returns none when none is left.
func (d *Draft) Next(most int) (all []Record) {
	for members := 0; len(d.keys) > 0 && (all == nil || members < most); d.keys = d.keys[1:] {
		key := d.keys[0]
		r := Record{Key: key}
		if f := d.book.findings[d.of[key]]; f != nil && f.key == key {
			r = f.record()
			members += len(f.conns) + len(f.assets)
		}
		members++
		all = append(all, r)
	}
	return all
}

func (f *finding) record() Record {
	value, err := json.Marshal(stored{f.group, f.decision, f.conns, f.assets, f.leftOff, f.idle})
	if err != nil {
		panic("finding: " + err.Error()) // strings, numbers and times of our own always marshal
	}
	return Record{Key: f.key, Value: value}
}

// Restore fills an empty Book with the records of another's Snapshot. On an
// error the Book is not to be used.
func (b *Book) Restore(records []Record) error {
	b.ends.moved = true
	for _, r := range records {
		b.next = max(b.next, r.Key)
		if r.Value == nil {
			continue
		}
		var s stored
		if err := json.Unmarshal(r.Value, &s); err != nil {
			return fmt.Errorf("finding: record %d: %w", r.Key, err)
		}
		f := &finding{key: r.Key, id: s.Group.id(), group: s.Group, decision: s.decision, conns: s.Conns, assets: s.Assets, leftOff: s.LeftOff, idle: s.Idle}
		if f.conns == nil {
			f.conns = make(map[string]*member)
		}
		if f.assets == nil {
			f.assets = make(map[string]*member)
		}
		if old := b.findings[f.id]; old != nil {
			return fmt.Errorf("finding: records %d and %d are the same finding; restore each record once", old.key, r.Key)
		}
		b.findings[f.id] = f
		if f.group.held() {
			continue
		}
		for name, m := range f.conns {
			if !m.Past {
				b.conns[name] = f.id
			}
			b.tries.count(f, m, 1)
		}
		for name, m := range f.assets {
			if !m.Past {
				b.assets[name] = append(b.assets[name], f.id)
				slices.Sort(b.assets[name])
			}
		}
	}
	return nil
}
