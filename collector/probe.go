package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func probeCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use: "probe list|plan|approve|withdraw|kill|resume", Short: "Active reads: plan, approve, and above all end them",
		Long: "Agents ask devices nothing unless their own settings turn active reads on, and then only inside the\nnetworks, windows and budgets written there. A schedule from here is asked once an engineer has approved it.",
	}
	c.AddCommand(probeListCommand(at), probePlanCommand(at), probeApproveCommand(at), probeWithdrawCommand(at), probeKillCommand(at), probeResumeCommand(at))
	return c
}

func probePlanCommand(at *place) *cobra.Command {
	r := &demarcv1.PlanProbeRequest{Selection: &demarcv1.ProbeSelection{}}
	modbus, opcua := &demarcv1.ProbeModbusReads{}, &demarcv1.ProbeOpcuaReads{}
	var useModbus, useOPCUA bool
	var every time.Duration
	c := &cobra.Command{
		Use: "plan --agent NAME --address A|--role R --boundary B --modbus|--opcua", Short: "Propose what an agent asks of which devices", Args: cobra.NoArgs,
		Example: "  demarc-collector probe plan --agent line4 --address 10.20.4.10 --modbus --identification regular\n" +
			"  demarc-collector probe plan --agent line4 --role plc --boundary line4 --seen-hours 24 --opcua --every 168h",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := saysWhat(c, r.GetAgent(), useModbus, useOPCUA); err != nil {
				return err
			}
			if r.Reads = (&demarcv1.ProbeReads{}); useModbus {
				r.Reads.Modbus = modbus
			}
			if useOPCUA {
				r.Reads.Opcua = opcua
			}
			if every < 0 || every.Seconds() > 366*24*3600 {
				return errors.New("--every: a duration of at most a year, as in 168h")
			}
			r.EverySeconds = uint32(math.Ceil(every.Seconds()))
			return at.askProbes(c.Context(), func(ctx context.Context, client demarcv1.ProbeServiceClient) error {
				a, err := client.PlanProbe(ctx, r)
				if err != nil {
					return err
				}
				x, out := a.GetSchedule(), lines{w: c.OutOrStdout()}
				if len(a.GetLeftOut()) > 0 {
					out.printf("Left out, because the agent's own settings do not let it ask them: %s.\n", strings.Join(a.GetLeftOut(), ", "))
				}
				if r.GetDryRun() {
					out.printf("Would be proposed: agent %s asks %s.\n", x.GetAgent(), strings.Join(x.GetAddresses(), ", "))
					return out.err
				}
				out.printf("Proposed %s: agent %s asks %s. Nothing is asked until an engineer approves it:\n  demarc-collector probe approve %s\nWhat would be sent, byte by byte, is printed where the agent runs:\n  demarc-agent probe --plan --schedule %s --config agent.yaml\n",
					x.GetId(), x.GetAgent(), strings.Join(x.GetAddresses(), ", "), x.GetId(), x.GetId())
				return out.err
			})
		},
	}
	f := c.Flags()
	f.StringVar(&r.Agent, "agent", "", "agent that asks (needed)")
	f.StringSliceVar(&r.Selection.Addresses, "address", nil, "address of a device, as often as needed")
	f.StringVar(&r.Selection.Role, "role", "", "assets of this role, with --boundary")
	f.StringVar(&r.Selection.Boundary, "boundary", "", "boundary that the assets stand in")
	f.Uint32Var(&r.Selection.SeenHours, "seen-hours", 24, "seen within so many hours")
	f.BoolVar(&useModbus, "modbus", false, "ask over Modbus")
	f.StringVar(&modbus.Units, "units", "", "units, as in 1,10-12 (default: the device itself)")
	f.StringVar(&modbus.Identification, "identification", "basic", "none, basic, regular or extended")
	f.BoolVar(&modbus.ServerId, "server-id", false, "report server ID, too (function 17)")
	f.BoolVar(&modbus.SunSpec, "sunspec", false, "the common model of SunSpec, too")
	f.Uint32Var(&modbus.Port, "modbus-port", 502, "TCP port")
	f.BoolVar(&useOPCUA, "opcua", false, "ask over OPC UA: discovery")
	f.BoolVar(&opcua.Session, "session", false, "and an anonymous session that reads the server's name plate")
	f.StringVar(&opcua.Security, "security", "auto", "auto, none, or a policy and a mode")
	f.Uint32Var(&opcua.Port, "opcua-port", 4840, "TCP port")
	f.DurationVar(&every, "every", 0, "again and again, as in 168h (default: once)")
	f.BoolVar(&r.DryRun, "dry-run", false, "say which devices that means, and record nothing")
	return c
}

