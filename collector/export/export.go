package export

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// maker looks up what a request names, with errors for who asked, and returns
// what writes the file of it.
type maker func(*Service, context.Context, *demarcv1.ExportRequest) (write func(io.Writer) error, err error)

// makers are the formats of Export.
var makers = map[string]maker{"pdf": (*Service).pdf, "xlsx": (*Service).xlsx}

// Export makes a file in the form that others read.
func (s *Service) Export(r *demarcv1.ExportRequest, stream grpc.ServerStreamingServer[demarcv1.ExportResponse]) error {
	ctx := stream.Context()
	if r.GetAsOf() == nil {
		r.AsOf = timestamppb.New(s.Clock())
	}
	write, missing, err := s.look(ctx, r)
	if err != nil {
		return err
	}
	on := strings.Join(slices.DeleteFunc([]string{r.GetAuthorization(), r.GetBoundary(), r.GetConnection(), r.GetList()}, func(w string) bool { return w == "" }), " ")
	tell := func(ctx context.Context, words string) error {
		return s.Store.AppendAudit(ctx, store.Act{Who: api.Caller(ctx).Who(), What: "export", On: on, Detail: r.GetFormat() + " of " + on + " as of " + stamp(r.GetAsOf().AsTime()) + ": " + words})
	}
	out, sum := bufio.NewWriterSize(pieces(func(b []byte) error {
		piece := &demarcv1.ExportResponse{Data: b, Missing: missing}
		missing = nil // they go with the first piece
		return stream.Send(piece)
	}), pieceSize), sha256.New()
	if err = write(io.MultiWriter(out, sum)); err == nil {
		err = tell(ctx, "SHA-256 "+hex.EncodeToString(sum.Sum(nil)))
	}
	if err == nil {
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

// look finds what a request names, and returns what writes the file of it.
// missing says what a person must still fill in there.
func (s *Service) look(ctx context.Context, r *demarcv1.ExportRequest) (write func(io.Writer) error, missing []string, err error) {
	if find := makers[r.GetFormat()]; find != nil {
		write, err = find(s, ctx, r)
		return write, nil, err
	}
	draw := drafts[r.GetFormat()]
	if draw == nil {
		known := slices.Concat(slices.Collect(maps.Keys(makers)), slices.Collect(maps.Keys(drafts)))
		slices.Sort(known)
		return nil, nil, status.Errorf(codes.InvalidArgument, "format %q is not one that is written: %s", cut(r.GetFormat()), strings.Join(known, ", "))
	}
	select { // one at a time: it stands in memory whole
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return nil, nil, status.FromContextError(ctx.Err()).Err()
	}
	whole, missing, err := draw(s, ctx, r)
	return func(w io.Writer) error { _, err := w.Write(whole); return err }, missing, err
}
