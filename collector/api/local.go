package api

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Local calls services in this process as if over gRPC, with no connection in
// between: what is registered with it is called through the same interceptors,
// and its context holds the caller that the client put there. It is a
// grpc.ServiceRegistrar and a grpc.ClientConnInterface. Register before the
// first call.
type Local struct {
	unary   grpc.UnaryServerInterceptor
	stream  grpc.StreamServerInterceptor
	methods map[string]localMethod // by "/demarc.v1.CollectorService/GetStatus"
}

// localMethod is one method of a service: either unary or stream.
type localMethod struct {
	service any
	unary   *grpc.MethodDesc
	stream  *grpc.StreamDesc
}

// NewLocal returns a Local without services. An interceptor may be nil.
func NewLocal(unary grpc.UnaryServerInterceptor, stream grpc.StreamServerInterceptor) *Local {
	return &Local{unary: unary, stream: stream, methods: map[string]localMethod{}}
}

// RegisterService implements grpc.ServiceRegistrar.
func (l *Local) RegisterService(d *grpc.ServiceDesc, service any) {
	for i := range d.Methods {
		l.methods["/"+d.ServiceName+"/"+d.Methods[i].MethodName] = localMethod{service: service, unary: &d.Methods[i]}
	}
	for i := range d.Streams {
		l.methods["/"+d.ServiceName+"/"+d.Streams[i].StreamName] = localMethod{service: service, stream: &d.Streams[i]}
	}
}

// Invoke implements grpc.ClientConnInterface. Request and answer share what
// they hold with the service's: neither side may change it.
func (l *Local) Invoke(ctx context.Context, method string, in, out any, _ ...grpc.CallOption) error {
	m := l.methods[method]
	if m.unary == nil {
		return status.Errorf(codes.Unimplemented, "no method %s", strings.TrimPrefix(method, "/"))
	}
	answer, err := m.unary.Handler(m.service, ctx, func(to any) error { share(to, in); return nil }, l.unary)
	if err != nil {
		return statusOf(err)
	}
	share(out, answer)
	return nil
}

// NewStream implements grpc.ClientConnInterface.
func (l *Local) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	m := l.methods[method]
	if m.stream == nil {
		return nil, status.Errorf(codes.Unimplemented, "no method %s", strings.TrimPrefix(method, "/"))
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &localStream{ctx: ctx, oneRequest: !m.stream.ClientStreams, up: make(chan any), down: make(chan any), closed: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer cancel()
		defer close(s.ended)
		info := &grpc.StreamServerInfo{FullMethod: method, IsClientStream: m.stream.ClientStreams, IsServerStream: m.stream.ServerStreams}
		if l.stream == nil {
			s.err = m.stream.Handler(m.service, (*localServer)(s))
			return
		}
		s.err = l.stream(m.service, (*localServer)(s), info, m.stream.Handler)
	}()
	return s, nil
}

// statusOf is err as gRPC would send it.
func statusOf(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.FromContextError(err).Err()
}

// share lets to, an empty message, hold what from holds.
func share(to, from any) {
	dst := to.(proto.Message).ProtoReflect()
	from.(proto.Message).ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		dst.Set(f, v)
		return true
	})
}

// localStream is the client's end of a stream inside the process.
type localStream struct {
	ctx        context.Context //nolint:containedctx // grpc.ClientStream asks for it
	oneRequest bool
	up, down   chan any
	once       sync.Once
	closed     chan struct{} // the client sends no more
	ended      chan struct{} // the handler returned err
	err        error
}

func (s *localStream) Context() context.Context   { return s.ctx }
func (*localStream) Header() (metadata.MD, error) { return metadata.MD{}, nil }
func (*localStream) Trailer() metadata.MD         { return nil }
func (s *localStream) CloseSend() error           { s.once.Do(func() { close(s.closed) }); return nil }

// SendMsg sends the next request. Why the only one was not taken RecvMsg says, as
// over gRPC.
func (s *localStream) SendMsg(m any) error {
	err := s.pass(s.up, m, s.ended)
	if s.oneRequest && errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (s *localStream) RecvMsg(m any) error {
	select {
	case got := <-s.down:
		share(m, got)
		return nil
	case <-s.ended:
		if s.err != nil {
			return statusOf(s.err)
		}
		return io.EOF
	}
}

// pass hands m over, unless the other side has ended or the call is over.
func (s *localStream) pass(to chan any, m any, ended <-chan struct{}) error {
	select {
	case to <- m:
		return nil
	case <-ended:
		return io.EOF
	case <-s.ctx.Done():
		select {
		case <-ended: // which is why the context ended
			return io.EOF
		default:
			return status.FromContextError(s.ctx.Err()).Err()
		}
	}
}

// localServer is the service's end of it.
type localServer localStream

func (s *localServer) Context() context.Context   { return s.ctx }
func (*localServer) SetHeader(metadata.MD) error  { return nil }
func (*localServer) SendHeader(metadata.MD) error { return nil }
func (*localServer) SetTrailer(metadata.MD)       {}
func (s *localServer) SendMsg(m any) error        { return (*localStream)(s).pass(s.down, m, nil) }
func (s *localServer) RecvMsg(m any) error {
	select {
	case got := <-s.up:
		share(m, got)
		return nil
	case <-s.closed:
		return io.EOF
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	}
}
