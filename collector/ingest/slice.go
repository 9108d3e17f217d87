package ingest

import (
	demarcv1 "demarc/proto/demarc/v1"
)

// Want has the stream of an agent tell it whose frames are wanted now.
func (s *Server) Want(agent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.sessions[agent]; x != nil {
		select {
		case x.wanted <- struct{}{}:
		default: // one is due already
		}
	}
}

// want tells an agent whose frames are wanted.
func (h *handler) want() error {
	return h.stream.Send(&demarcv1.ReportResponse{Message: &demarcv1.ReportResponse_SliceOrders{SliceOrders: h.Slices.Orders(h.x.id.Agent)}})
}

// slice takes frames that the agent recorded. What is refused costs the agent
// nothing else: it is logged, and not asked for again soon.
func (h *handler) slice(s *demarcv1.Slice) {
	if h.Slices == nil {
		return
	}
	h.heard(h.x.id.Agent, func(*Health) {})
	if err := h.Slices.Take(h.stream.Context(), h.x.id, s); err != nil {
		h.Log.Warn("slice refused", "agent", h.x.id.Agent, "site", h.x.id.Site, "connection", oneLine(s.GetConnection()), "reason", err)
	}
}
