package deliver

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/config"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// OfFinding is an event about a finding as it is now; some of its connections
// are the evidence. What happened, when and to whom is the caller's to fill in.
func OfFinding(f *demarcv1.Finding, some []*demarcv1.JudgedConnection) *Event {
	e := &Event{
		What: config.Findings, Title: f.GetTitle(), Severity: f.GetSeverity(), Status: f.GetStatus(), Subject: f.GetId(), Class: f.GetKind(), Revision: f.GetRevision(),
		Site: f.GetSite(), Service: f.GetService(), Technique: f.GetTechnique(), Why: f.GetWhy(), First: asTime(f.GetFirstSeen()), Last: asTime(f.GetLastSeen()),
		Page: page("findings", f.GetId()), Boundaries: pair(f.GetFromBoundary(), f.GetToBoundary()),
	}
	e.LeftOff = max(0, len(f.GetConnections())+len(f.GetPast())+int(f.GetLeftOff())-len(some))
	for _, d := range []string{f.GetDocument(), prefixed("Authorization/", f.GetAuthorization())} {
		e.document(d)
	}
	for _, c := range some {
		e.Connection(c)
	}
	for _, d := range f.GetDifferences() {
		e.Evidence = append(e.Evidence, fmt.Sprintf("%s: heard %s, it says %s", d.GetAttribute(), d.GetHeard().GetValue(), d.GetAsked().GetValue()))
	}
	return e
}

func prefixed(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

// pair is a list without what is empty, or there twice.
func pair(from, to string) (all []string) {
	for _, b := range []string{from, to} {
		if b != "" && !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return all
}

func (e *Event) document(d string) {
	if d != "" && !slices.Contains(e.Documents, d) {
		e.Documents = append(e.Documents, d)
	}
}

// Connection adds a connection as evidence; the first stands for all.
func (e *Event) Connection(j *demarcv1.JudgedConnection) {
	c, v := j.GetConnection(), j.GetVerdict()
	if e.Flow == nil {
		e.Flow = &Flow{Client: c.GetClient(), Server: c.GetServer(), Transport: c.GetTransport(), Port: c.GetPort(), Protocol: c.GetProtocol()}
	}
	for _, a := range []string{c.GetClient(), c.GetServer()} {
		if !slices.Contains(e.Addresses, a) {
			e.Addresses = append(e.Addresses, a)
		}
	}
	for _, d := range v.GetDocuments() {
		e.document(d)
	}
	e.Policy = max(e.Policy, v.GetPolicyVersion())
	words := fmt.Sprintf("%s to %s, %s %d", c.GetClient(), c.GetServer(), c.GetTransport(), c.GetPort())
	if c.GetProtocol() != "" {
		words += " " + c.GetProtocol()
	}
	var operations []string
	for name, n := range c.GetOperations() {
		operations = append(operations, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(operations)
	if len(operations) > 0 {
		words += " (" + strings.Join(operations, ", ") + ")"
	}
	e.Evidence = append(e.Evidence, words+": "+v.GetVerdict()+prefixed(", ", v.GetReason()))
}

// OfCondition is an event about a condition, "line4-ato/C1", that came to a
// state.
func OfCondition(authorization, id, statement, state, words, reason string) *Event {
	e := &Event{
		Kind: "condition." + state, What: config.Conditions, Subject: authorization + "/" + id, Status: state, Class: state,
		Title: "Condition " + id + " of " + authorization + ": " + words, Why: statement, Words: reason, Severity: conditionSeverity[state],
		Page: page("authorizations", authorization),
	}
	e.document("Authorization/" + authorization)
	return e
}

// conditionSeverity weighs the states of conditions: what is not known stands
// between.
var conditionSeverity = map[string]uint32{"violated": 70, "not-observable": 40, "stale": 40, "attestation-due": 40}

// OfAudit is an event about an entry of the audit log; its ID is that of the
// entry in the log's chain.
func OfAudit(a *store.AuditEntry) *Event {
	e := &Event{
		Time: a.Act.Time, Kind: "audit.act", What: config.Audit, Actor: a.Act.Who, Subject: a.Act.On, Class: a.Act.What, Revision: a.Sequence,
		Title: a.Act.Who + ": " + a.Act.What + prefixed(" ", a.Act.On), Words: a.Act.Detail, Page: page("audit", ""),
	}
	e.Finish()
	e.ID = "e-" + hex.EncodeToString(a.Hash[:16])
	return e
}

func asTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
