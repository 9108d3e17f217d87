package e2e

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	"demarc/internal/plant"
	demarcv1 "demarc/proto/demarc/v1"
)

func expected(t *testing.T) plant.Expected {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(root, "testdata", "plant", "expected.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := plant.ReadExpected(file)
	if err != nil {
		t.Fatal(err)
	}
	e.Papers = nil // no collector runs here: connections and assets alone are judged
	return e
}

// findings judges everything in a book and lists what was found, with the
// addresses that each finding is about.
func findings(p *boundary.Policy, book *inventory.Book, now time.Time) []plant.Found {
	f := finding.New()
	for c := range book.Connections() {
		f.Update(p, c, verdict.Judge(p, c, now), now)
	}
	for _, a := range book.Assets(site) {
		f.UpdateAsset(p, a, book.Ends(a.Id), now)
	}
	return addressed(f, book)
}

// addressed adds to each finding the addresses that it is about.
func addressed(f *finding.Book, book *inventory.Book) []plant.Found {
	var all []plant.Found
	for _, one := range f.All() {
		found := plant.Found{Finding: one}
		for _, id := range one.Connections {
			if c, ok := book.Connection(id); ok {
				found.Addresses = append(found.Addresses, c.Data.Client, c.Data.Server)
			}
		}
		for _, id := range one.Assets {
			if a, ok := book.Asset(id); ok {
				found.Addresses = slices.Concat(found.Addresses, a.Ips, a.Macs)
			}
		}
		all = append(all, found)
	}
	return all
}

func TestPlantFindings(t *testing.T) {
	p, e := policy(t), expected(t)
	for name, agent := range map[string]func(string) string{"four agents": agentEach, "one agent": agentOne} {
		t.Run(name, func(t *testing.T) {
			for _, wrong := range e.Compare(findings(p, collect(p, listen(t, captures(t, true)), agent), after)) {
				t.Error(wrong)
			}
		})
	}
}

// Without its faults the plant gives what the firewall stopped, and no more.
func TestCleanPlantFindings(t *testing.T) {
	p := policy(t)
	noise := plant.Expected{Noise: expected(t).Noise}
	for _, wrong := range noise.Compare(findings(p, collect(p, listen(t, captures(t, false)), agentEach), after)) {
		t.Error(wrong)
	}
}

// told is one report with its time.
type told struct {
	at   int64
	port string
	body *demarcv1.Body
}

// live lists what agents tell at once, port after port.
func live(t *testing.T) []told {
	t.Helper()
	var all []told
	for _, r := range listen(t, captures(t, true), 50*time.Millisecond) {
		at := plant.Start.UnixNano()
		for _, b := range r.bodies { // some tell a state without a time of their own
			at = max(at, lastOf(b))
			all = append(all, told{at, r.port, b})
		}
	}
	if len(all) < 200 {
		t.Fatalf("%d reports only: news is not told at once", len(all))
	}
	return all
}

// What agents tell at once, judged as it comes, leads to the same findings as
// everything judged at the end; so does one capture after the other, whichever
// comes first.
func TestPlantFindingsAsTheyCome(t *testing.T) {
	p, e, all := policy(t), expected(t), live(t)
	orders := map[string]func(a, b told) int{
		"in order of time": func(a, b told) int { return cmp.Compare(a.at, b.at) },
	}
	for _, ports := range [][]string{{"line4", "line5", "dmz", "corp"}, {"corp", "dmz", "line5", "line4"}, {"dmz", "corp", "line4", "line5"}} {
		orders[strings.Join(ports, ", ")] = func(a, b told) int {
			return cmp.Compare(slices.Index(ports, a.port), slices.Index(ports, b.port))
		}
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			book, f := inventory.New(p.Space), finding.New()
			for _, b := range slices.SortedStableFunc(slices.Values(all), order) {
				apply(p, book, f, b)
			}
			for _, wrong := range e.Compare(addressed(f, book)) {
				t.Error(wrong)
			}
		})
	}
}

// apply takes one report in and judges what it changed.
func apply(p *boundary.Policy, book *inventory.Book, f *finding.Book, b told) {
	changes, now := book.Apply(site, agentEach(b.port), b.body), time.Unix(0, b.at)
	for _, id := range changes.Connections {
		if c, ok := book.Connection(id); ok {
			f.Update(p, c, verdict.Judge(p, c, now), now)
		} else {
			f.RemoveConnection(id, now)
		}
	}
	for _, id := range changes.Assets {
		if a, ok := book.Asset(id); ok {
			f.UpdateAsset(p, a, book.Ends(id), now)
		} else {
			f.RemoveAsset(id, now)
		}
	}
}

// lastOf is the latest time that a report speaks of.
func lastOf(b *demarcv1.Body) (at int64) {
	for _, e := range b.Endpoints {
		at = max(at, e.LastNs)
	}
	for _, c := range b.Connections {
		at = max(at, c.LastNs)
	}
	for _, f := range b.Facts {
		at = max(at, f.LastNs)
	}
	return at
}
