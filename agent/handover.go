package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"demarc/agent/probe"
	"demarc/agent/uplink"
	demarcv1 "demarc/proto/demarc/v1"
)

// handover is a file in the state directory: what a person asked by hand, and
// was told, waits there for the agent that reports to the collector. It is nil
// where there is no collector.
type handover struct{ file *os.File }

// Names of these files, and how much of them may wait.
const (
	handoverFiles = "probe-once-*.jsonl"
	maxHandover   = 16 << 20
)

func newHandover(state string) (*handover, error) {
	var waits int64
	for _, name := range waiting(state) {
		if info, err := os.Stat(name); err == nil {
			waits += info.Size()
		}
	}
	if waits > maxHandover {
		return nil, fmt.Errorf("%d MB of what was asked by hand wait in %s for the collector: start demarc-agent run, which reports them", waits>>20, state)
	}
	f, err := os.CreateTemp(state, handoverFiles)
	if err != nil {
		return nil, err
	}
	return &handover{f}, nil
}

// add keeps one body, a line of JSON.
func (h *handover) add(b *demarcv1.Body) error {
	if h == nil {
		return nil
	}
	raw, err := protojson.Marshal(b)
	if err == nil {
		_, err = h.file.Write(append(raw, '\n'))
	}
	return err
}

// close keeps the file if there is something in it.
func (h *handover) close() error {
	if h == nil {
		return nil
	}
	info, err := h.file.Stat()
	if err == nil && info.Size() == 0 {
		err = os.Remove(h.file.Name())
	}
	return errors.Join(err, h.file.Close())
}

func waiting(state string) []string {
	all, _ := filepath.Glob(filepath.Join(state, handoverFiles)) // the pattern is fine
	return all
}

// takeover spools what was asked by hand.
type takeover struct {
	state string
	spool *uplink.Spool
	taken map[string]bool // given to the spool, and not known to be on disk
}

// run takes what comes until ctx ends.
func (o *takeover) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		for _, name := range waiting(o.state) {
			err := probe.Meanwhile(o.state, func() error { return o.take(name) })
			if err != nil && !errors.Is(err, probe.ErrBusy) {
				log.Error("what was asked by hand is not told to the collector", "file", name, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// take spools the lines of a file once, whatever is interrupted, and removes it
// when all of it is on disk. A line that a crash cut short ends it.
func (o *takeover) take(name string) error {
	f, done, err := o.spool.Feed(filepath.Base(name))
	switch {
	case err != nil:
		return err
	case done:
		return os.Remove(name)
	case o.taken[name]:
		return nil
	}
	raw, err := os.ReadFile(name) //nolint:gosec // in the state directory
	if err != nil {
		return err
	}
	o.taken[name] = true
	for line := range bytes.Lines(raw) {
		b := &demarcv1.Body{}
		if protojson.Unmarshal(line, b) != nil {
			break
		}
		if err := f.Emit(b, true); err != nil {
			return err
		}
	}
	return f.End()
}
