package export

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// brief is what an official needs to judge one connection, on one page: the
// page of the same name, in the same words.
type brief struct {
	at             *timestamppb.Timestamp
	c              *demarcv1.JudgedConnection
	boundaries     []*demarcv1.BoundarySummary
	assets         []*demarcv1.Asset
	authorizations []*demarcv1.Authorization
	over           []*demarcv1.Authorization // those that concern an end
	conditions     []*demarcv1.Condition     // of those
	findings       []*demarcv1.Finding
	agreements     []*demarcv1.Agreement
	windows        []*demarcv1.PolicyDocument
	fit            fit
}

// fit is how much of a text and of a list the page has room for.
type fit struct {
	text, rows int
	size       float64
}

// fits are tried in turn: the first that is one page is printed.
var fits = []fit{{800, 40, 9}, {800, 40, 8}, {400, 12, 8}, {240, 8, 8}, {160, 6, 7.5}, {100, 4, 7.5}, {60, 2, 7.5}, {40, 1, 7}, {24, 1, 6.5}}

func (s *Service) brief(ctx context.Context, r *demarcv1.ExportRequest) (func(io.Writer) error, error) {
	if r.GetAuthorization() != "" || r.GetBoundary() != "" {
		return nil, status.Error(codes.InvalidArgument, "a brief is of one connection: leave the authorization and the boundary out")
	}
	b := &brief{at: r.GetAsOf()}
	if err := b.gather(ctx, s.Lists, r.GetConnection()); err != nil {
		return nil, err
	}
	return func(out io.Writer) error { return b.print(out, r.GetPaper(), s.Version, s.standing()) }, nil
}

// print writes the brief with as much as one page has room for.
func (b *brief) print(out io.Writer, paper, software, standing string) error {
	for i, f := range fits {
		b.fit = f
		w := b.writing(i > 1)
		w.Standing, w.Software, w.size, w.most = standing, software, f.size, 1
		if n, err := w.print(out, paper); err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("the brief of %s does not fit a page, however much is left out", b.c.GetId())
}

func (b *brief) gather(ctx context.Context, lists *api.Service, id string) error {
	found, err := all(ctx, b.at, lists.ListConnections, &demarcv1.ListConnectionsRequest{Ids: []string{id}}, (*demarcv1.ListConnectionsResponse).GetConnections)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return status.Errorf(codes.NotFound, "no connection has the id %q: `get connections` shows them", cut(id))
	}
	b.c = found[0]
	if ids := slices.DeleteFunc([]string{b.c.GetConnection().GetClientAsset(), b.c.GetConnection().GetServerAsset()}, func(s string) bool { return s == "" }); len(ids) > 0 {
		if b.assets, err = all(ctx, b.at, lists.ListAssets, &demarcv1.ListAssetsRequest{Ids: ids}, (*demarcv1.ListAssetsResponse).GetAssets); err != nil {
			return err
		}
	}
	if b.boundaries, err = all(ctx, b.at, lists.ListBoundaries, &demarcv1.ListBoundariesRequest{}, (*demarcv1.ListBoundariesResponse).GetBoundaries); err != nil {
		return err
	}
	if b.authorizations, err = all(ctx, b.at, lists.ListAuthorizations, &demarcv1.ListAuthorizationsRequest{}, (*demarcv1.ListAuthorizationsResponse).GetAuthorizations); err != nil {
		return err
	}
	for _, a := range b.authorizations {
		if !slices.ContainsFunc(a.GetBoundaries(), func(n string) bool { return slices.Contains(b.ends(), n) }) {
			continue
		}
		b.over = append(b.over, a)
		some, err := all(ctx, b.at, lists.ListConditions, &demarcv1.ListConditionsRequest{Authorization: a.GetName()}, (*demarcv1.ListConditionsResponse).GetConditions)
		if err != nil {
			return err
		}
		b.conditions = append(b.conditions, some...)
	}
	if b.findings, err = all(ctx, b.at, lists.ListFindings, &demarcv1.ListFindingsRequest{Connection: id}, (*demarcv1.ListFindingsResponse).GetFindings); err != nil {
		return err
	}
	agreed, err := all(ctx, b.at, lists.ListAgreements, &demarcv1.ListAgreementsRequest{}, (*demarcv1.ListAgreementsResponse).GetAgreements)
	if err != nil {
		return err
	}
	b.agreements = slices.DeleteFunc(agreed, func(a *demarcv1.Agreement) bool {
		return !slices.Contains(b.c.GetVerdict().GetDocuments(), a.GetDocument())
	})
	b.windows, err = all(ctx, b.at, lists.ListDocuments, &demarcv1.ListDocumentsRequest{Kind: "Window"}, (*demarcv1.ListDocumentsResponse).GetDocuments)
	if status.Code(err) == codes.NotFound { // no document at all
		err = nil
	}
	return err
}

