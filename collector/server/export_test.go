package server

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/export"
	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

const decided = `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec:
  decision: ato
  issuer: {organization: Example Foods}
  officials: [{name: Dana Ortiz}]
  boundaries: [line4, dmz]
  granted: 2026-02-01
  conditions: [{id: C1, statement: "Nothing outside writes to the line.", check: read-only-from-outside}]
`

// exporter asks a lab for packages.
type exporter struct {
	*lab
	conn *api.Local
	key  *pki.Authority
	log  []store.Act // refusals
}

func newExporter(t *testing.T) *exporter {
	t.Helper()
	x := &exporter{lab: newLab(t)}
	var err error
	x.key, err = pki.Open(t.TempDir(), nil)
	x.must(err)
	x.serve()
	_, err = x.apply(documents(plantDocs, agreement, decided), applyOptions{})
	x.must(err)
	x.pass(time.Hour)
	x.send("a", flow("10.50.1.94", "10.20.4.93", 4840, "opcua", x.now))
	x.send("a", flow("10.60.9.91", "10.60.9.92", 445, "smb", x.now))
	x.pass(time.Minute)
	return x
}

// serve begins anew, with nothing of the past in memory.
func (x *exporter) serve() {
	guard := &api.Guard{Find: api.OfContext, Audit: func(_ context.Context, a store.Act) error { x.log = append(x.log, a); return nil }, Log: slog.New(slog.DiscardHandler)}
	x.conn = api.NewLocal(guard.Unary, guard.Stream)
	past := newPasts(x.store, x.clock, "test", slog.New(slog.DiscardHandler))
	x.t.Cleanup(past.close)
	lists := api.New(api.Config{Plant: x.engine, Past: past, Clock: x.clock, Store: x.store, Agents: noAgents{}, Log: slog.New(slog.DiscardHandler)})
	demarcv1.RegisterExportServiceServer(x.conn, export.New(export.Config{Lists: lists, Store: x.store, Authority: x.key, Log: slog.New(slog.DiscardHandler), Clock: x.clock, Version: "test", Keeps: keeps}))
}

func (x *exporter) ask(ctx context.Context, r *demarcv1.ExportEvidenceRequest, roles ...store.Grant) ([]byte, error) {
	stream, err := demarcv1.NewExportServiceClient(x.conn).ExportEvidence(api.As(ctx, api.Principal{Name: "dana", Roles: roles}), r)
	if err != nil {
		return nil, err
	}
	var all []byte
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, piece.GetData()...)
	}
}

