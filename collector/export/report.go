package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// Bounds of a report: what is longer goes on in the workbook, and says so.
const (
	reportRows = 300
	textLength = 700 // characters
	textLines  = 8
	ahead      = 90 * 24 * time.Hour // of the calendar
)

// report is a writing about facts.
type report struct {
	*facts
	writing
	open      []*demarcv1.Finding
	drift     []*demarcv1.Drift
	driftOf   *demarcv1.ListDriftResponse
	snapshots []*demarcv1.Snapshot
	calendar  []*demarcv1.CalendarEntry
	papers    []*demarcv1.PolicyDocument
	gates     []*demarcv1.GateResponse
}

// pdf makes the report of an authorization or a boundary, or the brief of a
// connection.
func (s *Service) pdf(ctx context.Context, r *demarcv1.ExportRequest) (func(io.Writer) error, error) {
	if _, known := papers[r.GetPaper()]; !known {
		return nil, status.Errorf(codes.InvalidArgument, "paper %q is not one that is printed on: a4, letter", cut(r.GetPaper()))
	}
	if r.GetList() != "" {
		return nil, status.Error(codes.InvalidArgument, "a list is no report: write it as xlsx")
	}
	if r.GetConnection() != "" {
		return s.brief(ctx, r)
	}
	x, err := s.find(ctx, demarcv1.ExportService_Export_FullMethodName, r)
	if err != nil {
		return nil, err
	}
	f := &facts{subject: x, Title: x.title(r), Software: s.Version}
	w := &report{facts: f, writing: writing{Title: upper(f.Title), Subject: f.Title, Standing: s.standing(), At: f.at.AsTime(), Software: s.Version}}
	return func(out io.Writer) error {
		if err := w.gather(ctx); err != nil {
			return err
		}
		w.write()
		_, err := w.print(out, r.GetPaper())
		return err
	}, nil
}

// gather asks for everything that the report tells.
func (w *report) gather(ctx context.Context) (err error) {
	for _, a := range w.decisions() {
		some, err := all(ctx, w.at, w.lists.ListConditions, &demarcv1.ListConditionsRequest{Authorization: a}, (*demarcv1.ListConditionsResponse).GetConditions)
		if err != nil {
			return err
		}
		w.Conditions = append(w.Conditions, some...)
		gate, err := w.lists.Gate(ctx, &demarcv1.GateRequest{Authorization: a, AsOf: w.at})
		if err != nil {
			return err
		}
		w.gates = append(w.gates, gate)
	}
	if err := w.eachAgreement(ctx, func(a *demarcv1.Agreement) error { w.Agreements = append(w.Agreements, a); return nil }); err != nil {
		return err
	}
	if err := w.eachFinding(ctx, true, func(f *demarcv1.Finding) error { w.open = append(w.open, f); return nil }); err != nil {
		return err
	}
	slices.SortFunc(w.open, severest)
	if err := w.heard(ctx); err != nil {
		return err
	}
	if err := w.drifted(ctx); err != nil {
		return err
	}
	if err := w.eachDate(ctx, timestamppb.New(w.At.Add(ahead)), func(e *demarcv1.CalendarEntry) error { w.calendar = append(w.calendar, e); return nil }); err != nil {
		return err
	}
	if w.as.GetPolicyVersion() > 0 {
		w.papers, _, err = w.written(ctx, w.as.GetPolicyVersion())
	}
	return err
}

// heard counts what was heard of each boundary.
func (w *report) heard(ctx context.Context) error {
	for _, b := range w.places() {
		t := &traffic{Boundary: b, Verdicts: map[string]int{}, Unseen: map[string]int{}}
		w.Traffic = append(w.Traffic, t)
		err := each(ctx, w.at, w.lists.ListConnections, &demarcv1.ListConnectionsRequest{Boundary: b}, (*demarcv1.ListConnectionsResponse).GetConnections, func(c *demarcv1.JudgedConnection) error { t.count(c); return nil })
		if err != nil {
			return err
		}
		devices, err := w.lists.ListAssets(ctx, &demarcv1.ListAssetsRequest{Boundary: b, PageSize: 1, AsOf: w.at})
		if err != nil {
			return err
		}
		t.Assets = int(devices.GetTotal())
		held, err := w.lists.Reconcile(ctx, &demarcv1.ReconcileRequest{Boundary: b, AsOf: w.at})
		if err != nil {
			return err
		}
		for _, m := range held.GetMissing() {
			w.Missing = append(w.Missing, b+": "+m)
		}
	}
	return nil
}

