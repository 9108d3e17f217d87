package server

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/paper/sheet"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// outside are the documents for the programs of others, of one authorization.
var outside = []*demarcv1.ExportRequest{
	{Format: "oscal-ar", Authorization: "line4-ato"},
	{Format: "oscal-poam", Authorization: "line4-ato"},
	{Format: "oscal-ssp", Authorization: "line4-ato"},
	{Format: "csv", List: "hardware", Authorization: "line4-ato"},
	{Format: "csv", List: "services", Authorization: "line4-ato"},
	{Format: "hdf", Authorization: "line4-ato"},
	{Format: "scn", Authorization: "line4-ato"},
}

// changed lets a device come in after the snapshot.
func (x *exporter) changed() {
	x.t.Helper()
	x.take("line4-ato")
	x.pass(time.Hour)
	x.send("a", flow("10.50.1.95", "10.20.4.93", 502, "modbus", x.now))
	x.send("a", flow("10.20.4.96", "10.20.4.93", 502, "modbus", x.now))
	x.pass(time.Minute)
	x.serve()
}

// TestDocumentsForOthers: each tells of what it is of and of nothing else, stays
// the same for its moment, and that it was made is an act.
func TestDocumentsForOthers(t *testing.T) {
	x := newExporter(t)
	x.changed()
	want := map[string][]string{
		"oscal-ar":   {"line4-ato/C1", "Boundary dmz", "not-satisfied"},
		"oscal-poam": {"poam-items"},
		"oscal-ssp":  {"10.20.4.93", "this-system", "Dana Ortiz"},
		"csv":        {"10.20.4.9"},
		"hdf":        {"line4-ato/C1", "skipped"},
		"scn":        {"10.20.4.96", `"changeType": ""`, "new asset"},
	}
	at := timestamppb.New(x.now)
	x.pass(time.Second)
	first := map[string][]byte{}
	for _, r := range outside {
		r = proto.CloneOf(r)
		r.AsOf = at
		data, err := x.report(t.Context(), r, auditor)
		x.must(err)
		first[r.GetFormat()+r.GetList()] = data
		for _, w := range want[r.GetFormat()] {
			if r.GetList() != "services" && !bytes.Contains(data, []byte(w)) {
				t.Errorf("%s lacks %q:\n%s", r.GetFormat(), w, data)
			}
		}
		for _, not := range []string{"10.60.9.91", "10.60.9.92", "Boundary corporate"} {
			if bytes.Contains(data, []byte(not)) {
				t.Errorf("%s tells of %s, which it is not of", r.GetFormat(), not)
			}
		}
		if r.GetFormat() == "csv" {
			if rows, _, err := sheet.Read("x.csv", data, r.GetList()); err != nil || len(rows) == 0 {
				t.Errorf("%s is not read again: %v", r.GetList(), err)
			}
		}
	}
	if done := x.acts("export"); len(done) != len(outside) || done[0].Who != "dana" || done[0].On != "line4-ato" || !strings.Contains(done[0].Detail, "oscal-ar of line4-ato") || !strings.Contains(done[0].Detail, "SHA-256 ") {
		t.Errorf("%v", done)
	}
	x.send("a", flow("10.50.1.97", "10.20.4.93", 502, "modbus", x.now))
	x.pass(time.Hour)
	x.serve()
	for _, r := range outside {
		r = proto.CloneOf(r)
		r.AsOf = at
		if again, err := x.report(t.Context(), r, auditor); err != nil || !bytes.Equal(again, first[r.GetFormat()+r.GetList()]) {
			t.Errorf("%s %s: the same moment gives another file (%v)", r.GetFormat(), r.GetList(), err)
		}
	}
}

