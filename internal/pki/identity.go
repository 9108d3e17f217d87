package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Identity is who an agent is: what its certificate says.
type Identity struct {
	Site    string
	Agent   string
	Serial  string // hexadecimal
	Expires time.Time
}

// MaxName is the length limit of agent and site names, in bytes.
const MaxName = 63

// CheckName says what is wrong with the name of an agent or a site: 1 to 63
// of a-z, 0-9, ".", "-" and "_", beginning and ending with a letter or digit.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("name %q has %d characters, 1 to %d are allowed", name, len(name), MaxName)
	}
	for i := range len(name) {
		c := name[i]
		if alphanumeric(c) || (i > 0 && i < len(name)-1 && strings.IndexByte(".-_", c) >= 0) {
			continue
		}
		return fmt.Errorf("name %q: use a-z, 0-9, and between them . - _", name)
	}
	return nil
}

// CleanName makes an allowed name of a host name, empty when nothing of it can
// stay.
func CleanName(host string) string {
	clean := strings.Map(func(r rune) rune {
		if r < 128 && (alphanumeric(byte(r)) || strings.ContainsRune(".-_", r)) {
			return r
		}
		return '-'
	}, strings.ToLower(host))
	if len(clean) > MaxName {
		clean = clean[:MaxName]
	}
	return strings.Trim(clean, ".-_")
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// uri is the subject alternative name of an agent certificate:
// demarc://site/<site>/agent/<name>.
func (i Identity) uri() *url.URL {
	return &url.URL{Scheme: "demarc", Host: "site", Path: "/" + i.Site + "/agent/" + i.Agent}
}

// IdentityOf reads the identity out of an agent certificate. It does not check
// who signed it.
func IdentityOf(c *x509.Certificate) (Identity, error) {
	if len(c.URIs) != 1 {
		return Identity{}, fmt.Errorf("%w (the certificate names no agent)", ErrNoIdentity)
	}
	u := c.URIs[0]
	part := strings.Split(u.Path, "/")
	if u.Scheme != "demarc" || u.Host != "site" || len(part) != 4 || part[0] != "" || part[2] != "agent" {
		return Identity{}, fmt.Errorf("%w (the certificate names %q)", ErrNoIdentity, u)
	}
	id := Identity{Site: part[1], Agent: part[3], Serial: SerialOf(c), Expires: c.NotAfter}
	if CheckName(id.Site) != nil || CheckName(id.Agent) != nil || c.Subject.CommonName != id.Agent {
		return Identity{}, fmt.Errorf("%w (the certificate names %q)", ErrNoIdentity, u)
	}
	return id, nil
}

// PeerIdentity is the identity behind a TLS connection whose client
// certificate was verified; ErrNoIdentity when it gave none.
func PeerIdentity(s tls.ConnectionState) (Identity, error) {
	if len(s.VerifiedChains) == 0 || len(s.VerifiedChains[0]) == 0 {
		return Identity{}, ErrNoIdentity
	}
	return IdentityOf(s.VerifiedChains[0][0])
}
