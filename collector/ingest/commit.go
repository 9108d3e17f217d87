package ingest

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
)

// entry is a record on its way into the journal.
type entry struct {
	record store.Record
	size   int // of its body, in bytes
	from   *session
}

// Bounds of the queue and of one commit.
const (
	queued      = 1024
	commitBytes = 8 << 20
	commitMost  = 2048
)

// Run commits what agents send until ctx ends, and then what is still queued.
// While one group is written the next one gathers: under load a commit holds
// many batches, and a lone batch is committed at once.
func (s *Server) Run(ctx context.Context) {
	for {
		select {
		case e := <-s.queue:
			s.commit(s.gather(e))
		case <-ctx.Done():
			for {
				select {
				case e := <-s.queue:
					s.commit(s.gather(e))
				default:
					return
				}
			}
		}
	}
}

// gather takes what is queued, without waiting.
func (s *Server) gather(first entry) []entry {
	group := []entry{first}
	for size := first.size; size < commitBytes && len(group) < commitMost; {
		select {
		case e := <-s.queue:
			group = append(group, e)
			size += e.size
		default:
			return group
		}
	}
	return group
}

func (s *Server) commit(group []entry) {
	records := make([]store.Record, 0, len(group))
	live := group[:0]
	for _, e := range group {
		// What follows a refused record is another spool's; what a replaced
		// stream left is sent again.
		if e.from.over() {
			e.from.done(e.size, nil)
			continue
		}
		records = append(records, e.record)
		live = append(live, e)
	}
	if len(records) == 0 {
		return
	}
	// Not the run's context: what is queued is committed at shutdown too.
	answers, err := s.Store.Append(context.Background(), records)
	if err != nil {
		s.Log.Error("journal not written: agents keep what they sent", "error", err)
		failure := status.Error(codes.Unavailable, fmt.Sprintf("the collector cannot store batches: %v", err))
		for _, e := range live {
			e.from.finish(nil, failure)
			e.from.done(e.size, nil)
		}
		return
	}
	taken := false
	for i, e := range live {
		e.from.done(e.size, &answers[i])
		taken = taken || answers[i].Outcome == store.Taken
	}
	if taken {
		s.Committed()
	}
}
