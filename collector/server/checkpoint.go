package server

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"demarc/collector/condition"
	"demarc/collector/inventory"
	"demarc/collector/store"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// Tables of the saved state. The numbers are stored: they never change.
const (
	tableInventory = 1  // observation -> inventory.Record
	tableFindings  = 2  // finding -> finding.Record
	tableVerdicts  = 3  // connection -> savedVerdict
	tableClock     = 4  // source -> newest packet
	tablePolicy    = 5  // "" -> version
	tableSoftware  = 6  // "" -> version of the collector that judged
	tableDeeds     = 8  // number -> Act on authority
	tableNotices   = 10 // "" -> savedNotices
	tableEdges     = 7  // "" -> edges of documents judged up to here, Unix nanoseconds
	tableAssetActs = 9  // position -> what a person said of assets, a marshalled Act
	tablePending   = 20 // id -> Proposal
	tableProbes    = 35 // position -> what a person said of active reads, a marshalled Act
	tableHeard     = 14 // day of an agent on a segment -> condition.Record

	tableConditions = 31 // condition -> ConditionHistory; "" -> savedStandings
	tableResults    = 41 // "" -> what conditions came to last
	tableSnapshots  = 30 // id -> packed finding.Snapshot
	tablePrograms   = 33 // agent -> position of the journal since which it runs its program
	tableDriftDue   = 34 // "" -> when snapshots are looked at next, Unix nanoseconds

	tableOutbox = 60 // mark of an event -> event that is to be delivered
	tableTold   = 61 // finding -> toldFinding; "" -> savedTelling

	tableUses  = 50 // used, as JSON -> last use, Unix nanoseconds
	tableUsage = 51 // "" -> savedUsage
)

// savedVerdict is a judgement as it is saved: the connection itself comes out
// of the inventory.
type savedVerdict struct {
	Client  string           `json:"client,omitempty"`
	Server  string           `json:"server,omitempty"`
	Verdict []byte           `json:"verdict"`
	Due     time.Time        `json:"due,omitzero"`
	Counted map[string]int64 `json:"counted,omitempty"` // class -> when last, Unix nanoseconds of packet time
	Packet  time.Time        `json:"packet,omitzero"`
	From    [2]string        `json:"from,omitzero"`
}

// saved is the state as Load tells it: the last value of each key.
type saved map[byte]map[string][]byte

func (s saved) take(c store.Change) error {
	t := s[c.Table]
	if t == nil {
		t = map[string][]byte{}
		s[c.Table] = t
	}
	if c.Value == nil {
		delete(t, string(c.Key))
	} else {
		t[string(c.Key)] = slices.Clone(c.Value)
	}
	return nil
}

// records returns a table by ascending key.
func (s saved) records(table byte) []inventory.Record {
	all := make([]inventory.Record, 0, len(s[table]))
	for key, value := range s[table] {
		all = append(all, inventory.Record{Key: readUint([]byte(key)), Value: value})
	}
	slices.SortFunc(all, func(a, b inventory.Record) int { return cmp.Compare(a.Key, b.Key) })
	return all
}

