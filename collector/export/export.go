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
var makers = map[string]maker{"xlsx": (*Service).xlsx}

// Export makes a file in the form that others read.
func (s *Service) Export(r *demarcv1.ExportRequest, stream grpc.ServerStreamingServer[demarcv1.ExportResponse]) error {
	ctx := stream.Context()
	find := makers[r.GetFormat()]
	if find == nil {
		return status.Errorf(codes.InvalidArgument, "format %q is not one that is written: %s", cut(r.GetFormat()), strings.Join(slices.Sorted(maps.Keys(makers)), ", "))
	}
	if r.GetAsOf() == nil {
		r.AsOf = timestamppb.New(s.Clock())
	}
	write, err := find(s, ctx, r)
	if err != nil {
		return err
	}
	on := strings.Join(slices.DeleteFunc([]string{r.GetAuthorization(), r.GetBoundary(), r.GetConnection(), r.GetList()}, func(w string) bool { return w == "" }), " ")
	tell := func(ctx context.Context, words string) error {
		return s.Store.AppendAudit(ctx, store.Act{Who: api.Caller(ctx).Who(), What: "export", On: on, Detail: r.GetFormat() + " of " + on + " as of " + stamp(r.GetAsOf().AsTime()) + ": " + words})
	}
	out, sum := bufio.NewWriterSize(pieces(func(b []byte) error { return stream.Send(&demarcv1.ExportResponse{Data: b}) }), pieceSize), sha256.New()
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
