package status

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"demarc/agent/spancheck"
)

var example = Report{
	Version: "dev", Agent: "line4", Site: "houston", Time: time.Unix(1_767_225_600, 0).UTC(), Started: time.Unix(1_767_225_000, 0).UTC(),
	Collector: Collector{Address: "c:7443", Error: "no <b>collector</b> answers"},
	Spool:     Spool{Records: 3, Bytes: 400, MaxBytes: 1 << 30},
	Span:      "bad: directions",
	Interfaces: []Interface{{Name: "eth1", Segment: "line4", Frames: 9, Drops: 1, Span: "bad: directions", Checks: []spancheck.Result{
		{ID: spancheck.Directions, Verdict: spancheck.Bad, Evidence: "you see only replies", Cure: "monitor both"},
		{ID: spancheck.Clock, Verdict: spancheck.CannotTell},
	}}},
}

func serve(t *testing.T, l net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, func() Report { return example }, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status.sock")
	if _, err := Fetch(t.Context(), path); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "demarc-agent run") {
		t.Errorf("no socket: %v", err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	serve(t, l)
	r, err := Fetch(t.Context(), path)
	if err != nil || !reflect.DeepEqual(r, example) {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestSocketOfADeadAgent: what it left is taken over; another file is not.
func TestSocketOfADeadAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	if _, err := Fetch(t.Context(), path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := os.WriteFile(path, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file in its place: %v", err)
	}
	if _, err := Listen("/" + strings.Repeat("x", 200)); err == nil || !strings.Contains(err.Error(), "shorter state directory") {
		t.Errorf("a long path: %v", err)
	}
}

func TestPage(t *testing.T) {
	for _, at := range []string{"0.0.0.0:0", "192.0.2.1:9090", "localhost:0", ":0", ""} {
		if _, err := ListenPage(at); err == nil {
			t.Errorf("the page opens on %q", at)
		}
	}
	l, err := ListenPage("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l)
	ask := func(method, path, host string) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.Addr().String()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			q.Host = host
		}
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close() //nolint:errcheck // read only
		b, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no content security policy", path)
		}
		return a.StatusCode, string(b)
	}
	code, text := ask("GET", "/", "")
	for _, w := range []string{"eth1 (segment line4): bad: directions", "you see only replies", "monitor both", "cannot tell", "no &lt;b&gt;collector"} {
		if code != 200 || !strings.Contains(text, w) {
			t.Errorf("%d: %q is not in the page:\n%s", code, w, text)
		}
	}
	if code, text := ask("GET", "/status.json", "localhost:9090"); code != 200 || !strings.Contains(text, `"verdict": "bad"`) {
		t.Errorf("%d %s", code, text)
	}
	code, text = ask("GET", "/metrics", "")
	for _, w := range []string{
		`demarc_build_info{version="dev"} 1`, "demarc_uplink_connected 0", "demarc_spool_records 3", `demarc_interface_dropped_frames_total{interface="eth1",segment="line4"} 1`,
		`demarc_span_check{check="directions",interface="eth1",verdict="bad"} 1`, "process_start_time_seconds",
	} {
		if code != 200 || !strings.Contains(text, w+"\n") && !strings.Contains(text, w+" ") {
			t.Errorf("%d: %q is not in the metrics:\n%s", code, w, text)
		}
	}
	if code, text := ask("GET", "/healthz", ""); code != 200 || text != "ok\n" {
		t.Errorf("%d %s", code, text)
	}
	for _, q := range []struct {
		method, path, host string
		code               int
	}{
		{"GET", "/", "evil.example:9090", 421}, {"GET", "/", "192.0.2.7", 421}, {"POST", "/", "", 405}, {"GET", "/etc", "", 404},
	} {
		if code, _ := ask(q.method, q.path, q.host); code != q.code {
			t.Errorf("%+v: %d", q, code)
		}
	}
}
