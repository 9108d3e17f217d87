// Package web serves the pages: the files that were built from ui, the REST form
// of the services that they stand on, and one stream of change numbers that makes
// them follow the collector live. Everything but signing in needs a session.
package web

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// Cookie is the name of the session cookie; the prefix binds it to TLS and
// this host (RFC 6265bis 4.1.3).
const Cookie = "__Host-demarc"

// SignIn trades the one-time link for a session.
type SignIn interface {
	// Exchange takes a link's token once; the session lasts for life.
	Exchange(token string) (session string, life time.Duration, err error)
	// Check tells whose session it is, if it is good.
	Check(session string) (api.Principal, bool)
}

// Handler serves the pages of a collector and, under /api/v1/, the services
// behind conn, to which the context of a call says who calls.
func Handler(conn grpc.ClientConnInterface, signIn SignIn, log *slog.Logger) (http.Handler, error) {
	dist, err := fs.Sub(built, "ui/dist")
	if err != nil {
		return nil, err
	}
	rest, err := api.REST(conn)
	if err != nil {
		return nil, err
	}
	p := &pages{service: demarcv1.NewCollectorServiceClient(conn), signIn: signIn, log: log}
	inside := http.NewServeMux()
	inside.Handle("/", loadFiles(dist))
	inside.HandleFunc("GET /events", p.events)
	inside.Handle("/api/v1/", rest)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", p.enter)
	mux.Handle("/", p.guard(inside))
	// What a page of another origin sends is refused, beside the cookie that
	// would not come with it (Sec-Fetch-Site, else Origin).
	return headers(http.NewCrossOriginProtection().Handler(mux)), nil
}

type pages struct {
	service demarcv1.CollectorServiceClient
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

// guard lets in who has a session, and says in the context who that is.
func (p *pages) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(Cookie); err == nil {
			if who, ok := p.signIn.Check(c.Value); ok {
				next.ServeHTTP(w, r.WithContext(api.As(r.Context(), who)))
				return
			}
		}
		switch {
		case public(r.URL.Path):
			next.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/"):
			api.RESTError(w, status.Error(codes.Unauthenticated, "Please sign in"))
		default:
			message(w, http.StatusUnauthorized, "Please sign in",
				"Open the link that the collector printed when it started, or make another on its machine: demarc-collector sign-in")
		}
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

// events streams change numbers (server-sent events, WHATWG HTML 9.2).
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
			p.log.Debug("event stream ended", "error", err)
			return
		}
		if _, err := fmt.Fprintf(w, "data: %d\n\n", change.GetChange()); err != nil {
			return
		}
	}
}
