package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"demarc/collector/config"
	"demarc/collector/server"
	demarcv1 "demarc/proto/demarc/v1"
)

// The flow that walks: the historian reads from the SCADA server of line 4. Its
// capture ends within begin's day.
const (
	reader, served = "10.50.1.20", "10.20.4.10"
	walkCapture    = captures + "/line4.pcap"
)

var walkBegin = time.Date(2026, 3, 10, 14, 5, 0, 0, time.UTC)

// step is one change of the documents, of the clock or of what was decided, and
// the verdict that the flow has afterwards.
type step struct {
	says      string
	documents string        // to apply, if any
	pass      time.Duration // by which the clock moves
	decide    []string      // the command of an act, if any
	want      string
}

const head = "---\napiVersion: demarc/v1\nkind: "

const walkPlaces = head + `Boundary
metadata: {name: line4}
spec: {title: Line 4, domain: ot, parent: plant, members: [{site: houston, cidrs: [10.20.4.0/24]}]}
` + head + `Boundary
metadata: {name: dmz}
spec: {title: DMZ, domain: dmz, parent: plant, members: [{site: houston, cidrs: [10.50.1.0/24]}]}
` + head + `Boundary
metadata: {name: plant}
spec: {title: The whole plant, domain: ot}
`

func walkAgreement(port string) string {
	return head + `Interconnection
metadata: {name: line4-to-historian}
spec: {purpose: Process values, from: {boundary: line4}, to: {boundary: dmz}, initiator: to, services: [{protocol: opcua, ports: [` + port + `]}]}
`
}

const walkATO = head + `Authorization
metadata: {name: line4-ato}
spec: {decision: ato, boundaries: [line4], granted: 2026-02-01, expires: 2026-03-10T18:00Z}
`

const wholeATO = head + `Authorization
metadata: {name: whole-plant-ato}
spec: {decision: ato, boundaries: [plant], granted: 2026-03-10, supersedes: line4-ato}
`

// steps are every verdict there is, one after the other.
var steps = []step{
	{says: "A site, and nothing else on record", documents: "apiVersion: demarc/v1\nkind: Site\nmetadata: {name: houston}\n", want: "undecided"},
	{says: "Two boundaries hold its ends; nothing is agreed between them", documents: walkPlaces, want: "unauthorized"},
	{says: "An interconnection is agreed, for another port", documents: walkAgreement("4843"), want: "out-of-terms"},
	{says: "The agreement is corrected, and line4-ato lets the line operate to 18:00", documents: walkAgreement("4840") + walkATO, want: "authorized"},
	{says: "Nothing changes but the clock: 18:00 passes", pass: 4 * time.Hour, want: "lapsed"},
	{
		says: "An extension signed before the end is recorded late: it counts", want: "authorized",
		decide: []string{"extend", "line4-ato", "--effective", "2026-03-10T17:00Z", "--until", "2026-03-31", "--reason", "letter of 10 March"},
	},
	{
		says: "The authorization is rescinded", want: "lapsed",
		decide: []string{"rescind", "line4-ato", "--reason", "the line changes hands"},
	},
	{says: "One decision over the whole plant supersedes it: both ends are inside", documents: wholeATO, want: "internal"},
}

// timed is a collector in this process, with a clock that the demo moves.
type timed struct {
	*collector
	mu  sync.Mutex
	now time.Time
}

func (t *timed) clock() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

func (t *timed) pass(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.now.Add(d)
}

// startTimed begins one; stop ends it and says what went wrong.
func startTimed(ctx context.Context, data string) (t *timed, stop func() error, err error) {
	c := config.Default()
	c.Data, c.Uplink, c.Pages = data, loopback+":0", "off"
	t = &timed{collector: &collector{data: data, ended: make(chan struct{})}, now: walkBegin}
	ctx, cancel := context.WithCancel(ctx)
	ready, failed := make(chan struct{}), error(nil)
	go func() {
		defer close(t.ended)
		failed = server.Run(ctx, server.Config{Config: c, Log: slog.New(slog.DiscardHandler), Version: "demo", Clock: t.clock, Ready: func(server.Ready) { close(ready) }})
	}()
	stop = func() error {
		cancel()
		<-t.ended
		return failed
	}
	select {
	case <-ready:
		if err = t.answering(ctx); err == nil {
			return t, stop, nil
		}
	case <-t.ended:
		err = errors.New("the collector ended")
	}
	return nil, nil, errors.Join(err, stop())
}

// walk shows one flow in every verdict, as documents, decisions and the clock
// change, and an authorization rescinded with its consequences.
func walk(ctx context.Context, data string, show *printer) (err error) {
	t, stop, err := startTimed(ctx, filepath.Join(data, "walk"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	state := filepath.Join(data, "walk-agent")
	if err := enrol(ctx, t.collector, "line4", state); err != nil {
		return err
	}
	if _, err := ask(ctx, "demarc-agent", "read", "--collector", t.Uplink, "--state", state, "--segment", "line4", walkCapture); err != nil {
		return err
	}
	show.line("\nONE FLOW THROUGH ALL VERDICTS: %s -> %s, opcua; the clock stands at %s", reader, served, walkBegin.Format("2006-01-02 15:04 MST"))
	for i, s := range steps {
		if err := t.take(ctx, filepath.Join(data, fmt.Sprintf("step%d.yaml", i)), s, show); err != nil {
			return fmt.Errorf("%s: %w", s.says, err)
		}
	}
	return nil
}

// take does one step and waits for its verdict.
func (t *timed) take(ctx context.Context, file string, s step, show *printer) error {
	show.line("\n  %s.", s.says)
	if s.documents != "" {
		if err := os.WriteFile(file, []byte(s.documents), 0o600); err != nil {
			return err
		}
		if _, err := t.command(ctx, "apply", "-f", file); err != nil {
			return err
		}
	}
	t.pass(s.pass)
	if len(s.decide) > 0 {
		out, err := t.command(ctx, append([]string{"authorization"}, s.decide...)...)
		if err != nil {
			return err
		}
		for l := range strings.Lines(out) {
			show.line("      %s", strings.TrimRight(l, "\n"))
		}
	}
	var v *demarcv1.Verdict
	err := poll(ctx, t.ended, func() (ok bool, err error) {
		v, err = t.flow(ctx)
		return v.GetVerdict() == s.want, err
	})
	if err != nil {
		return fmt.Errorf("%w: it is %s (%s), and should be %s", err, v.GetVerdict(), v.GetReason(), s.want)
	}
	show.paragraph("      ", strings.ToUpper(v.GetVerdict())+": "+v.GetReason())
	return nil
}

// flow is the verdict on the flow that walks.
func (t *timed) flow(ctx context.Context) (*demarcv1.Verdict, error) {
	var all demarcv1.ListConnectionsResponse
	if err := t.get(ctx, &all, "get", "connections"); err != nil {
		return nil, err
	}
	for _, c := range all.GetConnections() {
		if c.GetConnection().GetClient() == reader && c.GetConnection().GetServer() == served {
			return c.GetVerdict(), nil
		}
	}
	return nil, nil //nolint:nilnil // not there yet
}
