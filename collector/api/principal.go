package api

import (
	"context"
	"slices"
	"strings"

	"demarc/collector/store"
)

// Principal is who calls. The zero value is nobody, who may do nothing.
type Principal struct {
	Name  string        // of the account; of a caller without one, "uid 1000 (ana)"
	Roles []store.Grant // with their limits
	Kind  string        // store.Person, store.Program; empty without an account
	Full  string        // full name, as documents and papers have it
	Via   string        // how they came: "socket", "token ci", "session"
	// MustChange: an admin gave the password, and no role counts until the user
	// has set another.
	MustChange bool
}

// Who names the caller for the audit log.
func (p Principal) Who() string {
	switch {
	case p.Name == "":
		return "nobody"
	case p.Via == "" || strings.HasPrefix(p.Name, "uid "):
		return p.Name
	}
	return p.Name + " (" + p.Via + ")"
}

// Has reports whether the caller has a role, with whatever limits.
func (p Principal) Has(r store.Role) bool {
	return slices.ContainsFunc(p.Roles, func(g store.Grant) bool { return g.Role == r })
}

// Over reports whether the caller has one of roles over a boundary whose
// members stand at sites.
func (p Principal) Over(boundary string, sites []string, roles ...store.Role) bool {
	return slices.ContainsFunc(p.Roles, func(g store.Grant) bool {
		return slices.Contains(roles, g.Role) && g.OverBoundary(boundary, sites)
	})
}

// At reports whether the caller has one of roles over a whole site.
func (p Principal) At(site string, roles ...store.Role) bool {
	return slices.ContainsFunc(p.Roles, func(g store.Grant) bool {
		return slices.Contains(roles, g.Role) && len(g.Boundaries) == 0 && g.OverSite(site)
	})
}

// Everywhere reports whether the caller has one of roles without limits.
func (p Principal) Everywhere(roles ...store.Role) bool {
	return slices.ContainsFunc(p.Roles, func(g store.Grant) bool {
		return slices.Contains(roles, g.Role) && !g.Limited()
	})
}

// Is reports whether a document that names somebody names the caller.
func (p Principal) Is(name string) bool {
	return name != "" && (strings.EqualFold(name, p.Name) || strings.EqualFold(name, p.Full))
}

// words names the caller's roles.
func (p Principal) words() string {
	var names []string
	for _, g := range p.Roles {
		if !slices.Contains(names, string(g.Role)) {
			names = append(names, string(g.Role))
		}
	}
	if len(names) == 0 {
		return "has no role"
	}
	return "is " + strings.Join(names, ", ")
}

// AllRoles are every role without limits: of whoever may run the commands
// where authority is none.
func AllRoles() []store.Grant {
	var all []store.Grant
	for _, r := range store.Roles() {
		all = append(all, store.Grant{Role: r})
	}
	return all
}

type principalKey struct{}

// As is a context in which p calls.
func As(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Caller is who calls; nobody in a context that was not made by As.
func Caller(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// OfContext finds who calls inside the process: whoever the context names.
func OfContext(ctx context.Context) (Principal, error) { return Caller(ctx), nil }

// named reports whether p has an account.
func (p Principal) named() bool { return !strings.HasPrefix(p.Name, "uid ") && p.Name != "local user" }
