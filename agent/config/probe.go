package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
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
	Targets []ProbeTarget `yaml:"targets"`
	Every   string        `yaml:"every"`   // default 24h
	Windows []ProbeWindow `yaml:"windows"` // without them any time will do
	Budget  ProbeBudget   `yaml:"budget"`
	Timeout string        `yaml:"timeout"` // of one answer; default 2s
	// Trust are SHA-256 thumbprints of OPC UA servers' certificates that a
	// person has looked at.
	Trust []string `yaml:"trust"`
}

// ProbeBudget bounds requests a minute.
type ProbeBudget struct {
	Device  int `yaml:"device"`  // default 12
	Network int `yaml:"network"` // default 60
}

// ProbeWindow is a time of the week in which requests may be sent.
type ProbeWindow struct {
	Days  []string `yaml:"days"`  // mon, tue, ...; without them every day
	From  string   `yaml:"from"`  // "02:00"
	Until string   `yaml:"until"` // may lie on the next day
	Zone  string   `yaml:"zone"`  // "Europe/Berlin"; default the machine's
}

// ProbeTarget is a device and what may be read of it.
type ProbeTarget struct {
	Address string       `yaml:"address"`
	Modbus  *ProbeModbus `yaml:"modbus"`
	OPCUA   *ProbeOPCUA  `yaml:"opcua"`
}

// ProbeModbus says what is read over Modbus.
type ProbeModbus struct {
	Port           int             `yaml:"port"`           // default 502
	Units          string          `yaml:"units"`          // "1, 10-12"; default 255, the device itself
	Identification string          `yaml:"identification"` // none, basic, regular, extended; default basic
	ServerID       bool            `yaml:"serverID"`       // function 17
	SunSpec        bool            `yaml:"sunSpec"`        // the common model
	Registers      []ProbeRegister `yaml:"registers"`
}

// ProbeRegister is a value of a device's name plate that stands in registers.
type ProbeRegister struct {
	Attribute string `yaml:"attribute"` // vendor, model, firmware, serial, ...
	Unit      int    `yaml:"unit"`      // default: each of Units
	Register  int    `yaml:"register"`  // address, counted from 0
	Count     int    `yaml:"count"`     // registers, 1 to 125
	Type      string `yaml:"type"`      // text, number, hex; default text
	Input     bool   `yaml:"input"`     // input registers, function 4; else holding, function 3
}

// ProbeOPCUA says what is read over OPC UA.
type ProbeOPCUA struct {
	Port int `yaml:"port"` // default 4840
	// Session is none (discovery alone), anonymous, user or certificate.
	Session  string `yaml:"session"`
	User     string `yaml:"user"`
	Password string `yaml:"passwordFile"`
	// Certificate and Key are PEM files of the user, for session: certificate.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// Security is auto, none, or a policy and a mode: "Basic256Sha256 sign".
	Security string `yaml:"security"`
}

