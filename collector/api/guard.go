package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
)

// Guard stands before every method: it finds who calls, refuses what the table
// does not allow, and leaves a refusal in the audit log. Find and Audit are
// needed; safe for concurrent use.
type Guard struct {
	// Find tells who calls; its error is the answer where nobody can be told.
	Find  func(context.Context) (Principal, error)
	Audit func(context.Context, store.Act) error
	Log   *slog.Logger
	Clock func() time.Time
	// Caught is closed when what the journal held at the start is applied:
	// until then callers wait, for a part of it is no answer. Nil waits for
	// nothing.
	Caught <-chan struct{}

	mu   sync.Mutex
	told map[string]time.Time // refusals in the audit log: who and what -> when
}

// Refusals are audited once in repeatAfter for the same caller and method:
// whoever is refused in a loop shall not fill the log. maxTold bounds who is
// remembered.
const (
	repeatAfter = time.Minute
	maxTold     = 1000
)

// Enter is a context in which p calls method, or the refusal.
func (g *Guard) Enter(ctx context.Context, method string, p Principal) (context.Context, error) {
	why := refusal(method, p)
	if why == "" {
		return As(ctx, p), g.wait(ctx)
	}
	if g.fresh(p.Who() + method) {
		g.Log.Warn("refused", "who", p.Who(), "method", method)
		if err := g.Audit(ctx, store.Act{Who: p.Who(), What: "refused", On: method, Detail: why}); err != nil {
			return nil, failed(err)
		}
	}
	if p.Name == "" {
		return nil, status.Error(codes.Unauthenticated, why)
	}
	return nil, status.Error(codes.PermissionDenied, why)
}

func (g *Guard) wait(ctx context.Context) error {
	if g.Caught == nil {
		return nil
	}
	select {
	case <-g.Caught:
		return nil
	case <-ctx.Done():
		return status.Error(codes.Unavailable, "the collector has started and still applies its journal: ask again in a while")
	}
}

// fresh reports whether a refusal is to be audited.
func (g *Guard) fresh(key string) bool {
	now := time.Now()
	if g.Clock != nil {
		now = g.Clock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if last, ok := g.told[key]; ok && now.Sub(last) < repeatAfter {
		return false
	}
	if len(g.told) >= maxTold || g.told == nil {
		g.told = map[string]time.Time{}
	}
	g.told[key] = now
	return true
}

func (g *Guard) enter(ctx context.Context, method string) (context.Context, error) {
	p, err := g.Find(ctx)
	if err != nil {
		return nil, err
	}
	return g.Enter(ctx, method, p)
}

// Unary guards the methods with one answer.
func (g *Guard) Unary(ctx context.Context, r any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := g.enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(ctx, r)
}

// Stream guards the methods that stream.
func (g *Guard) Stream(s any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := g.enter(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return next(s, entered{stream, ctx})
}

// entered is a stream whose caller is known.
type entered struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream asks for it
}

func (e entered) Context() context.Context { return e.ctx }

// Options are those of a gRPC server behind the guard.
func (g *Guard) Options() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(g.Unary), grpc.ChainStreamInterceptor(g.Stream)}
}
