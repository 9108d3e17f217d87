// Package verdict is the fourth stage: one connection, one policy and one
// instant give one verdict with its reason in words. Call Judge; it keeps
// nothing and has no clock of its own.
package verdict

import (
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

// Verdicts, as Verdict.verdict names them.
const (
	Internal     = "internal"
	Authorized   = "authorized"
	OutOfTerms   = "out-of-terms"
	Lapsed       = "lapsed"
	Unauthorized = "unauthorized"
	Undecided    = "undecided"
)

// Judged is a verdict with what it stands on.
type Judged struct {
	Verdict        *demarcv1.Verdict
	Client, Server boundary.Placement // as used: of a shared entry the side that was judged
	Service        string             // "s7comm", or "tcp/4840" while not identified
	Broken         []string           // names of the broken terms of an out-of-terms verdict
	Document       string             // nearest document: "Interconnection/line4-to-historian", or empty
	Again          time.Time          // judge again at this instant although nothing changed; zero: never
}

// Judge gives the verdict on c at now. Same arguments, same verdict. It sets
// no Since: that is the caller's, who knows the verdict before.
func Judge(p *boundary.Policy, c inventory.Connection, now time.Time) Judged {
	return Judged{Verdict: &demarcv1.Verdict{}}
}