func (b *brief) ends() []string { return []string{b.c.GetClientBoundary(), b.c.GetServerBoundary()} }

const nothing = "not recorded"

// writing says it, each in no more room than there is.
func (b *brief) writing(shortened bool) *writing {
	c, x, v := b.c, b.c.GetConnection(), b.c.GetVerdict()
	verdict := or(v.GetVerdict(), "undecided")
	w := &writing{Title: "Connection brief", Subject: "Connection brief of " + c.GetId(), At: b.at.AsTime()}
	w.add(block{Kind: "title", Text: w.Title})
	w.add(block{Kind: "strong", Text: fmt.Sprintf("%s: %s → %s, %s", strings.ToUpper(verdict), b.cut(x.GetClient(), 60), b.cut(x.GetServer(), 60), b.cut(service(x), 60))})
	w.text(fmt.Sprintf("%s, since %s", upper(or(verdictWords[verdict], verdict)), or(minute(v.GetSince()), nothing)))
	t := block{Kind: "pairs", Widths: []float64{0.19, 0.81}}
	say := func(name string, said ...string) {
		said = slices.DeleteFunc(said, func(s string) bool { return s == "" })
		if len(said) > b.fit.rows {
			said = append(said[:b.fit.rows:b.fit.rows], fmt.Sprintf("and %d more", len(said)-b.fit.rows))
		}
		for i, s := range said {
			said[i] = short(oneLine.Replace(s), b.fit.text)
		}
		t.Rows = append(t.Rows, row{Cells: []string{name, or(strings.Join(said, "\n"), nothing)}})
	}
	say("Client", b.side(x.GetClient(), x.GetClientAsset(), c.GetClientBoundary()))
	say("Server", b.side(x.GetServer(), x.GetServerAsset(), c.GetServerBoundary()))
	say("Authority", namesOf(b.over, authorityWords)...)
	say("Authorization to connect", b.connect()...)
	say("Agreement", namesOf(b.agreements, agreedWords)...)
	say("Conditions", b.conditionWords()...)
	say("Verdict", fmt.Sprintf("%s since %s, judged %s by policy version %d", verdict, or(minute(v.GetSince()), nothing), or(minute(v.GetJudgedAt()), nothing), v.GetPolicyVersion()), v.GetReason())
	say("Observed", b.observed()...)
	say("Deviations", b.deviations()...)
	say("Not observable, attested", b.unseen()...)
	say("Visibility", b.visibility()...)
	say("Residual risk", b.risks()...)
	say("Open POA&M", b.plans()...)
	say("Depends on", b.leaning()...)
	say("Changes that explain", b.explaining()...)
	w.add(t)
	end := "Accept to a date, require a fix, restrict, suspend or rescind: people decide, with the consequences shown first on the pages."
	if shortened {
		end += " Shortened to fit one page: the page of the connection has all of it."
	}
	w.text(end)
	return w
}

// cut is for a name within a line.
func (b *brief) cut(s string, most int) string {
	return short(oneLine.Replace(s), min(most, b.fit.text))
}

// oneLine shows the breaks of a name, which would make lines of their own.
var oneLine = strings.NewReplacer("\n", "⟨U+000A⟩", "\t", "⟨U+0009⟩")

