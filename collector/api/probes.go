package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
	"demarc/internal/ot"
	"demarc/internal/reading"
	demarcv1 "demarc/proto/demarc/v1"
)

// Kinds of acts on active reads, as the journal names them.
const (
	ActProbePlan     = "probe.plan"
	ActProbeApprove  = "probe.approve"
	ActProbeWithdraw = "probe.withdraw"
	ActProbeKill     = "probe.kill"
	ActProbeOpen     = "probe.open"
	ActProbeResume   = "probe.resume"
)

// States of a schedule.
const (
	ProbeProposed = "proposed"
	ProbeApproved = "approved"
)

// Bounds of what may be planned.
const (
	maxProbed       = 256     // devices of one schedule
	maxSchedules    = 1024    // kept at once
	leastProbeEvery = 60 * 60 // seconds
)

// PlanProbe resolves a selection and keeps it as proposed.
func (s *Service) PlanProbe(ctx context.Context, r *demarcv1.PlanProbeRequest) (*demarcv1.PlanProbeResponse, error) {
	agent, err := s.probing(ctx, r.GetAgent())
	if err != nil {
		return nil, err
	}
	if n := r.GetEverySeconds(); n > 0 && n < leastProbeEvery {
		return nil, status.Errorf(codes.InvalidArgument, "every %v is too often: an hour at least, or leave it out for once", time.Duration(n)*time.Second)
	}
	networks, err := s.askable(agent.Name, r.GetReads())
	if err != nil {
		return nil, err
	}
	addresses, leftOut, err := s.selected(agent, networks, r.GetSelection())
	if err != nil {
		return nil, err
	}
	if all, _ := s.Plant.Probes(); len(all) >= maxSchedules {
		return nil, status.Errorf(codes.FailedPrecondition, "%d schedules are kept already: withdraw some", len(all))
	}
	var id [6]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, failed(err)
	}
	x := &demarcv1.ProbeSchedule{
		Id: "p-" + hex.EncodeToString(id[:]), Agent: agent.Name, Site: agent.Site, Selection: r.GetSelection(), Addresses: addresses,
		Reads: r.GetReads(), EverySeconds: r.GetEverySeconds(), State: ProbeProposed,
	}
	if r.GetDryRun() {
		return &demarcv1.PlanProbeResponse{Schedule: x, LeftOut: leftOut}, nil
	}
	act := s.act(ctx, "probe plan", x.GetId(), words("agent", agent.Name, "devices", strings.Join(addresses, ", ")))
	if err := s.Plant.Act(ctx, agent.Site, ActProbePlan, &demarcv1.ProbeAct{Schedule: x}, act); err != nil {
		return nil, failed(err)
	}
	x, err = s.schedule(x.GetId())
	return &demarcv1.PlanProbeResponse{Schedule: x, LeftOut: leftOut}, err
}

// askable returns the prefixes that an agent's settings let it ask, and refuses
// reads that the agent would refuse.
func (s *Service) askable(agent string, r *demarcv1.ProbeReads) (networks []string, err error) {
	t := reading.Of(r)
	if err := t.Check(); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	state := s.Agents.Health()[agent].Probe
	if state == nil {
		return nil, status.Errorf(codes.FailedPrecondition, "agent %s has not told that active reads are on since this collector was started: they are turned on in the agent's own settings (probe: {enabled: true, ...}), and it must have been connected", agent)
	}
	budget := reading.Budget{Device: int(state.GetDeviceBudget()), Network: int(state.GetNetworkBudget())}
	if err := budget.Fits(t); err != nil {
		return nil, status.Errorf(codes.FailedPrecondition, "agent %s may not do this: %v", agent, err)
	}
	return state.GetNetworks(), nil
}

// notAllowed says that an agent would refuse to ask an address.
func notAllowed(agent string, a netip.Addr, networks []string) error {
	return status.Errorf(codes.FailedPrecondition, "agent %s may not ask %s: its own settings allow %s (probe.networks)", agent, a, cmp.Or(strings.Join(networks, ", "), "nothing"))
}

