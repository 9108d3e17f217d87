// Package verdict is the fourth stage: one connection, one policy and one
// instant give one verdict with its reason in words. Call Judge; it keeps
// nothing and has no clock of its own.
package verdict

import (
	"slices"
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

// Early is how long a connection may stay undecided for its service to be
// identified.
const Early = 5 * time.Second

// Judged is a verdict with what it stands on.
type Judged struct {
	Verdict        *demarcv1.Verdict
	Client, Server boundary.Placement // as used: of a shared entry the side that was judged
	Service        string             // "s7comm", or "tcp/4840" while not identified
	Broken         []string           // names of the broken terms of an out-of-terms verdict
	Document       string             // nearest document: "Interconnection/line4-to-historian", or empty
	// Agreement is the one whose agreed ends these are, and Line the service of it
	// that is used; nil where it shows that none is. Where the service does not
	// show, Line is the one that fits best.
	Agreement *boundary.Agreement
	Line      *boundary.AgreedService
	LineShown bool
	Unlisted  string // asset on no list that was authorized, where that alone keeps an agreement from covering
	Stray     Stray  // of an internal connection
	// Again is when to judge again although no document, no window and no
	// connection changed: what is too early to tell. Zero is never.
	Again time.Time
}

// Judge gives the verdict on one connection by p at now: see Round.Judge. Of no
// policy everything is undecided.
func Judge(p *boundary.Policy, c inventory.Connection, now time.Time) Judged {
	if p == nil {
		p = none
	}
	return (&Round{p: p}).Judge(c, now)
}

var none = boundary.Empty()

// judge is one judgement under way.
type judge struct {
	round *Round
	p     *boundary.Policy
	c     inventory.Connection
	data  *demarcv1.Connection
	today time.Time // that it is taken for
	seen  sight
	at    moment // that is held to the documents
	out   Judged

	window time.Duration // over which the worst counts
	roams  [2]roaming    // of client and server
	timed  bool          // one of them may be connected at some times only
}

// linkScoped reports whether c cannot leave its link: no IP at either end, or
// an address that no router forwards. Frames between two devices that stand in
// different boundaries are judged as any other, but for the protocols that
// keep the link itself.
func (k *judge) linkScoped() bool {
	c := k.c
	if c.Client.Addr.IsValid() && c.Server.Addr.IsValid() {
		return boundary.LinkScoped(c.Client.Addr) || boundary.LinkScoped(c.Server.Addr)
	}
	if k.out.Client.Group || k.out.Server.Group || slices.Contains(linkProtocols, k.data.Protocol) {
		return true
	}
	return k.out.Client.Boundary == "" || k.out.Server.Boundary == "" || k.out.Client.Boundary == k.out.Server.Boundary
}

var linkProtocols = []string{"arp", "ndp", "lldp", "cdp", "stp", "lacp", "profinet-ptcp", "profinet-mrp", "ptp", "igmp", "mld"}

// group judges what is sent to a routed multicast group: by an agreement that
// names the group, else as internal, since receivers show to nobody yet.
func (k *judge) group() {
	sender := k.out.Client
	if sender.Boundary == "" && !sender.Group {
		k.unplaced()
		return
	}
	if x, ok := k.best(k.p.Published(sender.Boundary), true); ok && x.rank == rankAuthorized {
		k.settle(&x)
		return
	}
	hidden := "which devices receive " + k.c.Server.Addr.String()
	k.out.Verdict.NotObservable = append(k.out.Verdict.NotObservable, hidden)
	k.stay("is sent to a group", "is taken as internal to ", where(sender.Boundary, k.c.Client.Segment), ", because nothing shows which devices receive it")
}

// unplaced tells which end stands nowhere, or in two places.
func (k *judge) unplaced() {
	why := ""
	for _, e := range []struct {
		end inventory.End
		at  boundary.Placement
	}{{k.c.Client, k.out.Client}, {k.c.Server, k.out.Server}} {
		if e.at.Boundary != "" || e.at.Group {
			continue
		}
		if why != "" {
			why += ", and "
		}
		if len(e.at.Ambiguous) > 0 {
			why += address(e.end) + " is " + e.at.Why
		} else {
			why += address(e.end) + " stands in no boundary (" + e.at.Why + ")"
		}
	}
	k.decide(Undecided, "; ", why)
}

// ruling is what one moment comes to, without words.
type ruling struct {
	verdict        string
	client, server string // boundaries as judged
	whole          string // inside which it stays; empty when it crosses
	best           candidate
	ok             bool // best is one
}

// placed judges a connection whose ends both stand in a boundary: the worst
// moment of its window.
func (k *judge) placed() {
	worst := k.rule()
	at := k.at
	for _, m := range k.moments(&worst) {
		k.at = m
		if r := k.rule(); gravity[r.verdict] > gravity[worst.verdict] { // the latest first
			worst, at = r, m
		}
	}
	k.at = at
	k.out.Client.Boundary, k.out.Server.Boundary = worst.client, worst.server
	switch {
	case worst.whole != "":
		k.inside(&worst)
	case !worst.ok:
		k.decide(Unauthorized, "; no interconnection joins ", worst.client, " and ", worst.server)
	default:
		k.settle(&worst.best)
	}
	if at.past {
		k.remember()
	}
}

// gravity orders verdicts by what a quarter hour that is over can still do.
var gravity = map[string]int{Lapsed: 1, OutOfTerms: 2, Unauthorized: 3}

// rule holds the moment to the documents. Where an end stands in a shared
// entry, the best of its boundaries counts.
func (k *judge) rule() ruling {
	clients, servers := k.out.Client.Shared, k.out.Server.Shared
	if len(clients)+len(servers) == 0 {
		return k.between(k.out.Client.Boundary, k.out.Server.Boundary)
	}
	var best ruling
	for i, cb := range sides(&k.out.Client) {
		for j, sb := range sides(&k.out.Server) {
			r := k.between(cb, sb)
			switch {
			case r.whole != "":
				return r
			case i+j == 0, r.ok && (!best.ok || r.best.better(&best.best)):
				best = r
			}
		}
	}
	return best
}

// between holds the moment to what is agreed between two boundaries.
func (k *judge) between(client, server string) ruling {
	r := ruling{verdict: Unauthorized, client: client, server: server}
	if r.whole = k.common(client, server); r.whole != "" {
		k.internal(&r)
		return r
	}
	k.out.Client.Boundary, k.out.Server.Boundary = client, server
	if r.best, r.ok = k.best(k.pair(client, server).offers, false); r.ok {
		r.verdict = ranked[r.best.rank]
	}
	return r
}

func sides(p *boundary.Placement) []string {
	if len(p.Shared) > 0 {
		return p.Shared
	}
	return []string{p.Boundary}
}

func (k *judge) wake(at time.Time) {
	if at.After(k.today) && (k.out.Again.IsZero() || at.Before(k.out.Again)) {
		k.out.Again = at
	}
}
