package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// archive is a lab with a keeper, that answers of its past.
type archive struct {
	*lab
	saver *saver
	pasts *pasts
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	l := newLab(t)
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	log := slog.New(slog.DiscardHandler)
	a := &archive{lab: l, saver: &saver{engine: l.engine, store: l.store, fence: fence, log: log, bases: keeper{
		store: l.store, fence: fence, software: "test", every: 5 * time.Hour, most: 1 << 30, log: log,
	}}}
	a.open()
	return a
}

// open makes what answers of the past anew, as a restart does.
func (a *archive) open() {
	a.pasts = newPasts(a.lab.store, a.clock, "test", slog.New(slog.DiscardHandler))
	a.t.Cleanup(a.pasts.close)
}

// lists is everything that a collector tells of a moment, nil for now, but when
// it was rebuilt from what.
func (a *archive) lists(at *timestamppb.Timestamp) string {
	a.t.Helper()
	s := api.New(api.Config{Store: a.lab.store, Plant: a.engine, Past: a.pasts, Clock: a.clock})
	var b bytes.Buffer
	put := func(m proto.Message, err error) {
		a.t.Helper()
		if err != nil {
			a.t.Fatalf("as of %v: %v", at.AsTime(), err)
		}
		told := m.ProtoReflect().Descriptor().Fields().ByName("as_of")
		if at != nil && !m.ProtoReflect().Has(told) {
			a.t.Errorf("%T does not say which moment it is of", m)
		}
		m.ProtoReflect().Clear(told)
		b.WriteString(strings.ReplaceAll(prototext.Format(m), "  ", " "))
	}
	ctx := a.t.Context()
	connections, err := s.ListConnections(ctx, &demarcv1.ListConnectionsRequest{AsOf: at, PageSize: 1000})
	put(connections, err)
	findings, err := s.ListFindings(ctx, &demarcv1.ListFindingsRequest{AsOf: at, PageSize: 1000})
	put(findings, err)
	conditions, err := s.ListConditions(ctx, &demarcv1.ListConditionsRequest{AsOf: at, PageSize: 1000})
	put(conditions, err)
	put(s.ListAssets(ctx, &demarcv1.ListAssetsRequest{AsOf: at, PageSize: 1000}))
	put(s.ListBoundaries(ctx, &demarcv1.ListBoundariesRequest{AsOf: at}))
	put(s.ListAuthorizations(ctx, &demarcv1.ListAuthorizationsRequest{AsOf: at}))
	put(s.ListDocuments(ctx, &demarcv1.ListDocumentsRequest{AsOf: at}))
	put(s.ListSites(ctx, &demarcv1.ListSitesRequest{AsOf: at}))
	put(s.ListDrift(ctx, &demarcv1.ListDriftRequest{AsOf: at}))
	for _, x := range connections.GetConnections() {
		put(s.Explain(ctx, &demarcv1.ExplainRequest{Id: x.GetId(), AsOf: at}))
	}
	for _, x := range findings.GetFindings() {
		put(s.Explain(ctx, &demarcv1.ExplainRequest{Id: x.GetId(), AsOf: at}))
	}
	for _, x := range conditions.GetConditions() {
		put(s.Explain(ctx, &demarcv1.ExplainRequest{Id: x.GetId(), AsOf: at}))
		put(s.Gate(ctx, &demarcv1.GateRequest{Authorization: x.GetAuthorization(), AsOf: at}))
	}
	return b.String()
}

