package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/paper/sheet"
	"demarc/collector/store"
	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// report asks for a file.
func (x *exporter) report(ctx context.Context, r *demarcv1.ExportRequest, roles ...store.Grant) ([]byte, error) {
	stream, err := demarcv1.NewExportServiceClient(x.conn).Export(api.As(ctx, api.Principal{Name: "dana", Roles: roles}), r)
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

var engineer = store.Grant{Role: store.Engineer}

// workbook asks for one and returns its rows by sheet.
func (x *exporter) workbook(r *demarcv1.ExportRequest, roles ...store.Grant) (data []byte, rows map[string][][]string) {
	x.t.Helper()
	r.Format = "xlsx"
	data, err := x.report(x.t.Context(), r, roles...)
	x.must(err)
	f, err := excelize.OpenReader(bytes.NewReader(data))
	x.must(err)
	defer func() { _ = f.Close() }()
	rows = map[string][][]string{}
	for _, name := range f.GetSheetList() {
		rows[name], err = f.GetRows(name)
		x.must(err)
	}
	return data, rows
}

func TestExportWorkbook(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	_, rows := x.workbook(&demarcv1.ExportRequest{Authorization: "line4-ato"}, engineer)
	text := fmt.Sprint(rows)
	for _, want := range []string{"10.20.4.93", "10.50.1.94", "line4-ato/C1", "line4-to-historian", "What no agent heard is not told here", "sheet Connections"} {
		if !strings.Contains(text, want) {
			t.Errorf("the workbook lacks %q", want)
		}
	}
	if strings.Contains(text, "10.60.9.91") {
		t.Error("the workbook holds what is outside of the authorization")
	}
	if len(rows) != 8 {
		t.Errorf("%d sheets", len(rows))
	}
	for name, r := range rows {
		if len(r) < 2 {
			t.Errorf("sheet %s is empty without a word", name)
		}
	}
	if done := x.acts("export"); len(done) != 1 || done[0].Who != "dana" || done[0].On != "line4-ato" || !strings.HasPrefix(done[0].Detail, "xlsx of line4-ato as of 2026-04-12 09:01:01 UTC: SHA-256 ") {
		t.Errorf("%v", done)
	}
}

// TestExportWorkbookIsOfItsMoment: a moment gives the same bytes, whatever came since.
func TestExportWorkbookIsOfItsMoment(t *testing.T) {
	x := newExporter(t)
	r := &demarcv1.ExportRequest{Authorization: "line4-ato", AsOf: timestamppb.New(x.now)}
	x.pass(time.Second)
	first, _ := x.workbook(r, engineer)
	x.pass(time.Hour)
	x.send("a", flow("10.50.1.95", "10.20.4.93", 502, "modbus", x.now))
	x.pass(time.Minute)
	if again, _ := x.workbook(r, engineer); !bytes.Equal(first, again) {
		t.Error("the same moment gives another workbook")
	}
	if _, now := x.workbook(&demarcv1.ExportRequest{Authorization: "line4-ato"}, engineer); !strings.Contains(fmt.Sprint(now), "10.50.1.95") {
		t.Error("the workbook of now is one of before")
	}
}

// TestExportedAssetsAreImported: the workbook of assets is a hardware list that
// `import hardware` reads.
func TestExportedAssetsAreImported(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	data, rows := x.workbook(&demarcv1.ExportRequest{List: "assets", Boundary: "line4"}, engineer)
	if len(rows) != 2 || strings.Contains(fmt.Sprint(rows), "10.60.9.91") {
		t.Errorf("%v", rows)
	}
	read, _, err := sheet.Read("hw.xlsx", data, "hardware")
	x.must(err)
	if len(read) != len(rows["Assets"])-1 {
		t.Errorf("%d of %d rows are read: %+v", len(read), len(rows["Assets"])-1, read)
	}
}

// TestExportStaysWithinLimits: whoever has limits gets what they reach or a
// refusal, and nothing that is cut short without a word.
func TestExportStaysWithinLimits(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	line := store.Grant{Role: store.Analyst, Boundaries: []string{"line4"}}
	for _, c := range []struct {
		r    *demarcv1.ExportRequest
		role store.Grant
		code codes.Code
		want string
	}{
		{&demarcv1.ExportRequest{Format: "xlsx", Authorization: "line4-ato"}, line, codes.PermissionDenied, "do not reach dmz"},
		{&demarcv1.ExportRequest{Format: "xlsx", Boundary: "dmz"}, line, codes.NotFound, "known are line4"},
		{&demarcv1.ExportRequest{Format: "xlsx", List: "assets", Boundary: "dmz"}, line, codes.NotFound, "known are line4"},
		{&demarcv1.ExportRequest{Format: "xlsx"}, engineer, codes.InvalidArgument, "name an authorization or a boundary"},
		{&demarcv1.ExportRequest{Format: "xlsx", List: "secrets"}, engineer, codes.InvalidArgument, "assets, connections"},
		{&demarcv1.ExportRequest{Format: "xlsx", Connection: "c-1"}, engineer, codes.InvalidArgument, "no workbook"},
		{&demarcv1.ExportRequest{Format: "pdf", List: "assets"}, engineer, codes.InvalidArgument, "no report"},
		{&demarcv1.ExportRequest{Format: "doc", Authorization: "line4-ato"}, engineer, codes.InvalidArgument, "xlsx"},
		{&demarcv1.ExportRequest{Format: "xlsx", Authorization: "line4-ato", AsOf: timestamppb.New(x.now.Add(time.Hour))}, engineer, codes.OutOfRange, "lies ahead"},
	} {
		if _, err := x.report(t.Context(), c.r, c.role); status.Code(err) != c.code || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%v as %v: %v, want %q", c.r, c.role, err, c.want)
		}
	}
	if done := x.acts("export"); len(done) != 0 {
		t.Errorf("refusals are told as exports: %v", done)
	}
	if _, rows := x.workbook(&demarcv1.ExportRequest{List: "connections"}, line); strings.Contains(fmt.Sprint(rows), "10.60.9.91") || !strings.Contains(fmt.Sprint(rows), "10.20.4.93") {
		t.Error("a list goes beyond the limits of who asks for it")
	}
}

