package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/agent/config"
	"demarc/agent/status"
	"demarc/agent/uplink"
	"demarc/internal/pki"
	"demarc/internal/version"
	demarcv1 "demarc/proto/demarc/v1"
)

func exportCommand() *cobra.Command {
	var at place
	again := false
	c := &cobra.Command{
		Use:   "export DIRECTORY --config agent.yaml",
		Short: "Write what was seen to sealed files, where there is no way to the collector",
		Long: "export writes what is new since the last export as files of 32 MiB at most, numbered and signed with this\n" +
			"agent's key, to be carried or sent one way to the collector: `demarc-collector import bundle FILE...`. The agent\n" +
			"may run meanwhile. What was exported stays in the spool until its room is needed; --again writes it once more.",
		Example: "  demarc-agent export --config /etc/demarc/agent.yaml /media/usb\n  demarc-agent export --config /etc/demarc/agent.yaml --again /media/usb",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("export needs one directory to write into")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err != nil {
				return err
			} else if !info.IsDir() {
				return fmt.Errorf("%s is no directory: files are named by what they hold", args[0])
			}
			cfg, err := at.load()
			if err != nil {
				return err
			}
			spool, done, err := bundlesOf(c.Context(), cfg)
			if err != nil {
				return err
			}
			return errors.Join(export(c, spool, args[0], again), done())
		},
	}
	c.Flags().StringVar(&at.configFile, "config", "", "settings file (agent.yaml)")
	c.Flags().StringVar(&at.state, "state", "", "directory of the credentials and the spool (default "+config.DefaultState()+")")
	c.Flags().BoolVar(&again, "again", false, "begin with the oldest that is held, whatever was exported before")
	return c
}

// bundlesOf is the spool: that of the running agent, or the file where none runs.
func bundlesOf(ctx context.Context, cfg config.Config) (status.Bundles, func() error, error) {
	if _, err := os.Stat(cfg.SpoolFile()); err != nil {
		return nil, nil, fmt.Errorf("no agent spooled in %s yet: name its settings or state directory", cfg.State)
	}
	spool, err := uplink.Open(cfg.SpoolFile(), uplink.Options{MaxBytes: int64(cfg.Spool.MaxMB) << 20})
	if errors.Is(err, uplink.ErrInUse) {
		return status.Remote{Context: ctx, Socket: cfg.StatusSocket()}, func() error { return nil }, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return bundles{cfg: cfg, spool: spool}, spool.Close, nil
}

// export writes files until nothing is left. Each is on disk before the spool
// is told so.
func export(c *cobra.Command, from status.Bundles, dir string, again bool) error {
	var after uint64
	files := 0
	for first := true; ; first = false {
		name, data, through, err := from.Next(after, first && again)
		if errors.Is(err, uplink.ErrNothing) {
			break
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.Base(name))
		if err := writeSynced(path, data); err != nil {
			return err
		}
		if err := from.Kept(through); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%s: %d bytes\n", path, len(data)); err != nil {
			return err
		}
		after = through
		files++
	}
	if files == 0 {
		_, err := fmt.Fprintln(c.OutOrStdout(), "Nothing is new since the last export.")
		return err
	}
	return nil
}

// writeSynced writes a file that takes its name when it is whole and on disk.
func writeSynced(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".demarc-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone when it has its name
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// bundles makes files of a spool with this agent's key.
type bundles struct {
	cfg   config.Config
	spool *uplink.Spool
	beat  func() *demarcv1.Heartbeat // how the agent is; nil where none runs
}

// Next implements status.Bundles.
func (b bundles) Next(after uint64, again bool) (name string, data []byte, through uint64, err error) {
	creds, err := pki.LoadCredentials(b.cfg.Credentials())
	if err != nil {
		return "", nil, 0, err
	}
	if !again {
		after = max(after, b.spool.Exported())
	}
	host, err := os.Hostname()
	if err != nil {
		return "", nil, 0, err
	}
	hello := &demarcv1.Hello{Version: version.String(), Clock: timestamppb.New(time.Now()), Hostname: host, Segments: segments(b.cfg)}
	var beat *demarcv1.Heartbeat
	if b.beat != nil {
		beat = b.beat()
	}
	return b.spool.Bundle(after, hello, beat, creds)
}

// Kept implements status.Bundles.
func (b bundles) Kept(through uint64) error { return b.spool.Kept(through) }
