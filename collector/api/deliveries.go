package api

import (
	"context"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// deliveries tells how events reach others, to who runs the collector or audits
// it: addresses of a company's log servers are nobody else's business.
func (s *Service) deliveries(ctx context.Context) (all []*demarcv1.Delivery) {
	if s.Deliveries == nil || !Caller(ctx).Everywhere(store.Admin, store.Auditor) {
		return nil
	}
	for _, h := range s.Deliveries() {
		d := &demarcv1.Delivery{
			Name: h.Name, To: h.To, Format: h.Format, Failing: h.Failing, Waiting: h.Waiting, Oldest: stamp(h.Oldest), Sent: h.Sent, Dropped: h.Dropped, LastSent: stamp(h.LastSent),
		}
		if h.Failing {
			d.Error, d.ErrorAt = h.Error, stamp(h.ErrorAt)
		}
		all = append(all, d)
	}
	return all
}
