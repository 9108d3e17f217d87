package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

func body(t testing.TB, n int) []byte { return marshal(t, fullBody(n)) }

func TestBatchesReachTheJournalOnce(t *testing.T) {
	r := newRig(t)
	c := r.enrol("agent-l4")
	one, two := body(t, 1), body(t, 2)
	l := r.report(c)
	if through := l.welcomed(1, 2); through != 0 {
		t.Fatalf("through %d", through)
	}
	l.batch(1, one)
	l.acked(1)
	l.batch(2, two)
	l.lost(3, 9)
	l.acked(9)
	if err := l.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := l.Recv(); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
	}
	again := r.report(c)
	if through := again.welcomed(1, 9); through != 9 {
		t.Fatalf("through %d", through)
	}
	again.batch(2, two) // its acknowledgement was lost
	again.acked(9)
	again.batch(10, one)
	again.acked(10)
	got := r.journal()
	if len(got) != 4 || !bytes.Equal(got[0].Body, one) || !bytes.Equal(got[1].Body, two) || got[2].Kind != store.KindLost || got[2].From != 3 {
		t.Errorf("journal %+v", got)
	}
	for _, rec := range got {
		if rec.Site != "houston" || rec.Agent != "agent-l4" {
			t.Errorf("record of %s/%s", rec.Site, rec.Agent)
		}
	}
}

func TestRefusals(t *testing.T) {
	ok := body(t, 1)
	cases := map[string]struct {
		send func(*line)
		code demarcv1.Refusal_Code
	}{
		"gap":                               {func(l *line) { l.batch(3, ok) }, demarcv1.Refusal_CODE_GAP},
		"gap before a lost":                 {func(l *line) { l.lost(3, 4) }, demarcv1.Refusal_CODE_GAP},
		"forked":                            {func(l *line) { l.batch(1, body(t, 2)) }, demarcv1.Refusal_CODE_FORKED},
		"forked, and what would fit behind": {func(l *line) { l.batch(1, body(t, 2)); l.batch(2, ok) }, demarcv1.Refusal_CODE_FORKED},
		"second hello": {func(l *line) {
			l.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Hello{Hello: &demarcv1.Hello{Epoch: l.epoch[:], First: 1}}})
		}, demarcv1.Refusal_CODE_MALFORMED},
		"digest": {func(l *line) {
			l.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Batch{Batch: &demarcv1.Batch{Sequence: 2, Digest: make([]byte, 32), Body: ok}}})
		}, demarcv1.Refusal_CODE_MALFORMED},
		"body":          {func(l *line) { l.batch(2, []byte{0xff}) }, demarcv1.Refusal_CODE_MALFORMED},
		"oversized":     {func(l *line) { l.batch(2, make([]byte, demarcv1.MaxBody+1)) }, demarcv1.Refusal_CODE_MALFORMED},
		"empty message": {func(l *line) { l.send(&demarcv1.ReportRequest{}) }, demarcv1.Refusal_CODE_MALFORMED},
		"backward lost": {func(l *line) { l.lost(5, 4) }, demarcv1.Refusal_CODE_MALFORMED},
	}
	r := newRig(t)
	other := r.report(r.enrol("other"))
	other.welcomed(1, 9)
	sequence := uint64(0)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := len(r.journal())
			cred := r.enrol(fmt.Sprintf("agent-%d", len(r.Health())))
			l := r.report(cred)
			l.welcomed(1, 1)
			l.batch(1, ok)
			l.acked(1)
			c.send(l)
			refused := l.refused(c.code)
			if refused.GetReason() == "" || refused.GetThrough() != 1 {
				t.Errorf("%v", refused)
			}
			if _, err := l.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("the stream goes on: %v", err)
			}
			if n := len(r.journal()) - before; n != 1 {
				t.Errorf("%d records taken, one was good", n)
			}
			// Others do not notice.
			sequence++
			other.batch(sequence, ok)
			other.acked(sequence)
		})
	}
}

