package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"demarc/internal/reading"
)

// Probe says what this agent may ask of devices. Without it, or with enabled
// left out, it asks nothing.
type Probe struct {
	Enabled bool `yaml:"enabled"`
	// Interface and Source are what every request leaves by: never a capture
	// interface, nor an address of one.
	Interface string `yaml:"interface"`
	Source    string `yaml:"source"`
	// Segment is the one that the devices stand in.
	Segment string `yaml:"segment"`
	// Networks bound what may be asked, whoever asks for it: prefixes.
	Networks []string `yaml:"networks"`
	// Targets are asked Every so often; the collector's schedules come on top,
	// inside Networks.
	Targets []reading.Target `yaml:"targets"`
	Every   string           `yaml:"every"`   // default 24h
	Windows []ProbeWindow    `yaml:"windows"` // without them any time will do
	Budget  reading.Budget   `yaml:"budget"`
	Timeout string           `yaml:"timeout"` // of one answer; default 2s
	// Trust are SHA-256 thumbprints of OPC UA servers' certificates that a
	// person has looked at.
	Trust []string `yaml:"trust"`
}

// ProbeWindow is a time of the week in which requests may be sent.
type ProbeWindow struct {
	Days  []string `yaml:"days"`  // mon, tue, ...; without them every day
	From  string   `yaml:"from"`  // "02:00"
	Until string   `yaml:"until"` // may lie on the next day
	Zone  string   `yaml:"zone"`  // "Europe/Berlin"; default the machine's
}

// maxProbeNetworks bounds the prefixes that may be asked: collectors are told of
// them.
const maxProbeNetworks = 256

// check says what is wrong with active reads that are turned on.
func (p *Probe) check(captures []Interface) error {
	if !p.Enabled {
		return nil
	}
	return p.Check(captures)
}

// Check says what is wrong, with its place.
func (p *Probe) Check(captures []Interface) error {
	source, err := netip.ParseAddr(p.Source)
	switch {
	case p.Interface == "":
		return errors.New("probe.interface: name the interface that requests leave by, as in eth2: never a capture interface")
	case slices.ContainsFunc(captures, func(i Interface) bool { return i.Name == p.Interface }):
		return fmt.Errorf("probe.interface: %s is a capture interface, and those never send: name another one", p.Interface)
	case err != nil:
		return fmt.Errorf("probe.source: %q is no address: write the one of %s that requests come from", p.Source, p.Interface)
	case source.Zone() != "" || source.IsUnspecified() || source.IsMulticast():
		return fmt.Errorf("probe.source: %s is no address that requests can come from", source)
	case len(p.Networks) == 0:
		return errors.New("probe.networks: write the prefixes that may be asked, as in [10.20.4.0/24]: nothing outside them ever is")
	}
	if len(p.Networks) > maxProbeNetworks {
		return fmt.Errorf("probe.networks: %d prefixes, at most %d are taken", len(p.Networks), maxProbeNetworks)
	}
	for i, n := range p.Networks {
		if prefix, err := netip.ParsePrefix(n); err != nil || prefix != prefix.Masked() {
			return fmt.Errorf("probe.networks[%d]: %q is no network prefix, as in 10.20.4.0/24", i, n)
		}
	}
	for _, d := range []struct {
		at, text string
		least    time.Duration
		most     time.Duration
	}{{"every", p.Every, time.Minute, 366 * 24 * time.Hour}, {"timeout", p.Timeout, 10 * time.Millisecond, time.Minute}} {
		if v, err := time.ParseDuration(d.text); d.text != "" && (err != nil || v < d.least || v > d.most) {
			return fmt.Errorf("probe.%s: %q is no duration between %v and %v, as in 24h or 2s", d.at, d.text, d.least, d.most)
		}
	}
	if p.Budget.Device < 0 || p.Budget.Network < 0 || p.Budget.Device > 6000 || p.Budget.Network > 6000 {
		return errors.New("probe.budget: requests a minute lie between 1 and 6000; 0 takes the default")
	}
	for i := range p.Windows {
		if err := p.Windows[i].check(); err != nil {
			return fmt.Errorf("probe.windows[%d]: %w", i, err)
		}
	}
	for i, t := range p.Trust {
		if len(strings.ReplaceAll(t, ":", "")) != 64 || strings.Trim(t, "0123456789abcdefABCDEF:") != "" {
			return fmt.Errorf("probe.trust[%d]: %q is no SHA-256 thumbprint: 64 hexadecimal digits, as a refused certificate is told with", i, t)
		}
	}
	seen := map[string]bool{}
	for i := range p.Targets {
		if err := p.target(&p.Targets[i], seen); err != nil {
			return fmt.Errorf("probe.targets[%d].%w", i, err)
		}
	}
	return nil
}

func (p *Probe) target(t *reading.Target, seen map[string]bool) error {
	addr, err := reading.Address(t.Address)
	switch {
	case err != nil:
		return fmt.Errorf("address: %w", err)
	case !p.Allows(addr):
		return fmt.Errorf("address: %s lies in none of probe.networks", addr)
	case seen[addr.String()]:
		return fmt.Errorf("address: %s is listed twice", addr)
	}
	seen[addr.String()] = true
	if err := t.Check(); err != nil {
		return err
	}
	return p.Budget.Fits(*t)
}

// Allows reports whether an address may be asked at all.
func (p *Probe) Allows(a netip.Addr) bool { return reading.Allowed(p.Networks, a) }

// Weekdays in the order of time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (w *ProbeWindow) check() error {
	for _, d := range w.Days {
		if !slices.Contains(weekdays, d) {
			return fmt.Errorf("days: %q is not known: mon, tue, wed, thu, fri, sat or sun", d)
		}
	}
	from, err := minute(w.From)
	until, err2 := minute(w.Until)
	if err != nil || err2 != nil || from == until {
		return fmt.Errorf("from, until: %q to %q is no time of day, as in from: \"02:00\", until: \"04:00\"", w.From, w.Until)
	}
	if _, err := time.LoadLocation(w.Zone); err != nil {
		return fmt.Errorf("zone: %q is not known, as in Europe/Berlin", w.Zone)
	}
	return nil
}

// String is "sat, sun 02:00 to 05:00 Europe/Berlin".
func (w *ProbeWindow) String() string {
	words := []string{w.From, "to", w.Until}
	if len(w.Days) > 0 {
		words = append([]string{strings.Join(w.Days, ", ")}, words...)
	}
	if w.Zone != "" {
		words = append(words, w.Zone)
	}
	return strings.Join(words, " ")
}

// Open reports whether t lies in the window.
func (w *ProbeWindow) Open(t time.Time) bool {
	if zone, err := time.LoadLocation(w.Zone); err == nil && w.Zone != "" {
		t = t.In(zone)
	}
	now, day := t.Hour()*60+t.Minute(), int(t.Weekday())
	from, err := minute(w.From)
	until, err2 := minute(w.Until)
	if err != nil || err2 != nil {
		return false // check has refused it
	}
	on := func(day int) bool { return len(w.Days) == 0 || slices.Contains(w.Days, weekdays[(day+7)%7]) }
	if from < until {
		return on(day) && now >= from && now < until
	}
	return (on(day) && now >= from) || (on(day-1) && now < until) // began the day before
}

// minute is a time of day in minutes.
func minute(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err
}
