package reading

import (
	"cmp"
	"fmt"
)

// Budget bounds requests a minute.
type Budget struct {
	Device  int `yaml:"device"`  // to one device; default 12
	Network int `yaml:"network"` // to all; default 60
}

// Filled is the budget with its defaults.
func (b Budget) Filled() Budget {
	return Budget{Device: cmp.Or(b.Device, 12), Network: cmp.Or(b.Network, 60)}
}

// Messages of OPC UA that cannot wait for a minute to pass between them, because
// the connection would not last.
const (
	Discovery = 5
	Session   = 10
)

// Fits says what is wrong with a target whose requests a budget never lets
// leave.
func (b Budget) Fits(t Target) error {
	if t.OPCUA == nil {
		return nil
	}
	n, of := Discovery, "discovery"
	if t.OPCUA.Session != "" && t.OPCUA.Session != "none" {
		n, of = Session, "session"
	}
	if b = b.Filled(); n > min(b.Device, b.Network) {
		return fmt.Errorf("opcua: a %s takes %d messages, and the budget is %d a minute to a device and %d to all: raise probe.budget", of, n, b.Device, b.Network)
	}
	return nil
}
