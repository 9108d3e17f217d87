package verdict

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/internal/ot"
	"demarc/internal/quarter"
	demarcv1 "demarc/proto/demarc/v1"
)

// Round judges many connections by one policy. Its verdicts are those of Judge;
// what many of them say alike (terms, papers, instants) it makes once and they
// share: they are only to be read. It is not safe for concurrent use.
type Round struct {
	p      *boundary.Policy
	judge  judge
	swept  sweep
	words  []byte
	stamps memo[time.Time, *timestamppb.Timestamp]
	pairs  memo[[2]string, *pair]
	gaps   memo[gapKey, gap]
	papers memo[paperKey, papers]
	terms  memo[termsKey, *told]
	alone  memo[string, []string]
}

// NewRound begins a round of judgements by p.
func NewRound(p *boundary.Policy) *Round {
	return &Round{
		p: p, stamps: newMemo[time.Time, *timestamppb.Timestamp](), pairs: newMemo[[2]string, *pair](), gaps: newMemo[gapKey, gap](),
		papers: newMemo[paperKey, papers](), terms: newMemo[termsKey, *told](), alone: newMemo[string, []string](),
	}
}

// pair is what the documents say of connections between two boundaries.
type pair struct {
	offers []boundary.Offer
	moves  []int64
	timed  bool // an offer holds at some times only
}

func (k *judge) pair(client, server string) *pair {
	key := [2]string{client, server}
	if known, ok := k.round.pairs.of(&key); ok {
		return known
	}
	x := &pair{offers: k.p.Agreements(client, server), moves: k.p.Moves(client, server)}
	for _, o := range x.offers {
		x.timed = x.timed || o.Schedule != nil || o.PerWindow
	}
	return k.round.pairs.keep(&key, x)
}

// era numbers the times between two changes of what covers the connection.
func (k *judge) era() int {
	return eraOf(k.pair(k.out.Client.Boundary, k.out.Server.Boundary).moves, k.at.cover)
}

func eraOf(moves []int64, at time.Time) int {
	i, _ := slices.BinarySearch(moves, at.UnixNano()+1)
	return i
}

// gapKey is what the cover of an agreement depends on, beside the devices.
type gapKey struct {
	agreement      *boundary.Agreement
	clientFrom     bool
	client, server string
	era            int
}

// paperKey is what the authorizations that a verdict names depend on.
type paperKey struct {
	document, client, server, lent string
	era                            int
}

// papers are those authorizations, in words, and the documents in all.
type papers struct {
	words     string
	documents []string
}

// termsKey is what the terms of an agreement that holds at all times say
// depends on, where the ends are agreed.
type termsKey struct {
	agreement         *boundary.Agreement
	service           *boundary.AgreedService
	clientFrom        bool
	directed, related bool
	opener            quarter.Opener
	classes           ot.Classes
	security          ot.SecurityMode
	port              uint32
	tls, seenTLS      string
	protocol, shown   string
	transport         string
}

// told is what terms come to.
type told struct {
	terms         []*demarcv1.Term
	notObservable []string
	broken        []string // names
	brokenWhy     string
	hidden        string // names, joined
	service       string // why of that term
}

// told explains the terms of a candidate whose ends are agreed.
func (k *judge) told(x *candidate) *told {
	if k.timed || x.Schedule != nil || x.PerWindow {
		return k.tell(x)
	}
	key := termsKey{
		agreement: x.Agreement, service: x.service, clientFrom: x.ClientFrom, directed: k.seen.directed, related: k.data.RelatedTo != "",
		opener: k.at.opener, classes: k.at.classes, security: k.at.security, port: k.data.Port, tls: k.at.tls, seenTLS: k.seen.tls,
		protocol: k.seen.protocol, shown: k.seen.service, transport: k.data.Transport,
	}
	if x.inside() {
		key.agreement = nil // it is made for each connection, and the service says as much
	}
	if known, ok := k.round.terms.of(&key); ok {
		return known
	}
	return k.round.terms.keep(&key, k.tell(x))
}

func (k *judge) tell(x *candidate) *told {
	all := k.explained(x)
	if x.inside() {
		all[endpoints] = x.ends
	}
	t := &told{terms: show(&all), service: all[service].why}
	for i, one := range all {
		switch one.state {
		case broken:
			t.broken = append(t.broken, termNames[i])
			t.brokenWhy = join(t.brokenWhy, one.why)
		case hidden:
			t.notObservable = append(t.notObservable, termNames[i]+": "+one.why)
			t.hidden = join(t.hidden, termNames[i])
		}
	}
	return t
}

// under names the authorizations under which the connection runs, behind
// document.
func (k *judge) under(document, lent string) papers {
	key := paperKey{document, k.out.Client.Boundary, k.out.Server.Boundary, lent, k.era()}
	if known, ok := k.round.papers.of(&key); ok {
		return known
	}
	words, list := k.authority(lent)
	if document != "" {
		list = append([]string{document}, list...)
	}
	return k.round.papers.keep(&key, papers{words, list})
}

// only is a list of one document.
func (r *Round) only(document string) []string {
	if known, ok := r.alone.of(&document); ok {
		return known
	}
	return r.alone.keep(&document, []string{document})
}

// stamp is an instant of a verdict.
func (r *Round) stamp(t time.Time) *timestamppb.Timestamp {
	if known, ok := r.stamps.of(&t); ok {
		return known
	}
	return r.stamps.keep(&t, timestamppb.New(t))
}

// Judge gives the verdict on c at now. Same arguments, same verdict; every
// argument has one. It sets no Since: that is the caller's, who knows the
// verdict before.
//
// It is the worst of now and of every quarter hour of the window (24 h, or that
// of the agreement which stands nearest): each is held to the documents of p as
// they stood at its own time, with what was counted in it. Who the ends are and
// what the protocol is only become better known, and count for all of them.
func (r *Round) Judge(c inventory.Connection, now time.Time) Judged {
	return r.JudgeInto(&demarcv1.Verdict{}, c, now)
}

// JudgeInto is Judge with a place for the verdict, which is empty.
func (r *Round) JudgeInto(v *demarcv1.Verdict, c inventory.Connection, now time.Time) Judged {
	if c.Data == nil {
		c.Data = &demarcv1.Connection{}
	}
	k := &r.judge
	*k = judge{round: r, p: r.p, c: c, data: c.Data, today: now, seen: sightOf(c)}
	k.at = k.present()
	k.out.Client, k.out.Server = k.p.Place(c.Site, c.Client), k.p.Place(c.Site, c.Server)
	k.out.Service = k.seen.service
	k.roam()
	v.PolicyVersion, v.JudgedAt = k.p.Version(), r.stamp(now)
	k.out.Verdict = v
	switch {
	case k.linkScoped():
		k.stay("is link-scoped", "stays in its segment")
	case k.out.Server.Group || k.out.Client.Group:
		k.group()
	case k.out.Client.Boundary == "" || k.out.Server.Boundary == "":
		k.unplaced()
	default:
		k.placed()
	}
	return k.out
}
