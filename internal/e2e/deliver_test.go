package e2e

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"demarc/collector/config"
	"demarc/collector/deliver"
	demarcv1 "demarc/proto/demarc/v1"
)

// receiver keeps what it was told, in its order.
type receiver struct {
	mu    sync.Mutex
	texts []string
	down  bool // it refuses
}

func (r *receiver) take(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, text)
}

// all lists the events in which every one of words stands.
func (r *receiver) all(words ...string) (found []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, text := range r.texts {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			found = append(found, text)
		}
	}
	return found
}

func (r *receiver) refuse(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// logServer takes syslog over TCP, each message after its length.
func logServer(t *testing.T) (*receiver, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := &receiver{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				for in := bufio.NewReader(c); ; {
					digits, err := in.ReadString(' ')
					n, bad := strconv.Atoi(strings.TrimSpace(digits))
					if err != nil || bad != nil || n > 1<<16 {
						return
					}
					text := make([]byte, n)
					if _, err := io.ReadFull(in, text); err != nil {
						return
					}
					r.take(string(text))
				}
			}()
		}
	}()
	return r, "syslog+tcp://" + l.Addr().String()
}

// webhook takes events over TLS, signed with the key in a file.
func webhook(t *testing.T) (r *receiver, url, authority, key string) {
	t.Helper()
	r = &receiver{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil || q.Header.Get(deliver.HeaderSignature) != deliver.Sign("of the hook", q.Header.Get(deliver.HeaderTimestamp), body) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.mu.Lock()
		down := r.down
		r.mu.Unlock()
		var events []json.RawMessage
		if err := json.Unmarshal(body, &events); err != nil || down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		for _, e := range events {
			r.take(string(e))
		}
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.StartTLS()
	t.Cleanup(s.Close)
	dir := t.TempDir()
	authority, key = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "key")
	for file, text := range map[string][]byte{authority: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), key: []byte("of the hook\n")} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r, s.URL, authority, key
}

