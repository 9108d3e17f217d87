package tables

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Head is what the first lines of a file say of it.
type Head struct {
	File    string
	Source  string // who publishes the list, and where
	Date    string // of the list, "2026-11-22"
	Licence string
	Replace bool // the user's file stands alone: "# mode: replace"
}

// Bounds of a file. A line beyond them is refused, never cut.
const (
	maxFile = 32 << 20 // bytes
	maxLine = 1024     // bytes
)

// parse reads a file: lines of "# key: value" and comments, then rows of columns
// between tabs. The keys source, date and licence must be there; a user's file
// may lack the licence.
func parse(file, text string, f form, shipped bool) (*list, error) {
	l := &list{head: Head{File: file}}
	body := false
	number := 0
	text = strings.TrimPrefix(text, "\ufeff") // some editors put it in front
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		fail := func(err error) error { return fmt.Errorf("%s:%d: %w", file, number, err) }
		switch {
		case len(line) > maxLine:
			return nil, fail(fmt.Errorf("a line of %d bytes: at most %d", len(line), maxLine))
		case !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
			return nil, fail(errors.New("not plain text: save the file as UTF-8"))
		case strings.HasPrefix(line, "#"):
			if body {
				continue
			}
			if err := l.head.line(line, shipped); err != nil {
				return nil, fail(err)
			}
		case strings.TrimSpace(line) == "":
		default:
			body = true
			r, err := f.row(line)
			if err != nil {
				return nil, fail(err)
			}
			l.rows = append(l.rows, r)
		}
	}
	if err := l.head.whole(file, shipped); err != nil {
		return nil, err
	}
	return l, l.settle(f, false)
}

// settle sorts the rows, refuses a key that stands twice with two meanings, and
// lays out the values of number tables. Of what others publish the first
// meaning stands.
func (l *list) settle(f form, published bool) error {
	slices.SortStableFunc(l.rows, compareRows)
	for i := 1; i < len(l.rows) && !published; i++ {
		if a, b := l.rows[i-1], l.rows[i]; compareRows(a, b) == 0 && a.rest != b.rest {
			name := b.key
			if f.numbers {
				name = strconv.FormatUint(b.number, 10)
			}
			return fmt.Errorf("%s: key %s stands twice, as %q and as %q: leave one", l.head.File, name, a.rest, b.rest)
		}
	}
	l.rows = slices.CompactFunc(l.rows, func(a, b row) bool { return compareRows(a, b) == 0 })
	if !f.numbers {
		for i := range l.rows {
			l.some.add(l.rows[i].key)
		}
		return nil
	}
	l.text = nil
	for i := range l.rows {
		l.rows[i].at = len(l.text)
		l.text = append(l.text, l.rows[i].rest...)
	}
	return nil
}

func compareRows(a, b row) int {
	return cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.key, b.key))
}

// row reads one line behind the head.
func (f form) row(line string) (row, error) {
	key, rest, ok := strings.Cut(line, "\t")
	if !ok || key == "" || strings.Count(rest, "\t") != f.columns-1 || strings.TrimSpace(rest) == "" {
		return row{}, fmt.Errorf("%q: want %d columns with one tab between them", line, f.columns+1)
	}
	r := row{rest: strings.TrimRight(rest, " ")}
	if f.numbers {
		n, err := strconv.ParseUint(key, 0, 32)
		if err != nil {
			return r, fmt.Errorf("%q is not a number: want decimal, or hexadecimal behind 0x", key)
		}
		r.number = n
	} else {
		r.key = key
	}
	if f.check != nil {
		return r, f.check(key, rest)
	}
	return r, nil
}

// line takes "# key: value"; other comments say nothing.
func (h *Head) line(line string, shipped bool) error {
	key, value, ok := strings.Cut(strings.TrimSpace(strings.TrimLeft(line, "#")), ":")
	if !ok {
		return nil
	}
	value = strings.TrimSpace(value)
	switch key {
	case "source":
		h.Source = value
	case "licence":
		h.Licence = value
	case "date":
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return fmt.Errorf("date %q: want a day as 2026-11-22", value)
		}
		h.Date = value
	case "mode":
		if shipped || value != "extend" && value != "replace" {
			return fmt.Errorf("mode %q: want extend (rows are added, the same key is overruled) or replace", value)
		}
		h.Replace = value == "replace"
	}
	return nil
}

func (h *Head) whole(file string, shipped bool) error {
	for _, x := range []struct{ name, value string }{{"source", h.Source}, {"date", h.Date}, {"licence", h.Licence}} {
		if x.value == "" && (shipped || x.name != "licence") {
			return fmt.Errorf("%s:1: the head has no line \"# %s: ...\": say where the list is from and of which day it is", file, x.name)
		}
	}
	return nil
}
