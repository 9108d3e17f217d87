package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// maxUsers bounds the accounts: every call looks through them.
const maxUsers = 10_000

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

// WhoAmI says as whom the caller is known.
func (s *Service) WhoAmI(ctx context.Context, _ *demarcv1.WhoAmIRequest) (*demarcv1.WhoAmIResponse, error) {
	p := Caller(ctx)
	return &demarcv1.WhoAmIResponse{Name: p.Name, Via: p.Via, Roles: protoGrants(p.Roles), MustChangePassword: p.MustChange, Refused: refusals(p)}, nil
}

// ListUsers lists users by name.
func (s *Service) ListUsers(ctx context.Context, r *demarcv1.ListUsersRequest) (*demarcv1.ListUsersResponse, error) {
	words, err := newSearch(r.GetSearch())
	if err != nil {
		return nil, err
	}
	all, err := s.Store.Users(ctx)
	if err != nil {
		return nil, failed(err)
	}
	users := make([]*demarcv1.User, len(all))
	for i := range all {
		users[i] = protoUser(&all[i])
	}
	p, err := userList.page(r, users, func(u *demarcv1.User) bool {
		texts := []string{u.GetName(), u.GetFullName(), u.GetKind(), u.GetCertificate(), u.GetOidc()}
		for _, g := range u.GetRoles() {
			texts = append(texts, g.GetRole())
		}
		return words.in(slices.Values(texts))
	})
	return &demarcv1.ListUsersResponse{Users: p.rows, NextPageToken: p.next, Total: p.total}, err
}

var userList = list[*demarcv1.User]{
	order: "name",
	columns: map[string]column[*demarcv1.User]{
		"name":         func(k key, u *demarcv1.User) key { return k.text(u.GetName()) },
		"full_name":    func(k key, u *demarcv1.User) key { return k.text(u.GetFullName()) },
		"kind":         func(k key, u *demarcv1.User) key { return k.text(u.GetKind()) },
		"created":      func(k key, u *demarcv1.User) key { return k.time(u.GetCreated()) },
		"last_sign_in": func(k key, u *demarcv1.User) key { return k.time(u.GetLastSignIn()) },
	},
	id: func(k key, u *demarcv1.User) key { return k.exact(u.GetName()) },
}

// AddUser makes an account.
func (s *Service) AddUser(ctx context.Context, r *demarcv1.AddUserRequest) (*demarcv1.AddUserResponse, error) {
	if r.GetUser() == nil {
		return nil, status.Error(codes.InvalidArgument, "name the user to add")
	}
	u := store.User{
		Name: r.GetUser().GetName(), FullName: strings.TrimSpace(r.GetUser().GetFullName()), Kind: r.GetUser().GetKind(), Roles: grants(r.GetUser().GetRoles()),
		UID: r.GetUser().Uid, Subject: strings.TrimSpace(r.GetUser().GetCertificate()), OIDC: strings.TrimSpace(r.GetUser().GetOidc()), Created: s.Clock().UTC(),
	}
	if u.Kind == "" {
		u.Kind = store.Person
	}
	if !userName.MatchString(u.Name) {
		return nil, status.Errorf(codes.InvalidArgument, "user %q: write a name of lower-case letters, digits and . _ @ -, 64 at most", u.Name)
	}
	if err := s.checkUser(&u); err != nil {
		return nil, err
	}
	all, err := s.Store.Users(ctx)
	if err != nil {
		return nil, failed(err)
	}
	if len(all) >= maxUsers {
		return nil, status.Errorf(codes.ResourceExhausted, "%d accounts are there, which is the most", maxUsers)
	}
	if r.GetPassword() != "" {
		if u.Password, err = given(&u, r.GetPassword()); err != nil {
			return nil, err
		}
	}
	if err := s.Store.PutUser(ctx, u, s.act(ctx, "user add", u.Name, userWords(&u))); err != nil {
		return nil, accountError(err, u.Name)
	}
	return &demarcv1.AddUserResponse{User: protoUser(&u)}, nil
}

