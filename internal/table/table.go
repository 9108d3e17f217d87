// Package table prints rows for people in aligned columns, and for programs as
// CSV. Inventory prints what `demarc-agent read` found.
package table

import (
	"bufio"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"time"
)

// Table is a heading and rows of equal length.
type Table struct {
	Head  []string
	Right []bool // columns set to the right; may be shorter than Head
	Wrap  []bool // columns whose text goes on in further lines instead of being cut; may be shorter than Head
	Rows  [][]string
}

const (
	gap     = 2 // spaces between columns
	minimum = 6 // cells that a column keeps when room is short
)

// Write prints t in columns no wider than width cells in all (0: no limit);
// what does not fit is cut with an ellipsis, or in the columns of Wrap goes on in
// further lines. Columns that are empty in every row are left out.
func (t Table) Write(w io.Writer, width int) error {
	columns := t.used()
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = cells(t.Head[c])
		for _, r := range t.Rows {
			widths[i] = max(widths[i], cells(plain(r[c])))
		}
	}
	shrink(widths, width)
	out := bufio.NewWriter(w)
	line := func(row []string) {
		var b strings.Builder
		for i, c := range columns {
			if i > 0 {
				b.WriteString(strings.Repeat(" ", gap))
			}
			text := cut(plain(row[c]), widths[i])
			space := strings.Repeat(" ", max(0, widths[i]-cells(text)))
			if c < len(t.Right) && t.Right[c] {
				text, space = space, text
			}
			b.WriteString(text + space)
		}
		_, _ = out.WriteString(strings.TrimRight(b.String(), " ") + "\n") // Flush tells
	}
	line(t.Head)
	for _, r := range t.Rows {
		for _, part := range t.wrapped(r, columns, widths) {
			line(part)
		}
	}
	return out.Flush()
}

// wrapped splits a row into the lines that it is printed in.
func (t Table) wrapped(row []string, columns, widths []int) [][]string {
	lines := [][]string{slices.Clone(row)}
	for i, c := range columns {
		if c >= len(t.Wrap) || !t.Wrap[c] {
			continue
		}
		for n, text := range fold(plain(row[c]), widths[i]) {
			if n == len(lines) {
				lines = append(lines, make([]string, len(row)))
			}
			lines[n][c] = text
		}
	}
	return lines
}

// fold breaks s between words into lines of at most n cells; a longer word
// stands alone and is cut where it is printed.
func fold(s string, n int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(s) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case cells(*last)+1+cells(word) <= n:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// used lists the columns that hold something.
func (t Table) used() []int {
	var columns []int
	for c := range t.Head {
		for _, r := range t.Rows {
			if r[c] != "" {
				columns = append(columns, c)
				break
			}
		}
	}
	return columns
}

// shrink takes cells from the widest column, one by one, until all fit.
func shrink(widths []int, width int) {
	if width <= 0 || len(widths) == 0 {
		return
	}
	total := gap * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	for ; total > width; total-- {
		widest := 0
		for i, n := range widths {
			if n > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= minimum {
			return
		}
		widths[widest]--
	}
}

// WriteCSV prints t as RFC 4180 rows, the heading first. A cell that a
// spreadsheet would take for a formula begins with an apostrophe.
func (t Table) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(t.Head); err != nil {
		return err
	}
	for _, r := range t.Rows {
		row := make([]string, len(r))
		for i, s := range r {
			row[i] = inert(s)
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// inert keeps text that came from the wire from being run as a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Hours is a duration without zeros at its end, as people write it: "168h".
func Hours(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
