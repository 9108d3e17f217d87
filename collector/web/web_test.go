package web

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

// oneLink is a SignIn of one link and one session.
type oneLink struct{ used bool }

func (o *oneLink) Exchange(token string) (string, time.Duration, error) {
	if token != "good" || o.used {
		return "", 0, errors.New("no such link")
	}
	o.used = true
	return "session", time.Hour, nil
}

func (o *oneLink) Check(session string) (api.Principal, bool) {
	return api.Principal{Name: "ana", Via: "session"}, o.used && session == "session"
}

// pagesOf serves the pages of an empty collector.
func pagesOf(t *testing.T) *httptest.Server {
	t.Helper()
	conn := api.NewLocal(nil, nil)
	demarcv1.RegisterCollectorServiceServer(conn, demarcv1.UnimplementedCollectorServiceServer{})
	h, err := Handler(conn, &oneLink{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, server *httptest.Server, path string, cookie *http.Cookie) (*http.Response, string) {
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
	a, _ := get(t, server, "/sign-in?token=good", nil)
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
	if again, _ := get(t, server, "/sign-in?token=good", nil); again.StatusCode != http.StatusForbidden {
		t.Errorf("the link works twice: %d", again.StatusCode)
	}
}
