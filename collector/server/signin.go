package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"demarc/collector/api"
	"demarc/collector/web"
)

// provider is the OpenID provider of the settings, nil without one.
func (x *collector) provider() (*api.Provider, error) {
	o := x.OIDC
	if o == nil {
		return nil, nil // none is no error
	}
	secret := ""
	if o.SecretFile != "" {
		text, err := os.ReadFile(o.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("oidc: secretFile: %w", err)
		}
		if secret = strings.TrimSpace(string(text)); secret == "" {
			return nil, fmt.Errorf("oidc: secretFile: %s is empty", o.SecretFile)
		}
	}
	var roots *x509.CertPool
	if o.AuthorityFile != "" {
		all, err := api.ReadCertificates(o.AuthorityFile)
		if err != nil {
			return nil, fmt.Errorf("oidc: authorityFile: %w", err)
		}
		roots = api.Pool(all)
	}
	return api.NewProvider(api.ProviderConfig{
		Issuer: o.Issuer, ClientID: o.ClientID, Secret: secret, Claim: o.Claim, Redirect: x.address() + web.ProviderBack, Roots: roots,
	}), nil
}

func first(names []string, otherwise string) string {
	if len(names) > 0 {
		return names[0]
	}
	return otherwise
}

// certificates checks those of people, nil where they are not asked for.
func (x *collector) certificates() (*api.Certificates, error) {
	c := x.Certificates
	if c == nil {
		return nil, nil // none is no error
	}
	authorities, err := api.ReadCertificates(c.AuthorityFile)
	if err != nil {
		return nil, fmt.Errorf("certificates: authorityFile: %w", err)
	}
	checks := &api.Certificates{Authorities: authorities, Account: c.Account, Lists: c.RevocationFiles}
	if err := checks.Check(); err != nil {
		return nil, fmt.Errorf("certificates: revocationFiles: %w", err)
	}
	return checks, nil
}

// knock is the server of the listener that asks for certificates.
func (x *collector) knock(c web.Config) (*http.Server, error) {
	settings, err := x.authority.PagesConfig(x.Names)
	if err != nil {
		return nil, err
	}
	// Asked for and not demanded: who has none is told so in words. What is
	// shown is checked in the handler.
	settings.ClientAuth, settings.ClientCAs, settings.SessionTicketsDisabled = tls.RequestClientCert, api.Pool(c.Certificates.Authorities), true
	handler, err := web.Knock(c, portOf(x.ears.pages))
	if err != nil {
		return nil, err
	}
	return x.server(handler, settings), nil
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String()) // a listener's own
	return port
}

// waysIn completes c by what the settings say of signing in.
func (x *collector) waysIn(c *web.Config) (err error) {
	if c.Provider, err = x.provider(); err != nil {
		return err
	}
	if c.Certificates, err = x.certificates(); err != nil {
		return err
	}
	if c.Provider != nil {
		c.ProviderLabel = x.OIDC.Label
	}
	if c.Certificates != nil {
		c.CertificateLabel, c.CertificatePort = x.Certificates.Label, portOf(x.ears.knock)
	}
	return nil
}
