// Package recorded keeps the frames that agents recorded of connections with a
// finding. A Desk says which are wanted of which agent, takes what comes after
// checking who sealed it, and lets the oldest go where there is no more room.
package recorded

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"demarc/collector/store"
	"demarc/internal/pki"
	"demarc/internal/slice"
	demarcv1 "demarc/proto/demarc/v1"
)

// Config of a Desk. All but Keep is needed.
type Config struct {
	Store     store.Slices
	Authority *x509.Certificate
	Clock     func() time.Time
	Log       *slog.Logger
	Most      int64         // bytes that are kept
	Age       time.Duration // for how long
	// Keep reports whether the slices of a connection may not go: somebody holds
	// what stands there.
	Keep func(connection string) bool
	// Changed is called when what is told of slices changed; it may be nil.
	Changed func()
}

// Slice is one that is kept.
type Slice struct {
	store.Slice
	*slice.Manifest
}

// ID is how people name it.
func (s *Slice) ID() string { return "s-" + s.Slice.SHA256[:16] }

// Order is a slice that is wanted.
type Order struct {
	*demarcv1.SliceOrder
	Since time.Time // one that came before is too old
}

// Desk holds what is known of slices; their frames are in the store. Any
// goroutine may use it.
type Desk struct {
	Config

	taking sync.Mutex // one Take at a time: the room is counted once

	mu     sync.Mutex
	all    map[string]*Slice            // by SHA-256
	of     map[string][]*Slice          // by connection, the oldest first
	wanted map[string]map[string]*Order // by agent and connection
	seen   map[string]map[string]answer // the same: what came last
	bytes  int64
}

// answer is what an agent said when it was asked for a connection.
type answer struct {
	at   time.Time
	none string
}

// New makes a Desk. Open comes before anything else.
func New(c Config) *Desk {
	return &Desk{Config: c, all: map[string]*Slice{}, of: map[string][]*Slice{}, wanted: map[string]map[string]*Order{}, seen: map[string]map[string]answer{}}
}

// Open reads what is kept.
func (d *Desk) Open(ctx context.Context) error {
	all, err := d.Store.Slices(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b store.Slice) int { return a.Received.Compare(b.Received) })
	for _, s := range all {
		m, err := slice.Read(s.Manifest)
		if err != nil {
			return fmt.Errorf("%w: slice %s: %w", store.ErrCorrupt, s.SHA256, err)
		}
		d.add(&Slice{s, m})
	}
	return nil
}

func (d *Desk) add(s *Slice) {
	d.all[s.Slice.SHA256] = s
	d.of[s.Slice.Connection] = append(d.of[s.Slice.Connection], s)
	d.bytes += int64(s.Size)
	d.note(s.Agent, s.Slice.Connection, answer{at: s.Received})
}

// maxSeen is for how many connections of an agent it is remembered what came.
const maxSeen = 1 << 14

func (d *Desk) note(agent, connection string, a answer) {
	if d.seen[agent] == nil || len(d.seen[agent]) >= maxSeen {
		d.seen[agent] = map[string]answer{}
	}
	d.seen[agent][connection] = a
}

// askAgain is when an agent that had nothing of a connection is asked again.
const askAgain = time.Hour

// Want says what is wanted of an agent, the most wanted first, and reports
// whether that differs from before, and whether it is anything.
func (d *Desk) Want(agent string, orders []Order) (differs, some bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := map[string]*Order{}
	for _, o := range orders {
		a, known := d.seen[agent][o.GetConnection()]
		if known && !a.at.Before(o.Since) && (a.none == "" || d.Clock().Sub(a.at) < askAgain) {
			continue
		}
		if len(now) < demarcv1.MaxSliceOrders {
			now[o.GetConnection()] = &o
		}
	}
	before := d.wanted[agent]
	d.wanted[agent] = now
	same := len(before) == len(now)
	for c := range now {
		same = same && before[c] != nil
	}
	return !same, len(now) > 0
}

