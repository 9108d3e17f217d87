package export

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// made is a workbook of one sheet with these rows.
func made(t testing.TB, rows int, cells [][]any) []byte {
	t.Helper()
	b, err := newWorkbook(noon)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.close() }()
	b.rows = rows
	s := b.sheet("List", "Text", "Number", "Minute", "Day")
	for _, c := range cells {
		if err := s.row(c...); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := s.close("None."); err != nil {
		t.Fatal(err)
	}
	if err := b.writeTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func opened(t testing.TB, data []byte) *excelize.File {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestCellsKeepWhatTheyHold: no text is a formula, a number or a code, and what
// a cell cannot show is there by its number.
func TestCellsKeepWhatTheyHold(t *testing.T) {
	long := strings.Repeat("x", cellLength+1000)
	texts := map[string]string{
		"=1+1": "", "+cmd|' /C calc'!A0": "", "@SUM(A1)": "", "-1": "", "007": "", "1e5": "", "TRUE": "", "2026-03-01": "", " two  blanks ": "", "<a>&amp;": "", "line\nline\ttab": "",
		"_x0041_": "⟨U+005F⟩x0041_", "_x005F_x0041_": "⟨U+005F⟩x005F⟨U+005F⟩x0041_", "порт 炉 😀": "", "a\u202eb": "a⟨U+202E⟩b", "a\x00b\x07": "a⟨U+0000⟩b⟨U+0007⟩", "\xff\xfe": "⟨FF⟩⟨FE⟩", "\ufffe\uffff": "⟨U+FFFE⟩⟨U+FFFF⟩", "\ufffd": "",
		long: "xxxx… (cut: 33767 characters in all)", strings.Repeat("😀", 20_000): "😀… (cut: 20000 characters in all)", strings.Repeat("_x0041_", 5_000): "… (cut: 35000 characters in all)",
	}
	for text, want := range texts {
		f := opened(t, made(t, sheetRows, [][]any{{text, 7, timestamppb.New(noon), date{timestamppb.New(noon)}}}))
		got, err := f.GetCellValue("List", "A2")
		if want == "" {
			want = text
		}
		if err != nil || !strings.HasSuffix(got, want) || len(text) < 100 && got != want || len(utf16.Encode([]rune(got))) > cellLength {
			t.Errorf("%.40q reads %.60q, want %.60q: %v", text, got, want, err)
		}
		if kind, err := f.GetCellType("List", "A2"); err != nil || kind != excelize.CellTypeInlineString {
			t.Errorf("%.40q is of type %v: %v", text, kind, err)
		}
		if formula, err := f.GetCellFormula("List", "A2"); err != nil || formula != "" {
			t.Errorf("%.40q is the formula %q: %v", text, formula, err)
		}
	}
}

func TestNumbersAndDatesAreSuch(t *testing.T) {
	f := opened(t, made(t, sheetRows, [][]any{{"a", uint64(12_000), timestamppb.New(noon), date{timestamppb.New(noon)}}, {"", "", (*timestamppb.Timestamp)(nil), date{}}}))
	for cell, want := range map[string][2]string{"B2": {"12000", "12000"}, "C2": {"46091.5", "2026-03-10 12:00"}, "D2": {"46091", "2026-03-10"}, "A3": {"", ""}, "C3": {"", ""}, "D3": {"", ""}} {
		raw, err := f.GetCellValue("List", cell, excelize.Options{RawCellValue: true})
		shown, err2 := f.GetCellValue("List", cell)
		if err != nil || err2 != nil || raw != want[0] || shown != want[1] {
			t.Errorf("%s holds %q and shows %q, want %q", cell, raw, shown, want)
		}
	}
	panes, err := f.GetPanes("List")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the header is not frozen: %+v %v", panes, err)
	}
	if tables, err := f.GetTables("List"); err != nil || len(tables) != 1 || tables[0].Range != "A1:D3" {
		t.Errorf("no filter over the columns: %+v %v", tables, err)
	}
}

// TestFullSheetGoesOn: what does not fit a sheet stands on the next, and both
// say so.
func TestFullSheetGoesOn(t *testing.T) {
	var cells [][]any
	for i := range 600 {
		cells = append(cells, []any{fmt.Sprint("row ", i), i, (*timestamppb.Timestamp)(nil), date{}})
	}
	f := opened(t, made(t, 251, cells))
	if got := f.GetSheetList(); !slices.Equal(got, []string{"List", "List 2", "List 3"}) {
		t.Fatal(got)
	}
	var all []string
	for _, name := range f.GetSheetList() {
		rows, err := f.GetRows(name)
		if err != nil || len(rows) > 251 || rows[0][0] != "Text" {
			t.Fatalf("%s: %d rows, %v", name, len(rows), err)
		}
		for _, r := range rows[1:] {
			all = append(all, r[0])
		}
	}
	want := `This sheet is full: the list goes on on sheet "List 2".`
	if len(all) != 602 || all[0] != "row 0" || all[249] != want || all[250] != "row 249" || all[601] != "row 599" {
		t.Errorf("%d rows: %q %q %q", len(all), all[249], all[250], all[len(all)-1])
	}
}

func TestEmptySheetSaysSo(t *testing.T) {
	if rows, err := opened(t, made(t, sheetRows, nil)).GetRows("List"); err != nil || len(rows) != 2 || rows[1][0] != "None." {
		t.Errorf("%q %v", rows, err)
	}
}

func TestSameRowsGiveTheSameBytes(t *testing.T) {
	cells := [][]any{{"a", 1, timestamppb.New(noon), date{timestamppb.New(noon)}}}
	first := made(t, 2, append(cells, cells...))
	for range 20 {
		if !bytes.Equal(first, made(t, 2, append(cells, cells...))) {
			t.Fatal("the same rows give another file")
		}
	}
	z, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil || z.File[0].Name != "[Content_Types].xml" {
		t.Errorf("%v %v", z, err)
	}
}

// BenchmarkWorkbook writes 100,000 rows as wide as connections are, and tells
// the most memory that it took.
func BenchmarkWorkbook(b *testing.B) {
	for b.Loop() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		before, most := m.HeapAlloc, uint64(0)
		k, err := newWorkbook(noon)
		if err != nil {
			b.Fatal(err)
		}
		s := k.sheet("Connections", sheets[1].head...)
		for i := range 100_000 {
			row := make([]any, len(s.head))
			for j := range row {
				row[j] = fmt.Sprintf("10.20.4.%d told this of column %d", i, j)
			}
			if err := s.row(row...); err != nil {
				b.Fatal(err)
			}
			if i%5000 == 0 {
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		if err := s.close(""); err != nil {
			b.Fatal(err)
		}
		size := &counter{w: io.Discard, most: 1 << 30}
		if err := k.writeTo(size); err != nil {
			b.Fatal(err)
		}
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
		_ = k.close()
		b.ReportMetric(float64(most-before)/1e6, "MB-heap")
		b.ReportMetric(float64(size.n)/1e6, "MB-file")
	}
}
