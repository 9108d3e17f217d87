package upload

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// desk is one over dir whose program is never run.
func desk(dir string, clock *time.Time) *Desk {
	return New(Config{Dir: dir, Program: "/bin/false", MaxBytes: 1 << 20, Clock: func() time.Time { return *clock }})
}

func begin(t *testing.T, d *Desk, name string, bytes int64) Upload {
	t.Helper()
	u, err := d.Begin("north", "line4", name, "ana", bytes, noon)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// cut is a connection that ends after some bytes.
func cut(s string) io.Reader { return io.MultiReader(strings.NewReader(s), broken{}) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if _, ok := errors.AsType[ErrRefused](err); !ok || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestInterruptedUploadGoesOnAfterARestart(t *testing.T) {
	dir, clock := t.TempDir(), noon
	d := desk(dir, &clock)
	u := begin(t, d, "line4.pcap", 10)
	refused(t, d.Receive(u.ID, "ana", 0, cut("abcd")), "4 of 10 bytes arrived")

	d = desk(dir, &clock)
	if x := d.List()[0]; x.ID != u.ID || x.State != Receiving || x.Done != 4 || !strings.Contains(x.Words, "it goes on from there") {
		t.Fatalf("%+v", x)
	}
	if again := begin(t, d, "line4.pcap", 10); again.ID != u.ID || again.Done != 4 {
		t.Fatalf("the same file began anew: %+v", again)
	}
	clock = clock.Add(time.Second)
	if other := begin(t, d, "line4.pcap", 11); other.ID == u.ID {
		t.Error("another file goes on with this one")
	}
	refused(t, d.Receive(u.ID, "bob", 4, strings.NewReader("efghij")), "no such upload of yours")
	refused(t, d.Receive(u.ID, "ana", 0, strings.NewReader("abcdefghij")), "go on from there")
	if err := d.Receive(u.ID, "ana", 4, strings.NewReader("efghij")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(d.captureOf(u.ID)); err != nil || string(text) != "abcdefghij" {
		t.Errorf("%q %v", text, err)
	}

	d = desk(dir, &clock) // ended before it was read
	if x := d.List()[1]; x.ID != u.ID || x.State != Waiting || len(d.queue) != 1 {
		t.Errorf("%+v, %d to read", x, len(d.queue))
	}
}

func TestMoreThanAnnouncedIsRefused(t *testing.T) {
	clock := noon
	d := desk(t.TempDir(), &clock)
	u := begin(t, d, "x.pcap", 3)
	refused(t, d.Receive(u.ID, "ana", 0, strings.NewReader("abcd")), "more than the 3 bytes")
	if x := d.List()[0]; x.State != Failed {
		t.Errorf("%+v", x)
	}
	if _, err := os.Stat(d.captureOf(u.ID)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the file is kept")
	}
}

// Who begins and never sends takes nobody's place.
func TestUploadsThatNeverArriveGiveWay(t *testing.T) {
	clock := noon
	d := desk(t.TempDir(), &clock)
	for i := range maxOpen + 2 {
		begin(t, d, strings.Repeat("x", i+1), 3)
	}
	failed := 0
	for _, u := range d.List() {
		if u.State == Failed {
			failed++
		}
	}
	if failed != 2 || d.List()[len(d.List())-1].State != Failed {
		t.Errorf("%d gave way: %+v", failed, d.List())
	}
	clock = clock.Add(arriveTime + time.Second)
	begin(t, d, "late", 3)
	open := 0
	for _, u := range d.List() {
		if u.open() {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d open, one is not late", open)
	}
}

func TestRunThatEndsReadsOnLater(t *testing.T) {
	dir, clock := t.TempDir(), noon
	d := desk(dir, &clock)
	d.Token = func(ctx context.Context, _, _ string) (string, error) { return "", ctx.Err() }
	u := begin(t, d, "x.pcap", 3)
	if err := d.Receive(u.ID, "ana", 0, strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	d.read(ended, <-d.queue)
	if d = desk(dir, &clock); len(d.queue) != 1 {
		t.Fatalf("%+v", d.List())
	}
	d.Token = func(context.Context, string, string) (string, error) { return "", errors.New("no store") }
	d.read(t.Context(), <-d.queue)
	if x := d.List()[0]; x.State != Failed || !strings.Contains(x.Words, "no store") {
		t.Errorf("%+v", x)
	}
	if d = desk(dir, &clock); len(d.queue) != 0 || d.List()[0].State != Failed {
		t.Errorf("what ended is remembered as %+v", d.List())
	}
}

func TestWhatNoRecordIsOfGoes(t *testing.T) {
	dir, clock := t.TempDir(), noon
	for name, text := range map[string]string{"a.capture": "x", "b.json": "{", "c.json": `{"ID":"elsewhere"}`, "d.json.part": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if d := desk(dir, &clock); len(d.List()) != 0 {
		t.Errorf("%+v", d.List())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