// Orders are what an agent is told, sorted.
func (d *Desk) Orders(agent string) *demarcv1.SliceOrders {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := &demarcv1.SliceOrders{}
	for _, o := range d.wanted[agent] {
		out.Orders = append(out.Orders, o.SliceOrder)
	}
	slices.SortFunc(out.Orders, func(a, b *demarcv1.SliceOrder) int { return cmp.Compare(a.GetConnection(), b.GetConnection()) })
	return out
}

// Take takes what an agent sent; what was not asked for, or is not wanted any
// more, is passed over. An error says why it is not kept.
func (d *Desk) Take(ctx context.Context, from pki.Identity, x *demarcv1.Slice) error {
	d.taking.Lock()
	defer d.taking.Unlock()
	d.mu.Lock()
	o := d.wanted[from.Agent][x.GetConnection()]
	d.mu.Unlock()
	if o == nil {
		d.Log.Debug("slice passed over: nobody asks for it", "agent", from.Agent, "connection", x.GetConnection())
		return nil
	}
	if x.GetNone() != "" {
		d.answered(from.Agent, o, answer{at: d.Clock(), none: x.GetNone()})
		return nil
	}
	m, err := d.check(from, o, x)
	if err == nil {
		err = d.keep(ctx, m, x)
	}
	if err != nil { // it is not asked for again soon
		d.answered(from.Agent, o, answer{at: d.Clock(), none: err.Error()})
		return err
	}
	d.answered(from.Agent, o, answer{at: d.Clock()})
	return nil
}

func (d *Desk) answered(agent string, o *Order, a answer) {
	d.mu.Lock()
	delete(d.wanted[agent], o.GetConnection())
	d.note(agent, o.GetConnection(), a)
	d.mu.Unlock()
	if d.Changed != nil {
		d.Changed()
	}
}

// check holds a slice against its seal, its sender and what was asked for.
func (d *Desk) check(from pki.Identity, o *Order, x *demarcv1.Slice) (*slice.Manifest, error) {
	if n := len(x.GetData()); n > demarcv1.MaxSlice {
		return nil, fmt.Errorf("it has %d bytes, at most %d are taken", n, demarcv1.MaxSlice)
	}
	certificate, err := x509.ParseCertificate(x.GetCertificate())
	if err != nil {
		return nil, fmt.Errorf("its certificate: %w", err)
	}
	m, err := slice.Verify(x.GetManifest(), x.GetSignature(), x.GetData(), certificate, d.Authority)
	if err != nil {
		return nil, err
	}
	asked := slice.Connection{Client: o.GetClient(), Server: o.GetServer(), Transport: o.GetTransport(), Port: o.GetPort()}
	switch {
	case m.Agent != from.Agent || m.Site != from.Site:
		return nil, fmt.Errorf("agent %s of site %s sealed it, and agent %s of site %s brings it", m.Agent, m.Site, from.Agent, from.Site)
	case m.Connection != asked || m.Segment != o.GetSegment():
		return nil, fmt.Errorf("it is of %v in segment %s, and %v in segment %s was asked for", m.Connection, m.Segment, asked, o.GetSegment())
	}
	return m, nil
}

// keep stores a slice and lets others go for it.
func (d *Desk) keep(ctx context.Context, m *slice.Manifest, x *demarcv1.Slice) error {
	d.mu.Lock()
	if old := d.all[m.SHA256]; old != nil { // the same frames again
		d.mu.Unlock()
		return nil
	}
	forget, err := d.room(int64(m.Size))
	d.mu.Unlock()
	if err != nil {
		return err
	}
	now := d.Clock()
	s := &Slice{store.Slice{SHA256: m.SHA256, Connection: x.GetConnection(), Received: now, Manifest: x.GetManifest(), Signature: x.GetSignature(), Certificate: x.GetCertificate()}, m}
	act := store.Act{
		Time: now, Who: "agent " + m.Agent, What: "slice record", On: x.GetConnection(),
		Detail: fmt.Sprintf("%s: %d frames, SHA-256 %s, number %d behind %s", s.ID(), m.Frames, m.SHA256, m.Number, cmp.Or(m.Previous, "none")),
	}
	if err := d.Store.PutSlice(ctx, s.Slice, x.GetData(), forget, act); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(forget)
	d.add(s)
	if len(forget) > 0 {
		d.Log.Info("slices made room for a newer one", "gone", len(forget))
	}
	return nil
}

