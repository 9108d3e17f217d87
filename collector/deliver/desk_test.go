package deliver

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"demarc/collector/config"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
)

// rig is a store with a desk that may be stopped and started again, as with its
// collector.
type rig struct {
	t     *testing.T
	store *bolt.Store
	to    []config.Destination
	saved map[string][]byte // of the outbox, as the collector's state has it
	box   *Outbox
	desk  *Desk
	most  int
	stop  func()
}

func newRig(t *testing.T, to ...config.Destination) *rig {
	t.Helper()
	c := config.Default()
	c.Deliver = to
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(filepath.Join(t.TempDir(), "demarc.db"), bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: s, to: c.Deliver, saved: map[string][]byte{}, most: maxWaiting, stop: func() {}}
	t.Cleanup(func() {
		r.stop()
		_ = s.Close()
	})
	return r
}

// start begins at the last saved state, behind a position for what is new.
func (r *rig) start(position uint64) {
	r.t.Helper()
	r.box = NewOutbox()
	r.box.most = r.most
	var err error
	r.desk, err = New(Config{
		Destinations: r.to, Store: r.store, Outbox: r.box, Log: slog.New(slog.DiscardHandler), Clock: time.Now, About: here,
		Retry: 10 * time.Millisecond, Settle: 100 * time.Millisecond,
	})
	if err == nil {
		err = r.box.Restore(r.saved)
	}
	if err == nil {
		err = r.desk.Begin(r.t.Context(), position)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.desk.Run(ctx)
	}()
	r.stop = func() { cancel(); <-done }
}

// save keeps the outbox as a checkpoint does.
func (r *rig) save() {
	for _, c := range r.box.Save(1, false) {
		if c.Value == nil {
			delete(r.saved, string(c.Key))
		} else {
			r.saved[string(c.Key)] = slices.Clone(c.Value)
		}
	}
}

// happen adds an event a record, and names them.
func (r *rig) happen(from, to int) (ids []string) {
	for n := from; n <= to; n++ {
		e := event(n)
		r.box.Add(uint64(n), []*Event{e})
		ids = append(ids, e.ID)
	}
	return ids
}

func event(n int) *Event {
	e := &Event{Time: noon.Add(time.Duration(n) * time.Second), Kind: "finding.raised", What: config.Findings, Title: fmt.Sprintf("finding %d of %s", n, hostile), Severity: 80, Subject: fmt.Sprintf("f-%d", n)}
	e.Finish()
	return e
}

// until waits for something that comes by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// hook is a receiver of webhooks over TLS.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // ids, in the order in which they came
	calls  int
	events []plainEvent
	answer func(w http.ResponseWriter, r *http.Request, call int) bool // false: answered already
}

type plainEvent struct {
	ID, Kind string
	Count    uint64
}

const hookSecret, hookToken = "a key of the webhook", "token-1"

func newHook(t *testing.T) (*hook, config.Destination) {
	t.Helper()
	h := &hook{answer: func(http.ResponseWriter, *http.Request, int) bool { return true }}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.take(t, w, r) }))
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	h.StartTLS()
	t.Cleanup(h.Close)
	dir := t.TempDir()
	d := config.Destination{
		Name: "hook", To: h.URL + "/events?key=hidden", AuthorityFile: filepath.Join(dir, "ca.pem"), TokenFile: filepath.Join(dir, "token"), SecretFile: filepath.Join(dir, "key"),
	}
	for file, text := range map[string]string{
		d.AuthorityFile: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})), d.TokenFile: hookToken + "\n", d.SecretFile: hookSecret + "\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h, d
}

func (h *hook) take(t *testing.T, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the collector went away
	}
	if r.Header.Get("Authorization") != "Bearer "+hookToken || r.Header.Get(HeaderSignature) != Sign(hookSecret, r.Header.Get(HeaderTimestamp), body) || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", r.Header)
	}
	h.mu.Lock()
	h.calls++
	call, answer := h.calls, h.answer
	h.mu.Unlock()
	if !answer(w, r, call) {
		return
	}
	var all []plainEvent
	if err := json.Unmarshal(body, &all); err != nil {
		t.Errorf("%v in %s", err, body)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range all {
		h.got = append(h.got, e.ID)
		h.events = append(h.events, e)
	}
}

