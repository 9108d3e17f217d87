// Package server wires the collector together: Run opens the store, takes the
// lease, restores what was judged, listens for agents, commands and pages, and
// applies the journal until its context ends.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"demarc/collector/api"
	"demarc/collector/config"
	"demarc/collector/deliver"
	"demarc/collector/export"
	"demarc/collector/ingest"
	"demarc/collector/recorded"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
	"demarc/collector/upload"
	"demarc/collector/web"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// Config of a collector. Only Log is needed.
type Config struct {
	config.Config
	Log     *slog.Logger
	Version string
	// Clock is what live traffic is judged by; nil is the machine's.
	// Certificates and tokens always go by the machine's.
	Clock func() time.Time
	// Ready is called once, when everything listens.
	Ready func(Ready)
	// CheckpointEvery is how often what was judged is saved: 30 s if zero.
	CheckpointEvery time.Duration
}

// Ready says where a running collector is found.
type Ready struct {
	Uplink string // host:port that agents report to
	Pages  string // "https://127.0.0.1:8443", empty when off
	Link   string // one-time link to the pages
	Socket string
}

// replayPeriod is how long the journal is kept.
const replayPeriod = 90 * 24 * time.Hour

// keeps says what of evidence stays where, for who is handed some.
var keeps = fmt.Sprintf("The collector itself keeps the records that its agents sent for %d days, and states of the past as far as there is room for them. "+
	"Documents with all their versions, decisions and the audit log it keeps for as long as its data directory is kept. "+
	"Recorded frames it keeps as its settings say, longer where a boundary's documents say hold. "+
	"Nothing else does it keep or delete by class, or hold: that what is to be kept is kept, this package and backups, is up to people.", replayPeriod/(24*time.Hour))

// collector is one that runs.
type collector struct {
	Config
	store     store.Store
	authority *pki.Authority
	fence     uint64
	engine    *engine
	ingest    *ingest.Server
	signIn    *api.SignIn
	accounts  *api.Accounts
	service   *api.Service
	export    *export.Service
	uploads   *upload.Desk
	slices    *recorded.Desk
	desk      *deliver.Desk // nil: nothing is delivered
	ears      ears
	saver     saver
	pasts     *pasts
	caught    chan struct{} // closed when the journal is applied
}

// Run runs a collector until ctx ends, and then returns nil when everything
// was saved.
func Run(ctx context.Context, c Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.CheckpointEvery == 0 {
		c.CheckpointEvery = 30 * time.Second
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w: choose another one with data: (or --data)", err)
	}
	s, err := bolt.Open(filepath.Join(c.Data, api.StoreName), bolt.Options{Clock: c.Clock})
	if err != nil {
		return err
	}
	x := &collector{Config: c, store: s, caught: make(chan struct{})}
	return errors.Join(x.run(ctx), s.Close())
}

func (x *collector) run(ctx context.Context) error {
	var err error
	if x.authority, err = pki.Open(filepath.Join(x.Data, "pki"), nil); err != nil {
		return err
	}
	if err := x.ears.open(x.Config.Config); err != nil {
		return err
	}
	defer x.ears.close()
	host, _ := os.Hostname() // a comment in the lease
	if x.fence, err = x.store.Lease(ctx, host); err != nil {
		return err
	}
	begun := time.Now()
	x.engine = newEngine(x.store, x.Clock, x.Version, x.Log)
	x.engine.enforced = x.Authority == config.Enforced
	if err := x.openDesk(); err != nil {
		return err
	}
	if err := x.engine.restore(ctx); err != nil {
		return err
	}
	if x.desk != nil {
		if err := x.desk.Begin(ctx, x.engine.Position()); err != nil {
			return err
		}
	}
	if err := x.engine.judgeAnew(ctx); err != nil {
		return err
	}
	x.Log.Info("state restored", "position", x.engine.Position(), "in", time.Since(begun).Round(time.Millisecond))
	x.wire()
	if err := x.slices.Open(ctx); err != nil {
		return err
	}
	if err := x.saver.bases.open(ctx); err != nil {
		return err
	}
	defer x.pasts.close()
	return x.serve(ctx)
}

// openDesk makes what delivers events, if they are to be delivered anywhere.
func (x *collector) openDesk() (err error) {
	if len(x.Deliver) == 0 {
		return nil
	}
	host, _ := os.Hostname() // without one, an event says nothing of it
	about := deliver.About{Host: first(x.Names, host), Version: x.Version}
	if x.ears.pages != nil {
		about.Pages = x.address()
	}
	box := deliver.NewOutbox()
	x.desk, err = deliver.New(deliver.Config{Destinations: x.Deliver, Store: x.store, Outbox: box, Log: x.Log, Clock: x.Clock, About: about})
	x.engine.deliverTo(box)
	return err
}

