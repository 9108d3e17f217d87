package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"demarc/collector/store"
)

func act(what string) store.Act { return store.Act{Who: "uid 1000 (ana)", What: what, On: "x"} }

// acts returns what stands in the audit log.
func (b *bench) acts(t *testing.T) (what []string) {
	t.Helper()
	log, err := b.AuditLog(t.Context(), 0, 1000)
	must(t, err)
	must(t, store.VerifyAudit(store.AuditEntry{}, log))
	for _, e := range log {
		what = append(what, e.Act.What)
	}
	return what
}

func testTokens(t *testing.T, b *bench) {
	in := store.Token{Name: "t1", Hash: []byte{1, 2}, Site: "houston", Agent: "a", Created: b.now, Expires: b.now.Add(time.Hour)}
	must(t, b.PutToken(t.Context(), in, act("token create")))
	if err := b.PutToken(t.Context(), in, act("token create")); !errors.Is(err, store.ErrExists) {
		t.Errorf("twice: %v", err)
	}
	b.reopen(t)
	got, err := b.Token(t.Context(), "t1")
	if err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := b.Token(t.Context(), "t2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if got := b.acts(t); len(got) != 1 {
		t.Errorf("audit %v", got)
	}
}

func testEnrol(t *testing.T, b *bench) {
	must(t, b.PutToken(t.Context(), store.Token{Name: "t1", Site: "houston"}, act("token create")))
	no := errors.New("no")
	refuse := func(tok *store.Token, _ func(string) *store.Agent) (store.Agent, error) {
		tok.UsedBy = "somebody"
		return store.Agent{Name: "a"}, no
	}
	if err := b.Enrol(t.Context(), "t1", act("enrol"), refuse); !errors.Is(err, no) {
		t.Errorf("refused: %v", err)
	}
	if tok, _ := b.Token(t.Context(), "t1"); tok.UsedBy != "" {
		t.Error("a refused enrolment used the token")
	}
	accept := func(tok *store.Token, known func(string) *store.Agent) (store.Agent, error) {
		if known("a") != nil {
			return store.Agent{}, errors.New("known before it enrolled")
		}
		tok.UsedBy = "a"
		return store.Agent{Name: "a", Site: tok.Site, Serial: "1f", Epoch: store.Epoch{3}}, nil
	}
	must(t, b.Enrol(t.Context(), "t1", act("enrol"), accept))
	if err := b.Enrol(t.Context(), "t2", act("enrol"), accept); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown token: %v", err)
	}
	b.reopen(t)
	if tok, _ := b.Token(t.Context(), "t1"); tok.UsedBy != "a" {
		t.Error("the token is still good")
	}
	if a, err := b.Agent(t.Context(), "a"); err != nil || a.Site != "houston" || a.Serial != "1f" || a.Epoch != (store.Epoch{3}) {
		t.Errorf("%+v %v", a, err)
	}
	if got := fmt.Sprint(b.acts(t)); got != "[token create enrol]" {
		t.Errorf("audit %v", got)
	}
}

func testAgents(t *testing.T, b *bench) {
	for _, name := range []string{"b", "a"} {
		must(t, b.PutToken(t.Context(), store.Token{Name: name}, act("token create")))
		must(t, b.Enrol(t.Context(), name, act("enrol"), func(*store.Token, func(string) *store.Agent) (store.Agent, error) {
			return store.Agent{Name: name, Site: "s"}, nil
		}))
	}
	must(t, b.UpdateAgent(t.Context(), "b", act("revoke"), func(a *store.Agent) error {
		a.Revoked = b.now
		return nil
	}))
	no := errors.New("no")
	if err := b.UpdateAgent(t.Context(), "a", act("revoke"), func(a *store.Agent) error { a.Revoked = b.now; return no }); !errors.Is(err, no) {
		t.Errorf("refused change: %v", err)
	}
	if err := b.UpdateAgent(t.Context(), "c", act("revoke"), func(*store.Agent) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := b.Agent(t.Context(), "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	b.reopen(t)
	all, err := b.Agents(t.Context())
	must(t, err)
	if len(all) != 2 || all[0].Name != "a" || !all[0].Revoked.IsZero() || !all[1].Revoked.Equal(b.now) {
		t.Errorf("%+v", all)
	}
	if n := len(b.acts(t)); n != 5 {
		t.Errorf("%d audit entries", n)
	}
}

func testPolicies(t *testing.T, b *bench) {
	if _, err := b.Policy(t.Context(), 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	b.append(t, batch("a", 1, 1, "x"))
	for v := uint64(1); v <= 2; v++ {
		p := store.Policy{Version: v, Applied: b.now, Documents: []store.Document{{Path: "p.yaml", Content: []byte{'0' + byte(v)}}}}
		position, err := b.PutPolicy(t.Context(), p, act("policy apply"))
		if err != nil || position != v+1 {
			t.Errorf("position %d, %v", position, err)
		}
	}
	for _, v := range []uint64{2, 4} {
		if _, err := b.PutPolicy(t.Context(), store.Policy{Version: v}, act("policy apply")); !errors.Is(err, store.ErrExists) {
			t.Errorf("version %d after 2: %v", v, err)
		}
	}
	b.reopen(t)
	if p, err := b.Policy(t.Context(), 0); err != nil || p.Version != 2 || string(p.Documents[0].Content) != "2" || !p.Applied.Equal(b.now) {
		t.Errorf("newest %+v %v", p, err)
	}
	if p, err := b.Policy(t.Context(), 1); err != nil || string(p.Documents[0].Content) != "1" {
		t.Errorf("first %+v %v", p, err)
	}
	got := b.read(t, 1, 1<<20)
	if len(got) != 2 || got[0].Kind != store.KindPolicy || store.PolicyVersion(got[1].Body) != 2 {
		t.Errorf("records %+v", got)
	}
	if n := len(b.acts(t)); n != 2 {
		t.Errorf("%d audit entries", n)
	}
}

func testAudit(t *testing.T, b *bench) {
	for i := range 10 {
		must(t, b.AppendAudit(t.Context(), store.Act{Who: "w", What: fmt.Sprint(i), On: "o", Detail: "ü"}))
	}
	b.reopen(t)
	must(t, b.AppendAudit(t.Context(), act("last")))
	if got := b.acts(t); len(got) != 11 || got[10] != "last" {
		t.Errorf("%v", got)
	}
	if last, err := b.LastAudit(t.Context()); err != nil || last.Sequence != 11 || last.Act.What != "last" {
		t.Errorf("last %+v %v", last, err)
	}
	if last, err := store.VerifyLog(t.Context(), b); err != nil || last.Sequence != 11 {
		t.Errorf("verify %+v %v", last, err)
	}
	part, err := b.AuditLog(t.Context(), 3, 2)
	if err != nil || len(part) != 2 || part[0].Sequence != 4 || !part[0].Act.Time.Equal(b.now) {
		t.Errorf("%+v %v", part, err)
	}
}
