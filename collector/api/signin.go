package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
)

// SignIn lets people onto the pages: the token of a one-time link, or what shows
// that somebody has an account, becomes a session, which the pages keep in a
// cookie. Links and sessions live in memory and end with the collector. The zero
// value is not usable, see NewSignIn; safe for concurrent use.
type SignIn struct {
	accounts *Accounts
	audit    func(context.Context, store.Act) error
	tries    throttle
	clock    func() time.Time

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
	account     bool // as is asked for again at every use
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

// NewSignIn returns an empty SignIn of accounts, which tells audit who fails
// again and again; nil clock is the machine's.
func NewSignIn(accounts *Accounts, audit func(context.Context, store.Act) error, clock func() time.Time) *SignIn {
	if clock == nil {
		clock = time.Now
	}
	return &SignIn{accounts: accounts, audit: audit, clock: clock, links: map[secret]link{}, sessions: map[secret]*session{}}
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
	return s.begin(session{as: l.as, account: l.as.named()}, now), SessionLife, nil
}

// Password signs in who has an account by name and password. from is the
// address that the request came from; who fails too often waits, whether the
// name exists or not.
func (s *SignIn) Password(ctx context.Context, name, password, from string) (id string, life time.Duration, err error) {
	account, address := "account "+cut(name, 64), "address "+network(from)
	if wait := s.tries.wait(s.clock(), account, address); wait > 0 {
		return "", 0, status.Errorf(codes.ResourceExhausted, "too many tries: the next one is taken in %s", wait.Round(time.Second))
	}
	p, err := s.accounts.OfPassword(ctx, name, password)
	switch {
	case errors.Is(err, ErrSignIn):
		if s.tries.failed(s.clock(), account, address) {
			act := store.Act{Who: "nobody", What: "sign-in refused", On: printable(cut(name, 64)), Detail: "again and again from " + from + ": the next tries wait"}
			if err := s.audit(ctx, act); err != nil {
				return "", 0, failed(err)
			}
		}
		return "", 0, err
	case err != nil:
		return "", 0, err
	}
	s.tries.passed(account)
	id, life = s.Begin(p)
	return id, life, nil
}

// Provider signs in who comes back from an OpenID provider with query, in the
// browser that holds secret.
func (s *SignIn) Provider(ctx context.Context, p *Provider, secret string, query url.Values, from string) (id string, life time.Duration, err error) {
	return s.outside(ctx, from, func() (Principal, error) {
		value, err := p.Finish(ctx, secret, query)
		if err != nil {
			return Principal{}, err
		}
		who, err := s.accounts.OfOIDC(ctx, p.Issuer, value)
		if errors.Is(err, ErrSignIn) {
			err = refused("%s knows you as %s, and no account here that may sign in names that. An admin can give it to one: demarc-collector user change NAME --oidc '%s %s'", p.Issuer, value, p.Issuer, value)
		}
		return who, err
	})
}

// Certificate signs in who showed client certificates in TLS.
func (s *SignIn) Certificate(ctx context.Context, c *Certificates, sent []*x509.Certificate, from string) (id string, life time.Duration, err error) {
	return s.outside(ctx, from, func() (Principal, error) {
		name, err := c.Name(sent)
		if err != nil {
			return Principal{}, err
		}
		who, err := s.accounts.OfCertificate(ctx, name)
		if errors.Is(err, ErrSignIn) {
			err = refused("Your certificate names %s, and no account here that may sign in names that. An admin can give it to one: demarc-collector user change NAME --certificate '%s'", name, name)
		}
		return who, err
	})
}

// outside signs in whom show finds by what they have from elsewhere. Who fails
// too often waits, as with passwords.
func (s *SignIn) outside(ctx context.Context, from string, show func() (Principal, error)) (id string, life time.Duration, err error) {
	address := "address " + network(from)
	if wait := s.tries.wait(s.clock(), address); wait > 0 {
		return "", 0, status.Errorf(codes.ResourceExhausted, "too many tries: the next one is taken in %s", wait.Round(time.Second))
	}
	p, err := show()
	if status.Code(err) == codes.Unauthenticated {
		if s.tries.failed(s.clock(), address) {
			act := store.Act{Who: "nobody", What: "sign-in refused", On: "pages", Detail: "again and again from " + from + ": the next tries wait; the last: " + cut(status.Convert(err).Message(), 400)}
			if err := s.audit(ctx, act); err != nil {
				return "", 0, failed(err)
			}
		}
	}
	if err != nil {
		return "", 0, err
	}
	id, life = s.Begin(p)
	return id, life, nil
}

// Begin makes a session of an account that showed itself.
func (s *SignIn) Begin(p Principal) (id string, life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	return s.begin(session{as: p, account: true}, now), SessionLife
}

func (s *SignIn) begin(x session, now time.Time) (id string) {
	s.sweep(now)
	if len(s.sessions) >= maxSessions {
		s.dropIdlestSession()
	}
	text, hash := draw()
	x.begun, x.used = now, now
	s.sessions[hash] = &x
	return text
}

// Check tells whose session it is, if it is good, and keeps it from falling
// idle. An account counts as it is now: one that was disabled is out.
func (s *SignIn) Check(ctx context.Context, id string) (p Principal, ok bool) {
	hash := secret(sha256.Sum256([]byte(id)))
	s.mu.Lock()
	now := s.clock()
	x := s.sessions[hash]
	if x == nil || x.over(now) {
		delete(s.sessions, hash)
		s.mu.Unlock()
		return Principal{}, false
	}
	x.used = now
	p, account := x.as, x.account
	s.mu.Unlock()
	if !account {
		return p, true
	}
	p, err := s.accounts.OfName(ctx, p.Name, p.Via)
	if errors.Is(err, ErrSignIn) {
		s.End(id)
	}
	return p, err == nil
}

// End ends a session.
func (s *SignIn) End(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, secret(sha256.Sum256([]byte(id))))
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