// saysWhat refuses a plan that leaves out who asks what, or says more of what
// is not asked.
func saysWhat(c *cobra.Command, agent string, modbus, opcua bool) error {
	switch {
	case agent == "":
		return errors.New("--agent: name the agent that asks, as `demarc-collector probe list` lists those with active reads on")
	case !modbus && !opcua:
		return errors.New("say what to read: --modbus, --opcua or both")
	}
	of := map[string]bool{"--modbus": modbus, "--opcua": opcua}
	for _, f := range []struct{ name, needs string }{
		{"units", "--modbus"},
		{"identification", "--modbus"},
		{"server-id", "--modbus"},
		{"sunspec", "--modbus"},
		{"modbus-port", "--modbus"},
		{"session", "--opcua"},
		{"security", "--opcua"},
		{"opcua-port", "--opcua"},
	} {
		if c.Flags().Changed(f.name) && !of[f.needs] {
			return fmt.Errorf("--%s says how to ask over a protocol that is not asked: add %s", f.name, f.needs)
		}
	}
	return nil
}

func probeApproveCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "approve ID", Short: "Let the agent ask what was proposed", Args: one("schedule"),
		RunE: func(c *cobra.Command, args []string) error {
			return at.askProbes(c.Context(), func(ctx context.Context, client demarcv1.ProbeServiceClient) error {
				r, err := client.ApproveProbe(ctx, &demarcv1.ApproveProbeRequest{Id: args[0]})
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("Approved: agent %s asks %s, inside its own windows and budgets.\n", r.GetSchedule().GetAgent(), strings.Join(r.GetSchedule().GetAddresses(), ", "))
				return out.err
			})
		},
	}
}

func probeWithdrawCommand(at *place) *cobra.Command {
	r := &demarcv1.WithdrawProbeRequest{}
	c := &cobra.Command{
		Use: "withdraw ID", Short: "Take a schedule back", Args: one("schedule"),
		RunE: func(c *cobra.Command, args []string) error {
			r.Id = args[0]
			return at.askProbes(c.Context(), func(ctx context.Context, client demarcv1.ProbeServiceClient) error {
				_, err := client.WithdrawProbe(ctx, r)
				return err
			})
		},
	}
	c.Flags().StringVar(&r.Reason, "reason", "", "why, for the record")
	return c
}

func probeKillCommand(at *place) *cobra.Command {
	r := &demarcv1.KillProbesRequest{}
	c := &cobra.Command{
		Use: "kill [--site S]", Short: "End all asking at once, at a site or everywhere", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return at.askProbes(c.Context(), func(ctx context.Context, client demarcv1.ProbeServiceClient) error {
				a, err := client.KillProbes(ctx, r)
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				switch n := a.GetAgents(); len(n) {
				case 0:
					out.printf("Stopped. No agent with active reads is connected; one that connects learns it first, and none asks unconnected.\n")
				default:
					out.printf("Stopped: told %s. `demarc-collector probe list` shows that they have; resume with `demarc-collector probe resume`.\n", strings.Join(n, ", "))
				}
				return out.err
			})
		},
	}
	c.Flags().StringVar(&r.Site, "site", "", "this site alone (default: everywhere)")
	c.Flags().StringVar(&r.Reason, "reason", "", "why, for the record")
	return c
}

