// Package config reads the agent's settings: strict YAML in which an unknown
// key is an error, and every value left out has a usable default.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Config is agent.yaml.
type Config struct {
	// Collector is host:port of the collector's uplink, or NoCollector.
	Collector string `yaml:"collector"`
	// State is the directory of the credentials and the spool.
	State string `yaml:"state"`
	// Interfaces are the SPAN ports to listen on.
	Interfaces []Interface `yaml:"interfaces"`
	Uplink     Uplink      `yaml:"uplink"`
	Spool      Spool       `yaml:"spool"`
	Log        Log         `yaml:"log"`
	Status     Status      `yaml:"status"`
	// Tables is a folder of the user's lists of numbers and names (package
	// tables), "" for those that are shipped alone.
	Tables string `yaml:"tables"`
	Probe  Probe  `yaml:"probe"`
	Slices Slices `yaml:"slices"`
}

// NoCollector says that there is no way to a collector: what is seen waits for
// demarc-agent export.
const NoCollector = "none"

// Limits of uplink.maxKbps: below the lowest, a batch of the largest size takes
// longer than a connection lives.
const minKbps, maxKbps = 16, 10_000_000

// Interface is a capture interface and the segment that its traffic is from.
type Interface struct {
	Name    string            `yaml:"name"`
	Segment string            `yaml:"segment"`
	VLANs   map[uint16]string `yaml:"vlans"` // VLAN identifier -> segment
	RingMB  int               `yaml:"ringMB"`
}

// Uplink bounds what reports take of the link to the collector.
type Uplink struct {
	MaxKbps int `yaml:"maxKbps"` // kbit/s; default no limit
}

// Spool bounds what is kept while the collector cannot be reached.
type Spool struct {
	MaxMB int `yaml:"maxMB"` // default 1024
}

// Log sets what goes to standard error.
type Log struct {
	Level string `yaml:"level"` // debug, info, warn, error; default info
}

// Status opens a read-only page about this agent. Without it the agent listens
// on a Unix socket in State alone.
type Status struct {
	Listen string `yaml:"listen"` // loopback address and port, as 127.0.0.1:9090
}

func (s Status) check() error {
	if s.Listen == "" {
		return nil
	}
	at, err := netip.ParseAddrPort(s.Listen)
	switch {
	case err != nil:
		return fmt.Errorf("status.listen: %q is not address:port, as in 127.0.0.1:9090", s.Listen)
	case !at.Addr().Unmap().IsLoopback():
		return fmt.Errorf("status.listen: %s can be reached from outside: the page has no sign-in, take 127.0.0.1:%d", s.Listen, at.Port())
	}
	return nil
}

// Default is a configuration without a file.
func Default() Config { return Config{State: DefaultState()} }

// DefaultState is /var/lib/demarc-agent for root, else a directory of the
// user's (XDG base directories).
func DefaultState() string {
	if os.Geteuid() == 0 {
		return "/var/lib/demarc-agent"
	}
	if d := os.Getenv("XDG_STATE_HOME"); d != "" {
		return filepath.Join(d, "demarc-agent")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "demarc-agent")
	}
	return "demarc-agent-state"
}

// Load reads and checks a file.
func Load(path string) (Config, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the file that the user named
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, raw)
}

// Parse reads and checks the text of a configuration; path is for errors.
func Parse(path string, raw []byte) (Config, error) {
	c := Default()
	if len(strings.TrimSpace(string(raw))) > 0 {
		if err := yaml.UnmarshalWithOptions(raw, &c, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
			return Config{}, fmt.Errorf("configuration: %s", place(path, err))
		}
	}
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

var position = regexp.MustCompile(`^\[(\d+):(\d+)\] `)

// place turns the library's multi-line message into path:line:column: text.
func place(path string, err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return position.ReplaceAllString(line, path+":$1:$2: ")
}

func (c *Config) check() error {
	if c.Collector != "" && c.Collector != NoCollector {
		if _, port, err := net.SplitHostPort(c.Collector); err != nil {
			return fmt.Errorf("collector: %q is not host:port, nor none", c.Collector)
		} else if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("collector: %q has no port between 1 and 65535", c.Collector)
		}
	}
	if c.State == "" {
		c.State = DefaultState()
	}
	if c.Uplink.MaxKbps != 0 && (c.Uplink.MaxKbps < minKbps || c.Uplink.MaxKbps > maxKbps) {
		return fmt.Errorf("uplink.maxKbps: %d does not lie between %d and %d", c.Uplink.MaxKbps, minKbps, maxKbps)
	}
	if c.Spool.MaxMB < 0 {
		return errors.New("spool.maxMB: must not be negative")
	}
	seen := map[string]bool{}
	for i, in := range c.Interfaces {
		switch {
		case in.Name == "":
			return fmt.Errorf("interfaces[%d]: name is missing, as in {name: eth1, segment: line4}", i)
		case seen[in.Name]:
			return fmt.Errorf("interfaces[%d]: %s is listed twice", i, in.Name)
		case in.RingMB < 0 || in.RingMB > 4096:
			return fmt.Errorf("interfaces[%d]: ringMB must lie between 0 and 4096", i)
		}
		seen[in.Name] = true
		for id := range in.VLANs {
			if id > 4094 {
				return fmt.Errorf("interfaces[%d].vlans: %d is no VLAN identifier (0 to 4094)", i, id)
			}
		}
	}
	if err := c.Status.check(); err != nil {
		return err
	}
	if err := c.Probe.check(c.Interfaces); err != nil {
		return err
	}
	if err := c.Slices.check(); err != nil {
		return err
	}
	switch c.Log.Level {
	case "", "debug", "info", "warn", "error":
		return nil
	}
	return fmt.Errorf("log.level: %q is not known: debug, info, warn or error", c.Log.Level)
}

// Credentials is the file of the agent's key and certificates.
func (c *Config) Credentials() string { return filepath.Join(c.State, "agent.pem") }

// StatusSocket is the Unix socket by which `demarc-agent status` asks a running
// agent.
func (c *Config) StatusSocket() string { return filepath.Join(c.State, "status.sock") }

// SpoolFile is the file of what has not reached the collector yet.
func (c *Config) SpoolFile() string { return filepath.Join(c.State, "spool.db") }
