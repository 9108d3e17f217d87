package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/config"
	"demarc/collector/deliver"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// plantDocs is a line, a historian beyond it, and one agreement.
const plantDocs = `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
spec: {segments: [{name: line4}, {name: dmz}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line4}
spec: {title: Line 4, domain: ot, members: [{site: houston, cidrs: [10.20.4.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: DMZ, domain: dmz, members: [{site: houston, cidrs: [10.50.1.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: corporate}
spec: {title: Corporate, domain: it, members: [{site: houston, cidrs: [10.60.0.0/16]}]}
`

const agreement = `---
apiVersion: demarc/v1
kind: Interconnection
metadata: {name: line4-to-historian}
spec:
  purpose: Values for the historian
  owner: {name: Line 4}
  from: {boundary: line4}
  to: {boundary: dmz}
  initiator: to
  services: [{protocol: opcua, ports: [4840]}]
`

func documents(texts ...string) []boundary.File {
	return []boundary.File{{Path: "plant.yaml", Content: []byte(strings.Join(texts, ""))}}
}

// lab is an engine over a real store, with a clock of its own.
type lab struct {
	*engine
	t     testing.TB
	store *bolt.Store
	now   time.Time
	next  map[string]uint64
	tells bool // engines make events for others
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{t: t, now: time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC), next: map[string]uint64{}}
	var err error
	l.store, err = bolt.Open(filepath.Join(t.TempDir(), "demarc.db"), bolt.Options{Clock: l.clock, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.store.Close() })
	l.engine = l.fresh()
	return l
}

func (l *lab) clock() time.Time { return l.now }

// fresh is an engine that has seen nothing yet.
func (l *lab) fresh() *engine {
	e := newEngine(l.store, l.clock, "test", slog.New(slog.DiscardHandler))
	if l.tells {
		box := deliver.NewOutbox()
		_, err := deliver.New(deliver.Config{Outbox: box, Destinations: []config.Destination{{Name: "all", To: "syslog+udp://127.0.0.1", What: config.Whats, Least: "info"}}})
		l.must(err)
		e.deliverTo(box)
	}
	return e
}

// newTellingLab is a lab whose engines make events for others; nobody takes them.
func newTellingLab(t testing.TB) *lab {
	l := newLab(t)
	l.tells = true
	l.engine = l.fresh()
	return l
}

