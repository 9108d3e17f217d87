// Package web serves the pages: the files that were built from ui, the lists
// that they show as JSON, and one stream of change numbers that makes them follow
// the collector live. Everything but signing in needs a session.
package web

import (
	"context"
	"errors"
	"fmt"
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
	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

// Cookie is the name of the session cookie; the prefix binds it to TLS and
// this host (RFC 6265bis 4.1.3).
const Cookie = "__Host-demarc"

// Service is what the pages ask of the collector: the same service as the
// command line's.
type Service interface {
	GetStatus(context.Context, *demarcv1.GetStatusRequest) (*demarcv1.GetStatusResponse, error)
	ListBoundaries(context.Context, *demarcv1.ListBoundariesRequest) (*demarcv1.ListBoundariesResponse, error)
	ListAssets(context.Context, *demarcv1.ListAssetsRequest) (*demarcv1.ListAssetsResponse, error)
	ListConnections(context.Context, *demarcv1.ListConnectionsRequest) (*demarcv1.ListConnectionsResponse, error)
	ListFindings(context.Context, *demarcv1.ListFindingsRequest) (*demarcv1.ListFindingsResponse, error)
	ListAgents(context.Context, *demarcv1.ListAgentsRequest) (*demarcv1.ListAgentsResponse, error)
	ListSites(context.Context, *demarcv1.ListSitesRequest) (*demarcv1.ListSitesResponse, error)
	ListAuthorizations(context.Context, *demarcv1.ListAuthorizationsRequest) (*demarcv1.ListAuthorizationsResponse, error)
	ListConditions(context.Context, *demarcv1.ListConditionsRequest) (*demarcv1.ListConditionsResponse, error)
	ListNotices(context.Context, *demarcv1.ListNoticesRequest) (*demarcv1.ListNoticesResponse, error)
	ListDocuments(context.Context, *demarcv1.ListDocumentsRequest) (*demarcv1.ListDocumentsResponse, error)
	Explain(context.Context, *demarcv1.ExplainRequest) (*demarcv1.ExplainResponse, error)
	Gate(context.Context, *demarcv1.GateRequest) (*demarcv1.GateResponse, error)
	Watch(*demarcv1.WatchRequest, grpc.ServerStreamingServer[demarcv1.WatchResponse]) error
}

// SignIn trades the one-time link for a session.
type SignIn interface {
	// Exchange takes a link's token once; the session lasts for life.
	Exchange(token string) (session string, life time.Duration, err error)
	// Check reports whether a session is good.
	Check(session string) bool
}

// Handler serves the pages of a collector.
func Handler(service Service, signIn SignIn, log *slog.Logger) http.Handler {
	dist, err := fs.Sub(built, "ui/dist")
	if err != nil { // the embedded folder is there or the program does not build
		panic(err)
	}
	p := &pages{service: service, signIn: signIn, log: log}
	inside := http.NewServeMux()
	inside.Handle("GET /", loadFiles(dist))
	inside.HandleFunc("GET /events", p.events)
	list(inside, "status", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.GetStatus(ctx, &demarcv1.GetStatusRequest{})
	})
	list(inside, "sites", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListSites(ctx, &demarcv1.ListSitesRequest{})
	})
	list(inside, "boundaries", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListBoundaries(ctx, &demarcv1.ListBoundariesRequest{})
	})
	list(inside, "assets", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListAssets(ctx, &demarcv1.ListAssetsRequest{})
	})
	list(inside, "connections", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListConnections(ctx, &demarcv1.ListConnectionsRequest{})
	})
	list(inside, "findings", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListFindings(ctx, &demarcv1.ListFindingsRequest{})
	})
	list(inside, "agents", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListAgents(ctx, &demarcv1.ListAgentsRequest{})
	})
	list(inside, "authorizations", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListAuthorizations(ctx, &demarcv1.ListAuthorizationsRequest{})
	})
	list(inside, "authorizations/{name}/gate", func(ctx context.Context, r *http.Request) (proto.Message, error) {
		return service.Gate(ctx, &demarcv1.GateRequest{Authorization: r.PathValue("name")})
	})
	list(inside, "conditions", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListConditions(ctx, &demarcv1.ListConditionsRequest{})
	})
	list(inside, "notices", func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return service.ListNotices(ctx, &demarcv1.ListNoticesRequest{})
	})
	list(inside, "documents", func(ctx context.Context, r *http.Request) (proto.Message, error) {
		version, _ := strconv.ParseUint(r.URL.Query().Get("policy_version"), 10, 64) // 0 is the newest
		return service.ListDocuments(ctx, &demarcv1.ListDocumentsRequest{PolicyVersion: version})
	})
	list(inside, "explain", func(ctx context.Context, r *http.Request) (proto.Message, error) {
		return service.Explain(ctx, &demarcv1.ExplainRequest{Id: r.URL.Query().Get("id")})
	})

	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", p.enter)
	mux.Handle("/", p.guard(inside))
	return headers(mux)
}

