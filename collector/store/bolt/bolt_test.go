package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"demarc/collector/store"
	"demarc/collector/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string, clock func() time.Time) store.Store {
		s, err := Open(filepath.Join(dir, "demarc.db"), Options{Clock: clock, NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestLockedFileIsToldAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demarc.db")
	open(t, path)
	begun := time.Now()
	_, err := Open(path, Options{})
	if !errors.Is(err, store.ErrLocked) || time.Since(begun) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	db, err := bbolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("spool")); return err })
	_ = db.Close()
	newer := filepath.Join(dir, "newer")
	s := open(t, newer)
	_ = s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(metaFormat, number(format+1)) })
	_ = s.Close()
	for _, path := range []string{junk, other, newer} {
		if _, err := Open(path, Options{}); !errors.Is(err, store.ErrFormat) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "demarc.db"))
	r := store.Record{Kind: store.KindBatch, Agent: "a", From: 1, Sequence: 1, Body: []byte("some content")}
	if _, err := s.Append(t.Context(), []store.Record{r}); err != nil {
		t.Fatal(err)
	}
	_ = s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketJournal)
		v := append([]byte(nil), b.Get(number(1))...)
		v[len(v)-1] ^= 1
		return b.Put(number(1), v)
	})
	if _, err := s.Journal(t.Context(), 0, 1000); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

// A Save that stops in the middle leaves the state that was.
func TestInterruptedSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demarc.db")
	s := open(t, path)
	fence, _ := s.Lease(t.Context(), "x")
	if err := s.Save(t.Context(), fence, 0, true, []store.Change{{Table: 1, Key: []byte("k"), Value: []byte("old")}}); err != nil {
		t.Fatal(err)
	}
	// What Save writes before its last transaction.
	_ = s.update(func(tx *bbolt.Tx) error {
		m, err := readStateMeta(tx)
		if err != nil {
			return err
		}
		_, err = putChanges(tx, &m, []store.Change{{Table: 1, Key: []byte("k"), Value: []byte("half")}})
		return err
	})
	_ = s.Close()
	s = open(t, path)
	load := func() (v string) {
		if _, err := s.Load(t.Context(), func(c store.Change) error { v += string(c.Value) + " "; return nil }); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if got := load(); got != "old " {
		t.Errorf("state %q", got)
	}
	fence, _ = s.Lease(t.Context(), "x")
	if err := s.Save(t.Context(), fence, 0, false, []store.Change{{Table: 1, Key: []byte("k"), Value: []byte("new")}}); err != nil {
		t.Fatal(err)
	}
	if got := load(); got != "old new " {
		t.Errorf("state %q", got)
	}
}

func TestBackupOpens(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "demarc.db"))
	r := store.Record{Kind: store.KindBatch, Agent: "a", From: 1, Sequence: 1, Body: []byte("some content")}
	if _, err := s.Append(t.Context(), []store.Record{r}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "copy.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), path); err == nil {
		t.Error("a backup took another file's place")
	}
	got, err := open(t, path).Journal(t.Context(), 0, 1000)
	if err != nil || len(got) != 1 || string(got[0].Body) != "some content" {
		t.Errorf("%+v %v", got, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "demarc.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	// 16 batches of 500 records of 173 bytes, as PERFORMANCE.md measures.
	const group, each = 16, 500
	body := make([]byte, each*173)
	sequence := uint64(0)
	for b.Loop() {
		records := make([]store.Record, group)
		for i := range records {
			sequence++
			records[i] = store.Record{Kind: store.KindBatch, Site: "houston", Agent: "a", From: sequence, Sequence: sequence, Body: body}
		}
		if _, err := s.Append(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sequence*each)/b.Elapsed().Seconds(), "records/s")
}