// Whatever a collector told at a moment it tells of that moment ever after,
// byte for byte: later, after a restart, from any kept state or the journal's
// start; and telling it changes nothing.
func TestPastIsWhatWasTold(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 7))
		a := newArchive(t)
		type told struct {
			at    time.Time
			lists string
		}
		var all []told
		for i := range 60 {
			a.now = a.now.Add(time.Millisecond) // what follows is not of the moment before
			switch r.IntN(14) {
			case 0:
				terms := []string{"", "  window: 3h\n", "  activation: per-window\n"}[r.IntN(3)]
				_, err := a.apply(documents(plantDocs, agreement, terms, expiry, lineATO, window, conditioned), applyOptions{})
				a.must(err)
			case 1:
				a.randomAct(r, i)
			case 2, 3:
				a.pass(time.Duration(r.IntN(1500)) * time.Millisecond)
			case 4, 5:
				a.pass(7 * time.Hour)
			case 6, 7:
				a.must(a.saver.save(t.Context(), true))
			case 8:
				a.anyAct(r)
			case 9:
				a.anyDecision(r)
			default:
				a.send([]string{"a", "b"}[r.IntN(2)], anyBody(r, a.now))
			}
			if r.IntN(5) == 0 && a.Position() > 0 {
				a.pass(0)
				all = append(all, told{a.now, a.lists(nil)})
			}
		}
		a.must(a.saver.save(t.Context(), true))
		before := dump(a.engine)
		for _, how := range []string{"later", "after a restart"} {
			for _, i := range r.Perm(len(all)) {
				if got := a.lists(timestamppb.New(all[i].at)); got != all[i].lists {
					t.Errorf("seed %d, %s, %d of %d, %v:\n%s", seed, how, i, len(all), all[i].at, firstDifference(all[i].lists, got))
				}
			}
			a.open()
		}
		if now := dump(a.engine); now != before {
			t.Errorf("seed %d: looking back changed what is there: %s", seed, firstDifference(before, now))
		}
		if len(a.saver.bases.kept) < 2 {
			t.Errorf("seed %d: %d states kept: the test compares little", seed, len(a.saver.bases.kept))
		}
		if t.Failed() {
			return
		}
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d, after %q:\ntold %s\nnow  %s", i, w[max(0, i-3):i], w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, now %d", len(w), len(g))
}

// What is not kept any more, or not yet there, is refused with what would be
// right.
func TestPastThatIsNotKept(t *testing.T) {
	a := newArchive(t)
	ask := func(at time.Time) error {
		_, _, err := a.pasts.At(t.Context(), at)
		return err
	}
	if err := ask(a.now); !errors.Is(err, api.ErrPast) || !strings.Contains(err.Error(), "nothing is recorded yet") {
		t.Errorf("nothing yet: %v", err)
	}
	a.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", a.now))
	begun := a.now
	if err := ask(begun.Add(-time.Nanosecond)); !errors.Is(err, api.ErrPast) || !strings.Contains(err.Error(), "begins at 2026-04-12 08:00:00 UTC") {
		t.Errorf("before the first record: %v", err)
	}
	if err := ask(a.now.Add(time.Second)); !errors.Is(err, api.ErrPast) || !strings.Contains(err.Error(), "lies ahead") {
		t.Errorf("in the future: %v", err)
	}
	a.must(ask(begun))
	for range 3 {
		a.now = a.now.Add(24 * time.Hour)
		a.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", a.now))
		a.must(a.saver.save(t.Context(), true))
	}
	// The journal's first day is forgotten: what was kept on the second is
	// where it begins now.
	if n, err := a.lab.store.Trim(t.Context(), begun.Add(25*time.Hour)); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	a.must(a.saver.bases.thin(t.Context()))
	a.open()
	if err := ask(begun); !errors.Is(err, api.ErrPast) || !strings.Contains(err.Error(), "begins at 2026-04-13 08:00:00 UTC") {
		t.Errorf("trimmed: %v", err)
	}
	a.must(ask(begun.Add(24 * time.Hour)))
	a.must(ask(begun.Add(30 * time.Hour)))
}

// Between two records for which no collector ran, what falls due is judged for
// the moment asked about.
func TestPastWhileNothingRan(t *testing.T) {
	a := newArchive(t)
	_, err := a.apply(documents(plantDocs, agreement, expiry), applyOptions{})
	a.must(err)
	a.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)))
	a.now = time.Date(2026, 4, 15, 23, 30, 0, 0, time.UTC)
	a.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", a.now))
	if v := verdictOf(t, a.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetVerdict(); v != "authorized" {
		t.Fatal(v)
	}
	a.now = a.now.Add(10 * time.Hour) // and nobody looked at the clock
	for at, want := range map[time.Time]string{
		time.Date(2026, 4, 15, 23, 45, 0, 0, time.UTC): "authorized",
		time.Date(2026, 4, 16, 5, 0, 0, 0, time.UTC):   "lapsed",
	} {
		plant, as, err := a.pasts.At(t.Context(), at)
		a.must(err)
		if v := verdictOf(t, plant.(*engine), "10.50.1.20", "10.20.4.10").GetVerdict().GetVerdict(); v != want || as.GetPosition() != 3 {
			t.Errorf("as of %v, at %d: %s, want %s", at, as.GetPosition(), v, want)
		}
	}
}

