package ingest

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

type reportStream = grpc.BidiStreamingServer[demarcv1.ReportRequest, demarcv1.ReportResponse]

// Report takes an agent's batches.
func (s *Server) Report(stream reportStream) error {
	ctx := stream.Context()
	id, err := s.admit(ctx)
	if err != nil {
		s.Log.Warn("agent refused", "from", remote(ctx), "agent", id.Agent, "site", id.Site, "reason", err)
		if errors.Is(err, pki.ErrNoIdentity) {
			return status.Error(codes.Unauthenticated, err.Error())
		}
		return stream.Send(refusal(refuse(demarcv1.Refusal_CODE_DENIED, 0, "%v", err)))
	}
	log := s.Log.With("agent", id.Agent, "site", id.Site, "from", remote(ctx))
	h := &handler{Server: s, stream: stream, x: newSession(id), in: make(chan received)}
	go h.receive()
	refused, err := h.run()
	switch {
	case refused != nil:
		log.Warn("stream refused", "code", refused.GetCode(), "reason", refused.GetReason(), "through", refused.GetThrough())
		return stream.Send(refusal(refused))
	case errors.Is(err, io.EOF) || status.Code(err) == codes.Canceled:
		log.Info("stream ended by the agent", "through", h.x.acknowledged())
		return nil
	default:
		log.Warn("stream ended", "reason", err, "through", h.x.acknowledged())
		return err
	}
}

func refusal(r *demarcv1.Refusal) *demarcv1.ReportResponse {
	return &demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_Refusal{Refusal: r}}
}

// handler runs one stream on the goroutine that gRPC gave it.
type handler struct {
	*Server
	x      *session
	stream reportStream
	in     chan received
}

type received struct {
	message *demarcv1.ReportRequest
	err     error
}

