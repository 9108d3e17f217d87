package deliver

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"demarc/collector/store"
)

// Bounds of what waits for destinations: the oldest events go first.
const (
	maxWaiting      = 10_000
	maxWaitingBytes = 32 << 20
)

// kept is an event with its form in the saved state.
type kept struct {
	*Event
	text []byte
}

// Outbox holds the events that some destination has not taken yet, in the order
// of the journal. It is a part of the state: what the saved one lacks, the
// journal gives again.
type Outbox struct {
	mu    sync.Mutex
	list  []kept
	bytes int
	gone  []Mark         // since the last Save
	fresh int            // of the end of list, not saved yet
	subs  []*destination // fixed before the first Add
	most  int
}

// NewOutbox returns an empty one.
func NewOutbox() *Outbox { return &Outbox{most: maxWaiting} }

// Add takes the events of one record of the journal; each is finished.
func (o *Outbox) Add(position uint64, events []*Event) {
	if len(events) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, e := range events {
		e.Mark = Mark{position, uint32(i)}
		text, err := json.Marshal(e)
		if err != nil {
			panic("deliver: " + err.Error()) // strings, numbers and times of our own always marshal
		}
		if !o.wanted(e) {
			continue
		}
		o.list = append(o.list, kept{e, text})
		o.bytes += len(text)
		o.fresh++
	}
	for len(o.list) > o.most || o.bytes > maxWaitingBytes {
		for _, d := range o.subs {
			d.dropped(o.list[0].Event)
		}
		o.drop(1)
	}
	for _, d := range o.subs {
		d.knock()
	}
}

// wanted reports whether a destination waits for e.
func (o *Outbox) wanted(e *Event) bool {
	return slices.ContainsFunc(o.subs, func(d *destination) bool { return d.wants(e) && d.through().compare(e.Mark) < 0 })
}

// drop forgets the first n events.
func (o *Outbox) drop(n int) {
	saved := len(o.list) - o.fresh
	for i := range n {
		o.bytes -= len(o.list[i].text)
		if i < saved {
			o.gone = append(o.gone, o.list[i].Mark)
		} else {
			o.fresh--
		}
	}
	o.list = slices.Delete(o.list, 0, n) // clears what it leaves behind
}

// after lists up to n events behind a mark that d wants, and tells the mark up
// to which everything else is passed over.
func (o *Outbox) after(m Mark, d *destination, n int) (events []*Event, through Mark) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, there := slices.BinarySearchFunc(o.list, m, func(k kept, m Mark) int { return k.Mark.compare(m) })
	if there {
		i++
	}
	for _, k := range o.list[i:] {
		if d.wants(k.Event) {
			if len(events) == n {
				break
			}
			events = append(events, k.Event)
		}
		m = k.Mark
	}
	return events, m
}

// All lists what waits for anybody.
func (o *Outbox) All() []*Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]*Event, len(o.list))
	for i := range o.list {
		all[i] = o.list[i].Event
	}
	return all
}

// trim forgets what every destination has taken.
func (o *Outbox) trim() {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for n < len(o.list) && !slices.ContainsFunc(o.subs, func(d *destination) bool { return d.through().compare(o.list[n].Mark) < 0 }) {
		n++
	}
	o.drop(n)
}

// lag is how many events wait for d, and the first of them.
func (o *Outbox) lag(d *destination) (n uint64, oldest *Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := d.through()
	for _, k := range o.list {
		if k.Mark.compare(m) > 0 && d.wants(k.Event) {
			if n++; oldest == nil {
				oldest = k.Event
			}
		}
	}
	return n, oldest
}

func (m Mark) key() []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, m.Position), m.N)
}

// Save lists what changed since the last call, or everything, as entries of a
// table.
func (o *Outbox) Save(table byte, whole bool) (changes []store.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := len(o.list) - o.fresh
	if whole {
		from = 0
	} else {
		for _, m := range o.gone {
			changes = append(changes, store.Change{Table: table, Key: m.key()})
		}
	}
	for _, k := range o.list[from:] {
		changes = append(changes, store.Change{Table: table, Key: k.key(), Value: k.text})
	}
	o.gone, o.fresh = nil, 0
	return changes
}

func (k *kept) key() []byte { return k.Mark.key() }

// Restore fills an empty one with what Save listed.
func (o *Outbox) Restore(entries map[string][]byte) error {
	for key, text := range entries {
		if len(key) != 12 {
			return fmt.Errorf("saved event of key %x", key)
		}
		e := &Event{Mark: Mark{binary.BigEndian.Uint64([]byte(key)), binary.BigEndian.Uint32([]byte(key[8:]))}}
		if err := json.Unmarshal(text, e); err != nil {
			return fmt.Errorf("saved event %d.%d: %w", e.Mark.Position, e.Mark.N, err)
		}
		o.list = append(o.list, kept{e, text})
		o.bytes += len(text)
	}
	slices.SortFunc(o.list, func(a, b kept) int { return a.Mark.compare(b.Mark) })
	return nil
}
