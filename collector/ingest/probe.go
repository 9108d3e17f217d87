package ingest

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// Order has every stream tell its agent what people want of active reads now.
func (s *Server) Order() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		select {
		case x.ordered <- struct{}{}:
		default: // one is due already
		}
	}
}

// orders are those of the stream's agent.
func (h *handler) orders() *demarcv1.ProbeOrders {
	if h.Orders == nil {
		return &demarcv1.ProbeOrders{}
	}
	return h.Orders(h.x.id.Site, h.x.id.Agent)
}

// order tells an agent that they changed.
func (h *handler) order() error {
	return h.stream.Send(&demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_ProbeOrders{ProbeOrders: h.orders()}})
}

// probeField is the field of Body that holds requests which an agent sent.
const probeField = 6

// probeActs are the requests to devices that a body tells of, for the audit
// log. The body has passed CheckBody; one without requests is not decoded.
func probeActs(agent string, body []byte) []store.Act {
	var acts []store.Act
	for len(body) > 0 {
		num, wire, n := protowire.ConsumeTag(body)
		if n < 0 {
			return acts
		}
		body = body[n:]
		if n = protowire.ConsumeFieldValue(num, wire, body); n < 0 {
			return acts
		}
		if num == probeField && wire == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(body)
			e := &demarcv1.ProbeEntry{}
			if proto.Unmarshal(value, e) == nil {
				acts = append(acts, probeAct(agent, e))
			}
		}
		body = body[n:]
	}
	return acts
}

// probeAct is a request as the audit log has it: all that the agent's own log
// has, each byte and the exact latency.
func probeAct(agent string, e *demarcv1.ProbeEntry) store.Act {
	words := []string{e.GetWhat()}
	if e.GetSchedule() != "" {
		words = append(words, "schedule "+e.GetSchedule())
	}
	if len(e.GetSent()) == 0 {
		words = append(words, "nothing was sent")
	} else {
		words = append(words, fmt.Sprintf("sent %d bytes: %x", len(e.GetSent()), e.GetSent()), answered(e), "latency "+time.Duration(e.GetLatencyNs()).String())
	}
	if e.GetError() != "" {
		words = append(words, "error: "+oneLine(e.GetError()))
	}
	return store.Act{Time: time.Unix(0, e.GetTimeNs()), Who: "agent " + agent, What: "probe request", On: e.GetTarget(), Detail: strings.Join(words, "; ")}
}

// answered is an answer in words; agents send the front of a long one.
func answered(e *demarcv1.ProbeEntry) string {
	front := ""
	if n := len(e.GetAnswer()); uint64(n) < e.GetReceived() {
		front = fmt.Sprintf(", the first %d", n)
	}
	return fmt.Sprintf("answer %d bytes%s: %x", e.GetReceived(), front, e.GetAnswer())
}

// Limits of what an agent may tell of its active reads.
const (
	maxStops    = 4096
	maxOutcomes = 1024
	maxNetworks = 256
)

// probeOf copies how an agent's active reads stand, within limits; nil where
// they are off.
func probeOf(p *demarcv1.ProbeState) *demarcv1.ProbeState {
	if !p.GetEnabled() {
		return nil
	}
	out := &demarcv1.ProbeState{
		Enabled: true, Interface: oneLine(p.GetInterface()), Source: oneLine(p.GetSource()), Killed: oneLine(p.GetKilled()), Waits: oneLine(p.GetWaits()),
		DeviceBudget: p.GetDeviceBudget(), NetworkBudget: p.GetNetworkBudget(),
	}
	for _, n := range p.GetNetworks()[:min(len(p.GetNetworks()), maxNetworks)] {
		out.Networks = append(out.Networks, oneLine(n))
	}
	for _, s := range p.GetStops()[:min(len(p.GetStops()), maxStops)] {
		out.Stops = append(out.Stops, &demarcv1.ProbeStop{Address: oneLine(s.GetAddress()), Since: s.GetSince(), Why: oneLine(s.GetWhy())})
	}
	for _, o := range p.GetOutcomes()[:min(len(p.GetOutcomes()), maxOutcomes)] {
		out.Outcomes = append(out.Outcomes, &demarcv1.ProbeOutcome{Schedule: oneLine(o.GetSchedule()), Address: oneLine(o.GetAddress()), Time: o.GetTime(), Error: oneLine(o.GetError())})
	}
	return out
}