// TestDocumentsForOthersHoldToRoles: nobody gets anything of a boundary that
// their roles do not reach, and nobody less than a document says.
func TestDocumentsForOthersHoldToRoles(t *testing.T) {
	x := newExporter(t)
	x.changed()
	x.pass(time.Second)
	line, elsewhere := store.Grant{Role: store.Auditor, Boundaries: []string{"line4"}}, store.Grant{Role: store.Auditor, Sites: []string{"austin"}}
	for _, r := range outside {
		if _, err := x.report(t.Context(), r, line); status.Code(err) != codes.PermissionDenied || !strings.Contains(fmt.Sprint(err), "do not reach dmz") {
			t.Errorf("%s for who reaches line4 alone: %v", r.GetFormat(), err)
		}
		if _, err := x.report(t.Context(), r, elsewhere); status.Code(err) != codes.NotFound {
			t.Errorf("%s for another site: %v", r.GetFormat(), err)
		}
		narrow := proto.CloneOf(r)
		narrow.Boundary = "line4"
		data, err := x.report(t.Context(), narrow, line)
		if err != nil {
			t.Errorf("%s of line4 alone: %v", r.GetFormat(), err)
		}
		if bytes.Contains(data, []byte("Boundary dmz")) {
			t.Errorf("%s of line4 alone holds dmz", r.GetFormat())
		}
	}
	bad := func(r *demarcv1.ExportRequest, code codes.Code, want string) {
		t.Helper()
		if _, err := x.report(t.Context(), r, auditor); status.Code(err) != code || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v: %v, want %q", r, err, want)
		}
	}
	bad(&demarcv1.ExportRequest{Format: "sarif", Authorization: "line4-ato"}, codes.InvalidArgument, "csv, hdf, oscal-ar, oscal-poam, oscal-ssp, ")
	bad(&demarcv1.ExportRequest{Format: "csv", Authorization: "line4-ato", List: "people"}, codes.InvalidArgument, "hardware, software, services")
	bad(&demarcv1.ExportRequest{Format: "hdf", Authorization: "line4-ato", Plan: "https://x.example"}, codes.InvalidArgument, "plan goes with oscal-ar")
	bad(&demarcv1.ExportRequest{Format: "oscal-ar"}, codes.InvalidArgument, "name an authorization or a boundary")
	bad(&demarcv1.ExportRequest{Format: "oscal-ar", Authorization: "line4-ato", Plan: "http://[x"}, codes.FailedPrecondition, "/assessment-results/import-ap/href")
	bad(&demarcv1.ExportRequest{Format: "scn", Boundary: "line4"}, codes.InvalidArgument, "name it")
	bad(&demarcv1.ExportRequest{Format: "scn", Authorization: "line4-ato", Since: timestamppb.New(x.now)}, codes.FailedPrecondition, "no change to tell of")
	bad(&demarcv1.ExportRequest{Format: "hdf", Boundary: "corporate"}, codes.FailedPrecondition, "no condition is set")
	bad(&demarcv1.ExportRequest{Format: "csv", List: "software", Authorization: "line4-ato"}, codes.FailedPrecondition, "nothing was heard")
}

// TestDocumentsOverREST: the answer is the file, under its name and kind.
func TestDocumentsOverREST(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	rest, err := api.REST(x.conn)
	x.must(err)
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(api.As(t.Context(), api.Principal{Name: "dana", Roles: []store.Grant{auditor}}), "GET", path, nil)
		w := httptest.NewRecorder()
		rest.ServeHTTP(w, r)
		return w
	}
	w := get("/api/v1/exports/oscal-ar?authorization=line4-ato&plan=https://plans.example/ap")
	if h := w.Header(); w.Code != 200 || h.Get("Content-Type") != "application/json" || h.Get("Content-Disposition") != "attachment; filename=oscal-ar-line4-ato.json" || !bytes.Contains(w.Body.Bytes(), []byte("https://plans.example/ap")) {
		t.Errorf("%d %v %.300s", w.Code, h, w.Body)
	}
	if w = get("/api/v1/exports/csv?authorization=line4-ato&list=hardware"); w.Code != 200 || w.Header().Get("Content-Disposition") != "attachment; filename=demarc-line4-ato-hardware.csv" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w = get("/api/v1/exports/scn?authorization=line4-ato"); w.Code != 400 || !strings.Contains(w.Body.String(), "no snapshot") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
