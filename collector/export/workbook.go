package export

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Bounds of the format (ECMA-376 as spreadsheet programs have it).
const (
	cellLength = 32_767 // UTF-16 units
	sheetRows  = 1_048_576
)

// fitted is how many rows tell how wide the columns of a sheet are.
const fitted = 200

// date is a day: its cell has no hour.
type date struct{ *timestamppb.Timestamp }

// workbook is an XLSX file in the making, sheet by sheet. Rows go to a
// temporary file once they are many.
type workbook struct {
	file *excelize.File
	rows int // a sheet has at most

	head, text, number, minute, day int // styles
}

func newWorkbook(at time.Time) (*workbook, error) {
	b := &workbook{file: excelize.NewFile(), rows: sheetRows}
	for _, style := range []struct {
		id     *int
		bold   bool
		align  string
		format string
	}{{&b.head, true, "", ""}, {&b.text, false, "", ""}, {&b.number, false, "right", "0"}, {&b.minute, false, "left", "yyyy-mm-dd hh:mm"}, {&b.day, false, "left", "yyyy-mm-dd"}} {
		want := &excelize.Style{Font: &excelize.Font{Bold: style.bold}, Alignment: &excelize.Alignment{Vertical: "top", Horizontal: style.align, Indent: map[string]int{"right": 1}[style.align], WrapText: style.format == ""}}
		if style.format != "" {
			want.CustomNumFmt = &style.format
		}
		id, err := b.file.NewStyle(want)
		if err != nil {
			return nil, err
		}
		*style.id = id
	}
	stamp := at.UTC().Format(time.RFC3339)
	return b, b.file.SetDocProps(&excelize.DocProperties{Creator: "Demarc", Created: stamp, Modified: stamp})
}

// sheet is one that is being written. What does not fit goes on on another.
type sheet struct {
	*workbook
	name, part string // of the whole, and of this part of it
	head       []string
	stream     *excelize.StreamWriter
	first      [][]any // until the widths are known
	widths     []float64
	at, parts  int // row, and sheets that it takes
	n          int // rows of all parts
}

// sheet begins one.
func (b *workbook) sheet(name string, head ...string) *sheet {
	return &sheet{workbook: b, name: name, head: head}
}

// row adds one: strings stay strings, numbers are numbers, times are times.
func (s *sheet) row(cells ...any) error {
	s.n++
	if s.stream == nil {
		if s.first = append(s.first, cells); len(s.first) < fitted {
			return nil
		}
		return s.open()
	}
	return s.write(cells)
}

// open begins a part, and writes what waited for it.
func (s *sheet) open() (err error) {
	s.parts++
	if s.part = s.name; s.parts > 1 {
		s.part = fmt.Sprintf("%s %d", s.name, s.parts)
	}
	if names := s.file.GetSheetList(); len(names) == 1 && names[0] == "Sheet1" {
		err = s.file.SetSheetName("Sheet1", s.part)
	} else if !slices.Contains(names, s.part) {
		_, err = s.file.NewSheet(s.part)
	}
	if err != nil {
		return err
	}
	wide, long := (len(s.head)+11)/12, 0 // pages
	if err = s.file.SetSheetProps(s.part, &excelize.SheetPropsOptions{FitToPage: new(true)}); err != nil {
		return err
	}
	if err = s.file.SetPageLayout(s.part, &excelize.PageLayoutOptions{Orientation: new("landscape"), FitToWidth: &wide, FitToHeight: &long}); err != nil {
		return err
	}
	if err = s.file.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: "'" + s.part + "'!$1:$1", Scope: s.part}); err != nil {
		return err
	}
	if s.stream, err = s.file.NewStreamWriter(s.part); err != nil {
		return err
	}
	for i := range s.head {
		if s.parts == 1 {
			s.widths = append(s.widths, s.width(i))
		}
		if err = s.stream.SetColWidth(i+1, i+1, s.widths[i]); err != nil {
			return err
		}
	}
	if err = s.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	heads := make([]any, len(s.head))
	for i, h := range s.head {
		heads[i] = excelize.Cell{StyleID: s.workbook.head, Value: h}
	}
	s.at = 1
	if err = s.stream.SetRow("A1", heads); err != nil {
		return err
	}
	waiting := s.first
	s.first = nil
	for _, cells := range waiting {
		if err = s.write(cells); err != nil {
			return err
		}
	}
	return nil
}

