package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

const (
	heartbeatEvery = 10 * time.Second
	dialTimeout    = 10 * time.Second
	maxBackoff     = 30 * time.Second
)

// Health is what a heartbeat says of the capture and of the machine.
type Health struct {
	LastFrame          time.Time // zero: none yet
	Frames, Drops      uint64
	DiskFree, DiskSize uint64 // bytes; 0 where that cannot be told
}

// Client brings the spool to one collector, and keeps trying.
type Client struct {
	Address  string // host:port
	Spool    *Spool
	Version  string
	Hostname string
	Segments []string
	Health   func() Health // may be nil
	// Span is what the SPAN check says, the same pointer while it says the
	// same; may be nil.
	Span func() *demarcv1.SpanReport
	// Beat, when set, sends a heartbeat at once for each value.
	Beat <-chan struct{}
	// Orders takes what the collector wants of active reads; Unlinked is called
	// when a stream on which it could have come has ended; Probe is how they
	// stand, for heartbeats. Each may be nil.
	Orders   func(*demarcv1.ProbeOrders)
	Unlinked func()
	Probe    func() *demarcv1.ProbeState
	// Recording is what of frames is kept, Wanted takes whose the collector
	// wants, and Slices brings them: one is sent when no batch waits. Each may be
	// nil.
	Recording string
	Wanted    func(*demarcv1.SliceOrders)
	Slices    <-chan *demarcv1.Slice
	Log       *slog.Logger
	// BitsPerSecond is the most that batches and slices take of the link; 0 is
	// no limit. What does not fit stays in the spool.
	BitsPerSecond int

	// StateFile holds the credentials; Run renews them there.
	StateFile string
	// Once ends Run when another collector answers, for a person who waits; an
	// agent that runs for good keeps spooling until its own is back.
	Once bool

	creds *pki.Credentials
	link  atomic.Pointer[Link]
}

// Link is how the agent stands with its collector.
type Link struct {
	Connected bool
	Since     time.Time // of this state; zero before the first try ended
	Error     string    // why it is not connected
}

// Link is the state now. Any goroutine may call it.
func (c *Client) Link() Link {
	if l := c.link.Load(); l != nil {
		return *l
	}
	return Link{}
}

// linked notes a state; a state that goes on keeps its beginning.
func (c *Client) linked(l Link) {
	if old := c.Link(); old.Connected == l.Connected && !old.Since.IsZero() {
		l.Since = old.Since
	}
	c.link.Store(&l)
}

// ErrDenied is returned by Run when the collector refuses this agent for good.
var ErrDenied = errors.New("uplink: refused by the collector")

// Run reports until ctx ends or the collector denies this agent. Any other
// fault is logged and tried again.
func (c *Client) Run(ctx context.Context) error {
	creds, err := pki.LoadCredentials(c.StateFile)
	if err != nil {
		return err
	}
	c.creds = creds
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 200*time.Millisecond, maxBackoff
	for {
		welcomed, err := c.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrDenied):
			return err
		case welcomed:
			wait.Reset()
		}
		if c.Unlinked != nil {
			c.Unlinked()
		}
		err = reached(c.Address, err)
		if c.Once && errors.Is(err, pki.ErrForeignPeer) {
			return fmt.Errorf("%s: %w", c.Address, err)
		}
		c.linked(Link{Since: time.Now(), Error: err.Error()})
		next := wait.NextBackOff()
		c.Log.Warn("collector not reached, spooling", "collector", c.Address, "error", err, "again_in", next.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(next):
		}
	}
}

// reached says in words why a collector was not reached.
func reached(address string, err error) error {
	cause := pki.Cause(err)
	s, ok := status.FromError(cause)
	if !ok || s.Code() != codes.Unavailable {
		return cause
	}
	why := s.Message()
	if i := strings.LastIndex(why, "dial tcp "); i >= 0 {
		why = strings.Trim(why[i:], `"`)
	}
	return fmt.Errorf("no collector answers at %s: check the address, and that it runs (%s)", address, why)
}