// drifted asks for what differs from the snapshots that were taken by then.
func (w *report) drifted(ctx context.Context) error {
	for _, a := range w.decisions() {
		taken, err := w.lists.ListSnapshots(ctx, &demarcv1.ListSnapshotsRequest{Authorization: a, PageSize: rowsOfPage})
		if err != nil {
			return err
		}
		for _, s := range taken.GetSnapshots() { // the latest first
			if !s.GetTaken().AsTime().After(w.At) {
				w.snapshots = append(w.snapshots, s)
				break
			}
		}
		answer, err := w.lists.ListDrift(ctx, &demarcv1.ListDriftRequest{Authorization: a, PageSize: reportRows, AsOf: w.at})
		if err != nil {
			return err
		}
		if w.driftOf == nil {
			w.driftOf = &demarcv1.ListDriftResponse{Causes: map[string]uint32{}}
		}
		for cause, n := range answer.GetCauses() {
			w.driftOf.Causes[cause] += n
		}
		w.driftOf.Total += answer.GetTotal()
		w.driftOf.Without = append(w.driftOf.Without, answer.GetWithout()...)
		w.drift = append(w.drift, answer.GetDrift()...)
	}
	return nil
}

// write says it all.
func (w *report) write() {
	w.add(block{Kind: "title", Text: w.writing.Title})
	w.front()
	w.conditions()
	w.boundaryTable()
	w.interconnections()
	w.findings()
	w.risks()
	w.differences()
	w.sight()
	w.dates()
	w.documentTable()
	w.signatures()
}

func (w *report) front() {
	rows := []row{}
	pair := func(name, value string) {
		if value != "" {
			rows = append(rows, row{Cells: []string{name, short(value, textLength)}})
		}
	}
	for _, a := range w.authorizations {
		if len(w.authorizations) > 1 {
			pair("Authorization", a.GetName())
		}
		pair("Decision", or(decisions[a.GetDecision()], a.GetDecision())+": "+a.GetState())
		pair("Why it stands so", a.GetWhy())
		pair("Decided by", or(lines(a.GetRecord().GetOfficials(), official), a.GetOrganization()))
		pair("In time", "from "+or(date{a.GetGranted()}.String(), "no day on record")+", "+endWords(a.GetUntil())+", review due "+or(date{a.GetReviewDue()}.String(), "on no day on record"))
		pair("Review is due because", strings.Join(a.GetTriggers(), "\n"))
		pair("Over", commas(a.GetBoundaries()))
		pair("Leans on", commas(a.GetLeverages()))
		pair("Signed paper", lines(a.GetRecord().GetDocuments(), func(d *demarcv1.SignedDocument) string {
			return fmt.Sprintf("%s, signed by %s %s, SHA-256 %s", d.GetTitle(), or(d.GetSigner(), "nobody named"), date{d.GetSigned()}, or(d.GetSha256(), "not given"))
		}))
		pair("Since decided", lines(a.GetActs(), func(x *demarcv1.AuthorizationAct) string {
			return fmt.Sprintf("%s %s: %s, recorded by %s", minute(x.GetRecorded()), x.GetKind(), x.GetReason(), x.GetActor())
		}))
	}
	if len(w.authorizations) == 0 {
		pair("Decision", "No authorization is on record.")
	}
	pair("As of", stamp(w.At)+", as the collector had recorded it by then")
	pair("Policy version", fmt.Sprint(w.PolicyVersion()))
	pair("Made by", "Demarc "+w.writing.Software)
	w.add(block{Kind: "pairs", Widths: []float64{0.2, 0.8}, Rows: rows})
}

// standing conditions need nobody.
var standing = []string{"holds", "not-exercised", "attested"}