func readUint(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// restore loads the state that was saved last into a new engine.
func (e *engine) restore(ctx context.Context) error {
	s := saved{}
	position, err := e.store.Load(ctx, s.take)
	if err != nil {
		return err
	}
	return e.restoreFrom(ctx, s, position)
}

// restoreFrom loads a state into a new engine.
func (e *engine) restoreFrom(ctx context.Context, s saved, position uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.restoreDeeds(s[tableDeeds]); err != nil {
		return err
	}
	if err := e.notices.restore(s[tableNotices][""]); err != nil {
		return fmt.Errorf("saved notices: %w", err)
	}
	if err := e.pending.restore(s[tablePending]); err != nil {
		return err
	}
	if err := e.restorePolicy(ctx, readUint(s[tablePolicy][""])); err != nil {
		return err
	}
	if err := e.book.Restore(s.records(tableInventory)); err != nil {
		return fmt.Errorf("saved inventory: %w", err)
	}
	if err := e.restoreHeard(s[tableHeard]); err != nil {
		return err
	}
	if err := e.restoreProbes(s); err != nil {
		return fmt.Errorf("saved acts on active reads: %w", err)
	}
	if err := e.restoreSaid(s); err != nil {
		return fmt.Errorf("saved acts on assets: %w", err)
	}
	if err := e.findings.Restore(s.records(tableFindings)); err != nil {
		return fmt.Errorf("saved findings: %w", err)
	}
	if err := e.restoreDrifts(s); err != nil {
		return err
	}
	if err := e.usage.restore(s); err != nil {
		return err
	}
	for key, value := range s[tableClock] {
		var from source
		for i := range len(key) {
			if key[i] == 0 {
				from = source{key[:i], key[i+1:]}
			}
		}
		e.due.newest[from] = int64(readUint(value))
	}
	for _, c := range slices.SortedFunc(e.book.Connections(), func(a, b inventory.Connection) int { return cmp.Compare(a.ID, b.ID) }) {
		if err := e.restoreVerdict(c, s[tableVerdicts][c.ID]); err != nil {
			return fmt.Errorf("saved verdict on connection %s: %w", c.ID, err)
		}
	}
	for _, a := range e.book.Assets("") {
		e.assets[a.GetId()] = nil
		ends := e.book.Ends(a.GetId())
		homes := e.homesOf(a.GetSite(), ends)
		e.lean.asset(a.GetId(), homes)
		e.setBearing(a.GetId(), e.bearingOf(a.GetId(), homes))
		e.sense(a.GetId(), ends)
	}
	if err := e.stands.restore(s[tableConditions], s[tableResults][""]); err != nil {
		return err
	}
	if n := readUint(s[tableEdges][""]); n != 0 {
		e.lean.through = time.Unix(0, int64(n)).UTC()
	}
	if err := e.restoreTelling(s, position); err != nil {
		return err
	}
	e.position = position
	e.judgedBy = string(s[tableSoftware][""])
	return nil
}

// judgeAnew adds a record that judges everything by the policy in force, when
// what was restored was judged by another version of this program.
func (e *engine) judgeAnew(ctx context.Context) error {
	version := e.Policy().Version()
	if version == 0 || e.judgedBy == e.software {
		return nil
	}
	e.log.Info("another version judged before: everything is judged anew", "before", e.judgedBy, "now", e.software)
	_, err := e.store.Append(ctx, []store.Record{{Kind: store.KindPolicy, Body: store.PolicyBody(version)}})
	return err
}

func (e *engine) restorePolicy(ctx context.Context, version uint64) error {
	if version == 0 {
		return nil
	}
	p, err := e.store.Policy(ctx, version)
	if err != nil {
		return err
	}
	docs, policy, err := compile(p)
	if err != nil {
		return fmt.Errorf("policy version %d is not read any more: %w", version, err)
	}
	e.docs, e.resolved = docs, p.Resolved
	e.setPolicy(policy)
	e.book.SetSpace(e.space())
	return nil
}

func (e *engine) restoreVerdict(c inventory.Connection, value []byte) error {
	var s savedVerdict
	if err := json.Unmarshal(value, &s); err != nil {
		return err
	}
	v := &demarcv1.Verdict{}
	if err := proto.Unmarshal(s.Verdict, v); err != nil {
		return err
	}
	j := &judgement{id: c.ID, taken: taken{
		data: c.Data, site: c.Site, agents: c.Agents, classes: c.Classes, client: s.Client, server: s.Server, findings: e.findings.OfConnection(c.ID),
	}}
	j.rule(v)
	for class := range ot.Operation(ot.NumOperations) {
		if at, there := s.Counted[class.String()]; there {
			j.counted = append(j.counted, counted{class, c.Data.GetOperations()[class.String()], at})
		}
	}
	client, server := e.policy.Place(c.Site, c.Client), e.policy.Place(c.Site, c.Server)
	client.Boundary, server.Boundary = s.Client, s.Server
	e.lean.connection(j, client, server)
	e.lean.line(j, condition.Segment{}, j.line())
	if !s.Due.IsZero() {
		j.wait = &wait{of: j, due: s.Due, packet: s.Packet, from: source{s.From[0], s.From[1]}}
		e.due.put(j.wait)
	}
	e.judged[c.ID] = j
	return nil
}
