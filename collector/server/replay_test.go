package server

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/collector/store"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// expiry makes every live verdict on the agreement wait for its end, which the
// random histories reach.
const expiry = "  agreement: {type: isa, reference: X, signed: 2026-02-01, expires: 2026-04-15}\n"

// lineATO ends within the random histories, too.
const lineATO = `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: line4-ato}
spec: {decision: ato, boundaries: [line4], granted: 2026-01-01, expires: 2026-04-13}
`

// window opens the agreement for two days, where it needs one.
const window = `---
{apiVersion: demarc/v1, kind: Window, metadata: {name: w}, spec: {type: maintenance, interconnection: line4-to-historian, approvedBy: A, from: 2026-04-12T08:07Z, until: 2026-04-14T08:00Z}}
`

// conditioned sets conditions for the plant's historian.
const conditioned = `---
apiVersion: demarc/v1
kind: Authorization
metadata: {name: dmz-ato}
spec:
  decision: ato-with-conditions
  boundaries: [dmz]
  granted: 2026-01-01
  expires: 2028-01-01
  conditions:
    - {id: C1, statement: s, check: read-only-from-outside, window: 2h}
    - {id: C2, statement: s, check: agreement-in-force}
    - {id: C3, statement: s, check: cadence, with: {atLeast: 1h}}
    - {id: C4, statement: s, attest: {by: system-owner, every: 1d}}
`

// Whatever happened, in whatever order: a collector that replays the journal
// from its start, and one that goes on from any checkpoint, come to what the
// one that lived through it came to.
func TestReplayEqualsLife(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := newLab(t)
		if seed%2 == 1 {
			l = newTellingLab(t)
		}
		fence, err := l.store.Lease(t.Context(), "test")
		l.must(err)
		checkpoints := 0
		for i := range 60 {
			switch r.IntN(16) {
			case 12:
				l.randomAct(r, i)
			case 13:
				_, err := l.decide(&demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "line4-ato"}, true)
				if !errors.Is(err, api.ErrRefused) {
					l.must(err)
				}
			case 0:
				if _, err := l.apply(documents(plantDocs), applyOptions{Prune: true}); !errors.Is(err, api.ErrRefused) {
					l.must(err)
				}
			case 1:
				terms := []string{"", "  schedule: {from: \"06:00\", until: \"14:00\"}\n", "  window: 3h\n", "  activation: per-window\n"}[r.IntN(4)]
				_, err := l.apply(documents(plantDocs, agreement, terms, expiry, lineATO, window, conditioned), applyOptions{})
				l.must(err)
			case 2, 3:
				l.pass(time.Duration(r.IntN(1500)) * time.Millisecond)
			case 4:
				l.pass(7 * time.Hour)
				l.pass(verdict.Early + packetTail)
				l.full()
			case 5:
				c, err := l.cutState(checkpoints == 0 || r.IntN(4) == 0)
				l.must(err)
				l.must(l.store.Save(t.Context(), fence, c.position, c.whole, c.changes))
				checkpoints++
			case 6:
				l.same("in between", l.restarted())
			case 7:
				l.anyAct(r)
			case 14, 15:
				l.anyDecision(r)
			default:
				l.send([]string{"a", "b"}[r.IntN(2)], anyBody(r, l.now))
			}
		}
		l.pass(verdict.Early + packetTail) // what was put off is decided
		l.full()
		l.same("from the last checkpoint", l.restarted())
		replayed := l.fresh()
		l.catch(replayed)
		l.same("from the start", replayed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// randomAct does something to authority, or is refused.
func (l *lab) randomAct(r *rand.Rand, i int) {
	l.t.Helper()
	kind := []string{"suspend", "revise", "extend", "suspend", "revise", "rescind"}[r.IntN(6)]
	a := &demarcv1.AuthorizationAct{Kind: kind, Authorization: "line4-ato", Reason: fmt.Sprint(i)}
	if kind == "extend" || r.IntN(3) == 0 {
		a.Until = timestamppb.New(l.now.Add(time.Duration(1+r.IntN(100)) * time.Hour))
	}
	if r.IntN(4) == 0 {
		a.Effective = timestamppb.New(l.now.Add(time.Duration(r.IntN(20)-5) * time.Hour))
	}
	_, err := l.decide(a, false)
	if !errors.Is(err, api.ErrRefused) {
		l.must(err)
	}
}

// full judges every live connection and every asset anew: what was judged only
// where something touched it must say the same, and stand in the same findings.
func (l *lab) full() {
	l.t.Helper()
	l.fullAssets()
	var sorter finding.Sorter
	again := finding.New()
	l.must(again.Restore(l.findings.Snapshot()))
	for c := range l.book.Connections() {
		if !judgedAt(c, l.now).Equal(l.now) {
			continue
		}
		j := verdict.Judge(l.policy, c, l.now)
		got, want := l.judged[c.ID].view().GetVerdict(), j.Verdict
		if in, _ := again.Take(c.ID, sorter.Sort(l.policy, c, &j, l.now, true)); !slices.Equal(l.findings.OfConnection(c.ID), in) || !slices.Equal(l.judged[c.ID].findings, in) {
			l.t.Errorf("%s: in findings %v, shown in %v, judged anew in %v", c.ID, l.findings.OfConnection(c.ID), l.judged[c.ID].findings, in)
		}
		if got.GetVerdict() != want.GetVerdict() || got.GetReason() != want.GetReason() || !slices.Equal(got.GetDocuments(), want.GetDocuments()) {
			l.t.Errorf("%s: judged as it came: %s: %s\njudged anew: %s: %s", c.ID, got.GetVerdict(), got.GetReason(), want.GetVerdict(), want.GetReason())
		}
	}
}

// fullAssets is full for assets that are live.
func (l *lab) fullAssets() {
	l.t.Helper()
	anew := finding.New()
	for _, a := range l.book.Assets("") {
		if !assetAt(a, l.now).Equal(l.now) {
			continue // it is past, and keeps what it came to
		}
		anew.UpdateAsset(l.policy, a, l.book.Ends(a.GetId()), assetAt(a, l.now))
		if got, want := l.findings.OfAsset(a.GetId()), anew.OfAsset(a.GetId()); !slices.Equal(got, want) {
			f, _ := anew.Get(append(want, "")[0])
			l.t.Errorf("asset %s: in findings %v, judged anew in %v (%s)", a.GetId(), got, want, f.GetTitle())
		}
	}
}

// same compares an engine with the one that lived.
func (l *lab) same(how string, e *engine) {
	l.t.Helper()
	want, got := strings.Split(dump(l.engine), "\n"), strings.Split(dump(e), "\n")
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			l.t.Errorf("%s, line %d:\nlived    %s\nreplayed %s", how, i, want[i], got[i])
			return
		}
	}
	if len(want) != len(got) {
		l.t.Errorf("%s: %d lines, want %d", how, len(got), len(want))
	}
}