func (b *brief) side(address, asset, name string) string {
	i := slices.IndexFunc(b.assets, func(a *demarcv1.Asset) bool { return a.GetId() == asset })
	j := slices.IndexFunc(b.boundaries, func(x *demarcv1.BoundarySummary) bool { return x.GetName() == name })
	var words []string
	if i >= 0 {
		called, _ := called(b.assets[i])
		words = append(words, b.cut(called, 60))
	}
	words = append(words, b.cut(address, 60))
	if i >= 0 {
		roles := namesOf(b.assets[i].GetRoles(), (*demarcv1.AssetRole).GetRole)
		words = append(words, commas(roles[:min(len(roles), 2)]))
	}
	r, in := &demarcv1.BoundaryRecord{}, or(name, "no boundary")
	if j >= 0 {
		r, in = b.boundaries[j].GetRecord(), b.cut(or(b.boundaries[j].GetTitle(), name), 80)
	}
	people := namesOf(r.GetParties(), party)
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " ") + " in " + in + "; categorization " + or(impact(r.GetCategorization()), nothing) + "; " +
		or(strings.Join(people, "; "), nothing) + "; decided by " + or(commas(namesOf(r.GetOfficials(), (*demarcv1.DecidingOfficial).GetName)), nothing)
}

func authorityWords(a *demarcv1.Authorization) string {
	by := append(namesOf(a.GetRecord().GetOfficials(), (*demarcv1.DecidingOfficial).GetName), a.GetOrganization())
	by = slices.DeleteFunc(by, func(s string) bool { return s == "" })
	return fmt.Sprintf("%s %s, %s; granted %s, %s, review due %s; by %s", a.GetName(), or(decisions[a.GetDecision()], a.GetDecision()), why(a.GetState(), a.GetWhy()),
		or(date{a.GetGranted()}.String(), nothing), endWords(a.GetUntil()), or(date{a.GetReviewDue()}.String(), nothing), or(commas(by), nothing))
}

func why(state, why string) string {
	if why == "" {
		return state
	}
	return state + " (" + why + ")"
}

func (b *brief) connect() (all []string) {
	for _, a := range b.over {
		for _, k := range a.GetRecord().GetConnect() {
			all = append(all, fmt.Sprintf("%s to %s: %s, granted %s, %s", a.GetName(), k.GetTo(), strings.ToUpper(k.GetDecision()), or(date{k.GetGranted()}.String(), nothing), endWords(k.GetUntil())))
		}
	}
	return all
}

func agreedWords(g *demarcv1.Agreement) string {
	signed := ""
	if g.GetSigned() != nil {
		signed = ", signed " + date{g.GetSigned()}.String()
	}
	return fmt.Sprintf("%s %s, %s; owner %s; %s%s, %s; sides %s", g.GetDocument(), g.GetPurpose(), why(g.GetState(), g.GetWhy()), or(strings.Trim(g.GetOwner()+", "+g.GetContact(), ", "), nothing),
		or(strings.TrimSpace(g.GetType()+" "+g.GetReference()), nothing), signed, endWords(g.GetUntil()), or(strings.Join(namesOf(g.GetSides(), sideWords), "; "), nothing))
}

// conditionWords are of those that name the connection, else of all that stand
// over its ends.
func (b *brief) conditionWords() (all []string) {
	concerned := slices.DeleteFunc(slices.Clone(b.conditions), func(c *demarcv1.Condition) bool { return !slices.Contains(c.GetConnections(), b.c.GetId()) })
	if len(b.conditions) > 0 && len(concerned) == 0 {
		all, concerned = []string{"None of them names this connection. Those of the authorizations over its ends:"}, b.conditions
	}
	for _, c := range concerned {
		all = append(all, fmt.Sprintf("%s: %s %s", strings.ToUpper(c.GetState()), c.GetId(), c.GetStatement())+map[bool]string{true: " (" + c.GetWords() + ")"}[c.GetWords() != c.GetState()])
	}
	return all
}

func (b *brief) observed() []string {
	x := b.c.GetConnection()
	f := x.GetSecurityFacts()
	protection := []string{"Protection: " + or(x.GetSecurity(), "not known")}
	for _, s := range []struct{ name, value string }{{"TLS", f.GetTls()}, {"OPC UA policy", f.GetPolicy()}, {"certificate", f.GetSubject()}} {
		if s.value != "" {
			protection = append(protection, s.name+" "+b.cut(s.value, 120))
		}
	}
	return []string{
		fmt.Sprintf("%s (%s), opened by %s (known from %s), %s; %s", service(x), or(x.GetGrade(), "no grade"), or(x.GetOpenedBy(), "unknown"), or(bases[or(x.GetDirectionBasis(), "unknown")], x.GetDirectionBasis()), x.GetOutcome(), or(operations(x), "no operation was read")),
		fmt.Sprintf("%s from the client, %s back, sessions: %d; first seen %s, last %s", volume(x.GetClientBytes()), volume(x.GetServerBytes()), x.GetSessions(), minute(x.GetFirstSeen()), minute(x.GetLastSeen())),
		commas(protection),
	}
}

