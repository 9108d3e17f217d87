package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

// deed is an act on findings as the command line gives it.
type deed struct {
	kind     string
	act      *demarcv1.FindingAct
	filter   demarcv1.ListFindingsRequest
	filtered []string // flags by which findings are filtered
	revision uint64
	dryRun   bool
	prepare  func() error // fills in act from flags
}

// findingCommand is what people decide on findings.
func findingCommand(at *place) *cobra.Command {
	c := &cobra.Command{
		Use:   "finding assign|comment|status|accept|close|reopen|poam ID...",
		Short: "Decide on findings: assign, comment, accept to an end, close, reopen, plan",
		Long: "Acts go to the findings that are named, or to all that a filter lists (--kind, --with-status, --boundary,\n" +
			"--min-severity, --assigned-to, --authorization, --ceased): to every one of them, or to none. --dry-run shows which they are.\n" +
			"--revision takes the act back if somebody else did something to the finding since.",
		Example: "  demarc-collector finding assign f-0123456789abcdef --to ana\n" +
			"  demarc-collector finding accept f-0123456789abcdef --owner \"J. Doe\" --until 2027-01-31 --reason \"replaced in the January outage\" --mitigation \"port closed at night\"\n" +
			"  demarc-collector finding close --ceased --reason ceased --dry-run\n" +
			"  demarc-collector finding poam f-0123456789abcdef --title \"Move the historian\" --responsible \"J. Doe\" --due 2026-12-01",
	}
	c.AddCommand(assignFinding(at), commentFinding(at), statusFinding(at), acceptFinding(at), closeFinding(at), reopenFinding(at), planFinding(at))
	return c
}

// command makes a command of a deed.
func (d *deed) command(at *place, c *cobra.Command) *cobra.Command {
	d.act = &demarcv1.FindingAct{}
	ceased := false
	c.Use = d.kind + " [ID...]"
	f := c.Flags()
	f.Uint64Var(&d.revision, "revision", 0, "only if the finding is still as it was at this revision (one finding)")
	f.BoolVar(&d.dryRun, "dry-run", false, "say which findings it would go to, and record nothing")
	f.StringVar(&d.filter.Kind, "kind", "", "every finding of this kind")
	f.StringVar(&d.filter.Status, "with-status", "", "every finding with this status")
	f.StringVar(&d.filter.Boundary, "boundary", "", "every finding on this boundary")
	f.StringVar(&d.filter.Assignee, "assigned-to", "", "every finding assigned to somebody; none: to nobody")
	f.StringVar(&d.filter.Authorization, "authorization", "", "every finding about this authorization")
	f.BoolVar(&ceased, "ceased", false, "every finding of which nothing holds any more")
	f.Uint32Var(&d.filter.Severity, "min-severity", 0, "every finding at least this severe")
	d.filtered = []string{"kind", "with-status", "boundary", "assigned-to", "authorization", "min-severity", "ceased"}
	c.RunE = func(c *cobra.Command, args []string) error {
		if c.Flags().Changed("ceased") {
			d.filter.Ceased = &ceased
		}
		r, err := d.request(c, args)
		if err != nil {
			return err
		}
		return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
			answer, err := demarcv1.NewFindingServiceClient(conn).ActOnFindings(ctx, r)
			if err != nil {
				return err
			}
			return tellFindings(c.OutOrStdout(), answer.GetFindings(), d.dryRun)
		})
	}
	return c
}

func (d *deed) request(c *cobra.Command, args []string) (*demarcv1.ActOnFindingsRequest, error) {
	if d.prepare != nil {
		if err := d.prepare(); err != nil {
			return nil, err
		}
	}
	r := &demarcv1.ActOnFindingsRequest{Kind: d.kind, Act: d.act, DryRun: d.dryRun}
	for _, name := range d.filtered {
		if c.Flags().Changed(name) {
			r.Filter = &d.filter
		}
	}
	switch {
	case len(args) == 0 && r.Filter == nil:
		return nil, fmt.Errorf("finding %s needs ids, as `get findings` shows them, or a filter such as --kind", d.kind)
	case len(args) > 0 && r.Filter != nil:
		return nil, errors.New("name findings or filter them, not both")
	case d.revision != 0 && len(args) != 1:
		return nil, errors.New("--revision is that of one finding: name it alone")
	}
	for _, id := range args {
		d.act.Targets = append(d.act.Targets, &demarcv1.FindingTarget{Id: id, Revision: d.revision})
	}
	return r, nil
}

