package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"demarc/agent/config"
	"demarc/agent/probe"
	"demarc/internal/table"
)

func probeCommand() *cobra.Command {
	var (
		at         place
		plan, once bool
		stops      bool
		resume     string
		target     string
		schedule   string
		format     = "table"
	)
	c := &cobra.Command{
		Use:   "probe --plan|--once|--stops|--resume ADDRESS --config agent.yaml",
		Short: "Ask devices who they are: opt-in reads of OPC UA and Modbus",
		Long: "probe asks the targets of the settings file's probe: section, which is off unless it says enabled: true.\n" +
			"It sends by an interface and address of its own, never by a capture interface, and reads alone:\n" +
			"--plan prints every request byte by byte and sends none; --once sends them, and prints what came back.\n" +
			"--plan works before active reads are turned on, and on any machine; where the agent runs, it also prints\nwhat the collector's schedules would send, before anybody approves them.",
		Example: "  demarc-agent probe --plan --config agent.yaml\n  demarc-agent probe --plan --schedule p-0123456789ab --config agent.yaml\n  demarc-agent probe --once --target 10.20.4.10 --config agent.yaml\n  demarc-agent probe --resume 10.20.4.10 --config agent.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := at.load()
			if err != nil {
				return err
			}
			if format != "table" && format != "json" {
				return fmt.Errorf("--output %q is not known: table or json", format)
			}
			sink := &asked{w: c.OutOrStdout(), json: format == "json", log: probe.OpenLog(cfg.State)}
			p, err := newProber(cfg, sink, plan)
			if err != nil {
				return err
			}
			jobs, err := choose(p.Jobs(), target)
			if plan && target == "" {
				jobs, err = toPlan(cfg.State, p.Jobs(), schedule)
			}
			switch {
			case resume != "":
				return resumeDevice(p, c.OutOrStdout(), resume)
			case stops:
				return printStops(c.OutOrStdout(), format, p.Gate)
			case err != nil:
				return err
			case plan:
				return printPlan(c.Context(), c.OutOrStdout(), format, p, jobs)
			case once:
				return p.Alone(c.Context(), func() error { return askOnce(c.Context(), cfg, p, jobs, sink) })
			}
			return errors.New("say what to do: --plan prints what would be sent, --once sends it, --stops lists devices that are not asked any more, --resume ADDRESS lets one be asked again")
		},
	}
	at.flags(c)
	f := c.Flags()
	f.BoolVar(&plan, "plan", false, "print every request, and send none")
	f.BoolVar(&once, "once", false, "ask every target of the settings file now, once")
	f.BoolVar(&stops, "stops", false, "list devices that are not asked until a person resumes them")
	f.StringVar(&resume, "resume", "", "let a stopped device be asked again")
	f.StringVar(&target, "target", "", "one of the settings file's targets; without it, all")
	f.StringVar(&schedule, "schedule", "", "with --plan: one schedule of the collector, approved or not")
	f.StringVarP(&format, "output", "o", format, "output: table or json")
	c.MarkFlagsMutuallyExclusive("plan", "once", "stops", "resume")
	for _, other := range []string{"target", "once", "stops", "resume"} {
		c.MarkFlagsMutuallyExclusive("schedule", other)
	}
	return c
}

// newProber checks settings that are not turned on if they are only planned.
func newProber(cfg config.Config, sink probe.Sink, dry bool) (*probe.Prober, error) {
	if dry && !cfg.Probe.Enabled {
		if cfg.Probe.Interface == "" && len(cfg.Probe.Targets) == 0 {
			return nil, probe.ErrOff
		}
		if err := cfg.Probe.Check(cfg.Interfaces); err != nil {
			return nil, err
		}
	}
	var captures []string
	for _, in := range cfg.Interfaces {
		captures = append(captures, in.Name)
	}
	return probe.New(probe.Options{Settings: cfg.Probe, Captures: captures, State: cfg.State, Sink: sink, Log: logger(cfg.Log.Level), Dry: dry})
}

// choose takes one target of those that the settings name.
func choose(jobs []probe.Job, target string) ([]probe.Job, error) {
	if target == "" {
		if len(jobs) == 0 {
			return nil, errors.New("probe.targets: the settings file names none, as in [{address: 10.20.4.10, modbus: {identification: basic}}]")
		}
		return jobs, nil
	}
	for _, j := range jobs {
		if j.Target.Address == target {
			return []probe.Job{j}, nil
		}
	}
	return nil, fmt.Errorf("--target %s is none of probe.targets: only named targets are asked", target)
}

// toPlan are the settings' own targets and the collector's schedules, or the one
// that is named.
func toPlan(state string, own []probe.Job, schedule string) ([]probe.Job, error) {
	ordered, err := orderedJobs(state, schedule)
	if err != nil || schedule != "" {
		return ordered, err
	}
	if len(ordered) > 0 {
		return append(own, ordered...), nil
	}
	return choose(own, "")
}

func resumeDevice(p *probe.Prober, w io.Writer, address string) error {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("--resume: %q is no address", address)
	}
	ok, err := p.Gate.Resume(a.Unmap(), time.Time{})
	if err == nil && !ok {
		err = fmt.Errorf("--resume: %s is not stopped", address)
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "%s may be asked again, by a running agent, too.\n", address)
	}
	return err
}

func printStops(w io.Writer, format string, g *probe.Gate) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Killed string       `json:"killed"`
			Stops  []probe.Stop `json:"stops"`
		}{g.Killed(), g.Stops()})
	}
	if k := g.Killed(); k != "" {
		if _, err := fmt.Fprintf(w, "Nothing is asked: %s\n\n", k); err != nil {
			return err
		}
	}
	t := table.Table{Head: []string{"DEVICE", "SINCE", "WHY"}, Wrap: []bool{2: true}}
	for _, s := range g.Stops() {
		t.Rows = append(t.Rows, []string{s.Address.String(), s.Since.Format("2006-01-02 15:04:05 UTC"), s.Why})
	}
	return t.Write(w, width())
}

