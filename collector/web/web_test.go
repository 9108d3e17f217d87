package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
)

// office is the pages of a collector with accounts in a real store, and what
// the audit log got.
type office struct {
	*httptest.Server
	signIn  *api.SignIn
	service *api.Service
	store   store.Store
	ready   chan struct{}
}

// empty is a plant that nothing is known of.
type empty struct{ api.Plant }

func (empty) Policy() *boundary.Policy { return boundary.Empty() }

func pagesOf(t *testing.T) *office {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "x.db"), bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	o := &office{store: s}
	accounts := &api.Accounts{Store: s}
	o.signIn = api.NewSignIn(accounts, s.AppendAudit, nil)
	o.service = api.New(api.Config{Store: s, Plant: empty{}, SignIn: o.signIn, Log: slog.New(slog.DiscardHandler)})
	guard := &api.Guard{Find: api.OfContext, Audit: s.AppendAudit, Log: slog.New(slog.DiscardHandler)}
	conn := api.NewLocal(guard.Unary, guard.Stream)
	o.service.Register(conn)
	o.ready = make(chan struct{})
	h, err := Handler(Config{
		Conn: conn, SignIn: o.signIn, Accounts: accounts, Ready: o.ready, Log: slog.New(slog.DiscardHandler),
		Metrics: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "metrics of "+api.Caller(r.Context()).Name)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Server = httptest.NewTLSServer(h)
	t.Cleanup(o.Close)
	return o
}

// link is a path that lets in once.
func (o *office) link() string {
	path, _ := o.signIn.CreateLink(api.Principal{Name: "uid 0 (root)", Roles: api.AllRoles()})
	return path
}

func get(t *testing.T, server *office, path string, cookie *http.Cookie) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, server.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	a, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // read whole below
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(text)
}

func TestNothingWithoutASession(t *testing.T) {
	server := pagesOf(t)
	for _, path := range []string{"/", "/index.html", "/static/index.js", "/events", "/api/v1/assets", "/api/v1/findings", "/nothing"} {
		if a, text := get(t, server, path, nil); a.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "Please sign in") {
			t.Errorf("%s: %d %q", path, a.StatusCode, text)
		}
	}
	if a, _ := get(t, server, "/sign-in?token=bad", nil); a.StatusCode != http.StatusForbidden || len(a.Cookies()) != 0 {
		t.Errorf("a wrong link: %d, cookies %v", a.StatusCode, a.Cookies())
	}
	forged := &http.Cookie{Name: Cookie, Value: "forged"}
	if a, _ := get(t, server, "/", forged); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a forged session: %d", a.StatusCode)
	}
}

func TestLinkWorksOnce(t *testing.T) {
	server := pagesOf(t)
	link := server.link()
	a, _ := get(t, server, link, nil)
	if a.StatusCode != http.StatusOK || len(a.Cookies()) != 1 {
		t.Fatalf("the link: %d, cookies %v", a.StatusCode, a.Cookies())
	}
	c := a.Cookies()[0]
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("the cookie is not kept to this page: %v", c)
	}
	page, text := get(t, server, "/", c)
	if page.StatusCode != http.StatusOK || !strings.Contains(text, "Demarc</title>") {
		t.Errorf("the page: %d", page.StatusCode)
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("content security policy %q", csp)
	}
	if again, _ := get(t, server, link, nil); again.StatusCode != http.StatusForbidden {
		t.Errorf("the link works twice: %d", again.StatusCode)
	}
}

// TestWhatProgramsAskFor: health tells anybody one thing, metrics are told to who
// shows who asks; neither answers with a page to sign in.
func TestWhatProgramsAskFor(t *testing.T) {
	o := pagesOf(t)
	expect := func(path string, cookie *http.Cookie, code int, words string) {
		t.Helper()
		if a, text := get(t, o, path, cookie); a.StatusCode != code || !strings.Contains(text, words) {
			t.Errorf("%s: %d %q, want %d %q", path, a.StatusCode, text, code, words)
		}
	}
	expect("/healthz", nil, http.StatusServiceUnavailable, "still applies its journal")
	close(o.ready)
	expect("/healthz", nil, http.StatusOK, "ok")
	expect("/metrics", nil, http.StatusUnauthorized, "Authorization: Bearer TOKEN")
	a, _ := get(t, o, o.link(), nil)
	expect("/metrics", a.Cookies()[0], http.StatusOK, "metrics of uid 0 (root)")
}
