package api

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ProviderConfig says which OpenID provider people may sign in with, and what
// of its answer names an account. Issuer, ClientID, Redirect and Claim are
// needed.
type ProviderConfig struct {
	Issuer   string
	ClientID string
	Secret   string // empty for a public client: PKCE is used in any case
	// Claim names the account: its value is the second half of the account's
	// mark, "ISSUER VALUE". Of "email" only one that the provider verified counts.
	Claim    string
	Redirect string // where the provider sends the browser back to
	// Roots are trusted for the provider's certificate; nil are the machine's.
	Roots *x509.CertPool
	Clock func() time.Time
}

// Provider is an OpenID provider (OpenID Connect Core 1.0, code flow with PKCE,
// RFC 7636). It asks nobody anything before somebody wants to sign in. Safe for
// concurrent use.
type Provider struct {
	ProviderConfig
	client *http.Client

	mu     sync.Mutex
	found  *oidc.Provider
	failed error
	tried  time.Time
}

// Bounds of asking the provider.
const (
	providerTime  = 10 * time.Second
	providerRest  = 5 * time.Second // until it is asked again after it failed
	maxProvider   = 1 << 20         // bytes of an answer
	maxClaim      = 256
	maxComplaints = 200
)

// NewProvider returns a Provider that was asked nothing yet.
func NewProvider(c ProviderConfig) *Provider {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	wire := http.DefaultTransport.(*http.Transport).Clone() // it is one
	wire.DisableKeepAlives = true                           // people sign in now and then
	wire.TLSClientConfig = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	return &Provider{ProviderConfig: c, client: &http.Client{
		Timeout: providerTime, Transport: bounds{wire},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// bounds lets an answer be no longer than any that is needed, and no question
// go out in the clear.
type bounds struct{ http.RoundTripper }

func (b bounds) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s is not asked: it is no https address", r.URL.Redacted())
	}
	a, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		a.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(a.Body, maxProvider), a.Body}
	}
	return a, err
}

// Start is the address at the provider that a browser goes to. secret is drawn
// for this sign-in (see Draw) and stays in the browser: state, nonce and the
// proof of the code follow from it, so that nothing is kept here meanwhile.
func (p *Provider) Start(secret string) (string, error) {
	_, config, err := p.discover()
	if err != nil {
		return "", err
	}
	return config.AuthCodeURL(derived("state", secret), oidc.Nonce(derived("nonce", secret)), oauth2.S256ChallengeOption(derived("code", secret))), nil
}

// Draw is a secret that nobody guesses.
func Draw() string {
	text, _ := draw()
	return text
}

func derived(what, secret string) string {
	sum := sha256.Sum256([]byte(what + " " + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Finish asks the provider who came back with query, in the browser that holds
// secret: the value of the claim. Its errors are for that person.
func (p *Provider) Finish(ctx context.Context, secret string, query url.Values) (value string, err error) {
	refuse := func(format string, a ...any) (string, error) {
		return "", status.Errorf(codes.Unauthenticated, format, a...)
	}
	switch iss := query.Get("iss"); { // RFC 9207
	case secret == "" || query.Get("state") != derived("state", secret):
		return refuse("This sign-in was begun in another browser, or too long ago. Please begin again.")
	case iss != "" && iss != p.Issuer:
		return refuse("The answer is of %s, and %s was asked. Please begin again.", cut(printable(iss), maxClaim), p.Issuer)
	case query.Get("error") != "":
		return refuse("%s did not sign you in: %s", p.Issuer, cut(printable(strings.TrimSpace(query.Get("error")+" "+query.Get("error_description"))), maxComplaints))
	case query.Get("code") == "":
		return refuse("%s sent neither a code nor a reason. Please begin again.", p.Issuer)
	}
	provider, config, err := p.discover()
	if err != nil {
		return "", err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(derived("code", secret)))
	if err != nil {
		if x, ok := errors.AsType[*oauth2.RetrieveError](err); ok && x.ErrorCode != "" {
			return refuse("%s did not take its own code: %s", p.Issuer, cut(printable(strings.TrimSpace(x.ErrorCode+" "+x.ErrorDescription)), maxComplaints))
		}
		return "", p.unreachable(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, Now: p.Clock}).Verify(ctx, raw)
	if err != nil {
		return refuse("What %s says of you cannot be checked: %s", p.Issuer, cut(printable(err.Error()), maxComplaints))
	}
	if token.Nonce != derived("nonce", secret) {
		return refuse("The answer of %s belongs to another sign-in. Please begin again.", p.Issuer)
	}
	claims, err := p.claims(ctx, provider, token, tokens)
	if err != nil {
		return refuse("What %s says of you cannot be read: %s", p.Issuer, cut(printable(err.Error()), maxComplaints))
	}
	value, _ = claims[p.Claim].(string)
	switch verified := claims["email_verified"]; {
	case value == "":
		return refuse("%s does not say your %s, by which accounts are known here. The one who runs it can add that to the scope of %s.", p.Issuer, p.Claim, p.ClientID)
	case p.Claim == "email" && verified != true && verified != "true":
		return refuse("%s did not verify your e-mail address, and accounts are known by that here.", p.Issuer)
	case len(value) > maxClaim || strings.ContainsAny(value, " \t\r\n") || printable(value) != value:
		return refuse("Your %s at %s is none that an account here could name.", p.Claim, p.Issuer)
	}
	return value, nil
}

// claims are those of the token, with what the provider adds where the one that
// counts is not among them (OpenID Connect Core 5.3).
func (p *Provider) claims(ctx context.Context, provider *oidc.Provider, token *oidc.IDToken, tokens *oauth2.Token) (map[string]any, error) {
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, err
	}
	if _, said := claims[p.Claim]; said || provider.UserInfoEndpoint() == "" {
		return claims, nil
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	switch {
	case err != nil:
		return nil, err
	case info.Subject != token.Subject:
		return nil, errors.New("it answers of somebody else")
	}
	return claims, info.Claims(&claims)
}

// discover asks the provider, once, where its parts are (OpenID Connect
// Discovery 1.0).
func (p *Provider) discover() (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil {
		if p.failed == nil || p.Clock().Sub(p.tried) > providerRest {
			// Not the caller's context: the keys are fetched in it later.
			p.found, p.failed = oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.Issuer)
			p.tried = p.Clock()
		}
		if p.failed != nil {
			return nil, nil, p.unreachable(p.failed)
		}
	}
	endpoint := p.found.Endpoint()
	if !strings.HasPrefix(endpoint.AuthURL, "https://") {
		return nil, nil, p.unreachable(fmt.Errorf("it would have people sign in at %q, which is no https address", endpoint.AuthURL))
	}
	scopes := []string{oidc.ScopeOpenID}
	switch p.Claim {
	case "sub":
	case "email":
		scopes = append(scopes, "email")
	default:
		scopes = append(scopes, "profile")
	}
	return p.found, &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.Secret, Endpoint: endpoint, RedirectURL: p.Redirect, Scopes: scopes}, nil
}

func (p *Provider) unreachable(err error) error {
	return status.Errorf(codes.Unavailable, "%s cannot be asked: %s", p.Issuer, cut(printable(err.Error()), maxComplaints))
}
