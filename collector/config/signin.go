package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// OIDC is an OpenID provider that people with accounts may sign in with.
// Nothing is asked of it before somebody does.
type OIDC struct {
	// Issuer is the provider's address, as it calls itself: https://...
	Issuer string `yaml:"issuer"`
	// ClientID is what the provider calls this collector.
	ClientID string `yaml:"clientID"`
	// SecretFile holds the secret that the provider gave for it; empty where it
	// gave none.
	SecretFile string `yaml:"secretFile"`
	// Claim names the account: sub, preferred_username, email, or another that
	// the provider is set to send.
	Claim string `yaml:"claim"`
	// Address is how browsers reach these pages: https://host[:port]. Register
	// ADDRESS/sign-in/provider/back with the provider. Empty: the first of
	// names, at the port of the pages.
	Address string `yaml:"address"`
	// AuthorityFile is a PEM file of the authorities of the provider's own
	// certificate; empty: those that this machine trusts.
	AuthorityFile string `yaml:"authorityFile"`
	// Label is what the button says.
	Label string `yaml:"label"`
}

func (o *OIDC) check() error {
	if err := checkHTTPS(o.Issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if o.ClientID == "" {
		return errors.New("clientID: is missing: the name that the provider gave this collector")
	}
	if o.Claim == "" {
		o.Claim = "sub"
	}
	if strings.ContainsAny(o.Claim, " \t") {
		return fmt.Errorf("claim: %q is no name of a claim, as in sub, preferred_username, email", o.Claim)
	}
	if o.Address != "" {
		if err := checkHTTPS(o.Address); err != nil {
			return fmt.Errorf("address: %w", err)
		}
		if u, _ := url.Parse(o.Address); u.Path != "" { // checked above
			return fmt.Errorf("address: %q has a path: write https://host:port alone", o.Address)
		}
	}
	if o.Label == "" {
		o.Label = "Sign in with your organization's account"
	}
	return nil
}

func checkHTTPS(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q is no address as in https://login.example/plant", s)
	}
	return nil
}

// Certificates let people sign in with a client certificate: a card (CAC, PIV)
// or a file in the browser.
type Certificates struct {
	// Listen is an address of its own, host:port: only who goes there is asked
	// for a certificate.
	Listen string `yaml:"listen"`
	// AuthorityFile is a PEM file of the authorities that sign these
	// certificates: each of them is trusted.
	AuthorityFile string `yaml:"authorityFile"`
	// Account is what of a certificate names the account: subject (RFC 4514), upn
	// or email (both of the subject's alternative names).
	Account string `yaml:"account"`
	// RevocationFiles are lists of revoked certificates (RFC 5280, PEM or DER),
	// one or more of every authority. They are read again when they change.
	RevocationFiles []string `yaml:"revocationFiles"`
	// WithoutRevocation says that there are none.
	WithoutRevocation bool `yaml:"withoutRevocation"`
	// Label is what the button says.
	Label string `yaml:"label"`
}

// Fields are what of a certificate may name an account.
var Fields = []string{"subject", "upn", "email"}

func (c *Certificates) check() error {
	if err := checkAddress(c.Listen); err != nil {
		return fmt.Errorf("listen: %w: an address beside that of the pages, as in 0.0.0.0:8444", err)
	}
	if c.AuthorityFile == "" {
		return errors.New("authorityFile: is missing: a PEM file of the authorities that sign people's certificates")
	}
	if c.Account == "" {
		c.Account = Fields[0]
	}
	if !slices.Contains(Fields, c.Account) {
		return fmt.Errorf("account: %q is not known: %s", c.Account, strings.Join(Fields, ", "))
	}
	if (len(c.RevocationFiles) > 0) == c.WithoutRevocation {
		return errors.New("revocationFiles: name the lists of revoked certificates, or say withoutRevocation: true")
	}
	if c.Label == "" {
		c.Label = "Sign in with a card or certificate"
	}
	return nil
}
