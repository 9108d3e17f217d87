package export

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	demarcv1 "demarc/proto/demarc/v1"
)

// book is a workbook in the making.
type book struct {
	*facts
	*workbook
	counts [][]any // rows of the sheets, for the summary
}

// listing is a sheet that can be asked for alone.
type listing struct {
	list, name string
	write      func(*book, context.Context, *sheet) error
	head       []string
}

// sheets are those of a workbook, behind its summary.
var sheets = []listing{
	{"assets", "Assets", (*book).assets, []string{"Name", "IP addresses", "MAC addresses", "Role", "Level", "Vendor", "Model", "Serial", "Firmware", "Product", "Hardware", "OS", "Protocols", "Boundary", "Site", "Segment", "Presence", "Owner", "Criticality", "Notes", "Other names", "First seen, UTC", "Last seen, UTC", "ID"}},
	{"connections", "Connections", (*book).connections, []string{"Verdict", "Client", "Client boundary", "Server", "Server boundary", "Service", "Transport", "Port", "Known by", "Operations", "Protection", "Opened by", "Outcome", "Activity", "Sessions", "Client bytes", "Server bytes", "Why", "Documents", "Not observable", "Findings", "Agents", "Site", "Segment", "First seen, UTC", "Last seen, UTC", "Verdict since, UTC", "Policy version", "ID"}},
	{"conditions", "Conditions", (*book).conditions, []string{"Condition", "Statement", "State", "In words", "Since, UTC", "Why", "Stands on", "What was seen", "Judged by", "Tested how often", "Last tested, UTC", "Attested until", "Controls", "Connections", "Devices", "Authorization", "Policy version"}},
	{"findings", "Findings", (*book).findings, []string{"Severity", "Finding", "Why it matters", "Kind", "Status", "Assigned to", "Accepted by", "Accepted until", "Plan due", "Raised, UTC", "Status since, UTC", "First seen, UTC", "Last seen, UTC", "From", "To", "Service", "Connections", "Devices", "Authorization", "Condition", "Explained by", "Holds no more because", "Technique", "Site", "ID"}},
	{"agreements", "Agreements", (*book).agreements, []string{"Agreement", "State", "Why", "From", "To", "What for", "Services", "Carries", "Ends", "Owner", "Contact", "Type", "Reference", "Signed", "Sides", "Connections by verdict", "Live", "Last seen, UTC", "Unused", "Findings", "Stands in"}},
	{"reconcile", "Reconcile", (*book).reconcile, []string{"Boundary", "List", "Result", "Name", "What was seen", "Paper and wire differ", "Same by", "Unused", "Last seen, UTC", "Document", "Stands in"}},
	{"calendar", "Calendar", (*book).calendar, []string{"Day", "What", "Document", "About", "Then", "Overdue", "Boundaries", "Live connections"}},
}

// xlsx makes the workbook of what is named, or of one list.
func (s *Service) xlsx(ctx context.Context, r *demarcv1.ExportRequest) (func(io.Writer) error, error) {
	if r.GetConnection() != "" {
		return nil, status.Error(codes.InvalidArgument, "a connection has no workbook: write its brief as pdf, or the list of connections")
	}
	wanted := sheets
	if list := r.GetList(); list != "" {
		i := slices.IndexFunc(sheets, func(l listing) bool { return l.list == list })
		if i < 0 {
			return nil, status.Errorf(codes.InvalidArgument, "list %q is not one that is written: %s", cut(list), names(sheets, func(l listing) string { return l.list }))
		}
		wanted = sheets[i : i+1]
	}
	f := &facts{Software: s.Version}
	var err error
	if len(wanted) == 1 && r.GetAuthorization() == "" && r.GetBoundary() == "" {
		f.Title = "all that the roles of whoever asked reach"
		f.subject, err = s.everything(ctx, r.GetAsOf())
	} else if f.subject, err = s.find(ctx, demarcv1.ExportService_Export_FullMethodName, r); err == nil {
		f.Title = f.title(r)
	}
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error {
		b, err := newWorkbook(f.at.AsTime())
		if err != nil {
			return err
		}
		defer func() { _ = b.close() }() // only temporary files are left
		k := &book{facts: f, workbook: b}
		if err := k.fill(ctx, wanted, s.standing()); err != nil {
			return err
		}
		return b.writeTo(w)
	}, nil
}

// standing says what every page says where no official confirms anything.
func (s *Service) standing() string {
	if s.Lists.AuthorityMode == "enforced" {
		return ""
	}
	return "authority: none. No official confirms what counts as authorized here. For demos and labs."
}

