package store

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestAuditChainShowsEveryChange(t *testing.T) {
	var log []AuditEntry
	var prev AuditEntry
	for _, what := range []string{"a", "b", "c", "d"} {
		prev = Chain(prev, Act{Time: time.Unix(1, 2), Who: "w", What: what, On: "o"})
		log = append(log, prev)
	}
	if err := VerifyAudit(AuditEntry{}, log); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]AuditEntry) []AuditEntry{
		"text":     func(l []AuditEntry) []AuditEntry { l[1].Act.What = "x"; return l },
		"moved":    func(l []AuditEntry) []AuditEntry { l[1].Act.Who, l[1].Act.What = "wb", ""; return l },
		"time":     func(l []AuditEntry) []AuditEntry { l[2].Act.Time = time.Unix(1, 3); return l },
		"removed":  func(l []AuditEntry) []AuditEntry { return append(l[:1], l[2:]...) },
		"first":    func(l []AuditEntry) []AuditEntry { return l[1:] },
		"replaced": func(l []AuditEntry) []AuditEntry { l[1] = Chain(l[0], Act{What: "x"}); return l },
	} {
		l := change(append([]AuditEntry(nil), log...))
		if err := VerifyAudit(AuditEntry{}, l); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCursorText(t *testing.T) {
	c := Cursor{Site: "houston", Used: time.Unix(5, 6).UTC()}
	c.Take(true, 1, 7, Digest{}, nil)
	for i := uint64(8); i <= 140; i++ {
		c.Take(false, i, i, Digest{byte(i)}, nil)
	}
	if b := c.Blocks(); len(b) != 1 || b[0].First != 8 || len(b[0].Digests) != blockSize || c.Blocks() != nil {
		t.Errorf("blocks %+v", b)
	}
	got, err := ReadCursor(c.AppendTo(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got.Through != 140 || got.Lost != 7 || got.Site != "houston" || !got.Used.Equal(c.Used) {
		t.Errorf("%+v", got)
	}
	for sequence, want := range map[uint64]Outcome{140: Again, 100: Again, 8 + blockSize: Again, 7 + blockSize: Forked, 3: Forked} {
		if o := got.Take(false, sequence, sequence, Digest{byte(sequence)}, nil); o != want {
			t.Errorf("%d: %v, want %v", sequence, o, want)
		}
	}
	b := c.AppendTo(nil)
	for _, bad := range [][]byte{nil, b[:10], b[:len(b)-1], append(slices.Clip(b), 1)} {
		if _, err := ReadCursor(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}
