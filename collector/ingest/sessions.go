package ingest

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	demarcv1 "demarc/proto/demarc/v1"
)

var errStopping = status.Error(codes.Unavailable, "the collector is stopping: report again in a moment")

// open makes x the one session of its agent. A session before it is told so and
// has nothing in flight when open returns, so that the cursor can be read.
func (s *Server) open(x *session) error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return errStopping
	}
	before := s.sessions[x.id.Agent]
	s.sessions[x.id.Agent] = x
	s.mu.Unlock()
	if before != nil {
		before.finish(refuse(demarcv1.Refusal_CODE_REPLACED, before.acknowledged(),
			"another stream of agent %s took over: is it running twice?", x.id.Agent), nil)
		before.settle()
	}
	return nil
}

// close ends x and forgets it, unless another took its place.
func (s *Server) close(x *session) {
	x.finish(nil, nil)
	s.mu.Lock()
	last := s.sessions[x.id.Agent] == x
	if last {
		delete(s.sessions, x.id.Agent)
		if h := s.health[x.id.Agent]; h != nil {
			h.Connected = false
		}
	}
	s.mu.Unlock()
	if last {
		s.Changed()
	}
}

// Drop ends an agent's stream: it was revoked, or replaced.
func (s *Server) Drop(agent, reason string) {
	s.mu.Lock()
	x := s.sessions[agent]
	s.mu.Unlock()
	if x != nil {
		x.finish(refuse(demarcv1.Refusal_CODE_DENIED, x.acknowledged(), "%s", reason), nil)
	}
}

// Stop ends every stream and takes no more. What is not committed yet was not
// acknowledged: agents keep it.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopped = true
	all := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		all = append(all, x)
	}
	s.mu.Unlock()
	for _, x := range all {
		x.finish(nil, errStopping)
	}
}