func dial(address string, t *tls.Config) (*grpc.ClientConn, error) {
	return grpc.NewClient("dns:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(t)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<20)))
}

// session is one stream from Hello to its end. welcomed: the collector took
// the Hello.
func (c *Client) session(ctx context.Context) (welcomed bool, err error) {
	if err := c.renew(ctx); err != nil {
		c.Log.Warn("certificate not renewed", "error", err)
	}
	conn, err := dial(c.Address, c.creds.Config())
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := demarcv1.NewUplinkServiceClient(conn).Report(ctx)
	if err != nil {
		return false, err
	}
	s := &session{c: c, stream: stream, acked: make(chan uint64, 1)}
	welcome, err := s.hello()
	if err != nil {
		return false, err
	}
	c.linked(Link{Connected: true, Since: time.Now()})
	if c.Orders != nil && welcome.GetProbeOrders() != nil {
		c.Orders(welcome.GetProbeOrders())
	}
	c.Log.Info("connected", "collector", c.Address, "through", welcome.Through)
	errs := make(chan error, 2)
	go func() { errs <- s.receive() }()
	go func() { errs <- s.send(ctx, welcome) }()
	err = <-errs
	cancel()
	err2 := <-errs
	if refused := new(refusedError); errors.As(err2, &refused) {
		err = err2 // the reason says more than the closed stream
	}
	return true, err
}

// session is the state of one stream.
type session struct {
	c      *Client
	stream grpc.BidiStreamingClient[demarcv1.ReportRequest, demarcv1.ReportResponse]
	sendMu sync.Mutex
	acked  chan uint64
	span   *demarcv1.SpanReport // sent last
}

// refusedError is the collector's refusal.
type refusedError struct{ *demarcv1.Refusal }

func (e *refusedError) Error() string { return "the collector refused: " + e.Reason }

func (s *session) hello() (*demarcv1.Welcome, error) {
	epoch, first, last := s.c.Spool.state()
	sent := s.stream.Send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Hello{Hello: &demarcv1.Hello{
		Version: s.c.Version, Epoch: epoch[:], First: first, Last: last, Clock: timestamppb.Now(), Hostname: s.c.Hostname, Segments: s.c.Segments,
	}}})
	r, err := s.stream.Recv() // when Hello could not be sent too: a refusal or the stream's own reason
	if err != nil {
		return nil, err
	}
	if w := r.GetWelcome(); w != nil {
		return w, errors.Join(sent, s.c.Spool.trimLost(w.Through))
	}
	return nil, s.refused(r.GetRefusal())
}

// refused acts on a refusal: a fork begins a new epoch, what is gone or cannot
// be read becomes a Lost, a denial ends the agent.
func (s *session) refused(r *demarcv1.Refusal) error {
	if r == nil {
		return errors.New("uplink: the collector answered with neither welcome nor refusal")
	}
	switch r.Code {
	case demarcv1.Refusal_CODE_FORKED:
		s.c.Log.Warn("this spool's numbers were used by another agent: a new epoch begins", "reason", r.Reason)
		if err := s.c.Spool.restart(); err != nil {
			return err
		}
	case demarcv1.Refusal_CODE_GAP:
		s.c.Log.Warn("the collector lacks what it had acknowledged: was it restored from a backup?", "reason", r.Reason, "through", r.Through)
		if err := s.c.Spool.fill(r.Through); err != nil {
			return err
		}
	case demarcv1.Refusal_CODE_MALFORMED:
		s.c.Log.Error("the collector cannot read a batch: it is told as lost", "reason", r.Reason, "sequence", r.Through+1)
		if err := s.c.Spool.giveUp(r.Through + 1); err != nil {
			return err
		}
	case demarcv1.Refusal_CODE_DENIED:
		return fmt.Errorf("%w: %s", ErrDenied, r.Reason)
	}
	return &refusedError{r}
}

func (s *session) receive() error {
	for {
		r, err := s.stream.Recv()
		if err != nil {
			return err
		}
		switch m := r.Message.(type) {
		case *demarcv1.ReportResponse_Acknowledgement:
			if err := s.c.Spool.acknowledge(m.Acknowledgement.Through); err != nil {
				return err
			}
			select { // the newest acknowledgement is the one that counts
			case <-s.acked:
			default:
			}
			s.acked <- m.Acknowledgement.Through
		case *demarcv1.ReportResponse_Refusal:
			return s.refused(m.Refusal)
		case *demarcv1.ReportResponse_ProbeOrders:
			if s.c.Orders != nil {
				s.c.Orders(m.ProbeOrders)
			}
		case *demarcv1.ReportResponse_SliceOrders:
			if s.c.Wanted != nil {
				s.c.Wanted(m.SliceOrders)
			}
		}
	}
}