func assignFinding(at *place) *cobra.Command {
	d := &deed{kind: "assign"}
	c := d.command(at, &cobra.Command{Short: "Say who looks after findings; without --to, nobody does"})
	c.Flags().StringVar(&d.act.Assignee, "to", "", "who")
	c.Flags().StringVar(&d.act.Comment, "comment", "", "a word to it")
	return c
}

func commentFinding(at *place) *cobra.Command {
	d := &deed{kind: "comment"}
	c := d.command(at, &cobra.Command{Short: "Add a comment to the history of findings"})
	c.Flags().StringVar(&d.act.Comment, "text", "", "the comment (needed)")
	return c
}

func statusFinding(at *place) *cobra.Command {
	d := &deed{kind: "status"}
	c := d.command(at, &cobra.Command{Short: "Set the status: open, investigating, remediating or deviation-requested"})
	c.Flags().StringVar(&d.act.Status, "to", "", "the status (needed)")
	c.Flags().StringVar(&d.act.Comment, "reason", "", "why; a request for a deviation needs it")
	return c
}

func acceptFinding(at *place) *cobra.Command {
	d, until := &deed{kind: "accept"}, ""
	c := d.command(at, &cobra.Command{
		Short: "Approve a deviation: somebody answers for it, for a reason, to an end",
		Long:  "An acceptance ends by itself: the finding is open again then. A new member reopens it before.",
	})
	x := &demarcv1.Acceptance{}
	d.act.Acceptance = x
	d.prepare = func() (err error) {
		x.Until, err = instant("until", until, true)
		return err
	}
	c.Flags().StringVar(&x.Owner, "owner", "", "who answers for it (needed)")
	c.Flags().StringVar(&x.Reason, "reason", "", "why (needed)")
	c.Flags().StringVar(&until, "until", "", "its last day, or the instant of its end (needed)")
	c.Flags().StringArrayVar(&x.Mitigations, "mitigation", nil, "what makes it bearable meanwhile; may come again")
	return c
}

func closeFinding(at *place) *cobra.Command {
	d := &deed{kind: "close"}
	c := d.command(at, &cobra.Command{
		Short: "Close findings as fixed, false-positive, duplicate, ceased or explained",
		Long: "What was closed as fixed or ceased is open again as soon as one of its connections or assets is seen again; a new\n" +
			"member reopens it in any case.",
	})
	x := &demarcv1.Closure{}
	d.act.Closure = x
	c.Flags().StringVar(&x.Reason, "reason", "", "fixed, false-positive, duplicate, ceased or explained (needed)")
	c.Flags().StringVar(&x.DuplicateOf, "of", "", "of a duplicate: the finding that stands")
	c.Flags().StringVar(&d.act.Comment, "comment", "", "in words; false-positive and explained need it")
	return c
}

func reopenFinding(at *place) *cobra.Command {
	d := &deed{kind: "reopen"}
	c := d.command(at, &cobra.Command{Short: "Take an acceptance or a closure back"})
	c.Flags().StringVar(&d.act.Comment, "reason", "", "why (needed)")
	return c
}