// A Lost is told as a loss and changes nothing else.
func TestLostIsApplied(t *testing.T) {
	l := newLab(t)
	l.send("a", flow("10.20.4.10", "10.50.1.20", 4840, "opcua", l.now))
	_, err := l.store.Append(t.Context(), []store.Record{{Kind: store.KindLost, Site: "houston", Agent: "a", From: 2, Sequence: 9}})
	l.must(err)
	l.catch(l.engine)
	losses := l.book.Inventory().GetLosses()
	if len(losses) != 1 || losses[0].GetCount() != 8 || l.Position() != 2 {
		t.Errorf("%v", losses)
	}
}

// A record that cannot be read stops the loop: to go on would be to differ from
// every replay.
func TestDamagedRecordStops(t *testing.T) {
	l := newLab(t)
	_, err := l.store.Append(t.Context(), []store.Record{{Kind: 99}})
	l.must(err)
	if err := l.catchUp(t.Context()); err == nil || l.Position() != 0 {
		t.Errorf("%v at %d", err, l.Position())
	}
}

// BenchmarkApply: counters of 500 known connections among 2,000 assets, a
// record at a time, through inventory, verdict and finding.
func BenchmarkApply(b *testing.B) {
	e := newEngine(nil, time.Now, "test", slog.New(slog.DiscardHandler))
	docs, err := boundary.Read(documents(plantDocs, agreement))
	if err != nil {
		b.Fatal(err)
	}
	policy, err := boundary.Compile(docs, 1)
	if err != nil {
		b.Fatal(err)
	}
	e.setPolicy(policy)
	e.book.SetSpace(e.space())
	now := time.Now()
	var bodies [][]byte
	for i := range 4 {
		body := &demarcv1.Body{}
		for j := range 500 {
			n := i*500 + j
			f := flow(fmt.Sprintf("10.60.%d.%d", n/250, n%250+1), fmt.Sprintf("10.20.4.%d", n%200+1), 102, "s7comm", now)
			body.Endpoints, body.Connections = append(body.Endpoints, f.Endpoints...), append(body.Connections, f.Connections...)
		}
		raw, err := proto.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		bodies = append(bodies, raw)
	}
	position := uint64(0)
	apply := func(raw []byte) {
		position++
		r := store.Record{Position: position, Recorded: now, Kind: store.KindBatch, Site: "houston", Agent: "a", Body: raw}
		if err := e.apply(&r); err != nil {
			b.Fatal(err)
		}
	}
	for _, raw := range bodies {
		apply(raw)
	}
	b.ReportAllocs()
	for b.Loop() {
		apply(bodies[position%4])
	}
	b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "connections/s")
}
