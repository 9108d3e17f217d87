// Package web serves the pages: the files that were built from ui, the REST form
// of the services that they stand on, and one stream of changes that makes
// them follow the collector live. Everything but signing in needs a session.
package web

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// Cookie is the name of the session cookie; the prefix binds it to TLS and
// this host (RFC 6265bis 4.1.3).
const Cookie = "__Host-demarc"

// Config of the pages. GRPC and the other ways to sign in may be nil.
type Config struct {
	// Conn leads to the services; the context of a call says who calls.
	Conn     grpc.ClientConnInterface
	SignIn   *api.SignIn
	Accounts *api.Accounts
	// Take takes the bytes of a capture that the caller of the context began, at
	// and what follows.
	Take func(ctx context.Context, id string, at int64, from io.Reader) error
	// Metrics tells Prometheus what the caller of the context sees.
	Metrics http.HandlerFunc
	// Ready is closed when what the collector had when it started is judged.
	Ready <-chan struct{}
	// Provider is the OpenID provider that people may sign in with.
	Provider *api.Provider
	// Certificates are taken by Knock, at CertificatePort of this machine.
	Certificates    *api.Certificates
	CertificatePort string
	// ProviderLabel and CertificateLabel are what the buttons say.
	ProviderLabel, CertificateLabel string
	// GRPC takes the calls of commands on other machines.
	GRPC http.Handler
	Log  *slog.Logger
}

// Handler serves the pages of a collector and, under /api/v1/, the services
// behind c.Conn as JSON.
func Handler(c Config) (http.Handler, error) {
	dist, err := fs.Sub(built, "ui/dist")
	if err != nil {
		return nil, err
	}
	rest, err := api.REST(c.Conn)
	if err != nil {
		return nil, err
	}
	p := &pages{Config: c, service: demarcv1.NewCollectorServiceClient(c.Conn), people: demarcv1.NewAccountServiceClient(c.Conn)}
	inside := http.NewServeMux()
	inside.Handle("/", loadFiles(dist))
	inside.HandleFunc("GET /events", p.events)
	inside.Handle("/api/v1/", rest)
	inside.HandleFunc("GET /metrics", c.Metrics)
	inside.HandleFunc("PUT /api/v1/uploads/{id}/content", p.take)
	inside.HandleFunc("GET /password", p.showPassword)
	inside.HandleFunc("POST /password", p.setPassword)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", p.health)
	mux.HandleFunc("GET /sign-in", p.enter)
	mux.HandleFunc("POST /sign-in", p.signIn)
	if c.Provider != nil {
		mux.HandleFunc("GET "+providerPath, p.toProvider)
		mux.HandleFunc("GET "+ProviderBack, p.fromProvider)
	}
	mux.HandleFunc("POST /sign-out", p.signOut)
	mux.Handle("/", p.guard(inside))
	// What a page of another origin sends is refused, beside the cookie that
	// would not come with it (Sec-Fetch-Site, else Origin).
	return p.commands(headers(timed(http.NewCrossOriginProtection().Handler(mux)))), nil
}

// A request is read and answered in these times, whatever the other end does;
// streams may last.
const (
	readTime  = time.Minute
	writeTime = 2 * time.Minute
)

// timed gives up on who sends or takes too slowly.
func timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, now := http.NewResponseController(w), time.Now()
		if r.ContentLength != 0 {
			_ = c.SetReadDeadline(now.Add(readTime)) // a server that cannot has its own
		}
		if !streams(r.URL.Path) {
			_ = c.SetWriteDeadline(now.Add(writeTime))
		}
		next.ServeHTTP(w, r)
	})
}

func streams(path string) bool {
	return path == "/events" || path == "/api/v1/watch" || path == "/api/v1/past"
}

type pages struct {
	Config
	service demarcv1.CollectorServiceClient
	people  demarcv1.AccountServiceClient
}

// commands passes the calls of commands on, which share the port.
func (p *pages) commands(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.GRPC != nil && r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			p.GRPC.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// health tells anybody who asks, and no more than that, whether the collector
// answers: what keeps it running on a machine asks here.
func (p *pages) health(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-p.Ready:
		_, _ = io.WriteString(w, "ok\n")
	default:
		http.Error(w, "the collector has started and still applies its journal", http.StatusServiceUnavailable)
	}
}

// headers keeps the browser to this collector alone.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; worker-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// takeTime is how long the next piece of a capture may take to come, and
// maxDrain how much is still read of one that is refused, in bytes.
const (
	takeTime = 30 * time.Second
	maxDrain = 1 << 20
)

// take takes the bytes of a capture, for as long as they keep coming.
func (p *pages) take(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{}) // a server that cannot has its own
	at, err := beginning(r.URL.Query().Get("from"))
	if err == nil {
		err = p.Take(r.Context(), r.PathValue("id"), at, pieces{r.Body, c})
	}
	_ = c.SetWriteDeadline(time.Now().Add(writeTime))
	if err != nil {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrain) // who still sends would not read the answer
		api.RESTError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

// beginning reads how many bytes of a capture are there already.
func beginning(from string) (int64, error) {
	if from == "" {
		return 0, nil
	}
	at, err := strconv.ParseInt(from, 10, 64)
	if err != nil || at < 0 {
		return 0, status.Errorf(codes.InvalidArgument, "from=%q: write how many bytes are there already", from)
	}
	return at, nil
}

// pieces puts off the end of reading while pieces come.
type pieces struct {
	io.Reader
	c *http.ResponseController
}

func (p pieces) Read(b []byte) (int, error) {
	_ = p.c.SetReadDeadline(time.Now().Add(takeTime))
	return p.Reader.Read(b)
}

// events streams changes (server-sent events, WHATWG HTML 9.2).
func (p *pages) events(w http.ResponseWriter, r *http.Request) {
	changes, err := p.service.Watch(r.Context(), &demarcv1.WatchRequest{})
	if err != nil {
		api.RESTError(w, err)
		return
	}
	flusher := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		if err := flusher.Flush(); err != nil {
			return
		}
		change, err := changes.Recv()
		if err != nil {
			p.Log.Debug("event stream ended", "error", err)
			return
		}
		data, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(change)
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
			return
		}
	}
}