// restarted is what a collector would come to that starts now.
func (l *lab) restarted() *engine {
	l.t.Helper()
	e := l.fresh()
	if err := e.restore(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	l.catch(e)
	return e
}

func (l *lab) catch(e *engine) {
	l.t.Helper()
	if err := e.catchUp(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// send journals what an agent saw, and applies it.
func (l *lab) send(agent string, body *demarcv1.Body) {
	l.t.Helper()
	raw, err := proto.Marshal(body)
	l.must(err)
	l.next[agent]++
	n := l.next[agent]
	answers, err := l.store.Append(l.t.Context(), []store.Record{{
		Kind: store.KindBatch, Site: "houston", Agent: agent, From: n, Sequence: n, Digest: store.BatchDigest(store.Epoch{}, n, raw), Body: raw,
	}})
	l.must(err)
	if answers[0].Outcome != store.Taken {
		l.t.Fatalf("%v", answers[0].Outcome)
	}
	l.catch(l.engine)
}

// apply puts documents in force, as the loop and a person would.
func (l *lab) apply(files []boundary.File, o applyOptions) (*demarcv1.ApplyResponse, error) {
	l.t.Helper()
	defer l.looping()()
	return l.Apply(owner(l.t), files, o)
}

// decide records an act on an authorization, or says what would come of it.
func (l *lab) decide(a *demarcv1.AuthorizationAct, dryRun bool) (*demarcv1.Consequences, error) {
	l.t.Helper()
	defer l.looping()()
	r, err := l.Decide(owner(l.t), a, dryRun, store.Act{Who: "uid 1000 (ana)", What: "authorization " + a.GetKind()})
	return r.GetConsequences(), err
}

// owner is who runs a collector whose authority is none.
func owner(t testing.TB) context.Context {
	return api.As(t.Context(), api.Principal{Name: "uid 1000 (ana)", Roles: api.AllRoles(), Via: "socket"})
}

// looping runs the apply loop until its answer is called.
func (l *lab) looping() (stop func()) {
	done := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		for {
			select {
			case <-l.wake:
				_ = l.catchUp(l.t.Context())
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		loop.Wait()
	}
}

// pass lets time go by, as the loop does.
func (l *lab) pass(d time.Duration) {
	l.t.Helper()
	l.now = l.now.Add(d)
	l.must(l.tick(l.t.Context()))
	l.catch(l.engine)
}

// dump is everything that an engine came to.
func dump(e *engine) string {
	var b bytes.Buffer
	put := func(m proto.Message) { fmt.Fprintln(&b, prototext.MarshalOptions{}.Format(m)) }
	all := e.Connections()
	slices.SortFunc(all, func(x, y *demarcv1.JudgedConnection) int { return strings.Compare(x.GetId(), y.GetId()) })
	for _, c := range all {
		put(c)
	}
	assets := e.Assets()
	slices.SortFunc(assets, func(x, y *demarcv1.Asset) int { return strings.Compare(x.GetId(), y.GetId()) })
	for _, a := range assets {
		put(a)
	}
	for _, f := range e.Findings() {
		put(f)
	}
	for _, f := range e.Findings() {
		events, leftOff := e.FindingEvents(f.GetId())
		fmt.Fprintln(&b, f.GetId(), "events left off", leftOff)
		for _, x := range events {
			put(x)
		}
	}
	for _, n := range e.Notices() {
		fmt.Fprintln(&b, n.Key(), n.Words)
	}
	for _, id := range slices.Sorted(maps.Keys(e.stands.of)) {
		fmt.Fprintln(&b, id)
		put(e.stands.of[id])
	}
	for _, r := range e.stands.docket.Results() {
		fmt.Fprintln(&b, r.ID(), r.Words, r.Evidence, r.Connections, r.Assets, r.From.UTC(), r.To.UTC())
	}
	if e.telling.box != nil {
		for _, x := range e.telling.box.All() {
			fmt.Fprintln(&b, x.Mark, string(deliver.Render("json", x, deliver.About{})))
		}
		fmt.Fprintln(&b, "told", len(e.telling.told), e.telling.held, e.telling.saved.Looked.UTC(), slices.Sorted(maps.Keys(e.telling.look)))
	}
	fmt.Fprintln(&b, "to be judged again", e.stands.docket.Touched())
	for _, x := range e.looking(e.clock()).all {
		fmt.Fprintf(&b, "%+v\n", x)
	}
	fmt.Fprintln(&b, "position", e.Position(), "waits", len(e.due.wall.list), e.due.past, "policy", e.Policy().Version())
	// prototext varies its spaces from build to build only.
	return b.String()
}

func key(client, server string, port uint32) *demarcv1.ConnectionKey {
	return &demarcv1.ConnectionKey{Client: addr(client), Server: addr(server), Transport: "tcp", Port: port}
}

func addr(s string) *demarcv1.Address {
	return &demarcv1.Address{Segment: "line4", Ip: netip.MustParseAddr(s).AsSlice()}
}

// flow is a connection from client to server that exchanged something at t.
func flow(client, server string, port uint32, protocol string, t time.Time) *demarcv1.Body {
	d := &demarcv1.ConnectionDelta{
		Key: key(client, server, port), Protocol: protocol, DirectionBasis: "syn", OpenedBy: "client", Outcome: "exchanged",
		ClientPackets: 10, ServerPackets: 10, ClientBytes: 1000, ServerBytes: 2000, Sessions: 1,
		FirstNs: t.UnixNano(), LastNs: t.UnixNano(),
	}
	if protocol != "" {
		d.Grade = demarcv1.Grade_GRADE_CONTENT
	}
	return &demarcv1.Body{
		Endpoints: []*demarcv1.EndpointDelta{
			{Address: addr(client), Mac: mac(client), OwnLink: true, FirstNs: t.UnixNano(), LastNs: t.UnixNano()},
			{Address: addr(server), Mac: mac(server), OwnLink: true, FirstNs: t.UnixNano(), LastNs: t.UnixNano()},
		},
		Connections: []*demarcv1.ConnectionDelta{d},
	}
}

func mac(ip string) []byte {
	a := netip.MustParseAddr(ip).As4()
	return []byte{0, 0x0e, 0x8c, a[1], a[2], a[3]}
}

// verdictOf is the verdict on the connection between two addresses.
func verdictOf(t testing.TB, e *engine, client, server string) *demarcv1.JudgedConnection {
	t.Helper()
	for _, c := range e.Connections() {
		if c.GetConnection().GetClient() == client && c.GetConnection().GetServer() == server {
			return c
		}
	}
	t.Fatalf("no connection %s -> %s among %d", client, server, len(e.Connections()))
	return nil
}

// anyBody is some sighting of a small plant.
func anyBody(r *rand.Rand, now time.Time) *demarcv1.Body {
	hosts := []string{"10.20.4.10", "10.20.4.11", "10.20.4.12", "10.50.1.20", "10.50.1.21", "10.60.1.1", "10.9.9.9", "198.51.100.7"}
	pick := func() string { return hosts[r.IntN(len(hosts))] }
	body := &demarcv1.Body{}
	for range 1 + r.IntN(4) {
		client, server := pick(), pick()
		if client == server {
			continue
		}
		t := now.Add(-time.Duration(r.IntN(3000)) * time.Millisecond)
		if r.IntN(3) == 0 {
			t = t.Add(-30*24*time.Hour + time.Duration(r.IntN(20000))*time.Millisecond) // from a file
		}
		port := []uint32{102, 4840, 443}[r.IntN(3)]
		if r.IntN(2) == 0 { // where an agreement may cover it, once it is identified
			client, server, port = hosts[3+r.IntN(2)], hosts[r.IntN(3)], 4840
		}
		b := flow(client, server, port, []string{"", "", "opcua", "tls"}[r.IntN(4)], t)
		b.Connections[0].Outcome = []string{"exchanged", "unanswered", "refused"}[r.IntN(3)]
		if r.IntN(3) == 0 {
			b = told(b, ot.Operation(r.IntN(ot.NumOperations)), 1)
		}
		body.Endpoints = append(body.Endpoints, b.Endpoints[r.IntN(2):]...)
		body.Connections = append(body.Connections, b.Connections...)
		if r.IntN(6) == 0 {
			k := b.Connections[0].Key
			body.Moves = append(body.Moves, &demarcv1.ConnectionMove{From: k, To: &demarcv1.ConnectionKey{Client: k.Server, Server: k.Client, Transport: "tcp", Port: 50000}})
		}
		if r.IntN(4) == 0 {
			body.Facts = append(body.Facts, &demarcv1.FactDelta{
				Of: addr(server), Attribute: "serial", Value: fmt.Sprintf("S%d", r.IntN(4)), Source: []string{"s7comm.szl", "s7comm.szl", "probe.s7comm.szl"}[r.IntN(3)], Grade: demarcv1.Grade_GRADE_IDENTITY,
				FirstNs: t.UnixNano(), LastNs: t.UnixNano(),
			})
		}
	}
	return body
}
