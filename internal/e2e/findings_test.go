package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/finding"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	"demarc/internal/plant"
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