// delivery: what becomes a finding, is decided, or falls is told a log server and a
// webhook, each in its format and with its limits; one that is away misses nothing.
func delivery(t *testing.T) {
	soc, socAt := logServer(t)
	hook, hookAt, authority, key := webhook(t)
	to := []config.Destination{
		{Name: "soc", To: socAt, What: config.Whats},
		{Name: "hook", To: hookAt, Format: "ecs", Least: "high", AuthorityFile: authority, SecretFile: key},
	}
	d := newDeskAt(t, after, func(c *config.Config) { c.Deliver, c.Names = slices.Clone(to), []string{"collector.plant.example"} })
	d.example()
	hook.refuse(true)
	d.plant("line4", "corp")
	f := d.finding("unauthorized", "corporate", "line4")
	id := f.GetId()
	raised := []string{"|finding.raised|", "cs3=" + id + " "}
	d.wait("the log server is told", func() bool { return len(soc.all(raised...)) == 1 })
	line := soc.all(raised...)[0]
	for _, w := range []string{" collector.plant.example demarc - finding.raised - CEF:0|Demarc|Demarc|test|finding.raised|", "|8|", "src=10.60.61.30 ", "dst=10.20.4.11 ", "cs1=corporate > line4 ", "cs6=10.60.61.30 to 10.20.4.11, tcp 102 s7comm", "no interconnection joins corporate and line4"} {
		if !strings.Contains(line, w) {
			t.Errorf("%q lacks %q", line, w)
		}
	}
	d.wait("the webhook is seen to fail", func() bool {
		out := string(d.must("status"))
		return strings.Contains(out, "deliver    hook ("+hookAt+", ecs): failing, last tried") && strings.Contains(out, "deliver    soc ("+socAt+", cef): last sent")
	})
	d.must("finding", "close", id, "--reason", "false-positive", "--comment", "the vendor's own laptop")
	d.wait("the closure is told", func() bool { return len(soc.all("|finding.closed|", "cs3="+id, "outcome=closed")) == 1 })
	d.wait("who closed it is in the audit log", func() bool { return len(soc.all("|audit.act|", "finding close")) == 1 })
	hook.refuse(false)
	d.wait("the webhook misses nothing", func() bool { return len(hook.all(`"finding.closed"`, id)) == 1 })
	var e struct {
		Event       struct{ ID, Kind string }
		Source      struct{ IP string }
		Destination struct{ Port int }
		Demarc      struct{ Boundaries, Evidence []string }
	}
	if err := json.Unmarshal([]byte(hook.all(`"finding.raised"`, id)[0]), &e); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(line, "externalId="+e.Event.ID+" ") || e.Event.Kind != "alert" || e.Source.IP != "10.60.61.30" || e.Destination.Port != 102 || !slices.Equal(e.Demarc.Boundaries, []string{"corporate", "line4"}) {
		t.Errorf("%+v", e)
	}
	if all := hook.all(`"dataset":"demarc.findings"`, `"severity":25`); len(all) != 0 || len(hook.all("audit.act")) != 0 {
		t.Errorf("what was not asked for: %v", all)
	}
	d.must("authorization", "rescind", "lines-ato", "--reason", "an incident")
	d.wait("a rescission is told", func() bool {
		return len(soc.all("|authorization.rescinded|", "Authorization/lines-ato", "an incident")) == 1 && len(hook.all(`"authorization.rescinded"`)) == 1
	})
	d.says("deliver show --format cef", "CEF:0|Demarc|Demarc|", "|finding.raised|")
	settings := filepath.Join(d.dir, "deliver.yaml")
	text := fmt.Sprintf("data: %s\ndeliver:\n  - {name: hook, to: %q, authorityFile: %s, secretFile: %s}\n  - {name: gone, to: \"syslog+tcp://127.0.0.1:1\"}\n", d.dir, hookAt, authority, key)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.says("deliver test hook --config "+settings, "hook: HTTP 200 OK")
	if n := len(hook.all(`"delivery.test"`)); n != 1 {
		t.Errorf("%d tests came", n)
	}
	d.refuses("connection refused", "deliver", "test", "gone", "--config", settings)
	d.refuses(`no destination is named "soc": hook, gone`, "deliver", "test", "soc", "--config", settings)
}

// TestDeliveryThroughACrash: a collector that is killed while a receiver is away
// tells it everything when both are back, and little of it twice.
func TestDeliveryThroughACrash(t *testing.T) {
	agent, bin := programs(t)
	hook, hookAt, authority, key := webhook(t)
	p := newCollectorWith(t, bin, fmt.Sprintf("pages: \"off\"\ndeliver: [{name: hook, to: %q, authorityFile: %s, secretFile: %s}]", hookAt, authority, key))
	d := &desk{plantProcess: p, agent: agent, ears: map[string]string{}}
	d.example()
	d.plant("line4")
	d.wait("all is told", func() bool { return len(missing(d, hook)) == 0 })
	hook.refuse(true)
	d.plant("corp", "dmz")
	if len(missing(d, hook)) == 0 {
		t.Fatal("nothing new to tell")
	}
	p.kill()
	p.start()
	hook.refuse(false)
	d.wait("the rest is told", func() bool { return len(missing(d, hook)) == 0 })
	times := map[string]int{}
	for _, text := range hook.all() {
		var e struct{ ID string }
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		times[e.ID]++
	}
	for id, n := range times {
		if n != 1 { // what was acknowledged is not repeated, and the rest never arrived
			t.Errorf("%s came %d times: %s", id, n, hook.all(id))
		}
	}
}

// missing lists the findings that a receiver was told nothing of.
func missing(d *desk, r *receiver) (ids []string) {
	d.t.Helper()
	var all demarcv1.ListFindingsResponse
	d.read(&all, "get", "findings")
	for _, f := range all.GetFindings() {
		if len(r.all(`"kind":"finding.raised"`, `"subject":"`+f.GetId()+`"`)) == 0 {
			ids = append(ids, f.GetId())
		}
	}
	return ids
}
