// Package reading says what may be read of a device over Modbus and OPC UA, and
// what is wrong with such a wish: one list of rules for an agent's settings and
// for the schedules of a collector, so that neither takes what the other refuses.
package reading

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	demarcv1 "demarc/proto/demarc/v1"
)

// Target is a device and what may be read of it.
type Target struct {
	Address string  `yaml:"address"`
	Modbus  *Modbus `yaml:"modbus"`
	OPCUA   *OPCUA  `yaml:"opcua"`
}

// Check says what is wrong with the reads of a target.
func (t *Target) Check() error {
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

// Of is what a collector's schedule wants read: secrets and name plates are in
// an agent's own settings alone.
func Of(r *demarcv1.ProbeReads) (t Target) {
	if m := r.GetModbus(); m != nil {
		t.Modbus = &Modbus{Port: int(m.GetPort()), Units: m.GetUnits(), Identification: m.GetIdentification(), ServerID: m.GetServerId(), SunSpec: m.GetSunSpec()}
	}
	if o := r.GetOpcua(); o != nil {
		t.OPCUA = &OPCUA{Port: int(o.GetPort()), Session: "none", Security: o.GetSecurity()}
		if o.GetSession() {
			t.OPCUA.Session = "anonymous"
		}
	}
	return t
}

// Address reads the address of a device.
func Address(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
		return a, fmt.Errorf("%q is no address of a device, as in 10.20.4.10", text)
	}
	return a.Unmap(), nil
}

// Allowed reports whether an address lies in one of these prefixes.
func Allowed(networks []string, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n string) bool {
		prefix, err := netip.ParsePrefix(n)
		return err == nil && prefix.Contains(a.Unmap())
	})
}