func (w *report) conditions() {
	w.heading("Does each condition still hold, and how do we know?")
	w.add(block{Kind: "strong", Text: w.answer()})
	for _, g := range w.gates {
		for _, r := range g.GetReasons() {
			w.text(r)
		}
	}
	t := block{Head: []string{"Condition", "State", "Since", "Why"}, Widths: []float64{0.36, 0.22, 0.12, 0.30}, Mark: 1}
	for _, c := range w.Conditions {
		t.Rows = append(t.Rows, row{Marked: !slices.Contains(standing, c.GetState()), Cells: []string{c.GetId() + "\n" + short(c.GetStatement(), textLength), c.GetWords(), or(date{c.GetSince()}.String(), "not recorded"), short(c.GetReason(), 160)}})
	}
	if len(t.Rows) == 0 {
		return
	}
	w.table(t, "")
	w.heading("How it is known, condition by condition")
	t = block{Head: []string{"Condition", "Stands on", "What was seen, and what could not be"}, Widths: []float64{0.2, 0.46, 0.34}}
	for _, c := range w.Conditions {
		on := []string{c.GetReason()}
		on = append(on, few(slices.DeleteFunc(slices.Clone(c.GetEvidence()), func(e string) bool { return strings.Contains(c.GetReason(), e) }))...)
		on = append(on, fmt.Sprintf("By Authorization/%s, policy version %d; judged by %s, %s.", c.GetAuthorization(), c.GetPolicyVersion(), or(c.GetCheck(), "attest"), or(c.GetFrequency(), "as often as its document says")))
		tested := "never tested"
		if c.GetTested() != nil {
			tested = "last tested " + minute(c.GetTested())
		}
		t.Rows = append(t.Rows, row{Cells: []string{c.GetId() + "\n" + c.GetState() + "\n" + tested, clip(on), or(clip(few(c.GetSight())), "nothing that agents see tells it")}})
	}
	w.table(t, "")
}

// answer counts the conditions by how they stand.
func (w *report) answer() string {
	if len(w.Conditions) == 0 {
		return "There is no condition to hold."
	}
	n := map[string]int{}
	for _, c := range w.Conditions {
		n[c.GetState()]++
	}
	held := 0
	for _, s := range standing {
		held += n[s]
	}
	var rest []string
	for _, s := range []struct{ state, words string }{{"violated", "violated"}, {"attestation-due", "to be attested"}, {"not-observable", "not observable"}, {"stale", "stale"}} {
		if n[s.state] > 0 {
			rest = append(rest, fmt.Sprintf("%d %s", n[s.state], s.words))
		}
	}
	text := fmt.Sprintf("%d of %d hold.", held, len(w.Conditions))
	if len(rest) > 0 {
		text = fmt.Sprintf("%d of %d hold: %s.", held, len(w.Conditions), commas(rest))
	}
	return text
}

func (w *report) boundaryTable() {
	w.heading("Boundaries")
	t := block{Head: []string{"Boundary", "What it is", "Authority", "Answers for it", "Devices, connections by verdict"}, Widths: []float64{0.14, 0.24, 0.20, 0.20, 0.22}}
	for i, b := range w.boundaries {
		r := b.GetRecord()
		t.Rows = append(t.Rows, row{Cells: []string{
			b.GetName(), clip([]string{b.GetTitle(), b.GetKind() + map[bool]string{true: ", " + b.GetDomain()}[b.GetDomain() != ""], impact(r.GetCategorization())}), b.GetAuthorization(),
			or(clip(few(namesOf(r.GetParties(), party))), "nobody named"), fmt.Sprintf("devices heard: %d\n%s", w.Traffic[i].Assets, or(counted(w.Traffic[i].Verdicts), "no connection")),
		}})
	}
	w.table(t, "None.")
}

func (w *report) interconnections() {
	w.heading("Interconnections")
	t := block{Head: []string{"Agreement", "What for", "State, ends", "Sides", "Seen"}, Widths: []float64{0.22, 0.26, 0.17, 0.19, 0.16}, Mark: 2}
	for _, a := range w.Agreements[:min(len(w.Agreements), reportRows)] {
		t.Rows = append(t.Rows, row{Marked: a.GetState() != "in force", Cells: []string{
			clip([]string{a.GetName(), a.GetFrom() + " → " + a.GetTo(), strings.TrimSpace(a.GetType() + " " + a.GetReference())}), clip(append([]string{a.GetPurpose()}, few(a.GetServices())...)),
			clip([]string{a.GetState() + map[bool]string{true: " (" + a.GetWhy() + ")"}[a.GetWhy() != ""], endWords(a.GetUntil())}),
			or(clip(few(namesOf(a.GetSides(), sideWords))), "no side on record"), clip([]string{or(counted(a.GetVerdicts()), or(a.GetUnused(), "never")), "last " + or(minute(a.GetLastSeen()), "never")}),
		}})
	}
	w.table(t, "None is agreed: what crosses is covered by nothing.")
	w.more(len(w.Agreements), "agreements")
}