// Many who ask for the same moment make one engine; more moments than are kept
// let the ones go that were asked for longest ago; who goes away waits for
// nothing.
func TestPastIsShared(t *testing.T) {
	a := newArchive(t)
	var moments []time.Time
	for range 4 {
		a.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", a.now))
		moments = append(moments, a.now)
		a.now = a.now.Add(time.Hour)
	}
	var asked sync.WaitGroup
	got := make([]api.Plant, 40)
	for i := range got {
		asked.Go(func() {
			got[i], _, _ = a.pasts.At(t.Context(), moments[0])
		})
	}
	asked.Wait()
	for _, p := range got {
		if p == nil || p != got[0] {
			t.Fatal("several engines of one moment")
		}
	}
	for _, m := range moments {
		_, _, err := a.pasts.At(t.Context(), m)
		a.must(err)
	}
	if n := len(a.pasts.all); n != pastsKept {
		t.Errorf("%d engines are kept, want %d", n, pastsKept)
	}
	if again, _, err := a.pasts.At(t.Context(), moments[0]); err != nil || again == got[0] {
		t.Errorf("the oldest was kept: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a.pasts.turn <- struct{}{} // somebody else is busy
	if _, _, err := a.pasts.At(gone, moments[1]); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	<-a.pasts.turn
	a.pasts.close()
	if n := len(a.pasts.all); n > pastsKept {
		t.Errorf("%d engines: one that nobody waits for is still there", n)
	}
}

// An engine of the past has no way to write.
func TestPastIsNotWrittenTo(t *testing.T) {
	a := newArchive(t)
	_, err := a.apply(documents(plantDocs, agreement), applyOptions{})
	a.must(err)
	plant, _, err := a.pasts.At(t.Context(), a.now)
	a.must(err)
	for what, err := range map[string]error{
		"act": plant.Act(t.Context(), "houston", api.ActSet, &demarcv1.AssetAct{}, store.Act{}),
		"apply": func() error {
			_, err := plant.Apply(owner(t), documents(plantDocs), api.ApplyOptions{Prune: true})
			return err
		}(),
		"clock": plant.(*engine).readOnlyAppend(t.Context()),
		"save":  plant.(*engine).store.Save(t.Context(), 1, 1, true, nil),
	} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func (e *engine) readOnlyAppend(ctx context.Context) error {
	_, err := e.store.Append(ctx, []store.Record{{Kind: store.KindClock}})
	return err
}

// What is kept fits its size and still reaches back as far.
func TestKeptStatesAreThinned(t *testing.T) {
	a := newArchive(t)
	k := &a.saver.bases
	var each uint64
	for i := range 20 {
		a.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", a.now))
		a.must(a.saver.save(t.Context(), true))
		if i == 0 {
			each = k.kept[0].Bytes
			k.most = 6 * each
		}
		a.now = a.now.Add(6 * time.Hour)
	}
	stored, err := a.lab.store.Bases(t.Context())
	a.must(err)
	if n := len(k.kept); n < 3 || n > 6 || len(stored) != n || k.bytes() > k.most {
		t.Fatalf("%d states of %d bytes, %d stored, where %d bytes fit", n, k.bytes(), len(stored), k.most)
	}
	if k.kept[0].Position != 1 || k.kept[len(k.kept)-1].Position != 20 {
		t.Errorf("kept at %v: the first and the last must stay", k.kept)
	}
	for i := 1; i < len(k.kept); i++ {
		if gap := k.kept[i].Position - k.kept[i-1].Position; gap > 10 {
			t.Errorf("%d records between two of %d states over 20: not thinned evenly", gap, len(k.kept))
		}
	}
	k.most = 1
	a.must(k.thin(t.Context()))
	if len(k.kept) != 1 || k.kept[0].Position != 20 {
		t.Errorf("the last state is the last to go: %v", k.kept)
	}
}
