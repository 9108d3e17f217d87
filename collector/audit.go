package main

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"demarc/collector/api"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

func auditCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "The log of every act, chained by hash"}
	c.AddCommand(auditVerifyCommand(at))
	return c
}

func (p *place) audit(ctx context.Context, f func(context.Context, demarcv1.AuditServiceClient) error) error {
	return p.call(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		return f(ctx, demarcv1.NewAuditServiceClient(conn))
	})
}

func auditVerifyCommand(at *place) *cobra.Command {
	var file, expect string
	c := &cobra.Command{
		Use: "verify [--backup FILE]", Short: "Check that no entry of the audit log was changed, removed or put in", Args: cobra.NoArgs,
		Long: "Each entry holds the hash of the one before it. verify works through all of them: of the running\n" +
			"collector, or with --backup of a backup (or a store's file) without any collector. Exit status 0: the\n" +
			"chain holds; 1: it does not, and the first bad entry is named. What was cut off at the end shows only\n" +
			"against a hash that was noted elsewhere: give it with --expect.",
		Example: "  demarc-collector audit verify\n  demarc-collector audit verify --backup demarc-2026-04-12.tar --expect 9f2c...",
		RunE: func(c *cobra.Command, _ []string) error {
			if file != "" {
				r, err := verifyFile(c.Context(), file, expect)
				if err != nil {
					return err
				}
				return tellAudit(c.OutOrStdout(), r, file)
			}
			return at.audit(c.Context(), func(ctx context.Context, client demarcv1.AuditServiceClient) error {
				r, err := client.VerifyAudit(ctx, &demarcv1.VerifyAuditRequest{})
				if err != nil {
					return err
				}
				if expect != "" && r.GetIntact() {
					if err := holdsHash(ctx, client, expect); err != nil {
						return err
					}
				}
				return tellAudit(c.OutOrStdout(), r, "the audit log")
			})
		},
	}
	c.Flags().StringVar(&file, "backup", "", "backup, or store file, to check instead of the running collector")
	c.Flags().StringVar(&expect, "expect", "", "hash that the log must hold: of an entry noted earlier")
	return c
}

func tellAudit(w io.Writer, r *demarcv1.VerifyAuditResponse, what string) error {
	if !r.GetIntact() {
		return fmt.Errorf("%s is not what was written: %s; %d entries before it are", what, r.GetFault(), r.GetEntries())
	}
	out := lines{w: w}
	out.printf("The chain holds: %d entries in %s, none changed, removed or put in between.\nLast hash: %s\n", r.GetEntries(), what, r.GetLastHash())
	return out.err
}

// holdsHash looks for an entry by its hash.
func holdsHash(ctx context.Context, client demarcv1.AuditServiceClient, hash string) error {
	before := uint64(0)
	for {
		r, err := client.ListAudit(ctx, &demarcv1.ListAuditRequest{Before: before, Limit: 1000})
		if err != nil {
			return err
		}
		for _, e := range r.GetEntries() {
			if e.GetHash() == hash {
				return nil
			}
			before = e.GetSequence()
		}
		if len(r.GetEntries()) == 0 {
			return noHash(hash)
		}
	}
}

func noHash(hash string) error {
	return fmt.Errorf("no entry has the hash %s: the log was cut off, or is another one", hash)
}

// verifyFile checks the audit log of a backup or of a store's file.
func verifyFile(ctx context.Context, path, expect string) (*demarcv1.VerifyAuditResponse, error) {
	dir, err := os.MkdirTemp("", "demarc-audit-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	copied := filepath.Join(dir, api.StoreName)
	if err := storeOf(path, copied); err != nil {
		return nil, fmt.Errorf("--backup %s: %w", path, err)
	}
	s, err := bolt.Open(copied, bolt.Options{})
	if err != nil {
		return nil, fmt.Errorf("--backup %s: %w", path, err)
	}
	defer func() { _ = s.Close() }()
	last, err := store.VerifyLog(ctx, s)
	r := &demarcv1.VerifyAuditResponse{Intact: err == nil, Entries: last.Sequence, LastHash: hex.EncodeToString(last.Hash[:])}
	if err != nil {
		r.Fault = err.Error()
		return r, nil
	}
	if expect == "" {
		return r, nil
	}
	for after := uint64(0); ; {
		entries, err := s.AuditLog(ctx, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if hex.EncodeToString(e.Hash[:]) == expect {
				return r, nil
			}
			after = e.Sequence
		}
		if len(entries) == 0 {
			return nil, noHash(expect)
		}
	}
}

// storeOf copies the store out of a backup, or the store's file itself.
func storeOf(path, to string) error {
	f, err := os.Open(path) //nolint:gosec // the file that the user named
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	for in := tar.NewReader(f); ; {
		h, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return fmt.Errorf("no %s is in it", api.StoreName)
		case err != nil: // no tar file
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return err
			}
			return copyTo(to, f)
		case h.Name == api.StoreName:
			return copyTo(to, in)
		}
	}
}

func copyTo(path string, in io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in a directory made for it
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Close())
}

func getAuditCommand(at *place) *cobra.Command {
	var format string
	r := &demarcv1.ListAuditRequest{}
	c := &cobra.Command{
		Use: "audit", Short: "List the log of acts, the latest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return at.audit(c.Context(), func(ctx context.Context, client demarcv1.AuditServiceClient) error {
				a, err := client.ListAudit(ctx, r)
				if err != nil {
					return err
				}
				return show(c.OutOrStdout(), format, a, func() table.Table { return auditTable(a.GetEntries()) })
			})
		},
	}
	f := c.Flags()
	f.StringVarP(&format, "output", "o", "table", "output: table, json or csv")
	f.Uint32Var(&r.Limit, "limit", 100, "how many, at most 1000")
	f.Uint64Var(&r.Before, "before", 0, "only entries before this number")
	f.StringVar(&r.Who, "who", "", "only of callers whose name holds this")
	f.StringVar(&r.Search, "search", "", "only entries that hold all of these words")
	f.StringVar(&r.What, "what", "", "only acts whose name holds this")
	return c
}

func auditTable(all []*demarcv1.AuditEntry) table.Table {
	t := table.Table{Head: []string{"NUMBER", "TIME", "WHO", "WHAT", "ON", "DETAIL"}, Right: []bool{true}}
	for _, e := range all {
		t.Rows = append(t.Rows, []string{fmt.Sprint(e.GetSequence()), moment(e.GetTime()), printable(e.GetWho()), printable(e.GetWhat()), printable(e.GetOn()), printable(e.GetDetail())})
	}
	return t
}
