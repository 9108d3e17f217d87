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
func (b *Book) Snapshot() []Record { return b.drafts().all() }

// Changed returns the records that are new, changed or gone since the last
// call, or the last Draft, by ascending key.
func (b *Book) Changed() []Record { return b.Draft(false).all() }

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

// Next takes some findings, n at most. Each makes its record, and may do so when
// the Book has changed.
func (d *Draft) Next(n int) (all []func() Record) {
	n = min(n, len(d.keys))
	for _, key := range d.keys[:n] {
		make := func() Record { return Record{Key: key} }
		if f := d.book.findings[d.of[key]]; f != nil && f.key == key {
			make = f.record()
		}
		all = append(all, make)
	}
	d.keys = d.keys[n:]
	return all
}

func (d *Draft) all() (all []Record) {
	for _, make := range d.Next(d.Len()) {
		all = append(all, make())
	}
	return all
}

// record makes the record of f as it is now. Members are replaced, never changed:
// thousands of them are written when there is time.
func (f *finding) record() func() Record {
	value := encode(stored{Group: f.group, decision: f.decision, LeftOff: f.leftOff, Idle: f.idle})
	key, conns, assets := f.key, maps.Clone(f.conns), maps.Clone(f.assets)
	return func() Record {
		value = insert(insert(value, "connections", conns), "assets", assets)
		return Record{Key: key, Value: value}
	}
}

// insert adds members to an object in JSON.
func insert(object []byte, name string, members map[string]*member) []byte {
	if len(members) == 0 {
		return object
	}
	object = append(object[:len(object)-1], `,"`+name+`":`...)
	return append(append(object, encode(members)...), '}')
}

func encode(x any) []byte {
	text, err := json.Marshal(x)
	if err != nil {
		panic("finding: " + err.Error()) // strings, numbers and times of our own always marshal
	}
	return text
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
