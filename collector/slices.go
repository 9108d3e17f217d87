package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/collector/api"
	"demarc/internal/pki"
	"demarc/internal/slice"
	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func getSlicesCommand(at *place) *cobra.Command {
	var format string
	q := &demarcv1.ListSlicesRequest{}
	c := &cobra.Command{
		Use:     "slices",
		Short:   "List the frames that agents recorded of connections with a finding, the newest first",
		Example: "  demarc-collector get slices --finding f-4k2mzq7x3bna\n  demarc-collector get slices -o json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				r, err := whole(ctx, demarcv1.NewSliceServiceClient(conn).ListSlices, q)
				if err != nil {
					return err
				}
				return show(c.OutOrStdout(), format, r, func() table.Table { return slicesTable(r) })
			})
		},
	}
	c.Flags().StringVar(&q.Finding, "finding", "", "only of the connections of the finding with this id")
	c.Flags().StringVar(&q.Connection, "connection", "", "only of the connection with this id")
	c.Flags().StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	return c
}

func slicesTable(r *demarcv1.ListSlicesResponse) table.Table {
	t := table.Table{Head: []string{"ID", "CONNECTION", "FRAMES", "HOLDS", "FIRST", "LAST", "AGENT", "INTERFACE", "SEALED", "SHA-256"}, Right: []bool{2: true}}
	for _, x := range r.GetSlices() {
		t.Rows = append(t.Rows, []string{
			x.GetId(), x.GetConnection(), strconv.FormatUint(uint64(x.GetFrames()), 10), x.GetPayload(), moment(x.GetFirst()), moment(x.GetLast()),
			x.GetAgent(), x.GetInterface(), moment(x.GetSealed()), x.GetSha256(),
		})
	}
	return t
}

func exportSliceCommand(at *place) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "slice SLICE|CONNECTION|FINDING [--file F.pcapng]",
		Short: "Write recorded frames to a pcapng file, with what shows who recorded them",
		Long: "Beside F.pcapng come F.pcapng.json, which the agent signed and which holds the SHA-256 of F.pcapng,\n" +
			"F.pcapng.sig, the signature, and F.pcapng.crt, the certificates of the agent and of the authority that\n" +
			"signed it. `demarc-collector verify F.pcapng` checks all of it, and so do sha256sum and openssl. Of a\n" +
			"finding or a connection with several slices, each goes to a file of its own: F.pcapng, F-2.pcapng and so\n" +
			"on, the newest first. That they were handed out stands in the audit log.",
		Example: "  demarc-collector export slice f-4k2mzq7x3bna --file write.pcapng\n  demarc-collector export slice s-9f2c04d1e6a7b853",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("export slice needs the id of a slice, a connection or a finding: see `get slices`")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if file != "" && !strings.HasSuffix(file, slicesEnd) {
				return fmt.Errorf("--file %s: a name that ends in %s is needed", file, slicesEnd)
			}
			return at.call(c.Context(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
				return exportSlices(ctx, demarcv1.NewSliceServiceClient(conn), c.OutOrStdout(), args[0], file)
			})
		},
	}
	c.Flags().StringVar(&file, "file", "", "new file to write (default CONNECTION-SLICE.pcapng)")
	return c
}

const slicesEnd = ".pcapng"

func exportSlices(ctx context.Context, client demarcv1.SliceServiceClient, w io.Writer, id, file string) error {
	ids := []string{id}
	if !strings.HasPrefix(id, "s-") {
		q := &demarcv1.ListSlicesRequest{Connection: id}
		if strings.HasPrefix(id, "f-") {
			q = &demarcv1.ListSlicesRequest{Finding: id}
		}
		r, err := whole(ctx, client.ListSlices, q)
		if err != nil {
			return err
		}
		if ids = nil; len(r.GetSlices()) == 0 {
			return fmt.Errorf("no frames of %s are kept here: agents record where slices: is set in their settings, and `explain %s` says what they answered", id, id)
		}
		for _, x := range r.GetSlices() {
			ids = append(ids, x.GetId())
		}
	}
	out := lines{w: w}
	for i, id := range ids {
		got, err := client.GetSlice(ctx, &demarcv1.GetSliceRequest{Id: id})
		if err != nil {
			return err
		}
		name := file
		switch {
		case file == "":
			name = api.SliceName(got.GetSlice())
		case i > 0:
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(file, slicesEnd), i+1, slicesEnd)
		}
		if err := writeSlice(name, got); err != nil {
			return err
		}
		x := got.GetSlice()
		out.printf("%s: %d frames of connection %s, recorded by agent %s. SHA-256 %s\n", name, x.GetFrames(), x.GetConnection(), x.GetAgent(), x.GetSha256())
	}
	return out.err
}

// writeSlice writes the frames last: what is there is whole.
func writeSlice(name string, s *demarcv1.GetSliceResponse) error {
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("%s is there already: choose another file with --file", name)
	}
	for _, f := range api.SliceFiles(s) {
		if _, err := writeWhole(name+f.Ending, func(w io.Writer) error {
			_, err := w.Write(f.Data)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// verifySlice checks what exportSlices wrote; pin is as for a package.
func verifySlice(w io.Writer, name, pin, format string) error {
	m, key, err := readSlice(name)
	if err != nil {
		return errors.Join(fmt.Errorf("%s is not what an agent sealed: %w", name, err), errAltered)
	}
	if pin != "" {
		want, err := readPin(pin)
		if err != nil {
			return err
		}
		if want != key {
			return errors.Join(fmt.Errorf("%s: the agent's certificate is of the authority with the key %s, not that of --pin: another collector's agent recorded it", name, key), errAltered)
		}
	}
	if format == "json" {
		return json.NewEncoder(w).Encode(m)
	}
	out := lines{w: w}
	out.printf("%s: %d frames of %s -> %s, %s/%d, recorded by agent %s of site %s on %s, sealed %s, number %d of this agent.\n",
		name, m.Frames, m.Connection.Client, m.Connection.Server, m.Connection.Transport, m.Connection.Port, m.Agent, m.Site, m.Interface, m.Sealed.UTC().Format("2006-01-02 15:04:05 MST"), m.Number)
	out.printf("Intact: SHA-256 %s, signed with the agent's key, its certificate by the authority with the key %s.\n", m.SHA256, key)
	if pin == "" {
		out.printf("Whose authority that is was not checked: compare the key with `demarc-collector status`, or give --pin.\n")
	}
	return out.err
}

func readSlice(name string) (*slice.Manifest, pki.Fingerprint, error) {
	var parts [4][]byte
	for i, end := range []string{"", ".json", ".sig", ".crt"} {
		f, err := os.Open(name + end) //nolint:gosec // the file that the user named
		if err != nil {
			return nil, pki.Fingerprint{}, err
		}
		parts[i], err = io.ReadAll(io.LimitReader(f, demarcv1.MaxSlice+1))
		_ = f.Close() // only read
		if err != nil {
			return nil, pki.Fingerprint{}, err
		}
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(parts[3]); block != nil && len(chain) < 2; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, pki.Fingerprint{}, fmt.Errorf("%s.crt: %w", name, err)
		}
		chain = append(chain, c)
	}
	if len(chain) != 2 {
		return nil, pki.Fingerprint{}, fmt.Errorf("%s.crt holds %d certificates, the agent's and its authority's are needed", name, len(chain))
	}
	m, err := slice.Verify(parts[1], parts[2], parts[0], chain[0], chain[1])
	return m, pki.FingerprintOf(chain[1]), err
}
