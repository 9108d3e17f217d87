package storetest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"demarc/collector/store"
)

func testUsers(t *testing.T, b *bench) {
	uid := uint32(1000)
	ana := store.User{
		Name: "ana", FullName: "Ana Ruiz", Kind: store.Person, UID: &uid, Subject: "CN=ana", OIDC: "https://id.example 17", Created: b.now,
		Roles:    []store.Grant{{Role: store.Official, Sites: []string{"houston"}, Boundaries: []string{"line4"}}, {Role: store.Auditor}},
		Password: &store.Password{Rounds: 600_000, Salt: []byte{1}, Sum: []byte{2}, Given: true},
	}
	must(t, b.PutUser(t.Context(), ana, act("user add")))
	if err := b.PutUser(t.Context(), ana, act("user add")); !errors.Is(err, store.ErrExists) {
		t.Errorf("twice: %v", err)
	}
	for _, u := range []store.User{{Name: "bob", UID: &uid}, {Name: "bob", Subject: "CN=ana"}, {Name: "bob", OIDC: ana.OIDC}} {
		if err := b.PutUser(t.Context(), u, act("user add")); !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), "ana") {
			t.Errorf("what is ana's: %v", err)
		}
	}
	must(t, b.PutUser(t.Context(), store.User{Name: "Bob", Kind: store.Program}, act("user add")))
	b.reopen(t)
	if got, err := b.User(t.Context(), "ana"); err != nil || !reflect.DeepEqual(got, ana) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := b.User(t.Context(), "bob"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	must(t, b.UpdateUser(t.Context(), "ana", act("user change"), func(u *store.User) error {
		u.Name, u.Disabled, u.SignedIn = "other", true, b.now.Add(time.Hour)
		return nil
	}))
	if err := b.UpdateUser(t.Context(), "Bob", act("user change"), func(u *store.User) error { u.UID = &uid; return nil }); !errors.Is(err, store.ErrExists) {
		t.Errorf("ana's uid for Bob: %v", err)
	}
	no := errors.New("no")
	if err := b.UpdateUser(t.Context(), "Bob", act("user change"), func(u *store.User) error { u.Disabled = true; return no }); !errors.Is(err, no) {
		t.Errorf("refused change: %v", err)
	}
	if err := b.UpdateUser(t.Context(), "carl", act("user change"), func(*store.User) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	b.reopen(t)
	all, err := b.Users(t.Context())
	must(t, err)
	if len(all) != 2 || all[0].Name != "Bob" || all[0].Disabled || all[1].Name != "ana" || !all[1].Disabled {
		t.Errorf("%+v", all)
	}
	if n := len(b.acts(t)); n != 3 {
		t.Errorf("%d audit entries", n)
	}
}

func testAPITokens(t *testing.T, b *bench) {
	in := store.APIToken{Name: "ci", User: "ana", Hash: []byte{1}, Scopes: []string{"read"}, Created: b.now, Expires: b.now.Add(time.Hour)}
	must(t, b.PutAPIToken(t.Context(), in, act("token create")))
	if err := b.PutAPIToken(t.Context(), in, act("token create")); !errors.Is(err, store.ErrExists) {
		t.Errorf("twice: %v", err)
	}
	must(t, b.PutAPIToken(t.Context(), store.APIToken{Name: "b"}, act("token create")))
	must(t, b.UpdateAPIToken(t.Context(), "b", act("token revoke"), func(x *store.APIToken) error { x.Revoked = b.now; return nil }))
	if err := b.UpdateAPIToken(t.Context(), "c", act("token revoke"), func(*store.APIToken) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	b.reopen(t)
	if got, err := b.APIToken(t.Context(), "ci"); err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := b.APIToken(t.Context(), "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	all, err := b.APITokens(t.Context())
	must(t, err)
	if len(all) != 2 || all[0].Name != "b" || !all[0].Revoked.Equal(b.now) {
		t.Errorf("%+v", all)
	}
	if n := len(b.acts(t)); n != 3 {
		t.Errorf("%d audit entries", n)
	}
}
