package server

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/condition"
	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/collector/store"
)

// checkpoint is a consistent cut of the state. A key may come again: then the
// later change counts.
type checkpoint struct {
	position uint64
	taken    time.Time
	whole    bool
	changes  []store.Change
	later    []func() (store.Change, error) // changes that need no lock to be made
}

// The state is copied in pieces between which records are applied and readers
// come in. What changes meanwhile is copied again, in a round that is shorter
// for it, until so little is left that it is copied at once: that is the cut.
const (
	piece        = 256 // records
	findingPiece = 16  // that may have thousands of members
	atOnce       = 4 * piece
	rounds       = 16 // at most: what changes faster than it is copied is cut anyway
)

// cutState takes what changed since the last call, or everything.
func (e *engine) cutState(whole bool) (checkpoint, error) {
	c := checkpoint{whole: whole}
	for round := 1; ; round++ {
		var d *drafts
		cut := false
		err := e.still(func() error {
			d = e.drafts(whole && round == 1)
			if cut = d.len() <= atOnce || round == rounds; !cut {
				return nil
			}
			for d.len() > 0 {
				if err := d.next(&c); err != nil {
					return err
				}
			}
			return e.cutRest(&c)
		})
		for err == nil && !cut && d.len() > 0 {
			e.between()
			if err = e.still(func() error { return d.next(&c) }); err == nil {
				err = c.finish()
			}
		}
		if err == nil {
			err = c.finish()
		}
		if cut || err != nil {
			return c, err
		}
	}
}

// still calls f between two records, while nobody reads.
func (e *engine) still(f func() error) error {
	e.whole.Lock()
	defer e.whole.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	return f()
}

// finish makes what needed no lock.
func (c *checkpoint) finish() error {
	for _, f := range c.later {
		x, err := f()
		if err != nil {
			return err
		}
		c.changes = append(c.changes, x)
	}
	c.later = nil
	return nil
}

// drafts is what of the state is still to be copied, where there may be much.
type drafts struct {
	observations *inventory.Draft
	findings     *finding.Draft
	heard        *condition.Draft
	verdicts     []*judgement
}

// drafts lists what changed since the last call, or everything.
func (e *engine) drafts(whole bool) *drafts {
	d := &drafts{e.book.Draft(whole), e.findings.Draft(whole), e.ledger.Draft(whole), e.dirty}
	if whole {
		d.verdicts = slices.Collect(maps.Values(e.judged))
	}
	e.dirty = nil
	e.cuts++
	return d
}

func (d *drafts) len() int {
	return d.observations.Len() + d.findings.Len() + d.heard.Len() + len(d.verdicts)
}

// next copies a piece.
func (d *drafts) next(c *checkpoint) error {
	switch {
	case d.observations.Len() > 0:
		c.records(tableInventory, d.observations.Next(piece))
	case d.findings.Len() > 0:
		for _, make := range d.findings.Next(findingPiece) {
			c.later = append(c.later, func() (store.Change, error) { return recordOf(tableFindings, make()), nil })
		}
	case d.heard.Len() > 0:
		return c.saveHeard(d.heard)
	default:
		n := min(piece, len(d.verdicts))
		for _, j := range d.verdicts[:n] {
			value, err := j.save()
			if err != nil {
				return err
			}
			c.changes = append(c.changes, store.Change{Table: tableVerdicts, Key: []byte(j.id), Value: value})
		}
		d.verdicts = d.verdicts[n:]
	}
	return nil
}

// cutRest copies what there is little of, and says of which instant the cut is.
func (e *engine) cutRest(c *checkpoint) (err error) {
	c.position, c.taken = e.position, e.clock().UTC()
	c.saveSaid(e.said, c.whole)
	c.saveProbes(e.probes.said, c.whole)
	if c.changes, err = e.deeds.save(c.whole, c.changes); err != nil {
		return err
	}
	if c.changes, err = e.notices.save(c.whole, c.changes); err != nil {
		return err
	}
	if c.changes, err = e.pending.save(c.whole, c.changes); err != nil {
		return err
	}
	if err = c.saveStandings(&e.stands); err != nil {
		return err
	}
	c.saveDrifts(&e.drifts)
	if err = e.telling.save(c); err != nil {
		return err
	}
	if err = c.saveUsage(&e.usage); err != nil {
		return err
	}
	for from, newest := range e.due.newest {
		c.changes = append(c.changes, store.Change{
			Table: tableClock, Key: []byte(from.site + "\x00" + from.agent), Value: binary.BigEndian.AppendUint64(nil, uint64(newest)),
		})
	}
	c.changes = append(c.changes,
		store.Change{Table: tablePolicy, Value: store.PolicyBody(e.policy.Version())},
		store.Change{Table: tableSoftware, Value: []byte(e.software)})
	if !e.lean.through.IsZero() {
		c.changes = append(c.changes, store.Change{Table: tableEdges, Value: binary.BigEndian.AppendUint64(nil, uint64(e.lean.through.UnixNano()))})
	}
	return nil
}

func (c *checkpoint) records(table byte, all []inventory.Record) {
	for _, r := range all {
		c.changes = append(c.changes, recordOf(table, r))
	}
}

func recordOf(table byte, r inventory.Record) store.Change {
	return store.Change{Table: table, Key: binary.BigEndian.AppendUint64(nil, r.Key), Value: r.Value}
}

// save is nil for a judgement that is gone.
func (j *judgement) save() ([]byte, error) {
	if j.data == nil {
		return nil, nil
	}
	v, err := proto.Marshal(j.ruling(&view{}))
	if err != nil {
		return nil, err
	}
	s := savedVerdict{Client: j.client, Server: j.server, Verdict: v, Counted: make(map[string]int64, len(j.counted))}
	for _, c := range j.counted {
		s.Counted[c.class.String()] = c.last
	}
	if w := j.wait; w != nil && w.index[0] >= 0 {
		s.Due, s.Packet, s.From = w.due, w.packet, [2]string{w.from.site, w.from.agent}
	}
	return json.Marshal(s)
}