type pages struct {
	service Service
	signIn  SignIn
	log     *slog.Logger
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

// enter trades the token of a one-time link for a session cookie.
func (p *pages) enter(w http.ResponseWriter, r *http.Request) {
	session, life, err := p.signIn.Exchange(r.URL.Query().Get("token"))
	if err != nil {
		p.log.Warn("sign-in refused", "from", r.RemoteAddr, "error", err)
		message(w, http.StatusForbidden, "This link does not work any more",
			"A sign-in link works once and for a short time. Make another on the collector's machine: demarc-collector sign-in")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: Cookie, Value: session, Path: "/", MaxAge: int(life.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	// A page of our own goes on from here: a redirect would count as coming
	// from another site, and a strict cookie stays away from it.
	w.Header().Set("Refresh", "0; url=/")
	message(w, http.StatusOK, "Signed in", "The collector's page opens by itself.")
}

func (p *pages) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(Cookie)
		if err != nil || !p.signIn.Check(c.Value) {
			if public(r.URL.Path) {
				next.ServeHTTP(w, r)
				return
			}
			message(w, http.StatusUnauthorized, "Please sign in",
				"Open the link that the collector printed when it started, or make another on its machine: demarc-collector sign-in")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// public are the files that the sign-in messages themselves show.
func public(path string) bool { return path == "/message.css" || path == "/mark.svg" }

// message is a page that says one thing. title and text are our own words.
func message(w http.ResponseWriter, code int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%s - Demarc</title><link rel="icon" href="/mark.svg"><link rel="stylesheet" href="/message.css"><main class="message"><img src="/mark.svg" alt="" width="48" height="48"><h1>%s</h1><p>%s</p></main></html>`, title, title, text)
}

// list serves one list as proto JSON with proto field names.
func list(mux *http.ServeMux, name string, get func(context.Context, *http.Request) (proto.Message, error)) {
	mux.HandleFunc("GET /api/v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		m, err := get(r.Context(), r)
		var raw []byte
		if err == nil {
			raw, err = protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
		}
		if err != nil {
			http.Error(w, strings.TrimSpace(status.Convert(err).Message()), httpCode(err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(raw)
	})
}

func httpCode(err error) int {
	switch status.Code(err) {
	case codes.InvalidArgument:
		return http.StatusBadRequest
	case codes.NotFound:
		return http.StatusNotFound
	case codes.PermissionDenied:
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// events streams change numbers (server-sent events, WHATWG HTML 9.2).
func (p *pages) events(w http.ResponseWriter, r *http.Request) {
	flusher := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if err := flusher.Flush(); err != nil {
		return
	}
	s := &eventStream{ctx: r.Context(), send: func(change uint64) error {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", change); err != nil {
			return err
		}
		return flusher.Flush()
	}}
	if err := p.service.Watch(&demarcv1.WatchRequest{}, s); err != nil && !errors.Is(err, context.Canceled) && status.Code(err) != codes.Canceled {
		p.log.Debug("event stream ended", "error", err)
	}
}

// eventStream lets the service's Watch speak to a browser.
type eventStream struct {
	grpc.ServerStream
	ctx  context.Context //nolint:containedctx // grpc.ServerStream asks for it
	send func(uint64) error
}

func (s *eventStream) Context() context.Context { return s.ctx }

func (s *eventStream) Send(r *demarcv1.WatchResponse) error { return s.send(r.Change) }
