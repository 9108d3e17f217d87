package export

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/export/emass"
	"demarc/collector/export/hdf"
	"demarc/collector/export/oscal"
	"demarc/collector/export/scn"
	demarcv1 "demarc/proto/demarc/v1"
)

// draft makes a document for the programs of others, whole before a byte of it
// is sent: what is wrong with it is an error and no file. missing says what a
// person must still fill in.
type draft func(*Service, context.Context, *demarcv1.ExportRequest) (text []byte, missing []string, err error)

// drafts are the formats of Export that are made whole.
var drafts = map[string]draft{
	"oscal-ar":   (*Service).oscal,
	"oscal-poam": (*Service).oscal,
	"oscal-ssp":  (*Service).oscal,
	"csv":        (*Service).baseline,
	"hdf":        (*Service).hdf,
	"scn":        (*Service).notification,
}

// Bounds of what is made whole. A device is some two kilobytes of OSCAL.
const (
	maxDevices     = 20_000
	maxConnections = 200_000
)

// errDraft says that a document would be too large.
func errDraft(most int, what string) error {
	return status.Errorf(codes.ResourceExhausted, "more than %d %s for one document: narrow it with --boundary", most, what)
}

// given refuses fields of a request that its format has no use for.
func given(r *demarcv1.ExportRequest) error {
	for _, f := range []struct {
		flag, of string
		set      bool
	}{
		{"plan", "oscal-ar", r.GetPlan() != ""},
		{"ssp", "oscal-poam", r.GetSecurityPlan() != ""},
		{"profile", "oscal-ssp", r.GetProfile() != ""},
		{"overview", "scn", r.GetOverview() != ""},
		{"since", "scn", r.GetSince() != nil},
		{"list", "csv", r.GetList() != ""},
		{"connection", "pdf", r.GetConnection() != ""},
		{"paper", "pdf", r.GetPaper() != ""},
	} {
		if f.set && f.of != r.GetFormat() {
			return status.Errorf(codes.InvalidArgument, "%s goes with %s, not with %s", f.flag, f.of, r.GetFormat())
		}
	}
	return nil
}

func (s *Service) subjectOf(ctx context.Context, r *demarcv1.ExportRequest) (*subject, error) {
	if err := given(r); err != nil {
		return nil, err
	}
	return s.find(ctx, demarcv1.ExportService_Export_FullMethodName, r)
}

