package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/ingest"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// heardOf is agents that said how they are.
type heardOf map[string]ingest.Health

func (h heardOf) Health() map[string]ingest.Health { return h }
func (heardOf) Drop(string, string)                {}
func (heardOf) Enroll(context.Context, *demarcv1.EnrollRequest) (*demarcv1.EnrollResponse, error) {
	return &demarcv1.EnrollResponse{}, nil
}

func (heardOf) ImportBundle(_ context.Context, _ *demarcv1.ImportBundleRequest, _ store.Act, may func(string) error) (*demarcv1.ImportBundleResponse, error) {
	return &demarcv1.ImportBundleResponse{}, may("houston")
}

// probing is the service of active reads over a lab, with agents a1 at houston
// and b1 at alpha that ask, and c1 that does not.
type probing struct {
	*lab
	*api.Service
	agents heardOf
}

func newProbing(t *testing.T, authority string) *probing {
	t.Helper()
	p := &probing{lab: newLab(t), agents: heardOf{}}
	for name, site := range map[string]string{"a1": "houston", "b1": "alpha", "c1": "houston"} {
		p.must(p.store.PutToken(t.Context(), store.Token{Name: name, Site: site}, store.Act{What: "token"}))
		p.must(p.store.Enrol(t.Context(), name, store.Act{What: "enrol"}, func(*store.Token, func(string) *store.Agent) (store.Agent, error) {
			return store.Agent{Name: name, Site: site}, nil
		}))
		if name == "c1" {
			continue // its active reads are off
		}
		p.agents[name] = ingest.Health{Connected: true, Probe: &demarcv1.ProbeState{Enabled: true, Interface: "eth2", Source: "10.20.4.250", Networks: []string{"10.20.0.0/16", "10.50.1.0/24"}}}
	}
	p.Service = api.New(api.Config{Store: p.store, Plant: p.engine, Agents: p.agents, Clock: p.clock, AuthorityMode: authority})
	_, err := p.apply(documents(plantDocs, agreement), applyOptions{})
	p.must(err)
	return p
}

// as is a caller with a role, at some sites or everywhere.
func (p *probing) as(name string, role store.Role, sites ...string) context.Context {
	return api.As(p.t.Context(), api.Principal{Name: name, Roles: []store.Grant{{Role: role, Sites: sites}}, Via: "session"})
}

// do calls while the loop runs, as a collector does.
func do[Q, A any](ctx context.Context, p *probing, call func(context.Context, Q) (A, error), request Q) (A, error) {
	defer p.looping()()
	return call(ctx, request)
}

// plan proposes a schedule for a1.
func (p *probing) plan(ctx context.Context, x *demarcv1.ProbeSelection) (*demarcv1.ProbeSchedule, error) {
	r, err := do(ctx, p, p.PlanProbe, &demarcv1.PlanProbeRequest{Agent: "a1", Selection: x, Reads: &demarcv1.ProbeReads{Modbus: &demarcv1.ProbeModbusReads{}}})
	return r.GetSchedule(), err
}

func (p *probing) list(ctx context.Context) *demarcv1.ListProbesResponse {
	p.t.Helper()
	r, err := p.ListProbes(ctx, &demarcv1.ListProbesRequest{})
	p.must(err)
	return r
}

func refusedAs(t *testing.T, err error, code codes.Code, words string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(err.Error(), words) {
		t.Errorf("%v; want %v with %q", err, code, words)
	}
}

// audited lists what stands in the audit log on active reads.
func (p *probing) audited() (all []string) {
	p.t.Helper()
	log, err := p.store.AuditLog(p.t.Context(), 0, 1000)
	p.must(err)
	p.must(store.VerifyAudit(store.AuditEntry{}, log))
	for _, e := range log {
		if what, of := strings.CutPrefix(e.Act.What, "probe "); of {
			all = append(all, e.Act.Who+" "+what)
		}
	}
	return all
}

var some = &demarcv1.ProbeSelection{Addresses: []string{"10.20.4.11", "10.20.4.10", "::ffff:10.20.4.10"}}

