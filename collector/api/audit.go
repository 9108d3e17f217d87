package api

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// Bounds of one list of the audit log.
const (
	auditPage    = 100
	maxAuditPage = 1000
	auditChunk   = 1000 // entries read at once
)

// ListAudit lists entries of the audit log, the latest first.
func (s *Service) ListAudit(ctx context.Context, r *demarcv1.ListAuditRequest) (*demarcv1.ListAuditResponse, error) {
	limit := int(r.GetLimit())
	if limit == 0 {
		limit = auditPage
	}
	if limit > maxAuditPage {
		return nil, status.Errorf(codes.InvalidArgument, "%d entries at once: at most %d", limit, maxAuditPage)
	}
	words, err := newSearch(r.GetSearch())
	if err != nil {
		return nil, err
	}
	last, err := s.Store.LastAudit(ctx)
	if err != nil {
		return nil, failed(err)
	}
	answer := &demarcv1.ListAuditResponse{Last: last.Sequence}
	before := last.Sequence + 1
	if r.GetBefore() > 0 {
		before = min(before, r.GetBefore())
	}
	for before > 1 && len(answer.GetEntries()) < limit {
		after := uint64(0)
		if before > auditChunk {
			after = before - 1 - auditChunk
		}
		chunk, err := s.Store.AuditLog(ctx, after, int(before-1-after))
		if err != nil {
			return nil, failed(err)
		}
		if len(chunk) == 0 {
			break
		}
		for i := len(chunk) - 1; i >= 0 && len(answer.GetEntries()) < limit; i-- {
			if e := &chunk[i]; strings.Contains(e.Act.Who, r.GetWho()) && strings.Contains(e.Act.What, r.GetWhat()) && words.in(slices.Values([]string{e.Act.Who, e.Act.What, e.Act.On, e.Act.Detail})) {
				answer.Entries = append(answer.Entries, protoAudit(e))
			}
		}
		before = after + 1
	}
	return answer, nil
}

func protoAudit(e *store.AuditEntry) *demarcv1.AuditEntry {
	return &demarcv1.AuditEntry{
		Sequence: e.Sequence, Time: timestamppb.New(e.Act.Time), Who: e.Act.Who, What: e.Act.What, On: e.Act.On, Detail: e.Act.Detail, Hash: hex.EncodeToString(e.Hash[:]),
	}
}

// VerifyAudit checks the whole chain of the audit log.
func (s *Service) VerifyAudit(ctx context.Context, _ *demarcv1.VerifyAuditRequest) (*demarcv1.VerifyAuditResponse, error) {
	last, err := store.VerifyLog(ctx, s.Store)
	r := &demarcv1.VerifyAuditResponse{Intact: err == nil, Entries: last.Sequence, LastHash: hex.EncodeToString(last.Hash[:])}
	switch {
	case ctx.Err() != nil:
		return nil, failed(ctx.Err())
	case err != nil:
		r.Fault = strings.TrimPrefix(err.Error(), "store: ")
	}
	return r, nil
}
