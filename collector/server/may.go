package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/store"
)

// denial is an act that the caller may not do: an api.ErrDenied.
type denial string

func (d denial) Error() string        { return string(d) }
func (d denial) Is(target error) bool { return target == api.ErrDenied }

func denied(format string, a ...any) error { return denial(fmt.Sprintf(format, a...)) }

// sitesOf are the sites of a boundary, as one of policies knows it.
func sitesOf(name string, policies ...*boundary.Policy) []string {
	for _, p := range policies {
		if b, ok := p.Boundary(name); ok {
			return b.Sites
		}
	}
	return nil
}

// uncovered are those of boundaries over which the caller has none of roles.
func uncovered(p api.Principal, boundaries []string, roles []store.Role, policies ...*boundary.Policy) []string {
	return slices.DeleteFunc(slices.Clone(boundaries), func(b string) bool {
		return p.Over(b, sitesOf(b, policies...), roles...)
	})
}

// over refuses a caller who has none of roles over every one of boundaries.
func (e *engine) over(ctx context.Context, what string, boundaries []string, roles ...store.Role) error {
	p := api.Caller(ctx)
	if left := uncovered(p, boundaries, roles, e.Policy()); len(left) > 0 {
		return denied("%s may not %s: it needs %s over %s", p.Name, what, either(roles), strings.Join(left, " and over "))
	}
	return nil
}

func either(roles []store.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " or ")
}