// fill writes the sheets. The summary stands before several and behind one, for
// whoever reads the first sheet of a file.
func (k *book) fill(ctx context.Context, wanted []listing, standing string) error {
	if len(wanted) > 1 {
		if err := k.file.SetSheetName(k.file.GetSheetName(0), "Summary"); err != nil {
			return err
		}
	}
	for _, l := range wanted {
		s := k.sheet(l.name, l.head...)
		if err := l.write(k, ctx, s); err != nil {
			return err
		}
		if err := s.close("None."); err != nil {
			return err
		}
		k.counts = append(k.counts, []any{"Rows", "sheet " + l.name, s.n})
	}
	s := k.sheet("Summary", "What", "Of", "Value")
	if err := k.summary(s, standing); err != nil {
		return err
	}
	return s.close("")
}

func (k *book) summary(s *sheet, standing string) error {
	rows := [][]any{{"Workbook", "", k.Title}, {"As of, UTC", "", k.at}, {"Policy version", "", k.PolicyVersion()}, {"Made by", "", "Demarc " + k.Software}}
	if standing != "" {
		rows = append(rows, []any{"Authority", "", standing})
	}
	rows = append(rows, []any{"Note", "", "What people decided and what was computed stand in columns of their own. The software decides nothing, and tells only of what was heard."})
	if !k.whole {
		for _, a := range k.authorizations {
			rows = append(rows, []any{"Decision", a.GetName(), or(decisions[a.GetDecision()], a.GetDecision()) + ", " + a.GetState()}, []any{"Ends", a.GetName(), ends(a.GetUntil())}, []any{"Review due", a.GetName(), date{a.GetReviewDue()}})
		}
	}
	for _, t := range k.Traffic {
		for _, v := range slices.Sorted(maps.Keys(t.Verdicts)) {
			rows = append(rows, []any{"Connections, " + v, t.Boundary, t.Verdicts[v]})
		}
	}
	rows = append(rows, k.counts...)
	for _, words := range k.NotSeen() {
		rows = append(rows, []any{"Not seen", "", words})
	}
	for _, r := range rows {
		if err := s.row(r...); err != nil {
			return err
		}
	}
	return nil
}

// ends is the last day before an end, or that there is none.
func ends(t *timestamppb.Timestamp) any {
	if t == nil {
		return "no end"
	}
	return lastDay(t)
}

func (k *book) assets(ctx context.Context, s *sheet) error {
	do := once((*demarcv1.Asset).GetId, func(a *demarcv1.Asset) error {
		var level any = ""
		if a.Level != nil {
			level = a.GetLevel()
		}
		name, others := called(a)
		return s.row(name, strings.Join(a.GetIps(), " "), strings.Join(a.GetMacs(), " "), commas(namesOf(a.GetRoles(), (*demarcv1.AssetRole).GetRole)), level, a.GetVendor(), a.GetModel(), a.GetSerial(), a.GetFirmware(), a.GetProduct(), a.GetHardware(), a.GetOs(),
			commas(namesOf(a.GetProtocols(), func(p *demarcv1.AssetProtocol) string { return p.GetName() + " " + p.GetAs() })), commas(slices.Compact(slices.Sorted(slices.Values(namesOf(a.GetPlaces(), func(p *demarcv1.Place) string { return or(p.GetBoundary(), "none") }))))),
			a.GetSite(), a.GetSegment(), a.GetPresence(), note(a, "owner"), note(a, "criticality"), note(a, "notes"), others, a.GetFirstSeen(), a.GetLastSeen(), a.GetId())
	})
	for _, b := range k.asked() {
		if err := each(ctx, k.at, k.lists.ListAssets, &demarcv1.ListAssetsRequest{Boundary: b}, (*demarcv1.ListAssetsResponse).GetAssets, do); err != nil {
			return err
		}
	}
	return nil
}