// A schedule is asked only when a second engineer of its site has approved it;
// each step is on record.
func TestProbeScheduleIsApproved(t *testing.T) {
	p := newProbing(t, "enforced")
	ana, ben := p.as("ana", store.Engineer, "houston"), p.as("ben", store.Engineer)
	x, err := p.plan(ana, some)
	p.must(err)
	if !slices.Equal(x.GetAddresses(), []string{"10.20.4.10", "10.20.4.11"}) || x.GetState() != api.ProbeProposed || x.GetPlannedBy() != "ana (session)" || x.GetSite() != "houston" {
		t.Errorf("planned %v", x)
	}
	approve := func(ctx context.Context) error {
		_, err := do(ctx, p, p.ApproveProbe, &demarcv1.ApproveProbeRequest{Id: x.GetId()})
		return err
	}
	refusedAs(t, approve(ana), codes.FailedPrecondition, "another engineer approves")
	refusedAs(t, approve(p.as("eve", store.Engineer, "alpha")), codes.PermissionDenied, "engineer")
	refusedAs(t, approve(p.as("avi", store.Analyst)), codes.PermissionDenied, "engineer")
	if o := p.Orders("houston", "a1"); len(o.GetSchedules()) != 0 || len(o.GetProposed()) != 1 {
		t.Errorf("asked before it was approved: %v", o)
	}
	p.agents["a1"].Probe.Networks = []string{"10.20.4.10/32"} // its settings are others now
	refusedAs(t, approve(ben), codes.FailedPrecondition, "may not ask 10.20.4.11")
	p.agents["a1"].Probe.Networks = []string{"10.20.4.0/24"}
	p.must(approve(ben))
	if n := len(p.Orders("houston", "a1").GetProposed()) + len(p.Orders("alpha", "b1").GetProposed()); n != 0 {
		t.Errorf("%d are still proposed", n)
	}
	if o := p.Orders("houston", "a1").GetSchedules(); len(o) != 1 || o[0].GetApprovedBy() != "ben (session)" || o[0].GetReads().GetModbus() == nil {
		t.Errorf("approved, and ordered is %v", o)
	}
	if o := p.Orders("alpha", "b1"); len(o.GetSchedules()) != 0 {
		t.Errorf("another agent is ordered %v", o)
	}
	withdraw := func(ctx context.Context, id string) error {
		_, err := do(ctx, p, p.WithdrawProbe, &demarcv1.WithdrawProbeRequest{Id: id, Reason: "done"})
		return err
	}
	refusedAs(t, withdraw(p.as("eve", store.Engineer, "alpha"), x.GetId()), codes.PermissionDenied, "engineer")
	refusedAs(t, withdraw(ana, "p-0"), codes.NotFound, "probe list")
	if a, b := dump(p.engine), dump(p.restarted()); a != b || len(p.restarted().Orders("houston", "a1").GetSchedules()) != 1 {
		t.Error("a restart comes to something else")
	}
	p.must(withdraw(ana, x.GetId()))
	if o := p.Orders("houston", "a1"); len(o.GetSchedules()) != 0 {
		t.Errorf("withdrawn, and ordered is %v", o)
	}
	if got := p.audited(); !slices.Equal(got, []string{"ana (session) plan", "ben (session) approve", "ana (session) withdraw"}) {
		t.Errorf("audit %q", got)
	}
}

// Where roles are not held to, whoever runs the commands approves alone.
func TestProbeScheduleOfOne(t *testing.T) {
	p := newProbing(t, "none")
	x, err := p.plan(owner(t), some)
	p.must(err)
	_, err = do(owner(t), p, p.ApproveProbe, &demarcv1.ApproveProbeRequest{Id: x.GetId()})
	p.must(err)
}