// given is a password that an admin sets for somebody.
func given(u *store.User, text string) (*store.Password, error) {
	if u.Kind == store.Program {
		return nil, status.Errorf(codes.InvalidArgument, "%s is a program: it calls with a token (demarc-collector token api create --user %s), not with a password", u.Name, u.Name)
	}
	if err := checkPassword(text); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	p, err := hashPassword(text)
	if err != nil {
		return nil, failed(err)
	}
	p.Given = true
	return p, nil
}

// ChangeUser changes what its request holds, and nothing else.
func (s *Service) ChangeUser(ctx context.Context, r *demarcv1.ChangeUserRequest) (*demarcv1.ChangeUserResponse, error) {
	if r.GetName() == Caller(ctx).Name {
		return nil, status.Error(codes.PermissionDenied, "nobody changes their own account but for its password: ask another admin, or do it as the user that runs the collector")
	}
	u, err := s.Store.User(ctx, r.GetName())
	if err != nil {
		return nil, accountError(err, r.GetName())
	}
	before := userWords(&u)
	change := func(u *store.User) error {
		replace(&u.FullName, r.FullName)
		replace(&u.Subject, r.Certificate)
		replace(&u.OIDC, r.Oidc)
		if r.Disabled != nil {
			u.Disabled = r.GetDisabled()
		}
		if r.Uid != nil || r.GetNoUid() {
			u.UID = r.Uid
		}
		if r.Roles != nil {
			u.Roles = grants(r.GetRoles().GetRoles())
		}
		return s.checkUser(u)
	}
	if err := change(&u); err != nil {
		return nil, err
	}
	detail := userWords(&u) + "; before: " + before
	if err := s.Store.UpdateUser(ctx, u.Name, s.act(ctx, "user change", u.Name, detail), change); err != nil {
		return nil, accountError(err, u.Name)
	}
	return &demarcv1.ChangeUserResponse{User: protoUser(&u)}, nil
}

func replace(to, value *string) {
	if value != nil {
		*to = strings.TrimSpace(*value)
	}
}

// SetPassword sets the caller's password, or by an admin that of another.
func (s *Service) SetPassword(ctx context.Context, r *demarcv1.SetPasswordRequest) (*demarcv1.SetPasswordResponse, error) {
	p := Caller(ctx)
	name := r.GetName()
	if name == "" {
		name = p.Name
	}
	own := name == p.Name
	switch {
	case strings.HasPrefix(p.Via, "token "):
		return nil, status.Error(codes.PermissionDenied, "a token sets no passwords: sign in, or use the collector's socket")
	case !own && !p.Everywhere(store.Admin):
		return nil, status.Errorf(codes.PermissionDenied, "%s may set no password but their own: that of %s is an admin's to set", p.Name, name)
	}
	u, err := s.Store.User(ctx, name)
	if err != nil {
		return nil, accountError(err, name)
	}
	if own && u.Password != nil && !verify(u.Password, r.GetOldPassword()) {
		return nil, status.Error(codes.PermissionDenied, "the password until now is another one")
	}
	kept, err := given(&u, r.GetPassword())
	if err != nil {
		return nil, err
	}
	kept.Given = !own
	if own && r.GetPassword() == r.GetOldPassword() {
		return nil, status.Error(codes.InvalidArgument, "the new password is the old one")
	}
	act := s.act(ctx, "user password", name, "")
	if err := s.Store.UpdateUser(ctx, name, act, func(u *store.User) error { u.Password = kept; return nil }); err != nil {
		return nil, accountError(err, name)
	}
	return &demarcv1.SetPasswordResponse{}, nil
}

// bounds of what is written about a user, in bytes.
const maxMark = 1024