// text is what a reader sees of a PDF, as poppler reads it.
func text(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", name, "-").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// TestReportSaysEachConditionAndDocument: what a reader must find is text.
func TestReportSaysEachConditionAndDocument(t *testing.T) {
	netsim.Need(t, "pdftotext")
	x := newExporter(t)
	x.pass(time.Second)
	r := &demarcv1.ExportRequest{Format: "pdf", Authorization: "line4-ato", AsOf: timestamppb.New(x.now)}
	x.pass(time.Second)
	data, err := x.report(t.Context(), r, engineer)
	x.must(err)
	got := text(t, data)
	for _, want := range []string{"Authorization line4-ato", "Does each condition still hold, and how do we know?", "line4-ato/C1", "Interconnection/line4-to-historian", "Boundary/dmz", "Authorization/line4-ato", "Dana Ortiz", "as of 2026-04-12 09:01:01 UTC", "What no agent heard is not told here", "Signature", "page 1 of ", "authority: none"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "10.60.9.91") || strings.Contains(got, "{pages}") {
		t.Error("the report holds what is outside of the authorization, or no number of pages")
	}
	letter := proto.CloneOf(r)
	letter.Paper = "letter"
	other, err := x.report(t.Context(), letter, engineer)
	x.must(err)
	if bytes.Equal(other, data) || !strings.Contains(text(t, other), "line4-ato/C1") {
		t.Error("letter is no paper of its own")
	}
}

// TestReportIsOfItsMoment: a moment gives the same bytes, whatever came since.
func TestReportIsOfItsMoment(t *testing.T) {
	x := newExporter(t)
	r := &demarcv1.ExportRequest{Format: "pdf", Authorization: "line4-ato", AsOf: timestamppb.New(x.now)}
	x.pass(time.Second)
	first, err := x.report(t.Context(), r, engineer)
	x.must(err)
	x.pass(time.Hour)
	x.send("a", flow("10.50.1.95", "10.20.4.93", 502, "modbus", x.now))
	x.pass(time.Minute)
	if again, err := x.report(t.Context(), r, engineer); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same moment gives another report: %v", err)
	}
}

// TestBriefStaysWithinLimits: whoever may not see a connection gets no brief.
func TestBriefStaysWithinLimits(t *testing.T) {
	x := newExporter(t)
	x.pass(time.Second)
	_, rows := x.workbook(&demarcv1.ExportRequest{List: "connections"}, engineer)
	id := map[string]string{}
	for _, r := range rows["Connections"][1:] {
		id[r[1]] = r[len(r)-1]
	}
	ask := func(r *demarcv1.ExportRequest, role store.Grant) ([]byte, error) {
		r.Format = "pdf"
		return x.report(t.Context(), r, role)
	}
	line := store.Grant{Role: store.Analyst, Boundaries: []string{"line4"}}
	if data, err := ask(&demarcv1.ExportRequest{Connection: id["10.50.1.94"]}, line); err != nil || !bytes.HasPrefix(data, []byte("%PDF")) {
		t.Errorf("%v", err)
	}
	for want, r := range map[string]*demarcv1.ExportRequest{
		"no connection has the id":             {Connection: id["10.60.9.91"]},
		"a brief is of one connection":         {Connection: id["10.50.1.94"], Boundary: "line4"},
		"is not one that is printed on":        {Authorization: "line4-ato", Paper: "a3"},
		"do not reach dmz":                     {Authorization: "line4-ato"},
		"no connection has the id \"c-none\":": {Connection: "c-none"},
	} {
		if _, err := ask(r, line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", r, err, want)
		}
	}
}