// whole asks for a package, checks it, and returns it with what it holds.
func (x *exporter) whole(r *demarcv1.ExportEvidenceRequest, roles ...store.Grant) (data []byte, report *export.Report, text string) {
	x.t.Helper()
	data, err := x.ask(x.t.Context(), r, roles...)
	x.must(err)
	pin := x.key.Fingerprint()
	report, err = export.Verify(bytes.NewReader(data), int64(len(data)), &pin)
	x.must(err)
	if len(report.Faults) > 0 {
		x.t.Errorf("%q", report.Faults)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	x.must(err)
	for _, f := range z.File {
		r, err := f.Open()
		x.must(err)
		one, err := io.ReadAll(r)
		x.must(err)
		text += "== " + f.Name + "\n" + string(one)
	}
	return data, report, text
}

func (x *exporter) acts(what string) (all []store.Act) {
	x.t.Helper()
	entries, err := x.store.AuditLog(x.t.Context(), 0, 10_000)
	x.must(err)
	for _, e := range entries {
		if e.Act.What == what {
			all = append(all, e.Act)
		}
	}
	return all
}

var auditor = store.Grant{Role: store.Auditor}

// TestExportEvidence: the package holds what it is of and nothing else, and
// that it was made is an act.
func TestExportEvidence(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	_, r, text := x.whole(&demarcv1.ExportEvidenceRequest{Authorization: "line4-ato"}, auditor)
	for _, want := range []string{"10.20.4.93", "10.50.1.94", "line4-ato/C1", "documents/interconnection-line4-to-historian.yaml", "Dana Ortiz", "connections-dmz.json", "No document of these boundaries says how long", "for 90 days", "== not-seen.txt"} {
		if !strings.Contains(text, want) {
			t.Errorf("the package lacks %q", want)
		}
	}
	for _, not := range []string{"10.60.9.91", "boundary-corporate"} {
		if strings.Contains(text, not) {
			t.Errorf("the package tells of %s, which it is not of", not)
		}
	}
	if m := r.Manifest; m.PolicyVersion != 1 || m.Audit.Entries == 0 || m.Audit.Whole != m.Audit.Entries || !m.AsOf.Equal(x.now) {
		t.Errorf("%+v", m)
	}
	if done := x.acts("evidence export"); len(done) != 1 || done[0].Who != "dana" || done[0].On != "line4-ato" || !strings.Contains(done[0].Detail, "SHA-256 of its manifest ") {
		t.Errorf("%v", done)
	}
	x.pass(time.Second)
	if _, _, text := x.whole(&demarcv1.ExportEvidenceRequest{Boundary: "corporate"}, auditor); !strings.Contains(text, "10.60.9.91") || !strings.Contains(text, "No authorization is on record") || strings.Contains(text, "line4-ato/C1") {
		t.Error("the package of a boundary that nothing is decided on")
	}
}

// TestExportIsOfItsMoment: a moment gives the same bytes, whatever came since
// and however often what was there is rebuilt.
func TestExportIsOfItsMoment(t *testing.T) {
	x := newExporter(t)
	r := &demarcv1.ExportEvidenceRequest{Authorization: "line4-ato", AsOf: timestamppb.New(x.now)}
	x.pass(time.Second)
	first, _, _ := x.whole(r, auditor)
	x.pass(time.Hour)
	_, err := x.apply(documents(strings.Replace(plantDocs, "title: Line 4", "title: Line four", 1), agreement, decided), applyOptions{})
	x.must(err)
	x.send("a", flow("10.50.1.95", "10.20.4.93", 502, "modbus", x.now))
	x.pass(time.Minute)
	x.serve()
	again, _, _ := x.whole(r, auditor)
	if !bytes.Equal(first, again) {
		t.Error("the same moment gives another package")
	}
	_, _, now := x.whole(&demarcv1.ExportEvidenceRequest{Authorization: "line4-ato"}, auditor)
	for _, want := range []string{"Line four", "10.50.1.95", "== policy/version-00002.yaml", `"change": "changed"`} {
		if !strings.Contains(now, want) {
			t.Errorf("the package of now lacks %q", want)
		}
	}
}

// TestExportHoldsToRoles: nobody gets more in a package than in the lists, and
// nobody a package that is silently less than it says.
func TestExportHoldsToRoles(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	whole := &demarcv1.ExportEvidenceRequest{Authorization: "line4-ato"}
	line := store.Grant{Role: store.Auditor, Boundaries: []string{"line4"}}
	for _, c := range []struct {
		r    *demarcv1.ExportEvidenceRequest
		role store.Grant
		code codes.Code
		want string
	}{
		{whole, store.Grant{Role: store.Engineer}, codes.PermissionDenied, "it needs auditor"},
		{whole, line, codes.PermissionDenied, "do not reach dmz"},
		{&demarcv1.ExportEvidenceRequest{Boundary: "dmz"}, line, codes.NotFound, "known are line4"},
		{&demarcv1.ExportEvidenceRequest{Authorization: "line4-ato"}, store.Grant{Role: store.Auditor, Sites: []string{"austin"}}, codes.NotFound, "known are none"},
		{&demarcv1.ExportEvidenceRequest{}, auditor, codes.InvalidArgument, "name an authorization or a boundary"},
		{&demarcv1.ExportEvidenceRequest{Authorization: "line4-ato", Boundary: "corporate"}, auditor, codes.InvalidArgument, "it is over dmz, line4"},
		{&demarcv1.ExportEvidenceRequest{Authorization: "line5-ato"}, auditor, codes.NotFound, "known are line4-ato"},
		{&demarcv1.ExportEvidenceRequest{Authorization: "line4-ato", AsOf: timestamppb.New(x.now.Add(time.Hour))}, auditor, codes.OutOfRange, "lies ahead"},
	} {
		if _, err := x.ask(t.Context(), c.r, c.role); status.Code(err) != c.code || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%v as %v: %v, want %q", c.r, c.role, err, c.want)
		}
	}
	if len(x.log) != 1 || len(x.acts("evidence export")) != 0 {
		t.Errorf("refusals: %v", x.log)
	}
	_, r, text := x.whole(&demarcv1.ExportEvidenceRequest{Authorization: "line4-ato", Boundary: "line4"}, line)
	if strings.Contains(text, "connections-dmz") || strings.Contains(text, "== documents/boundary-dmz") || !strings.Contains(text, "connections-line4.json") {
		t.Error("a package within limits holds what is outside of them")
	}
	if m := r.Manifest; m.Audit.Whole >= m.Audit.Entries || !strings.Contains(text, `"withheld":true`) || strings.Contains(text, `"what":"policy apply"`) || !strings.Contains(text, "are withheld") {
		t.Errorf("the audit log of all is told to who may not read it: %+v", m.Audit)
	}
	x.pass(time.Second)
	if _, r, text := x.whole(whole, store.Grant{Role: store.ISSM}); r.Manifest.Audit.Whole != 1 || !strings.Contains(text, `"what":"evidence export"`) {
		t.Errorf("acts on the authorization itself are told: %+v", r.Manifest.Audit)
	}
}