func (b *brief) deviations() (all []string) {
	for _, t := range b.c.GetVerdict().GetTerms() {
		if t.GetState() == "broken" {
			all = append(all, t.GetTerm()+": "+t.GetWhy())
		}
	}
	for _, f := range b.findings {
		all = append(all, fmt.Sprintf("%s (%s), severity %d, %s", b.cut(f.GetTitle(), 160), f.GetId(), f.GetSeverity(), f.GetStatus()))
	}
	if len(all) == 0 {
		all = []string{"None."}
	}
	return all
}

func (b *brief) unseen() []string {
	all := slices.Clone(b.c.GetVerdict().GetNotObservable())
	for _, c := range b.conditions {
		if c.GetState() == "attested" || c.GetState() == "attestation-due" {
			all = append(all, fmt.Sprintf("%s %s: %s", c.GetId(), c.GetWords(), c.GetStatement()))
		}
	}
	return all
}

func (b *brief) visibility() []string {
	all := []string{"Seen by " + or(commas(b.c.GetAgents()), "no agent") + "."}
	for _, x := range b.boundaries {
		if !slices.Contains(b.ends(), x.GetName()) || x.GetSight() == nil {
			continue
		}
		words := []string{x.GetName() + ": " + x.GetSight().GetWords()}
		for _, g := range x.GetSight().GetSegments() {
			words = append(words, fmt.Sprintf("heard until %s, %d of %d packets lost.", or(minute(g.GetLast()), "never"), g.GetLost(), g.GetPackets()))
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

func (b *brief) risks() (all []string) {
	for _, a := range b.over {
		for _, r := range a.GetRecord().GetResidualRisks() {
			all = append(all, fmt.Sprintf("%s/%s %s%s accepted by %s, %s; compensated by %s", a.GetName(), r.GetId(), r.GetStatement(), map[bool]string{true: " (" + r.GetLevel() + ")"}[r.GetLevel() != ""], or(r.GetAcceptedBy(), nothing), endWords(r.GetUntil()), or(commas(r.GetMitigatedBy()), nothing)))
		}
	}
	return all
}

func (b *brief) plans() (all []string) {
	for _, f := range b.findings {
		if f.GetStatus() == "remediating" {
			due := ""
			if d := planDue(f); d != nil {
				due = ", due " + date{d}.String()
			}
			all = append(all, f.GetId()+": "+b.cut(f.GetTitle(), 160)+due)
		}
	}
	return all
}

func (b *brief) leaning() (all []string) {
	for _, a := range b.over {
		for _, x := range b.authorizations {
			if slices.Contains(a.GetLeverages(), x.GetName()) {
				all = append(all, fmt.Sprintf("%s, %s, %s", x.GetName(), x.GetState(), endWords(x.GetUntil())))
			}
		}
	}
	return all
}

// explaining are windows: those that findings name, and those of the agreements.
func (b *brief) explaining() (all []string) {
	for _, f := range b.findings {
		all = append(all, f.GetExplainedBy()...)
	}
	for _, w := range b.windows {
		if slices.ContainsFunc(b.agreements, func(a *demarcv1.Agreement) bool { return slices.Contains(words(w), a.GetName()) }) {
			all = append(all, "Window/"+w.GetName())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// service is what a connection is of: "opcua tcp/4840".
func service(x *demarcv1.Connection) string {
	name := or(x.GetProtocol(), "unknown")
	if x.GetGrade() == "hint" {
		name += "?"
	}
	switch {
	case x.GetPort() == 0:
		return name + " " + x.GetTransport()
	case x.GetTransport() == "ethernet":
		return fmt.Sprintf("%s ethernet/0x%04x", name, x.GetPort())
	}
	return fmt.Sprintf("%s %s/%d", name, x.GetTransport(), x.GetPort())
}

// volume is a number of bytes for people.
func volume(n uint64) string {
	v := float64(n)
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		switch {
		case v >= 1000:
			v /= 1000
			continue
		case v < 10 && unit != "B":
			return fmt.Sprintf("%.1f %s", v, unit)
		}
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f TB", v)
}
