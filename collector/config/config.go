// Package config reads the collector's settings: strict YAML in which an
// unknown key is an error with its line. Every key may be left out; Default
// says what then counts.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"demarc/internal/pki"
)

// Config is collector.yaml.
type Config struct {
	// Data is the directory of everything that the collector keeps.
	Data string `yaml:"data"`
	// Socket is the Unix socket for the commands; default collector.sock in Data.
	Socket string `yaml:"socket"`
	// SocketGroup is a group of this machine whose members reach the socket
	// too, by name or number; who they are the accounts say. Empty: only
	// whoever runs the collector, and root.
	SocketGroup string `yaml:"socketGroup"`
	// Uplink is the address that agents report to, host:port.
	Uplink string `yaml:"uplink"`
	// Pages is the address of the pages, host:port, or "off".
	Pages string `yaml:"pages"`
	// Names are host names and addresses by which agents and browsers reach
	// this machine, beside its host name and loopback.
	Names []string `yaml:"names"`
	// Site is where an agent stands whose token names none.
	Site string `yaml:"site"`
	// Authority says who may change what counts as authorized: none (whoever
	// runs the collector: a demo, a lab) or enforced (people with accounts and
	// roles; what improves a verdict waits for an official).
	Authority string `yaml:"authority"`
	// OIDC is an OpenID provider that people may sign in with; nil for none.
	OIDC *OIDC `yaml:"oidc"`
	// Certificates let people sign in with theirs; nil for not.
	Certificates *Certificates `yaml:"certificates"`
	// Uploads are captures that people drop into the pages.
	Uploads Uploads `yaml:"uploads"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `yaml:"logLevel"`
	// Tables is a folder of the user's lists of numbers and names (package
	// tables), "" for those that are shipped alone.
	Tables string `yaml:"tables"`
	// Fingerprints is the user's file of fingerprints (package role), "" for
	// those that are shipped alone.
	Fingerprints string `yaml:"fingerprints"`
	// Slices are frames that agents recorded as evidence.
	Slices Slices `yaml:"slices"`
	// Past is what views of the past are made from.
	Past Past `yaml:"past"`
	// Deliver is where events are delivered to, beside the pages.
	Deliver []Destination `yaml:"deliver"`
}

// Past says how often the collector keeps a whole state, from which the journal
// is replayed up to a moment that somebody asks about, and how much disk all of
// them may take; what does not fit is thinned out.
type Past struct {
	Every time.Duration `yaml:"every"` // 1h to 720h; 0 is 24 hours
	MaxMB uint64        `yaml:"maxMB"` // at least 16; 0 is 2048
}

// Values of authority.
const (
	None     = "none"     // whoever runs the collector may do everything, at once
	Enforced = "enforced" // people have accounts and roles, and what improves a verdict waits for an official
)

// Off turns a listener off.
const Off = "off"

// Default is what counts without a file.
func Default() Config {
	return Config{Data: DefaultData(), Uplink: ":7443", Pages: "127.0.0.1:8443", Authority: None, LogLevel: "info", Uploads: Uploads{MaxMB: 512}, Slices: Slices{MaxMB: 512, Days: 400}, Past: Past{Every: 24 * time.Hour, MaxMB: 2048}}
}

// DefaultData is where systemd says, /var/lib/demarc-collector for root, else a
// directory of the user's (XDG base directories).
func DefaultData() string {
	if d := os.Getenv("STATE_DIRECTORY"); d != "" {
		first, _, _ := strings.Cut(d, ":")
		return first
	}
	if os.Geteuid() == 0 {
		return "/var/lib/demarc-collector"
	}
	if d := os.Getenv("XDG_STATE_HOME"); d != "" {
		return filepath.Join(d, "demarc-collector")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "demarc-collector")
	}
	return "demarc-collector-data"
}

// Load reads and checks a file.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the file that the user named
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of a configuration; path is for errors.
func Parse(path string, text []byte) (Config, error) {
	c := Default()
	if len(strings.TrimSpace(string(text))) > 0 {
		if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
			return Config{}, fmt.Errorf("configuration: %s", place(path, err))
		}
	}
	if err := c.Check(); err != nil {
		if d, ok := errors.AsType[*deliverError](err); ok {
			path += d.line(text)
		}
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

var position = regexp.MustCompile(`^\[(\d+):(\d+)\] `)

// place turns the library's message of many lines into path:line:column: text.
func place(path string, err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if position.MatchString(line) {
		return position.ReplaceAllString(line, path+":$1:$2: ")
	}
	return path + ": " + line
}

// Check says what is wrong with the settings, and fills in what follows from
// others.
func (c *Config) Check() error {
	fallback := Default()
	for _, f := range []struct {
		value *string
		empty string
	}{
		{&c.Data, fallback.Data},
		{&c.Uplink, fallback.Uplink},
		{&c.Pages, fallback.Pages},
		{&c.Authority, fallback.Authority},
		{&c.LogLevel, fallback.LogLevel},
	} {
		if *f.value == "" {
			*f.value = f.empty
		}
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	c.Data = data
	if c.Socket == "" {
		c.Socket = filepath.Join(c.Data, "collector.sock")
	}
	if c.Past.Every == 0 {
		c.Past.Every = fallback.Past.Every
	}
	if c.Past.MaxMB == 0 {
		c.Past.MaxMB = fallback.Past.MaxMB
	}
	return c.checkValues()
}

func (c *Config) checkValues() error {
	if err := checkAddress(c.Uplink); err != nil {
		return fmt.Errorf("uplink: %w", err)
	}
	if c.Pages != Off {
		if err := checkAddress(c.Pages); err != nil {
			return fmt.Errorf("pages: %w (or %q)", err, Off)
		}
	}
	if err := c.checkSignIn(); err != nil {
		return err
	}
	if err := c.checkDeliver(); err != nil {
		return err
	}
	if n := c.Uploads.MaxMB; n < 0 || n > 1<<20 {
		return fmt.Errorf("uploads: maxMB: %d is not between 0, which takes none, and %d", n, 1<<20)
	}
	if err := c.Slices.check(); err != nil {
		return err
	}
	switch c.Authority {
	case None, Enforced:
	default:
		return fmt.Errorf("authority: %q is not known: none (whoever runs the collector may do everything) or enforced (people have accounts and roles)", c.Authority)
	}
	if c.Site != "" {
		if err := pki.CheckName(c.Site); err != nil {
			return fmt.Errorf("site: %w", err)
		}
	}
	if c.Past.Every < time.Hour || c.Past.Every > 720*time.Hour {
		return fmt.Errorf("past.every: %v: write a duration between 1h and 720h", c.Past.Every)
	}
	if c.Past.MaxMB < 16 || c.Past.MaxMB > 1<<20 {
		return fmt.Errorf("past.maxMB: %d: write a number between 16 and %d", c.Past.MaxMB, 1<<20)
	}
	for _, n := range c.Names {
		if n == "" || strings.ContainsAny(n, " /:*") && net.ParseIP(n) == nil {
			return fmt.Errorf("names: %q is no host name or address", n)
		}
	}
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, c.LogLevel) {
		return fmt.Errorf("logLevel: %q is not known: %s", c.LogLevel, strings.Join(levels, ", "))
	}
	return nil
}

func (c *Config) checkSignIn() error {
	if c.Pages == Off && (c.OIDC != nil || c.Certificates != nil) {
		return errors.New("pages: they are off, and people sign in there: take oidc and certificates out, or set pages")
	}
	if c.OIDC != nil {
		if err := c.OIDC.check(); err != nil {
			return fmt.Errorf("oidc: %w", err)
		}
	}
	if c.Certificates != nil {
		if err := c.Certificates.check(); err != nil {
			return fmt.Errorf("certificates: %w", err)
		}
	}
	return nil
}

func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not host:port", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port between 0 and 65535", s)
	}
	return nil
}
