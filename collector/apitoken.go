package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func apiTokenCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use: "api create|list|revoke", Short: "Tokens with which programs call as a user",
		Example: "  demarc-collector token api create ci --scope read\n" +
			"  demarc-collector token api create apply --user pipeline --scope issm --until 2026-12-31\n" +
			"  demarc-collector token api revoke ci",
	}
	c.AddCommand(apiTokenCreateCommand(at), apiTokenListCommand(at), apiTokenRevokeCommand(at))
	return c
}

func apiTokenCreateCommand(at *place) *cobra.Command {
	r := &demarcv1.CreateApiTokenRequest{}
	var until string
	quiet := false
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a token and print it, once", Args: one("token"),
		Long: "A token has no more than its user's roles, and of those only its scopes. Without --scope it reads what\nthe user may read. It is kept as a hash.",
		RunE: func(c *cobra.Command, args []string) error {
			r.Name = args[0]
			if until != "" {
				end, err := instant("until", until, true)
				if err != nil {
					return err
				}
				r.Expires = end
			}
			return at.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
				a, err := client.CreateApiToken(ctx, r)
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				if quiet {
					out.printf("%s\n", a.GetToken())
					return out.err
				}
				k := a.GetKept()
				out.printf("Token %s of %s, scope %s, until %s. It is shown once:\n\n%s\n", k.GetName(), k.GetUser(), strings.Join(k.GetScopes(), " "), moment(k.GetExpires()), a.GetToken())
				return out.err
			})
		},
	}
	f := c.Flags()
	f.StringVar(&r.User, "user", "", "user whose roles it has: a program's, or by default one's own")
	f.StringArrayVar(&r.Scopes, "scope", nil, "read, or a role of the user (may be repeated)")
	f.StringVar(&until, "until", "", "last day, or instant, of it (default: 90 days, at most a year)")
	f.BoolVarP(&quiet, "quiet", "q", false, "print the token alone")
	return c
}

func apiTokenListCommand(at *place) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "list", Short: "List tokens; an admin or auditor sees all", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
				r, err := whole(ctx, client.ListApiTokens, &demarcv1.ListApiTokensRequest{})
				if err != nil {
					return err
				}
				return show(c.OutOrStdout(), format, r, func() table.Table { return apiTokens(r.GetTokens(), time.Now()) })
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	return c
}

func apiTokens(all []*demarcv1.ApiToken, now time.Time) table.Table {
	t := table.Table{Head: []string{"TOKEN", "USER", "SCOPES", "CREATED", "UNTIL", "STATE"}}
	for _, x := range all {
		t.Rows = append(t.Rows, []string{x.GetName(), x.GetUser(), strings.Join(x.GetScopes(), " "), moment(x.GetCreated()), moment(x.GetExpires()), tokenState(x, timestamppb.New(now))})
	}
	return t
}

func tokenState(x *demarcv1.ApiToken, now *timestamppb.Timestamp) string {
	switch {
	case x.GetRevoked() != nil:
		return "revoked"
	case !now.AsTime().Before(x.GetExpires().AsTime()):
		return "ended"
	}
	return "good"
}

func apiTokenRevokeCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "Take a token back, at once", Args: one("token"),
		RunE: func(c *cobra.Command, args []string) error {
			return at.accounts(c.Context(), func(ctx context.Context, client demarcv1.AccountServiceClient) error {
				if _, err := client.RevokeApiToken(ctx, &demarcv1.RevokeApiTokenRequest{Name: args[0]}); err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("Token %s is taken back.\n", args[0])
				return out.err
			})
		},
	}
}
