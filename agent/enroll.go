package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"demarc/agent/config"
	"demarc/agent/uplink"
	"demarc/internal/pki"
	"demarc/internal/version"
)

// place is where an agent keeps its credentials and spool, and its collector.
type place struct {
	configFile, collector, state string
}

func (p *place) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.configFile, "config", "", "settings file (agent.yaml)")
	c.Flags().StringVar(&p.collector, "collector", "", "collector's address, host:port")
	c.Flags().StringVar(&p.state, "state", "", "directory of the credentials and the spool (default "+config.DefaultState()+")")
}

// load reads the settings file, if any; flags stand above it.
func (p *place) load() (config.Config, error) {
	c := config.Default()
	if p.configFile != "" {
		var err error
		if c, err = config.Load(p.configFile); err != nil {
			return c, err
		}
	}
	if p.state != "" {
		c.State = p.state
	}
	if p.collector != "" {
		c.Collector = p.collector
	}
	return c, nil
}

var errNoCollector = errors.New("no collector is named: give --collector HOST:PORT, or collector: in the settings file")

func enrollCommand() *cobra.Command {
	var (
		at    place
		token string
	)
	c := &cobra.Command{
		Use:   "enroll --collector HOST:PORT --token TOKEN",
		Short: "Trade a one-time token for this agent's certificate",
		Long: "Enrolling makes a key on this machine and has the collector sign it. The token comes from\n" +
			"`demarc-collector token create`; it works once, and names the collector's key, so no other\ncollector can answer for it.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := at.load()
			switch {
			case err != nil:
				return err
			case token == "":
				return errors.New("no token: give --token, made by `demarc-collector token create`")
			case cfg.Collector == "":
				return errNoCollector
			}
			if old, err := pki.LoadCredentials(cfg.Credentials()); err == nil {
				return fmt.Errorf("already enrolled as %s of site %s (%s): remove that file to enrol again", old.Identity().Agent, old.Identity().Site, cfg.Credentials())
			}
			if err := os.MkdirAll(cfg.State, 0o700); err != nil {
				return err
			}
			host, err := os.Hostname()
			if err != nil {
				return err
			}
			id, err := uplink.Enrol(c.Context(), cfg.Collector, token, cfg.Credentials(), host, version.String())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "Enrolled as %s of site %s; the certificate is good until %s and is renewed before.\n", id.Agent, id.Site, id.Expires.Format("2006-01-02"))
			return err
		},
	}
	at.flags(c)
	c.Flags().StringVar(&token, "token", "", "one-time token")
	return c
}
