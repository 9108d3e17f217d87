package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
)

// Accounts finds callers among the users on record. What it finds counts for
// one call: who keeps a session asks again, so that a user who is disabled is
// out at once. Store is needed; safe for concurrent use.
type Accounts struct {
	Store store.Accounts
	// Open is authority: none: whoever runs the collector holds every role.
	Open  bool
	Clock func() time.Time
}

// ErrSignIn is the answer to who is not known by what they showed; it does not
// say what was wrong.
var ErrSignIn = status.Error(codes.Unauthenticated, "nobody is known by this name and password, or the account is disabled")

// OfSocket finds who calls by the command socket: the user with the uid that
// the kernel tells. Whoever runs the collector, and root, is admin beside that.
func (a *Accounts) OfSocket(ctx context.Context) (Principal, error) {
	from, _ := peer.FromContext(ctx)
	if from == nil {
		return Principal{}, status.Error(codes.Unauthenticated, "nobody can be told at this end of the connection")
	}
	who, ok := from.AuthInfo.(Peer)
	if !ok {
		return Principal{}, status.Error(codes.Unauthenticated, "the other end is no Unix socket")
	}
	own := who.UID <= 0 || who.UID == os.Geteuid() // -1, where the system does not tell: the file's mode lets in nobody else
	p := Principal{Name: who.Who(), Via: "socket"}
	u, err := a.find(ctx, func(u *store.User) bool { return who.UID >= 0 && u.UID != nil && int64(*u.UID) == int64(who.UID) })
	switch {
	case err == nil:
		p.Name, p.Kind, p.Full, p.Roles = u.Name, u.Kind, u.FullName, slices.Clone(u.Roles)
	case !errors.Is(err, ErrSignIn):
		return Principal{}, err
	case !own:
		return Principal{}, status.Errorf(codes.Unauthenticated, "%s has no account here: an admin makes one with `demarc-collector user add NAME --uid %d`", who.Who(), who.UID)
	}
	if own && a.Open {
		p.Roles = AllRoles()
	} else if own {
		p.Roles = append(p.Roles, store.Grant{Role: store.Admin})
	}
	return p, nil
}

// Self is whoever runs the collector, for the link that it prints when it
// starts.
func (a *Accounts) Self() Principal {
	p := Principal{Name: Peer{UID: os.Geteuid()}.Who(), Roles: []store.Grant{{Role: store.Admin}}, Via: "link"}
	if a.Open {
		p.Roles = AllRoles()
	}
	return p
}

// OfName finds a user who signed in before, via says how.
func (a *Accounts) OfName(ctx context.Context, name, via string) (Principal, error) {
	u, err := a.find(ctx, func(u *store.User) bool { return u.Name == name })
	if err != nil {
		return Principal{}, err
	}
	p := Principal{Name: u.Name, Roles: u.Roles, Kind: u.Kind, Full: u.FullName, Via: via}
	if via == ViaPassword && u.Password != nil && u.Password.Given {
		p.Roles, p.MustChange = nil, true
	}
	return p, nil
}

// ViaPassword is how users came who typed one; a password that an admin gave
// leaves them no role until they have set their own.
const ViaPassword = "session"

// OfPassword finds a user by name and password, and notes the sign-in.
func (a *Accounts) OfPassword(ctx context.Context, name, password string) (Principal, error) {
	u, err := a.Store.User(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Principal{}, failed(err)
	}
	if !verify(u.Password, password) || u.Disabled || u.Kind == store.Program {
		return Principal{}, ErrSignIn
	}
	return a.enter(ctx, name, ViaPassword)
}

// OfCertificate finds a user by what of a certificate that was checked names
// the account, and notes the sign-in.
func (a *Accounts) OfCertificate(ctx context.Context, name string) (Principal, error) {
	u, err := a.find(ctx, func(u *store.User) bool { return u.Subject != "" && u.Subject == name })
	if err != nil {
		return Principal{}, err
	}
	return a.enter(ctx, u.Name, "certificate")
}

// OfOIDC finds a user by what an OpenID provider said, and notes the sign-in.
func (a *Accounts) OfOIDC(ctx context.Context, issuer, subject string) (Principal, error) {
	u, err := a.find(ctx, func(u *store.User) bool { return u.OIDC != "" && u.OIDC == issuer+" "+subject })
	if err != nil {
		return Principal{}, err
	}
	return a.enter(ctx, u.Name, "provider")
}

// enter notes a sign-in.
func (a *Accounts) enter(ctx context.Context, name, via string) (Principal, error) {
	p, err := a.OfName(ctx, name, via)
	if err != nil {
		return Principal{}, err
	}
	err = a.Store.UpdateUser(ctx, name, store.Act{Who: p.Who(), What: "sign-in", On: name}, func(u *store.User) error {
		u.SignedIn = a.now()
		return nil
	})
	if err != nil {
		return Principal{}, failed(err)
	}
	return p, nil
}

// OfToken finds the user of a token of the API, with what its scopes leave of
// the user's roles.
func (a *Accounts) OfToken(ctx context.Context, text string) (Principal, error) {
	no := status.Error(codes.Unauthenticated, "this token is not known, has ended, or was taken back: see `demarc-collector token api list`")
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	name, secret, cut := strings.Cut(rest, ".")
	if !ok || !cut {
		return Principal{}, no
	}
	t, err := a.Store.APIToken(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Principal{}, failed(err)
	}
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], t.Hash) != 1 || !t.Revoked.IsZero() || !a.now().Before(t.Expires) {
		return Principal{}, no
	}
	p, err := a.OfName(ctx, t.User, "token "+t.Name)
	p.Roles = scoped(p.Roles, t.Scopes)
	return p, err
}

// scoped is what scopes leave of roles: "read" reads wherever a role holds.
func scoped(roles []store.Grant, scopes []string) (left []store.Grant) {
	for _, g := range roles {
		if slices.Contains(scopes, string(g.Role)) {
			left = append(left, g)
		} else if slices.Contains(scopes, ScopeRead) {
			g.Role = store.Auditor
			left = append(left, g)
		}
	}
	return left
}

// find is the first user that is, and may sign in; ErrSignIn when there is
// none.
func (a *Accounts) find(ctx context.Context, is func(*store.User) bool) (store.User, error) {
	all, err := a.Store.Users(ctx)
	if err != nil {
		return store.User{}, failed(err)
	}
	for i := range all {
		if is(&all[i]) && !all[i].Disabled {
			return all[i], nil
		}
	}
	return store.User{}, ErrSignIn
}

func (a *Accounts) now() time.Time {
	if a.Clock == nil {
		return time.Now().UTC()
	}
	return a.Clock().UTC()
}