// What is planned is checked before it is on record.
func TestProbePlanRefuses(t *testing.T) {
	p := newProbing(t, "enforced")
	ana := p.as("ana", store.Engineer, "houston")
	modbus := &demarcv1.ProbeReads{Modbus: &demarcv1.ProbeModbusReads{}}
	many := &demarcv1.ProbeSelection{}
	for i := range 257 {
		many.Addresses = append(many.Addresses, fmt.Sprintf("10.20.%d.%d", i/250, 1+i%250))
	}
	for _, c := range []struct {
		r    *demarcv1.PlanProbeRequest
		code codes.Code
		want string
	}{
		{&demarcv1.PlanProbeRequest{Agent: "zz", Selection: some, Reads: modbus}, codes.NotFound, "no agent is named"},
		{&demarcv1.PlanProbeRequest{Agent: "b1", Selection: some, Reads: modbus}, codes.PermissionDenied, "engineer over site alpha"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: some}, codes.InvalidArgument, "neither says what to read"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: some, Reads: &demarcv1.ProbeReads{Modbus: &demarcv1.ProbeModbusReads{Identification: "all"}}}, codes.InvalidArgument, "basic"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: some, Reads: &demarcv1.ProbeReads{Opcua: &demarcv1.ProbeOpcuaReads{Port: 70000}}}, codes.InvalidArgument, "65535"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: some, Reads: modbus, EverySeconds: 60}, codes.InvalidArgument, "an hour at least"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Reads: modbus}, codes.FailedPrecondition, "means no device"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: many, Reads: modbus}, codes.InvalidArgument, "at most 256"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: &demarcv1.ProbeSelection{Addresses: []string{"plc-1"}}, Reads: modbus}, codes.InvalidArgument, "is no address"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: &demarcv1.ProbeSelection{Addresses: []string{"fe80::1%eth0"}}, Reads: modbus}, codes.InvalidArgument, "is no address"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: &demarcv1.ProbeSelection{Addresses: []string{"10.20.4.10", "10.9.9.9"}}, Reads: modbus}, codes.FailedPrecondition, "agent a1 may not ask 10.9.9.9: its own settings allow 10.20.0.0/16, 10.50.1.0/24"},
		{&demarcv1.PlanProbeRequest{Agent: "c1", Selection: some, Reads: modbus}, codes.FailedPrecondition, "has not told that active reads are on"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: &demarcv1.ProbeSelection{Role: "plc"}, Reads: modbus}, codes.InvalidArgument, "both, a role and a boundary"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: &demarcv1.ProbeSelection{Role: "toaster", Boundary: "line4"}, Reads: modbus}, codes.InvalidArgument, "toaster"},
		{&demarcv1.PlanProbeRequest{Agent: "a1", Selection: &demarcv1.ProbeSelection{Role: "plc", Boundary: "line44"}, Reads: modbus}, codes.InvalidArgument, "line4"},
	} {
		_, err := do(ana, p, p.PlanProbe, c.r)
		refusedAs(t, err, c.code, c.want)
	}
	// What an agent's settings may not say, a schedule may not.
	for want, x := range map[string]*demarcv1.ProbeReads{
		"units: \"9-3\" is no unit":           {Modbus: &demarcv1.ProbeModbusReads{Units: "9-3"}},
		"units: 64 of them, at most 32":       {Modbus: &demarcv1.ProbeModbusReads{Units: "1-64"}},
		"units: \"1;2\" is no unit":           {Modbus: &demarcv1.ProbeModbusReads{Units: "1;2"}},
		"units: \"256\" is no unit":           {Modbus: &demarcv1.ProbeModbusReads{Units: "256"}},
		"modbus.port":                         {Modbus: &demarcv1.ProbeModbusReads{Port: 1 << 31}},
		"leaves nothing to read":              {Modbus: &demarcv1.ProbeModbusReads{Identification: "none"}},
		"security: \"Basic256Sha256\" is not": {Opcua: &demarcv1.ProbeOpcuaReads{Security: "Basic256Sha256"}},
		"security: \"Basic999 sign\" is not":  {Opcua: &demarcv1.ProbeOpcuaReads{Security: "Basic999 sign"}},
		"security: \"none sign\" is not":      {Opcua: &demarcv1.ProbeOpcuaReads{Security: "none sign"}},
		"security: \"Basic256Sha256 sign x\"": {Opcua: &demarcv1.ProbeOpcuaReads{Security: "Basic256Sha256 sign x"}},
	} {
		_, err := do(ana, p, p.PlanProbe, &demarcv1.PlanProbeRequest{Agent: "a1", Selection: some, Reads: x})
		refusedAs(t, err, codes.InvalidArgument, want)
	}
	session := &demarcv1.PlanProbeRequest{Agent: "a1", Selection: some, Reads: &demarcv1.ProbeReads{Opcua: &demarcv1.ProbeOpcuaReads{Session: true}}, DryRun: true}
	p.agents["a1"].Probe.DeviceBudget = 9
	_, err := do(ana, p, p.PlanProbe, session)
	refusedAs(t, err, codes.FailedPrecondition, "a session takes 10 messages, and the budget is 9 a minute to a device")
	p.agents["a1"].Probe.DeviceBudget = 12
	if _, err := do(ana, p, p.PlanProbe, session); err != nil {
		t.Error(err)
	}
	if _, err := do(ana, p, p.PlanProbe, &demarcv1.PlanProbeRequest{Agent: "a1", Selection: some, Reads: modbus, DryRun: true}); err != nil {
		t.Error(err)
	}
	if n := len(p.list(ana).GetSchedules()); n != 0 || len(p.audited()) != 0 {
		t.Errorf("%d schedules are kept, %q is on record", n, p.audited())
	}
}

