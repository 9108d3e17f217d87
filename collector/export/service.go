// Package export makes what a collector hands out for others to keep, and reads
// it again: the inspection package, a zip file that Service.ExportEvidence makes
// of an authorization or a boundary as it stood at a moment, and that Verify
// checks without any collector.
package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/pem"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/api"
	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// Config of a Service. All of it is needed.
type Config struct {
	Lists     *api.Service // everything is asked of it, as whoever asks for the package
	Store     store.Audit
	Authority *pki.Authority
	Log       *slog.Logger
	Clock     func() time.Time
	Version   string
	Keeps     string // how long the collector keeps what, in words
}

// Service makes exports.
type Service struct {
	demarcv1.UnimplementedExportServiceServer
	Config
	drawing chan struct{} // holds one while a document is made whole
}

// New returns a Service. It must stand behind a guard of package api.
func New(c Config) *Service { return &Service{Config: c, drawing: make(chan struct{}, 1)} }

// pieceSize is how much of a file goes in one message.
const pieceSize = 64 << 10

// ExportEvidence makes the inspection package of an authorization or a boundary.
func (s *Service) ExportEvidence(r *demarcv1.ExportEvidenceRequest, stream grpc.ServerStreamingServer[demarcv1.ExportEvidenceResponse]) error {
	ctx := stream.Context()
	x, err := s.find(ctx, demarcv1.ExportService_ExportEvidence_FullMethodName, r)
	if err != nil {
		return err
	}
	title, at := x.title(r), x.at.AsTime().UTC()
	tell := func(ctx context.Context, words string) error {
		return s.Store.AppendAudit(ctx, store.Act{Who: api.Caller(ctx).Who(), What: "evidence export", On: strings.TrimSpace(r.GetAuthorization() + " " + r.GetBoundary()), Detail: title + " as of " + stamp(at) + ": " + words})
	}
	out := bufio.NewWriterSize(pieces(func(b []byte) error { return stream.Send(&demarcv1.ExportEvidenceResponse{Data: b}) }), pieceSize)
	p := newPacker(out, Manifest{
		Format: format, Authorization: r.GetAuthorization(), Boundary: r.GetBoundary(), Boundaries: x.places(), AsOf: at,
		PolicyVersion: x.as.GetPolicyVersion(), Position: x.as.GetPosition(), Software: s.Version, Key: s.Authority.Fingerprint().String(),
	})
	f := &facts{subject: x, Title: title, Software: s.Version, Keeps: s.Keeps, WithoutSlices: r.GetWithoutSlices()}
	if err = s.write(ctx, f, p, tell); err == nil {
		return out.Flush()
	}
	if broken := tell(context.WithoutCancel(ctx), "broken off"); broken != nil {
		s.Log.Error("an export that was broken off is not in the audit log", "error", broken)
	}
	if _, told := status.FromError(err); told || ctx.Err() != nil {
		return err
	}
	return status.Error(codes.Internal, err.Error())
}

func (s *Service) write(ctx context.Context, f *facts, p *packer, tell func(context.Context, string) error) error {
	if err := f.gather(ctx, p, s.Store, api.May(ctx, demarcv1.AuditService_ListAudit_FullMethodName)); err != nil {
		return err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Authority.Certificate().Raw})
	if err := f.put(p, certificateName, "the certificate of the key that signed", text(string(certificate))); err != nil {
		return err
	}
	if err := f.tell(p); err != nil {
		return err
	}
	return p.seal(s.Authority.SignText, func(sum string) error { return tell(ctx, "SHA-256 of its manifest "+sum) })
}

// pieces sends what is written in messages.
type pieces func([]byte) error

func (p pieces) Write(b []byte) (int, error) {
	return len(b), p(bytes.Clone(b)) // the next piece overwrites b
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999 MST") }