// probing returns an agent that may be told to ask, at a site where the caller
// may say so.
func (s *Service) probing(ctx context.Context, name string) (store.Agent, error) {
	a, err := s.Store.Agent(ctx, name)
	if err != nil {
		return a, status.Errorf(codes.NotFound, "no agent is named %q: see `demarc-collector get agents`", name)
	}
	return a, s.engineerAt(ctx, a.Site)
}

// engineerAt refuses a caller who is no engineer at a site; "" is everywhere.
func (s *Service) engineerAt(ctx context.Context, site string, also ...store.Role) error {
	return s.mayAt(ctx, site, append([]store.Role{store.Engineer}, also...)...)
}

// mayAt refuses a caller who has none of roles over a whole site; "" is
// everywhere.
func (s *Service) mayAt(ctx context.Context, site string, roles ...store.Role) error {
	p := Caller(ctx)
	where := "site " + site
	ok := p.At(site, roles...)
	if site == "" {
		where, ok = "every site", p.Everywhere(roles...)
	}
	if !ok {
		return status.Errorf(codes.PermissionDenied, "%s may not do this: it needs %s over %s, and %s %s", p.Who(), roleWords(roles), where, p.Who(), p.words())
	}
	return nil
}

// selected resolves a selection to addresses, in their order, that the agent may
// ask; those of assets that it may not are left out.
func (s *Service) selected(agent store.Agent, networks []string, x *demarcv1.ProbeSelection) (addresses, leftOut []string, err error) {
	var all, out []netip.Addr
	for _, text := range x.GetAddresses() {
		a, err := reading.Address(text)
		if err != nil {
			return nil, nil, status.Error(codes.InvalidArgument, err.Error())
		}
		if !reading.Allowed(networks, a) {
			return nil, nil, notAllowed(agent.Name, a, networks)
		}
		all = append(all, a)
	}
	if x.GetRole() != "" || x.GetBoundary() != "" {
		more, err := s.ofRole(agent.Site, x)
		if err != nil {
			return nil, nil, err
		}
		for _, a := range more {
			if reading.Allowed(networks, a) {
				all = append(all, a)
			} else {
				out = append(out, a)
			}
		}
	}
	addresses, leftOut = inTheirOrder(all), inTheirOrder(out)
	switch {
	case len(addresses) == 0 && len(out) > 0:
		return nil, nil, notAllowed(agent.Name, out[0], networks)
	case len(addresses) == 0:
		return nil, nil, status.Error(codes.FailedPrecondition, "the selection means no device: name addresses, or a role and a boundary whose assets were seen of late")
	case len(addresses) > maxProbed:
		return nil, nil, status.Errorf(codes.InvalidArgument, "the selection means %d devices, at most %d are asked by one schedule", len(addresses), maxProbed)
	}
	return addresses, leftOut, nil
}

func inTheirOrder(all []netip.Addr) (texts []string) {
	slices.SortFunc(all, netip.Addr.Compare)
	for _, a := range slices.Compact(all) {
		texts = append(texts, a.String())
	}
	return texts
}

// ofRole are addresses of the assets of a role in a boundary that were seen
// not too long ago.
func (s *Service) ofRole(site string, x *demarcv1.ProbeSelection) ([]netip.Addr, error) {
	switch {
	case x.GetRole() == "" || x.GetBoundary() == "":
		return nil, status.Errorf(codes.InvalidArgument, "a selection by role needs both, a role and a boundary: %q in %q", x.GetRole(), x.GetBoundary())
	case !ot.IsRole(ot.Role(x.GetRole())):
		return nil, status.Errorf(codes.InvalidArgument, "role %q is not known: %v", x.GetRole(), ot.Roles())
	}
	if err := s.knownBoundary(x.GetBoundary()); err != nil {
		return nil, err
	}
	hours := time.Duration(x.GetSeenHours())
	if hours == 0 {
		hours = 24
	}
	since := s.Clock().Add(-hours * time.Hour)
	var all []netip.Addr
	for _, a := range s.Plant.Assets() {
		if a.GetSite() != site || a.GetLastSeen().AsTime().Before(since) || !slices.ContainsFunc(a.GetRoles(), func(r *demarcv1.AssetRole) bool { return r.GetRole() == x.GetRole() }) {
			continue
		}
		for i, ip := range a.GetIps() { // the places of addresses come in their order
			if i < len(a.GetPlaces()) && a.GetPlaces()[i].GetBoundary() == x.GetBoundary() {
				if addr, err := netip.ParseAddr(ip); err == nil {
					all = append(all, addr.Unmap())
				}
			}
		}
	}
	return all, nil
}

