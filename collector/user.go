package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/grpc"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func userCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use:   "user list|add|role|change|disable|enable|password",
		Short: "Accounts of people and programs, and what they may do",
		Long: "A role holds everywhere, or within its limits:\n" +
			"  --role auditor\n" +
			"  --role official=boundary/line4,boundary/line5\n" +
			"  --role engineer=site/houston\n" +
			"Roles are engineer, analyst, issm, system-owner, official, designated-representative, auditor and admin;\n" +
			"deploy/authority.md says what each may do.",
		Example: "  demarc-collector user add ana --full-name 'Ana Ruiz' --role official=boundary/line4 --uid 1001\n" +
			"  demarc-collector user role ana --role official=boundary/line4 --role auditor\n" +
			"  demarc-collector user password ana\n" +
			"  demarc-collector user disable ana",
	}
	c.AddCommand(userListCommand(at), userAddCommand(at), userRoleCommand(at), userChangeCommand(at),
		userDisableCommand(at, "disable", true, "Let a user in no more, from the next call on"),
		userDisableCommand(at, "enable", false, "Let a disabled user in again"), userPasswordCommand(at), whoAmICommand(at))
	return c
}

func (p *place) accounts(ctx context.Context, f func(context.Context, demarcv1.AccountServiceClient) error) error {
	return p.call(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		return f(ctx, demarcv1.NewAccountServiceClient(conn))
	})
}

func userListCommand(at *place) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "list", Short: "List accounts with their roles", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
				r, err := whole(ctx, client.ListUsers, &demarcv1.ListUsersRequest{})
				if err != nil {
					return err
				}
				return show(c.OutOrStdout(), format, r, func() table.Table { return users(r.GetUsers()) })
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	return c
}

func users(all []*demarcv1.User) table.Table {
	t := table.Table{Head: []string{"USER", "FULL NAME", "KIND", "ROLES", "KNOWN BY", "LAST SIGN-IN", "STATE"}}
	for _, u := range all {
		state := ""
		if u.GetDisabled() {
			state = "disabled"
		}
		t.Rows = append(t.Rows, []string{u.GetName(), printable(u.GetFullName()), u.GetKind(), roleText(u.GetRoles()), knownBy(u), moment(u.GetLastSignIn()), state})
	}
	return t
}

func knownBy(u *demarcv1.User) string {
	var by []string
	if u.Uid != nil {
		by = append(by, fmt.Sprintf("uid %d", u.GetUid()))
	}
	if u.GetHasPassword() {
		by = append(by, "password")
	}
	if u.GetCertificate() != "" {
		by = append(by, "certificate "+printable(u.GetCertificate()))
	}
	if u.GetOidc() != "" {
		by = append(by, "provider "+printable(u.GetOidc()))
	}
	return strings.Join(by, ", ")
}

