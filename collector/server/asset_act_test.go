package server

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/api"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// serve answers requests while the loop runs.
func (l *lab) serve(ask func(*api.Service)) {
	l.t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-l.wake:
				_ = l.catchUp(l.t.Context())
			case <-done:
				return
			}
		}
	}()
	ask(api.New(api.Config{Store: l.store, Plant: l.engine, Log: slog.New(slog.DiscardHandler), Clock: l.clock}))
	close(done)
	<-ended
}

// assetOf is the one asset at an address.
func assetOf(t *testing.T, e *engine, ip string) *demarcv1.Asset {
	t.Helper()
	for _, a := range e.Assets() {
		if slices.Contains(a.GetIps(), ip) {
			return a
		}
	}
	t.Fatalf("no asset at %s", ip)
	return nil
}

// anyAct does something to some assets, as a person might.
func (l *lab) anyAct(r *rand.Rand) {
	l.t.Helper()
	all := l.Assets()
	if len(all) < 2 {
		return
	}
	slices.SortFunc(all, func(x, y *demarcv1.Asset) int { return strings.Compare(x.GetId(), y.GetId()) })
	a, b := all[r.IntN(len(all))], all[r.IntN(len(all))]
	l.serve(func(s *api.Service) {
		var err error
		switch r.IntN(3) {
		case 0:
			_, err = s.MergeAssets(owner(l.t), &demarcv1.MergeAssetsRequest{Assets: []string{a.GetId(), b.GetId()}, Reason: "test"})
		case 1:
			_, err = s.SplitAsset(owner(l.t), &demarcv1.SplitAssetRequest{Asset: a.GetId(), Addresses: a.GetIps()[:min(1, len(a.GetIps()))]})
		default:
			_, err = s.SetAsset(owner(l.t), &demarcv1.SetAssetRequest{Asset: a.GetId(), Field: "owner", Value: "owner of " + a.GetId()})
		}
		if c := status.Code(err); c != codes.OK && c != codes.InvalidArgument && c != codes.FailedPrecondition {
			l.t.Errorf("%v", err)
		}
	})
}