// address is how others' browsers reach the pages.
func (x *collector) address() string {
	if x.OIDC != nil && x.OIDC.Address != "" {
		return strings.TrimSuffix(x.OIDC.Address, "/")
	}
	return "https://" + reachable(x.ears.pages.Addr(), first(x.Names, "localhost"))
}

// wire makes the parts that answer.
func (x *collector) wire() {
	x.saver = saver{engine: x.engine, store: x.store, fence: x.fence, log: x.Log, saved: x.engine.Position(), bases: keeper{
		store: x.store, fence: x.fence, software: x.Version, every: x.Past.Every, most: x.Past.MaxMB << 20, log: x.Log,
	}}
	x.pasts = newPasts(x.store, x.Clock, x.Version, x.Log)
	x.slices = recorded.New(recorded.Config{
		Store: x.store, Authority: x.authority.Certificate(), Clock: x.Clock, Log: x.Log,
		Most: int64(x.Config.Slices.MaxMB) << 20, Age: time.Duration(x.Config.Slices.Days) * 24 * time.Hour, Keep: x.engine.onHold,
		Changed: func() { x.engine.changes.Bump(api.ChangedSlices) },
	})
	x.ingest = ingest.New(ingest.Config{
		Store: x.store, Authority: x.authority, Log: x.Log, Version: x.Version, Clock: x.Clock,
		Committed: x.engine.news, Changed: func() { x.engine.changes.Bump(api.ChangedAgents) }, Upgraded: x.engine.Program,
		Orders: x.engine.Orders, Slices: x.slices,
	})
	x.engine.mu.Lock()
	x.engine.ordered = x.ingest.Order
	x.engine.mu.Unlock()
	x.accounts = &api.Accounts{Store: x.store, Open: x.Authority == config.None, Clock: x.Clock}
	x.signIn = api.NewSignIn(x.accounts, x.store.AppendAudit, nil)
	x.uploads = upload.New(upload.Config{
		Dir: filepath.Join(x.Data, "uploads"), Program: x.Config.Uploads.Program(), MaxBytes: int64(x.Config.Uploads.MaxMB) << 20,
		Uplink: reachable(x.ears.uplink.Addr(), "127.0.0.1"), Log: x.Log,
		Token: func(ctx context.Context, site, agent string) (string, error) {
			text, _, err := x.service.NewToken(api.As(ctx, api.Principal{Name: "collector"}), site, agent, time.Minute)
			return text, err
		},
	})
	x.service = api.New(api.Config{
		Uploads: x.uploads, Slices: x.slices,
		Store: x.store, Plant: x.engine, Past: x.pasts, Agents: x.ingest, Authority: x.authority, SignIn: x.signIn, Log: x.Log,
		Clock: x.Clock, Version: x.Version, AuthorityMode: x.Authority, Site: x.Site,
		Deliveries: x.desk.Health,
		Pages:      x.ears.pagesURL(), Uplink: x.ears.uplinkAddress(x.Names), Keys: filepath.Join(x.Data, "pki"),
	})
	x.export = export.New(export.Config{
		Lists: x.service, Store: x.store, Authority: x.authority, Log: x.Log, Clock: x.Clock, Version: x.Version, Keeps: keeps,
	})
}

// serve runs every part; the first that fails, or ctx, ends all, in the order
// that loses least.
func (x *collector) serve(ctx context.Context) error {
	uplinkTLS, err := x.authority.ServerConfig(x.Names)
	if err != nil {
		return err
	}
	uplink := grpc.NewServer(ingest.Options(credentials.NewTLS(uplinkTLS))...)
	demarcv1.RegisterUplinkServiceServer(uplink, x.ingest)
	commands := x.commands(x.accounts.OfSocket, grpc.Creds(api.SocketCredentials()))
	pages, knock, err := x.pages()
	if err != nil {
		return err
	}

	front := newGroup(ctx) // what takes input
	back := newGroup(context.WithoutCancel(ctx))
	back.run(func(ctx context.Context) error { x.ingest.Run(ctx); return nil })
	front.run(func(ctx context.Context) error { x.uploads.Run(ctx); return nil })
	back.run(func(ctx context.Context) error { return x.engine.run(ctx, x.caughtUp) })
	if x.Config.Slices.MaxMB > 0 {
		asking := &asker{engine: x.engine, ingest: x.ingest, desk: x.slices}
		back.run(asking.run)
	}
	if x.desk != nil {
		back.run(func(ctx context.Context) error { x.desk.Run(ctx); return nil })
		front.run(x.watchAgents)
	}
	back.run(func(ctx context.Context) error { return x.saver.run(ctx, x.CheckpointEvery, x.Clock) })
	front.run(func(context.Context) error { return uplink.Serve(x.ears.uplink) })
	front.run(func(context.Context) error { return commands.Serve(x.ears.socket) })
	if x.ears.pages != nil {
		front.run(func(context.Context) error { return closed(pages.ServeTLS(x.ears.pages, "", "")) })
	}
	if x.ears.knock != nil {
		front.run(func(context.Context) error { return closed(knock.ServeTLS(x.ears.knock, "", "")) })
	}
	x.ready()

	select {
	case <-front.ended():
	case <-back.ended():
	}
	x.Log.Info("stopping")
	x.ingest.Stop()
	stopGracefully(uplink)
	commands.Stop()
	_ = pages.Close() // its requests only read
	_ = knock.Close()
	frontErr := front.wait()
	backErr := back.wait()
	return errors.Join(frontErr, backErr, x.saver.last())
}

