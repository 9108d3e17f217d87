package server

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"demarc/collector/condition"
	"demarc/collector/store"
)

// savedUsage is what is saved of usage beside the uses.
type savedUsage struct {
	Since []savedSince `json:"since,omitempty"`
	Days  []savedDays  `json:"days,omitempty"`
	Due   time.Time    `json:"due,omitzero"`
	Told  []string     `json:"told,omitempty"`
}

type savedSince struct {
	used
	At int64 `json:"at"`
}

type savedDays struct {
	condition.Segment
	Days []int64 `json:"days"`
}

// saveUsage adds what changed of usage.
func (c *checkpoint) saveUsage(u *usage) error {
	all := u.dirty
	if c.whole {
		all = make(map[used]bool, len(u.last))
		for x := range u.last {
			all[x] = true
		}
	}
	for x := range all {
		key, err := json.Marshal(x)
		if err != nil {
			return err
		}
		change := store.Change{Table: tableUses, Key: key}
		if at := u.last[x]; at != 0 {
			change.Value = binary.BigEndian.AppendUint64(nil, uint64(at))
		}
		c.changes = append(c.changes, change)
	}
	clear(u.dirty)
	if !u.moved && !c.whole {
		return nil
	}
	s := savedUsage{Due: u.due}
	for x, at := range u.since {
		s.Since = append(s.Since, savedSince{x, at})
	}
	for at, days := range u.days {
		s.Days = append(s.Days, savedDays{at, days})
	}
	for document := range maps.Keys(u.told) {
		s.Told = append(s.Told, document)
	}
	value, err := json.Marshal(s)
	u.moved = false
	c.changes = append(c.changes, store.Change{Table: tableUsage, Value: value})
	return err
}

func (u *usage) restore(from saved) error {
	for key, value := range from[tableUses] {
		var x used
		if err := json.Unmarshal([]byte(key), &x); err != nil {
			return fmt.Errorf("saved use %q: %w", key, err)
		}
		u.last[x] = int64(readUint(value))
	}
	text := from[tableUsage][""]
	if text == nil {
		return nil
	}
	var s savedUsage
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("saved usage: %w", err)
	}
	u.due = s.Due
	for _, x := range s.Since {
		u.since[x.used] = x.At
	}
	for _, x := range s.Days {
		u.days[x.Segment] = x.Days
	}
	for _, document := range s.Told {
		u.told[document] = true
	}
	return nil
}
