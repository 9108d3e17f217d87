package tables

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// manufacturers reads the manufacturer identifiers of PROFIBUS & PROFINET
// International as published (Man_ID_Table.xml): elements Manufacturer with
// attribute ID, in each ManufacturerInfo/ManufacturerName.
func manufacturers(b []byte) ([]row, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		if c := strings.ToLower(charset); c != "iso-8859-1" && c != "us-ascii" && c != "windows-1252" {
			return nil, fmt.Errorf("character set %q: save the file as UTF-8", charset)
		}
		return latin1(r)
	}
	var rows []row
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		start, ok := tok.(xml.StartElement)
		if !ok || start.Name.Local != "Manufacturer" {
			continue
		}
		var m struct {
			ID   string `xml:"ID,attr"`
			Name string `xml:"ManufacturerInfo>ManufacturerName"`
		}
		if err := d.DecodeElement(&m, &start); err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(strings.TrimSpace(m.ID), 10, 16)
		if name := clean(m.Name); err == nil && name != "" { // ranges that are kept free have neither
			rows = append(rows, row{number: n, rest: name})
		}
	}
}

// enterprises reads IANA's list as published (enterprise-numbers): a line with
// the number at its front, and behind it the organization, indented.
func enterprises(b []byte) ([]row, error) {
	var rows []row
	var number uint64
	waits := false
	for line := range strings.SplitSeq(string(b), "\n") {
		text := strings.TrimSpace(line)
		if text == "" {
			continue
		}
		if line[0] >= '0' && line[0] <= '9' {
			n, err := strconv.ParseUint(text, 10, 32)
			number, waits = n, err == nil
			continue
		}
		if name := clean(text); waits && (line[0] == ' ' || line[0] == '\t') {
			waits = false
			if name != "" && name != "---none---" && name != "Reserved" {
				rows = append(rows, row{number: number, rest: name})
			}
		}
	}
	return rows, nil
}

// assignments reads a listing of the IEEE Registration Authority as published:
// registry, assignment, organization, address.
func assignments(digits int) func([]byte) ([]row, error) {
	return func(b []byte) ([]row, error) {
		r := csv.NewReader(bytes.NewReader(b))
		r.FieldsPerRecord = -1
		var rows []row
		for {
			col, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			line, _ := r.FieldPos(0)
			if len(col) < 3 {
				return nil, fmt.Errorf("line %d: want registry, assignment and organization", line)
			}
			key, name := strings.ToLower(col[1]), clean(col[2])
			if len(key) != digits || prefix(key, "") != nil {
				if line == 1 { // the heading
					continue
				}
				return nil, fmt.Errorf("line %d: assignment %q: want %d hexadecimal digits", line, col[1], digits)
			}
			if name != "" && name != "Private" && !strings.HasPrefix(name, "IEEE Registration Authority") {
				rows = append(rows, row{key: key, rest: name})
			}
		}
		// A prefix that is registered twice keeps the name that sorts first.
		slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.key+"\t"+a.rest, b.key+"\t"+b.rest) })
		return slices.CompactFunc(rows, func(a, b row) bool { return a.key == b.key }), nil
	}
}

// clean makes one line of plain text, without what a table cannot hold.
func clean(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	return s[:min(len(s), maxLine/4)]
}

// latin1 turns ISO 8859-1 into UTF-8.
func latin1(r io.Reader) (io.Reader, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return strings.NewReader(string(runes)), nil
}
