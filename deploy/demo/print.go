package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"demarc/internal/plant"
	"demarc/internal/table"
	demarcv1 "demarc/proto/demarc/v1"
)

// printer tells people what happens.
type printer struct{ out io.Writer }

func (p *printer) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...) // a reader who left needs nothing more
}

// rows prints a table as wide as the terminal.
func (p *printer) rows(t table.Table) {
	width := 0
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		width = w
	}
	_ = t.Write(p.out, width) // as above
}

func (p *printer) start(c *collector) {
	p.line("Demarc on the example plant: two production lines, a DMZ, an office network, the Internet.\n")
	p.line("  collector  %s, agents report to %s over mutual TLS", c.Version, c.Uplink)
}

// applied repeats what apply says in the end, and its warnings.
func (p *printer) applied(out string) {
	p.line("  documents  %s: %s", documents, lastLine(out))
	for l := range strings.Lines(out) {
		if strings.HasPrefix(l, "warning: ") {
			p.line("             %s", strings.TrimSpace(l))
		}
	}
}

func (p *printer) fed(port port, took time.Duration) {
	p.line("  agent      %-6s enrolled, %s delivered in %v", port.segment, port.file, took.Round(10*time.Millisecond))
}

// results prints the inventory, what is not agreed, and what to decide.
func (p *printer) results(s seen) {
	internet, nowhere, parts := s.elsewhere()
	p.line("\nINVENTORY: %s, %d of them parts of others", count(len(s.assets), "asset"), parts)
	t := table.Table{Head: []string{"  BOUNDARY", "DOMAIN", "ASSETS", "FINDINGS", "AUTHORIZATION"}, Right: []bool{false, false, true, true}}
	for _, b := range s.boundaries {
		t.Rows = append(t.Rows, []string{"  " + b.Name, b.Domain, strconv.Itoa(int(b.Assets)), strconv.Itoa(int(b.Findings)), b.Authorization})
	}
	t.Rows = append(t.Rows, []string{"  internet", "external", strconv.Itoa(internet), "", "built in: what stands outside the plant's addresses"},
		[]string{"  -", "", strconv.Itoa(nowhere), "", "in no boundary"})
	p.rows(t)
	p.verdicts(s.connections)
	p.uncovered(s)
	p.findings(s.findings)
}

// order of verdicts, the best first.
var order = []string{"authorized", "internal", "undecided", "lapsed", "out-of-terms", "unauthorized"}

func (p *printer) verdicts(all []*demarcv1.JudgedConnection) {
	p.line("\nCONNECTIONS: %d", len(all))
	t := table.Table{Head: []string{"  VERDICT", "CONNECTIONS", ""}, Right: []bool{false, true}}
	means := map[string]string{
		"authorized": "an agreement covers it", "internal": "both ends in one boundary", "undecided": "an end is in no boundary, or sight is too poor",
		"lapsed": "its agreement is no longer in force", "out-of-terms": "agreed ends, but a term is broken", "unauthorized": "nobody agreed to it",
	}
	for _, verdict := range order {
		n := 0
		for _, c := range all {
			if c.Verdict.GetVerdict() == verdict {
				n++
			}
		}
		if n > 0 {
			t.Rows = append(t.Rows, []string{"  " + verdict, strconv.Itoa(n), means[verdict]})
		}
	}
	p.rows(t)
}

// uncovered prints each connection that no agreement covers, with its reason.
func (p *printer) uncovered(s seen) {
	p.line("\nNOT COVERED BY ANY AGREEMENT, and why:")
	for _, c := range s.uncovered() {
		x := c.Connection
		p.line("  %-12s  %s (%s) -> %s (%s)  %s %s/%d, %s", c.Verdict.GetVerdict(), x.GetClient(), place(c.ClientBoundary), x.GetServer(), place(c.ServerBoundary), x.GetProtocol(), x.GetTransport(), x.GetPort(), x.GetOutcome())
		p.paragraph("                ", c.Verdict.GetReason())
	}
}

// paragraph breaks text between words.
func (p *printer) paragraph(indent, text string) {
	const cells = 100
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(indent)+len(line)+1+len(word) > cells {
			p.line("%s%s", indent, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	p.line("%s%s", indent, line)
}

func place(boundary string) string {
	if boundary == "" {
		return "no boundary"
	}
	return boundary
}

func (p *printer) findings(all []*demarcv1.Finding) {
	p.line("\nFINDINGS: %s to take, the most severe first", count(len(all), "decision"))
	t := table.Table{Head: []string{"  SEVERITY", "KIND", "FINDING"}, Right: []bool{true}}
	for _, f := range all {
		t.Rows = append(t.Rows, []string{"  " + strconv.Itoa(int(f.Severity)), f.Kind, f.Title})
	}
	p.rows(t)
}

// comparison says whether the findings are what was planted.
func (p *printer) comparison(planted plant.Expected, wrong []string) {
	if len(wrong) > 0 {
		p.line("\nThe findings differ from what was planted (%s):", expectations)
		for _, w := range wrong {
			p.line("  %s", w)
		}
		return
	}
	p.line("\nAll %d planted faults were found, %d tries that the firewall stopped were told as tries, %d papers that\nare missing, and nothing else was found (%s).", len(planted.Faults), len(planted.Noise), len(planted.Papers), expectations)
}

func (p *printer) authority() {
	p.line(`
This collector runs with "authority: none": whoever may run its commands may change what counts as
authorized, and no authorizing official confirms it. That is for demos and labs, and every page says so.`)
}

// invitation says where to look further.
func (p *printer) invitation(ctx context.Context, c *collector) error {
	link, err := c.command(ctx, "sign-in")
	if err != nil {
		return err
	}
	p.line(`
The page:  %s
  The link works once. The certificate is the collector's own, so the browser asks first.
On the command line, while this runs:
  bin/demarc-collector get findings --data %s
Ctrl-C ends it and removes its data.`, link, c.data)
	return nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
