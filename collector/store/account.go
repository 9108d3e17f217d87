package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Role is what a person is to the collector. The names are stored: they never
// change.
type Role string

// Roles that people have; one person may have several.
const (
	Engineer       Role = "engineer"                  // agents, agreed windows
	Analyst        Role = "analyst"                   // triage
	ISSM           Role = "issm"                      // documents; records what was decided outside
	SystemOwner    Role = "system-owner"              // attests, confirms snapshots, owns POA&M items
	Official       Role = "official"                  // decides
	Representative Role = "designated-representative" // as the official, but decides and rescinds nothing
	Auditor        Role = "auditor"                   // reads
	Admin          Role = "admin"                     // accounts and machines; nothing on a boundary
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{Engineer, Analyst, ISSM, SystemOwner, Official, Representative, Auditor, Admin}
}

// Grant is a role with its limits; without any it holds everywhere.
type Grant struct {
	Role       Role     `json:"role"`
	Sites      []string `json:"sites,omitempty"`
	Boundaries []string `json:"boundaries,omitempty"`
}

// Limited reports whether the role does not hold everywhere.
func (g Grant) Limited() bool { return len(g.Sites) > 0 || len(g.Boundaries) > 0 }

// OverSite reports whether the role holds at a site, or in part of it.
func (g Grant) OverSite(site string) bool { return len(g.Sites) == 0 || slices.Contains(g.Sites, site) }

// OverBoundary reports whether the role holds over a boundary whose members
// stand at sites.
func (g Grant) OverBoundary(name string, sites []string) bool {
	if len(g.Boundaries) > 0 && !slices.Contains(g.Boundaries, name) {
		return false
	}
	if len(g.Sites) == 0 {
		return true
	}
	return len(sites) > 0 && !slices.ContainsFunc(sites, func(s string) bool { return !slices.Contains(g.Sites, s) })
}

// Kinds of users. A program decides nothing: the software never authorizes.
const (
	Person  = "person"
	Program = "program"
)

// User is an account. JSON is how stores keep it.
type User struct {
	Name     string    `json:"name"`
	FullName string    `json:"full_name,omitempty"`
	Kind     string    `json:"kind"`
	Roles    []Grant   `json:"roles,omitempty"`
	UID      *uint32   `json:"uid,omitempty"`         // by which the socket knows the user
	Subject  string    `json:"certificate,omitempty"` // of a client certificate, RFC 4514
	OIDC     string    `json:"oidc,omitempty"`        // "ISSUER SUBJECT"
	Password *Password `json:"password,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Created  time.Time `json:"created"`
	SignedIn time.Time `json:"signed_in,omitzero"` // when the user last did
}

// Password is what is kept of one: PBKDF2-HMAC-SHA-256 of it.
type Password struct {
	Rounds int    `json:"rounds"`
	Salt   []byte `json:"salt"`
	Sum    []byte `json:"sum"`
	// Given: an admin set it. It is good for setting another one only.
	Given bool `json:"given,omitempty"`
}

// Same says in words by what a and b would be the same to who signs in, "" if
// by nothing.
func (u *User) Same(other *User) string {
	switch {
	case u.Name == other.Name:
		return ""
	case u.UID != nil && other.UID != nil && *u.UID == *other.UID:
		return fmt.Sprintf("uid %d", *u.UID)
	case u.Subject != "" && u.Subject == other.Subject:
		return "certificate " + u.Subject
	case u.OIDC != "" && u.OIDC == other.OIDC:
		return "provider's subject " + u.OIDC
	}
	return ""
}

// APIToken is what is kept of a token of the API: not its secret. JSON is how
// stores keep it.
type APIToken struct {
	Name    string    `json:"name"`
	User    string    `json:"user"`
	Hash    []byte    `json:"hash"` // SHA-256 of the secret
	Scopes  []string  `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// Accounts keeps users and the tokens of the API. Whatever changes them leaves
// its audit entry in the same transaction. Nothing is ever deleted: names in
// the audit log keep their meaning.
type Accounts interface {
	// PutUser keeps a new user. ErrExists when the name is taken, or a uid,
	// certificate or provider's subject is another's.
	PutUser(ctx context.Context, u User, by Act) error
	// UpdateUser changes a user in place, all but the name; ErrNotFound when
	// there is none, ErrExists as for PutUser.
	UpdateUser(ctx context.Context, name string, by Act, change func(*User) error) error
	// User returns a user by name; ErrNotFound when there is none.
	User(ctx context.Context, name string) (User, error)
	// Users lists all users by name.
	Users(ctx context.Context) ([]User, error)
	// PutAPIToken keeps a new token; ErrExists when its name is taken.
	PutAPIToken(ctx context.Context, t APIToken, by Act) error
	// UpdateAPIToken changes a token in place; ErrNotFound when there is none.
	UpdateAPIToken(ctx context.Context, name string, by Act, change func(*APIToken) error) error
	// APIToken returns a token by name; ErrNotFound when there is none.
	APIToken(ctx context.Context, name string) (APIToken, error)
	// APITokens lists all tokens by name.
	APITokens(ctx context.Context) ([]APIToken, error)
}