// "Assets of role X in boundary Y seen in the last N hours" are those addresses
// of theirs that stand there, as of the plan.
func TestProbeSelectionByRole(t *testing.T) {
	p := newProbing(t, "enforced")
	ana := p.as("ana", store.Engineer)
	plc := func(address string) *demarcv1.Body {
		return &demarcv1.Body{
			Endpoints: flow(address, "10.20.4.99", 102, "s7comm", p.now).GetEndpoints()[:1],
			Facts: []*demarcv1.FactDelta{{
				Of: addr(address), Attribute: "model", Value: "6ES7 315-2EH14-0AB0", Source: "s7comm.szl", Grade: demarcv1.Grade_GRADE_IDENTITY,
				FirstNs: p.now.UnixNano(), LastNs: p.now.UnixNano(),
			}},
		}
	}
	p.send("a", plc("10.20.4.10"))
	p.pass(30 * time.Hour)
	p.send("a", plc("10.20.4.11"))
	p.send("a", plc("10.50.1.7"))                                       // in another boundary
	p.send("a", flow("10.20.4.12", "10.20.4.13", 4840, "opcua", p.now)) // of another role
	for _, c := range []struct {
		x    *demarcv1.ProbeSelection
		want string
	}{
		{&demarcv1.ProbeSelection{Role: "plc", Boundary: "line4"}, "10.20.4.11"}, // 24 hours
		{&demarcv1.ProbeSelection{Role: "plc", Boundary: "line4", SeenHours: 48}, "10.20.4.10 10.20.4.11"},
		{&demarcv1.ProbeSelection{Role: "plc", Boundary: "dmz"}, "10.50.1.7"},
		{&demarcv1.ProbeSelection{Role: "plc", Boundary: "corporate"}, ""},
		{&demarcv1.ProbeSelection{Role: "printer", Boundary: "line4"}, ""},
		{&demarcv1.ProbeSelection{Role: "plc", Boundary: "line4", Addresses: []string{"10.20.4.77"}}, "10.20.4.11 10.20.4.77"},
	} {
		x, err := p.plan(ana, c.x)
		if got := strings.Join(x.GetAddresses(), " "); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: %q, want %q (%v)", c.x, got, c.want, err)
		}
	}
	p.agents["a1"].Probe.Networks = []string{"10.20.4.8/30"} // .8 to .11
	p.send("a", plc("10.20.4.14"))
	r, err := do(ana, p, p.PlanProbe, &demarcv1.PlanProbeRequest{Agent: "a1", Selection: &demarcv1.ProbeSelection{Role: "plc", Boundary: "line4"}, Reads: &demarcv1.ProbeReads{Modbus: &demarcv1.ProbeModbusReads{}}})
	if err != nil || !slices.Equal(r.GetSchedule().GetAddresses(), []string{"10.20.4.11"}) || !slices.Equal(r.GetLeftOut(), []string{"10.20.4.14"}) {
		t.Errorf("what the agent may not ask is not left out: %v, %v", r, err)
	}
}