func (h *hook) set(answer func(w http.ResponseWriter, r *http.Request, call int) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

func (h *hook) ids() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func (h *hook) waits(t *testing.T, want []string) {
	t.Helper()
	until(t, fmt.Sprintf("%d events", len(want)), func() bool { return len(h.ids()) >= len(want) })
	if got := h.ids(); !slices.Equal(got, want) {
		t.Errorf("%d came: %v\nwant %d: %v", len(got), got, len(want), want)
	}
}

func TestAReceiverThatFailsForAWhileGetsEverything(t *testing.T) {
	h, d := newHook(t)
	r := newRig(t, d)
	r.start(0)
	want := r.happen(1, 3)
	h.waits(t, want)
	failed := make(chan int, 100)
	h.set(func(w http.ResponseWriter, _ *http.Request, call int) bool {
		http.Error(w, "down\x1b[2J", http.StatusInternalServerError)
		failed <- call
		return false
	})
	want = append(want, r.happen(4, 9)...)
	<-failed
	<-failed // it is tried again
	until(t, "the failure is told", func() bool { return r.desk.Health()[0].Failing })
	if x := r.desk.Health()[0]; x.Waiting != 6 || !x.Oldest.Equal(noon.Add(4*time.Second)) || !strings.Contains(x.Error, `HTTP 500 Internal Server Error: down\x1b[2J`) || strings.Contains(x.To, "hidden") {
		t.Errorf("%+v", x)
	}
	h.set(func(http.ResponseWriter, *http.Request, int) bool { return true })
	h.waits(t, want)
	until(t, "nothing waits", func() bool {
		x := r.desk.Health()[0]
		return !x.Failing && x.Waiting == 0 && x.Sent == 9
	})
}

func TestARestartRepeatsOnlyWhatWasNotAcknowledged(t *testing.T) {
	h, d := newHook(t)
	r := newRig(t, d)
	r.start(0)
	first := r.happen(1, 3)
	h.waits(t, first)
	until(t, "that was noted", func() bool { p, _ := r.store.Deliveries(t.Context()); return p["hook"].Position == 3 })
	r.save()
	came := make(chan struct{}, 100)
	h.set(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		came <- struct{}{}
		<-r.Context().Done()        // the collector stops before it is answered,
		panic(http.ErrAbortHandler) // and is not: to return would be an answer, which it may still read
	})
	r.happen(4, 5)
	<-came
	r.stop()
	h.set(func(http.ResponseWriter, *http.Request, int) bool { return true })
	r.start(3) // from the state that was saved, and the journal behind it is applied again
	h.waits(t, append(first, r.happen(4, 5)...))
	h.waits(t, append(h.ids(), r.happen(6, 6)...))
}

func TestWhatWasSavedAndNotTakenIsDeliveredAfterARestart(t *testing.T) {
	h, d := newHook(t)
	r := newRig(t, d)
	gone := make(chan struct{}, 100)
	h.set(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(http.StatusBadGateway)
		gone <- struct{}{}
		return false
	})
	r.start(0)
	want := r.happen(1, 4)
	<-gone
	r.save()
	r.stop()
	h.set(func(http.ResponseWriter, *http.Request, int) bool { return true })
	r.start(4)
	h.waits(t, want)
	until(t, "the outbox is empty", func() bool { r.save(); return len(r.saved) == 0 })
}

func TestASlowReceiverHoldsUpNobody(t *testing.T) {
	slow, ds := newHook(t)
	quick, dq := newHook(t)
	ds.Name, dq.Name = "slow", "quick"
	release := make(chan struct{})
	slow.set(func(http.ResponseWriter, *http.Request, int) bool { <-release; return true })
	r := newRig(t, ds, dq)
	r.start(0)
	want := r.happen(1, 3*maxBatch) // returns although nobody takes anything
	quick.waits(t, want)
	if n := len(slow.ids()); n != 0 {
		t.Errorf("%d came", n)
	}
	close(release)
	slow.waits(t, want)
}

func TestWhatIsDroppedIsCountedAndTold(t *testing.T) {
	h, d := newHook(t)
	began, release := make(chan struct{}, 100), make(chan struct{})
	h.set(func(http.ResponseWriter, *http.Request, int) bool { began <- struct{}{}; <-release; return true })
	r := newRig(t, d)
	r.most = 10
	r.start(0)
	want := r.happen(1, 1)
	<-began // it is on its way, and arrives however many come
	all := r.happen(2, 50)
	if x := r.desk.Health()[0]; x.Dropped != 40 || x.Waiting != 10 {
		t.Errorf("%+v", x)
	}
	close(release)
	until(t, "the rest", func() bool { return len(h.ids()) == 12 })
	got := h.ids()
	gap := h.events[1]
	if gap.Kind != KindGap || gap.Count != 39 || !slices.Equal(append(got[:1:1], got[2:]...), append(want, all[len(all)-10:]...)) {
		t.Errorf("%+v %v", gap, got)
	}
	until(t, "it is told once", func() bool {
		p, _ := r.store.Deliveries(t.Context())
		return p["hook"].Dropped == 39 && p["hook"].Told == 39 && p["hook"].Position == 50
	})
}