func planFinding(at *place) *cobra.Command {
	d := &deed{kind: "poam"}
	c := d.command(at, &cobra.Command{
		Short: "Add an item to the plan of action and milestones, change one (--item), or close it",
		Long:  "An item closes with evidence (--evidence or --artefact), or by the act of an official.",
		Example: "  demarc-collector finding poam f-0123456789abcdef --title \"Move the historian\" --responsible \"J. Doe\" --due 2026-12-01 --milestone \"firewall ordered=2026-10-15\"\n" +
			"  demarc-collector finding poam f-0123456789abcdef --item P1 --done \"firewall ordered\"\n" +
			"  demarc-collector finding poam f-0123456789abcdef --item P1 --close --evidence \"rule removed\" --artefact change-4711.pdf",
	})
	x := &demarcv1.PoamItem{}
	d.act.Poam = x
	var due, artefact string
	var milestones, done []string
	closing := false
	d.prepare = func() (err error) {
		if x.Due, err = instant("due", due, true); err != nil {
			return err
		}
		if x.Sha256, err = digestOf(artefact); err != nil {
			return err
		}
		if closing {
			x.Status = "closed"
		}
		if x.Milestones, err = milestonesOf(milestones, done); err != nil {
			return err
		}
		return nil
	}
	f := c.Flags()
	f.StringVar(&x.Id, "item", "", "the item that is changed or closed: P1")
	f.StringVar(&x.Title, "title", "", "what is to be done")
	f.StringVar(&x.Responsible, "responsible", "", "who does it")
	f.StringVar(&x.Resources, "resources", "", "what it takes")
	f.StringVar(&due, "due", "", "its last day")
	f.StringArrayVar(&milestones, "milestone", nil, "TITLE=DAY of a step; may come again")
	f.StringArrayVar(&done, "done", nil, "TITLE of a step that is done; may come again")
	f.StringVar(&x.Evidence, "evidence", "", "what shows that it was done, in words")
	f.StringVar(&artefact, "artefact", "", "the paper that shows it: its SHA-256 is recorded")
	f.BoolVar(&closing, "close", false, "close the item")
	f.StringVar(&d.act.Comment, "comment", "", "a word to it")
	return c
}

func milestonesOf(planned, done []string) (all []*demarcv1.Milestone, err error) {
	for _, s := range planned {
		i := strings.LastIndexByte(s, '=')
		if i < 0 {
			return nil, fmt.Errorf("--milestone %q is not TITLE=DAY", s)
		}
		due, err := instant("milestone", s[i+1:], true)
		if err != nil {
			return nil, err
		}
		all = append(all, &demarcv1.Milestone{Title: s[:i], Due: due})
	}
	for _, s := range done {
		all = append(all, &demarcv1.Milestone{Title: s, Done: true})
	}
	return all, nil
}

// tellFindings says how the findings stand that were acted on.
func tellFindings(w io.Writer, all []*demarcv1.Finding, dryRun bool) error {
	out := lines{w: w}
	if dryRun {
		out.printf("Nothing recorded. It would go to %d:\n", len(all))
	}
	for _, f := range all {
		out.printf("%s  %s, severity %d, revision %d: %s\n", f.GetId(), findingStatus(f), f.GetSeverity(), f.GetRevision(), printable(f.GetTitle()))
	}
	return out.err
}

// historyOf prints what was done to a finding.
func historyOf(ctx context.Context, c demarcv1.FindingServiceClient, w io.Writer, id, format string) error {
	r, err := c.GetFinding(ctx, &demarcv1.GetFindingRequest{Id: id})
	if err != nil {
		return err
	}
	return show(w, format, r, func() (t table.Table) {
		t.Head, t.Right = []string{"AT", "REVISION", "EVENT", "BY", "STATUS", "WORDS"}, []bool{1: true}
		for i, e := range r.GetEvents() {
			if i == 1 && r.GetLeftOff() > 0 {
				t.Rows = append(t.Rows, []string{"", "", "", "", "", fmt.Sprintf("%d events that the audit log alone keeps", r.GetLeftOff())})
			}
			t.Rows = append(t.Rows, []string{moment(e.GetAt()), strconv.FormatUint(e.GetRevision(), 10), e.GetKind(), e.GetActor(), e.GetStatus(), e.GetWords()})
		}
		return t
	})
}
