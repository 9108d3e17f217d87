package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	demarcv1 "demarc/proto/demarc/v1"
)

// services have a REST form: what protoc-gen-grpc-gateway made of their rules
// in proto/demarc/v1/rest.yaml.
var services = []func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error{
	restOver(demarcv1.NewCollectorServiceClient, demarcv1.RegisterCollectorServiceHandlerClient),
	restOver(demarcv1.NewAccountServiceClient, demarcv1.RegisterAccountServiceHandlerClient),
	restOver(demarcv1.NewProposalServiceClient, demarcv1.RegisterProposalServiceHandlerClient),
	restOver(demarcv1.NewAuditServiceClient, demarcv1.RegisterAuditServiceHandlerClient),
	restOver(demarcv1.NewFindingServiceClient, demarcv1.RegisterFindingServiceHandlerClient),
	restOver(demarcv1.NewPaperServiceClient, demarcv1.RegisterPaperServiceHandlerClient),
	restOver(demarcv1.NewPastServiceClient, demarcv1.RegisterPastServiceHandlerClient),
	restOver(demarcv1.NewProposeServiceClient, demarcv1.RegisterProposeServiceHandlerClient),
	restOver(demarcv1.NewProbeServiceClient, demarcv1.RegisterProbeServiceHandlerClient),
	restOver(demarcv1.NewUploadServiceClient, demarcv1.RegisterUploadServiceHandlerClient),
	restOver(demarcv1.NewSliceServiceClient, demarcv1.RegisterSliceServiceHandlerClient),
	restOver(demarcv1.NewExportServiceClient, demarcv1.RegisterExportServiceHandlerClient),
}

func restOver[C any](client func(grpc.ClientConnInterface) C, register func(context.Context, *runtime.ServeMux, C) error) func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error {
	return func(ctx context.Context, m *runtime.ServeMux, conn grpc.ClientConnInterface) error {
		return register(ctx, m, client(conn))
	}
}

// Bounds of what a request may hold, in bytes.
const (
	maxBody  = 1 << 20
	maxApply = 64 << 20 // of documents, as over gRPC
)

// REST serves the services behind conn as JSON under /api/v1/, and the OpenAPI
// document of it. Errors are {code, message}, code by google.rpc.Code. The
// context of a request says who calls, see As.
func REST(conn grpc.ClientConnInterface) (http.Handler, error) {
	gateway := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true},
		}),
		runtime.SetQueryParameterParser(strictQuery{}),
		runtime.WithErrorHandler(func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
			RESTError(w, err)
		}),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }), // no header says who calls
		runtime.WithDisablePathLengthFallback(),                                             // nor turns a form into a GET
	)
	for _, register := range services {
		if err := register(context.Background(), gateway, conn); err != nil {
			return nil, fmt.Errorf("api: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(demarcv1.OpenAPI)
	})
	mux.HandleFunc("GET /api/v1/evidence", packageFile(demarcv1.NewExportServiceClient(conn)))
	mux.HandleFunc("GET /api/v1/exports/{format}", exportFile(demarcv1.NewExportServiceClient(conn)))
	mux.HandleFunc("GET /api/v1/slices/{id}/content", sliceFile(demarcv1.NewSliceServiceClient(conn), false))
	mux.HandleFunc("GET /api/v1/slices/{id}/signed", sliceFile(demarcv1.NewSliceServiceClient(conn), true))
	mux.Handle("/api/v1/", bounded(gateway))
	return mux, nil
}

// RESTError answers with what went wrong.
func RESTError(w http.ResponseWriter, err error) {
	if routed, ok := errors.AsType[*runtime.HTTPStatusError](err); ok {
		err = routed.Err
	}
	s := status.Convert(err)
	code := runtime.HTTPStatusFromCode(s.Code())
	switch {
	case s.Code() == codes.Unimplemented:
		code = http.StatusMethodNotAllowed
	case strings.HasSuffix(s.Message(), tooLarge):
		code = http.StatusRequestEntityTooLarge
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(struct {
		Code    codes.Code `json:"code"`
		Message string     `json:"message"`
	}{s.Code(), s.Message()})
}

// tooLarge is how http.MaxBytesError reads after it went through the gateway.
var tooLarge = (&http.MaxBytesError{}).Error()

// bounded refuses bodies that are larger than any request, and those that are
// not called JSON: a form of another page cannot send that.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.ContentLength != 0 && (err != nil || kind != "application/json") {
			RESTError(w, status.Error(codes.InvalidArgument, "send the request as JSON, with Content-Type: application/json"))
			return
		}
		most := int64(maxBody)
		if r.URL.Path == "/api/v1/documents" {
			most = maxApply
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// strictQuery refuses a query parameter that is no field of the request: a
// filter that is misspelt would list everything.
type strictQuery struct{ runtime.DefaultQueryParser }

func (s strictQuery) Parse(m proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	for key := range values {
		if !hasField(m.ProtoReflect().Descriptor(), strings.Split(key, ".")) {
			return fmt.Errorf("%q is no parameter of this list: it takes %s", key, fieldNames(m.ProtoReflect().Descriptor()))
		}
	}
	return s.DefaultQueryParser.Parse(m, values, filter)
}

func hasField(d protoreflect.MessageDescriptor, path []string) bool {
	f := d.Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case f == nil:
		return false
	case len(path) == 1:
		return true
	}
	return f.Message() != nil && hasField(f.Message(), path[1:])
}

func fieldNames(d protoreflect.MessageDescriptor) string {
	names := make([]string, d.Fields().Len())
	for i := range names {
		names[i] = string(d.Fields().Get(i).Name())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
