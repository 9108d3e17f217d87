package probe

import (
	"context"
	"fmt"
	"net/netip"
)

// Step is one request of a plan.
type Step struct {
	Target netip.AddrPort
	What   string
	When   string // in words; "" is always
	Most   int    // times that it may be sent; 0 is once
	Bytes  Template
}

// Refusal says why nothing would be sent by this machine as it is now; nil when
// it would.
func (p *Prober) Refusal() error {
	if !p.Settings.Enabled {
		return ErrOff
	}
	return p.checkPath()
}

// Plan lists every request that a job would send, without sending any.
func (p *Prober) Plan(ctx context.Context, j Job) ([]Step, error) {
	addr, err := netip.ParseAddr(j.Target.Address)
	if err != nil || !p.Settings.Allows(addr) {
		return nil, fmt.Errorf("probe: %q lies in none of probe.networks", j.Target.Address)
	}
	if err := j.Target.Check(); err != nil {
		return nil, fmt.Errorf("probe: %s: %w", addr, err)
	}
	var all []Step
	if m := j.Target.Modbus; m != nil {
		to := netip.AddrPortFrom(addr, uint16(modbusPort(m))) // config checks ports
		for _, r := range modbusPlan(m) {
			all = append(all, Step{Target: to, What: r.what, Bytes: exactly(r.adu())})
			if r.pdu[0] != fnTransport {
				continue
			}
			next := exactly(r.adu())
			next[1], next[len(next)-1] = Any, Any
			all = append(all, Step{Target: to, What: r.what + ", continued", When: "while the device says that more follows", Most: maxMore, Bytes: next})
		}
		for _, r := range registerPlan(m) {
			all = append(all, Step{Target: to, What: r.what, When: r.when, Bytes: exactly(r.adu())})
		}
	}
	if o := j.Target.OPCUA; o != nil {
		steps, err := p.opcuaPlan(ctx, netip.AddrPortFrom(addr, uint16(opcuaPort(o))), o) // config checks ports
		if err != nil {
			return nil, err
		}
		all = append(all, steps...)
	}
	return all, nil
}
