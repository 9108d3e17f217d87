package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/store"
	"demarc/internal/bundle"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// bundleMissing is the reason of a Lost that stands for bundles which nobody
// has.
const bundleMissing = "bundle-missing"

// ImportBundle takes a file of an agent that has no way to the collector, all
// of it or nothing. may says whether the caller, who is by, may act at a site.
func (s *Server) ImportBundle(ctx context.Context, r *demarcv1.ImportBundleRequest, by store.Act, may func(site string) error) (*demarcv1.ImportBundleResponse, error) {
	b, err := bundle.Read(r.GetData())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	hello := b.Head.GetHello()
	id, err := s.Authority.VerifySeal(b.Sealed, b.Seal.GetSignature(), b.Head.GetCertificate(), hello.GetClock().AsTime())
	if err == nil {
		err = s.believed(ctx, id)
	}
	if err != nil {
		s.Log.Warn("bundle refused", "agent", id.Agent, "reason", err)
		return nil, status.Error(codes.PermissionDenied, err.Error())
	}
	if err := may(id.Site); err != nil {
		return nil, err
	}
	if refused := checkHello(hello); refused != nil {
		return nil, status.Error(codes.InvalidArgument, refused.GetReason())
	}
	if n := proto.Size(b.Head.GetHeartbeat()); n > demarcv1.MaxBody {
		return nil, status.Errorf(codes.InvalidArgument, "a heartbeat of %d bytes, it has %d at most", n, demarcv1.MaxBody)
	}
	epoch := store.Epoch(hello.GetEpoch())
	records, err := recordsOf(b, id, epoch)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return s.takeBundle(ctx, records, id, epoch, b, r, by)
}

// recordsOf are the records of a bundle as the journal takes them.
func recordsOf(b *bundle.Bundle, id pki.Identity, epoch store.Epoch) ([]store.Record, error) {
	records := make([]store.Record, 0, len(b.Records)+1)
	for _, m := range b.Records {
		record, err := recordOf(m, id, epoch)
		if err != nil {
			from, _ := bundle.Sequences(m)
			return nil, fmt.Errorf("sequence %d: %w", from, err)
		}
		records = append(records, record)
	}
	return records, nil
}

func recordOf(m *demarcv1.ReportRequest, id pki.Identity, epoch store.Epoch) (store.Record, error) {
	switch {
	case m.GetBatch() != nil:
		return batchRecord(m.GetBatch(), id, epoch)
	case m.GetLost() != nil:
		return lostRecord(m.GetLost(), id, epoch)
	}
	return store.Record{}, errors.New("a message that is no Batch or Lost")
}

func (s *Server) takeBundle(ctx context.Context, records []store.Record, id pki.Identity, epoch store.Epoch, b *bundle.Bundle, r *demarcv1.ImportBundleRequest, by store.Act) (*demarcv1.ImportBundleResponse, error) {
	hello := b.Head.GetHello()
	answer := &demarcv1.ImportBundleResponse{Agent: id.Agent, Site: id.Site, First: hello.GetFirst(), Last: hello.GetLast(), Written: hello.GetClock()}
	c, err := s.Store.Cursor(ctx, id.Agent, epoch)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if from, to := c.Through+1, hello.GetFirst()-1; from <= to {
		if !r.GetMissingLost() {
			return nil, status.Errorf(codes.FailedPrecondition,
				"batches %d to %d of agent %s are missing before this bundle: import the bundle that holds them first, or say with --missing-lost that they are lost", from, to, id.Agent)
		}
		missing, err := s.missing(from, to, id, epoch)
		if err != nil {
			return nil, status.Error(codes.Internal, err.Error())
		}
		records = append([]store.Record{missing}, records...)
		answer.Missing = to - from + 1
	}
	if hello.GetLast() > c.Through { // else the agent was so before what is known already
		carried, err := s.carriedOf(id.Agent, b.Head)
		if err == nil {
			err = s.remember(ctx, id, epoch, hello, carried)
		}
		if err != nil {
			return nil, status.Error(codes.Internal, err.Error())
		}
	}
	by.What, by.On = "bundle import", id.Agent
	by.Detail = fmt.Sprintf("%d to %d, %d missing before it, sha256 %x", answer.First, answer.Last, answer.Missing, sha256.Sum256(r.GetData()))
	end := &records[len(records)-1] // it is new if any of them is
	end.Acts = append(end.Acts, by)
	answers, err := s.Store.Append(ctx, records)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "the collector cannot store batches: %v", err)
	}
	for _, a := range answers {
		switch a.Outcome {
		case store.Taken:
			answer.Taken++
		case store.Again:
			answer.Again++
		default:
			return nil, status.Errorf(codes.FailedPrecondition,
				"other content, or nothing, was taken before for batches of this bundle: were they told as lost with --missing-lost, or was the agent's spool copied? The collector has all to %d", a.Through)
		}
	}
	if answer.Missing > 0 {
		answer.Taken-- // the one that stands for them
	}
	s.heard(id.Agent, func(*Health) {})
	if answer.GetTaken() > 0 {
		s.Committed()
	} else if err := s.Store.AppendAudit(ctx, by); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	s.Changed()
	s.Log.Info("bundle taken", "agent", id.Agent, "site", id.Site, "first", answer.First, "last", answer.Last, "new", answer.Taken, "missing", answer.Missing)
	return answer, nil
}

// carriedOf is how an agent was when it wrote a bundle; nil while it has a link,
// by which it tells how it is.
func (s *Server) carriedOf(agent string, head *demarcv1.BundleHead) (*store.Carried, error) {
	s.mu.Lock()
	linked := s.sessions[agent] != nil
	s.mu.Unlock()
	if linked {
		return nil, nil //nolint:nilnil // nothing is carried
	}
	c := &store.Carried{Written: head.GetHello().GetClock().AsTime()}
	b := head.GetHeartbeat()
	if b == nil {
		return c, nil
	}
	kept := &demarcv1.Heartbeat{LastFrame: b.GetLastFrame(), Frames: b.GetFrames(), Drops: b.GetDrops(), DiskFreeBytes: b.GetDiskFreeBytes(), DiskBytes: b.GetDiskBytes()}
	if b.GetSpan() != nil {
		kept.Span = spanOf(b.GetSpan())
	}
	var err error
	c.Heartbeat, err = proto.Marshal(kept)
	return c, err
}

// missing stands for batches that nobody has.
func (s *Server) missing(from, to uint64, id pki.Identity, epoch store.Epoch) (store.Record, error) {
	digest := store.LostDigest(epoch, from, to, bundleMissing)
	return lostRecord(&demarcv1.Lost{From: from, To: to, Reason: bundleMissing, Last: timestamppb.New(s.Clock()), Digest: digest[:]}, id, epoch)
}
