package finding

import (
	"encoding/json"
	"fmt"
	"maps"
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
func (b *Book) Snapshot() []Record {
	all := make([]Record, 0, len(b.findings))
	for _, f := range b.findings {
		all = append(all, f.record())
	}
	slices.SortFunc(all, func(x, y Record) int {
		if x.Key < y.Key {
			return -1
		}
		return 1
	})
	return all
}

// Changed returns the records that are new, changed or gone since the last
// call of Changed, by ascending key.
func (b *Book) Changed() []Record {
	var all []Record
	for _, key := range slices.Sorted(maps.Keys(b.dirty)) {
		if f := b.findings[b.dirty[key]]; f != nil && f.key == key {
			all = append(all, f.record())
		} else {
			all = append(all, Record{Key: key})
		}
	}
	clear(b.dirty)
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