func (w *report) findings() {
	w.heading("Open findings")
	t := block{Head: []string{"Severity", "Finding", "Status", "Owner, to when", "Raised"}, Widths: []float64{0.09, 0.42, 0.16, 0.21, 0.12}, Mark: 0}
	for _, f := range w.open[:min(len(w.open), reportRows)] {
		owner := []string{or(f.GetAssignee(), "nobody is assigned")}
		if a := f.GetAcceptance(); a != nil {
			owner = append(owner, "accepted by "+a.GetOwner()+", "+endWords(a.GetUntil()))
		}
		if due := planDue(f); due != nil {
			owner = append(owner, "plan due "+date{due}.String())
		}
		t.Rows = append(t.Rows, row{Marked: f.GetSeverity() >= 70, Cells: []string{
			fmt.Sprint(f.GetSeverity()), clip([]string{f.GetTitle(), f.GetWhy(), f.GetId()}), clip([]string{f.GetStatus(), f.GetCeased()}), clip(owner), date{f.GetRaised()}.String(),
		}})
	}
	w.table(t, "None.")
	w.more(len(w.open), "findings")
}

func (w *report) risks() {
	t := block{Head: []string{"Risk", "What it is", "Accepted by, to when", "Compensated by"}, Widths: []float64{0.18, 0.42, 0.22, 0.18}}
	for _, a := range w.authorizations {
		for _, r := range a.GetRecord().GetResidualRisks() {
			t.Rows = append(t.Rows, row{Cells: []string{clip([]string{a.GetName() + "/" + r.GetId(), r.GetLevel()}), short(r.GetStatement(), textLength), clip([]string{r.GetAcceptedBy(), endWords(r.GetUntil())}), or(clip(few(r.GetMitigatedBy())), "nothing on record")}})
		}
	}
	if len(t.Rows) > 0 {
		w.heading("Residual risks that somebody accepted")
		w.table(t, "")
	}
}

func (w *report) differences() {
	w.heading("Drift since the snapshot")
	for _, s := range w.snapshots {
		w.text(fmt.Sprintf("%s, taken %s by %s: %s", s.GetId(), minute(s.GetTaken()), s.GetBy(), short(s.GetReason(), textLength))) // what is merged later changes how much it holds
	}
	if len(w.snapshots) == 0 {
		w.text("No snapshot was taken of what was decided on: there is nothing to hold the network against.")
		return
	}
	for _, a := range w.driftOf.GetWithout() {
		if slices.Contains(w.decisions(), a) {
			w.text(a + " has no snapshot: there is nothing yet to hold the network against.")
		}
	}
	if n := w.driftOf.GetTotal(); n > 0 {
		w.text("By cause: " + counted(w.driftOf.GetCauses()) + ". Only reality is drift; the rest says what moved instead.")
	}
	t := block{Head: []string{"What", "Difference", "Why it has this cause", "Finding", "Last seen"}, Widths: []float64{0.17, 0.34, 0.25, 0.12, 0.12}}
	for _, d := range w.drift[:min(len(w.drift), reportRows)] {
		t.Rows = append(t.Rows, row{Cells: []string{clip([]string{d.GetKind(), d.GetCause(), d.GetBoundary()}), short(d.GetWords(), textLength), short(clip(append([]string{d.GetWhy()}, few(d.GetExplainedBy())...)), textLength), or(d.GetStatus(), "none"), date{d.GetLastSeen()}.String()}})
	}
	w.table(t, "No difference.")
	if n := int(w.driftOf.GetTotal()) - len(t.Rows); n > 0 && len(t.Rows) > 0 {
		w.text(fmt.Sprintf("And %d more: `demarc-collector get drift` lists them all.", n))
	}
}

func (w *report) sight() {
	w.heading("What was heard, and what was not")
	t := block{Head: []string{"Segment", "Heard by", "Over the last day", "Lost", "What was bad"}, Widths: []float64{0.22, 0.2, 0.26, 0.14, 0.18}}
	for _, b := range w.boundaries {
		for _, g := range b.GetSight().GetSegments() {
			t.Rows = append(t.Rows, row{Cells: []string{
				b.GetName() + "\n" + g.GetSite() + "/" + g.GetSegment(), or(commas(g.GetAgents()), "nobody"),
				fmt.Sprintf("%d of %d quarter hours, to %s", g.GetQuartersHeard(), g.GetQuarters(), or(minute(g.GetLast()), "never")), fmt.Sprintf("%d of %d packets", g.GetLost(), g.GetPackets()), or(commas(g.GetFaults()), "nothing was told"),
			}})
		}
	}
	w.table(t, "No agent listened on a segment of these boundaries over the last day.")
	l := block{Kind: "list"}
	for _, n := range w.NotSeen() {
		l.Rows = append(l.Rows, row{Cells: []string{short(n, textLength)}})
	}
	w.add(l)
}