// checkUser says what is wrong with an account.
func (s *Service) checkUser(u *store.User) error {
	bad := func(format string, a ...any) error { return status.Errorf(codes.InvalidArgument, format, a...) }
	if u.Kind != store.Person && u.Kind != store.Program {
		return bad("kind %q is not known: person or program", u.Kind)
	}
	if len(u.FullName) > maxMark || len(u.Subject) > maxMark || len(u.OIDC) > maxMark {
		return bad("name, certificate and oidc have at most %d bytes", maxMark)
	}
	if u.OIDC != "" && len(strings.Fields(u.OIDC)) != 2 {
		return bad("oidc %q: write the issuer's address, a space, and the subject", u.OIDC)
	}
	if len(u.Roles) > 100 {
		return bad("%d roles: at most 100", len(u.Roles))
	}
	for _, g := range u.Roles {
		if !slices.Contains(store.Roles(), g.Role) {
			return bad("role %q is not known: %s", g.Role, roleList())
		}
		if u.Kind == store.Program && slices.Contains([]store.Role{store.Official, store.Representative, store.SystemOwner}, g.Role) {
			return bad("%s is a program, and a program decides nothing: %s is a person's", u.Name, g.Role)
		}
		if err := s.checkLimits(g); err != nil {
			return err
		}
	}
	return nil
}

// checkLimits holds a role's limits to the documents, once there are any: a
// slip would give nothing, and nobody would notice.
func (s *Service) checkLimits(g store.Grant) error {
	if len(g.Sites)+len(g.Boundaries) > 1000 {
		return status.Errorf(codes.InvalidArgument, "%s has more than 1000 limits", g.Role)
	}
	policy := s.Plant.Policy()
	if policy.Version() == 0 {
		return nil
	}
	var sites []string
	for _, x := range policy.Sites() {
		sites = append(sites, x.Name)
	}
	for _, name := range g.Sites {
		if !slices.Contains(sites, name) {
			return status.Errorf(codes.InvalidArgument, "%s at site %q: it is in no document; known are %s", g.Role, name, orNone(sites))
		}
	}
	for _, name := range g.Boundaries {
		if err := s.knownBoundary(name); err != nil {
			return err
		}
	}
	return nil
}

func accountError(err error, name string) error {
	switch {
	case status.Code(err) == codes.InvalidArgument:
		return err
	case errors.Is(err, store.ErrNotFound):
		return status.Errorf(codes.NotFound, "no user is named %q: see `demarc-collector user list`", name)
	case errors.Is(err, store.ErrExists):
		return status.Error(codes.AlreadyExists, strings.TrimPrefix(err.Error(), "store: "))
	}
	return failed(err)
}

// userWords describes an account for the audit log.
func userWords(u *store.User) string {
	var marks []string
	if u.UID != nil {
		marks = append(marks, fmt.Sprintf("uid %d", *u.UID))
	}
	if u.Disabled {
		marks = append(marks, "disabled")
	}
	return words("kind", u.Kind, "full name", u.FullName, "roles", GrantWords(u.Roles), "certificate", u.Subject, "oidc", u.OIDC, "marks", strings.Join(marks, ", "))
}

// GrantWords is "official over line4, engineer at houston, auditor".
func GrantWords(all []store.Grant) string {
	var list []string
	for _, g := range all {
		text := string(g.Role)
		if len(g.Boundaries) > 0 {
			text += " over " + strings.Join(g.Boundaries, " and ")
		}
		if len(g.Sites) > 0 {
			text += " at " + strings.Join(g.Sites, " and ")
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func protoUser(u *store.User) *demarcv1.User {
	return &demarcv1.User{
		Name: u.Name, FullName: u.FullName, Kind: u.Kind, Roles: protoGrants(u.Roles), Uid: u.UID, Certificate: u.Subject, Oidc: u.OIDC,
		HasPassword: u.Password != nil, Disabled: u.Disabled, Created: stamp(u.Created), LastSignIn: stamp(u.SignedIn),
	}
}

func protoGrants(all []store.Grant) []*demarcv1.RoleGrant {
	var out []*demarcv1.RoleGrant
	for _, g := range all {
		out = append(out, &demarcv1.RoleGrant{Role: string(g.Role), Sites: g.Sites, Boundaries: g.Boundaries})
	}
	return out
}

// Grants reads roles as the API writes them.
func grants(all []*demarcv1.RoleGrant) []store.Grant {
	var out []store.Grant
	for _, g := range all {
		out = append(out, store.Grant{Role: store.Role(g.GetRole()), Sites: g.GetSites(), Boundaries: g.GetBoundaries()})
	}
	return out
}