// width is that of the widest text of a column, in characters, within reason.
func (s *sheet) width(column int) float64 {
	most := utf8.RuneCountInString(s.head[column]) + 3 // the button of the filter
	for _, cells := range s.first {
		n := 0
		switch c := cells[column].(type) {
		case string:
			for line := range strings.SplitSeq(c, "\n") {
				n = max(n, utf8.RuneCountInString(line))
			}
		case date:
			n = 11
		case *timestamppb.Timestamp:
			n = 17
		default:
			n = len(fmt.Sprint(c))
		}
		most = max(most, n+1)
	}
	return float64(min(most, 60))
}

func (s *sheet) write(cells []any) error {
	if s.at == s.rows-1 { // the last row is for the way on
		if err := s.put([]any{fmt.Sprintf("This sheet is full: the list goes on on sheet %q.", fmt.Sprintf("%s %d", s.name, s.parts+1))}); err != nil {
			return err
		}
		if err := s.end(); err != nil {
			return err
		}
		if err := s.open(); err != nil {
			return err
		}
	}
	return s.put(cells)
}

func (s *sheet) put(cells []any) error {
	row := make([]any, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case string:
			if c == "" {
				continue
			}
			row[i] = excelize.Cell{StyleID: s.text, Value: cellText(c)}
		case date:
			if c.Timestamp != nil {
				row[i] = excelize.Cell{StyleID: s.day, Value: c.AsTime().UTC().Truncate(24 * time.Hour)}
			}
		case *timestamppb.Timestamp:
			if c != nil {
				row[i] = excelize.Cell{StyleID: s.minute, Value: c.AsTime().UTC()}
			}
		default:
			row[i] = excelize.Cell{StyleID: s.number, Value: c}
		}
	}
	s.at++
	cell, err := excelize.CoordinatesToCellName(1, s.at)
	if err != nil {
		return err
	}
	return s.stream.SetRow(cell, row, excelize.RowOpts{Height: s.height(cells)})
}

// height of a row in points; 0 for one line. Not every program finds it out by
// itself. What is very long is cut off to the eye alone.
func (s *sheet) height(cells []any) float64 {
	most := 1
	for i, c := range cells {
		n := 0
		if text, ok := c.(string); ok {
			for line := range strings.SplitSeq(text, "\n") {
				n += 1 + utf8.RuneCountInString(line)/int(s.widths[i])
			}
		}
		most = max(most, n)
	}
	if most == 1 {
		return 0
	}
	return 15 * float64(min(most, 20))
}

// end closes a part: as a table it has a filter over each column.
func (s *sheet) end() error {
	last, err := excelize.CoordinatesToCellName(len(s.head), max(s.at, 2))
	if err != nil {
		return err
	}
	if err := s.stream.AddTable(&excelize.Table{Range: "A1:" + last, Name: strings.ReplaceAll(s.part, " ", "_"), StyleName: "TableStyleLight1"}); err != nil {
		return err
	}
	return s.stream.Flush()
}

// close ends the sheet; where it has no row, it says so.
func (s *sheet) close(empty string) error {
	if s.n == 0 {
		s.first = [][]any{append([]any{empty}, make([]any, len(s.head)-1)...)}
	}
	if s.stream == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	return s.end()
}

// escaped is what some programs that read a cell take for one character, and
// others do not.
var escaped = regexp.MustCompile(`_(x[0-9A-Fa-f]{4}_)`)

// cellText is a text as a cell can hold it, and as every program reads it.
func cellText(s string) string {
	s = visible(s, func(rune) bool { return true })
	written := s
	for range 2 { // one may begin with the end of another
		written = escaped.ReplaceAllString(written, "⟨U+005F⟩$1")
	}
	if len(written) <= cellLength {
		return written
	}
	end := fmt.Sprintf("… (cut: %d characters in all)", utf8.RuneCountInString(s))
	units, cut := 0, 0
	for i, r := range written {
		if units += utf16.RuneLen(r); units > cellLength {
			return written[:cut] + end
		}
		if units <= cellLength-len(end) {
			cut = i + utf8.RuneLen(r)
		}
	}
	return written
}

// writeTo writes the file, its parts in order of their names: the same rows
// give the same bytes.
func (b *workbook) writeTo(w io.Writer) error {
	packed, err := b.file.WriteToBuffer()
	if err != nil {
		return err
	}
	z, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		return err
	}
	slices.SortFunc(z.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	out := zip.NewWriter(w)
	for _, f := range z.File {
		if err := out.Copy(f); err != nil {
			return err
		}
	}
	return out.Close()
}

// close takes the temporary files away.
func (b *workbook) close() error { return b.file.Close() }