func TestMessageThatGRPCRefuses(t *testing.T) {
	r := newRig(t)
	l := r.report(r.enrol("a"))
	l.welcomed(1, 1)
	l.batch(1, make([]byte, 4<<20))
	if _, err := l.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v", err)
	}
}

func TestHelloRefusals(t *testing.T) {
	r := newRig(t)
	hello := func(change func(*demarcv1.Hello)) *demarcv1.ReportRequest {
		h := &demarcv1.Hello{Epoch: make([]byte, 16), First: 1}
		change(h)
		return &demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Hello{Hello: h}}
	}
	for name, m := range map[string]*demarcv1.ReportRequest{
		"no hello":     {Message: &demarcv1.ReportRequest_Heartbeat{Heartbeat: &demarcv1.Heartbeat{}}},
		"short epoch":  hello(func(h *demarcv1.Hello) { h.Epoch = make([]byte, 15) }),
		"no first":     hello(func(h *demarcv1.Hello) { h.First = 0 }),
		"backward":     hello(func(h *demarcv1.Hello) { h.First, h.Last = 5, 3 }),
		"segment name": hello(func(h *demarcv1.Hello) { h.Segments = []string{"\x1b[2J"} }),
	} {
		t.Run(name, func(t *testing.T) {
			l := r.report(r.enrol("a"))
			l.send(m)
			l.refused(demarcv1.Refusal_CODE_MALFORMED)
		})
	}
}

// A spool restored from an old copy ends before what is committed.
func TestHelloOfAnOlderSpoolIsForked(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	l := r.report(c)
	l.welcomed(1, 3)
	for i := range uint64(3) {
		l.batch(i+1, body(t, 1))
	}
	l.acked(3)
	clone := r.report(c)
	if m := clone.hello(1, 2); m.GetRefusal().GetCode() != demarcv1.Refusal_CODE_FORKED || m.GetRefusal().GetThrough() != 3 {
		t.Errorf("%v", m)
	}
	fresh := r.report(c)
	if through := fresh.welcomed(2, 2); through != 0 {
		t.Errorf("a new epoch goes on at %d", through)
	}
}

func TestSecondStreamReplacesTheFirst(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	first := r.report(c)
	first.welcomed(1, 1)
	first.batch(1, body(t, 1))
	first.acked(1)
	second := r.report(c)
	if through := second.welcomed(1, 2); through != 1 {
		t.Errorf("through %d", through)
	}
	first.refused(demarcv1.Refusal_CODE_REPLACED)
	second.batch(2, body(t, 1))
	second.acked(2)
	if !r.Health()["a"].Connected {
		t.Error("the end of the first stream counted as the second's")
	}
}

func TestMoreInFlightThanTheWindow(t *testing.T) {
	x := newSession(pki.Identity{})
	for range demarcv1.WindowBatches {
		if refused, ok := x.begin(10); !ok {
			t.Fatal(refused)
		}
	}
	if refused, ok := x.begin(10); ok || refused.GetCode() != demarcv1.Refusal_CODE_MALFORMED {
		t.Error("65 batches in flight")
	}
	x.done(10, &store.Answer{Through: 1})
	if _, ok := x.begin(10); !ok {
		t.Error("one was answered, one more was refused")
	}
	y := newSession(pki.Identity{})
	for range demarcv1.WindowBytes / demarcv1.MaxBody {
		y.begin(demarcv1.MaxBody)
	}
	if _, ok := y.begin(1); ok {
		t.Error("more than 8 MiB in flight")
	}
}

