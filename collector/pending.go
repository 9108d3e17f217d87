package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func (p *place) proposals(ctx context.Context, f func(context.Context, demarcv1.ProposalServiceClient) error) error {
	return p.call(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		return f(ctx, demarcv1.NewProposalServiceClient(conn))
	})
}

func getPendingCommand(at *place) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "pending [ID]", Short: "List changes that wait for an official", Args: cobra.MaximumNArgs(1),
		Long: "Without an id every proposal in a line; with one its documents, why each waits, and who may confirm it.",
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.proposals(c.Context(), func(ctx context.Context, client demarcv1.ProposalServiceClient) error {
				r, err := whole(ctx, client.ListProposals, &demarcv1.ListProposalsRequest{})
				if err != nil {
					return err
				}
				if len(args) == 0 || format != "table" {
					return show(c.OutOrStdout(), format, r, func() table.Table { return pendingTable(r.GetProposals()) })
				}
				for _, p := range r.GetProposals() {
					if p.GetId() == args[0] {
						return tellProposal(c.OutOrStdout(), p, true)
					}
				}
				return errors.New("nothing is pending as " + args[0] + ": see `demarc-collector get pending`")
			})
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	return c
}

func pendingTable(all []*demarcv1.Proposal) table.Table {
	t := table.Table{Head: []string{"ID", "PROPOSED", "BY", "WHAT", "BOUNDARIES", "NEEDS"}}
	for _, p := range all {
		state := p.GetNeeds()
		if p.GetStale() != "" {
			state = "cannot be confirmed: " + p.GetStale()
		}
		t.Rows = append(t.Rows, []string{p.GetId(), moment(p.GetProposed()), p.GetAuthor(), changesOf(p), strings.Join(p.GetBoundaries(), ", "), state})
	}
	return t
}

func changesOf(p *demarcv1.Proposal) string {
	if p.GetWords() != "" {
		return printable(p.GetWords())
	}
	var all []string
	for _, d := range p.GetDocuments() {
		all = append(all, d.GetChange()+" "+d.GetDocument())
	}
	if n := len(all); n > 3 {
		all = append(all[:3], "...")
	}
	return strings.Join(all, ", ")
}

// tellProposal says what waits, why, and for whom.
func tellProposal(w io.Writer, p *demarcv1.Proposal, texts bool) error {
	out := lines{w: w}
	name := "Pending"
	if p.GetId() != "" {
		name += " as " + p.GetId()
	}
	if p.GetWords() != "" {
		out.printf("%s: %s.\n", name, printable(p.GetWords()))
	} else {
		out.printf("%s, not in force:\n", name)
	}
	for _, d := range p.GetDocuments() {
		out.printf("%-8s %s\n         because %s\n", d.GetChange(), d.GetDocument(), d.GetWhy())
		if texts {
			out.printf("%s\n\n", strings.TrimSpace(printableText(string(d.GetContent()))))
		}
	}
	for _, c := range p.GetConfirmations() {
		out.printf("Confirmed by %s over %s, %s.\n", c.GetBy(), strings.Join(c.GetBoundaries(), ", "), moment(c.GetAt()))
	}
	if paper := p.GetPaper(); paper != nil {
		out.printf("Paper %s signed by %s, recorded by %s %s.\n", paper.GetSha256(), printable(paper.GetSigner()), paper.GetRecordedBy(), moment(paper.GetRecorded()))
	}
	if p.GetStale() != "" {
		out.printf("It cannot be confirmed: %s.\n", p.GetStale())
		return out.err
	}
	out.printf("To be confirmed by %s.\n", p.GetNeeds())
	if p.GetId() != "" {
		out.printf("  demarc-collector confirm %s\n", p.GetId())
	}
	return out.err
}

// printableText is printable line by line.
func printableText(s string) string {
	all := strings.Split(s, "\n")
	for i := range all {
		all[i] = printable(all[i])
	}
	return strings.Join(all, "\n")
}

func confirmCommand(at *place) *cobra.Command {
	var artefact, signer, date string
	c := &cobra.Command{
		Use: "confirm ID", Short: "Put a pending change in force, or record the signed paper for it", Args: one("proposal"),
		Long: "An official over every boundary concerned puts a change in force; nobody confirms their own. Where the\n" +
			"official decided on paper, an issm records that with --artefact, --signer and --date, and a second\n" +
			"person confirms.",
		Example: "  demarc-collector get pending P17\n  demarc-collector confirm P17\n" +
			"  demarc-collector confirm P17 --artefact letter.pdf --signer 'Ana Ruiz' --date 2026-04-12",
		RunE: func(c *cobra.Command, args []string) error {
			r := &demarcv1.ConfirmProposalRequest{Id: args[0]}
			if artefact != "" || signer != "" || date != "" {
				r.Paper = &demarcv1.SignedPaper{Signer: signer}
				var err error
				if r.Paper.Sha256, err = digestOf(artefact); err != nil {
					return err
				}
				if r.Paper.Signed, err = instant("date", date, false); err != nil {
					return err
				}
			}
			return at.proposals(c.Context(), func(ctx context.Context, client demarcv1.ProposalServiceClient) error {
				a, err := client.ConfirmProposal(ctx, r)
				if err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("%s\n", a.GetWords())
				if a.GetPolicyVersion() > 0 {
					out.printf("%d verdicts changed.\n", a.GetVerdictsChanged())
				}
				return out.err
			})
		},
	}
	c.Flags().StringVar(&artefact, "artefact", "", "the signed paper: its SHA-256 is recorded")
	c.Flags().StringVar(&signer, "signer", "", "who signed it")
	c.Flags().StringVar(&date, "date", "", "day on which it was signed")
	return c
}

func rejectCommand(at *place) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "reject ID --reason WHY", Short: "End a pending change without effect", Args: one("proposal"),
		RunE: func(c *cobra.Command, args []string) error {
			return at.proposals(c.Context(), func(ctx context.Context, client demarcv1.ProposalServiceClient) error {
				if _, err := client.RejectProposal(ctx, &demarcv1.RejectProposalRequest{Id: args[0], Reason: reason}); err != nil {
					return err
				}
				out := lines{w: c.OutOrStdout()}
				out.printf("Rejected: %s.\n", args[0])
				return out.err
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record (needed)")
	return c
}
