package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SignIn lets people onto the pages: a one-time link becomes a session in a
// cookie. Both live in memory and end with the collector. The zero value is not
// usable, see NewSignIn; safe for concurrent use.
type SignIn struct {
	clock func() time.Time

	mu       sync.Mutex
	links    map[secret]time.Time // hash of a link's secret -> when it ends
	sessions map[secret]*session  // hash of a session's secret
}

// secret is the hash of one: what is looked up is never what was sent, so that
// comparing takes no telling time.
type secret [sha256.Size]byte

type session struct {
	begun, used time.Time
}

// Lifetimes of links and sessions, and how many there may be.
const (
	LinkLife    = time.Hour
	SessionLife = 12 * time.Hour
	SessionIdle = 2 * time.Hour
	maxLinks    = 100
	maxSessions = 1000
)

// CookieName has the prefix that makes browsers insist on Secure, the whole
// host and no other (RFC 6265bis, 4.1.3.2).
const CookieName = "__Host-demarc"

// SignInPath is where links lead: SignInPath + secret.
const SignInPath = "/sign-in/"

// ErrLink is the answer to a link that does not work.
var ErrLink = errors.New("this link was used or has ended: make a new one with `demarc-collector link`")

// NewSignIn returns an empty SignIn; nil clock is the machine's.
func NewSignIn(clock func() time.Time) *SignIn {
	if clock == nil {
		clock = time.Now
	}
	return &SignIn{clock: clock, links: map[secret]time.Time{}, sessions: map[secret]*session{}}
}

func draw() (text string, hash secret) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	text = base64.RawURLEncoding.EncodeToString(b[:])
	return text, sha256.Sum256([]byte(text))
}

// CreateLink makes a link that works once: its path, to be put behind the
// pages' address.
func (s *SignIn) CreateLink() (path string, expires time.Time) {
	text, hash := draw()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.sweep(now)
	if len(s.links) >= maxLinks {
		s.dropOldestLink()
	}
	expires = now.Add(LinkLife)
	s.links[hash] = expires
	return SignInPath + text, expires
}

// Exchange trades a link's secret for a session cookie. ErrLink when it was
// used, has ended or never was.
func (s *SignIn) Exchange(link string) (*http.Cookie, error) {
	hash := secret(sha256.Sum256([]byte(link)))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	expires, ok := s.links[hash]
	delete(s.links, hash)
	if !ok || now.After(expires) {
		return nil, ErrLink
	}
	s.sweep(now)
	if len(s.sessions) >= maxSessions {
		s.dropIdlestSession()
	}
	text, id := draw()
	s.sessions[id] = &session{begun: now, used: now}
	return &http.Cookie{
		Name: CookieName, Value: text, Path: "/", MaxAge: int(SessionLife.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}, nil
}

// Check reports whether a request carries a session that is good, and keeps it
// from falling idle.
func (s *SignIn) Check(r *http.Request) bool {
	c, err := r.Cookie(CookieName)
	if err != nil {
		return false
	}
	id := secret(sha256.Sum256([]byte(c.Value)))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	x := s.sessions[id]
	if x == nil || x.over(now) {
		delete(s.sessions, id)
		return false
	}
	x.used = now
	return true
}

func (x *session) over(now time.Time) bool {
	return now.Sub(x.begun) > SessionLife || now.Sub(x.used) > SessionIdle
}

// sweep drops what has ended.
func (s *SignIn) sweep(now time.Time) {
	for hash, expires := range s.links {
		if now.After(expires) {
			delete(s.links, hash)
		}
	}
	for id, x := range s.sessions {
		if x.over(now) {
			delete(s.sessions, id)
		}
	}
}

func (s *SignIn) dropOldestLink() {
	var oldest secret
	var at time.Time
	for hash, expires := range s.links {
		if at.IsZero() || expires.Before(at) {
			oldest, at = hash, expires
		}
	}
	delete(s.links, oldest)
}

func (s *SignIn) dropIdlestSession() {
	var idlest secret
	var at time.Time
	for id, x := range s.sessions {
		if at.IsZero() || x.used.Before(at) {
			idlest, at = id, x.used
		}
	}
	delete(s.sessions, idlest)
}

// Guard lets only signed-in requests through to pages. It answers links
// itself, and says to all others how to sign in.
func (s *SignIn) Guard(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		if link, ok := strings.CutPrefix(r.URL.Path, SignInPath); ok {
			s.enter(w, r, link)
			return
		}
		if !s.Check(r) {
			h.Set("Cache-Control", "no-store")
			http.Error(w, "Sign in first: `demarc-collector link` prints a link that works once.", http.StatusUnauthorized)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

func (s *SignIn) enter(w http.ResponseWriter, r *http.Request, link string) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet {
		http.Error(w, "A link is opened, not sent to.", http.StatusMethodNotAllowed)
		return
	}
	cookie, err := s.Exchange(link)
	if err != nil {
		if s.Check(r) { // opened a second time by who is in already
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
