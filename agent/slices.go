package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"demarc/agent/config"
	"demarc/agent/recorder"
	"demarc/agent/uplink"
	"demarc/internal/pki"
	"demarc/internal/slice"
	"demarc/internal/version"
	demarcv1 "demarc/proto/demarc/v1"
)

// newRecorder keeps the frames of an interface; nil where none are kept.
func newRecorder(s config.Slices, name string) *recorder.Recorder {
	if !s.On() {
		return nil
	}
	return recorder.New(recorder.Options{
		Memory: s.MemoryMB << 20, Packets: s.Packets, Most: s.MaxKB << 10, All: s.Payload == slice.All,
		Header: slice.Header{
			Program: "demarc-agent " + version.String(), Interface: name,
			Comment: "Some of the frames of one connection, of each: " + s.Payload + ". Times are of the clock of the machine that captured them.",
		},
	})
}

// sliceEvery is how often a slice leaves: with the largest one, 2 Mbit/s at most.
const sliceEvery = time.Second

// chainFile remembers the last slice that was sealed.
const chainFile = "slices.json"

// chain is where the next slice goes on.
type chain struct {
	Number   uint64 `json:"number"`
	Previous string `json:"previous"` // SHA-256 of its manifest
}

// sliced answers the collector's wishes for frames.
type sliced struct {
	config.Config
	ports  []*port
	log    *slog.Logger
	chain  chain
	every  time.Duration
	wanted chan *demarcv1.SliceOrders // holds the newest
	out    chan *demarcv1.Slice
}

// newSlices is nil where no frames are kept.
func newSlices(cfg config.Config, ports []*port, log *slog.Logger) (*sliced, error) {
	if !cfg.Slices.On() {
		return nil, nil
	}
	s := &sliced{Config: cfg, ports: ports, log: log, every: sliceEvery, wanted: make(chan *demarcv1.SliceOrders, 1), out: make(chan *demarcv1.Slice)}
	raw, err := os.ReadFile(s.chainFile())
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &s.chain)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: move it away to begin a new chain of slices", s.chainFile(), err)
	}
	return s, nil
}

func (s *sliced) chainFile() string { return filepath.Join(s.State, chainFile) }

func (s *sliced) attach(c *uplink.Client) {
	if s != nil {
		c.Recording, c.Wanted, c.Slices = s.Slices.Payload, s.want, s.out
	}
}

// want takes the collector's newest wishes in place of those before.
func (s *sliced) want(o *demarcv1.SliceOrders) {
	select {
	case <-s.wanted:
	default:
	}
	s.wanted <- o
}

// run answers wishes until ctx ends.
func (s *sliced) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-s.wanted:
			s.answer(ctx, o.GetOrders()[:min(len(o.GetOrders()), demarcv1.MaxSliceOrders)])
		}
	}
}

// How long a capture that was read waits for the collector to want frames of it,
// after what it wanted last.
const readWait = 4 * time.Second

// settle answers wishes until none comes any more.
func (s *sliced) settle(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-s.wanted:
			s.answer(ctx, o.GetOrders()[:min(len(o.GetOrders()), demarcv1.MaxSliceOrders)])
		case <-time.After(readWait):
			return
		}
	}
}

// answer sends what is kept of each connection, until other wishes come.
func (s *sliced) answer(ctx context.Context, orders []*demarcv1.SliceOrder) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for _, o := range orders {
		if len(s.wanted) > 0 {
			return
		}
		p, c := s.cut(ctx, o)
		if c.Data == nil {
			s.send(ctx, &demarcv1.Slice{Connection: o.GetConnection(), None: "no frames of it are kept any more, or none were"})
			continue
		}
		x, err := s.seal(p, o, c)
		if err != nil {
			s.log.Error("frames not handed over", "interface", p.Name, "connection", o.GetConnection(), "error", err)
			continue
		}
		s.send(ctx, x)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *sliced) send(ctx context.Context, x *demarcv1.Slice) {
	select {
	case s.out <- x:
	case <-ctx.Done():
	}
}

// cut takes what is kept of a connection from the interface that has most of it.
func (s *sliced) cut(ctx context.Context, o *demarcv1.SliceOrder) (from *port, most recorder.Cut) {
	q := []recorder.Query{{Client: o.GetClient(), Server: o.GetServer(), Transport: o.GetTransport(), Port: o.GetPort(), Segment: o.GetSegment()}}
	for _, p := range s.ports {
		if cuts, err := p.recorder.Ask(ctx, q); err == nil && cuts[0].Frames > most.Frames { // the error is ctx's
			from, most = p, cuts[0]
		}
	}
	return from, most
}

// seal gives a slice its place in the chain.
func (s *sliced) seal(p *port, o *demarcv1.SliceOrder, c recorder.Cut) (*demarcv1.Slice, error) {
	creds, err := pki.LoadCredentials(s.Credentials()) // renewed now and then
	if err != nil {
		return nil, err
	}
	text, signature, err := slice.Seal(slice.Manifest{
		Interface: p.Name, Segment: o.GetSegment(), Payload: s.Slices.Payload,
		Connection: slice.Connection{Client: o.GetClient(), Server: o.GetServer(), Transport: o.GetTransport(), Port: o.GetPort()},
		Frames:     c.Frames, LeftOff: c.LeftOff, First: time.Unix(0, c.First).UTC(), Last: time.Unix(0, c.Last).UTC(), Sealed: time.Now().UTC(),
		Number: s.chain.Number + 1, Previous: s.chain.Previous,
	}, c.Data, creds)
	if err != nil {
		return nil, err
	}
	next := chain{Number: s.chain.Number + 1, Previous: slice.Sum(text)}
	if err := next.save(s.chainFile()); err != nil {
		return nil, err
	}
	s.chain = next
	return &demarcv1.Slice{Connection: o.GetConnection(), Manifest: text, Signature: signature, Certificate: creds.Certificate.Raw, Data: c.Data}, nil
}

// save replaces the file in one step: no number is given twice.
func (c chain) save(file string) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
