// Package verdict is the fourth stage: one connection, one policy and one
// instant give one verdict with its reason in words. Call Judge; it keeps
// nothing and has no clock of its own.
package verdict

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

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
	Unlisted       string             // asset on no list that was authorized, where that alone keeps an agreement from covering
	// Again is when to judge again although no document, no window and no
	// connection changed: what is too early to tell. Zero is never.
	Again time.Time
}

// Judge gives the verdict on c at now. Same arguments, same verdict; every
// argument has one. It sets no Since: that is the caller's, who knows the
// verdict before.
//
// A schedule is judged for the packet time of c's last activity, cover for now.
func Judge(p *boundary.Policy, c inventory.Connection, now time.Time) Judged {
	if p == nil {
		p = none
	}
	if c.Data == nil {
		c.Data = &demarcv1.Connection{}
	}
	k := &judge{p: p, c: c, data: c.Data, now: now, seen: sightOf(c)}
	k.out.Client, k.out.Server = p.Place(c.Site, c.Client), p.Place(c.Site, c.Server)
	k.out.Service = k.seen.service
	k.out.Verdict = &demarcv1.Verdict{PolicyVersion: p.Version(), JudgedAt: timestamppb.New(now)}
	switch {
	case k.linkScoped():
		k.decide(Internal, k.line("is link-scoped", "stays in its segment"))
	case k.out.Server.Group || k.out.Client.Group:
		k.group()
	case k.out.Client.Boundary == "" || k.out.Server.Boundary == "":
		k.unplaced()
	default:
		k.placed()
	}
	return k.out
}

var none = boundary.Empty()

// judge is one judgement under way.
type judge struct {
	p    *boundary.Policy
	c    inventory.Connection
	data *demarcv1.Connection
	now  time.Time
	seen sight
	out  Judged
}

func (k *judge) decide(verdict, reason string) {
	k.out.Verdict.Verdict, k.out.Verdict.Reason = verdict, reason
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
	best := k.best(k.p.Published(sender.Boundary), true)
	if best != nil && best.rank == rankAuthorized {
		k.settle(best)
		return
	}
	hidden := "which devices receive " + k.c.Server.Addr.String()
	k.out.Verdict.NotObservable = append(k.out.Verdict.NotObservable, hidden)
	k.decide(Internal, k.line("is sent to a group", "is taken as internal to "+where(sender.Boundary, k.c.Client.Segment)+", because nothing shows which devices receive it"))
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
	k.decide(Undecided, k.sentence()+"; "+why)
}

// placed judges a connection whose ends both stand in a boundary. Where an end
// stands in a shared entry, the best of its boundaries counts.
func (k *judge) placed() {
	clients, servers := sides(k.out.Client), sides(k.out.Server)
	for _, cb := range clients {
		for _, sb := range servers {
			if whole := k.common(cb, sb); whole != "" {
				k.out.Client.Boundary, k.out.Server.Boundary = cb, sb
				k.inside(whole)
				return
			}
		}
	}
	client, server := clients[0], servers[0]
	var best *candidate
	for _, cb := range clients {
		for _, sb := range servers {
			k.out.Client.Boundary, k.out.Server.Boundary = cb, sb
			if x := k.best(k.p.Agreements(cb, sb), false); x != nil && (best == nil || x.better(best)) {
				best, client, server = x, cb, sb
			}
		}
	}
	k.out.Client.Boundary, k.out.Server.Boundary = client, server
	if best == nil {
		k.decide(Unauthorized, k.sentence()+"; no interconnection joins "+client+" and "+server)
		return
	}
	k.settle(best)
}

func sides(p boundary.Placement) []string {
	if len(p.Shared) > 0 {
		return p.Shared
	}
	return []string{p.Boundary}
}

func (k *judge) wake(at time.Time) {
	if at.After(k.now) && (k.out.Again.IsZero() || at.Before(k.out.Again)) {
		k.out.Again = at
	}
}
