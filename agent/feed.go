package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"demarc/agent/capture"
	"demarc/agent/config"
	"demarc/agent/pipeline"
	"demarc/agent/recorder"
	"demarc/agent/uplink"
	"demarc/internal/tables"
	"demarc/internal/version"
)

// feed reads capture files to the collector through this agent's spool, so
// that an interrupted feed goes on where it was, and a repeated one changes
// nothing.
func feed(c *cobra.Command, at place, o readOptions, files []string) error {
	cfg, err := at.load()
	if err != nil {
		return err
	}
	if cfg.Tables != "" {
		if _, err := tables.Use(cfg.Tables); err != nil {
			return err
		}
	}
	log := logger("warn")
	spool, err := uplink.Open(cfg.SpoolFile(), uplink.Options{MaxBytes: int64(cfg.Spool.MaxMB) << 20})
	if err != nil {
		return err
	}
	if cfg.Collector == config.NoCollector {
		return errors.Join(feedFiles(c, o, files, spool, nil), spool.Close())
	}
	defer func() { _ = spool.Close() }()
	client, err := newClient(cfg, spool, log)
	if err != nil {
		return err
	}
	client.Segments, client.Once = []string{o.segment}, true
	keep := newRecorder(cfg.Slices, filepath.Base(files[0]))
	frames, err := newSlices(cfg, []*port{{Interface: config.Interface{Name: filepath.Base(files[0])}, recorder: keep}}, log)
	if err != nil {
		return err
	}
	frames.attach(client)
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	reported := make(chan error, 1)
	go func() { reported <- client.Run(ctx) }()

	if err := feedFiles(c, o, files, spool, keep); err != nil {
		return err
	}
	if err := delivered(ctx, spool, reported); err != nil {
		return err
	}
	if frames != nil {
		handOver(ctx, frames, keep)
	}
	cancel()
	<-reported //nolint:errcheck // everything is delivered; the stream ends before the program does
	_, err = fmt.Fprintf(c.OutOrStdout(), "Delivered to %s.\n", cfg.Collector)
	return err
}

func feedFiles(c *cobra.Command, o readOptions, files []string, spool *uplink.Spool, keep *recorder.Recorder) error {
	for _, f := range files {
		if err := feedFile(c, o, f, spool, keep); err != nil {
			return named(f, err)
		}
	}
	return nil
}

func feedFile(c *cobra.Command, o readOptions, file string, spool *uplink.Spool, keep *recorder.Recorder) error {
	src, err := capture.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	sum, err := fileSum(file)
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%x %s %s", sum, o.site, o.segment)
	done, err := spool.Fed(key)
	if err != nil {
		return err
	}
	if done {
		_, err := fmt.Fprintf(c.OutOrStdout(), "%s: was read before in segment %q; nothing changes.\n", file, o.segment)
		return err
	}
	f, _, err := spool.Feed(key + " " + version.String()) // another version reads other things out of it
	if err != nil {
		return err
	}
	if f.Resumed() > 0 {
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%s: goes on where it was interrupted.\n", file); err != nil {
			return err
		}
	}
	bar := newProgress(file, src, o.progress)
	defer bar.clear()
	s, err := pipeline.Run(c.Context(), pipeline.Config{Default: o.segment, Progress: bar.draw, Recorder: keep}, src, f)
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; run the same command again to go on")
	}
	if err != nil {
		return err
	}
	bar.clear()
	if _, err := fmt.Fprintf(c.OutOrStdout(), "%s: %d packets, %d bytes, segment %q.\n", file, s.Packets, s.Bytes, o.segment); err != nil {
		return err
	}
	return f.End()
}

// handOver answers what the collector wants of the frames that were read.
func handOver(ctx context.Context, frames *sliced, keep *recorder.Recorder) {
	frames.every = 50 * time.Millisecond // nobody else waits for the line
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		poll := time.NewTicker(5 * time.Millisecond)
		defer poll.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
				keep.Serve()
			}
		}
	})
	frames.settle(ctx)
	cancel()
	group.Wait()
}

func fileSum(file string) ([]byte, error) {
	f, err := os.Open(file) //nolint:gosec // the file that the user named
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// delivered waits until the collector has everything.
func delivered(ctx context.Context, spool *uplink.Spool, reported <-chan error) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case err := <-reported:
			if err == nil {
				err = errors.New("interrupted; what was read is spooled, run the same command again to deliver it")
			}
			return err
		case <-ctx.Done():
			return errors.New("interrupted; what was read is spooled, run the same command again to deliver it")
		case <-poll.C:
			if spool.Idle() {
				return nil
			}
		}
	}
}
