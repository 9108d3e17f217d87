package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

const givenWord, ownWord = "four words of no sense", "other words, as many as before"

func (o *office) admin() context.Context {
	return api.As(context.Background(), api.Principal{Name: "uid 0 (root)", Roles: api.AllRoles(), Via: "socket"})
}

// post sends a form as a browser would from a page of origin.
func (o *office) post(t *testing.T, path, origin string, cookie *http.Cookie, form url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, o.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	client := *o.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := client.Do(r)
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

func TestSignInWithAPassword(t *testing.T) {
	o := pagesOf(t)
	if _, err := o.service.AddUser(o.admin(), &demarcv1.AddUserRequest{User: &demarcv1.User{Name: "ana", Roles: []*demarcv1.RoleGrant{{Role: "auditor"}}}, Password: givenWord}); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"name": {"ana"}, "password": {givenWord}, "next": {"/findings?kind=x"}}
	if a, _ := o.post(t, "/sign-in", "https://evil.example", nil, form); a.StatusCode != http.StatusForbidden || len(a.Cookies()) != 0 {
		t.Fatalf("from a page of another origin: %d", a.StatusCode)
	}
	// Whether the name exists shows in nothing but what was typed.
	_, wrong := o.post(t, "/sign-in", o.URL, nil, url.Values{"name": {"ana"}, "password": {ownWord}})
	_, nobody := o.post(t, "/sign-in", o.URL, nil, url.Values{"name": {"bob"}, "password": {ownWord}})
	if !strings.Contains(wrong, "nobody is known") || strings.ReplaceAll(wrong, "ana", "bob") != nobody {
		t.Errorf("the answers tell who has an account:\n%s\n%s", wrong, nobody)
	}
	_, hostile := o.post(t, "/sign-in", o.URL, nil, url.Values{"name": {`"><script>x</script>`}, "next": {`"><script>`}, "password": {"x"}})
	if strings.Contains(hostile, "<script") {
		t.Errorf("what was typed comes back as code: %s", hostile)
	}
	in, _ := o.post(t, "/sign-in", o.URL, nil, form)
	if in.StatusCode != http.StatusSeeOther || in.Header.Get("Location") != "/findings?kind=x" || len(in.Cookies()) != 1 {
		t.Fatalf("%d to %q, cookies %v", in.StatusCode, in.Header.Get("Location"), in.Cookies())
	}
	c := in.Cookies()[0]
	if page, text := get(t, o, "/", c); !strings.Contains(text, "Change your password") || page.StatusCode != http.StatusOK {
		t.Errorf("with a password that an admin gave: %d %s", page.StatusCode, text)
	}
	if a, _ := get(t, o, "/api/v1/users", c); a.StatusCode != http.StatusForbidden {
		t.Errorf("a given password has a role: %d", a.StatusCode)
	}
	if _, text := o.post(t, "/password", o.URL, c, url.Values{"old": {givenWord}, "password": {ownWord}, "again": {"x"}}); !strings.Contains(text, "the same twice") {
		t.Error(text)
	}
	if a, text := o.post(t, "/password", o.URL, c, url.Values{"old": {givenWord}, "password": {ownWord}, "again": {ownWord}}); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", a.StatusCode, text)
	}
	if a, text := get(t, o, "/api/v1/me", c); a.StatusCode != http.StatusOK || !strings.Contains(text, `"auditor"`) {
		t.Errorf("%d %s", a.StatusCode, text)
	}
	// A new sign-in ends the session before it.
	form.Set("password", ownWord)
	form.Set("next", "//evil.example")
	again, _ := o.post(t, "/sign-in", o.URL, c, form)
	if again.Header.Get("Location") != "/" || again.Cookies()[0].Value == c.Value {
		t.Errorf("%q", again.Header.Get("Location"))
	}
	if a, _ := get(t, o, "/api/v1/me", c); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session before goes on: %d", a.StatusCode)
	}
	c = again.Cookies()[0]
	yes := true
	if _, err := o.service.ChangeUser(o.admin(), &demarcv1.ChangeUserRequest{Name: "ana", Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	if a, _ := get(t, o, "/api/v1/me", c); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a disabled account goes on: %d", a.StatusCode)
	}
}

func TestSignOut(t *testing.T) {
	o := pagesOf(t)
	a, _ := get(t, o, o.link(), nil)
	c := a.Cookies()[0]
	if a, _ := get(t, o, "/api/v1/me", c); a.StatusCode != http.StatusOK {
		t.Fatal(a.StatusCode)
	}
	if a, _ := o.post(t, "/sign-out", "https://evil.example", c, nil); a.StatusCode != http.StatusForbidden {
		t.Errorf("signed out from elsewhere: %d", a.StatusCode)
	}
	if a, _ := o.post(t, "/sign-out", o.URL, c, nil); a.StatusCode != http.StatusSeeOther || a.Cookies()[0].MaxAge >= 0 {
		t.Errorf("%d %v", a.StatusCode, a.Cookies())
	}
	if a, _ := get(t, o, "/api/v1/me", c); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("after it: %d", a.StatusCode)
	}
}

func TestGuessingWaits(t *testing.T) {
	o := pagesOf(t)
	for n := range 8 {
		a, text := o.post(t, "/sign-in", o.URL, nil, url.Values{"name": {"ana"}, "password": {"x"}})
		if want := map[bool]int{true: http.StatusForbidden, false: http.StatusTooManyRequests}[n < 5]; a.StatusCode != want && n < 6 {
			t.Errorf("try %d: %d %s", n, a.StatusCode, text)
		}
	}
	log, err := o.store.AuditLog(t.Context(), 0, 10)
	if err != nil || len(log) != 1 || log[0].Act.What != "sign-in refused" || log[0].Act.On != "ana" {
		t.Errorf("%+v %v", log, err)
	}
}

func TestTokensOverREST(t *testing.T) {
	o := pagesOf(t)
	if _, err := o.service.AddUser(o.admin(), &demarcv1.AddUserRequest{User: &demarcv1.User{Name: "robot", Kind: "program", Roles: []*demarcv1.RoleGrant{{Role: "auditor"}}}}); err != nil {
		t.Fatal(err)
	}
	made, err := o.service.CreateApiToken(o.admin(), &demarcv1.CreateApiTokenRequest{Name: "ci", User: "robot"})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := get(t, o, o.link(), nil)
	for header, want := range map[string]int{
		"Bearer " + made.GetToken(): http.StatusOK, "bearer " + made.GetToken(): http.StatusOK, "Bearer x": http.StatusUnauthorized, "Basic " + made.GetToken(): http.StatusOK,
	} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, o.URL+"/api/v1/me", http.NoBody)
		r.Header.Set("Authorization", header)
		r.AddCookie(a.Cookies()[0]) // a token that was sent does not give way to it
		got, err := o.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(got.Body)
		_ = got.Body.Close()
		if got.StatusCode != want || strings.HasPrefix(strings.ToLower(header), "bearer demarc") && !strings.Contains(string(text), "token ci") {
			t.Errorf("%.12s: %d %s", header, got.StatusCode, text)
		}
	}
}