func TestRevokedAndUnknownAgents(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	l := r.report(c)
	l.welcomed(1, 1)
	err := r.Store.UpdateAgent(context.Background(), "a", store.Act{What: "revoke"}, func(a *store.Agent) error { a.Revoked = time.Now(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	r.Drop("a", pki.ErrRevoked.Error())
	l.refused(demarcv1.Refusal_CODE_DENIED)
	if m := r.report(c).next(); m.GetRefusal().GetCode() != demarcv1.Refusal_CODE_DENIED || m.GetRefusal().GetReason() != pki.ErrRevoked.Error() {
		t.Errorf("%v", m)
	}
	csr, _ := pki.NewRequest(newKey(t), "a")
	if _, err := r.dial(c.Config()).Renew(context.Background(), &demarcv1.RenewRequest{Csr: csr}); !errors.Is(pki.Cause(err), pki.ErrRevoked) {
		t.Errorf("renewal: %v", err)
	}
	// Signed by this authority and never enrolled: of a store that was lost.
	key := newKey(t)
	csr, _ = pki.NewRequest(key, "ghost")
	cert, err := r.Authority.IssueAgent(csr, "houston", "ghost")
	if err != nil {
		t.Fatal(err)
	}
	ghost := &pki.Credentials{Key: key, Certificate: cert, Authority: r.Authority.Certificate()}
	if m := r.report(ghost).next(); m.GetRefusal().GetReason() != pki.ErrUnknownAgent.Error() {
		t.Errorf("%v", m)
	}
	// The right name at another site.
	r.enrol("b")
	cert, _ = r.Authority.IssueAgent(csr, "lyon", "b")
	moved := &pki.Credentials{Key: key, Certificate: cert, Authority: r.Authority.Certificate()}
	if m := r.report(moved).next(); m.GetRefusal().GetCode() != demarcv1.Refusal_CODE_DENIED {
		t.Errorf("%v", m)
	}
}

func TestNoCertificateNoReport(t *testing.T) {
	r := newRig(t)
	token, _ := pki.ParseToken(r.token("houston", "", time.Hour))
	client := r.dial(pki.EnrolConfig(token))
	stream, err := client.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unauthenticated || !errors.Is(pki.Cause(err), pki.ErrNoIdentity) {
		t.Errorf("report: %v", err)
	}
	if _, err := client.Renew(t.Context(), &demarcv1.RenewRequest{}); !errors.Is(pki.Cause(err), pki.ErrNoIdentity) {
		t.Errorf("renew: %v", err)
	}
}

func TestCertificateOfAnotherCollector(t *testing.T) {
	a, b := newRig(t), newRig(t)
	c := b.enrol("a")
	stream, err := a.dial(c.Config()).Report(t.Context())
	if err == nil {
		_, err = stream.Recv()
	}
	if !errors.Is(pki.Cause(err), pki.ErrForeignPeer) {
		t.Errorf("%v", err)
	}
}

func TestHeartbeatsTellHealth(t *testing.T) {
	r := newRig(t)
	l := r.report(r.enrol("a"))
	l.welcomed(1, 0)
	l.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Heartbeat{Heartbeat: &demarcv1.Heartbeat{
		Clock: timestamppb.New(time.Now().Add(time.Minute)), LastFrame: timestamppb.Now(), Frames: 7, Drops: 2,
	}}})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if h := r.Health()["a"]; h.Frames == 7 && h.Drops == 2 && h.Connected && h.ClockOffset.Round(10*time.Second) == time.Minute {
			return
		}
	}
	t.Errorf("%+v", r.Health()["a"])
}

