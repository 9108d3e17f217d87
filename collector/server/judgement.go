package server

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/inventory"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// judgement is a connection as it was judged last. There are so many that it
// holds few pieces: what readers are shown is made when one asks.
type judgement struct {
	taken
	id    string
	at    inventory.Ref              // in the inventory
	shown *demarcv1.JudgedConnection // nil since it was judged; never changed, readers keep it
	wait  *wait                      // nil: nothing to wait for
	pairs []*bucket                  // that it is filed in
	cut   uint64                     // of the state, which is to hold it
}

func byID(a, b *judgement) int { return strings.Compare(a.id, b.id) }

// taken is what a judgement comes to, and the connection that it was taken on.
type taken struct {
	data           *demarcv1.Connection // nil: it was not judged yet
	site           string
	agents         []string
	client, server string // boundaries
	findings       []string
	classes        ot.Classes // of operations that data counts
	counted        []counted

	verdict, reason                string
	documents, notObservable       []string
	terms                          []*demarcv1.Term
	policy                         uint64 // version
	judged, since, quarter, clears int64  // Unix nanoseconds; 0 is none
}

// rule takes over a verdict. What it lists is shared.
func (t *taken) rule(v *demarcv1.Verdict) {
	t.verdict, t.reason, t.documents, t.notObservable, t.terms, t.policy = v.GetVerdict(), v.GetReason(), v.GetDocuments(), v.GetNotObservable(), v.GetTerms(), v.GetPolicyVersion()
	t.judged, t.since, t.quarter, t.clears = nanos(v.GetJudgedAt()), nanos(v.GetSince()), nanos(v.GetQuarter()), nanos(v.GetClears())
}

// view is a judgement as it is shown, in one piece.
type view struct {
	connection                     demarcv1.JudgedConnection
	verdict                        demarcv1.Verdict
	judged, since, quarter, clears timestamppb.Timestamp
}

// view is j as readers see it.
func (j *judgement) view() *demarcv1.JudgedConnection {
	if j.shown == nil {
		j.shown = j.show()
	}
	return j.shown
}

func (j *judgement) show() *demarcv1.JudgedConnection {
	x := &view{}
	c := &x.connection
	c.Id, c.Site, c.Connection, c.Agents, c.ClientBoundary, c.ServerBoundary = j.id, j.site, j.data, j.agents, j.client, j.server
	c.Verdict, c.Findings, c.OperationsLast = j.ruling(x), j.findings, lastOf(j.counted)
	return c
}

// ruling is the verdict as it is shown, made in x.
func (j *judgement) ruling(x *view) *demarcv1.Verdict {
	v := &x.verdict
	v.Verdict, v.Reason, v.Documents, v.NotObservable, v.Terms, v.PolicyVersion = j.verdict, j.reason, j.documents, j.notObservable, j.terms, j.policy
	v.JudgedAt, v.Since, v.Quarter, v.Clears = put(&x.judged, j.judged), put(&x.since, j.since), put(&x.quarter, j.quarter), put(&x.clears, j.clears)
	return v
}

// put writes an instant; 0 is none.
func put(to *timestamppb.Timestamp, ns int64) *timestamppb.Timestamp {
	if ns == 0 {
		return nil
	}
	t := time.Unix(0, ns)
	to.Seconds, to.Nanos = t.Unix(), int32(t.Nanosecond())
	return to
}

// counted is a class of operation with how often it was counted, and when last:
// Unix nanoseconds of packet time.
type counted struct {
	class ot.Operation
	n     uint64
	last  int64
}

// count tells when each class was last counted: now, where the count grew since
// the judgement before.
func count(d *demarcv1.Connection, before *taken) []counted {
	if d == before.data {
		return before.counted
	}
	same := len(d.GetOperations()) == len(before.counted)
	for i := range before.counted {
		c := &before.counted[i]
		same = same && d.GetOperations()[c.class.String()] == c.n
	}
	if same {
		return before.counted
	}
	all := make([]counted, 0, len(d.GetOperations()))
	for class := range ot.Operation(ot.NumOperations) {
		n := d.GetOperations()[class.String()]
		if n == 0 {
			continue
		}
		c := counted{class, n, nanos(d.GetLastSeen())}
		for i := range before.counted {
			if was := &before.counted[i]; was.class == class && n <= was.n {
				c.last = was.last
			}
		}
		all = append(all, c)
	}
	return all
}

func lastOf(all []counted) map[string]*timestamppb.Timestamp {
	if len(all) == 0 {
		return nil
	}
	last := make(map[string]*timestamppb.Timestamp, len(all))
	for _, c := range all {
		if c.last != 0 {
			last[c.class.String()] = timestamppb.New(time.Unix(0, c.last))
		}
	}
	return last
}