// roleText writes roles as --role reads them.
func roleText(all []*demarcv1.RoleGrant) string {
	var list []string
	for _, g := range all {
		var limits []string
		for _, s := range g.GetSites() {
			limits = append(limits, "site/"+s)
		}
		for _, b := range g.GetBoundaries() {
			limits = append(limits, "boundary/"+b)
		}
		text := g.GetRole()
		if len(limits) > 0 {
			text += "=" + strings.Join(limits, ",")
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// readRoles reads --role flags.
func readRoles(flags []string) ([]*demarcv1.RoleGrant, error) {
	var all []*demarcv1.RoleGrant
	for _, f := range flags {
		role, limits, limited := strings.Cut(f, "=")
		g := &demarcv1.RoleGrant{Role: role}
		for limit := range strings.SplitSeq(limits, ",") {
			kind, name, _ := strings.Cut(limit, "/")
			switch {
			case !limited:
			case kind == "site" && name != "":
				g.Sites = append(g.Sites, name)
			case kind == "boundary" && name != "":
				g.Boundaries = append(g.Boundaries, name)
			default:
				return nil, fmt.Errorf("--role %s: a limit is site/NAME or boundary/NAME, not %q", f, limit)
			}
		}
		all = append(all, g)
	}
	return all, nil
}

func userAddCommand(at *place) *cobra.Command {
	u := &demarcv1.User{}
	var roles []string
	var uid uint32
	password := false
	c := &cobra.Command{
		Use: "add NAME", Short: "Make an account", Args: one("new user"),
		Long: "A person is known by a uid on this machine (--uid), a client certificate, an OpenID provider, or a\npassword. A program calls with a token: --kind program, then token api create --user NAME.",
		RunE: func(c *cobra.Command, args []string) error {
			u.Name = args[0]
			var err error
			if u.Roles, err = readRoles(roles); err != nil {
				return err
			}
			if c.Flags().Changed("uid") {
				u.Uid = &uid
			}
			r := &demarcv1.AddUserRequest{User: u}
			if password {
				if r.Password, err = newPassword(c); err != nil {
					return err
				}
			}
			return at.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
				a, err := client.AddUser(ctx, r)
				if err != nil {
					return err
				}
				return tellUser(c.OutOrStdout(), "Added", a.GetUser())
			})
		},
	}
	f := c.Flags()
	f.StringVar(&u.FullName, "full-name", "", "name and title, as documents and papers have it")
	f.StringVar(&u.Kind, "kind", "person", "person or program")
	f.StringArrayVar(&roles, "role", nil, "role, with its limits: official=boundary/line4 (may be repeated)")
	f.Uint32Var(&uid, "uid", 0, "uid on this machine by which the socket knows the user")
	f.StringVar(&u.Certificate, "certificate", "", "what names the user in a client certificate: its subject (CN=Ana,O=acme), user principal name or e-mail address, as certificates.account says")
	f.StringVar(&u.Oidc, "oidc", "", "\"ISSUER SUBJECT\" at an OpenID provider")
	f.BoolVar(&password, "password", false, "ask for a first password (or read it from a pipe); the user must change it")
	return c
}

func tellUser(w io.Writer, did string, u *demarcv1.User) error {
	out := lines{w: w}
	roles := roleText(u.GetRoles())
	if roles == "" {
		roles = "no role: may sign in, and do nothing"
	}
	out.printf("%s %s: %s.\n", did, u.GetName(), roles)
	if knownBy(u) == "" && u.GetKind() != "program" {
		out.printf("Nothing says yet how %s is known: give --uid, --certificate or --oidc, or set a password with `demarc-collector user password %s`.\n", u.GetName(), u.GetName())
	}
	return out.err
}

func userRoleCommand(at *place) *cobra.Command {
	var roles []string
	none := false
	c := &cobra.Command{
		Use: "role NAME --role ROLE[=LIMIT,...]...", Short: "Set the roles of a user, in place of those before", Args: one("user"),
		RunE: func(c *cobra.Command, args []string) error {
			if (len(roles) == 0) != none {
				return errors.New("give every role that the user is to have with --role, or --none")
			}
			all, err := readRoles(roles)
			if err != nil {
				return err
			}
			return at.changeUser(c, &demarcv1.ChangeUserRequest{Name: args[0], Roles: &demarcv1.RoleGrants{Roles: all}})
		},
	}
	c.Flags().StringArrayVar(&roles, "role", nil, "role, with its limits: official=boundary/line4 (may be repeated)")
	c.Flags().BoolVar(&none, "none", false, "take every role")
	return c
}

func (p *place) changeUser(c *cobra.Command, r *demarcv1.ChangeUserRequest) error {
	return p.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
		a, err := client.ChangeUser(ctx, r)
		if err != nil {
			return err
		}
		return tellUser(c.OutOrStdout(), "Changed", a.GetUser())
	})
}