func (s *Service) schedule(id string) (*demarcv1.ProbeSchedule, error) {
	all, _ := s.Plant.Probes()
	for _, x := range all {
		if x.GetId() == id {
			return x, nil
		}
	}
	return nil, status.Errorf(codes.NotFound, "no schedule is named %q: see `demarc-collector probe list`", id)
}

// ApproveProbe lets an agent ask what was proposed. Where roles are held to,
// it takes a second person.
func (s *Service) ApproveProbe(ctx context.Context, r *demarcv1.ApproveProbeRequest) (*demarcv1.ApproveProbeResponse, error) {
	x, err := s.schedule(r.GetId())
	if err != nil {
		return nil, err
	}
	if err := s.engineerAt(ctx, x.GetSite()); err != nil {
		return nil, err
	}
	networks, err := s.askable(x.GetAgent(), x.GetReads())
	if err != nil {
		return nil, err
	}
	for _, text := range x.GetAddresses() { // its settings may have changed since
		if a, err := reading.Address(text); err != nil || !reading.Allowed(networks, a) {
			return nil, notAllowed(x.GetAgent(), a, networks)
		}
	}
	if who := Caller(ctx).Who(); s.AuthorityMode != openAuthority && who == x.GetPlannedBy() {
		return nil, status.Errorf(codes.FailedPrecondition, "%s planned %s: another engineer approves it", who, x.GetId())
	}
	act := s.act(ctx, "probe approve", x.GetId(), words("agent", x.GetAgent(), "devices", strings.Join(x.GetAddresses(), ", ")))
	if err := s.Plant.Act(ctx, x.GetSite(), ActProbeApprove, &demarcv1.ProbeAct{Id: x.GetId()}, act); err != nil {
		return nil, failed(err)
	}
	x, err = s.schedule(r.GetId())
	return &demarcv1.ApproveProbeResponse{Schedule: x}, err
}

// openAuthority is the mode in which whoever runs the commands may do all.
const openAuthority = "none"

// WithdrawProbe takes a schedule back.
func (s *Service) WithdrawProbe(ctx context.Context, r *demarcv1.WithdrawProbeRequest) (*demarcv1.WithdrawProbeResponse, error) {
	x, err := s.schedule(r.GetId())
	if err != nil {
		return nil, err
	}
	if err := s.engineerAt(ctx, x.GetSite()); err != nil {
		return nil, err
	}
	act := s.act(ctx, "probe withdraw", x.GetId(), words("reason", r.GetReason()))
	return &demarcv1.WithdrawProbeResponse{}, ended(s.Plant.Act(ctx, x.GetSite(), ActProbeWithdraw, &demarcv1.ProbeAct{Id: x.GetId(), Reason: r.GetReason()}, act))
}

// killers may end all asking: whoever answers for the plant or for the agents.
var killers = []store.Role{store.Admin, store.SystemOwner, store.ISSM, store.Analyst}

// KillProbes ends all asking at a site, or everywhere.
func (s *Service) KillProbes(ctx context.Context, r *demarcv1.KillProbesRequest) (*demarcv1.KillProbesResponse, error) {
	if err := s.engineerAt(ctx, r.GetSite(), killers...); err != nil {
		return nil, err
	}
	why := strings.TrimSpace(r.GetReason())
	if why == "" {
		why = "no reason given" // nobody is to be held up by a form
	}
	act := s.act(ctx, "probe kill", everySite(r.GetSite()), words("reason", why))
	if err := s.Plant.Act(ctx, r.GetSite(), ActProbeKill, &demarcv1.ProbeAct{Site: r.GetSite(), Reason: why[:min(len(why), maxText)]}, act); err != nil {
		return nil, failed(err)
	}
	answer := &demarcv1.KillProbesResponse{}
	agents, err := s.probeAgents(ctx)
	for _, a := range agents {
		if r.GetSite() == "" || a.GetSite() == r.GetSite() {
			answer.Agents = append(answer.Agents, a.GetAgent())
		}
	}
	return answer, err
}