// room picks the slices that go so that n bytes fit, the oldest first.
func (d *Desk) room(n int64) (forget []string, err error) {
	free := d.Most - d.bytes
	if free >= n {
		return nil, nil
	}
	for _, s := range d.list() {
		if d.held(s) {
			continue
		}
		forget = append(forget, s.Slice.SHA256)
		if free += int64(s.Size); free >= n {
			return forget, nil
		}
	}
	return nil, fmt.Errorf("there is no room: %d bytes are kept, of %d that slices.maxMB allows, and what is held may not go", d.bytes, d.Most)
}

func (d *Desk) held(s *Slice) bool { return d.Keep != nil && d.Keep(s.Slice.Connection) }

// list is what is kept, the oldest first. The caller holds mu.
func (d *Desk) list() []*Slice {
	all := make([]*Slice, 0, len(d.all))
	for _, s := range d.all {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Slice) int {
		return cmp.Or(a.Received.Compare(b.Received), cmp.Compare(a.Slice.SHA256, b.Slice.SHA256))
	})
	return all
}

func (d *Desk) forget(sums []string) {
	for _, sum := range sums {
		s := d.all[sum]
		delete(d.all, sum)
		d.bytes -= int64(s.Size)
		c := s.Slice.Connection
		if d.of[c] = slices.DeleteFunc(slices.Clone(d.of[c]), func(x *Slice) bool { return x == s }); len(d.of[c]) == 0 {
			delete(d.of, c)
		}
	}
}

// Prune forgets what is older than it is kept.
func (d *Desk) Prune(ctx context.Context) error {
	d.taking.Lock()
	defer d.taking.Unlock()
	d.mu.Lock()
	var old []string
	for _, s := range d.list() {
		if d.Clock().Sub(s.Received) > d.Age && !d.held(s) {
			old = append(old, s.Slice.SHA256)
		}
	}
	d.mu.Unlock()
	if len(old) == 0 {
		return nil
	}
	act := store.Act{Time: d.Clock(), Who: "collector", What: "slice drop", On: fmt.Sprintf("%d slices", len(old)), Detail: fmt.Sprintf("older than %v", d.Age)}
	if err := d.Store.DropSlices(ctx, old, act); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(old)
	return nil
}

// Of lists the slices of a connection, the oldest first.
func (d *Desk) Of(connection string) []*Slice {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.of[connection])
}

// None says why agents have no frames of a connection, by agent.
func (d *Desk) None(connection string) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]string{}
	for agent, seen := range d.seen {
		if a := seen[connection]; a.none != "" {
			all[agent] = a.none
		}
	}
	return all
}

// All lists every slice, the newest first.
func (d *Desk) All() []*Slice {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.list()
	slices.Reverse(all)
	return all
}

// Find returns the slice of an id.
func (d *Desk) Find(id string) *Slice {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.all {
		if s.ID() == id {
			return s
		}
	}
	return nil
}

// Data reads the frames of a slice, and holds them against its seal once more.
func (d *Desk) Data(ctx context.Context, s *Slice) ([]byte, error) {
	data, err := d.Store.SliceData(ctx, s.Slice.SHA256)
	if err != nil {
		return nil, err
	}
	if slice.Sum(data) != s.Manifest.SHA256 {
		return nil, fmt.Errorf("%w: slice %s has other bytes than were sealed", store.ErrCorrupt, s.ID())
	}
	return data, nil
}
