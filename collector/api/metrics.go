package api

import (
	"net/http"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/internal/metrics"
	demarcv1 "demarc/proto/demarc/v1"
)

// Metrics tells Prometheus what the caller of the request's context sees: numbers
// of what the lists show, and how the collector and its agents are.
func (s *Service) Metrics(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	state, err := s.GetStatus(ctx, &demarcv1.GetStatusRequest{})
	if err != nil {
		RESTError(w, err)
		return
	}
	seen := s.within(ctx)
	agents, err := seen.agents(ctx)
	if err != nil {
		RESTError(w, err)
		return
	}
	metrics.Write(w, r, Caller(ctx).Everywhere(store.Admin, store.Auditor), func(t metrics.Scrape) {
		tellState(t, state)
		for _, d := range state.GetDeliveries() {
			tellDelivery(t, d)
		}
		for _, a := range agents {
			tellAgent(t, a)
		}
		seen.tellNumbers(t)
	})
}

func tellState(t metrics.Scrape, s *demarcv1.GetStatusResponse) {
	t.Gauge("demarc_build_info", "The version that runs; always 1.", 1, "version", s.GetVersion())
	t.Counter("demarc_journal_records_total", "Records in the journal.", s.GetJournal())
	t.Counter("demarc_journal_judged_total", "Records of the journal that are applied and judged.", s.GetApplied())
	t.Gauge("demarc_judging_connections", "Connections that wait to be judged again, while many are.", float64(s.GetJudgingOf()-min(s.GetJudgingOf(), s.GetJudgingDone())))
	t.Gauge("demarc_policy_version", "Version of the documents in force.", float64(s.GetPolicyVersion()))
	t.Gauge("demarc_proposals_pending", "Changes that wait for an official.", float64(s.GetPending()))
	t.Gauge("demarc_boundaries_in_survey", "Boundaries whose findings alarm nobody yet.", float64(len(s.GetSurveys())))
}

func tellDelivery(t metrics.Scrape, d *demarcv1.Delivery) {
	to := []string{"destination", d.GetName()}
	t.Is("demarc_delivery_failing", "1 if the last try failed.", d.GetFailing(), to...)
	t.Gauge("demarc_delivery_waiting_events", "Events that wait for the destination.", float64(d.GetWaiting()), to...)
	t.Counter("demarc_delivery_sent_events_total", "Events that were sent since the start.", d.GetSent(), to...)
	t.Counter("demarc_delivery_dropped_events_total", "Events that were dropped because too many waited.", d.GetDropped(), to...)
}

func tellAgent(t metrics.Scrape, a *demarcv1.Agent) {
	of := []string{"agent", a.GetName(), "site", a.GetSite()}
	for _, state := range agentStates {
		t.Is("demarc_agent_state", "1 for the state that the agent is in.", a.GetState() == state, append(of, "state", state)...)
	}
	t.Counter("demarc_agent_frames_total", "Frames that the agent took since it started.", a.GetFrames(), of...)
	t.Counter("demarc_agent_dropped_frames_total", "Frames that its kernel or card dropped.", a.GetDrops(), of...)
	t.Counter("demarc_agent_lost_batches_total", "Batches that never came.", a.GetLostBatches(), of...)
	t.Gauge("demarc_agent_clock_offset_seconds", "Difference of its clock to the collector's.", float64(a.GetClockOffsetMs())/1000, of...)
	if a.GetDiskBytes() > 0 {
		t.Gauge("demarc_agent_disk_free_bytes", "What is free on the disk of its data.", float64(a.GetDiskFreeBytes()), of...)
		t.Gauge("demarc_agent_disk_bytes", "Size of that disk.", float64(a.GetDiskBytes()), of...)
	}
	for _, x := range []struct {
		name, help string
		at         *timestamppb.Timestamp
	}{
		{"demarc_agent_heard_timestamp_seconds", "When it was heard last.", a.GetLastHeard()},
		{"demarc_agent_frame_timestamp_seconds", "When its last frame came.", a.GetLastFrame()},
		{"demarc_agent_certificate_expiry_timestamp_seconds", "When its certificate ends.", a.GetCertificateExpires()},
	} {
		if x.at != nil {
			t.Time(x.name, x.help, x.at.AsTime(), of...)
		}
	}
}

// tellNumbers counts what the lists show.
func (s *Service) tellNumbers(t metrics.Scrape) {
	type kind struct{ a, b string }
	assets, connections, findings, conditions := map[kind]int{}, map[kind]int{}, map[kind]int{}, map[kind]int{}
	for _, a := range s.Plant.Assets() {
		assets[kind{a.GetSite(), a.GetPresence()}]++
	}
	for _, c := range s.Plant.Connections() {
		connections[kind{c.GetVerdict().GetVerdict(), c.GetConnection().GetProtocol()}]++
	}
	for _, f := range s.Plant.Findings() {
		findings[kind{f.GetKind(), f.GetStatus()}]++
	}
	for _, c := range s.Plant.Conditions(s.Clock()) {
		conditions[kind{c.Authorization, c.State}]++
	}
	for _, x := range []struct {
		name, help, a, b string
		of               map[kind]int
	}{
		{"demarc_assets", "Assets by site and presence.", "site", "presence", assets},
		{"demarc_connections", "Connections by verdict and protocol.", "verdict", "protocol", connections},
		{"demarc_findings", "Findings by kind and status.", "kind", "status", findings},
		{"demarc_conditions", "Conditions by authorization and state.", "authorization", "state", conditions},
	} {
		for k, n := range x.of {
			t.Gauge(x.name, x.help, float64(n), x.a, k.a, x.b, k.b)
		}
	}
}