func everySite(site string) string {
	if site == "" {
		return "every site"
	}
	return "site " + site
}

// ResumeProbes takes a kill back, or lets a stopped device be asked again.
func (s *Service) ResumeProbes(ctx context.Context, r *demarcv1.ResumeProbesRequest) (*demarcv1.ResumeProbesResponse, error) {
	if err := reason(r.GetReason()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if r.GetAddress() != "" {
		return s.resumeDevice(ctx, r)
	}
	if err := s.engineerAt(ctx, r.GetSite()); err != nil {
		return nil, err
	}
	_, kills := s.Plant.Probes()
	if !slices.ContainsFunc(kills, func(k *demarcv1.ProbeKill) bool { return k.GetSite() == r.GetSite() }) {
		return nil, status.Errorf(codes.FailedPrecondition, "active reads at %s are not stopped", everySite(r.GetSite()))
	}
	act := s.act(ctx, "probe resume", everySite(r.GetSite()), words("reason", r.GetReason()))
	return &demarcv1.ResumeProbesResponse{}, ended(s.Plant.Act(ctx, r.GetSite(), ActProbeOpen, &demarcv1.ProbeAct{Site: r.GetSite(), Reason: r.GetReason()}, act))
}

func (s *Service) resumeDevice(ctx context.Context, r *demarcv1.ResumeProbesRequest) (*demarcv1.ResumeProbesResponse, error) {
	agent, err := s.probing(ctx, r.GetAgent())
	if err != nil {
		return nil, err
	}
	for _, stop := range s.Agents.Health()[agent.Name].Probe.GetStops() {
		if stop.GetAddress() != r.GetAddress() {
			continue
		}
		act := s.act(ctx, "probe resume", r.GetAddress(), words("agent", agent.Name, "was stopped", stop.GetWhy(), "reason", r.GetReason()))
		return &demarcv1.ResumeProbesResponse{}, ended(s.Plant.Act(ctx, agent.Site, ActProbeResume, &demarcv1.ProbeAct{Agent: agent.Name, Stop: stop, Reason: r.GetReason()}, act))
	}
	return nil, status.Errorf(codes.FailedPrecondition, "agent %s has not told that it stopped asking %s: see `demarc-collector probe list`", agent.Name, r.GetAddress())
}

// ListProbes lists what the caller may see of active reads.
func (s *Service) ListProbes(ctx context.Context, _ *demarcv1.ListProbesRequest) (*demarcv1.ListProbesResponse, error) {
	p := Caller(ctx)
	sees := func(site string) bool { return p.At(site, readers...) }
	answer := &demarcv1.ListProbesResponse{}
	schedules, kills := s.Plant.Probes()
	for _, x := range schedules {
		if sees(x.GetSite()) {
			answer.Schedules = append(answer.Schedules, x)
		}
	}
	for _, k := range kills {
		if k.GetSite() == "" || sees(k.GetSite()) {
			answer.Kills = append(answer.Kills, k)
		}
	}
	agents, err := s.probeAgents(ctx)
	for _, a := range agents {
		if sees(a.GetSite()) {
			answer.Agents = append(answer.Agents, a)
		}
	}
	return answer, err
}

// probeAgents are the agents whose settings turn active reads on.
func (s *Service) probeAgents(ctx context.Context) ([]*demarcv1.ProbeAgent, error) {
	all, err := s.Store.Agents(ctx)
	if err != nil {
		return nil, failed(err)
	}
	health := s.Agents.Health()
	var out []*demarcv1.ProbeAgent
	for _, a := range all {
		if h := health[a.Name]; h.Connected && h.Probe != nil {
			out = append(out, &demarcv1.ProbeAgent{Agent: a.Name, Site: a.Site, State: h.Probe})
		}
	}
	return out, nil
}

// ended is the answer to an act that returns nothing else.
func ended(err error) error {
	if err != nil {
		return failed(err)
	}
	return nil
}