func (k *book) connections(ctx context.Context, s *sheet) error {
	write := once((*demarcv1.JudgedConnection).GetId, func(c *demarcv1.JudgedConnection) error {
		x, v := c.GetConnection(), c.GetVerdict()
		return s.row(v.GetVerdict(), x.GetClient(), c.GetClientBoundary(), x.GetServer(), c.GetServerBoundary(), x.GetProtocol(), x.GetTransport(), x.GetPort(), x.GetGrade(), operations(x), x.GetSecurity(), x.GetOpenedBy(), x.GetOutcome(), c.GetActivity().GetState(),
			x.GetSessions(), x.GetClientBytes(), x.GetServerBytes(), v.GetReason(), commas(v.GetDocuments()), strings.Join(v.GetNotObservable(), "\n"), commas(c.GetFindings()), commas(c.GetAgents()), c.GetSite(), x.GetSegment(), x.GetFirstSeen(), x.GetLastSeen(), v.GetSince(), v.GetPolicyVersion(), c.GetId())
	})
	for _, b := range k.asked() {
		t := &traffic{Boundary: or(b, "all"), Verdicts: map[string]int{}, Unseen: map[string]int{}}
		k.Traffic = append(k.Traffic, t)
		err := each(ctx, k.at, k.lists.ListConnections, &demarcv1.ListConnectionsRequest{Boundary: b}, (*demarcv1.ListConnectionsResponse).GetConnections, func(c *demarcv1.JudgedConnection) error {
			t.count(c)
			return write(c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *book) conditions(ctx context.Context, s *sheet) error {
	for _, a := range k.decisions() {
		err := each(ctx, k.at, k.lists.ListConditions, &demarcv1.ListConditionsRequest{Authorization: a}, (*demarcv1.ListConditionsResponse).GetConditions, func(c *demarcv1.Condition) error {
			k.Conditions = append(k.Conditions, c)
			return s.row(c.GetId(), c.GetStatement(), c.GetState(), c.GetWords(), c.GetSince(), c.GetReason(), strings.Join(c.GetEvidence(), "\n"), strings.Join(c.GetSight(), "\n"), c.GetCheck(), c.GetFrequency(), c.GetTested(), lastDay(c.GetUntil()), commas(c.GetControls()), commas(c.GetConnections()), commas(c.GetAssets()), c.GetAuthorization(), c.GetPolicyVersion())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *book) findings(ctx context.Context, s *sheet) error {
	var all []*demarcv1.Finding
	if err := k.eachFinding(ctx, false, func(f *demarcv1.Finding) error { all = append(all, f); return nil }); err != nil {
		return err
	}
	slices.SortFunc(all, severest)
	for _, f := range all {
		err := s.row(f.GetSeverity(), f.GetTitle(), f.GetWhy(), f.GetKind(), f.GetStatus(), f.GetAssignee(), f.GetAcceptance().GetOwner(), lastDay(f.GetAcceptance().GetUntil()), date{planDue(f)}, f.GetRaised(), f.GetStatusSince(), f.GetFirstSeen(), f.GetLastSeen(), f.GetFromBoundary(), f.GetToBoundary(), f.GetService(),
			len(f.GetConnections()), len(f.GetAssets()), f.GetAuthorization(), f.GetCondition(), commas(f.GetExplainedBy()), f.GetCeased(), f.GetTechnique(), f.GetSite(), f.GetId())
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *book) agreements(ctx context.Context, s *sheet) error {
	return k.eachAgreement(ctx, func(a *demarcv1.Agreement) error {
		return s.row(a.GetName(), a.GetState(), a.GetWhy(), a.GetFrom(), a.GetTo(), a.GetPurpose(), strings.Join(a.GetServices(), "\n"), commas(a.GetCarries()), ends(a.GetUntil()), a.GetOwner(), a.GetContact(), a.GetType(), a.GetReference(), date{a.GetSigned()}, lines(a.GetSides(), sideWords),
			counted(a.GetVerdicts()), a.GetLive(), a.GetLastSeen(), a.GetUnused(), commas(a.GetFindings()), a.GetAt())
	})
}

func (k *book) reconcile(ctx context.Context, s *sheet) error {
	for _, b := range k.places() {
		held, err := k.lists.Reconcile(ctx, &demarcv1.ReconcileRequest{Boundary: b, AsOf: k.at})
		if err != nil {
			return err
		}
		for _, m := range held.GetMissing() {
			k.Missing = append(k.Missing, b+": "+m)
		}
		for _, x := range held.GetRows() {
			differ := lines(x.GetDifferences(), func(d *demarcv1.Difference) string {
				return fmt.Sprintf("%s: paper %s, wire %s", d.GetField(), or(d.GetPaper(), "nothing"), or(d.GetWire(), "nothing"))
			})
			if err := s.row(b, x.GetList(), x.GetBucket(), x.GetName(), x.GetSeen(), differ, x.GetKey(), x.GetUnused(), x.GetLastSeen(), x.GetDocument(), x.GetAt()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *book) calendar(ctx context.Context, s *sheet) error {
	return k.eachDate(ctx, nil, func(e *demarcv1.CalendarEntry) error {
		return s.row(dayOf(e), dueWords(e), e.GetDocument(), e.GetWhat(), e.GetConsequence(), map[bool]string{true: "yes", false: "no"}[e.GetOverdue()], commas(e.GetBoundaries()), e.GetConnections())
	})
}
