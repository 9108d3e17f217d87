package api

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// ScopeRead is the scope of a token that reads what its user may read.
const ScopeRead = "read"

// tokenPrefix begins every token of the API, so that one that lies about is
// known for what it is.
const tokenPrefix = "demarc-api." //nolint:gosec // the head that tells one, not a secret

// Bounds of tokens of the API.
const (
	tokenLife    = 90 * 24 * time.Hour
	maxTokenLife = 366 * 24 * time.Hour
	maxTokens    = 10_000
)

var tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// CreateApiToken makes a token with which a program calls as a user. It is
// shown here and kept as a hash.
func (s *Service) CreateApiToken(ctx context.Context, r *demarcv1.CreateApiTokenRequest) (*demarcv1.CreateApiTokenResponse, error) {
	now := s.Clock().UTC()
	t := store.APIToken{Name: r.GetName(), User: r.GetUser(), Scopes: r.GetScopes(), Created: now, Expires: now.Add(tokenLife)}
	if r.GetExpires() != nil {
		t.Expires = r.GetExpires().AsTime()
	}
	if t.User == "" {
		t.User = Caller(ctx).Name
	}
	if len(t.Scopes) == 0 {
		t.Scopes = []string{ScopeRead}
	}
	if err := s.checkToken(ctx, &t); err != nil {
		return nil, err
	}
	secret, hash := draw()
	t.Hash = hash[:]
	act := s.act(ctx, "api token create", t.Name, words("user", t.User, "scopes", strings.Join(t.Scopes, " "), "until", t.Expires.Format(time.RFC3339)))
	err := s.Store.PutAPIToken(ctx, t, act)
	if errors.Is(err, store.ErrExists) {
		return nil, status.Errorf(codes.AlreadyExists, "a token is named %q already, though it may have ended: choose another name", t.Name)
	}
	if err != nil {
		return nil, failed(err)
	}
	return &demarcv1.CreateApiTokenResponse{Token: tokenPrefix + t.Name + "." + secret, Kept: protoToken(&t)}, nil
}

// checkToken says why a token cannot be made. One that gives more than the
// caller has would be a way around the table; one for another person a way to
// be them.
func (s *Service) checkToken(ctx context.Context, t *store.APIToken) error {
	p, now := Caller(ctx), t.Created
	u, err := s.Store.User(ctx, t.User)
	if errors.Is(err, store.ErrNotFound) && t.User == p.Name {
		return status.Errorf(codes.FailedPrecondition, "%s has no account that a token could stand for: name a program's with --user", p.Name)
	}
	if err != nil {
		return accountError(err, t.User)
	}
	all, err := s.Store.APITokens(ctx)
	if err != nil {
		return failed(err)
	}
	own := t.User == p.Name
	switch {
	case !tokenName.MatchString(t.Name):
		return status.Errorf(codes.InvalidArgument, "token %q: write a name of lower-case letters, digits and _ -, 64 at most", t.Name)
	case strings.HasPrefix(p.Via, "token "):
		return status.Error(codes.PermissionDenied, "a token makes no tokens: sign in, or use the collector's socket")
	case p.MustChange:
		return status.Error(codes.PermissionDenied, "set a password of your own first")
	case !own && u.Kind != store.Program:
		return status.Errorf(codes.PermissionDenied, "%s is a person, who makes their own tokens: an admin makes those of programs", u.Name)
	case !own && !p.Everywhere(store.Admin):
		return status.Errorf(codes.PermissionDenied, "%s may make no token of %s: that is an admin's", p.Name, u.Name)
	case !t.Expires.After(now):
		return status.Errorf(codes.InvalidArgument, "a token that ends %s has ended", t.Expires.Format(time.DateOnly))
	case t.Expires.Sub(now) > maxTokenLife:
		return status.Errorf(codes.InvalidArgument, "a token until %s: a year at most", t.Expires.Format(time.DateOnly))
	case len(all) >= maxTokens:
		return status.Errorf(codes.ResourceExhausted, "%d tokens are there, which is the most", maxTokens)
	}
	for _, scope := range t.Scopes {
		if scope != ScopeRead && !slices.ContainsFunc(u.Roles, func(g store.Grant) bool { return string(g.Role) == scope }) {
			return status.Errorf(codes.InvalidArgument, "scope %q: %s does not have it; use read, or a role of theirs: %s", scope, u.Name, GrantWords(u.Roles))
		}
	}
	return nil
}

// ListApiTokens lists the caller's tokens, to an admin or auditor all.
func (s *Service) ListApiTokens(ctx context.Context, r *demarcv1.ListApiTokensRequest) (*demarcv1.ListApiTokensResponse, error) {
	words, err := newSearch(r.GetSearch())
	if err != nil {
		return nil, err
	}
	all, err := s.Store.APITokens(ctx)
	if err != nil {
		return nil, failed(err)
	}
	caller, tokens := Caller(ctx), make([]*demarcv1.ApiToken, len(all))
	for i := range all {
		tokens[i] = protoToken(&all[i])
	}
	p, err := tokenList.page(r, tokens, func(t *demarcv1.ApiToken) bool {
		return (t.GetUser() == caller.Name || caller.Everywhere(store.Admin, store.Auditor)) &&
			words.in(slices.Values(append([]string{t.GetName(), t.GetUser()}, t.GetScopes()...)))
	})
	return &demarcv1.ListApiTokensResponse{Tokens: p.rows, NextPageToken: p.next, Total: p.total}, err
}

var tokenList = list[*demarcv1.ApiToken]{
	order: "name",
	columns: map[string]column[*demarcv1.ApiToken]{
		"name":    func(k key, t *demarcv1.ApiToken) key { return k.text(t.GetName()) },
		"user":    func(k key, t *demarcv1.ApiToken) key { return k.text(t.GetUser()) },
		"created": func(k key, t *demarcv1.ApiToken) key { return k.time(t.GetCreated()) },
		"expires": func(k key, t *demarcv1.ApiToken) key { return k.time(t.GetExpires()) },
	},
	id: func(k key, t *demarcv1.ApiToken) key { return k.exact(t.GetName()) },
}

// RevokeApiToken takes a token back: the caller's own, or by an admin any.
func (s *Service) RevokeApiToken(ctx context.Context, r *demarcv1.RevokeApiTokenRequest) (*demarcv1.RevokeApiTokenResponse, error) {
	p, no := Caller(ctx), status.Errorf(codes.NotFound, "no token is named %q: see `demarc-collector token api list`", r.GetName())
	t, err := s.Store.APIToken(ctx, r.GetName())
	if errors.Is(err, store.ErrNotFound) || err == nil && t.User != p.Name && !p.Everywhere(store.Admin) {
		return nil, no
	}
	if err != nil {
		return nil, failed(err)
	}
	err = s.Store.UpdateAPIToken(ctx, t.Name, s.act(ctx, "api token revoke", t.Name, ""), func(t *store.APIToken) error {
		if t.Revoked.IsZero() {
			t.Revoked = s.Clock().UTC()
		}
		return nil
	})
	if err != nil {
		return nil, failed(err)
	}
	return &demarcv1.RevokeApiTokenResponse{}, nil
}

func protoToken(t *store.APIToken) *demarcv1.ApiToken {
	return &demarcv1.ApiToken{
		Name: t.Name, User: t.User, Scopes: t.Scopes, Created: timestamppb.New(t.Created), Expires: timestamppb.New(t.Expires), Revoked: stamp(t.Revoked),
	}
}