// planned is one request of a plan, for programs.
type planned struct {
	Schedule string `json:"schedule,omitempty"`
	Target   string `json:"target"`
	What     string `json:"what"`
	When     string `json:"when,omitempty"`
	Most     int    `json:"most"`
	Bytes    string `json:"bytes"`
}

// printPlan prints every request of the jobs.
func printPlan(ctx context.Context, w io.Writer, format string, p *probe.Prober, jobs []probe.Job) error {
	rows := []planned{}
	var b strings.Builder
	planHead(&b, p)
	for _, j := range jobs {
		steps, err := p.Plan(ctx, j)
		if err != nil {
			return err
		}
		for _, s := range steps {
			rows = append(rows, planned{j.Schedule, s.Target.String(), s.What, s.When, max(s.Most, 1), s.Bytes.String()})
			fmt.Fprintf(&b, "\n%d. %s%s  %s%s\n", len(rows), s.Target, by(j), s.What, occasion(s))
			for _, line := range s.Bytes.Dump() {
				b.WriteString("     " + line + "\n")
			}
		}
	}
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// by names the schedule that a job is of.
func by(j probe.Job) string {
	if j.Schedule == "" {
		return ""
	}
	return " by schedule " + j.Schedule
}

// planHead says how the requests would leave.
func planHead(b *strings.Builder, p *probe.Prober) {
	budgets := p.Settings.Budget.Filled()
	fmt.Fprintf(b, "Nothing was sent. These are all the requests that would be, by %s from %s,\n", p.Settings.Interface, p.Settings.Source)
	fmt.Fprintf(b, "the targets of the settings every %v, at most %d a minute to a device and %d to all", table.Hours(p.Every()), budgets.Device, budgets.Network)
	for i, x := range p.Settings.Windows {
		fmt.Fprintf(b, "%s %s", [...]string{", within", ";"}[min(i, 1)], x.String())
	}
	b.WriteString(".\nBelow them there is ARP and what TCP itself needs. ?? is a byte that an answer or the clock decides,\n" +
		"... any number of bytes: an answer decides them, or they are signed or encrypted for the server.\n")
	if err := p.Refusal(); err != nil {
		fmt.Fprintf(b, "As it stands this machine would send nothing: %v.\n", err)
	}
}

// occasion says when a step is taken, if not once and always.
func occasion(s probe.Step) string {
	switch {
	case s.Most > 1:
		return fmt.Sprintf(" (%s, at most %d times)", s.When, s.Most)
	case s.When != "":
		return " (" + s.When + ")"
	}
	return ""
}

// asked shows what is asked and answered, keeps the log, and leaves what the
// collector is to be told.
type asked struct {
	w       io.Writer
	json    bool
	log     *probe.Log
	hand    *handover
	segment string
	lines   []probe.Line
	facts   []told
	err     error
}

type told struct {
	Target    string `json:"target"`
	Part      string `json:"part,omitempty"`
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
	Source    string `json:"source"`
}

// Sent implements probe.Sink.
func (a *asked) Sent(e probe.Entry) {
	a.err = errors.Join(a.err, a.log.Write(e), a.hand.add(sentBody(e)))
	a.lines = append(a.lines, e.Line())
}

// Told implements probe.Sink.
func (a *asked) Told(target netip.Addr, at time.Time, facts []probe.Fact) {
	a.err = errors.Join(a.err, a.hand.add(toldBody(a.segment, target, at, facts)))
	for _, f := range facts {
		a.facts = append(a.facts, told{target.String(), f.Part, f.Attribute, f.Value, f.Source})
	}
}

// askOnce asks, prints, and fails where a target did.
func askOnce(ctx context.Context, cfg config.Config, p *probe.Prober, jobs []probe.Job, sink *asked) (err error) {
	if sink.segment = cfg.Probe.Segment; cfg.Collector != "" {
		if sink.hand, err = newHandover(cfg.State); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, sink.hand.close()) }()
	}
	var errs []error
	for _, j := range jobs {
		if err := p.Ask(ctx, j); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", j.Target.Address, err))
		}
	}
	return errors.Join(append(errs, sink.err, sink.print())...)
}

func (a *asked) print() error {
	if a.json {
		e := json.NewEncoder(a.w)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Requests []probe.Line `json:"requests"`
			Facts    []told       `json:"facts"`
		}{append([]probe.Line{}, a.lines...), append([]told{}, a.facts...)})
	}
	if len(a.lines) == 0 {
		return nil
	}
	t := table.Table{Head: []string{"TARGET", "SENT", "BYTES", "ANSWER", "TOOK", "ERROR"}, Wrap: []bool{1: true, 5: true}}
	for _, l := range a.lines {
		t.Rows = append(t.Rows, []string{l.Target, l.What, strconv.Itoa(len(l.Sent) / 2), strconv.Itoa(l.Received), fmt.Sprintf("%.1f ms", l.Latency), l.Error})
	}
	if err := t.Write(a.w, width()); err != nil || len(a.facts) == 0 {
		return err
	}
	if _, err := fmt.Fprintln(a.w); err != nil {
		return err
	}
	f := table.Table{Head: []string{"DEVICE", "PART", "SAYS", "VALUE", "SOURCE"}, Wrap: []bool{3: true}}
	for _, x := range a.facts {
		f.Rows = append(f.Rows, []string{x.Target, x.Part, x.Attribute, x.Value, x.Source})
	}
	return f.Write(a.w, width())
}
