package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	agentconfig "demarc/agent/config"
	"demarc/collector/boundary"
	collectorconfig "demarc/collector/config"
	"demarc/collector/finding"
)

// read is a file of the project, by its path from the top.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pages for people, which must stay true.
var pages = []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md", "deploy/findings.md", "deploy/commands.md", "deploy/authority.md", "deploy/slices.md", "deploy/exports.md", "deploy/deliver.md", "deploy/change-sheet.md"}

var link = regexp.MustCompile(`\]\(([^)#]+)`)

func TestLinksLead(t *testing.T) {
	for _, page := range pages {
		if strings.Contains(read(t, page), "\n<<<<<<< ") {
			t.Errorf("%s: two versions stand in it", page)
		}
		all := link.FindAllStringSubmatch(read(t, page), -1)
		if len(all) == 0 && page != "CHANGELOG.md" {
			t.Errorf("%s: no link found: the pattern is broken", page)
		}
		for _, l := range all {
			if strings.Contains(l[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), l[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestFindingsAreTold: each kind of finding has its row.
func TestFindingsAreTold(t *testing.T) {
	page := read(t, "deploy/findings.md")
	for _, kind := range finding.Kinds() {
		if !strings.Contains(page, "`"+kind+"`") {
			t.Errorf("deploy/findings.md lacks %s", kind)
		}
	}
}

var block = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestReadmeSettings: what the first five minutes have people type is taken.
func TestReadmeSettings(t *testing.T) {
	blocks := block.FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of YAML in README.md, 2 expected: documents and the agent's settings", len(blocks))
	}
	docs, err := boundary.Read([]boundary.File{{Path: "plant.yaml", Content: []byte(blocks[0][1])}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := boundary.Compile(docs, 1); err != nil {
		t.Error(err)
	}
	c, err := agentconfig.Parse("agent.yaml", []byte(blocks[1][1]))
	if err != nil || c.Collector == "" || len(c.Interfaces) != 1 {
		t.Errorf("agent.yaml: %+v, %v", c, err)
	}
}

// TestDeliverySettings: the destinations that people start from are taken.
func TestDeliverySettings(t *testing.T) {
	for _, b := range block.FindAllStringSubmatch(read(t, "deploy/deliver.md"), -1) {
		if c, err := collectorconfig.Parse("deliver.md", []byte(b[1])); err != nil || len(c.Deliver) != 2 {
			t.Errorf("%+v %v", c.Deliver, err)
		}
	}
	var settings strings.Builder // those that are commented out
	for l := range strings.Lines(read(t, "deploy/collector.yaml")) {
		if c, is := strings.CutPrefix(l, "# "); is && (strings.HasPrefix(c, "deliver:") || strings.HasPrefix(c, "  - {name: ")) {
			settings.WriteString(c)
		}
	}
	if c, err := collectorconfig.Parse("deploy/collector.yaml", []byte(settings.String())); err != nil || len(c.Deliver) != 2 {
		t.Errorf("%+v %v", c.Deliver, err)
	}
}

// TestExampleSettings: the files that people start from are taken.
func TestExampleSettings(t *testing.T) {
	a, err := agentconfig.Parse("deploy/agent.yaml", []byte(read(t, "deploy/agent.yaml")))
	if err != nil || a.State == "" || len(a.Interfaces) == 0 {
		t.Errorf("%+v, %v", a, err)
	}
	c, err := collectorconfig.Parse("deploy/collector.yaml", []byte(read(t, "deploy/collector.yaml")))
	if err != nil || c.Data != "/var/lib/demarc-collector" {
		t.Errorf("%+v, %v", c, err)
	}
}
