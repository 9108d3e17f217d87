// Package upload takes captures that people drop into the pages, and has the
// agent program read them as it reads any file: a child process with bounds, one
// at a time, whose progress is told. Make a Desk, Run it, Begin an upload and
// Receive its bytes.
package upload

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// States of an upload.
const (
	Receiving = "receiving" // its bytes arrive
	Waiting   = "waiting"   // for those before it
	Reading   = "reading"
	Delivered = "delivered" // the collector has all that is in it
	Failed    = "failed"
)

// Upload is one capture. Done of Bytes are received, or read.
type Upload struct {
	ID, Site, Segment, Name, By string
	State                       string
	Bytes, Done                 int64
	Words                       string // what the agent said, or what went wrong
	Begun, Ended                time.Time

	path string
	keep bool // the file is not ours to remove
}

// Config of a Desk. All is needed but Log and Clock.
type Config struct {
	// Dir holds captures until they are read, and the agents' spools.
	Dir string
	// Program is the agent's, "" where there is none.
	Program string
	// Uplink is where the agent reports to.
	Uplink string
	// Token makes one that enrols an agent of a site.
	Token func(ctx context.Context, site, agent string) (string, error)
	// MaxBytes of one capture; none are taken where it is 0 or less.
	MaxBytes int64
	Log      *slog.Logger
	Clock    func() time.Time
}

// Desk takes captures. Safe for concurrent use.
type Desk struct {
	Config
	queue chan string

	mu  sync.Mutex
	all []*Upload // the first first
}

// Bounds: how many captures are remembered, how many may wait or arrive at once, and how long a
// capture may take to arrive and to be read.
const (
	maxKept     = 50
	maxOpen     = 8
	arriveTime  = 2 * time.Hour
	idleArrival = time.Minute
	readTime    = 2 * time.Hour
)

// ErrRefused is why an upload is not taken.
type ErrRefused string //nolint:errname // reads as what it is

func (e ErrRefused) Error() string { return string(e) }

// New returns a Desk; what a run before left in its directory is removed.
func New(c Config) *Desk {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Dir == "" {
		c.MaxBytes = 0 // nowhere to keep one
		return &Desk{Config: c}
	}
	left, _ := filepath.Glob(filepath.Join(c.Dir, "*.capture")) // the pattern is good
	for _, path := range left {
		_ = os.Remove(path) // or the next start does
	}
	return &Desk{Config: c, queue: make(chan string, maxOpen)}
}

// Unable says why no capture can be taken, "" if one can.
func (d *Desk) Unable() string {
	switch {
	case d.MaxBytes <= 0:
		return "this collector takes no captures: see uploads in its settings"
	case d.Program == "":
		return "demarc-agent does not stand beside this collector's program, and it is what reads captures: put it there, or name it with uploads.agent in the settings"
	}
	return ""
}

// Begin makes room for a capture of so many bytes.
func (d *Desk) Begin(site, segment, name, by string, bytes int64) (Upload, error) {
	if why := d.Unable(); why != "" {
		return Upload{}, ErrRefused(why)
	}
	if bytes <= 0 {
		return Upload{}, ErrRefused("the file is empty: choose a capture in pcap or pcapng")
	}
	if bytes > d.MaxBytes {
		return Upload{}, ErrRefused(fmt.Sprintf("the file has %d MB and %d are taken: cut it (editcap -c), feed it with demarc-agent read, or set uploads.maxMB", bytes>>20, d.MaxBytes>>20))
	}
	u := d.add(Upload{Site: site, Segment: segment, Name: filepath.Base(name), By: by, State: Receiving, Bytes: bytes})
	if u == nil {
		return Upload{}, ErrRefused(fmt.Sprintf("%d captures are on their way already: wait until one is read", maxOpen))
	}
	return *u, nil
}

// add keeps an upload, nil where too many are open.
func (d *Desk) add(u Upload) *Upload {
	d.mu.Lock()
	defer d.mu.Unlock()
	open, now := 0, d.Clock()
	for _, x := range d.all {
		if x.State == Receiving && now.Sub(x.Begun) > arriveTime {
			x.fail("it never arrived", now)
		}
		if x.open() {
			open++
		}
	}
	if open >= maxOpen {
		return nil
	}
	u.ID, u.Begun = rand.Text(), now
	if u.path == "" {
		u.path = filepath.Join(d.Dir, u.ID+".capture")
	}
	d.all = append(d.all, &u)
	for i := 0; len(d.all) > maxKept && i < len(d.all); i++ {
		if !d.all[i].open() {
			d.all = append(d.all[:i], d.all[i+1:]...)
			i--
		}
	}
	return &u
}

