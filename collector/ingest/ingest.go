// Package ingest is the collector's first stage: it answers agents. It knows
// them by their certificates, takes their batches in sequence into the journal,
// and acknowledges after commit. Make a Server, give it to a gRPC server made
// with Options, and keep Run running.
package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"demarc/collector/store"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// Config of a Server. Store, Authority and Log are needed.
type Config struct {
	Store     store.Store
	Authority *pki.Authority
	Log       *slog.Logger
	// Version of the collector, told to agents.
	Version string
	// Clock dates what agents did; nil is the machine's.
	Clock func() time.Time
	// Committed is called after every commit that added records.
	Committed func()
	// Changed is called when an agent's health changed.
	Changed func()
	// Upgraded is called when an agent says that it runs another version of its
	// program than before. It may be nil.
	Upgraded func(ctx context.Context, agent, version string) error
	// Orders are what people want of an agent's active reads; nil is nothing.
	Orders func(site, agent string) *demarcv1.ProbeOrders
	// Slices takes frames that agents recorded; nil wants none.
	Slices Slices
}

// Slices is where frames go that agents recorded.
type Slices interface {
	// Orders are those that are wanted of an agent.
	Orders(agent string) *demarcv1.SliceOrders
	// Take takes one; the error says why it is refused.
	Take(ctx context.Context, from pki.Identity, s *demarcv1.Slice) error
}

// Server is the UplinkService.
type Server struct {
	demarcv1.UnimplementedUplinkServiceServer
	Config

	enrolments *rate.Limiter
	queue      chan entry

	mu       sync.Mutex
	sessions map[string]*session // by agent
	health   map[string]*Health  // by agent
	stopped  bool
}

// helloWithin is how long a stream may keep silent before its Hello.
const helloWithin = 10 * time.Second

// New returns a Server.
func New(c Config) *Server {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Committed == nil {
		c.Committed = func() {}
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	return &Server{
		Config: c,
		// A guess at a token costs an attacker time, not the collector its.
		enrolments: rate.NewLimiter(10, 50),
		queue:      make(chan entry, queued),
		sessions:   map[string]*session{},
		health:     map[string]*Health{},
	}
}

// Options are those of the gRPC server that agents reach, with the TLS setting
// of pki.Authority.ServerConfig.
func Options(creds credentials.TransportCredentials) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(creds),
		grpc.MaxRecvMsgSize(demarcv1.MaxBody + 64<<10),
		grpc.MaxConcurrentStreams(16),
		grpc.MaxHeaderListSize(16 << 10),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: 2 * time.Minute, Time: 20 * time.Second, Timeout: 10 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
}
