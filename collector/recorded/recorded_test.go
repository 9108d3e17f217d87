package recorded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"demarc/collector/store"
	"demarc/collector/store/bolt"
	"demarc/internal/pki"
	"demarc/internal/slice"
	demarcv1 "demarc/proto/demarc/v1"
)

// bench is a desk with agents.
type bench struct {
	*Desk
	t         *testing.T
	store     store.Store
	authority *pki.Authority
	now       time.Time
	hold      map[string]bool
}

func newBench(t *testing.T, most int64) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Now().UTC(), hold: map[string]bool{}}
	var err error
	if b.store, err = bolt.Open(t.TempDir()+"/demarc.db", bolt.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	if b.authority, err = pki.Open(t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	b.open(most)
	return b
}

// open is a collector that starts.
func (b *bench) open(most int64) {
	b.t.Helper()
	b.Desk = New(Config{
		Store: b.store, Authority: b.authority.Certificate(), Clock: func() time.Time { return b.now }, Log: slog.New(slog.DiscardHandler),
		Most: most, Age: 24 * time.Hour, Keep: func(c string) bool { return b.hold[c] },
	})
	if err := b.Open(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) agent(name string) *pki.Credentials {
	b.t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		b.t.Fatal(err)
	}
	csr, err := pki.NewRequest(key, name)
	if err != nil {
		b.t.Fatal(err)
	}
	certificate, err := b.authority.IssueAgent(csr, "houston", name)
	if err != nil {
		b.t.Fatal(err)
	}
	return &pki.Credentials{Key: key, Certificate: certificate, Authority: b.authority.Certificate()}
}

func order(connection string, since time.Time) Order {
	return Order{Since: since, SliceOrder: &demarcv1.SliceOrder{Connection: connection, Client: "10.0.0.1", Server: "10.0.0.2", Transport: "tcp", Port: 502, Segment: "line4"}}
}

// seal is a slice of one frame, which tells it from others.
func (b *bench) seal(by *pki.Credentials, connection, frame string) *demarcv1.Slice {
	b.t.Helper()
	data := slice.Frame{Time: b.now.UnixNano(), Length: 2000, Data: bytes.Repeat([]byte(frame), 1000/len(frame))}.Append(slice.Header{Interface: "span", Link: 1}.Append(nil))
	text, signature, err := slice.Seal(slice.Manifest{
		Interface: "span", Segment: "line4", Connection: slice.Connection{Client: "10.0.0.1", Server: "10.0.0.2", Transport: "tcp", Port: 502},
		Payload: slice.All, Frames: 1, First: b.now, Last: b.now, Sealed: b.now, Number: 1,
	}, data, by)
	if err != nil {
		b.t.Fatal(err)
	}
	return &demarcv1.Slice{Connection: connection, Manifest: text, Signature: signature, Certificate: by.Certificate.Raw, Data: data}
}

func (b *bench) take(by *pki.Credentials, s *demarcv1.Slice) error {
	b.Want(by.Identity().Agent, []Order{order(s.GetConnection(), b.now)})
	return b.Take(context.Background(), by.Identity(), s)
}

func TestWhatIsSealedIsKept(t *testing.T) {
	b := newBench(t, 1<<20)
	a1 := b.agent("a1")
	if differs, some := b.Want("a1", []Order{order("c-1", b.now)}); !differs || !some {
		t.Error("it is not asked for")
	}
	s := b.seal(a1, "c-1", "frame")
	if err := b.Take(t.Context(), a1.Identity(), s); err != nil {
		t.Fatal(err)
	}
	if differs, some := b.Want("a1", []Order{order("c-1", b.now)}); differs || some {
		t.Error("it is asked for again")
	}
	b.open(1 << 20)
	all := b.Of("c-1")
	if len(all) != 1 || all[0].Agent != "a1" || b.Find(all[0].ID()) != all[0] || len(b.All()) != 1 {
		t.Fatalf("%v", all)
	}
	if data, err := b.Data(t.Context(), all[0]); err != nil || !bytes.Equal(data, s.GetData()) {
		t.Errorf("%v", err)
	}
	if _, some := b.Want("a1", []Order{order("c-1", b.now)}); some {
		t.Error("it is asked for again when the collector starts again")
	}
	if _, some := b.Want("a1", []Order{order("c-1", b.now.Add(time.Hour))}); !some {
		t.Error("a later finding does not ask for newer frames")
	}
	if entries, err := b.store.AuditLog(t.Context(), 0, 10); err != nil || len(entries) != 1 || !strings.Contains(entries[0].Act.Detail, all[0].Manifest.SHA256) {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestWhatDoesNotVerifyIsRefused(t *testing.T) {
	b := newBench(t, 1<<20)
	a1, a2 := b.agent("a1"), b.agent("a2")
	altered := b.seal(a1, "c-1", "frame")
	altered.Data[len(altered.Data)-100] ^= 1
	other := b.seal(a1, "c-1", "frame")
	other.Certificate = a2.Certificate.Raw
	huge := b.seal(a1, "c-1", "frame")
	huge.Data = make([]byte, demarcv1.MaxSlice+1)
	broken := b.seal(a1, "c-1", "frame")
	broken.Certificate = []byte("none")
	for _, x := range []struct {
		name, why string
		by        *pki.Credentials
		s         *demarcv1.Slice
	}{
		{"altered", "SHA-256", a1, altered},
		{"another agent's certificate", "signature", a1, other},
		{"another agent brings it", "agent a2 of site houston brings it", a2, b.seal(a1, "c-1", "frame")},
		{"too large", "at most", a1, huge},
		{"no certificate", "certificate", a1, broken},
	} {
		b.now = b.now.Add(time.Second)
		if err := b.take(x.by, x.s); err == nil || !strings.Contains(err.Error(), x.why) {
			t.Errorf("%s: %v", x.name, err)
		}
		if _, some := b.Want(x.by.Identity().Agent, []Order{order("c-1", b.now)}); some {
			t.Errorf("%s: it is asked for again at once", x.name)
		}
	}
	wrong := order("c-1", b.now)
	wrong.Port = 503
	b.now = b.now.Add(time.Second)
	wrong.Since = b.now
	b.Want("a1", []Order{wrong})
	if err := b.Take(t.Context(), a1.Identity(), b.seal(a1, "c-1", "frame")); err == nil || !strings.Contains(err.Error(), "asked for") {
		t.Errorf("of another connection: %v", err)
	}
	if err := b.Take(t.Context(), a1.Identity(), b.seal(a1, "c-2", "frame")); err != nil {
		t.Errorf("unasked: %v", err)
	}
	if all := b.All(); len(all) != 0 {
		t.Errorf("%d are kept", len(all))
	}
}

func TestNoneIsTold(t *testing.T) {
	b := newBench(t, 1<<20)
	a1 := b.agent("a1")
	if err := b.take(a1, &demarcv1.Slice{Connection: "c-1", None: "gone"}); err != nil || b.None("c-1")["a1"] != "gone" {
		t.Errorf("%v, %v", err, b.None("c-1"))
	}
	since := b.now
	if _, some := b.Want("a1", []Order{order("c-1", since)}); some {
		t.Error("it is asked for again at once")
	}
	b.now = b.now.Add(askAgain)
	if _, some := b.Want("a1", []Order{order("c-1", since)}); !some {
		t.Error("it is not asked for again later")
	}
}

// TestTheOldestGoes: no more is kept than was set, and what is held stays.
func TestTheOldestGoes(t *testing.T) {
	b := newBench(t, 5000) // four
	a1 := b.agent("a1")
	b.hold["c-0"] = true
	for i := range 10 {
		b.now = b.now.Add(time.Second)
		c := fmt.Sprintf("c-%d", i)
		if err := b.take(a1, b.seal(a1, c, c)); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	for _, s := range b.All() {
		left = append(left, s.Slice.Connection)
	}
	if got := strings.Join(left, " "); got != "c-9 c-8 c-7 c-0" {
		t.Errorf("left are %s", got)
	}
	if stored, err := b.store.Slices(t.Context()); err != nil || len(stored) != 4 {
		t.Errorf("%d are stored, %v", len(stored), err)
	}
	gone := b.Of("c-9")[0]
	b.now = b.now.Add(25 * time.Hour)
	if err := b.Prune(t.Context()); err != nil || len(b.All()) != 1 {
		t.Errorf("%d left, %v", len(b.All()), err)
	}
	if _, err := b.Data(t.Context(), gone); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("its bytes are there still: %v", err)
	}
	for _, c := range []string{"c-7", "c-8", "c-9"} {
		b.hold[c] = true
		if err := b.take(a1, b.seal(a1, c, c+"again")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.take(a1, b.seal(a1, "c-5", "c-5")); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("beyond what is held: %v", err)
	}
}

// FuzzTake: an agent may send anything.
func FuzzTake(f *testing.F) {
	f.Add([]byte(`{"format":"demarc-slice/1"}`), []byte{1}, []byte{0x30}, []byte{0x0a, 0x0d})
	f.Fuzz(func(t *testing.T, manifest, signature, certificate, data []byte) {
		d := New(Config{Clock: time.Now, Log: slog.New(slog.DiscardHandler), Most: 1 << 20})
		d.Want("a1", []Order{order("c-1", time.Now())})
		if err := d.Take(t.Context(), pki.Identity{Agent: "a1", Site: "houston"}, &demarcv1.Slice{Connection: "c-1", Manifest: manifest, Signature: signature, Certificate: certificate, Data: data}); err == nil {
			t.Error("taken")
		}
	})
}
