package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"demarc/agent/config"
	"demarc/agent/spancheck"
	"demarc/agent/status"
	"demarc/agent/uplink"
	"demarc/internal/pki"
	"demarc/internal/table"
	"demarc/internal/version"
)

func statusCommand() *cobra.Command {
	var (
		at     place
		format = "table"
	)
	c := &cobra.Command{
		Use:   "status",
		Short: "Ask the agent that runs on this machine how it is",
		Long: "status asks a running agent, through the Unix socket in its state directory, for its SPAN ports,\n" +
			"what it dropped, its spool and its link to the collector. Exit 1 when no agent answers.",
		Example: "  sudo demarc-agent status\n  sudo demarc-agent status --config /etc/demarc/agent.yaml -o json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("--output %q is not known: table or json", format)
			}
			cfg, err := at.load()
			if err != nil {
				return err
			}
			r, err := status.Fetch(c.Context(), cfg.StatusSocket())
			if err != nil {
				return err
			}
			if format == "json" {
				return indented(c.OutOrStdout(), r)
			}
			return printStatus(c.OutOrStdout(), r)
		},
	}
	c.Flags().StringVar(&at.configFile, "config", "", "settings file of the agent (agent.yaml)")
	c.Flags().StringVar(&at.state, "state", "", "its state directory (default "+config.DefaultState()+")")
	c.Flags().StringVarP(&format, "output", "o", format, "output: table or json")
	return c
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(v)
}

func printStatus(w io.Writer, r status.Report) error {
	link := "not connected"
	switch {
	case r.Collector.Address == config.NoCollector:
		link = "demarc-agent export writes out what is new"
	case r.Collector.Connected:
		link = "connected since " + clockTime(r.Collector.Since)
	case r.Collector.Error != "":
		link += ": " + r.Collector.Error
	}
	_, err := fmt.Fprintf(w, "agent      %s of site %s, version %s\nrunning    since %s\ncollector  %s, %s\nspool      %d records, %d of %d bytes\nspan       %s\n\n",
		r.Agent, r.Site, r.Version, clockTime(r.Started), r.Collector.Address, link, r.Spool.Records, r.Spool.Bytes, r.Spool.MaxBytes, orNone(r.Span, "not judged yet"))
	if err != nil {
		return err
	}
	t := table.Table{Head: []string{"INTERFACE", "SEGMENT", "FRAMES", "DROPS", "LAST FRAME", "SPAN"}, Right: []bool{2: true, 3: true}}
	for _, i := range r.Interfaces {
		t.Rows = append(t.Rows, []string{i.Name, i.Segment, strconv.FormatUint(i.Frames, 10), strconv.FormatUint(i.Drops, 10), clockTime(i.LastFrame), i.Span})
	}
	if err := t.Write(w, width()); err != nil {
		return err
	}
	for _, i := range r.Interfaces {
		if spancheck.Overall(i.Checks) == spancheck.Good {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%s\n", i.Name); err != nil {
			return err
		}
		if err := printResults(w, i.Checks, false); err != nil {
			return err
		}
	}
	return nil
}

func clockTime(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// openStatus opens the socket, and the page's address if one is set.
func openStatus(cfg config.Config) ([]net.Listener, error) {
	socket, err := status.Listen(cfg.StatusSocket())
	if err != nil {
		return nil, err
	}
	if cfg.Status.Listen == "" {
		return []net.Listener{socket}, nil
	}
	page, err := status.ListenPage(cfg.Status.Listen)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "status page: http://%s/\n", page.Addr())
	return []net.Listener{socket, page}, nil
}

// reporter gathers how the agent is, for each who asks.
func reporter(cfg config.Config, ports []*port, checks *spans, client *uplink.Client, spool *uplink.Spool) func() status.Report {
	started := time.Now()
	return func() status.Report {
		r := status.Report{Version: version.String(), Time: time.Now(), Started: started, Span: checks.word()}
		if c, err := pki.LoadCredentials(cfg.Credentials()); err == nil {
			r.Agent, r.Site = c.Identity().Agent, c.Identity().Site
		}
		link := client.Link()
		r.Collector = status.Collector{Address: cfg.Collector, Connected: link.Connected, Since: link.Since, Error: link.Error}
		r.Spool.Records, r.Spool.Bytes = spool.Held()
		r.Spool.MaxBytes = spool.MaxBytes()
		for _, p := range ports {
			r.Interfaces = append(r.Interfaces, p.status())
		}
		return r
	}
}
