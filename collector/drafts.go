package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/export/emass"
	"demarc/collector/export/oscal"
	demarcv1 "demarc/proto/demarc/v1"
)

// draftCommands write documents for the programs of others.
func draftCommands(at *place) []*cobra.Command {
	return []*cobra.Command{oscalCommand(at), csvCommand(at), hdfCommand(at), scnCommand(at)}
}

func oscalCommand(at *place) *cobra.Command {
	r := &demarcv1.ExportRequest{}
	var model string
	c := draftCommand(at, r, func() (err error) {
		r.Format = "oscal-" + model
		if !slices.Contains(oscal.Models, model) {
			err = fmt.Errorf("--model %q is not one of %s", model, strings.Join(oscal.Models, ", "))
		}
		return err
	})
	c.Use = "oscal [AUTHORIZATION] [--model ar|poam|ssp]"
	c.Short = "Write assessment results, a plan of action, or parts of a security plan, in OSCAL"
	c.Long = "OSCAL is the language in which tools for authorizations take documents over. Each is held to NIST's schema\n" +
		"of OSCAL 1.1.3 before it is written: what would not be valid is an error that names the place, and no file.\n\n" +
		"  ar    assessment results: what was seen, whether each condition is satisfied, risks with what was decided\n" +
		"  poam  plan of action and milestones: an item for each finding that is open or planned for\n" +
		"  ssp   what a system security plan takes over: devices, interconnections, leveraged authorizations\n\n" +
		"What OSCAL asks for and nobody told stands there as a remark, and is listed on stderr. What could not be\n" +
		"observed is never satisfied. The same moment gives the same bytes; ids stay from export to export."
	c.Example = "  demarc-collector export oscal lines-ato\n  demarc-collector export oscal lines-ato --model poam --ssp https://plans.example/lines-ssp.json\n  demarc-collector export oscal lines-ato --model ssp --profile https://plans.example/profile.json --file lines-ssp.json"
	c.Flags().StringVar(&model, "model", "ar", "document: ar, poam or ssp")
	c.Flags().StringVar(&r.Plan, "plan", "", "of ar: URI of the assessment plan")
	c.Flags().StringVar(&r.SecurityPlan, "ssp", "", "of poam: URI of the system security plan (default: that of the boundary's document)")
	c.Flags().StringVar(&r.Profile, "profile", "", "of ssp: URI of the profile that names the controls")
	return c
}

func csvCommand(at *place) *cobra.Command {
	r := &demarcv1.ExportRequest{Format: "csv"}
	c := draftCommand(at, r, func() error {
		if !slices.Contains(emass.Lists, r.GetList()) {
			return fmt.Errorf("--list %q is not one of %s", r.GetList(), strings.Join(emass.Lists, ", "))
		}
		return nil
	})
	c.Use = "csv [AUTHORIZATION] --list hardware|software|services"
	c.Short = "Write what was heard as a hardware, software or services list"
	c.Long = "Hardware and software have the fields of eMASS's baselines, services the columns of the table of ports,\n" +
		"protocols and services in a FedRAMP security plan. Columns that only people know stay empty, and are listed on\n" +
		"stderr. A cell that a spreadsheet would take for a formula has an apostrophe before it; `import` takes it away\n" +
		"again, and reads each of these lists as it was written. `get ... -o csv` writes the lists of the screen."
	c.Example = "  demarc-collector export csv lines-ato --list hardware\n  demarc-collector export csv lines-ato --boundary line4 --list services --file line4-pps.csv"
	c.Flags().StringVar(&r.List, "list", "", "hardware, software or services")
	return c
}

func hdfCommand(at *place) *cobra.Command {
	c := draftCommand(at, &demarcv1.ExportRequest{Format: "hdf"}, nil)
	c.Use = "hdf [AUTHORIZATION]"
	c.Short = "Write the conditions of an authorization as results that MITRE Heimdall reads"
	c.Long = "Each authorization is a profile, each of its conditions a control: passed when it holds, failed when it is\n" +
		"violated, skipped, with the reason, when it could not be observed, is stale, or waits for an attestation."
	c.Example = "  demarc-collector export hdf lines-ato\n  demarc-collector export hdf lines-ato --as-of 2026-03-14 --file lines.hdf.json"
	return c
}

func scnCommand(at *place) *cobra.Command {
	r := &demarcv1.ExportRequest{Format: "scn"}
	var since string
	c := draftCommand(at, r, func() error {
		if since == "" {
			return nil
		}
		t, err := readMoment(since, time.Now())
		if err != nil {
			return fmt.Errorf("--since: %w", err)
		}
		r.Since = timestamppb.New(t)
		return nil
	})
	c.Use = "scn AUTHORIZATION [--since T]"
	c.Short = "Draft a FedRAMP Significant Change Notification out of what changed"
	c.Long = "The draft has the fields of FedRAMP's schema of 2026-06-24, filled with what differs in the plant from the\n" +
		"snapshot of the decision. Whether a change is significant, of which type, and what it means for customers is\n" +
		"for a person to say: those fields are empty, and listed on stderr."
	c.Example = "  demarc-collector export scn lines-ato\n  demarc-collector export scn lines-ato --since 2026-03-01 --overview https://trust.example/overview.json"
	c.Flags().StringVar(&since, "since", "", "changes from then on: 2026-03-14T10:00Z, 2026-03-14, or how long ago: 48h, 7d (default: the snapshot)")
	c.Flags().StringVar(&r.Overview, "overview", "", "URI of the certification package overview")
	return c
}

// draftCommand asks for a document, once check takes what was given.
func draftCommand(at *place, r *demarcv1.ExportRequest, check func() error) *cobra.Command {
	c := &cobra.Command{RunE: func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			r.Authorization = args[0]
		}
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		return at.export(c, r)
	}}
	c.Args = atMostOne(c, "one authorization, as `get authorizations` shows it")
	exportFlags(c, r)
	return c
}

// leaving keeps what a document that comes in pieces leaves to people.
type leaving struct {
	grpc.ServerStreamingClient[demarcv1.ExportResponse]
	missing []string
}

// Recv returns the next piece.
func (l *leaving) Recv() (*demarcv1.ExportResponse, error) {
	piece, err := l.ServerStreamingClient.Recv()
	l.missing = append(l.missing, piece.GetMissing()...)
	return piece, err
}

// tell lists what is left, beside what the command answers.
func (l *leaving) tell(w io.Writer) error {
	if len(l.missing) == 0 {
		return nil
	}
	out := lines{w: w}
	out.printf("Left for a person:\n")
	for _, m := range l.missing {
		out.printf("  %s\n", printable(m))
	}
	return out.err
}
