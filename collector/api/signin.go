package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
	"time"
)

// SignIn lets people onto the pages: the token of a one-time link becomes a
// session, which the pages keep in a cookie. Both live in memory and end with the collector. The zero value is not
// usable, see NewSignIn; safe for concurrent use.
type SignIn struct {
	clock func() time.Time

	mu       sync.Mutex
	links    map[secret]link     // hash of a link's secret
	sessions map[secret]*session // hash of a session's secret
}

// secret is the hash of one: what is looked up is never what was sent, so that
// comparing takes no telling time.
type secret [sha256.Size]byte

// link lets its bearer in as somebody.
type link struct {
	as   Principal
	ends time.Time
}

type session struct {
	as          Principal
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

// signInPath is where links lead.
const signInPath = "/sign-in?token="

// ErrLink is the answer to a link that does not work.
var ErrLink = errors.New("this link was used or has ended: make a new one with `demarc-collector sign-in`")

// NewSignIn returns an empty SignIn; nil clock is the machine's.
func NewSignIn(clock func() time.Time) *SignIn {
	if clock == nil {
		clock = time.Now
	}
	return &SignIn{clock: clock, links: map[secret]link{}, sessions: map[secret]*session{}}
}

func draw() (text string, hash secret) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	text = base64.RawURLEncoding.EncodeToString(b[:])
	return text, sha256.Sum256([]byte(text))
}

// CreateLink makes a link that works once and lets its bearer in as p: its
// path, to be put behind the pages' address.
func (s *SignIn) CreateLink(p Principal) (path string, expires time.Time) {
	text, hash := draw()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.sweep(now)
	if len(s.links) >= maxLinks {
		s.dropOldestLink()
	}
	expires = now.Add(LinkLife)
	p.Via = "link"
	s.links[hash] = link{as: p, ends: expires}
	return signInPath + text, expires
}

// Exchange trades a link's token for a session and says how long that lasts at
// most. ErrLink when the token was used, has ended or never was.
func (s *SignIn) Exchange(token string) (id string, life time.Duration, err error) {
	hash := secret(sha256.Sum256([]byte(token)))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	l, ok := s.links[hash]
	delete(s.links, hash)
	if !ok || now.After(l.ends) {
		return "", 0, ErrLink
	}
	s.sweep(now)
	if len(s.sessions) >= maxSessions {
		s.dropIdlestSession()
	}
	text, hash := draw()
	s.sessions[hash] = &session{as: l.as, begun: now, used: now}
	return text, SessionLife, nil
}

// Check tells whose session it is, if it is good, and keeps it from falling
// idle.
func (s *SignIn) Check(id string) (p Principal, ok bool) {
	hash := secret(sha256.Sum256([]byte(id)))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	x := s.sessions[hash]
	if x == nil || x.over(now) {
		delete(s.sessions, hash)
		return Principal{}, false
	}
	x.used = now
	return x.as, true
}

func (x *session) over(now time.Time) bool {
	return now.Sub(x.begun) > SessionLife || now.Sub(x.used) > SessionIdle
}

// sweep drops what has ended.
func (s *SignIn) sweep(now time.Time) {
	for hash, l := range s.links {
		if now.After(l.ends) {
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
	for hash, l := range s.links {
		if at.IsZero() || l.ends.Before(at) {
			oldest, at = hash, l.ends
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
