package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"demarc/agent/config"

	_ "embed"
)

//go:embed agent.yaml.tmpl
var settingsText string

var settings = template.Must(template.New("agent.yaml").Parse(settingsText))

func initCommand() *cobra.Command {
	file, collector := "agent.yaml", ""
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a settings file for the interfaces of this machine",
		Long: "init writes a commented agent.yaml that lists the interfaces of this machine: those without an address are\n" +
			"taken as SPAN ports, the others stand in comments. It never overwrites a file.",
		Example: "  demarc-agent init --collector collector.plant.example:7443\n  sudo demarc-agent init --config /etc/demarc/agent.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := candidates()
			if err != nil {
				return err
			}
			text, err := settingsFor(collector, all)
			if err != nil {
				return err
			}
			if err := create(file, text); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "Wrote %s. Set the collector and the segments in it, then: demarc-agent check --config %s\n", file, file)
			return err
		},
	}
	c.Flags().StringVar(&file, "config", file, "file to write")
	c.Flags().StringVar(&collector, "collector", "", "collector's address, host:port")
	return c
}

// candidate is an interface of this machine.
type candidate struct {
	Name, MAC string
	Addresses string // "" makes it a SPAN port
	Down      bool
}

// candidates lists the interfaces that carry Ethernet frames.
func candidates() (out []candidate, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("interfaces of this machine: %w", err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 || len(i.HardwareAddr) != 6 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("addresses of %s: %w", i.Name, err)
		}
		x := candidate{Name: i.Name, MAC: i.HardwareAddr.String(), Down: i.Flags&net.FlagUp == 0}
		var reachable []string
		for _, a := range addrs {
			if p, ok := a.(*net.IPNet); !ok || !p.IP.IsLinkLocalUnicast() { // a kernel gives itself one on every interface
				reachable = append(reachable, a.String())
			}
		}
		x.Addresses = strings.Join(reachable, ", ")
		out = append(out, x)
	}
	return out, nil
}

// settingsFor writes the settings, and reads them as `run` will.
func settingsFor(collector string, all []candidate) ([]byte, error) {
	data := struct {
		Collector, State string
		Ports, Others    []candidate
	}{Collector: collector, State: config.DefaultState()}
	for _, x := range all {
		if x.Addresses == "" {
			data.Ports = append(data.Ports, x)
		} else {
			data.Others = append(data.Others, x)
		}
	}
	var b strings.Builder
	if err := settings.Execute(&b, data); err != nil {
		return nil, err
	}
	if _, err := config.Parse("agent.yaml", []byte(b.String())); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// create writes a file that must not be there.
func create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // settings hold no secret, and the service's user reads them
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and stays as it is: name another file with --config, or move it away", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
