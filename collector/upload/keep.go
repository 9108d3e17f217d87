package upload

import (
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Beside each capture lies a record of it, so that a run that ends loses
// nothing: the next one reads what waited, and takes the rest of what did not
// arrive.
const (
	recordEnd  = ".json"
	partEnd    = ".part" // of a record that is being written
	captureEnd = ".capture"
)

func (d *Desk) recordOf(id string) string  { return filepath.Join(d.Dir, id+recordEnd) }
func (d *Desk) captureOf(id string) string { return filepath.Join(d.Dir, id+captureEnd) }

// record writes an upload's record anew: the old one or the new one is there.
func (d *Desk) record(u *Upload) error {
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return err
	}
	part := d.recordOf(u.ID) + partEnd
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, d.recordOf(u.ID))
}

// resume takes up what a run before left, and removes what no record is of.
func (d *Desk) resume() {
	records, _ := filepath.Glob(filepath.Join(d.Dir, "*"+recordEnd)) // the pattern is good
	for _, path := range records {
		u, err := readRecord(path)
		if err != nil || d.recordOf(u.ID) != path {
			d.Log.Warn("the record of an upload is not good, and removed", "file", path, "error", err)
			_ = os.Remove(path) // or the next start does
			continue
		}
		if !u.Keep {
			u.Path = d.captureOf(u.ID) // the directory may have moved
		}
		d.all = append(d.all, u)
	}
	slices.SortFunc(d.all, func(a, b *Upload) int { return cmp.Or(a.Begun.Compare(b.Begun), strings.Compare(a.ID, b.ID)) })
	d.sweep()
	open := 0
	for _, u := range d.all {
		if !u.open() {
			continue
		}
		if open++; open > maxOpen {
			d.end(u, Failed, "too many were on their way when the collector ended")
			continue
		}
		d.again(u)
	}
	d.forget()
}

func readRecord(path string) (*Upload, error) {
	text, err := os.ReadFile(path) //nolint:gosec // of this desk's directory
	if err != nil {
		return nil, err
	}
	u := &Upload{}
	return u, json.Unmarshal(text, u)
}

// again goes on with an upload that was open.
func (d *Desk) again(u *Upload) {
	info, err := os.Stat(u.Path)
	u.Done = 0
	switch {
	case u.State == Receiving:
		if err == nil {
			u.Done = min(info.Size(), u.Bytes)
		}
		u.Words = interrupted(u, "the collector ended")
	case errors.Is(err, os.ErrNotExist):
		d.end(u, Failed, "its file is gone: drop it again")
	default:
		u.State = Waiting
		d.queue <- u.ID // holds as many as may be open
	}
}

// sweep removes captures that no record is of.
func (d *Desk) sweep() {
	left, _ := filepath.Glob(filepath.Join(d.Dir, "*"+captureEnd)) // the patterns are good
	parts, _ := filepath.Glob(filepath.Join(d.Dir, "*"+partEnd))
	for _, path := range append(left, parts...) {
		if !slices.ContainsFunc(d.all, func(u *Upload) bool { return u.Path == path && u.open() }) {
			_ = os.Remove(path) // or the next start does
		}
	}
}
