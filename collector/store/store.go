// Package store is the contract of what a collector keeps: the journal of all
// that agents sent and people did, the state derived from it, agents, tokens,
// policy versions and the audit log. Open one of its implementations (package
// bolt) and use it through Store; a new one must pass package storetest.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors that every store returns, wrapped with what was asked.
var (
	ErrLocked   = errors.New("in use by another collector")
	ErrFormat   = errors.New("not a store that this version reads")
	ErrFence    = errors.New("another collector took the lease: this one must stop")
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrCorrupt  = errors.New("damaged")
)

// Store keeps a collector's data. Every method that changes something has
// committed, durably, when it returns nil, and has changed nothing when it
// returns an error. All methods are safe for concurrent use. Slices in answers
// belong to the caller; slices in arguments are not kept.
type Store interface {
	Journal
	State
	Bases
	Registry
	Accounts
	Policies
	Acts
	Slices
	Audit
	Deliveries
	// Backup writes a consistent copy of everything while others go on.
	Backup(ctx context.Context, path string) error
	// Close waits for what runs and releases the store.
	Close() error
}

// Journal is the one ordered list of what happened, over all sites: addresses
// that sites share make them depend on each other, so their order counts.
// Positions run 1, 2, 3 without holes.
type Journal interface {
	// Append adds records in order in one transaction, together with the
	// cursors of the agents that they come from. One answer a record, in
	// order. A record of an agent that does not continue its cursor (Forked,
	// Gap) is not added and its answer says why, and so are not those of the
	// same agent and epoch behind it; the others are, and what their Acts say
	// goes to the audit log. The store gives
	// Position, Recorded if zero, and raises From of a Lost to its first
	// sequence that was not committed before.
	Append(ctx context.Context, records []Record) ([]Answer, error)
	// Journal returns records after a position, ascending: at least one if
	// there are any, and no more than fit limit bytes beyond it.
	Journal(ctx context.Context, after uint64, limit int) ([]Record, error)
	// Last is the position of the newest record, 0 when there is none.
	Last(ctx context.Context) (uint64, error)
	// Cursor tells how far an agent's epoch is committed: through 0 when none
	// of it is known.
	Cursor(ctx context.Context, agent string, epoch Epoch) (Cursor, error)
	// Trim forgets records that were recorded before t and that a saved state
	// covers, and returns how many; digests of the same age go with them, but
	// never those of an agent's last sequences.
	Trim(ctx context.Context, t time.Time) (uint64, error)
}

// State is what was derived from the journal up to a position, so that a
// restart replays only the rest.
type State interface {
	// Lease makes the caller the one who may Save; the fence number that it
	// returns is higher than every one before it.
	Lease(ctx context.Context, holder string) (fence uint64, err error)
	// Save takes changes over what was saved before, or in its place if whole,
	// as the state at position; all or nothing. ErrFence when a later lease
	// was given. Appends go on meanwhile.
	Save(ctx context.Context, fence uint64, position uint64, whole bool, changes []Change) error
	// Load calls each for the changes saved, oldest first (a key may come
	// again: the later counts), and returns the position that they stand for.
	// The slices in a Change are valid during the call only.
	Load(ctx context.Context, each func(Change) error) (position uint64, err error)
}

// Bases are whole states that are kept beside the one that Save keeps, so that
// the journal can be replayed from each of them up to a moment of the past.
type Bases interface {
	// PutBase keeps changes as the whole state at b.Position; all or nothing. It
	// returns b with the bytes that it takes. ErrFence when a later lease was
	// given, ErrExists when one is kept at this position.
	PutBase(ctx context.Context, fence uint64, b Base, changes []Change) (Base, error)
	// Bases lists what is kept, by ascending position.
	Bases(ctx context.Context) ([]Base, error)
	// LoadBase calls each for the changes of the base at a position, in their
	// order; ErrNotFound when none is kept there. The slices in a Change are
	// valid during the call only.
	LoadBase(ctx context.Context, position uint64, each func(Change) error) error
	// DropBase forgets the base at a position, if there is one. ErrFence when a
	// later lease was given.
	DropBase(ctx context.Context, fence, position uint64) error
}

