package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/agent/pipeline"
	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	"demarc/internal/plant"
	demarcv1 "demarc/proto/demarc/v1"
)

const site = "houston"

var root = filepath.Join("..", "..")

// after is when everything of the plant has been seen, in packet time.
var after = plant.Start.Add(plant.Length)

// policy compiles the documents of deploy/example, which must give no reason
// for a second thought.
func policy(t *testing.T) *boundary.Policy {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "deploy", "example", "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no documents in deploy/example (%v)", err)
	}
	var files []boundary.File
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, boundary.File{Path: filepath.Base(name), Content: content})
	}
	docs, err := boundary.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range docs.Warnings {
		t.Errorf("deploy/example: %v", w)
	}
	p, err := boundary.Compile(docs, 1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// reports is what one agent would send of one capture.
type reports struct {
	port   string
	bodies []*demarcv1.Body
}

func (r *reports) Emit(b *demarcv1.Body, _ bool) error {
	r.bodies = append(r.bodies, b)
	return nil
}

// listen takes captures through an agent's pipeline, a port each. News is told
// as when reading files, or with a news time at once as on a live interface.
func listen(t *testing.T, captures map[string][]byte, news ...time.Duration) []reports {
	t.Helper()
	cfg := pipeline.Config{}
	if len(news) > 0 {
		cfg.News = news[0]
	}
	var all []reports
	for _, port := range plant.Ports() {
		file := filepath.Join(t.TempDir(), port+".pcap")
		if err := os.WriteFile(file, captures[port+".pcap"], 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := capture.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r := reports{port: port}
		cfg.Default = port
		sum, err := pipeline.Run(context.Background(), cfg, src, &r)
		if err != nil {
			t.Fatalf("%s: %v", port, err)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
		if sum.Packets < 500 || sum.Drops != 0 {
			t.Fatalf("%s: %+v", port, sum)
		}
		all = append(all, r)
	}
	return all
}

// collect brings what agents reported to an inventory. A plant has an agent at
// each port, or one that reads all four captures.
func collect(p *boundary.Policy, all []reports, agent func(port string) string) *inventory.Book {
	book := inventory.New(p.Space)
	for _, r := range all {
		for _, b := range r.bodies {
			book.Apply(site, agent(r.port), b)
		}
	}
	return book
}

func agentEach(port string) string { return "agent-" + port }

func agentOne(string) string { return "agent" }

// verdicts writes a line for each connection: verdict, ends with the boundaries
// they stand in, port; outcome where it matters. Group traffic, ARP and the scan are counted only.
func verdicts(p *boundary.Policy, book *inventory.Book, now time.Time) string {
	var lines []string
	quiet := map[string]int{}
	for c := range book.Connections() {
		j := verdict.Judge(p, c, now)
		if j.Client.Group || j.Server.Group || c.Data.Transport == "ethernet" || c.Data.Client == scanner {
			quiet[j.Verdict.Verdict]++
			continue
		}
		line := fmt.Sprintf("%-13s %s (%s) -> %s (%s) %s/%d", j.Verdict.Verdict,
			c.Data.Client, j.Client.Boundary, c.Data.Server, j.Server.Boundary, c.Data.Transport, c.Data.Port)
		if v := j.Verdict.Verdict; v != verdict.Internal && v != verdict.Authorized {
			line += " " + c.Data.Outcome
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	for _, v := range slices.Sorted(maps.Keys(quiet)) {
		lines = append(lines, fmt.Sprintf("%-13s %d connections of groups, links and the scanner", v, quiet[v]))
	}
	return strings.Join(lines, "\n") + "\n"
}

const scanner = "10.60.61.90"

func TestExampleDocuments(t *testing.T) {
	have := map[string]bool{}
	for _, b := range policy(t).Boundaries() {
		have[b.Name] = true
	}
	for _, b := range []string{"line4", "line5", "dmz", "corporate"} {
		if !have[b] {
			t.Errorf("boundary %s is missing", b)
		}
	}
}

func TestPlantVerdicts(t *testing.T) {
	p := policy(t)
	all := listen(t, captures(t, true))
	golden(t, "verdicts.golden", verdicts(p, collect(p, all, agentEach), after))
}

// A clean plant has nothing to judge but what its firewall stopped.
func TestCleanPlantIsQuiet(t *testing.T) {
	p := policy(t)
	book := collect(p, listen(t, captures(t, false)), agentEach)
	for c := range book.Connections() {
		j := verdict.Judge(p, c, after)
		switch {
		case j.Verdict.Verdict == verdict.Internal, j.Verdict.Verdict == verdict.Authorized:
		case c.Data.Outcome == "unanswered", c.Data.Outcome == "refused":
		default:
			t.Errorf("%s %s -> %s %s/%d: %s", j.Verdict.Verdict, c.Data.Client, c.Data.Server, c.Data.Transport, c.Data.Port, j.Verdict.Reason)
		}
	}
}

func captures(t *testing.T, faults bool) map[string][]byte {
	t.Helper()
	files, err := plant.Generate(plant.Seed, faults)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var update = flag.Bool("update", false, "write the golden results anew")

// golden compares got with a file of testdata/plant.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(root, "testdata", "plant", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) == got {
		return
	}
	wanted, gotten := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, line := range gotten {
		if !slices.Contains(wanted, line) {
			t.Errorf("%s lacks: %s", name, line)
		}
	}
	for _, line := range wanted {
		if !slices.Contains(gotten, line) {
			t.Errorf("%s has, and the plant no longer shows: %s", name, line)
		}
	}
}

// One agent that reads all four captures and an agent at each port lead to the
// same verdicts.
func TestAgentsAreOneOrMany(t *testing.T) {
	p := policy(t)
	all := listen(t, captures(t, true))
	one, many := verdicts(p, collect(p, all, agentOne), after), verdicts(p, collect(p, all, agentEach), after)
	if one != many {
		t.Errorf("one agent:\n%s\nfour agents:\n%s", one, many)
	}
}

// The two lines have the same addresses in their cells and stay apart; a card
// that answers for two addresses is one asset; a router is none of its hosts.
func TestPlantAssets(t *testing.T) {
	p := policy(t)
	book := collect(p, listen(t, captures(t, true)), agentEach)
	serials, batch := map[string]string{}, 0
	for _, a := range book.Assets(site) {
		if slices.Contains(a.Ips, "192.168.1.10") {
			serials[a.Segment] = a.Serial
		}
		if slices.Contains(a.Ips, "10.20.5.30") || slices.Contains(a.Ips, "10.60.61.77") {
			batch++
			if len(a.Ips) != 2 {
				t.Errorf("the batch server has %v", a.Ips)
			}
		}
	}
	if want := map[string]string{"line4": "S C-F4HX40112014", "line5": "S C-G7KM51337016"}; !maps.Equal(serials, want) {
		t.Errorf("controllers at 192.168.1.10: %v, want %v", serials, want)
	}
	if batch != 1 {
		t.Errorf("the batch server is %d assets", batch)
	}
}

// The example stays as it is to 2035, when its cloud's authorization ends: packet
// time decides what has a schedule.
func TestPlantWhateverTheCalendarSays(t *testing.T) {
	p := policy(t)
	book := collect(p, listen(t, captures(t, true)), agentEach)
	want := verdicts(p, book, after)
	for _, now := range []time.Time{
		time.Date(2026, time.December, 25, 3, 0, 0, 0, time.UTC),
		time.Date(2031, time.February, 28, 12, 0, 0, 0, time.UTC),
		time.Date(2032, time.February, 29, 23, 59, 59, 0, time.UTC),
	} {
		if got := verdicts(p, book, now); got != want {
			t.Errorf("at %v:\n%s\nat packet time:\n%s", now, got, want)
		}
	}
}

// inventoryOf writes a line for each asset, with the parts behind it: where it
// stands, what it is, and the first of its roles.
func inventoryOf(p *boundary.Policy, book *inventory.Book) string {
	var lines []string
	for _, a := range book.Assets(site) {
		var places []string
		for _, e := range book.Ends(a.Id) {
			if b := p.Place(site, e).Boundary; b != "" && !slices.Contains(places, b) {
				places = append(places, b)
			}
		}
		slices.Sort(places)
		role := ""
		if len(a.Roles) > 0 {
			role = a.Roles[0].Role
		}
		line := []string{strings.Join(slices.Concat(a.Ips, a.Macs), " "), "in " + strings.Join(places, ", ")}
		for _, s := range []string{role, strings.Join(a.Names, ", "), a.Vendor, a.Product, a.Model, a.Hardware, a.Firmware, a.Serial} {
			if s != "" {
				line = append(line, s)
			}
		}
		lines = append(lines, strings.Join(line, " | "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func TestPlantInventory(t *testing.T) {
	p := policy(t)
	golden(t, "inventory.golden", inventoryOf(p, collect(p, listen(t, captures(t, true)), agentEach)))
}
