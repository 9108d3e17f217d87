// Package probe asks devices who they are: opt-in, read-only, within budgets.
// It is the only part of the agent that sends to a plant, by an interface of
// its own, and it is off unless the settings turn it on. Make a Prober, have
// it Plan what it would send, or Run it; every request passes the Gate, which
// a person can close at any moment, and is checked where its bytes leave.
package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"demarc/agent/config"
	"demarc/internal/ot"
	"demarc/internal/reading"
)

// Fact is what a device said of itself.
type Fact struct {
	Part      string // unit behind the address, "unit/17"; "" is the device
	Attribute string
	Value     string
	Source    string // "probe.modbus.device_id.vendor_name"
	Grade     ot.Grade
}

// Entry is one request that left, with what came of it.
type Entry struct {
	Time     time.Time
	Schedule string // that asked for it; "" is this agent's own settings
	Target   netip.AddrPort
	What     string // "Read Device Identification, basic, unit 255"
	Sent     []byte
	Answer   []byte // its first maxAnswer bytes
	Received int    // bytes of the whole answer
	Latency  time.Duration
	Error    string
}

// maxAnswer bounds the bytes of an answer that are logged.
const maxAnswer = 2048

// Sink takes what a round of probing brought; it may be called from one
// goroutine at a time.
type Sink interface {
	// Sent is called for every request, when its answer is there or given up.
	Sent(Entry)
	// Told is called once for a target, with everything that it said.
	Told(target netip.Addr, at time.Time, facts []Fact)
}

// Options of a Prober. Settings, Sink and Log are needed.
type Options struct {
	Settings config.Probe
	Captures []string // interfaces that are listened on
	State    string   // directory of the agent's state
	Sink     Sink
	Log      *slog.Logger
	// Dry is for plans alone: on whatever machine, and while active reads are
	// off; nothing is sent.
	Dry bool
	// Child is the command that runs Child in a process of its own; this
	// program with ChildArgument unless set.
	Child []string
	Now   func() time.Time // nil is the machine's clock
}

// Prober asks devices, one at a time and one request after the other.
type Prober struct {
	Options
	Gate    *Gate
	Latency *Latency
	timeout time.Duration
	every   time.Duration
}

// ErrOff is returned where the settings do not turn active reads on.
var ErrOff = errors.New("active reads are off: set probe: {enabled: true, ...} in the settings file (deploy/probe.md says what that means)")

// New checks the settings against the machine: the probe's interface exists,
// carries the source address, and is no capture interface by any name.
func New(o Options) (*Prober, error) {
	if !o.Settings.Enabled && !o.Dry {
		return nil, ErrOff
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Prober{Options: o, timeout: duration(o.Settings.Timeout, 2*time.Second), every: duration(o.Settings.Every, 24*time.Hour)}
	if err := p.checkPath(); err != nil && !o.Dry {
		return nil, err
	}
	var err error
	if p.Gate, err = newGate(o); err != nil {
		return nil, err
	}
	p.Latency = newLatency(p.Gate, o.Settings.Allows, p.Source())
	return p, nil
}

// duration reads what config has checked.
func duration(text string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	return otherwise
}

// Every is how often the settings' own targets are asked.
func (p *Prober) Every() time.Duration { return p.every }

// Source is the address that requests come from.
func (p *Prober) Source() netip.Addr {
	a, _ := netip.ParseAddr(p.Settings.Source) // config checks it
	return a.Unmap()
}

// Job is a target and who asked for it.
type Job struct {
	Schedule string
	Target   reading.Target
}

// Jobs are those of the settings.
func (p *Prober) Jobs() []Job {
	var all []Job
	for _, t := range p.Settings.Targets {
		all = append(all, Job{Target: t})
	}
	return all
}

// Ask reads one target and tells the sink. What fails in one protocol does
// not keep the other from being asked, unless nothing may be sent any more.
func (p *Prober) Ask(ctx context.Context, j Job) error {
	if p.Dry {
		return errors.New("probe: this is for plans alone: nothing was sent")
	}
	addr, err := netip.ParseAddr(j.Target.Address)
	if err != nil || !p.Settings.Allows(addr) {
		return fmt.Errorf("probe: %q lies in none of probe.networks: nothing was sent", j.Target.Address)
	}
	if err := j.Target.Check(); err != nil {
		return fmt.Errorf("probe: %s: %w: nothing was sent", addr, err)
	}
	if err := p.Settings.Budget.Fits(j.Target); err != nil {
		return fmt.Errorf("probe: %s: %w: nothing was sent", addr, err)
	}
	if err := p.checkPath(); err != nil {
		return err
	}
	x := &exchange{Prober: p, job: j, addr: addr.Unmap()}
	defer context.AfterFunc(ctx, func() { p.Gate.cut(x.addr) })()
	var errs []error
	if m := j.Target.Modbus; m != nil {
		errs = append(errs, x.modbus(ctx, m))
	}
	if o := j.Target.OPCUA; o != nil && !hopeless(errors.Join(errs...)) {
		errs = append(errs, x.opcua(ctx, o))
	}
	err = errors.Join(errs...)
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, ctx.Err()) // the silence is ours
	}
	p.Gate.ended(x.addr, err)
	if len(x.facts) > 0 {
		p.Sink.Told(x.addr, p.Now(), x.facts)
	}
	return err
}

// hopeless reports whether asking the same device on makes no sense.
func hopeless(err error) bool { return errors.Is(err, ErrClosed) || errors.Is(err, ErrNoAnswer) }

// exchange is one target being asked.
type exchange struct {
	*Prober
	job   Job
	addr  netip.Addr
	facts []Fact
}

// maxFacts bounds what one target may tell in a round.
const maxFacts = 512

func (x *exchange) fact(f Fact) {
	if f.Value = clean(f.Value); f.Value != "" && len(x.facts) < maxFacts && !slices.Contains(x.facts, f) {
		x.facts = append(x.facts, f)
	}
}

// clean is text of a device as one printable line of at most 512 bytes.
func clean(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), 512)], "")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || (r >= 0x2028 && r <= 0x202e) {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}
