// Package condition judges the conditions that officials set: named checks,
// expressions in CEL, and what people attest. Compile the documents once, then
// Judge as often as somebody asks, or keep a Docket, which judges again what
// changes touch; what a condition comes to depends on its World alone.
//
// Silence never passes: a prohibition holds only where every segment of its
// boundaries was heard for the whole window within the allowed loss, and what
// was not decoded is unknown, never zero. Package condition also keeps the
// Ledger of what was heard when.
package condition

import (
	"time"

	"demarc/collector/boundary"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// States of a condition.
const (
	Holds          = "holds"
	NotExercised   = "not-exercised" // it holds, and nothing tried it in the window
	Violated       = "violated"
	NotObservable  = "not-observable"
	Stale          = "stale"
	Attested       = "attested"
	AttestationDue = "attestation-due"
)

// States lists every state, the worst first.
func States() []string {
	return []string{Violated, AttestationDue, Stale, NotObservable, NotExercised, Attested, Holds}
}

// Defaults where a document does not say.
const (
	Window     = 24 * time.Hour
	StaleAfter = 30 * 24 * time.Hour
	MaxLoss    = 0.001
	// Heard is the share of the quarter hours of a window in which something
	// must have been heard on each segment.
	Heard = 0.95
)

// World is everything that a condition is judged by.
type World struct {
	Policy      *boundary.Policy
	Documents   *boundary.Documents // of Policy
	Connections []*demarcv1.JudgedConnection
	Assets      []*demarcv1.Asset
	Source      Source // takes the place of Connections and Assets; nil: these are all there is
	Ledger      *Ledger
	// Quarters tells what each quarter hour of a connection held; nil, or
	// nothing, where that is not kept.
	Quarters func(id string) quarter.History
	Now      time.Time
}

// Result is how one condition stands.
type Result struct {
	Authorization string
	Condition     *boundary.Condition
	Check         string // a named check, "require" or "attest"
	State         string
	Words         string // the state, with its date where it has one
	Reason        string
	Evidence      []string
	Connections   []string // ids
	Assets        []string // ids
	Sight         []Sight
	From, To      time.Time // the window that it was judged over
	Until         time.Time // of what is attested
}

// ID names a condition: "line4-ato/C1".
func (r *Result) ID() string { return r.Authorization + "/" + r.Condition.ID.Name }