// receive hands messages over one at a time, until the stream ends.
func (h *handler) receive() {
	for {
		m, err := h.stream.Recv()
		select {
		case h.in <- received{m, err}:
		case <-h.stream.Context().Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// run serves the stream to its end: a refusal to send, or an error.
func (h *handler) run() (*demarcv1.Refusal, error) {
	hello, refused, err := h.hello()
	if refused != nil || err != nil {
		return refused, err
	}
	if err := h.open(h.x); err != nil {
		return nil, err
	}
	defer h.close(h.x)
	if refused, err := h.welcome(hello); refused != nil || err != nil {
		return refused, err
	}
	expires := time.NewTimer(h.x.id.Expires.Sub(h.Authority.Now()))
	defer expires.Stop()
	for {
		select {
		case <-h.x.stop:
			return h.x.refusal, h.x.failure
		case <-h.stream.Context().Done(): // the agent is gone, and receive with it
			return nil, status.FromContextError(h.stream.Context().Err()).Err()
		case <-expires.C:
			return refuse(demarcv1.Refusal_CODE_DENIED, h.x.acknowledged(), "the agent's certificate has ended: enrol again"), nil
		case <-h.x.acked:
			err := h.stream.Send(&demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_Acknowledgement{
				Acknowledgement: &demarcv1.Acknowledgement{Through: h.x.acknowledged()},
			}})
			if err != nil {
				return nil, err
			}
		case <-h.x.ordered:
			if err := h.order(); err != nil {
				return nil, err
			}
		case <-h.x.wanted:
			if err := h.want(); err != nil {
				return nil, err
			}
		case r := <-h.in:
			if r.err != nil {
				return h.left(r.err)
			}
			if refused := h.message(r.message); refused != nil {
				return refused, nil
			}
		}
	}
}

// left ends a stream that the agent closed: what it sent before is committed
// and acknowledged first.
func (h *handler) left(err error) (*demarcv1.Refusal, error) {
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	h.x.settle()
	if through := h.x.acknowledged(); through > 0 {
		if err := h.stream.Send(&demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_Acknowledgement{
			Acknowledgement: &demarcv1.Acknowledgement{Through: through},
		}}); err != nil {
			return nil, err
		}
	}
	h.x.mu.Lock()
	defer h.x.mu.Unlock()
	if h.x.ended {
		return h.x.refusal, h.x.failure
	}
	return nil, err
}

// hello waits for the first message and checks it.
func (h *handler) hello() (*demarcv1.Hello, *demarcv1.Refusal, error) {
	late := time.NewTimer(helloWithin)
	defer late.Stop()
	var r received
	select {
	case r = <-h.in:
	case <-h.stream.Context().Done():
		return nil, nil, status.FromContextError(h.stream.Context().Err()).Err()
	case <-late.C:
		return nil, refuse(demarcv1.Refusal_CODE_MALFORMED, 0, "no Hello within %v", helloWithin), nil
	}
	if r.err != nil {
		return nil, nil, r.err
	}
	hello := r.message.GetHello()
	if refused := checkHello(hello); refused != nil {
		return nil, refused, nil
	}
	h.x.epoch = store.Epoch(hello.GetEpoch())
	return hello, nil, nil
}

func checkHello(hello *demarcv1.Hello) *demarcv1.Refusal {
	switch {
	case hello == nil:
		return refuse(demarcv1.Refusal_CODE_MALFORMED, 0, "the first message is no Hello")
	case len(hello.GetEpoch()) != len(store.Epoch{}):
		return refuse(demarcv1.Refusal_CODE_MALFORMED, 0, "an epoch of %d bytes, it has %d", len(hello.GetEpoch()), len(store.Epoch{}))
	case hello.GetFirst() == 0 || hello.GetFirst() > hello.GetLast()+1:
		return refuse(demarcv1.Refusal_CODE_MALFORMED, 0, "the spool holds %d to %d", hello.GetFirst(), hello.GetLast())
	case len(hello.GetSegments()) > 4096 || slices.ContainsFunc(hello.GetSegments(), badName):
		return refuse(demarcv1.Refusal_CODE_MALFORMED, 0, "too many segments, or a name over %d bytes or with control characters", nameBytes)
	}
	return nil
}

func badName(s string) bool { return len(s) > nameBytes || printable([]byte(s)) != nil }

// welcome tells the agent where to go on, or that its spool is not the one we
// know.
func (h *handler) welcome(hello *demarcv1.Hello) (*demarcv1.Refusal, error) {
	ctx := h.stream.Context()
	c, err := h.Store.Cursor(ctx, h.x.id.Agent, h.x.epoch)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if hello.GetLast() < c.Through {
		return refuse(demarcv1.Refusal_CODE_FORKED, c.Through, "%s: the spool ends at %d, committed is %d", forkedReason, hello.GetLast(), c.Through), nil
	}
	if err := h.remember(ctx, h.x.id, h.x.epoch, hello, nil); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	h.x.mu.Lock()
	h.x.through = max(h.x.through, c.Through)
	h.x.mu.Unlock()
	h.heard(h.x.id.Agent, func(a *Health) {
		a.Connected, a.Remote = true, remote(ctx)
		if hello.GetClock() != nil {
			a.ClockOffset = hello.GetClock().AsTime().Sub(a.LastHeard)
		}
	})
	h.Changed()
	h.Log.Info("agent reports", "agent", h.x.id.Agent, "site", h.x.id.Site, "from", remote(ctx), "through", c.Through, "last", hello.GetLast())
	err = h.stream.Send(&demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_Welcome{Welcome: &demarcv1.Welcome{
		Through: c.Through, WindowBatches: demarcv1.WindowBatches, WindowBytes: demarcv1.WindowBytes,
		Collector: h.Version, Clock: timestamppb.New(h.Clock()), ProbeOrders: h.orders(),
	}}})
	if err == nil && h.Slices != nil && len(h.Slices.Orders(h.x.id.Agent).GetOrders()) > 0 {
		err = h.want()
	}
	return nil, err
}

// remember keeps what Hello says of the agent, when it is new, and how the agent
// was where a bundle brings that.
func (s *Server) remember(ctx context.Context, id pki.Identity, epoch store.Epoch, hello *demarcv1.Hello, carried *store.Carried) error {
	a, err := s.Store.Agent(ctx, id.Agent)
	if err != nil {
		return err
	}
	if carried == nil && a.Carried == nil && a.Version == cut(hello.GetVersion()) && a.Hostname == cut(hello.GetHostname()) && a.Epoch == epoch && slices.Equal(a.Segments, hello.GetSegments()) {
		return nil
	}
	if version := cut(hello.GetVersion()); a.Version != "" && a.Version != version && s.Upgraded != nil {
		if err := s.Upgraded(ctx, a.Name, version); err != nil {
			return err
		}
	}
	act := store.Act{Who: "agent " + id.Agent, What: "agent report", On: id.Agent, Detail: "version " + cut(hello.GetVersion()) + ", host " + cut(hello.GetHostname())}
	return s.Store.UpdateAgent(ctx, id.Agent, act, func(a *store.Agent) error {
		a.Version, a.Hostname, a.Epoch = cut(hello.GetVersion()), cut(hello.GetHostname()), epoch
		a.Segments, a.Carried = slices.Clone(hello.GetSegments()), carried
		return nil
	})
}

