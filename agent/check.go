package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"demarc/agent/capture"
	"demarc/agent/config"
	"demarc/agent/dissect"
	"demarc/agent/pipeline"
	"demarc/agent/spancheck"
	demarcv1 "demarc/proto/demarc/v1"
)

type checkOptions struct {
	interfaces []string
	length     time.Duration
	format     string
}

func checkCommand() *cobra.Command {
	var (
		o  checkOptions
		at place
	)
	c := &cobra.Command{
		Use:   "check --interface eth1 | FILE",
		Short: "Is this SPAN port right? In words that an engineer can act on",
		Long: "check listens on a SPAN port for a while, or reads a capture of one, and says what is wrong with the\n" +
			"mirror and with the capture interface, and what to do about it. It sends nothing and changes nothing.\n" +
			"Exit 0 when the port is good (warnings may stand), 1 when something is bad or too little was seen to tell.",
		Example: "  sudo demarc-agent check --interface eth1\n" +
			"  sudo demarc-agent check --config /etc/demarc/agent.yaml --for 2m\n" +
			"  demarc-agent check line4.pcap --format json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.format != "table" && o.format != "json" {
				return fmt.Errorf("--format %q is not known: table or json", o.format)
			}
			cfg, err := at.load()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return checkFile(c, o, args[0])
			}
			return checkLive(c, cfg, o)
		},
	}
	c.Flags().StringSliceVar(&o.interfaces, "interface", nil, "interface to listen on; several at once are allowed (default those of the settings)")
	c.Flags().DurationVar(&o.length, "for", 30*time.Second, "how long to listen")
	c.Flags().StringVar(&o.format, "format", "table", "output: table or json")
	c.Flags().StringVar(&at.configFile, "config", "", "settings file (agent.yaml): interfaces, their VLANs, the collector's address")
	return c
}

// checked is what was found out about one interface or file.
type checked struct {
	Source  string             `json:"source"`
	Verdict spancheck.Verdict  `json:"verdict"`
	Frames  uint64             `json:"frames"`
	Bytes   uint64             `json:"bytes"`
	Seconds float64            `json:"seconds"`
	Results []spancheck.Result `json:"results"`
}

func newChecked(name string, n *spancheck.Counts, results []spancheck.Result) checked {
	return checked{
		Source: name, Verdict: spancheck.Overall(results), Frames: n.Frames, Bytes: n.Bytes,
		Seconds: n.Span().Round(time.Millisecond).Seconds(), Results: results,
	}
}

// forget is a sink for who wants counts alone.
type forget struct{}

func (forget) Emit(*demarcv1.Body, bool) error { return nil }

func checkFile(c *cobra.Command, o checkOptions, file string) error {
	if len(o.interfaces) > 0 {
		return errors.New("check takes an interface or a file, not both")
	}
	src, err := capture.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	bar := newProgress(file, src, false)
	k := spancheck.New(spancheck.Options{Protocols: dissect.Protocols()})
	_, err = pipeline.Run(c.Context(), pipeline.Config{Progress: bar.draw, Check: k}, src, forget{})
	bar.clear()
	if err != nil {
		return named(file, err)
	}
	n := k.Latest()
	return conclude(c.OutOrStdout(), o.format, []checked{newChecked(file, n, spancheck.Judge(n, spancheck.Source{Name: file}))})
}

func checkLive(c *cobra.Command, cfg config.Config, o checkOptions) error {
	all, err := chosen(cfg, o.interfaces)
	switch {
	case err != nil:
		return err
	case o.length <= 0:
		return errors.New("--for must be longer than nothing, as in --for 30s")
	}
	own := ownAddresses(c.Context(), cfg.Collector)
	sources, err := openAll(all)
	if err != nil {
		return err
	}
	ports := make([]*port, len(all))
	for i := range all {
		ports[i] = newPort(all[i], sources[i], own, false)
	}
	ctx, cancel := context.WithTimeout(c.Context(), o.length)
	defer cancel()
	errs := make(chan error, len(ports))
	for _, p := range ports {
		go func() { errs <- p.listen(ctx, forget{}) }()
	}
	stop := countdown(ctx, ports, o.length)
	for range ports {
		err = errors.Join(err, <-errs)
	}
	stop()
	if err != nil {
		return err
	}
	var found []checked
	for _, p := range ports {
		p.watch.Update(time.Now(), spancheck.Look)
		found = append(found, newChecked(p.Name, p.check.Latest(), p.watch.Results()))
	}
	return conclude(c.OutOrStdout(), o.format, found)
}