func userChangeCommand(at *place) *cobra.Command {
	var fullName, certificate, oidc string
	var uid int64
	c := &cobra.Command{
		Use: "change NAME", Short: "Change a user's name, or how the user is known", Args: one("user"),
		RunE: func(c *cobra.Command, args []string) error {
			r := &demarcv1.ChangeUserRequest{Name: args[0]}
			for flag, set := range map[string]func(){
				"full-name": func() { r.FullName = &fullName }, "certificate": func() { r.Certificate = &certificate }, "oidc": func() { r.Oidc = &oidc },
			} {
				if c.Flags().Changed(flag) {
					set()
				}
			}
			if c.Flags().Changed("uid") {
				if uid > 1<<32-1 || uid < -1 {
					return fmt.Errorf("--uid %d is none", uid)
				}
				if r.NoUid = uid < 0; !r.NoUid {
					u := uint32(uid)
					r.Uid = &u
				}
			}
			return at.changeUser(c, r)
		},
	}
	f := c.Flags()
	f.StringVar(&fullName, "full-name", "", "name and title")
	f.Int64Var(&uid, "uid", 0, "uid on this machine; -1 for none")
	f.StringVar(&certificate, "certificate", "", "what names the user in a client certificate; \"\" for none")
	f.StringVar(&oidc, "oidc", "", "\"ISSUER SUBJECT\"; \"\" for none")
	return c
}

func userDisableCommand(at *place, use string, disabled bool, short string) *cobra.Command {
	return &cobra.Command{
		Use: use + " NAME", Short: short, Args: one("user"),
		RunE: func(c *cobra.Command, args []string) error {
			return at.changeUser(c, &demarcv1.ChangeUserRequest{Name: args[0], Disabled: &disabled})
		},
	}
}

func userPasswordCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "password [NAME]", Short: "Set a password: one's own, or by an admin another's",
		Long: "A password that an admin sets is good for setting one's own. It has 12 characters or more, of any kind.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r := &demarcv1.SetPasswordRequest{Name: strings.Join(args, "")}
			return at.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
				me, err := client.WhoAmI(ctx, &demarcv1.WhoAmIRequest{})
				if err != nil {
					return err
				}
				if r.GetName() == "" || r.GetName() == me.GetName() {
					if r.OldPassword, err = secret(c, "Password until now (empty for none): "); err != nil {
						return err
					}
				}
				if r.Password, err = newPassword(c); err != nil {
					return err
				}
				if _, err := client.SetPassword(ctx, r); err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("The password is set.\n")
				return out.err
			})
		},
	}
}

func whoAmICommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Say as whom this user is known, and with which roles", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return at.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
				me, err := client.WhoAmI(ctx, &demarcv1.WhoAmIRequest{})
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("%s (%s): %s\n", me.GetName(), me.GetVia(), orDash(roleText(me.GetRoles())))
				return out.err
			})
		},
	}
}

// newPassword asks twice at a terminal, and reads one line of a pipe.
func newPassword(c *cobra.Command) (string, error) {
	first, err := secret(c, "New password: ")
	if err != nil || !atTerminal(c) {
		return first, err
	}
	again, err := secret(c, "Again: ")
	if err == nil && first != again {
		err = errors.New("the two are not the same: nothing was changed")
	}
	return first, err
}

func atTerminal(c *cobra.Command) bool {
	f, ok := c.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// secret reads a line without showing it.
func secret(c *cobra.Command, prompt string) (string, error) {
	if f, ok := c.InOrStdin().(*os.File); ok && atTerminal(c) {
		_, _ = fmt.Fprint(c.ErrOrStderr(), prompt)
		text, err := term.ReadPassword(int(f.Fd()))
		_, _ = fmt.Fprintln(c.ErrOrStderr())
		return string(text), err
	}
	in, ok := c.InOrStdin().(*bufio.Reader)
	if !ok {
		in = bufio.NewReader(c.InOrStdin())
		c.SetIn(in)
	}
	line, err := in.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		return "", fmt.Errorf("a password is needed: type it, or give it in a line of a pipe: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
