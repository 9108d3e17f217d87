package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	demarcv1 "demarc/proto/demarc/v1"
)

func backupCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the store and the keys to a new tar file while the collector runs",
		Long: "The file holds private keys: keep it as you keep those. `demarc-collector restore FILE`\n" +
			"makes a data directory of it.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("backup needs the name of a new file")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			return at.ask(c.Context(), func(ctx context.Context, client demarcv1.CollectorServiceClient) error {
				r, err := client.Backup(ctx, &demarcv1.BackupRequest{Path: path})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d bytes.\n", path, r.GetBytes())
				return err
			})
		},
	}
}
