package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"demarc/internal/bundle"
	demarcv1 "demarc/proto/demarc/v1"
)

func importBundleCommand(at *place) *cobra.Command {
	var missingLost bool
	c := &cobra.Command{
		Use:   "bundle FILE...",
		Short: "Take what agents without a way to this collector saw",
		Long: "bundle takes files of `demarc-agent export`, each whole or not at all, in the order of their numbers whatever\n" +
			"the order they are named in. One that was altered, or whose agent is revoked, is refused; one that was taken\n" +
			"before changes nothing. When numbers are missing before one, it waits for the file that holds them.",
		Example: "  demarc-collector import bundle /media/usb/*.demarc",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("import bundle needs files, as `demarc-agent export` wrote them")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			files, err := readBundles(args)
			if err != nil {
				return err
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				out := lines{w: c.OutOrStdout()}
				for _, f := range files {
					data, err := os.ReadFile(f.name) // one at a time: they may be many
					if err != nil {
						return err
					}
					r, err := client.ImportBundle(ctx, &demarcv1.ImportBundleRequest{Data: data, MissingLost: missingLost})
					if err != nil {
						if code := status.Code(err); code == codes.Unavailable || code == codes.Unauthenticated {
							return err // not about this file
						}
						return fmt.Errorf("%s: %s", f.name, status.Convert(err).Message())
					}
					out.printf("%s: %d to %d of agent %s, written %s: %d new, %d there already", f.name, r.GetFirst(), r.GetLast(), printable(r.GetAgent()), moment(r.GetWritten()), r.GetTaken(), r.GetAgain())
					if r.GetMissing() > 0 {
						out.printf(", %d before them told as lost", r.GetMissing())
					}
					out.printf(".\n")
				}
				return out.err
			})
		},
	}
	c.Flags().BoolVar(&missingLost, "missing-lost", false, "what is missing before a bundle is lost for good, and is told so wherever it counts")
	return c
}

// bundleFile is a file and what it says that it holds.
type bundleFile struct {
	name  string
	epoch int // of those named, in the order in which they are
	first uint64
}

// readBundles sorts files by what they hold. The seal is the collector's to check.
func readBundles(names []string) ([]bundleFile, error) {
	var files []bundleFile
	epochs := map[string]int{}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.Size() > demarcv1.MaxBundle {
			return nil, fmt.Errorf("%s: %d bytes, a bundle has %d at most", name, info.Size(), demarcv1.MaxBundle)
		}
		data, err := os.ReadFile(name) //nolint:gosec // the file that the user named
		if err != nil {
			return nil, err
		}
		b, err := bundle.Read(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		hello := b.Head.GetHello()
		epoch := string(hello.GetEpoch())
		if _, known := epochs[epoch]; !known {
			epochs[epoch] = len(epochs)
		}
		files = append(files, bundleFile{name, epochs[epoch], hello.GetFirst()})
	}
	slices.SortStableFunc(files, func(a, b bundleFile) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.first, b.first))
	})
	return files, nil
}