// send keeps at most a window of records in flight.
func (s *session) send(ctx context.Context, w *demarcv1.Welcome) error {
	window := window{records: int(max(w.WindowBatches, 1)), bytes: int(max(w.WindowBytes, demarcv1.MaxBody))}
	// Everything held is sent, also what the collector says that it has: only
	// equal digests show that it was this spool that it had it from.
	_, next, _ := s.c.Spool.state()
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	link := pace{bits: s.c.BitsPerSecond}
	if err := s.heartbeat(); err != nil {
		return err
	}
	for {
		n, size := window.room()
		wait, slices := link.wait(time.Now()), s.c.Slices
		if wait != nil {
			slices = nil
		} else if n > 0 && size > 0 {
			if link.bits > 0 {
				n = 1
			}
			records, err := s.c.Spool.read(next, n, size)
			if err != nil {
				return err
			}
			for _, r := range records {
				to := last(r)
				if err := s.put(r); err != nil {
					return err
				}
				window.sent(to, len(r.GetBatch().GetBody()))
				link.sent(time.Now(), proto.Size(r))
				next = to + 1
			}
			if len(records) > 0 {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wait:
		case <-s.c.Spool.news:
		case through := <-s.acked:
			window.acknowledged(through)
		case x := <-slices:
			r := &demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Slice{Slice: x}}
			if err := s.put(r); err != nil {
				return err
			}
			link.sent(time.Now(), proto.Size(r))
		case <-s.c.Beat:
			if err := s.heartbeat(); err != nil {
				return err
			}
		case <-beat.C:
			if err := s.heartbeat(); err != nil {
				return err
			}
		}
	}
}

// last is the highest sequence that a record fills.
func last(r *demarcv1.ReportRequest) uint64 {
	if l := r.GetLost(); l != nil {
		return l.To
	}
	return r.GetBatch().GetSequence()
}

func (s *session) put(r *demarcv1.ReportRequest) error {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	return s.stream.Send(r)
}

// Heartbeat is how the agent is now.
func (c *Client) Heartbeat() *demarcv1.Heartbeat {
	_, held := c.Spool.Held()
	h := &demarcv1.Heartbeat{Clock: timestamppb.Now(), SpoolBytes: uint64(max(held, 0)), Slices: c.Recording}
	if c.Health != nil {
		x := c.Health()
		h.Frames, h.Drops, h.DiskFreeBytes, h.DiskBytes = x.Frames, x.Drops, x.DiskFree, x.DiskSize
		if !x.LastFrame.IsZero() {
			h.LastFrame = timestamppb.New(x.LastFrame)
		}
	}
	if c.Span != nil {
		h.Span = c.Span()
	}
	if c.Probe != nil {
		h.Probe = c.Probe()
	}
	return h
}

func (s *session) heartbeat() error {
	h := s.c.Heartbeat()
	if h.Span == s.span {
		h.Span = nil
	} else {
		s.span = h.Span
	}
	return s.put(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Heartbeat{Heartbeat: h}})
}

// window counts what is in flight.
type window struct {
	records, bytes int // allowed
	flight         []inFlight
	size           int
}

type inFlight struct {
	through uint64
	size    int
}

func (w *window) room() (records, bytes int) { return w.records - len(w.flight), w.bytes - w.size }

func (w *window) sent(through uint64, size int) {
	w.flight = append(w.flight, inFlight{through, size})
	w.size += size
}

func (w *window) acknowledged(through uint64) {
	i := 0
	for ; i < len(w.flight) && w.flight[i].through <= through; i++ {
		w.size -= w.flight[i].size
	}
	w.flight = append(w.flight[:0], w.flight[i:]...)
}

// pace keeps what is sent below a rate: whatever was sent keeps the link busy
// for as long as it takes at that rate.
type pace struct {
	bits int // a second; 0 is no limit
	free time.Time
}

// sent counts bytes with what gRPC, TLS and TCP put around them.
func (p *pace) sent(now time.Time, size int) {
	if p.bits == 0 {
		return
	}
	const around = 100
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(size+around) * 8 / float64(p.bits) * float64(time.Second)))
}

// wait is nil when the link is free, else it tells when it is.
func (p *pace) wait(now time.Time) <-chan time.Time {
	if !now.Before(p.free) {
		return nil
	}
	return time.After(p.free.Sub(now))
}
