package config

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Destination is where events are delivered to: a SIEM, a log server, a
// program with a webhook.
type Destination struct {
	// Name tells it from others: in status, in commands, and as whose position
	// is kept. Under a new name delivery begins anew.
	Name string `yaml:"name"`
	// To is its address: syslog+tls://host[:6514], syslog+tcp://host[:601],
	// syslog+udp://host[:514] or https://host[:port]/path.
	To string `yaml:"to"`
	// Format is one of Formats; empty: cef for syslog, json for https.
	Format string `yaml:"format"`
	// What is delivered, of Whats; empty: findings, conditions, authorizations.
	What []string `yaml:"what"`
	// Least is the lowest severity of a finding that is delivered, of Levels.
	Least string `yaml:"least"`
	// Boundaries and Sites narrow it; an event that names none passes.
	Boundaries []string `yaml:"boundaries"`
	Sites      []string `yaml:"sites"`
	// AuthorityFile is a PEM file of the authorities of its certificate; empty:
	// those that this machine trusts.
	AuthorityFile string `yaml:"authorityFile"`
	// CertificateFile and KeyFile are the certificate that the collector shows
	// there; empty: none.
	CertificateFile string `yaml:"certificateFile"`
	KeyFile         string `yaml:"keyFile"`
	// TokenFile holds the token that a webhook asks for.
	TokenFile string `yaml:"tokenFile"`
	// SecretFile holds the key that webhook calls are signed with.
	SecretFile string `yaml:"secretFile"`
}

// What a Destination may be delivered.
const (
	Findings       = "findings"
	Conditions     = "conditions"
	Authorizations = "authorizations"
	Agents         = "agents"
	Audit          = "audit"
)

// Whats, Formats and Levels list what may be written.
var (
	Whats   = []string{Findings, Conditions, Authorizations, Agents, Audit}
	Formats = []string{"cef", "ocsf", "ecs", "json"}
	Levels  = []string{"info", "low", "medium", "high", "critical"}
)

// maxDestinations bounds what is delivered at once.
const maxDestinations = 32

// schemes are the kinds of address with their usual port, "" for that of the
// scheme.
var schemes = map[string]string{"syslog+udp": "514", "syslog+tcp": "601", "syslog+tls": "6514", "https": ""}

// keyError is what is wrong with the value of a key.
type keyError struct {
	key string // of the destination
	err error
}

func (e *keyError) Error() string { return e.key + ": " + e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }

func wrong(key, format string, a ...any) error { return &keyError{key, fmt.Errorf(format, a...)} }

// Scheme is the kind of address: syslog+udp, syslog+tcp, syslog+tls or https.
func (d *Destination) Scheme() string {
	scheme, _, _ := strings.Cut(d.To, "://")
	return scheme
}

// Address is the host:port of a syslog server.
func (d *Destination) Address() string {
	u, _ := url.Parse(d.To) // checked
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), schemes[u.Scheme])
	}
	return u.Host
}

// check says what is wrong, and fills in what follows from others.
func (d *Destination) check() error {
	if d.Name == "" || len(d.Name) > 63 || strings.Trim(d.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return wrong("name", "%q is no name as in soc or log-server-2: lower-case letters, digits and hyphens, 63 at most", d.Name)
	}
	if err := d.checkAddress(); err != nil {
		return err
	}
	hook := d.Scheme() == "https"
	if d.Format == "" {
		d.Format = "cef"
		if hook {
			d.Format = "json"
		}
	}
	if len(d.What) == 0 {
		d.What = []string{Findings, Conditions, Authorizations}
	}
	if d.Least == "" {
		d.Least = Levels[0]
	}
	switch {
	case !slices.Contains(Formats, d.Format):
		return wrong("format", "%q is not known: %s", d.Format, strings.Join(Formats, ", "))
	case hook && d.Format == "cef":
		return wrong("format", "cef goes over syslog; over https write json, ocsf or ecs")
	case !slices.Contains(Levels, d.Least):
		return wrong("least", "%q is not known: %s", d.Least, strings.Join(Levels, ", "))
	}
	for _, w := range d.What {
		if !slices.Contains(Whats, w) {
			return wrong("what", "%q is not known: %s", w, strings.Join(Whats, ", "))
		}
	}
	return d.checkFiles()
}

func (d *Destination) checkAddress() error {
	const right = "syslog+tls://siem.example:6514, syslog+tcp://, syslog+udp:// or https://siem.example/events"
	u, err := url.Parse(d.To)
	if err != nil || u.Hostname() == "" {
		return wrong("to", "%q is no address as in %s", d.To, right)
	}
	_, known := schemes[u.Scheme]
	switch {
	case !known:
		return wrong("to", "%q begins with a scheme that is not known: write %s", d.To, right)
	case u.User != nil:
		return wrong("to", "an address holds no user or password: put a token into a file and name it with tokenFile")
	case u.Fragment != "" || u.Scheme != "https" && (u.Path != "" || u.RawQuery != ""):
		return wrong("to", "%q has more than host and port", d.To)
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return wrong("to", "%q has no port between 1 and 65535", d.To)
		}
	}
	return nil
}

func (d *Destination) checkFiles() error {
	scheme := d.Scheme()
	encrypted := scheme == "https" || scheme == "syslog+tls"
	for _, f := range []struct {
		key, value string
		fits       bool
		where      string
	}{
		{"authorityFile", d.AuthorityFile, encrypted, "syslog+tls and https"},
		{"certificateFile", d.CertificateFile, encrypted, "syslog+tls and https"},
		{"keyFile", d.KeyFile, encrypted, "syslog+tls and https"},
		{"tokenFile", d.TokenFile, scheme == "https", "https"},
		{"secretFile", d.SecretFile, scheme == "https", "https"},
	} {
		if f.value != "" && !f.fits {
			return wrong(f.key, "it goes with %s, not with %s", f.where, scheme)
		}
	}
	if (d.CertificateFile == "") != (d.KeyFile == "") {
		return wrong("certificateFile", "it goes with keyFile: name both or neither")
	}
	return nil
}

// checkDeliver checks every destination.
func (c *Config) checkDeliver() error {
	if n := len(c.Deliver); n > maxDestinations {
		return fmt.Errorf("deliver: %d destinations: at most %d", n, maxDestinations)
	}
	seen := map[string]bool{}
	for i := range c.Deliver {
		d := &c.Deliver[i]
		err := d.check()
		if err == nil && seen[d.Name] {
			err = wrong("name", "%q is there twice", d.Name)
		}
		if err != nil {
			return &deliverError{i, err}
		}
		seen[d.Name] = true
	}
	return nil
}

// deliverError is what is wrong with a destination.
type deliverError struct {
	at  int
	err error
}

func (e *deliverError) Error() string { return "deliver: " + e.err.Error() }
func (e *deliverError) Unwrap() error { return e.err }

// line is where text says what is wrong: of a key that is missing, where its
// destination begins; "" when it cannot be found.
func (e *deliverError) line(text []byte) string {
	paths := []string{fmt.Sprintf("$.deliver[%d]", e.at)}
	if k, ok := e.err.(*keyError); ok { //nolint:errorlint // made here
		paths = append([]string{paths[0] + "." + k.key}, paths...)
	}
	for _, path := range paths {
		p, err := yaml.PathString(path)
		if err != nil {
			continue
		}
		if node, err := p.ReadNode(bytes.NewReader(text)); err == nil && node.GetToken() != nil {
			at := node.GetToken().Position
			return fmt.Sprintf(":%d:%d", at.Line, at.Column)
		}
	}
	return ""
}
