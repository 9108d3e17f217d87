package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"demarc/collector/api"
	"demarc/collector/store"
	"demarc/collector/store/bolt"
)

// keysDir is the directory of the keys, in a data directory and in a backup.
const keysDir = "pki"

func restoreCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE --data DIR",
		Short: "Make a data directory of a backup, as the collector was",
		Long: "restore needs no collector, and takes only an empty data directory: move the old one away. It checks the\n" +
			"audit log of the backup before it puts anything in place. Run it as the user that the collector runs as.\n" +
			"Agents go on where the backup ends: what they reported after it is told as lost, unless they hold it still.",
		Example: "  sudo -u demarc-collector demarc-collector restore backup-2026-03-10.tar --data /var/lib/demarc-collector",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("restore needs one file, as `demarc-collector backup` wrote it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := at.load()
			if err != nil {
				return err
			}
			last, err := restore(c.Context(), args[0], cfg.Data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is restored: the last of %d acts in its audit log is of %s.\n", cfg.Data, last.Sequence, last.Act.Time.Format("2006-01-02 15:04:05"))
			return err
		},
	}
}

// restore unpacks within the data directory, checks what came out, and gives it
// its place: the keys first, so that a store never stands without them.
func restore(ctx context.Context, file, data string) (last store.AuditEntry, err error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return last, err
	}
	there, err := os.ReadDir(data)
	if err != nil {
		return last, err
	}
	if len(there) > 0 {
		return last, fmt.Errorf("%s is not empty: stop the collector and move the directory away, or name another with --data", data)
	}
	stage, err := os.MkdirTemp(data, ".restore-")
	if err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err := unpack(file, stage); err != nil {
		return last, err
	}
	if last, err = auditOf(ctx, filepath.Join(stage, api.StoreName)); err != nil {
		return last, err
	}
	for _, name := range []string{keysDir, api.StoreName} {
		if err := os.Rename(filepath.Join(stage, name), filepath.Join(data, name)); err != nil {
			return last, err
		}
	}
	return last, nil
}

// unpack takes out of a backup what backup puts in, and refuses all else.
func unpack(file, dir string) error {
	f, err := os.Open(file) //nolint:gosec // the file that the user named
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	if err := os.Mkdir(filepath.Join(dir, keysDir), 0o700); err != nil {
		return err
	}
	var stores, keys int
	for in := tar.NewReader(f); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("not a backup, or cut off: %w", err)
		}
		key, isKey := strings.CutPrefix(h.Name, keysDir+"/")
		switch {
		case h.Typeflag == tar.TypeReg && h.Name == api.StoreName:
			stores++
		case h.Typeflag == tar.TypeReg && isKey && filepath.IsLocal(key) && key == filepath.Base(key):
			keys++
		default:
			return fmt.Errorf("not a backup: it holds %q", h.Name)
		}
		if err := copyTo(filepath.Join(dir, filepath.FromSlash(h.Name)), in); err != nil {
			return err
		}
	}
	if stores != 1 || keys == 0 {
		return fmt.Errorf("not a backup: it holds %d stores and %d keys", stores, keys)
	}
	return nil
}

// auditOf opens a store and checks its audit log.
func auditOf(ctx context.Context, path string) (last store.AuditEntry, err error) {
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return store.VerifyLog(ctx, s)
}