func (w *report) dates() {
	w.heading("What ends or is due within 90 days")
	t := block{Head: []string{"Day", "What", "Document", "Then", "Live connections"}, Widths: []float64{0.12, 0.2, 0.26, 0.3, 0.12}, Mark: 1}
	for _, e := range w.calendar[:min(len(w.calendar), reportRows)] {
		t.Rows = append(t.Rows, row{Marked: e.GetOverdue(), Cells: []string{dayOf(e).String(), dueWords(e), clip([]string{e.GetDocument(), e.GetWhat()}), short(e.GetConsequence(), textLength), fmt.Sprint(e.GetConnections())}})
	}
	w.table(t, "Nothing on record ends or is due until then, and nothing is overdue.")
	w.more(len(w.calendar), "dates")
}

func (w *report) documentTable() {
	w.heading("Documents in force")
	t := block{Head: []string{"Document, file", "SHA-256 of its text"}, Widths: []float64{0.4, 0.6}}
	for _, d := range w.papers[:min(len(w.papers), reportRows)] {
		sum := sha256.Sum256([]byte(d.GetText()))
		t.Rows = append(t.Rows, row{Cells: []string{clip([]string{document(d), d.GetPath()}), hex.EncodeToString(sum[:])}})
	}
	w.table(t, "None.")
	w.more(len(w.papers), "documents")
}

// signatures leaves room for those who sign: the software signs nothing here.
func (w *report) signatures() {
	w.heading("Signatures")
	w.text("Nothing above is a decision. Below, people write theirs.")
	t := block{Kind: "signatures"}
	seen := map[string]bool{}
	sign := func(role, who string) {
		if who != "" && !seen[role+who] {
			seen[role+who] = true
			t.Rows = append(t.Rows, row{Cells: []string{role + "\n" + short(who, 120)}})
		}
	}
	for _, a := range w.authorizations {
		for _, o := range a.GetRecord().GetOfficials() {
			sign("Authorizing official", official(o))
		}
	}
	for _, b := range w.boundaries {
		for _, x := range b.GetRecord().GetParties()[:min(len(b.GetRecord().GetParties()), 8)] {
			sign(x.GetRole(), strings.Trim(x.GetName()+", "+x.GetOrganization(), ", "))
		}
	}
	if len(t.Rows) == 0 {
		t.Rows = []row{{Cells: []string{"Authorizing official"}}, {Cells: []string{"System owner"}}}
	}
	w.add(block{Kind: "blank", Text: "Decision, in the words of who signs"})
	w.add(t)
}

// more says where the rest is of what is cut off.
func (w *report) more(n int, what string) {
	if n > reportRows {
		w.text(fmt.Sprintf("And %d more: the workbook (export xlsx) has all %s.", n-reportRows, what))
	}
}

// few are the first lines of a cell, and how many more there are.
func few(all []string) []string {
	if len(all) <= textLines {
		return all
	}
	return append(slices.Clone(all[:textLines]), fmt.Sprintf("and %d more", len(all)-textLines))
}

// clip joins lines that are not empty, each no longer than a cell may be.
func clip(all []string) string {
	var kept []string
	for _, s := range all {
		if strings.TrimSpace(s) != "" {
			kept = append(kept, short(s, textLength))
		}
	}
	return strings.Join(kept, "\n")
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func official(o *demarcv1.DecidingOfficial) string {
	return strings.TrimSuffix(o.GetName()+", "+o.GetOrganization(), ", ")
}

func party(p *demarcv1.ResponsibleParty) string {
	return strings.TrimSpace(p.GetRole() + " " + commas(slices.DeleteFunc([]string{p.GetName(), p.GetOrganization(), p.GetContact()}, func(s string) bool { return s == "" })))
}

func endWords(until *timestamppb.Timestamp) string {
	if until == nil {
		return "no end"
	}
	return "ends " + lastDay(until).String()
}

// impact is a categorization after FIPS 199 in words.
func impact(c *demarcv1.Categorization) string {
	var all []string
	for _, k := range []struct{ name, level string }{{"confidentiality", c.GetConfidentiality()}, {"integrity", c.GetIntegrity()}, {"availability", c.GetAvailability()}} {
		if k.level != "" {
			all = append(all, k.name+" "+k.level)
		}
	}
	return commas(all)
}
