// Package api answers what people and programs ask: the CollectorService. Make
// a Service over a Plant (the apply loop) and a store, register it with the
// gRPC server of Listen's socket, and give the pages its SignIn.
package api

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"demarc/collector/boundary"
	"demarc/collector/condition"
	"demarc/collector/deliver"
	"demarc/collector/finding"
	"demarc/collector/ingest"
	"demarc/collector/inventory"
	"demarc/collector/recorded"
	"demarc/collector/store"
	"demarc/collector/upload"
	"demarc/internal/identity"
	"demarc/internal/pki"
	demarcv1 "demarc/proto/demarc/v1"
)

// Plant is what was judged. What it returns is shared and never changed.
type Plant interface {
	// Applied is how many records of the journal are judged.
	Applied() uint64
	// Judging is how many of how many connections are judged, while many are
	// judged again; zero otherwise.
	Judging() (done, of uint64)
	// Policy is the one in force, Documents what it was made of.
	Policy() *boundary.Policy
	Documents() *boundary.Documents
	// Conditions judges every condition of the documents as of now, and says
	// since when it stands so.
	Conditions(now time.Time) []Standing
	// Heard is a copy of what was heard when.
	Heard() *condition.Ledger
	// Connections, Assets and Findings list everything, in no order but the
	// findings', the most severe first.
	Connections() []*demarcv1.JudgedConnection
	Assets() []*demarcv1.Asset
	Findings() []*demarcv1.Finding
	// Activity says of connections whether they still happen.
	Activity(all []*demarcv1.JudgedConnection, now time.Time) []Activity
	// Connection returns one with what its ends are placed by.
	Connection(id string) (inventory.Connection, *demarcv1.JudgedConnection, bool)
	Finding(id string) (*demarcv1.Finding, bool)
	// Asset returns one; Addresses lists every address of it, the first stands
	// for it.
	Asset(id string) (*demarcv1.Asset, bool)
	Addresses(asset string) []identity.Of
	// Act puts what a person did into the journal and waits until it is done.
	Act(ctx context.Context, site, kind string, body proto.Message, by store.Act) error
	// Apply takes documents, or says what they would change.
	Apply(ctx context.Context, files []boundary.File, o ApplyOptions) (*demarcv1.ApplyResponse, error)
	// Proposals lists what is pending, the first first. Confirm puts one in
	// force, or with a paper records that; Reject ends one. ErrRefused where it
	// cannot be done now, ErrDenied where not by this caller.
	Proposals() []*demarcv1.Proposal
	Confirm(ctx context.Context, id string, paper *demarcv1.SignedPaper, by store.Act) (*demarcv1.ConfirmProposalResponse, error)
	Reject(ctx context.Context, id, reason string, by store.Act) error
	// Decide, MoveWindow and Attest record what people did to authority, or
	// refuse it with ErrRefused; a dry run says what would come of it.
	Decide(ctx context.Context, a *demarcv1.AuthorizationAct, dryRun bool, by store.Act) (*demarcv1.DecideAuthorizationResponse, error)
	MoveWindow(ctx context.Context, a *demarcv1.WindowAct, dryRun bool, by store.Act) (*demarcv1.Consequences, error)
	Attest(ctx context.Context, a *demarcv1.Attestation, by store.Act) (until time.Time, err error)
	// ActsOn lists what was decided on an authorization after its document.
	ActsOn(authorization string) []*demarcv1.AuthorizationAct
	// DecideFindings does one thing to findings, or refuses it with ErrRefused;
	// a dry run only checks it. It returns the findings as they are then.
	DecideFindings(ctx context.Context, kind string, body *demarcv1.FindingAct, dryRun bool, by store.Act) ([]*demarcv1.Finding, error)
	// FindingEvents is a finding's history, the first first, and how many
	// events are no longer kept.
	FindingEvents(id string) (all []*demarcv1.FindingEvent, leftOff uint64)
	// TakeSnapshot keeps what stands in an authorization's boundaries,
	// MergeSnapshot takes over what became newly visible, or refuse it with
	// ErrRefused; a dry run says what that would be.
	TakeSnapshot(ctx context.Context, a *demarcv1.SnapshotAct, dryRun bool, by store.Act) (*finding.Snapshot, error)
	MergeSnapshot(ctx context.Context, a *demarcv1.SnapshotAct, dryRun bool, by store.Act) ([]finding.Difference, error)
	// Snapshots lists them, the latest of each authorization first.
	Snapshots() []*finding.Snapshot
	// Drift is how what is there differs from the latest snapshot of an
	// authorization; not ok, it has none.
	Drift(authorization string, now time.Time) (all []finding.Difference, ok bool)
	// Unused tells how long nothing used each agreement, and what of hardware
	// lists was never seen, in how many days of sight.
	Unused() []finding.Idle
	// Notices lists what people are to be told, the first first.
	Notices() []boundary.Notice
	// Probes lists what people decided on active reads.
	Probes() ([]*demarcv1.ProbeSchedule, []*demarcv1.ProbeKill)
	// Changes counts what the lists show.
	Changes() *Changes
}

