package tables

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Use lays the files of a folder over what is shipped: NAME.tsv extends the
// table NAME, or replaces it where its head says "# mode: replace"; lists as
// their publishers give them out are known by the names of their files. All are
// read before any takes effect, and a file that no table has is an error. It
// returns what was taken. Use is called once, at start.
func Use(dir string) ([]Head, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("tables: %w", err)
	}
	found := map[*Table]*list{}
	var heads []Head
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		t, read := tableOf(e.Name())
		if t == nil {
			return nil, fmt.Errorf("tables: %s: no table has this name: want one of %s", path, strings.Join(fileNames(), ", "))
		}
		l, err := t.load(path, read)
		if err != nil {
			return nil, fmt.Errorf("tables: %w", err)
		}
		if had := found[t]; had != nil {
			if err := had.join(l, t.form); err != nil {
				return nil, fmt.Errorf("tables: %w", err)
			}
		} else {
			found[t] = l
		}
		heads = append(heads, l.head)
	}
	for t, l := range found {
		t.user.Store(l)
	}
	return heads, nil
}

// load reads a user's file.
func (t *Table) load(path string, read func([]byte) ([]row, error)) (*list, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes: at most %d", path, info.Size(), maxFile)
	}
	b, err := os.ReadFile(path) //nolint:gosec // the settings name it
	if err != nil {
		return nil, err
	}
	if read == nil {
		return parse(path, string(b), t.form, false)
	}
	rows, err := read(b)
	if err == nil && len(rows) == 0 {
		err = errors.New("nothing in it: want the file as its publisher gives it out")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l := &list{head: Head{File: path, Source: "as published", Date: info.ModTime().UTC().Format("2006-01-02")}, rows: rows}
	return l, l.settle(t.form, true)
}

// join adds the rows of another file to the same table.
func (l *list) join(m *list, f form) error {
	l.rows = append(l.rows, m.rows...)
	l.head.Replace = l.head.Replace || m.head.Replace
	return l.settle(f, false)
}

// tableOf finds the table of a file, and its reader where the file is in its
// publisher's form.
func tableOf(name string) (*Table, func([]byte) ([]row, error)) {
	for _, t := range all {
		if name == t.Name+".tsv" {
			return t, nil
		}
		if read := t.form.foreign[name]; read != nil {
			return t, read
		}
	}
	return nil, nil
}

func fileNames() []string {
	var names []string
	for _, t := range all {
		names = append(names, t.Name+".tsv")
		for name := range t.form.foreign {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
