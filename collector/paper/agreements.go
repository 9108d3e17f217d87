package paper

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// States of an Agreement.
const (
	InForce    = "in force"
	Lapsed     = "lapsed"
	NotInForce = "not in force"
)

// AgreementStates lists them.
var AgreementStates = []string{InForce, Lapsed, NotInForce}

// Agreements lists what is agreed to, of a shared service one for each consumer,
// with the connections that stand on it. live says whether the i-th connection
// still happens, open names the findings that are not closed, and unused tells of
// a document how long nothing used it.
func Agreements(w World, now time.Time, live func(i int) bool, findings []*demarcv1.Finding, open map[string]bool, unused map[string]string) []*demarcv1.Agreement {
	papers := papersOf(w.Documents)
	var all []*demarcv1.Agreement
	by := map[string][]*demarcv1.Agreement{} // document -> its agreements
	for _, a := range w.Policy.Agreed() {
		x := &demarcv1.Agreement{Document: a.Document, Name: a.Name, From: a.From.Boundary, To: a.To.Boundary, Activation: "standing", Unused: unused[a.Document], Verdicts: map[string]uint32{}}
		for i := range a.Services {
			x.Services = appendNew(x.Services, a.Services[i].Line)
			x.Terms = append(x.Terms, service(&a.Services[i]))
		}
		papers[a.Document].onto(x, a.Consumer)
		standing(w.Policy, a, x, now)
		all, by[a.Document] = append(all, x), append(by[a.Document], x)
	}
	for i, c := range w.Connections {
		for _, document := range c.GetVerdict().GetDocuments() {
			for _, x := range by[document] {
				if joins(w.Policy, x, c) {
					use(x, c, live(i), open)
				}
			}
		}
	}
	for _, f := range findings {
		for _, x := range by[f.GetDocument()] {
			if open[f.GetId()] {
				x.Findings = once(x.Findings, f.GetId())
			}
		}
	}
	return all
}

func service(a *boundary.AgreedService) *demarcv1.AgreementService {
	s := &demarcv1.AgreementService{Protocol: a.Protocol, Ports: a.Ports.String()}
	if len(a.Ports.Ranges) == 0 {
		s.Ports = boundary.Ports{Any: true}.String()
	}
	for _, r := range a.Ports.Ranges {
		s.Ranges = append(s.Ranges, &demarcv1.PortSpan{First: uint32(r.First), Last: uint32(r.Last)})
	}
	return s
}

// joins reports whether a connection runs between the two sides of x.
func joins(p *boundary.Policy, x *demarcv1.Agreement, c *demarcv1.JudgedConnection) bool {
	a, b := c.GetClientBoundary(), c.GetServerBoundary()
	return p.Holds(x.GetFrom(), a) && p.Holds(x.GetTo(), b) || p.Holds(x.GetFrom(), b) && p.Holds(x.GetTo(), a)
}

func use(x *demarcv1.Agreement, c *demarcv1.JudgedConnection, live bool, open map[string]bool) {
	x.Verdicts[c.GetVerdict().GetVerdict()]++
	if live {
		x.Live++
	}
	if last := c.GetConnection().GetLastSeen(); x.LastSeen == nil || lastOf(last).After(x.LastSeen.AsTime()) {
		x.LastSeen = last
	}
	for _, f := range c.GetFindings() {
		if open[f] {
			x.Findings = once(x.Findings, f)
		}
	}
}

// standing says how an agreement stands: by its own papers first, then by the
// authorizations behind it.
func standing(p *boundary.Policy, a *boundary.Agreement, x *demarcv1.Agreement, now time.Time) {
	x.State = InForce
	for _, c := range a.Cover {
		switch {
		case c.Approval != "" && c.Approval != "approved":
			x.State, x.Why = NotInForce, c.What+" is "+c.Approval
			if c.Approval == "withdrawn" {
				x.State = Lapsed
			}
		case now.Before(c.From):
			x.State, x.Why = NotInForce, c.What+" begins "+c.From.UTC().Format(time.DateOnly)
		case !c.Until.IsZero() && !now.Before(c.Until):
			x.State, x.Why = Lapsed, c.What+" ended "+c.Until.UTC().Add(-1).Format(time.DateOnly)
		default:
			continue
		}
		return
	}
	if g, ok := p.Gap(boundary.Offer{Agreement: a, ClientFrom: true}, a.From.Boundary, a.To.Boundary, now); !ok {
		x.State, x.Why = NotInForce, g.Why
		if g.Fell {
			x.State = Lapsed
		}
		return
	}
	if a.PerWindow {
		x.Activation, x.Why = "per-window", "no window is open"
		if o, open := p.Open(a.Name, now); open {
			x.Why = o.Document + " is open until " + o.Until.UTC().Format("2006-01-02 15:04 MST")
		}
	}
}

// papers are what a document says beside its terms.
type papers struct {
	at       string
	purpose  string
	owner    *boundary.Contact
	paper    *boundary.Paper
	sides    []boundary.Approval
	provider string
	carries  []string
}

func papersOf(d *boundary.Documents) map[string]papers {
	all := map[string]papers{}
	for _, x := range d.Interconnections {
		all[x.Meta.String()] = papers{x.Meta.At.String(), x.Purpose, x.Owner, x.Agreement, x.Sides, "", x.Carries}
	}
	for _, s := range d.SharedServices {
		all[s.Meta.String()] = papers{s.Meta.At.String(), s.Purpose, s.Owner, s.Agreement, s.Sides, s.Provider.Boundary.Name, nil}
	}
	return all
}

// onto fills x in; of a shared service, as it stands to one consumer.
func (p papers) onto(x *demarcv1.Agreement, consumer string) {
	x.At, x.Purpose, x.Carries = p.at, p.purpose, p.carries
	if p.owner != nil {
		x.Owner, x.Contact = p.owner.Name, p.owner.Contact
	}
	if p.paper != nil {
		x.Type, x.Reference, x.Signed, x.Until = p.paper.Type, p.paper.Reference, day(p.paper.Signed), end(p.paper.Expires)
	}
	for _, s := range p.sides {
		if consumer != "" && s.Boundary.Name != consumer && s.Boundary.Name != p.provider {
			continue
		}
		x.Sides = append(x.Sides, &demarcv1.AgreementSide{Boundary: s.Boundary.Name, Official: s.Official, Approval: s.Approval, Granted: day(s.Granted), Until: end(s.Expires)})
		if until := end(s.Expires); until != nil && (x.Until == nil || until.AsTime().Before(x.Until.AsTime())) {
			x.Until = until
		}
	}
}

func day(d boundary.Date) *timestamppb.Timestamp {
	if d.Time.IsZero() {
		return nil
	}
	return timestamppb.New(d.Time)
}

// end is the first instant after a date.
func end(d boundary.Date) *timestamppb.Timestamp {
	if d.Time.IsZero() {
		return nil
	}
	return timestamppb.New(d.End())
}

// appendNew keeps the order in which a document lists things.
func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