func TestPeopleChangeAssets(t *testing.T) {
	l := newLab(t)
	fence, err := l.store.Lease(t.Context(), "test")
	l.must(err)
	l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	l.send("a", flow("10.20.4.12", "10.20.4.11", 102, "s7comm", l.now))
	x, y := assetOf(t, l.engine, "10.20.4.10"), assetOf(t, l.engine, "10.20.4.12")
	l.serve(func(s *api.Service) {
		r, err := s.MergeAssets(owner(t), &demarcv1.MergeAssetsRequest{Assets: []string{y.GetId(), x.GetId()}, Reason: "two cards of one panel"})
		l.must(err)
		if got := strings.Join(r.GetAsset().GetIps(), " "); got != "10.20.4.10 10.20.4.12" || !strings.Contains(strings.Join(r.GetAsset().GetJoins(), "\n"), "two cards of one panel") {
			t.Errorf("merged: %v", r.GetAsset())
		}
		for field, value := range map[string]string{"name": "Panel left", "owner": "Line 4 crew", "criticality": "high", "place": "hall 2", "notes": "spare in cabinet 7", "role": "historian"} {
			_, err := s.SetAsset(owner(t), &demarcv1.SetAssetRequest{Asset: r.GetAsset().GetId(), Field: field, Value: value})
			l.must(err)
		}
	})
	// A checkpoint, a restart, and the same told again by another agent.
	c, err := l.cutState(true)
	l.must(err)
	l.must(l.store.Save(t.Context(), fence, c.position, c.whole, c.changes))
	l.engine = l.restarted()
	l.send("b", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	a := assetOf(t, l.engine, "10.20.4.12")
	if len(a.GetIps()) != 2 || a.GetNames()[0] != "Panel left" || a.GetRoles()[0].GetRole() != "historian" || a.GetRoles()[0].GetGrade() != "person" || len(a.GetAnnotations()) != 6 {
		t.Errorf("after a restart: %v", a)
	}
	l.serve(func(s *api.Service) {
		r, err := s.SplitAsset(owner(t), &demarcv1.SplitAssetRequest{Asset: a.GetId(), Addresses: []string{"10.20.4.12"}, Reason: "no, two panels"})
		l.must(err)
		if len(r.GetAssets()) != 2 || strings.Join(r.GetAssets()[1].GetIps(), " ") != "10.20.4.12" || !strings.Contains(strings.Join(r.GetAssets()[1].GetJoins(), "\n"), "no, two panels") {
			t.Errorf("split: %v", r.GetAssets())
		}
		_, err = s.SetAsset(owner(t), &demarcv1.SetAssetRequest{Asset: r.GetAssets()[0].GetId(), Field: "retired", Value: "yes"})
		l.must(err)
		_, err = s.SetAsset(owner(t), &demarcv1.SetAssetRequest{Asset: r.GetAssets()[0].GetId(), Field: "owner", Value: ""})
		l.must(err)
		// And together again: what a person took apart, a person can put together.
		_, err = s.MergeAssets(owner(t), &demarcv1.MergeAssetsRequest{Assets: []string{r.GetAssets()[0].GetId(), r.GetAssets()[1].GetId()}})
		l.must(err)
	})
	a = assetOf(t, l.engine, "10.20.4.12")
	if len(a.GetIps()) != 2 || slices.ContainsFunc(a.GetAnnotations(), func(n *demarcv1.Annotation) bool { return n.GetField() == "owner" }) {
		t.Errorf("together again: %v", a)
	}
	l.now = l.now.Add(1)
	l.send("b", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	if a = assetOf(t, l.engine, "10.20.4.10"); !strings.Contains(strings.Join(a.GetJoins(), "\n"), "is heard since") {
		t.Errorf("retired and heard: %v", a.GetJoins())
	}
	l.same("from the last checkpoint", l.restarted())
	log, err := l.store.AuditLog(t.Context(), 0, 100)
	l.must(err)
	l.must(store.VerifyAudit(store.AuditEntry{}, log))
	if len(log) != 11 || log[0].Act.What != "asset merge" || !strings.Contains(log[0].Act.On, x.GetId()) || log[0].Act.Detail != "two cards of one panel" {
		t.Errorf("%d audit entries: %+v", len(log), log)
	}
}

func TestAssetActsRefused(t *testing.T) {
	l := newLab(t)
	l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	x := assetOf(t, l.engine, "10.20.4.10").GetId()
	before := l.Position()
	l.serve(func(s *api.Service) {
		set := func(field, value string) error {
			_, err := s.SetAsset(owner(t), &demarcv1.SetAssetRequest{Asset: x, Field: field, Value: value})
			return err
		}
		merge := func(ids ...string) error {
			_, err := s.MergeAssets(owner(t), &demarcv1.MergeAssetsRequest{Assets: ids})
			return err
		}
		split := func(addresses ...string) error {
			_, err := s.SplitAsset(owner(t), &demarcv1.SplitAssetRequest{Asset: x, Addresses: addresses})
			return err
		}
		for words, err := range map[string]error{
			"field \"colour\" is not known":    set("colour", "red"),
			"criticality \"huge\" is not":      set("criticality", "huge"),
			"role \"boss\" is not known":       set("role", "boss"),
			"at most 4096":                     set("notes", strings.Repeat("x", 5000)),
			"name two assets":                  merge(x, x),
			"no asset has the id \"a-nobody\"": merge(x, "a-nobody"),
			"sent nothing under \"10.9.9.9\"":  split("10.9.9.9"),
			"name some of the addresses":       split(),
		} {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v", words, err)
			}
		}
	})
	if l.Position() != before {
		t.Error("what was refused stands in the journal")
	}
}

// An asset that falls silent is quiet, then gone, as its agent listens on; a
// silent agent makes nothing gone.
func TestPresence(t *testing.T) {
	l := newLab(t)
	l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	presence := func(ip string) string { return assetOf(t, l.engine, ip).GetPresence() }
	if got := presence("10.20.4.10"); got != "active" {
		t.Errorf("at first: %s", got)
	}
	l.now = l.now.Add(8 * 24 * time.Hour)
	if got := presence("10.20.4.10"); got != "active" {
		t.Errorf("its agent is silent: %s", got)
	}
	l.send("a", flow("10.20.4.12", "10.20.4.11", 102, "s7comm", l.now))
	if got := presence("10.20.4.10"); got != "quiet" {
		t.Errorf("after a week: %s", got)
	}
	l.now = l.now.Add(21 * 24 * time.Hour)
	l.send("a", flow("10.20.4.12", "10.20.4.11", 102, "s7comm", l.now))
	if a := assetOf(t, l.engine, "10.20.4.10"); a.GetPresence() != "gone" || a.GetPresenceWhy() == "" {
		t.Errorf("after a month: %v", a)
	}
	l.send("a", flow("10.20.4.10", "10.20.4.11", 102, "s7comm", l.now))
	if got := presence("10.20.4.10"); got != "active" {
		t.Errorf("heard again: %s", got)
	}
	l.same("from the start", func() *engine { e := l.fresh(); l.catch(e); return e }())
}