func (u *Upload) open() bool { return u.State != Delivered && u.State != Failed }

func (u *Upload) fail(words string, now time.Time) {
	u.State, u.Words, u.Ended = Failed, words, now
}

// List is every upload that is remembered, the last first.
func (d *Desk) List() []Upload {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Upload, 0, len(d.all))
	for _, u := range slices.Backward(d.all) {
		list = append(list, *u)
	}
	return list
}

// change changes an upload that is there.
func (d *Desk) change(id string, f func(u *Upload)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range d.all {
		if u.ID == id {
			f(u)
		}
	}
}

// Receive takes the bytes of an upload that by began, and puts it into the
// queue. It fails the upload where not all arrive.
func (d *Desk) Receive(id, by string, from io.Reader) (err error) {
	var u Upload
	d.change(id, func(x *Upload) {
		if x.By == by && x.State == Receiving && x.Done == 0 {
			u, x.Done = *x, -1 // once
		}
	})
	if u.ID == "" {
		return ErrRefused("there is no such upload of yours that waits for its bytes: begin again")
	}
	defer func() {
		if err != nil {
			_ = os.Remove(u.path) // or the next start does
			d.change(id, func(x *Upload) { x.fail(err.Error(), d.Clock()) })
		}
	}()
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return fmt.Errorf("keep the capture: %w", err)
	}
	f, err := os.OpenFile(u.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep the capture: %w", err)
	}
	n, err := io.Copy(counted{f, func(n int64) { d.change(id, func(x *Upload) { x.Done = max(x.Done, 0) + n }) }}, io.LimitReader(from, u.Bytes+1))
	if closed := f.Close(); err == nil {
		err = closed
	}
	switch {
	case err != nil:
		return fmt.Errorf("after %d of %d bytes: %w", n, u.Bytes, err)
	case n != u.Bytes:
		return ErrRefused(fmt.Sprintf("%d bytes arrived, %d were announced", n, u.Bytes))
	}
	d.change(id, func(x *Upload) { x.State, x.Done = Waiting, 0 })
	d.queue <- id // holds as many as may be open
	return nil
}

type counted struct {
	io.Writer
	tell func(n int64)
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.tell(int64(n))
	return n, err
}

// Take puts a file that lies on this machine into the queue; it stays there.
func (d *Desk) Take(site, segment, path, by string) error {
	if why := d.Unable(); why != "" {
		return ErrRefused(why)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	u := d.add(Upload{Site: site, Segment: segment, Name: filepath.Base(path), By: by, State: Waiting, Bytes: info.Size(), path: path, keep: true})
	if u == nil {
		return ErrRefused(fmt.Sprintf("%d captures are on their way already: wait until one is read", maxOpen))
	}
	d.queue <- u.ID
	return nil
}

// Run reads what arrives, one capture after another, until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	runtime.LockOSThread() // a child ends with the thread that began it
	defer runtime.UnlockOSThread()
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-d.queue:
			d.read(ctx, id)
		}
	}
}

func (d *Desk) read(ctx context.Context, id string) {
	var u Upload
	d.change(id, func(x *Upload) { x.State, u = Reading, *x })
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	words, err := d.feed(ctx, &u, func(done int64) { d.change(id, func(x *Upload) { x.Done = done }) })
	if !u.keep {
		_ = os.Remove(u.path) // or the next start does
	}
	d.change(id, func(x *Upload) {
		if err != nil {
			x.fail(strings.ReplaceAll(err.Error(), u.path, u.Name), d.Clock())
			return
		}
		x.State, x.Words, x.Done, x.Ended = Delivered, strings.ReplaceAll(words, u.path, u.Name), x.Bytes, d.Clock()
	})
	d.Log.Info("capture read", "name", u.Name, "site", u.Site, "segment", u.Segment, "by", u.By, "error", err)
}

// parse reads a line of the agent's progress: "progress DONE TOTAL".
func parse(line string) (done int64, ok bool) {
	f := strings.Fields(line)
	if len(f) != 3 || f[0] != "progress" {
		return 0, false
	}
	done, err := strconv.ParseInt(f[1], 10, 64)
	return done, err == nil
}

var errEnded = errors.New("the collector stopped before it was read; drop it again: what was read is not read twice")
