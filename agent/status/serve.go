package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// maxSocket is what sockaddr_un holds on Linux, less the final zero.
const maxSocket = 107

// Listen opens the Unix socket, mode 0600. A file that a dead agent left is
// removed; the spool's lock keeps a second agent from getting here.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocket {
		return nil, fmt.Errorf("status: the socket's path has %d characters, %d are allowed: choose a shorter state directory than that of %s", len(path), maxSocket, path)
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("status: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("status: %s is there and no socket: move it away", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("status: remove what a dead agent left: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	// Until here the directory's mode, 0700, keeps others out.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close() // the first error is the one to tell
		return nil, fmt.Errorf("status: %w", err)
	}
	return l, nil
}

// ListenPage opens the page's address, which must be a loopback one.
func ListenPage(address string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return nil, fmt.Errorf("status: %q is no loopback address and port, as 127.0.0.1:9090", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	return l, nil
}

// Serve answers on l until ctx ends; report is asked anew for each request.
// Bundles are given by the socket alone; nil is for the page.
func Serve(ctx context.Context, l net.Listener, report func() Report, bundles Bundles) error {
	s := http.Server{
		Handler: handler(report, bundles), ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("status: %w", err)
	}
	return nil
}

// handler serves the page, its data, the same for Prometheus, and bundles where
// there are some.
func handler(report func() Report, bundles Bundles) http.Handler {
	mux := http.NewServeMux()
	if bundles != nil {
		mux.HandleFunc("GET /bundle", give(bundles))
		mux.HandleFunc("POST /bundle/kept", kept(bundles))
	}
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		_ = e.Encode(report()) // whoever asked has gone
	})
	mux.HandleFunc("GET /metrics", tellPrometheus(report))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n") // that it answers is what it says
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, report()) // whoever asked has gone
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !local(r.Host) {
			http.Error(w, "ask by the loopback address", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// local refuses names, which a page elsewhere may have made point to this
// machine (DNS rebinding).
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == "localhost" || name == socketHost {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}
