package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"demarc/agent/uplink"
	"demarc/collector/ingest"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// front is a collector's uplink on loopback that can be taken down and up.
type front struct {
	t         *testing.T
	dir, addr string
	authority *pki.Authority
	store     store.Store
	stop      func()
}

func newFront(t *testing.T) *front {
	f := &front{t: t, dir: t.TempDir(), addr: freePort(t)}
	var err error
	if f.authority, err = pki.Open(filepath.Join(f.dir, "pki"), time.Now); err != nil {
		t.Fatal(err)
	}
	f.up()
	t.Cleanup(func() { f.stop() })
	return f
}

func (f *front) up() {
	f.t.Helper()
	var err error
	if f.store, err = bolt.Open(filepath.Join(f.dir, "demarc.db"), bolt.Options{}); err != nil {
		f.t.Fatal(err)
	}
	config, err := f.authority.ServerConfig(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	s := ingest.New(ingest.Config{Store: f.store, Authority: f.authority, Log: slog.New(slog.DiscardHandler), Version: "test"})
	g := grpc.NewServer(ingest.Options(credentials.NewTLS(config))...)
	demarcv1.RegisterUplinkServiceServer(g, s)
	l, err := net.Listen("tcp", f.addr)
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); l, err = net.Listen("tcp", f.addr) {
		time.Sleep(20 * time.Millisecond) // a dialling agent may hold the port for a moment
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { _ = g.Serve(l) }()
	go func() { defer close(ran); s.Run(ctx) }()
	f.stop = func() {
		g.Stop() // streams are cut where they are
		cancel()
		<-ran
		_ = f.store.Close()
	}
}

func (f *front) token() string {
	f.t.Helper()
	token, err := f.authority.NewToken()
	if err != nil {
		f.t.Fatal(err)
	}
	hash := token.Hash()
	err = f.store.PutToken(context.Background(), store.Token{Name: token.Name(), Hash: hash[:], Site: "houston", Agent: "a1", Created: time.Now(), Expires: time.Now().Add(time.Hour)}, store.Act{What: "token create"})
	if err != nil {
		f.t.Fatal(err)
	}
	return token.String()
}

// values are the facts in the journal, in its order.
func (f *front) values() (all []string, lost int) {
	f.t.Helper()
	for after := uint64(0); ; {
		records, err := f.store.Journal(context.Background(), after, 1000)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(records) == 0 {
			return all, lost
		}
		for _, r := range records {
			after = r.Position
			if r.Kind == store.KindLost {
				lost++
			}
			if r.Kind != store.KindBatch {
				continue
			}
			var b demarcv1.Body
			if err := proto.Unmarshal(r.Body, &b); err != nil {
				f.t.Fatal(err)
			}
			for _, x := range b.Facts {
				all = append(all, x.Value)
			}
		}
	}
}

// report runs an agent's uplink until stopped.
func report(t *testing.T, f *front, dir string, s *uplink.Spool) (stop func()) {
	t.Helper()
	c := &uplink.Client{Address: f.addr, Spool: s, Version: "test", Hostname: "h", StateFile: filepath.Join(dir, "agent.pem"), Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func body(i int) *demarcv1.Body {
	a := &demarcv1.Address{Segment: "line4", Ip: []byte{10, 0, 0, 1}}
	return &demarcv1.Body{Facts: []*demarcv1.FactDelta{{Of: a, Attribute: "name", Value: fmt.Sprint(i), Source: "test", Grade: demarcv1.Grade_GRADE_CONTENT, FirstNs: 1, LastNs: 1}}}
}

func idle(t *testing.T, s *uplink.Spool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !s.Idle(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			n, _ := s.Held()
			t.Fatalf("%d records are not acknowledged", n)
		}
	}
}

// TestUplinkLosesAndDoublesNothing takes the stream, the collector and the
// agent down again and again while a capture is fed.
func TestUplinkLosesAndDoublesNothing(t *testing.T) {
	f := newFront(t)
	dir := t.TempDir()
	if _, err := uplink.Enrol(context.Background(), f.addr, f.token(), filepath.Join(dir, "agent.pem"), "h", "test"); err != nil {
		t.Fatal(err)
	}
	const bodies = 2000
	r := rand.New(rand.NewPCG(1, 2))
	open := func() (*uplink.Spool, *uplink.Feed) {
		s, err := uplink.Open(filepath.Join(dir, "spool.db"), uplink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		feed, _, err := s.Feed("capture")
		if err != nil {
			t.Fatal(err)
		}
		return s, feed
	}
	s, feed := open()
	stop := report(t, f, dir, s)
	for i := 1; i <= bodies; i++ {
		if err := feed.Emit(body(i), false); err != nil {
			t.Fatal(err)
		}
		switch {
		case r.IntN(400) == 0: // the collector goes and comes back
			f.stop()
			f.up()
		case r.IntN(400) == 0: // the agent goes, and reads the capture again from its start
			stop()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, feed = open()
			stop = report(t, f, dir, s)
			i = 0
		}
	}
	if err := feed.End(); err != nil {
		t.Fatal(err)
	}
	idle(t, s)
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, lost := f.values()
	if len(got) != bodies || lost != 0 {
		t.Fatalf("%d of %d bodies in the journal, %d told lost", len(got), bodies, lost)
	}
	for i, v := range got {
		if v != fmt.Sprint(i+1) {
			t.Fatalf("body %s stands in the place of %d", v, i+1)
		}
	}
}

// TestUplinkKeepsToItsRate: 64 kB at 256 kbit/s take two seconds, and nothing is
// lost.
func TestUplinkKeepsToItsRate(t *testing.T) {
	f := newFront(t)
	dir := t.TempDir()
	id := filepath.Join(dir, "agent.pem")
	if _, err := uplink.Enrol(context.Background(), f.addr, f.token(), id, "h", "test"); err != nil {
		t.Fatal(err)
	}
	s, err := uplink.Open(filepath.Join(dir, "spool.db"), uplink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // everything is acknowledged
	for i := range 16 {
		b := body(i)
		b.Facts[0].Value += strings.Repeat(".", 4000)
		if err := s.Emit(b, false); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	c := &uplink.Client{Address: f.addr, Spool: s, Version: "test", StateFile: id, BitsPerSecond: 256_000, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	idle(t, s)
	took := time.Since(begun)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if values, lost := f.values(); len(values) != 16 || lost > 0 || took < 1900*time.Millisecond {
		t.Errorf("%d of 16 values in %v, %d lost", len(values), took, lost)
	}
}

// TestClonedSpool: two agents with copies of one spool both get through, and
// neither's sightings take the place of the other's.
func TestClonedSpool(t *testing.T) {
	f := newFront(t)
	dir := t.TempDir()
	if _, err := uplink.Enrol(context.Background(), f.addr, f.token(), filepath.Join(dir, "agent.pem"), "h", "test"); err != nil {
		t.Fatal(err)
	}
	spool := func(name string) *uplink.Spool {
		s, err := uplink.Open(filepath.Join(dir, name), uplink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	emit := func(s *uplink.Spool, values ...int) {
		for _, v := range values {
			if err := s.Emit(body(v), true); err != nil {
				t.Fatal(err)
			}
		}
		stop := report(t, f, dir, s)
		idle(t, s)
		stop()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	emit(spool("spool.db"), 1, 2)
	raw, err := os.ReadFile(filepath.Join(dir, "spool.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "clone.db"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	emit(spool("spool.db"), 3, 4)
	emit(spool("clone.db"), 13, 14, 15)
	emit(spool("spool.db"), 5)
	got, lost := f.values()
	if want := "[1 2 3 4 13 14 15 5]"; fmt.Sprint(got) != want || lost != 0 {
		t.Errorf("journal %v, %d lost; want %s", got, lost, want)
	}
}

// TestRestoredCollector: a collector that comes back from an old backup gets
// what is still held, and a Lost for what is gone.
func TestRestoredCollector(t *testing.T) {
	f := newFront(t)
	dir := t.TempDir()
	if _, err := uplink.Enrol(context.Background(), f.addr, f.token(), filepath.Join(dir, "agent.pem"), "h", "test"); err != nil {
		t.Fatal(err)
	}
	s, err := uplink.Open(filepath.Join(dir, "spool.db"), uplink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test is over
	deliver := func(values ...int) {
		for _, v := range values {
			if err := s.Emit(body(v), true); err != nil {
				t.Fatal(err)
			}
		}
		stop := report(t, f, dir, s)
		idle(t, s)
		stop()
	}
	deliver(1, 2)
	f.stop()
	file := filepath.Join(f.dir, "demarc.db")
	backup, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f.up()
	deliver(3, 4)
	f.stop()
	if err := os.WriteFile(file, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	f.up()
	deliver(5)
	got, lost := f.values()
	if fmt.Sprint(got) != "[1 2 5]" || lost != 1 {
		t.Errorf("journal %v, %d lost; want [1 2 5] and one", got, lost)
	}
}

// TestAnotherCollector: an agent gives nothing to a collector that did not
// enrol it, and says so.
func TestAnotherCollector(t *testing.T) {
	own, other := newFront(t), newFront(t)
	dir := t.TempDir()
	if _, err := uplink.Enrol(context.Background(), own.addr, own.token(), filepath.Join(dir, "agent.pem"), "h", "test"); err != nil {
		t.Fatal(err)
	}
	s, err := uplink.Open(filepath.Join(dir, "spool.db"), uplink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test is over
	if err := s.Emit(body(1), true); err != nil {
		t.Fatal(err)
	}
	c := &uplink.Client{Address: other.addr, Spool: s, Version: "test", StateFile: filepath.Join(dir, "agent.pem"), Log: slog.New(slog.DiscardHandler), Once: true}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Run(ctx); !errors.Is(err, pki.ErrForeignPeer) {
		t.Errorf("got %v, want %v", err, pki.ErrForeignPeer)
	}
	if got, _ := other.values(); len(got) != 0 {
		t.Errorf("the other collector took %v", got)
	}
	n, _ := s.Held()
	for deadline := time.Now().Add(patience); n != 1 && time.Now().Before(deadline); n, _ = s.Held() {
		time.Sleep(time.Millisecond)
	}
	if n != 1 {
		t.Errorf("%d records are held, want 1", n)
	}
}