func probeResumeCommand(at *place) *cobra.Command {
	r := &demarcv1.ResumeProbesRequest{}
	c := &cobra.Command{
		Use: "resume [--site S] | --agent NAME --address A", Short: "Take a kill back, or let a stopped device be asked again", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if (r.Agent == "") != (r.Address == "") {
				return errors.New("a device is named by --agent and --address together")
			}
			return at.askProbes(c.Context(), func(ctx context.Context, client demarcv1.ProbeServiceClient) error {
				_, err := client.ResumeProbes(ctx, r)
				return err
			})
		},
	}
	f := c.Flags()
	f.StringVar(&r.Site, "site", "", "this site alone (default: the kill of every site)")
	f.StringVar(&r.Agent, "agent", "", "agent that has stopped asking a device")
	f.StringVar(&r.Address, "address", "", "the device")
	f.StringVar(&r.Reason, "reason", "", "why, for the record (needed)")
	return c
}

func probeListCommand(at *place) *cobra.Command {
	format := "table"
	c := &cobra.Command{
		Use: "list", Short: "List schedules, kills, and how agents stand", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("--output %q is not known: table or json", format)
			}
			return at.askProbes(c.Context(), func(ctx context.Context, client demarcv1.ProbeServiceClient) error {
				r, err := client.ListProbes(ctx, &demarcv1.ListProbesRequest{})
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(c.OutOrStdout(), r)
				}
				return tellProbes(c, r)
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", format, "output: table or json")
	return c
}

func tellProbes(c *cobra.Command, r *demarcv1.ListProbesResponse) error {
	out := lines{w: c.OutOrStdout()}
	for _, k := range r.GetKills() {
		where := "every site"
		if k.GetSite() != "" {
			where = "site " + k.GetSite()
		}
		out.printf("STOPPED at %s since %s by %s: %s\n", where, moment(k.GetSince()), k.GetBy(), k.GetReason())
	}
	agents := table.Table{Head: []string{"AGENT", "SITE", "INTERFACE", "SOURCE", "MAY ASK", "STATE"}, Wrap: []bool{4: true, 5: true}}
	outcomes := table.Table{Head: []string{"SCHEDULE", "DEVICE", "ASKED", "RESULT"}, Wrap: []bool{3: true}}
	for _, a := range r.GetAgents() {
		s := a.GetState()
		agents.Rows = append(agents.Rows, []string{a.GetAgent(), a.GetSite(), s.GetInterface(), s.GetSource(), strings.Join(s.GetNetworks(), ", "), probeState(s)})
		for _, o := range s.GetOutcomes() {
			outcomes.Rows = append(outcomes.Rows, []string{o.GetSchedule(), o.GetAddress(), moment(o.GetTime()), cmp.Or(printable(o.GetError()), "answered")})
		}
	}
	schedules := table.Table{Head: []string{"SCHEDULE", "AGENT", "STATE", "EVERY", "DEVICES", "PLANNED BY", "APPROVED BY"}, Wrap: []bool{4: true}}
	for _, s := range r.GetSchedules() {
		every := "once"
		if s.GetEverySeconds() > 0 {
			every = table.Hours(time.Duration(s.GetEverySeconds()) * time.Second)
		}
		schedules.Rows = append(schedules.Rows, []string{s.GetId(), s.GetAgent(), s.GetState(), every, strings.Join(s.GetAddresses(), ", "), s.GetPlannedBy(), s.GetApprovedBy()})
	}
	if len(agents.Rows) == 0 {
		out.printf("No connected agent has active reads turned on.\n")
	}
	for _, t := range []table.Table{agents, schedules, outcomes} {
		if len(t.Rows) > 0 && out.err == nil {
			out.err = t.Write(c.OutOrStdout(), width(c.OutOrStdout()))
			out.printf("\n")
		}
	}
	return out.err
}

// probeState is how an agent's active reads stand, in words.
func probeState(s *demarcv1.ProbeState) string {
	words := []string{"ready"}
	switch {
	case s.GetKilled() != "":
		words[0] = s.GetKilled()
	case s.GetWaits() != "":
		words[0] = "waits: " + s.GetWaits()
	}
	for _, x := range s.GetStops() {
		words = append(words, fmt.Sprintf("does not ask %s since %s: %s", x.GetAddress(), moment(x.GetSince()), x.GetWhy()))
	}
	return printable(strings.Join(words, "; "))
}

// askProbes calls the service of active reads.
func (p *place) askProbes(ctx context.Context, f func(context.Context, demarcv1.ProbeServiceClient) error) error {
	return p.call(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		return f(ctx, demarcv1.NewProbeServiceClient(conn))
	})
}
