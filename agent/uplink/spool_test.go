package uplink

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

func open(t *testing.T, path string, o Options) *Spool {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func body(n int) *demarcv1.Body {
	return &demarcv1.Body{Facts: []*demarcv1.FactDelta{{Attribute: "name", Value: fmt.Sprint(n)}}}
}

func emit(t *testing.T, s *Spool, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := s.Emit(body(i), true); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, s)
}

// settled waits until everything emitted is on disk.
func settled(t *testing.T, s *Spool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		quiet := s.unsaved == 0
		s.mu.Unlock()
		if quiet {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the spool does not come to rest")
		}
	}
}

// held checks that the records on disk fill first..last without holes and
// returns the values of the batches.
func held(t *testing.T, s *Spool) (values []string, lost []*demarcv1.Lost) {
	t.Helper()
	epoch, first, last := s.state()
	records, err := s.read(first, 1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	next := first
	for _, r := range records {
		if l := r.GetLost(); l != nil {
			if l.From != next || !bytes.Equal(l.Digest, lostDigest(epoch, l.From, l.To, l.Reason)) {
				t.Fatalf("lost %d..%d, want from %d with its digest", l.From, l.To, next)
			}
			lost = append(lost, l)
			next = l.To + 1
			continue
		}
		b := r.GetBatch()
		if b.Sequence != next || !bytes.Equal(b.Digest, batchDigest(epoch, next, b.Body)) {
			t.Fatalf("batch %d, want %d with its digest", b.Sequence, next)
		}
		next++
		var x demarcv1.Body
		if err := proto.Unmarshal(b.Body, &x); err != nil {
			t.Fatal(err)
		}
		for _, f := range x.Facts {
			values = append(values, f.Value)
		}
	}
	if next != last+1 {
		t.Fatalf("records end at %d, state says %d", next-1, last)
	}
	return values, lost
}

func TestSpoolOutlivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := open(t, path, Options{})
	emit(t, s, 1, 5)
	before, _, _ := s.state()
	if err := s.acknowledge(2); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{})
	emit(t, s, 6, 6)
	after, _, _ := s.state()
	got, lost := held(t, s)
	if before != after || strings.Join(got, " ") != "3 4 5 6" || lost != nil {
		t.Errorf("after a clean restart: %v, lost %v, epoch kept %v", got, lost, before == after)
	}
}

func TestSpoolTellsACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := open(t, path, Options{})
	if err := s.Live(); err != nil {
		t.Fatal(err)
	}
	emit(t, s, 1, 2)
	_ = s.db.Close() // the process is gone: nothing marks the end
	s = open(t, path, Options{})
	got, lost := held(t, s)
	if strings.Join(got, " ") != "1 2" || len(lost) != 1 || lost[0].Reason != "agent-crash" || lost[0].From != 3 {
		t.Errorf("after a crash: %v, lost %v", got, lost)
	}
	emit(t, s, 3, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, lost := held(t, open(t, path, Options{})); len(lost) != 1 {
		t.Errorf("a clean end after a crash tells another loss: %v", lost)
	}
}

func TestSpoolShedsTheOldest(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "spool.db"), Options{MaxBytes: 2000})
	for i := 1; i <= 200; i++ {
		emit(t, s, i, i)
	}
	got, lost := held(t, s)
	if len(lost) != 1 || lost[0].From != 1 || lost[0].Reason != "spool-full" || len(got) == 0 || got[len(got)-1] != "200" {
		t.Fatalf("held %v, lost %v", got, lost)
	}
	if int(lost[0].To)+len(got) != 200 { // small
		t.Errorf("lost to %d and %d held are not 200", lost[0].To, len(got))
	}
	// The collector had got part of what was shed: the rest of the Lost stays.
	if err := s.acknowledge(lost[0].To - 3); err != nil {
		t.Fatal(err)
	}
	if _, rest := held(t, s); len(rest) != 1 || rest[0].From != lost[0].To-2 {
		t.Errorf("rest of the loss: %v", rest)
	}
}

func TestSpoolNewEpochKeepsWhatIsHeld(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "spool.db"), Options{})
	emit(t, s, 1, 4)
	if err := s.acknowledge(2); err != nil {
		t.Fatal(err)
	}
	before, _, _ := s.state()
	if err := s.restart(); err != nil {
		t.Fatal(err)
	}
	after, first, _ := s.state()
	got, _ := held(t, s)
	if before == after || first != 1 || strings.Join(got, " ") != "3 4" {
		t.Errorf("new epoch %v, first %d, held %v", before != after, first, got)
	}
}

func TestSpoolInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	open(t, path, Options{})
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "in use by another demarc-agent") {
		t.Errorf("opened twice: %v", err)
	}
}

func TestFeedResumes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := open(t, path, Options{})
	f, done, err := s.Feed("k")
	if err != nil || done {
		t.Fatal(done, err)
	}
	for i := 1; i <= 3; i++ {
		if err := f.Emit(body(i), false); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, s)
	_ = s.db.Close() // killed in the middle
	s = open(t, path, Options{})
	f, done, err = s.Feed("k")
	if err != nil || done || f.Resumed() != 3 {
		t.Fatal(f.Resumed(), done, err)
	}
	for i := 1; i <= 5; i++ { // read again from its start
		if err := f.Emit(body(i), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.End(); err != nil {
		t.Fatal(err)
	}
	settled(t, s)
	got, lost := held(t, s)
	if strings.Join(got, " ") != "1 2 3 4 5" || len(lost) != 0 {
		t.Errorf("fed %v, lost %v", got, lost)
	}
	if _, done, _ := s.Feed("k"); !done {
		t.Error("a capture that was fed to its end is fed again")
	}
}

// A capture that was read to its end is known, whichever version read it.
func TestCaptureIsKnownAcrossVersions(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "spool.db"), Options{})
	f, _, err := s.Feed("sum houston line4 v1")
	if err != nil {
		t.Fatal(err)
	}
	fed := func(capture string) bool {
		is, err := s.Fed(capture)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	if fed("sum houston line4") {
		t.Error("known before its end")
	}
	if err := f.End(); err != nil {
		t.Fatal(err)
	}
	settled(t, s)
	if !fed("sum houston line4") || fed("sum houston line") || fed("sum houston line5") {
		t.Error("not known by what it is, where it was captured, and to its end")
	}
}

func TestSplitLosesNothing(t *testing.T) {
	b := &demarcv1.Body{}
	long := strings.Repeat("x", 400)
	for i := range 9000 {
		b.Facts = append(b.Facts, &demarcv1.FactDelta{Attribute: "name", Value: fmt.Sprint(i, long)})
		b.Endpoints = append(b.Endpoints, &demarcv1.EndpointDelta{FirstNs: int64(i)})
		b.Connections = append(b.Connections, &demarcv1.ConnectionDelta{Protocol: fmt.Sprint(i)})
	}
	b.Moves = []*demarcv1.ConnectionMove{{}}
	b.Losses = []*demarcv1.LossDelta{{Reason: "r"}}
	parts, err := split(b)
	if err != nil {
		t.Fatal(err)
	}
	got := &demarcv1.Body{}
	for _, p := range parts {
		if len(p) > demarcv1.MaxBody {
			t.Fatalf("a part of %d bytes", len(p))
		}
		if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(p, got); err != nil {
			t.Fatal(err)
		}
	}
	if !proto.Equal(got, b) {
		t.Errorf("%d parts hold %d facts, %d endpoints, %d connections", len(parts), len(got.Facts), len(got.Endpoints), len(got.Connections))
	}
}