// message takes one message after Hello.
func (h *handler) message(m *demarcv1.ReportRequest) *demarcv1.Refusal {
	switch m := m.GetMessage().(type) {
	case *demarcv1.ReportRequest_Batch:
		return h.batch(m.Batch)
	case *demarcv1.ReportRequest_Lost:
		return h.lost(m.Lost)
	case *demarcv1.ReportRequest_Heartbeat:
		h.heartbeat(h.x.id.Agent, m.Heartbeat)
		return nil
	case *demarcv1.ReportRequest_Slice:
		h.slice(m.Slice)
		return nil
	}
	return refuse(demarcv1.Refusal_CODE_MALFORMED, h.x.acknowledged(), "a message that is no Batch, Lost, Heartbeat or Slice")
}

func (h *handler) batch(b *demarcv1.Batch) *demarcv1.Refusal {
	record, err := batchRecord(b, h.x.id, h.x.epoch)
	if err != nil {
		return h.malformed(b.GetSequence(), err)
	}
	return h.submit(record)
}

func (h *handler) lost(l *demarcv1.Lost) *demarcv1.Refusal {
	record, err := lostRecord(l, h.x.id, h.x.epoch)
	if err != nil {
		return h.malformed(l.GetTo(), err)
	}
	return h.submit(record)
}

func (h *handler) malformed(sequence uint64, why error) *demarcv1.Refusal {
	return refuse(demarcv1.Refusal_CODE_MALFORMED, h.x.acknowledged(), "sequence %d: %v", sequence, why)
}

var errDigest = errors.New("its digest does not fit")

// batchRecord is a batch as the journal takes it, once it was checked.
func batchRecord(b *demarcv1.Batch, id pki.Identity, epoch store.Epoch) (store.Record, error) {
	if err := CheckBody(b.GetBody()); err != nil {
		return store.Record{}, err
	}
	digest := store.BatchDigest(epoch, b.GetSequence(), b.GetBody())
	if string(digest[:]) != string(b.GetDigest()) {
		return store.Record{}, errDigest
	}
	return store.Record{
		Kind: store.KindBatch, Site: id.Site, Agent: id.Agent, Epoch: epoch, From: b.GetSequence(), Sequence: b.GetSequence(),
		Digest: digest, Body: b.GetBody(), Acts: probeActs(id.Agent, b.GetBody()),
	}, nil
}

func lostRecord(l *demarcv1.Lost, id pki.Identity, epoch store.Epoch) (store.Record, error) {
	if badName(l.GetReason()) || l.GetFrom() == 0 || l.GetFrom() > l.GetTo() {
		return store.Record{}, errors.New("a Lost of no sequences, or a reason that is none")
	}
	digest := store.LostDigest(epoch, l.GetFrom(), l.GetTo(), l.GetReason())
	if string(digest[:]) != string(l.GetDigest()) {
		return store.Record{}, errDigest
	}
	body, err := proto.Marshal(l)
	return store.Record{
		Kind: store.KindLost, Site: id.Site, Agent: id.Agent, Epoch: epoch, From: l.GetFrom(), Sequence: l.GetTo(), Digest: digest, Body: body,
	}, err
}

// submit hands a record to the committer.
func (h *handler) submit(r store.Record) *demarcv1.Refusal {
	refused, ok := h.x.begin(len(r.Body))
	if !ok {
		return refused
	}
	h.heard(h.x.id.Agent, func(*Health) {})
	select {
	case h.queue <- entry{record: r, size: len(r.Body), from: h.x}:
	case <-h.x.stop:
		h.x.done(len(r.Body), nil)
	}
	return nil
}