// chosen are the interfaces by name, with their settings, or all of the settings'.
func chosen(cfg config.Config, names []string) ([]config.Interface, error) {
	if len(names) == 0 {
		if len(cfg.Interfaces) == 0 {
			return nil, errors.New("no interface to listen on: give --interface eth1, or --config with interfaces, or a capture file")
		}
		return cfg.Interfaces, nil
	}
	var all []config.Interface
	for _, name := range names {
		i := slices.IndexFunc(cfg.Interfaces, func(x config.Interface) bool { return x.Name == name })
		if i < 0 {
			all = append(all, config.Interface{Name: name})
			continue
		}
		all = append(all, cfg.Interfaces[i])
	}
	return all, nil
}

// countdown draws how long it still takes, on a terminal.
func countdown(ctx context.Context, ports []*port, length time.Duration) (stop func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) { // a file descriptor is small
		return func() {}
	}
	start, done := time.Now(), make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		beat := time.NewTicker(200 * time.Millisecond)
		defer beat.Stop()
		for {
			var parts []string
			for _, p := range ports {
				parts = append(parts, fmt.Sprintf("%s %d frames", p.Name, p.meter.Frames.Load()))
			}
			fmt.Fprintf(os.Stderr, "\r\033[Klistening %v of %v: %s", time.Since(start).Round(time.Second), length, strings.Join(parts, ", "))
			select {
			case <-ctx.Done():
				fmt.Fprint(os.Stderr, "\r\033[K")
				return
			case <-beat.C:
			}
		}
	}()
	return func() { cancel(); <-done }
}

// conclude prints what was found; it is an error unless all is good.
func conclude(w io.Writer, format string, all []checked) error {
	if format == "json" {
		if err := indented(w, all); err != nil {
			return err
		}
	} else {
		for _, x := range all {
			if _, err := fmt.Fprintf(w, "%s: %s. %d frames in %v.\n\n", x.Source, x.Verdict, x.Frames, time.Duration(x.Seconds*float64(time.Second)).Round(time.Millisecond)); err != nil {
				return err
			}
			if err := printResults(w, x.Results, true); err != nil {
				return err
			}
		}
	}
	var wrong []string
	for _, x := range all {
		if x.Verdict == spancheck.Bad || x.Verdict == spancheck.CannotTell {
			wrong = append(wrong, x.Source+": "+spancheck.Word(x.Results))
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// printResults prints the worst first, each with what to do about it.
func printResults(to io.Writer, all []spancheck.Result, good bool) error {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b spancheck.Result) int { return int(b.Verdict) - int(a.Verdict) })
	w := bufio.NewWriter(to)
	for _, r := range all {
		if r.Verdict == spancheck.Good && !good {
			continue
		}
		_, _ = fmt.Fprintf(w, "%-12s %-14s %s\n", r.Verdict, r.ID, folded(r.Evidence))
		if r.Cure != "" {
			_, _ = fmt.Fprintf(w, "%27s %s\n", "do:", folded(r.Cure))
		}
	}
	_, _ = fmt.Fprintln(w)
	return w.Flush()
}

// resultIndent is where the text of a result begins.
const resultIndent = 28

// folded breaks a text into lines that fit the terminal, or leaves it one line
// when output goes elsewhere.
func folded(text string) string {
	room := width() - resultIndent
	if room < 20 {
		return text
	}
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case used == 0:
		case used+1+len(word) > room:
			b.WriteString("\n" + strings.Repeat(" ", resultIndent))
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += len(word)
	}
	return b.String()
}
