package api

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
	demarcv1 "demarc/proto/demarc/v1"
)

// office is a Service with accounts in a real store, and a clock.
type office struct {
	*Service
	accounts *Accounts
	t        *testing.T
	now      time.Time
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 4, 12, 8, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return o.now }
	s, err := bolt.Open(filepath.Join(t.TempDir(), "x.db"), bolt.Options{Clock: clock, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	o.Service = New(Config{Store: s, Plant: &plant{policy: boundary.Empty()}, Clock: clock, Log: slog.New(slog.DiscardHandler)})
	o.accounts = &Accounts{Store: s, Clock: clock}
	return o
}

// admin is who runs the collector.
func (o *office) admin() context.Context {
	return As(o.t.Context(), Principal{Name: "uid 0 (root)", Roles: []store.Grant{{Role: store.Admin}}, Via: "socket"})
}

func (o *office) as(name, via string) context.Context {
	o.t.Helper()
	p, err := o.accounts.OfName(o.t.Context(), name, via)
	if err != nil {
		o.t.Fatal(err)
	}
	return As(o.t.Context(), p)
}

func (o *office) add(u *demarcv1.User, password string) {
	o.t.Helper()
	if _, err := o.AddUser(o.admin(), &demarcv1.AddUserRequest{User: u, Password: password}); err != nil {
		o.t.Fatal(err)
	}
}

func refusedWith(t *testing.T, err error, code codes.Code, words string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(err.Error(), words) {
		t.Errorf("%v; want %v with %q", err, code, words)
	}
}

const givenWord, ownWord = "four words of no sense", "other words, as many as before"

func TestPasswordsAreKeptAsPBKDF2(t *testing.T) {
	p, err := hashPassword(givenWord)
	if err != nil || p.Rounds < 600_000 || len(p.Salt) != 16 || len(p.Sum) != 32 {
		t.Fatalf("%+v %v", p, err)
	}
	if !verify(p, givenWord) || verify(p, givenWord+" ") || verify(nil, givenWord) {
		t.Error("verify")
	}
	// RFC 7914 section 11: PBKDF2-HMAC-SHA-256 ("passwd", "salt", 1, 64).
	key, err := pbkdf2.Key(sha256.New, "passwd", []byte("salt"), 1, 64)
	if want := "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"; err != nil || hex.EncodeToString(key[:32]) != want {
		t.Errorf("%x", key)
	}
	for text, words := range map[string]string{"eleven char": "at least 12", strings.Repeat("x", 2000): "at most 1024", "\xff23456789012": "UTF-8"} {
		if err := checkPassword(text); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if checkPassword("ääääääääääää") != nil || checkPassword("aaaaaaaaaaaa") != nil {
		t.Error("no rule says which characters")
	}
}

func TestSignInByPassword(t *testing.T) {
	o := newOffice(t)
	o.add(&demarcv1.User{Name: "ana", Roles: []*demarcv1.RoleGrant{{Role: "official"}}}, givenWord)
	_, wrong := o.accounts.OfPassword(t.Context(), "ana", ownWord)
	_, unknown := o.accounts.OfPassword(t.Context(), "bob", ownWord)
	if wrong == nil || unknown == nil || wrong.Error() != unknown.Error() {
		t.Errorf("%v, %v: the answers tell whether there is an account", wrong, unknown)
	}
	p, err := o.accounts.OfPassword(t.Context(), "ana", givenWord)
	if err != nil || !p.MustChange || len(p.Roles) != 0 {
		t.Fatalf("with a password that an admin gave: %+v %v", p, err)
	}
	_, err = o.SetPassword(As(t.Context(), p), &demarcv1.SetPasswordRequest{Password: ownWord, OldPassword: ownWord})
	refusedWith(t, err, codes.PermissionDenied, "another one")
	if _, err := o.SetPassword(As(t.Context(), p), &demarcv1.SetPasswordRequest{Password: ownWord, OldPassword: givenWord}); err != nil {
		t.Fatal(err)
	}
	p, err = o.accounts.OfPassword(t.Context(), "ana", ownWord)
	if err != nil || p.MustChange || !p.Has(store.Official) || p.Who() != "ana (session)" {
		t.Fatalf("%+v %v", p, err)
	}
	if u, _ := o.Store.User(t.Context(), "ana"); !u.SignedIn.Equal(o.now) {
		t.Errorf("signed in %v", u.SignedIn)
	}
	yes := true
	if _, err := o.ChangeUser(o.admin(), &demarcv1.ChangeUserRequest{Name: "ana", Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.accounts.OfPassword(t.Context(), "ana", ownWord); err == nil {
		t.Error("a disabled user signs in")
	}
	if _, err := o.accounts.OfName(t.Context(), "ana", "session"); err == nil {
		t.Error("a disabled user's session goes on")
	}
}

func TestSocketKnowsUsersByUID(t *testing.T) {
	o := newOffice(t)
	from := func(uid int) context.Context {
		return peer.NewContext(t.Context(), &peer.Peer{AuthInfo: Peer{UID: uid}})
	}
	uid := uint32(54321)
	_, err := o.accounts.OfSocket(from(54321))
	refusedWith(t, err, codes.Unauthenticated, "user add NAME --uid 54321")
	o.add(&demarcv1.User{Name: "ana", Uid: &uid, Roles: []*demarcv1.RoleGrant{{Role: "issm", Boundaries: []string{"line4"}}}}, "")
	p, err := o.accounts.OfSocket(from(54321))
	if err != nil || p.Name != "ana" || !reflect.DeepEqual(p.Roles, []store.Grant{{Role: store.ISSM, Boundaries: []string{"line4"}}}) {
		t.Errorf("%+v %v", p, err)
	}
	// Whoever runs the collector: accounts and machines, and nothing on a boundary.
	for _, own := range []int{os.Geteuid(), 0} {
		p, err = o.accounts.OfSocket(from(own))
		if err != nil || !reflect.DeepEqual(p.Roles, []store.Grant{{Role: store.Admin}}) || refusal("/demarc.v1.CollectorService/Apply", p) == "" {
			t.Errorf("uid %d: %+v %v", own, p, err)
		}
	}
	o.accounts.Open = true
	if p, err = o.accounts.OfSocket(from(0)); err != nil || len(p.Roles) != len(store.Roles()) {
		t.Errorf("authority none: %+v %v", p, err)
	}
	if p, _ = o.accounts.OfSocket(from(54321)); len(p.Roles) != 1 {
		t.Errorf("authority none gives %v to a user with an account", p.Roles)
	}
	if _, err := o.accounts.OfSocket(t.Context()); err == nil {
		t.Error("nobody is somebody")
	}
}

func TestTokensOfTheAPI(t *testing.T) {
	o := newOffice(t)
	o.add(&demarcv1.User{Name: "pipeline", Kind: "program", Roles: []*demarcv1.RoleGrant{{Role: "issm"}, {Role: "engineer", Sites: []string{"houston"}}}}, "")
	o.add(&demarcv1.User{Name: "ana", Roles: []*demarcv1.RoleGrant{{Role: "official"}}}, "")
	create := func(ctx context.Context, r *demarcv1.CreateApiTokenRequest) (string, error) {
		a, err := o.CreateApiToken(ctx, r)
		return a.GetToken(), err
	}
	token, err := create(o.admin(), &demarcv1.CreateApiTokenRequest{Name: "apply", User: "pipeline", Scopes: []string{"issm"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.accounts.OfToken(t.Context(), token)
	if err != nil || p.Who() != "pipeline (token apply)" || !p.Has(store.ISSM) || p.Has(store.Engineer) {
		t.Errorf("%+v %v", p, err)
	}
	if kept, _ := o.Store.APIToken(t.Context(), "apply"); strings.Contains(token, hex.EncodeToString(kept.Hash)) || len(kept.Hash) != 32 {
		t.Error("the store keeps the secret")
	}
	reads, err := create(o.as("ana", "session"), &demarcv1.CreateApiTokenRequest{Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	p, err = o.accounts.OfToken(t.Context(), reads)
	if err != nil || p.Has(store.Official) || !p.Has(store.Auditor) || refusal("/demarc.v1.CollectorService/ListFindings", p) != "" || refusal("/demarc.v1.CollectorService/DecideAuthorization", p) == "" {
		t.Errorf("a token that reads: %+v %v", p, err)
	}
	for _, c := range []struct {
		who   context.Context
		r     *demarcv1.CreateApiTokenRequest
		words string
	}{
		{o.admin(), &demarcv1.CreateApiTokenRequest{Name: "x", User: "ana"}, "a person, who makes their own"},
		{o.admin(), &demarcv1.CreateApiTokenRequest{Name: "x"}, "no account"},
		{o.as("ana", "session"), &demarcv1.CreateApiTokenRequest{Name: "x", User: "pipeline"}, "an admin's"},
		{o.as("ana", "session"), &demarcv1.CreateApiTokenRequest{Name: "x", Scopes: []string{"admin"}}, "does not have it"},
		{o.as("ana", "token ci"), &demarcv1.CreateApiTokenRequest{Name: "x"}, "makes no tokens"},
		{o.as("ana", "session"), &demarcv1.CreateApiTokenRequest{Name: "x.y"}, "write a name"},
		{o.as("ana", "session"), &demarcv1.CreateApiTokenRequest{Name: "ci"}, "another name"},
		{o.as("ana", "session"), &demarcv1.CreateApiTokenRequest{Name: "x", Expires: timestamppb.New(o.now)}, "has ended"},
		{o.as("ana", "session"), &demarcv1.CreateApiTokenRequest{Name: "x", Expires: timestamppb.New(o.now.AddDate(3, 0, 0))}, "a year at most"},
	} {
		if _, err := create(c.who, c.r); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%v: %v", c.r, err)
		}
	}
	_, err = o.SetPassword(o.as("ana", "token ci"), &demarcv1.SetPasswordRequest{Password: givenWord})
	refusedWith(t, err, codes.PermissionDenied, "sets no passwords")
	_, err = o.RevokeApiToken(o.as("ana", "session"), &demarcv1.RevokeApiTokenRequest{Name: "apply"})
	refusedWith(t, err, codes.NotFound, "no token is named")
	if _, err := o.RevokeApiToken(o.admin(), &demarcv1.RevokeApiTokenRequest{Name: "ci"}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", tokenPrefix + "apply", tokenPrefix + "apply.x", tokenPrefix + "none.x", reads} {
		if p, err := o.accounts.OfToken(t.Context(), bad); status.Code(err) != codes.Unauthenticated || len(p.Roles) > 0 {
			t.Errorf("%q: %+v %v", bad, p, err)
		}
	}
	o.now = o.now.Add(tokenLife)
	if _, err := o.accounts.OfToken(t.Context(), token); err == nil {
		t.Error("a token outlives its end")
	}
}

func TestAccountsRefuse(t *testing.T) {
	o := newOffice(t)
	uid := uint32(7)
	o.add(&demarcv1.User{Name: "ana", Uid: &uid, Roles: []*demarcv1.RoleGrant{{Role: "admin"}}}, "")
	for _, c := range []struct {
		u     *demarcv1.User
		words string
	}{
		{&demarcv1.User{Name: "Ana B"}, "write a name"},
		{&demarcv1.User{Name: "ana"}, "exists already"},
		{&demarcv1.User{Name: "bob", Uid: &uid}, "uid 7 is ana's"},
		{&demarcv1.User{Name: "bob", Roles: []*demarcv1.RoleGrant{{Role: "boss"}}}, "engineer, analyst, issm"},
		{&demarcv1.User{Name: "bob", Kind: "robot"}, "person or program"},
		{&demarcv1.User{Name: "bob", Kind: "program", Roles: []*demarcv1.RoleGrant{{Role: "official"}}}, "a program decides nothing"},
		{&demarcv1.User{Name: "bob", Oidc: "17"}, "issuer's address"},
	} {
		if _, err := o.AddUser(o.admin(), &demarcv1.AddUserRequest{User: c.u}); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%v: %v", c.u, err)
		}
	}
	_, err := o.ChangeUser(o.as("ana", "socket"), &demarcv1.ChangeUserRequest{Name: "ana", Roles: &demarcv1.RoleGrants{Roles: []*demarcv1.RoleGrant{{Role: "official"}}}})
	refusedWith(t, err, codes.PermissionDenied, "nobody changes their own account")
	_, err = o.ChangeUser(o.admin(), &demarcv1.ChangeUserRequest{Name: "carl"})
	refusedWith(t, err, codes.NotFound, "no user is named")
	o.add(&demarcv1.User{Name: "bob"}, "")
	_, err = o.SetPassword(o.as("bob", "socket"), &demarcv1.SetPasswordRequest{Name: "ana", Password: givenWord})
	refusedWith(t, err, codes.PermissionDenied, "their own")
	log, err := o.Store.AuditLog(t.Context(), 0, 100)
	if err != nil || len(log) != 2 || log[0].Act.What != "user add" || !slices.Contains(strings.Split(log[0].Act.Detail, "; "), "roles: admin") {
		t.Errorf("%+v %v", log, err)
	}
}
