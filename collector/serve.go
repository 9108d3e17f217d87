package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"demarc/collector/config"
	"demarc/collector/server"
	"demarc/internal/role"
	"demarc/internal/tables"
	"demarc/internal/version"
)

func serveCommand(at *place) *cobra.Command {
	var uplink, pages, site string
	var names []string
	c := &cobra.Command{
		Use:   "serve [--config collector.yaml]",
		Short: "Run a collector",
		Long: "serve takes what agents report, judges it, and serves the pages. It needs no settings: keys and\n" +
			"certificates are made at the first start, in the data directory with everything else.",
		Example: "  demarc-collector serve\n" +
			"  demarc-collector serve --config /etc/demarc/collector.yaml\n" +
			"  demarc-collector serve --data ./demarc-data --uplink 0.0.0.0:7443 --names collector.plant.example",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			settings, err := at.load()
			if err != nil {
				return err
			}
			set := func(flag string, to *string, value string) {
				if c.Flags().Changed(flag) {
					*to = value
				}
			}
			set("uplink", &settings.Uplink, uplink)
			set("pages", &settings.Pages, pages)
			set("site", &settings.Site, site)
			settings.Names = append(settings.Names, names...)
			if settings.Tables != "" {
				if _, err := tables.Use(settings.Tables); err != nil {
					return err
				}
			}
			if settings.Fingerprints != "" {
				own, err := role.LoadFingerprints(settings.Fingerprints)
				if err != nil {
					return err
				}
				role.UseFingerprints(own)
			}
			log := logger(settings.LogLevel)
			log.Info("collector starts", "version", version.String(), "data", settings.Data, "authority", settings.Authority)
			return server.Run(c.Context(), server.Config{
				Config: settings, Log: log, Version: version.String(),
				Ready: func(r server.Ready) { welcome(c.OutOrStdout(), settings, r) },
			})
		},
	}
	d := config.Default()
	c.Flags().StringVar(&uplink, "uplink", d.Uplink, "address that agents report to, host:port")
	c.Flags().StringVar(&pages, "pages", d.Pages, "address of the pages, host:port, or \"off\"")
	c.Flags().StringVar(&site, "site", "", "site of agents whose token names none")
	c.Flags().StringSliceVar(&names, "names", nil, "host names and addresses by which agents and browsers reach this machine")
	return c
}

func logger(level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checked with the settings
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
}

// welcome is what a person sees when everything listens.
func welcome(w io.Writer, c config.Config, r server.Ready) {
	_, _ = fmt.Fprintf(w, "Demarc collector %s\n  data       %s\n  agents     %s\n", version.String(), c.Data, r.Uplink)
	if r.Pages != "" {
		_, _ = fmt.Fprintf(w, "  pages      %s\n  sign in    %s\n             (works once, for an hour; `demarc-collector sign-in` makes another)\n", r.Pages, r.Link)
	}
	authority := "none: whoever may run the commands may change what counts as authorized"
	if c.Authority == config.Enforced {
		authority = "enforced: what improves a verdict waits for an official; `demarc-collector user add` makes accounts"
	}
	_, _ = fmt.Fprintf(w, "  authority  %s\n", authority)
}