// TestExportBrokenOff: who hangs up in the middle leaves an act as well.
func TestExportBrokenOff(t *testing.T) {
	x := newExporter(t)
	noise, random := make([]byte, 1000), rand.NewChaCha8([32]byte{})
	for range 500 { // several pieces: a piece waits until the one before is taken
		_, _ = random.Read(noise)
		x.must(x.store.AppendAudit(t.Context(), store.Act{Time: x.now, Who: "x", What: "x", On: "x", Detail: hex.EncodeToString(noise)}))
	}
	x.pass(time.Second)
	ctx, hangUp := context.WithCancel(t.Context())
	stream, err := demarcv1.NewExportServiceClient(x.conn).ExportEvidence(api.As(ctx, api.Principal{Name: "dana", Roles: []store.Grant{auditor}}), &demarcv1.ExportEvidenceRequest{Authorization: "line4-ato"})
	x.must(err)
	_, err = stream.Recv()
	x.must(err)
	hangUp()
	for end := time.Now().Add(20 * time.Second); len(x.acts("evidence export")) == 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if done := x.acts("evidence export"); len(done) != 1 || !strings.HasSuffix(done[0].Detail, "broken off") {
		t.Errorf("%v", done)
	}
}

// TestExportOverREST: the answer is the file itself, and who may not have it is
// told so in JSON.
func TestExportOverREST(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	rest, err := api.REST(x.conn)
	x.must(err)
	get := func(query string, role store.Grant) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(api.As(t.Context(), api.Principal{Name: "dana", Roles: []store.Grant{role}}), "GET", "/api/v1/evidence?"+query, nil)
		rest.ServeHTTP(w, r)
		return w
	}
	at := x.now.Format(time.RFC3339)
	w := get("authorization=line4-ato&as_of="+at, auditor)
	if h := w.Header(); w.Code != 200 || h.Get("Content-Type") != "application/zip" || h.Get("Content-Disposition") != "attachment; filename=evidence-line4-ato-20260412T090101Z.zip" {
		t.Errorf("%d %v", w.Code, h)
	}
	if r, err := export.Verify(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()), nil); err != nil || len(r.Faults) > 0 {
		t.Errorf("%v %v", err, r)
	}
	for _, c := range []struct {
		query string
		role  store.Grant
		code  int
		want  string
	}{
		{"authorization=line4-ato", store.Grant{Role: store.Engineer}, 403, "it needs auditor"},
		{"authorization=x", auditor, 404, "known are line4-ato"},
		{"authorisation=line4-ato", auditor, 400, "is no parameter"},
		{"", auditor, 400, "name an authorization or a boundary"},
	} {
		if w := get(c.query, c.role); w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%q: %d %s, want %d %q", c.query, w.Code, w.Body, c.code, c.want)
		}
	}
}

// BenchmarkExportEvidence makes the inspection package of a line that 20,000
// connections reach, unless DEMARC_BENCH_CONNECTIONS says otherwise, and tells
// its size and the most that the heap grew meanwhile.
func BenchmarkExportEvidence(b *testing.B) {
	x := &exporter{lab: busyLab(b, wanted(b), 1)}
	var err error
	x.key, err = pki.Open(b.TempDir(), nil)
	x.must(err)
	_, err = x.apply(documents(widePlant, agreement, lineATO), applyOptions{})
	x.must(err)
	x.pass(time.Minute)
	x.serve()
	for b.Loop() {
		runtime.GC()
		before := heapNow()
		most, stop := before, make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() {
			for tick := time.NewTicker(10 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
					most = max(most, heapNow())
				}
			}
		})
		data, err := x.ask(b.Context(), &demarcv1.ExportEvidenceRequest{Boundary: "line4"}, auditor)
		close(stop)
		watching.Wait()
		x.must(err)
		b.ReportMetric(float64(len(data))/1e6, "MB-package")
		b.ReportMetric(float64(most-before)/1e6, "MB-heap")
	}
}

// heapNow is what is in use of it, garbage that was not collected included.
func heapNow() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
