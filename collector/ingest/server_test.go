package ingest

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/collector/store/bolt"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a real collector front: gRPC over loopback, mutual TLS, a bbolt file.
type rig struct {
	*Server
	t    testing.TB
	addr string
	dir  string
	now  time.Time // of tokens and certificates
}

func newRig(t testing.TB) *rig {
	t.Helper()
	_, durable := t.(*testing.B) // what is measured is on disk
	r := &rig{t: t, dir: t.TempDir(), now: time.Now()}
	s, err := bolt.Open(filepath.Join(r.dir, "demarc.db"), bolt.Options{NoSync: !durable})
	if err != nil {
		t.Fatal(err)
	}
	authority, err := pki.Open(filepath.Join(r.dir, "pki"), func() time.Time { return r.now })
	if err != nil {
		t.Fatal(err)
	}
	config, err := authority.ServerConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	config.Time = nil // the machine's clock for the handshake
	r.Server = New(Config{Store: s, Authority: authority, Log: slog.New(slog.DiscardHandler), Version: "test"})
	server := grpc.NewServer(Options(credentials.NewTLS(config))...)
	demarcv1.RegisterUplinkServiceServer(server, r.Server)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served, ran := make(chan struct{}), make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	go func() { defer close(ran); r.Run(ctx) }()
	t.Cleanup(func() {
		r.Stop()
		server.Stop()
		<-served
		cancel()
		<-ran
		_ = s.Close()
	})
	return r
}

func (r *rig) token(site, agent string, valid time.Duration) string {
	r.t.Helper()
	token, err := r.Authority.NewToken()
	if err != nil {
		r.t.Fatal(err)
	}
	hash := token.Hash()
	err = r.Store.PutToken(context.Background(), store.Token{
		Name: token.Name(), Hash: hash[:], Site: site, Agent: agent, Created: r.now, Expires: r.now.Add(valid),
	}, store.Act{What: "token create"})
	if err != nil {
		r.t.Fatal(err)
	}
	return token.String()
}

func (r *rig) dial(config *tls.Config) demarcv1.UplinkServiceClient {
	r.t.Helper()
	conn, err := grpc.NewClient(r.addr, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	return demarcv1.NewUplinkServiceClient(conn)
}

// trade enrols as an agent does.
func (r *rig) trade(text, host string, key *ecdsa.PrivateKey) (*pki.Credentials, error) {
	r.t.Helper()
	token, err := pki.ParseToken(text)
	if err != nil {
		return nil, err
	}
	csr, err := pki.NewRequest(key, host)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := r.dial(pki.EnrolConfig(token)).Enroll(ctx, &demarcv1.EnrollRequest{Token: text, Csr: csr, Hostname: host, Version: "1"})
	if err != nil {
		return nil, err
	}
	return pki.Accept(token, key, e.GetCertificate(), e.GetAuthority())
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (r *rig) enrol(agent string) *pki.Credentials {
	r.t.Helper()
	c, err := r.trade(r.token("houston", agent, time.Hour), "host", newKey(r.t))
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// line is an agent's open stream.
type line struct {
	t testing.TB
	grpc.BidiStreamingClient[demarcv1.ReportRequest, demarcv1.ReportResponse]
	epoch store.Epoch
}

func (r *rig) report(c *pki.Credentials) *line {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	r.t.Cleanup(cancel)
	stream, err := r.dial(c.Config()).Report(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return &line{t: r.t, BidiStreamingClient: stream}
}

func (l *line) send(m *demarcv1.ReportRequest) {
	l.t.Helper()
	// An error says only that the stream ended: the answer says why.
	_ = l.Send(m)
}

func (l *line) hello(epoch byte, last uint64) *demarcv1.ReportResponse {
	l.t.Helper()
	l.epoch = store.Epoch{epoch}
	l.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Hello{Hello: &demarcv1.Hello{
		Version: "1", Epoch: l.epoch[:], First: 1, Last: last, Clock: timestamppb.Now(), Hostname: "host", Segments: []string{"line4"},
	}}})
	return l.next()
}

// welcomed says hello and returns through.
func (l *line) welcomed(epoch byte, last uint64) uint64 {
	l.t.Helper()
	m := l.hello(epoch, last)
	if m.GetWelcome() == nil {
		l.t.Fatalf("not welcome: %v", m)
	}
	return m.GetWelcome().GetThrough()
}

func (l *line) next() *demarcv1.ReportResponse {
	l.t.Helper()
	m, err := l.Recv()
	if err != nil {
		l.t.Fatal(err)
	}
	return m
}

func (l *line) batch(sequence uint64, body []byte) {
	l.t.Helper()
	digest := store.BatchDigest(l.epoch, sequence, body)
	l.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Batch{Batch: &demarcv1.Batch{Sequence: sequence, Digest: digest[:], Body: body}}})
}

func (l *line) lost(from, to uint64) {
	l.t.Helper()
	digest := store.LostDigest(l.epoch, from, to, "spool-full")
	l.send(&demarcv1.ReportRequest{Message: &demarcv1.ReportRequest_Lost{Lost: &demarcv1.Lost{From: from, To: to, Reason: "spool-full", Digest: digest[:]}}})
}

// acked waits until everything to through is acknowledged.
func (l *line) acked(through uint64) {
	l.t.Helper()
	for {
		m := l.next()
		if m.GetAcknowledgement() == nil {
			l.t.Fatalf("not acknowledged: %v", m)
		}
		if m.GetAcknowledgement().GetThrough() >= through {
			return
		}
	}
}

// refused waits for the refusal, past acknowledgements.
func (l *line) refused(code demarcv1.Refusal_Code) *demarcv1.Refusal {
	l.t.Helper()
	for {
		m := l.next()
		if m.GetAcknowledgement() != nil || m.GetWelcome() != nil {
			continue
		}
		if m.GetRefusal().GetCode() != code {
			l.t.Fatalf("%v, want %v", m, code)
		}
		return m.GetRefusal()
	}
}

func (r *rig) journal() []store.Record {
	r.t.Helper()
	all, err := r.Store.Journal(context.Background(), 0, 1<<30)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}