// TestSpanReportStays: it holds until the agent tells another, and is text of
// bounded length on one line, whatever the agent sends.
func TestSpanReportStays(t *testing.T) {
	r := newRig(t)
	l := r.report(r.enrol("a"))
	l.welcomed(1, 0)
	beat := func(frames uint64, span *demarcv1.SpanReport) *demarcv1.SpanReport {
		t.Helper()
		l.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Heartbeat{Heartbeat: &demarcv1.Heartbeat{Frames: frames, Span: span}}})
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if h := r.Health()["a"]; h.Frames == frames {
				return h.Span
			}
		}
		t.Fatal("no heartbeat")
		return nil
	}
	if s := beat(1, nil); s != nil {
		t.Errorf("before it was told: %v", s)
	}
	told := &demarcv1.SpanReport{Word: "bad: arp", At: timestamppb.Now(), Checks: []*demarcv1.SpanCheck{{Interface: "eth1", Id: "arp", Verdict: "bad", Evidence: "ARP is on", Cure: "ip link set eth1 arp off"}}}
	if s := beat(2, told); !proto.Equal(s, told) {
		t.Errorf("%v", s)
	}
	if s := beat(3, nil); !proto.Equal(s, told) {
		t.Errorf("after a heartbeat without it: %v", s)
	}
	hostile := &demarcv1.SpanReport{Word: "a\x1b[31m\nb\u202e" + strings.Repeat("é", 5000)}
	for range 10 * maxSpanChecks {
		hostile.Checks = append(hostile.Checks, &demarcv1.SpanCheck{Evidence: "x\ry"})
	}
	s := beat(4, hostile)
	if !strings.HasPrefix(s.GetWord(), "a[31mbé") || len(s.GetWord()) > maxSpanText || !utf8.ValidString(s.GetWord()) || len(s.GetChecks()) != maxSpanChecks || s.GetChecks()[0].GetEvidence() != "xy" {
		t.Errorf("%q, %d checks", s.GetWord(), len(s.GetChecks()))
	}
}

func TestAgentThatIsGoneIsNotConnected(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	for range 20 { // its stream's end and its context's race each other
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := r.dial(c.Config()).Report(ctx)
		if err != nil {
			t.Fatal(err)
		}
		l := &line{t: t, BidiStreamingClient: stream}
		l.welcomed(1, 0)
		cancel()
		for begun := time.Now(); r.Health()["a"].Connected; time.Sleep(time.Millisecond) {
			if time.Since(begun) > time.Minute {
				t.Fatal("still connected")
			}
		}
	}
}

func TestStopSaysSo(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	l := r.report(c)
	l.welcomed(1, 0)
	r.Stop()
	if _, err := l.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
	late := r.report(c)
	late.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Hello{Hello: &demarcv1.Hello{Epoch: make([]byte, 16), First: 1}}})
	if _, err := late.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestRenewedCertificateReports(t *testing.T) {
	r := newRig(t)
	c := r.enrol("a")
	key := newKey(t)
	csr, _ := pki.NewRequest(key, "a")
	answer, err := r.dial(c.Config()).Renew(t.Context(), &demarcv1.RenewRequest{Csr: csr})
	if err != nil {
		t.Fatal(err)
	}
	next, err := c.Renewed(key, answer.GetCertificate())
	if err != nil {
		t.Fatal(err)
	}
	r.report(next).welcomed(1, 0)
	r.report(c).welcomed(1, 0) // still good until its end
}

// BenchmarkReport: records made durable and acknowledged, over mutual TLS.
func BenchmarkReport(b *testing.B) {
	r := newRig(b)
	l := r.report(r.enrol("a"))
	l.welcomed(1, 1<<40)
	const each = 120 // five deltas each: 600 records a batch
	batch := body(b, each)
	window := make(chan struct{}, demarcv1.WindowBatches)
	done := make(chan struct{})
	var acked uint64
	go func() {
		defer close(done)
		for acked < uint64(b.N) {
			m, err := l.Recv()
			if err != nil {
				b.Error(err)
				return
			}
			for through := m.GetAcknowledgement().GetThrough(); acked < through; acked++ {
				<-window
			}
		}
	}()
	b.ResetTimer()
	for i := range b.N {
		window <- struct{}{}
		l.batch(uint64(i)+1, batch)
	}
	<-done
	b.ReportMetric(float64(b.N)*each*6/b.Elapsed().Seconds(), "records/s")
	b.SetBytes(int64(len(batch)))
}
