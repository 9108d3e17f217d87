package web

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/api"
	demarcv1 "demarc/proto/demarc/v1"
)

//go:embed signin.html
var templates embed.FS

var page = template.Must(template.ParseFS(templates, "signin.html"))

// say is what a page of signing in says and asks for.
type say struct {
	Title, Text string
	Problem     string
	Name, Next  string
	Password    bool // asks for name and password
	Others      []other
	Change      bool // asks for a new password
}

// other is another way to sign in.
type other struct{ Label, Href string }

// ask is the page that asks who is there, whom it then leads to next.
func (p *pages) ask(w http.ResponseWriter, r *http.Request, code int, s say) {
	s.Title, s.Password = "Please sign in", true
	next := "?" + url.Values{"next": {inside(s.Next)}}.Encode()
	if p.Provider != nil {
		s.Others = append(s.Others, other{p.ProviderLabel, providerPath + next})
	}
	if p.Certificates != nil {
		s.Others = append(s.Others, other{p.CertificateLabel, at(r, p.CertificatePort) + certificatePath + next})
	}
	p.show(w, code, s)
}

// goOn leads who has just come from elsewhere on to next, by a page of our own:
// a redirect would count as coming from another site, and a strict cookie
// stays away from it.
func (p *pages) goOn(w http.ResponseWriter, next string) {
	w.Header().Set("Refresh", "0; url="+inside(next))
	p.show(w, http.StatusOK, say{Title: "Signed in", Text: "The collector's page opens by itself."})
}

// maxForm is what a form of these pages may hold, in bytes.
const maxForm = 16 << 10

func (p *pages) show(w http.ResponseWriter, code int, s say) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	if err := page.Execute(w, s); err != nil {
		p.Log.Debug("page not sent", "error", err)
	}
}

// enter shows the sign-in page, or trades the token of a one-time link for a
// session.
func (p *pages) enter(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !q.Has("token") {
		p.ask(w, r, http.StatusOK, say{Next: q.Get("next")})
		return
	}
	session, life, err := p.SignIn.Exchange(q.Get("token"))
	if err != nil {
		p.Log.Warn("sign-in refused", "from", r.RemoteAddr, "error", err)
		p.show(w, http.StatusForbidden, say{
			Title: "This link does not work any more",
			Text:  "A sign-in link works once and for a short time. Make another on the collector's machine: demarc-collector sign-in",
		})
		return
	}
	p.begin(w, r, session, life)
	p.goOn(w, "/")
}

// signIn takes name and password.
func (p *pages) signIn(w http.ResponseWriter, r *http.Request) {
	if !p.form(w, r) {
		return
	}
	name, next := strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("next")
	session, life, err := p.SignIn.Password(r.Context(), name, r.PostFormValue("password"), r.RemoteAddr)
	if err != nil {
		code := http.StatusForbidden
		if status.Code(err) == codes.ResourceExhausted {
			code = http.StatusTooManyRequests
		}
		p.ask(w, r, code, say{Problem: status.Convert(err).Message(), Name: name, Next: next})
		return
	}
	p.begin(w, r, session, life)
	http.Redirect(w, r, inside(next), http.StatusSeeOther) //nolint:gosec // inside keeps it to this origin
}

// begin gives the browser its session; the one that it had before ends.
func (p *pages) begin(w http.ResponseWriter, r *http.Request, session string, life time.Duration) {
	if c, err := r.Cookie(Cookie); err == nil {
		p.SignIn.End(c.Value)
	}
	http.SetCookie(w, &http.Cookie{
		Name: Cookie, Value: session, Path: "/", MaxAge: int(life.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// maxNext is how long an address of a page may be to be come back to, in bytes.
const maxNext = 2048

// inside is next when it is a page of ours, else the first one.
func inside(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || len(next) > maxNext {
		return "/"
	}
	return next
}

func (p *pages) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(Cookie); err == nil {
		p.SignIn.End(c.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: Cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// guard lets in who has a session or a token of the API, and says in the
// context who that is.
func (p *pages) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := p.who(r)
		switch {
		case ok && who.MustChange && !forPrograms(r.URL.Path) && r.URL.Path != "/password" && !public(r.URL.Path):
			http.Redirect(w, r, "/password", http.StatusSeeOther)
		case ok:
			next.ServeHTTP(w, r.WithContext(api.As(r.Context(), who)))
		case public(r.URL.Path):
			next.ServeHTTP(w, r)
		case forPrograms(r.URL.Path):
			api.RESTError(w, status.Error(codes.Unauthenticated, "Please sign in, or send a token of the API: Authorization: Bearer TOKEN"))
		default:
			p.ask(w, r, http.StatusUnauthorized, say{Next: r.URL.RequestURI()})
		}
	})
}

// who finds who sent a request. A token does not give way to a cookie: it was
// meant.
func (p *pages) who(r *http.Request) (api.Principal, bool) {
	if token := api.Bearer(r.Header.Get("Authorization")); token != "" {
		who, err := p.Accounts.OfToken(r.Context(), token)
		return who, err == nil
	}
	c, err := r.Cookie(Cookie)
	if err != nil {
		return api.Principal{}, false
	}
	return p.SignIn.Check(r.Context(), c.Value)
}

// public are the files that the sign-in page itself shows.
func public(path string) bool { return path == "/message.css" || path == "/mark.svg" }

// forPrograms are paths that answer with an error where others show a page.
func forPrograms(path string) bool { return strings.HasPrefix(path, "/api/") || path == "/metrics" }

func (p *pages) showPassword(w http.ResponseWriter, r *http.Request) {
	s := say{Title: "Change your password", Change: true, Name: api.Caller(r.Context()).Name}
	if api.Caller(r.Context()).MustChange {
		s.Text = "An admin gave you the password that you have. Choose one that you alone know: twelve characters or more, a few words do."
	}
	p.show(w, http.StatusOK, s)
}

// setPassword changes the caller's own password.
func (p *pages) setPassword(w http.ResponseWriter, r *http.Request) {
	if !p.form(w, r) {
		return
	}
	problem := ""
	if password := r.PostFormValue("password"); password != r.PostFormValue("again") {
		problem = "the new password was not typed the same twice"
	} else if _, err := p.people.SetPassword(r.Context(), &demarcv1.SetPasswordRequest{Password: password, OldPassword: r.PostFormValue("old")}); err != nil {
		problem = status.Convert(err).Message()
	}
	if problem != "" {
		p.show(w, http.StatusUnprocessableEntity, say{Title: "Change your password", Change: true, Problem: problem, Name: api.Caller(r.Context()).Name})
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// form reads a form of bounded size.
func (p *pages) form(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.show(w, http.StatusBadRequest, say{Title: "This form cannot be read", Text: "It is larger than any that this page sends, or cut off."})
		return false
	}
	return true
}