func TestDestinationsTakeWhatTheyAskFor(t *testing.T) {
	least, by := config.Destination{What: []string{config.Findings}, Least: "high"}, config.Destination{What: []string{config.Findings, config.Agents}, Least: "info", Boundaries: []string{"line4"}, Sites: []string{"houston"}}
	for name, c := range map[string]struct {
		d    config.Destination
		e    Event
		want bool
	}{
		"severe":             {least, Event{What: config.Findings, Severity: 70}, true},
		"not severe":         {least, Event{What: config.Findings, Severity: 69}, false},
		"severe once":        {least, Event{What: config.Findings, Severity: 10, Was: 80}, true},
		"another thing":      {least, Event{What: config.Agents, Severity: 70}, false},
		"its boundary":       {by, Event{What: config.Findings, Boundaries: []string{"dmz", "line4"}, Site: "houston"}, true},
		"another boundary":   {by, Event{What: config.Findings, Boundaries: []string{"dmz"}, Site: "houston"}, false},
		"no boundary":        {by, Event{What: config.Agents, Site: "houston"}, true},
		"another site":       {by, Event{What: config.Agents, Site: "dallas"}, false},
		"no site, all agree": {by, Event{What: config.Findings, Boundaries: []string{"line4"}}, true},
	} {
		if got := Wanted(c.d, &c.e); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheAuditLogIsDeliveredFromItsPosition(t *testing.T) {
	h, d := newHook(t)
	d.What = []string{config.Audit}
	r := newRig(t, d)
	act := func(what string) {
		if err := r.store.AppendAudit(t.Context(), store.Act{Time: noon, Who: "ana", What: what}); err != nil {
			t.Fatal(err)
		}
	}
	act("before delivery began")
	r.start(0)
	act("first")
	act("second")
	until(t, "two acts", func() bool { return len(h.ids()) == 2 })
	until(t, "that was noted", func() bool { p, _ := r.store.Deliveries(t.Context()); return p["hook"].Audit == 3 })
	r.stop()
	act("third")
	r.start(0)
	until(t, "the third", func() bool { return len(h.ids()) == 3 })
	entries, err := r.store.AuditLog(t.Context(), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range h.ids() {
		if want := OfAudit(&entries[i]).ID; id != want {
			t.Errorf("%d is %s, want %s", i, id, want)
		}
	}
}

func TestWebhookAnswers(t *testing.T) {
	h, d := newHook(t)
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string
		after  time.Duration
	}{
		"redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, `points to "https://elsewhere.example/", which is not followed`, 0},
		"busy": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "asks for a pause of 7s", 7 * time.Second},
		"down for years": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "999999999")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, "asks for a pause of 1h", mostPause},
		"busy, no word": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, "HTTP 503", 0},
		"refused":       {func(w http.ResponseWriter) { http.Error(w, "no such index", http.StatusBadRequest) }, "HTTP 400 Bad Request: no such index", 0},
		"endless answer": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusForbidden)
			for range 100 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "HTTP 403 Forbidden", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h.set(func(w http.ResponseWriter, _ *http.Request, _ int) bool { c.answer(w); return false })
			w, err := newWebhook(d)
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			_, err = w.send(t.Context(), []message{{event(1), plain(event(1), &here)}})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") || len(err.Error()) > 700 {
				t.Errorf("%v, want %s", err, c.want)
			}
			after := time.Duration(0)
			if later, ok := err.(*laterError); ok { //nolint:errorlint // as it is returned
				after = later.after
			}
			if after != c.after {
				t.Errorf("again after %v", after)
			}
		})
	}
}

func TestPausesThatReceiversAskFor(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "0": leastPause, "120": 2 * time.Minute, "Sun, 12 Apr 2026 12:05:00 GMT": 5 * time.Minute, "Sun, 12 Apr 2026 11:00:00 GMT": leastPause,
		"Sun, 12 Apr 2099 11:00:00 GMT": mostPause,
	} {
		if got := pause(s, noon); got != want {
			t.Errorf("%q is %v, want %v", s, got, want)
		}
	}
}

func TestAnUnknownCertificateIsRefused(t *testing.T) {
	h, d := newHook(t)
	d.AuthorityFile = ""
	if _, err := Test(t.Context(), checked(t, d), here, noon); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
	if n := len(h.ids()); n != 0 {
		t.Errorf("%d came", n)
	}
}

func TestATestEventSaysThatItIsOne(t *testing.T) {
	h, d := newHook(t)
	answer, err := Test(t.Context(), checked(t, d), here, noon)
	if err != nil || answer != "HTTP 200 OK" {
		t.Errorf("%s %v", answer, err)
	}
	if len(h.events) != 1 || h.events[0].Kind != KindTest {
		t.Errorf("%v", h.events)
	}
}

func TestFilesOfADestination(t *testing.T) {
	_, d := newHook(t)
	for key, change := range map[string]func(d *config.Destination, file string){
		"authorityFile": func(d *config.Destination, file string) { d.AuthorityFile = file },
		"tokenFile":     func(d *config.Destination, file string) { d.TokenFile = file },
		"secretFile":    func(d *config.Destination, file string) { d.SecretFile = file },
	} {
		for file, text := range map[string]string{"none": "", "empty": " \n"} {
			file = filepath.Join(t.TempDir(), file)
			if text != "" {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			x := d
			change(&x, file)
			if _, err := New(Config{Destinations: []config.Destination{x}, Outbox: NewOutbox()}); err == nil || !strings.Contains(err.Error(), "deliver: hook: "+key+": ") {
				t.Errorf("%v, want %s", err, key)
			}
		}
	}
}

// checked is a destination with what follows from others filled in.
func checked(t *testing.T, d config.Destination) config.Destination {
	t.Helper()
	c := config.Default()
	c.Deliver = []config.Destination{d}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return c.Deliver[0]
}