func (x *collector) ready() {
	if x.Ready == nil {
		return
	}
	r := Ready{Uplink: x.service.Uplink, Pages: x.service.Config.Pages, Socket: x.Socket}
	if r.Pages != "" {
		path, _ := x.signIn.CreateLink(x.accounts.Self())
		r.Link = r.Pages + path
	}
	x.Ready(r)
}

func (x *collector) caughtUp() {
	x.Log.Info("journal applied", "position", x.engine.Position(), "policy_version", x.engine.Policy().Version())
	close(x.caught)
}

// commands is a gRPC server of the services; find tells who calls.
func (x *collector) commands(find func(context.Context) (api.Principal, error), more ...grpc.ServerOption) *grpc.Server {
	guard := &api.Guard{Find: find, Audit: x.store.AppendAudit, Log: x.Log, Caught: x.caught}
	s := grpc.NewServer(append(append(guard.Options(), grpc.MaxRecvMsgSize(64<<20)), more...)...)
	x.register(s)
	return s
}

func (x *collector) register(r grpc.ServiceRegistrar) {
	x.service.Register(r)
	demarcv1.RegisterExportServiceServer(r, x.export)
}

// pages is the server of the pages, behind a guard of its own: a session says
// who calls. knock asks for certificates, where people have some.
func (x *collector) pages() (pages, knock *http.Server, err error) {
	if x.ears.pages == nil {
		return &http.Server{}, &http.Server{}, nil //nolint:gosec // serve nothing
	}
	settings, err := x.authority.PagesConfig(x.Names)
	if err != nil {
		return nil, nil, err
	}
	guard := &api.Guard{Find: api.OfContext, Audit: x.store.AppendAudit, Log: x.Log, Caught: x.caught}
	inside := api.NewLocal(guard.Unary, guard.Stream)
	x.register(inside)
	c := web.Config{Conn: inside, SignIn: x.signIn, Accounts: x.accounts, GRPC: x.commands(x.accounts.OfBearer), Take: x.service.TakeUpload, Metrics: x.service.Metrics, Ready: x.caught, Log: x.Log}
	if err := x.waysIn(&c); err != nil {
		return nil, nil, err
	}
	handler, err := web.Handler(c)
	if err != nil {
		return nil, nil, err
	}
	knock = &http.Server{} //nolint:gosec // serves nothing
	if c.Certificates != nil {
		if knock, err = x.knock(c); err != nil {
			return nil, nil, err
		}
	}
	return x.server(handler, settings), knock, nil
}

func (x *collector) server(h http.Handler, settings *tls.Config) *http.Server {
	return &http.Server{
		Handler: h, TLSConfig: settings,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(x.Log.Handler(), slog.LevelDebug), // browsers that do not know the certificate yet
	}
}

func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// stopGracefully lets calls end that end soon.
func stopGracefully(s *grpc.Server) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.GracefulStop()
	}()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		s.Stop()
		<-done
	}
}

// group is goroutines that end together: the first to fail ends all.
type group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
}

func newGroup(ctx context.Context) *group {
	g := &group{}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

func (g *group) run(f func(context.Context) error) {
	g.wg.Go(func() {
		if err := f(g.ctx); err != nil {
			g.cancel(err)
		}
	})
}

func (g *group) ended() <-chan struct{} { return g.ctx.Done() }

// wait ends the group and returns what failed first.
func (g *group) wait() error {
	g.cancel(nil)
	g.wg.Wait()
	if err := context.Cause(g.ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