// check fills defaults in and says what is wrong, with its place.
func (p *Probe) check(captures []Interface) error {
	if !p.Enabled {
		return nil
	}
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

func (p *Probe) target(t *ProbeTarget, seen map[string]bool) error {
	addr, err := netip.ParseAddr(t.Address)
	switch {
	case err != nil:
		return fmt.Errorf("address: %q is none", t.Address)
	case !p.Allows(addr):
		return fmt.Errorf("address: %s lies in none of probe.networks", addr)
	case seen[addr.String()]:
		return fmt.Errorf("address: %s is listed twice", addr)
	}
	seen[addr.String()] = true
	return t.CheckReads()
}

// Allows reports whether an address may be asked at all.
func (p *Probe) Allows(a netip.Addr) bool {
	return slices.ContainsFunc(p.Networks, func(n string) bool {
		prefix, err := netip.ParsePrefix(n)
		return err == nil && prefix.Contains(a.Unmap())
	})
}

// CheckReads says what is wrong with the reads of a target.
func (t *ProbeTarget) CheckReads() error {
	if t.Modbus == nil && t.OPCUA == nil {
		return errors.New("modbus, opcua: neither says what to read, as in modbus: {identification: basic}")
	}
	if t.Modbus != nil {
		if err := t.Modbus.check(); err != nil {
			return fmt.Errorf("modbus.%w", err)
		}
	}
	if t.OPCUA != nil {
		if err := t.OPCUA.check(); err != nil {
			return fmt.Errorf("opcua.%w", err)
		}
	}
	return nil
}

// maxProbeUnits is how many units a scan of one device may ask.
const maxProbeUnits = 32

func (m *ProbeModbus) check() error {
	units, err := m.UnitList()
	switch {
	case m.Port < 0 || m.Port > 65535:
		return fmt.Errorf("port: %d is none", m.Port)
	case err != nil:
		return fmt.Errorf("units: %w", err)
	case len(units) > maxProbeUnits:
		return fmt.Errorf("units: %d of them, at most %d are asked", len(units), maxProbeUnits)
	case !slices.Contains([]string{"", "none", "basic", "regular", "extended"}, m.Identification):
		return fmt.Errorf("identification: %q is not known: none, basic, regular or extended", m.Identification)
	case len(m.Registers) > 64:
		return fmt.Errorf("registers: %d of them, at most 64 are read", len(m.Registers))
	}
	for i, r := range m.Registers {
		switch {
		case r.Attribute == "" || len(r.Attribute) > 64 || strings.Trim(r.Attribute, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "":
			return fmt.Errorf("registers[%d].attribute: %q is no name of lower-case letters, digits, dots, as in serial", i, r.Attribute)
		case r.Unit < 0 || r.Unit > 255:
			return fmt.Errorf("registers[%d].unit: %d lies not between 0 and 255", i, r.Unit)
		case r.Count < 1 || r.Count > 125:
			return fmt.Errorf("registers[%d].count: %d lies not between 1 and 125", i, r.Count)
		case r.Register < 0 || r.Register+r.Count > 65536:
			return fmt.Errorf("registers[%d].register: %d to %d lies not between 0 and 65535", i, r.Register, r.Register+r.Count-1)
		case !slices.Contains([]string{"", "text", "number", "hex"}, r.Type):
			return fmt.Errorf("registers[%d].type: %q is not known: text, number or hex", i, r.Type)
		case r.Type == "number" && r.Count > 4:
			return fmt.Errorf("registers[%d].count: a number has at most 4 registers", i)
		}
	}
	return nil
}

// UnitList reads "1, 10-12"; without it the device itself, 255.
func (m *ProbeModbus) UnitList() ([]byte, error) {
	if m.Units == "" {
		return []byte{255}, nil
	}
	var units []byte
	for part := range strings.SplitSeq(m.Units, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.ParseUint(from, 10, 8)
		b := a
		if ranged && err == nil {
			b, err = strconv.ParseUint(to, 10, 8)
		}
		if err != nil || b < a {
			return nil, fmt.Errorf("%q is no unit and no range of them (0 to 255), as in 1, 10-12", strings.TrimSpace(part))
		}
		for u := a; u <= b; u++ {
			if !slices.Contains(units, byte(u)) {
				units = append(units, byte(u))
			}
		}
	}
	return units, nil
}

// ProbePolicies are the OPC UA security policies that are spoken, the one to
// prefer first.
var ProbePolicies = []string{"Aes256_Sha256_RsaPss", "Aes128_Sha256_RsaOaep", "Basic256Sha256", "Basic256", "Basic128Rsa15"}

func (o *ProbeOPCUA) check() error {
	policy, mode, _ := strings.Cut(o.Security, " ")
	switch {
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("port: %d is none", o.Port)
	case !slices.Contains([]string{"", "none", "anonymous", "user", "certificate"}, o.Session):
		return fmt.Errorf("session: %q is not known: none, anonymous, user or certificate", o.Session)
	case o.Session == "user" && (o.User == "" || o.Password == ""):
		return errors.New("user, passwordFile: session: user needs both")
	case o.Session == "user" && o.Security == "none":
		return errors.New("security: none would send the password of session: user unprotected")
	case o.Session == "certificate" && (o.Certificate == "" || o.Key == ""):
		return errors.New("certificate: session: certificate needs certificate: and key:, PEM files")
	case slices.Contains([]string{"", "auto", "none"}, o.Security):
		return nil
	case !slices.Contains(ProbePolicies, policy) || (mode != "sign" && mode != "sign-and-encrypt"):
		return fmt.Errorf("security: %q is not known: auto, none, or a policy (%s) and sign or sign-and-encrypt", o.Security, strings.Join(ProbePolicies, ", "))
	}
	return nil
}

// Weekdays in the order of time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (w *ProbeWindow) check() error {
	for _, d := range w.Days {
		if !slices.Contains(weekdays, d) {
			return fmt.Errorf("days: %q is not known: mon, tue, wed, thu, fri, sat or sun", d)
		}
	}
	_, err := time.Parse("15:04", w.From)
	_, err2 := time.Parse("15:04", w.Until)
	if err != nil || err2 != nil || w.From == w.Until {
		return fmt.Errorf("from, until: %q to %q is no time of day, as in from: \"02:00\", until: \"04:00\"", w.From, w.Until)
	}
	if _, err := time.LoadLocation(w.Zone); err != nil {
		return fmt.Errorf("zone: %q is not known, as in Europe/Berlin", w.Zone)
	}
	return nil
}

// Open reports whether t lies in the window.
func (w *ProbeWindow) Open(t time.Time) bool {
	if zone, err := time.LoadLocation(w.Zone); err == nil && w.Zone != "" {
		t = t.In(zone)
	}
	now, day := t.Format("15:04"), int(t.Weekday())
	on := func(day int) bool { return len(w.Days) == 0 || slices.Contains(w.Days, weekdays[(day+7)%7]) }
	if w.From < w.Until {
		return on(day) && now >= w.From && now < w.Until
	}
	return (on(day) && now >= w.From) || (on(day-1) && now < w.Until) // began the day before
}