func (s *Service) oscal(ctx context.Context, r *demarcv1.ExportRequest) ([]byte, []string, error) {
	x, err := s.subjectOf(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	f := &oscal.Facts{
		Title: x.title(r), Name: cmp.Or(r.GetAuthorization(), r.GetBoundary()), Authorizations: x.authorizations, Lenders: x.lenders, Boundaries: x.boundaries, Verdicts: map[string]map[string]int{},
		At: x.at.AsTime(), PolicyVersion: x.as.GetPolicyVersion(), Position: x.as.GetPosition(), Software: s.Version, Key: s.Authority.Fingerprint().String(),
		Plan: r.GetPlan(), SecurityPlan: r.GetSecurityPlan(), Profile: r.GetProfile(),
	}
	if f.Conditions, err = x.conditions(ctx); err != nil {
		return nil, nil, err
	}
	if f.Assets, err = x.assets(ctx); err != nil {
		return nil, nil, err
	}
	if err := x.eachAgreement(ctx, func(a *demarcv1.Agreement) error { f.Agreements = append(f.Agreements, a); return nil }); err != nil {
		return nil, nil, err
	}
	if f.Findings, err = x.findings(ctx); err != nil {
		return nil, nil, err
	}
	for _, b := range x.places() {
		t := traffic{Verdicts: map[string]int{}, Unseen: map[string]int{}}
		err := each(ctx, x.at, x.lists.ListConnections, &demarcv1.ListConnectionsRequest{Boundary: b}, (*demarcv1.ListConnectionsResponse).GetConnections, func(c *demarcv1.JudgedConnection) error { t.count(c); return nil })
		if err != nil {
			return nil, nil, err
		}
		f.Verdicts[b] = t.Verdicts
	}
	text, missing, err := oscal.Write(strings.TrimPrefix(r.GetFormat(), "oscal-"), f)
	return text, missing, precondition(err)
}

// precondition tells apart what is so of the plant from what is wrong with the
// collector: whoever asks can do something about it.
func precondition(err error) error {
	if err == nil {
		return nil
	}
	return status.Error(codes.FailedPrecondition, err.Error())
}

func (s *Service) hdf(ctx context.Context, r *demarcv1.ExportRequest) ([]byte, []string, error) {
	x, err := s.subjectOf(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	f := &hdf.Facts{Title: x.title(r), Authorizations: x.authorizations, At: x.at.AsTime(), Software: s.Version}
	if f.Conditions, err = x.conditions(ctx); err != nil {
		return nil, nil, err
	}
	if len(f.Conditions) == 0 {
		return nil, nil, precondition(fmt.Errorf("no condition is set on %s: there is no result to write", f.Title))
	}
	text, err := hdf.Write(f)
	return text, nil, err
}

func (s *Service) baseline(ctx context.Context, r *demarcv1.ExportRequest) ([]byte, []string, error) {
	if !slices.Contains(emass.Lists, r.GetList()) {
		return nil, nil, status.Errorf(codes.InvalidArgument, "csv needs a list: %s", strings.Join(emass.Lists, ", "))
	}
	x, err := s.subjectOf(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	f := &emass.Facts{Boundaries: x.places()}
	if r.GetList() != "services" {
		f.Assets, err = x.assets(ctx)
	} else if f.Connections, err = x.connections(ctx); err == nil {
		err = x.eachAgreement(ctx, func(a *demarcv1.Agreement) error { f.Agreements = append(f.Agreements, a); return nil })
	}
	if err != nil {
		return nil, nil, err
	}
	text, missing, err := emass.Write(r.GetList(), f)
	return text, missing, precondition(err)
}

// notification drafts a significant change notification: what changed in the
// plant itself since the snapshot, not what agents came to see or call otherwise.
func (s *Service) notification(ctx context.Context, r *demarcv1.ExportRequest) ([]byte, []string, error) {
	if r.GetAuthorization() == "" {
		return nil, nil, status.Error(codes.InvalidArgument, "a change is one to an authorization: name it, as `get authorizations` shows it")
	}
	x, err := s.subjectOf(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	f := &scn.Facts{Authorization: x.authorizations[0], At: x.at.AsTime(), Overview: r.GetOverview(), Findings: map[string]*demarcv1.Finding{}}
	if f.Drift, err = x.drift(ctx, r); err != nil {
		return nil, nil, err
	}
	if r.GetSince() != nil {
		f.Since = r.GetSince().AsTime()
	} else if f.Since, err = x.taken(ctx, f.Drift[0]); err != nil {
		return nil, nil, err
	}
	if f.Conditions, err = x.conditions(ctx); err != nil {
		return nil, nil, err
	}
	err = x.eachFinding(ctx, false, func(g *demarcv1.Finding) error { f.Findings[g.GetId()] = g; return nil })
	if err != nil {
		return nil, nil, err
	}
	return scn.Write(f)
}

// drift is what changed in the plant and was seen so, or missed, since a moment.
func (x *subject) drift(ctx context.Context, r *demarcv1.ExportRequest) (rows []*demarcv1.Drift, err error) {
	without := false
	q := &demarcv1.ListDriftRequest{Authorization: r.GetAuthorization(), Cause: "reality"}
	err = each(ctx, x.at, x.lists.ListDrift, q, func(a *demarcv1.ListDriftResponse) []*demarcv1.Drift {
		without = slices.Contains(a.GetWithout(), r.GetAuthorization())
		return a.GetDrift()
	}, func(d *demarcv1.Drift) error {
		before := r.GetSince() != nil && d.GetFirstSeen() != nil && d.GetFirstSeen().AsTime().Before(r.GetSince().AsTime())
		if slices.Contains(x.places(), d.GetBoundary()) && (!before || !strings.HasPrefix(d.GetKind(), "new-")) {
			rows = append(rows, d)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case without:
		return nil, precondition(fmt.Errorf("%s has no snapshot to hold anything against: `snapshot take` keeps what stands now", r.GetAuthorization()))
	case len(rows) == 0 && r.GetSince() != nil:
		return nil, precondition(fmt.Errorf("nothing of %s differs from its snapshot since %s: there is no change to tell of", x.title(r), stamp(r.GetSince().AsTime())))
	case len(rows) == 0:
		return nil, precondition(fmt.Errorf("nothing of %s differs from its snapshot: there is no change to tell of", x.title(r)))
	}
	return rows, nil
}

// taken is when the snapshot was that something is held against.
func (x *subject) taken(ctx context.Context, d *demarcv1.Drift) (time.Time, error) {
	a, err := x.lists.ListSnapshots(ctx, &demarcv1.ListSnapshotsRequest{Authorization: d.GetAuthorization(), PageSize: rowsOfPage})
	for _, s := range a.GetSnapshots() {
		if s.GetId() == d.GetSnapshot() {
			return s.GetTaken().AsTime(), nil
		}
	}
	return x.at.AsTime(), err
}

// conditions are those of the decisions.
func (x *subject) conditions(ctx context.Context) (list []*demarcv1.Condition, err error) {
	for _, a := range x.decisions() {
		some, err := all(ctx, x.at, x.lists.ListConditions, &demarcv1.ListConditionsRequest{Authorization: a}, (*demarcv1.ListConditionsResponse).GetConditions)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// findings are those of the decisions and boundaries with their history, the
// most severe first.
func (x *subject) findings(ctx context.Context) (list []*demarcv1.GetFindingResponse, err error) {
	err = x.eachFinding(ctx, false, func(f *demarcv1.Finding) error {
		whole, err := x.lists.GetFinding(ctx, &demarcv1.GetFindingRequest{Id: f.GetId(), AsOf: x.at})
		list = append(list, whole)
		return err
	})
	slices.SortFunc(list, func(a, b *demarcv1.GetFindingResponse) int {
		return severest(a.GetFinding(), b.GetFinding())
	})
	return list, err
}

// assets are the devices of every boundary, each once.
func (x *subject) assets(ctx context.Context) (list []*demarcv1.Asset, err error) {
	keep := once((*demarcv1.Asset).GetId, func(a *demarcv1.Asset) error {
		if list = append(list, a); len(list) > maxDevices {
			return errDraft(maxDevices, "devices")
		}
		return nil
	})
	for _, b := range x.places() {
		if err := each(ctx, x.at, x.lists.ListAssets, &demarcv1.ListAssetsRequest{Boundary: b}, (*demarcv1.ListAssetsResponse).GetAssets, keep); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b *demarcv1.Asset) int { return cmp.Compare(a.GetId(), b.GetId()) })
	return list, nil
}

// connections are those that touch a boundary, each once.
func (x *subject) connections(ctx context.Context) (list []*demarcv1.JudgedConnection, err error) {
	keep := once((*demarcv1.JudgedConnection).GetId, func(c *demarcv1.JudgedConnection) error {
		if list = append(list, c); len(list) > maxConnections {
			return errDraft(maxConnections, "connections")
		}
		return nil
	})
	for _, b := range x.places() {
		if err := each(ctx, x.at, x.lists.ListConnections, &demarcv1.ListConnectionsRequest{Boundary: b}, (*demarcv1.ListConnectionsResponse).GetConnections, keep); err != nil {
			return nil, err
		}
	}
	return list, nil
}
