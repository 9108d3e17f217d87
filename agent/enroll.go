package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
		at                          place
		token, request, answer, pin string
	)
	c := &cobra.Command{
		Use:   "enroll --collector HOST:PORT --token TOKEN | --request FILE | --answer FILE",
		Short: "Trade a one-time token for this agent's certificate",
		Long: "Enrolling makes a key on this machine and has the collector sign it. The token comes from\n" +
			"`demarc-collector token create`; it works once, and names the collector's key, so no other\ncollector can answer for it.\n\n" +
			"Where there is no way to the collector, --request writes a file to be carried there, for `demarc-collector\n" +
			"agent admit`, and --answer takes what it gives back. Neither holds a secret.",
		Example: "  demarc-agent enroll --collector collector:7443 --token demarc1...\n  demarc-agent enroll --request line4.csr\n  demarc-agent enroll --answer line4.crt --pin 9f2c...",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := at.load()
			byFile := request != "" || answer != ""
			switch {
			case err != nil:
				return err
			case byFile && token != "" || request != "" && answer != "":
				return errors.New("give one of --token, --request and --answer")
			case !byFile && token == "":
				return errors.New("no token: give --token, made by `demarc-collector token create`; or --request FILE where there is no way to the collector")
			case !byFile && (cfg.Collector == "" || cfg.Collector == config.NoCollector):
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
			if byFile {
				return enrolByFile(c, cfg, host, request, answer, pin)
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
	c.Flags().StringVar(&request, "request", "", "file to write, to be carried to the collector")
	c.Flags().StringVar(&answer, "answer", "", "file that was carried back from the collector")
	c.Flags().StringVar(&pin, "pin", "", "with --answer: fingerprint of the collector's key, as 'demarc-collector status' prints it there")
	return c
}

// enrolByFile writes the request, or takes the answer.
func enrolByFile(c *cobra.Command, cfg config.Config, host, request, answer, pin string) error {
	keyFile := filepath.Join(cfg.State, "agent-request.pem")
	if request != "" {
		text, err := pki.Request(keyFile, host)
		if err != nil {
			return err
		}
		if err := writeSynced(request, text); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s is written. On the collector: demarc-collector agent admit %s --answer FILE; then here: demarc-agent enroll --answer FILE\n", request, filepath.Base(request))
		return err
	}
	text, err := os.ReadFile(answer) //nolint:gosec // the file that the user named
	if err != nil {
		return err
	}
	var want *pki.Fingerprint
	if pin != "" {
		f, err := pki.ParseFingerprint(pin)
		if err != nil {
			return fmt.Errorf("--pin: %w", err)
		}
		want = &f
	}
	creds, err := pki.AcceptAnswer(keyFile, text, want)
	if err != nil {
		return fmt.Errorf("%s: %w", answer, err)
	}
	if err := creds.Save(cfg.Credentials()); err != nil {
		return err
	}
	if err := os.Remove(keyFile); err != nil {
		return err
	}
	id := creds.Identity()
	_, err = fmt.Fprintf(c.OutOrStdout(), "Enrolled as %s of site %s until %s, with the collector whose key is %s.\n", id.Agent, id.Site, id.Expires.Format("2006-01-02"), pki.FingerprintOf(creds.Authority))
	return err
}