// The switch of a site, and the one of every site: each ends what it says, at
// once and over a restart, and a person takes each back by itself.
func TestProbeKill(t *testing.T) {
	p := newProbing(t, "enforced")
	ordered := 0
	p.ordered = func() { ordered++ } // the streams are told
	kill := func(ctx context.Context, site, why string) ([]string, error) {
		r, err := do(ctx, p, p.KillProbes, &demarcv1.KillProbesRequest{Site: site, Reason: why})
		return r.GetAgents(), err
	}
	resume := func(ctx context.Context, site, why string) error {
		_, err := do(ctx, p, p.ResumeProbes, &demarcv1.ResumeProbesRequest{Site: site, Reason: why})
		return err
	}
	killed := func(site, agent, want string) {
		t.Helper()
		if got := p.Orders(site, agent).GetKilled(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s at %s is told %q, want %q", agent, site, got, want)
		}
	}
	ana, ben := p.as("ana", store.Engineer, "houston"), p.as("ben", store.Engineer)

	_, err := kill(ana, "", "")
	refusedAs(t, err, codes.PermissionDenied, "every site") // hers is houston
	_, err = kill(p.as("cy", store.Auditor), "houston", "")
	refusedAs(t, err, codes.PermissionDenied, "")
	told, err := kill(p.as("avi", store.Analyst, "houston"), "houston", "the line trips")
	if err != nil || !slices.Equal(told, []string{"a1"}) || ordered != 1 {
		t.Errorf("told %v, %v", told, err)
	}
	killed("houston", "a1", "avi (session): the line trips")
	killed("alpha", "b1", "")
	if told, err = kill(ben, "", ""); err != nil || len(told) != 2 {
		t.Errorf("told %v, %v", told, err)
	}
	killed("alpha", "b1", "no reason given")
	if x := p.restarted().Orders("alpha", "b1"); x.GetKilled() == "" {
		t.Error("a restart forgets the switch")
	}

	refusedAs(t, resume(ben, "", " "), codes.InvalidArgument, "reason")
	refusedAs(t, resume(p.as("avi", store.Analyst), "", "fine"), codes.PermissionDenied, "engineer") // may end, and not begin
	refusedAs(t, resume(ben, "alpha", "fine"), codes.FailedPrecondition, "not stopped")
	p.must(resume(ben, "", "fine"))
	killed("alpha", "b1", "")
	killed("houston", "a1", "the line trips") // its own still holds
	p.must(resume(ana, "houston", "mended"))
	killed("houston", "a1", "")
	if ordered != 4 {
		t.Errorf("streams were told %d times, want 4", ordered)
	}
	if got := p.audited(); !slices.Equal(got, []string{"avi (session) kill", "ben (session) kill", "ben (session) resume", "ana (session) resume"}) {
		t.Errorf("audit %q", got)
	}
}

// A stopped device is resumed by a person, with a reason, and the stop that they
// saw is the one that ends.
func TestProbeDeviceIsResumed(t *testing.T) {
	p := newProbing(t, "enforced")
	ben, since := p.as("ben", store.Engineer), timestamppb.New(p.now)
	resume := func(ctx context.Context, address, why string) error {
		_, err := do(ctx, p, p.ResumeProbes, &demarcv1.ResumeProbesRequest{Agent: "a1", Address: address, Reason: why})
		return err
	}
	refusedAs(t, resume(ben, "10.20.4.10", "looked at"), codes.FailedPrecondition, "has not told that it stopped")
	p.agents["a1"].Probe.Stops = []*demarcv1.ProbeStop{{Address: "10.20.4.10", Since: since, Why: "it answers others in 80ms"}}
	refusedAs(t, resume(ben, "10.20.4.10", ""), codes.InvalidArgument, "reason")
	refusedAs(t, resume(p.as("eve", store.Engineer, "alpha"), "10.20.4.10", "looked at"), codes.PermissionDenied, "houston")
	p.must(resume(ben, "10.20.4.10", "looked at"))
	o := p.Orders("houston", "a1").GetResumed()
	if len(o) != 1 || o[0].GetAddress() != "10.20.4.10" || !o[0].GetSince().AsTime().Equal(p.now) {
		t.Errorf("ordered %v", o)
	}
	if other := p.Orders("alpha", "b1").GetResumed(); len(other) != 0 {
		t.Errorf("another agent is told %v", other)
	}
	if got := p.restarted().Orders("houston", "a1").GetResumed(); len(got) != 1 {
		t.Errorf("a restart comes to %v", got)
	}
}

// Who may not see a site sees nothing of it.
func TestProbesAreListed(t *testing.T) {
	p := newProbing(t, "enforced")
	_, err := p.plan(p.as("ana", store.Engineer), some)
	p.must(err)
	for _, site := range []string{"houston", "alpha"} {
		_, err = do(p.as("ana", store.Engineer), p, p.KillProbes, &demarcv1.KillProbesRequest{Site: site})
		p.must(err)
	}
	p.agents["c1"] = ingest.Health{Connected: true} // with active reads off
	for who, want := range map[string]context.Context{
		"1 2 2": p.as("aud", store.Auditor), "1 1 1": p.as("aud", store.Auditor, "houston"), "0 1 1": p.as("aud", store.Auditor, "alpha"), "0 0 0": p.as("aud", store.Auditor, "gamma"),
	} {
		r := p.list(want)
		if got := fmt.Sprint(len(r.GetSchedules()), len(r.GetKills()), len(r.GetAgents())); got != who {
			t.Errorf("%s, want %s: %v", got, who, r)
		}
	}
	p.agents["a1"] = ingest.Health{Probe: p.agents["a1"].Probe} // it hung up
	if r := p.list(p.as("aud", store.Auditor)); len(r.GetAgents()) != 1 {
		t.Errorf("agents that cannot be told: %v", r.GetAgents())
	}
}