// Base is a state that is kept.
type Base struct {
	Position uint64
	Taken    time.Time // by the collector's clock, UTC
	Software string    // version of the collector that judged it
	Bytes    uint64    // that it takes in the store
}

// Change is one entry of the state: a key of a table has a new value.
type Change struct {
	Table byte
	Key   []byte
	Value []byte // nil: the key is gone
}

// Registry keeps agents and the tokens that they enrol with. Whatever changes
// it leaves its audit entry in the same transaction.
type Registry interface {
	// PutToken keeps a new token; ErrExists when its name is taken.
	PutToken(ctx context.Context, t Token, by Act) error
	// Token returns a token by name; ErrNotFound when there is none.
	Token(ctx context.Context, name string) (Token, error)
	// Enrol marks a token as used by a key and keeps the agent, if check, called
	// in the transaction with what is stored now (agent nil when unknown),
	// returns the agent to keep; otherwise it returns check's error.
	Enrol(ctx context.Context, token string, by Act, check EnrolCheck) error
	// Agent returns an agent by name; ErrNotFound when there is none.
	Agent(ctx context.Context, name string) (Agent, error)
	// Agents lists all agents by name.
	Agents(ctx context.Context) ([]Agent, error)
	// UpdateAgent changes an agent in place; ErrNotFound when there is none.
	UpdateAgent(ctx context.Context, name string, by Act, change func(*Agent) error) error
}

// EnrolCheck decides on an enrolment: it may change the token (mark it used)
// and names the agent to keep. known returns a stored agent, nil when unknown.
type EnrolCheck func(t *Token, known func(name string) *Agent) (Agent, error)

// Policies keeps every version of the boundary documents.
type Policies interface {
	// PutPolicy keeps the next version and adds its record to the journal, in
	// one transaction. ErrExists when p.Version is not the last one plus 1. It
	// returns the record's position.
	PutPolicy(ctx context.Context, p Policy, by Act) (position uint64, err error)
	// Policy returns a version, or the newest for 0; ErrNotFound when there is
	// none.
	Policy(ctx context.Context, version uint64) (Policy, error)
}

// Acts are what people do that the derived state depends on: they have their
// place in the order of the journal.
type Acts interface {
	// PutAct adds a KindAct record with body (a marshalled Act) to the journal,
	// and by to the audit log, in one transaction. It returns the record's
	// position.
	PutAct(ctx context.Context, site string, body []byte, by Act) (position uint64, err error)
}

// Slices keeps frames that agents recorded, by their SHA-256.
type Slices interface {
	// PutSlice keeps one with its bytes and forgets others, in one transaction;
	// ErrExists when it is kept already.
	PutSlice(ctx context.Context, s Slice, data []byte, forget []string, by Act) error
	// DropSlices forgets some; those that are not kept are passed over.
	DropSlices(ctx context.Context, sums []string, by Act) error
	// Slices lists what is kept, by SHA-256.
	Slices(ctx context.Context) ([]Slice, error)
	// SliceData returns the bytes of one; ErrNotFound when it is not kept.
	SliceData(ctx context.Context, sum string) ([]byte, error)
}

// Audit is the log of every act of a person or an agent, chained by hash.
type Audit interface {
	// AppendAudit adds an act that changes nothing else in the store.
	AppendAudit(ctx context.Context, by Act) error
	// AuditLog returns up to limit entries after a sequence number.
	AuditLog(ctx context.Context, after uint64, limit int) ([]AuditEntry, error)
	// LastAudit is the newest entry, the zero entry when there is none.
	LastAudit(ctx context.Context) (AuditEntry, error)
}
