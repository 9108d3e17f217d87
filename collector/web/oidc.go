package web

import (
	"encoding/base64"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/api"
)

// Where signing in with an OpenID provider begins, and where it comes back to.
const (
	providerPath = "/sign-in/provider"
	ProviderBack = "/sign-in/provider/back"
)

// begunCookie holds what the browser must show when it comes back. It is lax,
// because coming back from another site is what it is for.
const (
	begunCookie = "__Host-demarc-begun"
	begunLife   = 600 // seconds
)

// toProvider sends the browser to the provider.
func (p *pages) toProvider(w http.ResponseWriter, r *http.Request) {
	secret := api.Draw()
	to, err := p.Provider.Start(secret)
	if err != nil {
		p.refused(w, r, err)
		return
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(inside(r.URL.Query().Get("next"))))
	http.SetCookie(w, &http.Cookie{
		Name: begunCookie, Value: secret + "." + next, Path: "/", MaxAge: begunLife,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// fromProvider takes who comes back.
func (p *pages) fromProvider(w http.ResponseWriter, r *http.Request) {
	secret, next := "", ""
	if c, err := r.Cookie(begunCookie); err == nil {
		secret, next, _ = strings.Cut(c.Value, ".")
	}
	http.SetCookie(w, &http.Cookie{Name: begunCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	session, life, err := p.SignIn.Provider(r.Context(), p.Provider, secret, r.URL.Query(), r.RemoteAddr)
	if err != nil {
		p.refused(w, r, err)
		return
	}
	p.begin(w, r, session, life)
	path, _ := base64.RawURLEncoding.DecodeString(next) // ours, or inside says no
	p.goOn(w, string(path))
}

// refused tells somebody why signing in did not work, and asks again.
func (p *pages) refused(w http.ResponseWriter, r *http.Request, err error) {
	p.Log.Warn("sign-in refused", "from", r.RemoteAddr, "error", err)
	p.ask(w, r, codeOf(err), say{Problem: status.Convert(err).Message()})
}

func codeOf(err error) int {
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unavailable:
		return http.StatusBadGateway
	}
	return http.StatusForbidden
}
