package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"demarc/agent/capture"
	"demarc/agent/config"
	"demarc/agent/status"
	"demarc/agent/uplink"
	"demarc/internal/pki"
	"demarc/internal/tables"
	"demarc/internal/version"
)

// newsDelay is the longest that news stays with its worker.
const newsDelay = 20 * time.Millisecond

func runCommand() *cobra.Command {
	var at place
	c := &cobra.Command{
		Use:   "run --config agent.yaml",
		Short: "Listen on SPAN ports and report to the collector",
		Long: "run listens on the interfaces of the settings file and reports what it sees. It never\n" +
			"transmits on them. While the collector cannot be reached, what was seen is spooled; with\n" +
			"collector: none in the settings it is, until `demarc-agent export` writes it out.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := at.load()
			switch {
			case err != nil:
				return err
			case len(cfg.Interfaces) == 0:
				return errors.New("no interface to listen on: name one in the settings file, as in interfaces: [{name: eth1, segment: line4}]")
			case cfg.Collector == "":
				return errNoCollector
			}
			if cfg.Tables != "" {
				if _, err := tables.Use(cfg.Tables); err != nil {
					return err
				}
			}
			return run(c.Context(), cfg)
		},
	}
	at.flags(c)
	return c
}

func logger(level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checked by config; "" stays info
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
}

// run listens until ctx ends; the first part that fails ends the others.
func run(ctx context.Context, cfg config.Config) error {
	log := logger(cfg.Log.Level)
	own := ownAddresses(ctx, cfg.Collector)
	sources, err := openAll(cfg.Interfaces)
	if err != nil {
		return err
	}
	spool, err := uplink.Open(cfg.SpoolFile(), uplink.Options{MaxBytes: int64(cfg.Spool.MaxMB) << 20})
	if err != nil {
		return err
	}
	if err := spool.Live(); err != nil {
		return errors.Join(err, spool.Close())
	}
	ports := make([]*port, len(sources))
	for i, src := range sources {
		ports[i] = newPort(cfg.Interfaces[i], src, own, true)
		ports[i].recorder = newRecorder(cfg.Slices, cfg.Interfaces[i].Name)
	}
	client, err := newClient(cfg, spool, log)
	if err != nil {
		return errors.Join(err, spool.Close())
	}
	client.Health = func() uplink.Health { return health(ports, cfg.State) }
	checks := &spans{ports: ports, changed: make(chan struct{}, 1)}
	client.Span, client.Beat = checks.report, checks.changed
	asking, err := newReads(cfg, spool, log)
	if err != nil {
		return errors.Join(err, spool.Close())
	}
	if asking != nil {
		asking.beat = checks.changed
		asking.attach(client)
		for _, p := range ports {
			p.answered, p.asker = asking.runner.Latency.Observe, asking.runner.Source()
		}
	}
	frames, err := newSlices(cfg, ports, log)
	if err != nil {
		return errors.Join(err, spool.Close())
	}
	frames.attach(client)
	listeners, err := openStatus(cfg)
	if err != nil {
		return errors.Join(err, spool.Close())
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	errs := make(chan error, len(sources)+len(listeners)+2)
	start := func(f func() error) {
		group.Go(func() {
			if err := f(); err != nil {
				errs <- err
				cancel()
			}
		})
	}
	if cfg.Collector != config.NoCollector {
		start(func() error { return client.Run(ctx) })
	}
	group.Go(func() { checks.keep(ctx) })
	byHand := &takeover{state: cfg.State, spool: spool, taken: map[string]bool{}}
	group.Go(func() { byHand.run(ctx, log) })
	if asking != nil {
		start(func() error { return asking.run(ctx) })
	}
	if frames != nil {
		group.Go(func() { frames.run(ctx) })
	}
	tell := reporter(cfg, ports, checks, client, spool)
	for i, l := range listeners {
		var give status.Bundles
		if i == 0 { // the socket
			give = bundles{cfg, spool, client.Heartbeat}
		}
		start(func() error { return status.Serve(ctx, l, tell, give) })
	}
	for _, p := range ports {
		log.Info("listening", "interface", p.Name, "segment", p.Segment)
		start(func() error { return p.listen(ctx, spool) })
	}
	group.Wait()
	close(errs)
	return errors.Join(<-errs, spool.Close())
}

func openAll(all []config.Interface) ([]capture.Source, error) {
	var out []capture.Source
	for _, in := range all {
		src, err := capture.OpenLive(in.Name, capture.LiveOptions{Ring: in.RingMB << 20})
		if err != nil {
			for _, s := range out {
				_ = s.Close()
			}
			return nil, err
		}
		out = append(out, src)
	}
	return out, nil
}

func health(ports []*port, state string) uplink.Health {
	var h uplink.Health
	h.DiskFree, h.DiskSize = disk(state)
	for _, p := range ports {
		h.Frames += p.meter.Frames.Load()
		h.Drops += p.meter.Drops.Load()
		if at := p.lastFrame(); at.After(h.LastFrame) {
			h.LastFrame = at
		}
	}
	return h
}

// newClient checks that this agent is enrolled.
func newClient(cfg config.Config, spool *uplink.Spool, log *slog.Logger) (*uplink.Client, error) {
	if _, err := pki.LoadCredentials(cfg.Credentials()); err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	c := &uplink.Client{Address: cfg.Collector, Spool: spool, Version: version.String(), Hostname: host, Segments: segments(cfg), StateFile: cfg.Credentials(), BitsPerSecond: cfg.Uplink.MaxKbps * 1000, Log: log}
	return c, nil
}

// segments are those that an agent with these settings listens on.
func segments(cfg config.Config) (all []string) {
	for _, in := range cfg.Interfaces {
		all = append(all, in.Segment)
		for _, s := range in.VLANs {
			all = append(all, s)
		}
	}
	return all
}
