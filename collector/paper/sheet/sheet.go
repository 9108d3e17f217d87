// Package sheet reads the lists that authorization tools export: hardware,
// software, and ports, protocols and services, as CSV or XLSX. Read recognises
// columns by their headers; what it returns are rows of an Inventory document:
// paper, never an observation.
package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"demarc/collector/boundary"
)

// Limits on one file: people keep lists of thousands, not millions.
const (
	maxFile    = 16 << 20 // bytes
	maxUnzip   = 64 << 20 // bytes of an XLSX unpacked
	maxRows    = 20000
	maxColumns = 256
	maxCell    = 4096 // bytes
	headerRows = 20   // in which the header is looked for
)

// table is cells, and where the first row stands in the file.
type table struct {
	rows  [][]string
	where func(row, column int) string // both from 0
}

// Read reads the rows of one kind of list from a file's content. The error names
// the line and the column. left names headers that no column of the list has.
func Read(name string, content []byte, list string) (rows []boundary.Row, left []string, err error) {
	if len(content) > maxFile {
		return nil, nil, fmt.Errorf("%s has %d bytes, more than %d: export fewer columns, or split it", name, len(content), maxFile)
	}
	if _, known := columns[list]; !known {
		return nil, nil, fmt.Errorf("no list is called %q: hardware, software, services or interconnections", list)
	}
	var t table
	if bytes.HasPrefix(content, []byte("PK\x03\x04")) {
		t, err = readXLSX(content)
	} else {
		t, err = readCSV(content)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	rows, left, err = t.read(list)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, left, nil
}

func readCSV(content []byte) (table, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if bytes.IndexByte(content, 0) >= 0 {
		return table{}, errors.New("it is neither XLSX nor text: export it as CSV in UTF-8, or as XLSX")
	}
	r := csv.NewReader(bytes.NewReader(content))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	r.Comma = separator(content)
	var t table
	var at []int
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return table{}, fmt.Errorf("%w: check its quotes", err)
		}
		line, _ := r.FieldPos(0)
		t.rows, at = append(t.rows, record), append(at, line)
		if err := bounded(record, len(t.rows), fmt.Sprintf("line %d", line)); err != nil {
			return table{}, err
		}
	}
	t.where = func(row, column int) string { return fmt.Sprintf("line %d, column %d", at[row], column+1) }
	return t, nil
}

// separator is the one of , ; and tab that the first line has most of.
func separator(content []byte) rune {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	best, most := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

func readXLSX(content []byte) (t table, err error) {
	defer func() {
		if r := recover(); r != nil { // the library's fault, on a file that somebody handed over
			t, err = table{}, errors.New("it cannot be read as XLSX: export it again, or as CSV")
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: maxUnzip, UnzipXMLSizeLimit: maxUnzip})
	if err != nil {
		return table{}, fmt.Errorf("it cannot be read as XLSX: %w", err)
	}
	defer func() { _ = f.Close() }()
	sheet := f.GetSheetName(f.GetActiveSheetIndex())
	rows, err := f.Rows(sheet)
	if err != nil {
		return table{}, fmt.Errorf("sheet %q: %w", sheet, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		record, err := rows.Columns()
		if err != nil {
			return table{}, fmt.Errorf("sheet %q: %w", sheet, err)
		}
		t.rows = append(t.rows, record)
		if err := bounded(record, len(t.rows), fmt.Sprintf("row %d", len(t.rows))); err != nil {
			return table{}, err
		}
	}
	t.where = func(row, column int) string {
		cell, err := excelize.CoordinatesToCellName(column+1, row+1)
		if err != nil {
			cell = fmt.Sprintf("row %d", row+1)
		}
		return fmt.Sprintf("sheet %q, cell %s", sheet, cell)
	}
	return t, nil
}

func bounded(record []string, rows int, where string) error {
	switch {
	case rows > maxRows+headerRows:
		return fmt.Errorf("more than %d rows: split it", maxRows)
	case len(record) > maxColumns:
		return fmt.Errorf("%s has %d columns, more than %d", where, len(record), maxColumns)
	case slices.ContainsFunc(record, func(s string) bool { return len(s) > maxCell }):
		return fmt.Errorf("%s has a cell of more than %d bytes", where, maxCell)
	}
	return nil
}

// empty reports whether nothing is written in a row.
func empty(record []string) bool {
	return !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" })
}