// ApplyOptions say how documents are to be applied.
type ApplyOptions struct {
	DryRun  bool
	Prune   bool      // documents that are not among these are deleted
	Resolve bool      // roles and names of devices are resolved anew
	By      store.Act // who, for the audit log
}

// Agents is what agents were heard to say, and the way in for those that have
// no other.
type Agents interface {
	Health() map[string]ingest.Health
	Drop(agent, reason string)
	Enroll(ctx context.Context, r *demarcv1.EnrollRequest) (*demarcv1.EnrollResponse, error)
	ImportBundle(ctx context.Context, r *demarcv1.ImportBundleRequest, by store.Act, may func(site string) error) (*demarcv1.ImportBundleResponse, error)
}

// Config of a Service. Store, Plant, Agents, Authority, SignIn and Log are
// needed.
type Config struct {
	Store         store.Store
	Plant         Plant
	Past          Past // nil: lists are of now alone
	Agents        Agents
	Authority     *pki.Authority
	SignIn        *SignIn
	Uploads       *upload.Desk
	Slices        *recorded.Desk
	Deliveries    func() []deliver.Health // nil: events go nowhere
	Log           *slog.Logger
	Clock         func() time.Time
	Version       string
	AuthorityMode string // none, enforced
	Site          string // where a token names none
	Pages         string // "https://127.0.0.1:8443"; empty: no pages
	Uplink        string // address for agents, as install lines name it
	Keys          string // directory of the authority, for backups
}

// Service is every service of the command socket.
type Service struct {
	demarcv1.UnimplementedCollectorServiceServer
	demarcv1.UnimplementedAccountServiceServer
	demarcv1.UnimplementedProposalServiceServer
	demarcv1.UnimplementedAuditServiceServer
	demarcv1.UnimplementedFindingServiceServer
	demarcv1.UnimplementedPaperServiceServer
	demarcv1.UnimplementedPastServiceServer
	demarcv1.UnimplementedProposeServiceServer
	demarcv1.UnimplementedProbeServiceServer
	demarcv1.UnimplementedUploadServiceServer
	demarcv1.UnimplementedSliceServiceServer
	Config
	seen  *view // what the caller sees of the plant, nil for all: see within
	texts *listTexts
}

// listTexts are those of the lists that grow with the plant.
type listTexts struct {
	assets      texts[*demarcv1.Asset]
	connections texts[judgedConnection]
}

// Register gives a gRPC server the services. It must stand behind a Guard.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	demarcv1.RegisterCollectorServiceServer(r, s)
	demarcv1.RegisterAccountServiceServer(r, s)
	demarcv1.RegisterProposalServiceServer(r, s)
	demarcv1.RegisterAuditServiceServer(r, s)
	demarcv1.RegisterFindingServiceServer(r, s)
	demarcv1.RegisterPaperServiceServer(r, s)
	demarcv1.RegisterPastServiceServer(r, s)
	demarcv1.RegisterProposeServiceServer(r, s)
	demarcv1.RegisterProbeServiceServer(r, s)
	demarcv1.RegisterUploadServiceServer(r, s)
	demarcv1.RegisterSliceServiceServer(r, s)
}

// New returns a Service.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Uploads == nil {
		c.Uploads = upload.New(upload.Config{}) // takes none
	}
	if c.Slices == nil {
		c.Slices = recorded.New(recorded.Config{}) // has none
	}
	return &Service{Config: c, texts: &listTexts{}}
}
