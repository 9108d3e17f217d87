package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/paper/sheet"
	"demarc/collector/store"
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
	defer f.Close()
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
