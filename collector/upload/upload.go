// Package upload takes captures that people drop into the pages, and has the
// agent program read them as it reads any file: a child process with bounds, one
// at a time, whose progress is told. Make a Desk, Run it, Begin an upload and
// Receive its bytes.
package upload

import (
	"context"
	"crypto/rand"
	"fmt"
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
	Words                       string    // what the agent said, or what went wrong
	Modified                    time.Time // of the file, where that is known
	Begun, Ended                time.Time
	Path                        string
	Keep                        bool // the file is not ours to remove

	arriving bool // somebody sends it now
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

// New returns a Desk, with what a run before left in its directory.
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
	d := &Desk{Config: c, queue: make(chan string, maxOpen)}
	d.resume()
	return d
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

// Begin makes room for a capture of so many bytes, or goes on with the same
// file of the same caller of which not all arrived.
func (d *Desk) Begin(site, segment, name, by string, bytes int64, modified time.Time) (Upload, error) {
	if why := d.Unable(); why != "" {
		return Upload{}, ErrRefused(why)
	}
	if bytes <= 0 {
		return Upload{}, ErrRefused("the file is empty: choose a capture in pcap or pcapng")
	}
	if bytes > d.MaxBytes {
		return Upload{}, ErrRefused(fmt.Sprintf("the file has %d MB and %d are taken: cut it (editcap -c), feed it with demarc-agent read, or set uploads.maxMB", bytes>>20, d.MaxBytes>>20))
	}
	return d.add(Upload{Site: site, Segment: segment, Name: filepath.Base(name), By: by, State: Receiving, Bytes: bytes, Modified: modified})
}

// add keeps an upload, unless too many are open.
func (d *Desk) add(u Upload) (Upload, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Clock()
	var waiting *Upload // longest for its bytes
	open := 0
	for _, x := range d.all {
		if x.State == Receiving && !x.arriving {
			if x.same(&u) {
				return *x, nil
			}
			if now.Sub(x.Begun) > arriveTime {
				d.end(x, Failed, "it never arrived")
			} else if waiting == nil {
				waiting = x
			}
		}
		if x.open() {
			open++
		}
	}
	if open >= maxOpen {
		if waiting == nil {
			return Upload{}, ErrRefused(fmt.Sprintf("%d captures are on their way already: wait until one is read", maxOpen))
		}
		d.end(waiting, Failed, "it did not arrive, and others came")
	}
	u.ID, u.Begun = rand.Text(), now
	if u.Path == "" {
		u.Path = d.captureOf(u.ID)
	}
	if err := d.record(&u); err != nil {
		return Upload{}, err
	}
	d.all = append(d.all, &u)
	d.forget()
	return u, nil
}

// forget drops the first of those that ended, where there are many.
func (d *Desk) forget() {
	for i := 0; len(d.all) > maxKept && i < len(d.all); i++ {
		if x := d.all[i]; !x.open() {
			_ = os.Remove(d.recordOf(x.ID)) // or the next start forgets it
			d.all = slices.Delete(d.all, i, i+1)
			i--
		}
	}
}

func (u *Upload) open() bool { return u.State != Delivered && u.State != Failed }

// same reports whether v is the file of u, from the same caller.
func (u *Upload) same(v *Upload) bool {
	return !v.Modified.IsZero() && u.Modified.Equal(v.Modified) && u.Bytes == v.Bytes && u.Name == v.Name && u.By == v.By && u.Site == v.Site && u.Segment == v.Segment
}

// end ends an upload; its file goes.
func (d *Desk) end(u *Upload, state, words string) {
	u.State, u.Words, u.Ended = state, words, d.Clock()
	if !u.Keep {
		_ = os.Remove(u.Path) // or the next start does
	}
	if err := d.record(u); err != nil {
		d.Log.Warn("an upload is not recorded", "name", u.Name, "error", err)
	}
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

// Take puts a file that lies on this machine into the queue; it stays there.
func (d *Desk) Take(site, segment, path, by string) error {
	if why := d.Unable(); why != "" {
		return ErrRefused(why)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	u, err := d.add(Upload{Site: site, Segment: segment, Name: filepath.Base(path), By: by, State: Waiting, Bytes: info.Size(), Path: path, Keep: true})
	if err != nil {
		return err
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
	limited, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	words, err := d.feed(limited, &u, func(done int64) { d.change(id, func(x *Upload) { x.Done = done }) })
	if ctx.Err() != nil && err != nil {
		return // this program ends: the next run reads on
	}
	d.change(id, func(x *Upload) {
		if err != nil {
			d.end(x, Failed, strings.ReplaceAll(err.Error(), u.Path, u.Name))
			return
		}
		x.Done = x.Bytes
		d.end(x, Delivered, strings.ReplaceAll(words, u.Path, u.Name))
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
