package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	oscal "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"
)

// exported writes a document for the programs of others, and reads it.
func (d *desk) exported(to any, args ...string) []byte {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "document")
	d.must(append([]string{"export", "--file", file}, args...)...)
	text, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	if to != nil {
		if err := json.Unmarshal(text, to); err != nil {
			d.t.Fatal(err)
		}
	}
	return text
}

// otherFormats: the same conditions, findings, devices and agreements go to the
// tools of others, each in its own form; what could not be seen passes in none.
func otherFormats(t *testing.T) {
	d := newDesk(t)
	d.example()
	d.plant("line4", "corp", "dmz")
	id := ""
	d.pass(10 * time.Second)
	d.wait("the condition is a finding", func() bool {
		for _, r := range d.rows("get findings --kind condition") {
			if strings.Contains(r["FINDING"], "C2 of lines-ato") {
				id = r["ID"]
			}
		}
		return id != ""
	})
	d.must("finding", "poam", id, "--title", "Close port 102", "--responsible", "J. Doe", "--due", "2026-06-01", "--milestone", "rule ordered=2026-05-01")
	d.results()
	d.planned(id)
	d.inventoried()
	d.listed()
	d.refuses("has no snapshot", "export", "scn", "lines-ato")
	d.must("snapshot", "take", "lines-ato", "--reason", "letter of 2026-02-01")
	d.pass(time.Second) // an export is of what was recorded until then
	d.refuses("no change to tell of", "export", "scn", "lines-ato")
	d.refuses("is not one of ar, poam, ssp", "export", "oscal", "lines-ato", "--model", "sap")
	d.refuses("is not one of hardware, software, services", "export", "csv", "lines-ato")
	d.says("get audit --what export", "oscal-ar of lines-ato", "SHA-256")
}

// results: each state of a condition, in OSCAL and for Heimdall.
func (d *desk) results() {
	d.t.Helper()
	var m oscal.OscalModels
	d.exported(&m, "oscal", "lines-ato", "--plan", "https://plans.houston.example/ap")
	r := m.AssessmentResults.Results[0]
	states := map[string]string{}
	for _, f := range *r.Findings {
		states[f.Target.TargetId] = f.Target.Status.State + " " + f.Target.Status.Reason
	}
	if m.AssessmentResults.ImportAp.Href != "https://plans.houston.example/ap" || states["lines-ato-C2.ac-4"] != "not-satisfied fail" || states["lines-ato-C4.ac-17"] != "not-satisfied other" || states["lines-ato-C6.cm-8"] == "" {
		d.t.Errorf("%v", states)
	}
	var h struct {
		Profiles []struct {
			Controls []struct {
				ID      string
				Results []struct {
					Status string
					Skip   string `json:"skip_message"`
				}
			}
		}
	}
	d.exported(&h, "hdf", "lines-ato")
	for _, c := range h.Profiles[0].Controls {
		x := c.Results[0]
		if c.ID == "lines-ato/C2" && x.Status != "failed" || c.ID == "lines-ato/C4" && (x.Status != "skipped" || x.Skip == "") {
			d.t.Errorf("%s: %+v", c.ID, x)
		}
	}
	if len(h.Profiles[0].Controls) != 6 {
		d.t.Errorf("%+v", h)
	}
}

// planned: an item with its milestones and dates.
func (d *desk) planned(id string) {
	d.t.Helper()
	var m oscal.OscalModels
	d.exported(&m, "oscal", "lines-ato", "--model", "poam")
	p := m.PlanOfActionAndMilestones
	i := slices.IndexFunc(*p.Risks, func(r oscal.Risk) bool {
		return r.Props != nil && slices.ContainsFunc(*r.Props, func(x oscal.Property) bool { return x.Name == "finding" && x.Value == id })
	})
	if i < 0 || p.ImportSsp == nil || p.ImportSsp.Href != "https://plans.houston.example/lines-4-5" {
		d.t.Fatalf("%+v", p.ImportSsp)
	}
	r := (*p.Risks)[i]
	if r.Deadline == nil || r.Remediations == nil || !strings.Contains((*r.Remediations)[0].Title, "Close port 102") || len(*(*r.Remediations)[0].Tasks) != 2 {
		d.t.Errorf("%+v", r)
	}
}

// inventoried: devices, interconnections and leveraged authorizations.
func (d *desk) inventoried() {
	d.t.Helper()
	var m oscal.OscalModels
	d.exported(&m, "oscal", "lines-ato", "--model", "ssp", "--profile", "https://plans.houston.example/profile")
	s := m.SystemSecurityPlan.SystemImplementation
	props := func(all *[]oscal.Property) map[string]string {
		by := map[string]string{}
		for _, p := range *all {
			by[p.Name] = p.Value
		}
		return by
	}
	found := false
	for _, i := range *s.InventoryItems {
		p := props(i.Props)
		found = found || p["asset-type"] == "plc" && p["ipv4-address"] != "" && p["hardware-model"] != ""
	}
	if !found || s.LeveragedAuthorizations == nil || (*s.LeveragedAuthorizations)[0].Title != "plant-network-ato" {
		d.t.Errorf("%d items, %v", len(*s.InventoryItems), s.LeveragedAuthorizations)
	}
	i := slices.IndexFunc(s.Components, func(c oscal.SystemComponent) bool { return c.Title == "line5-to-historian" })
	if i < 0 {
		d.t.Fatal("no interconnection")
	}
	c := s.Components[i]
	if p := props(c.Props); c.Type != "interconnection" || p["direction"] != "outgoing" || p["isa-date"] != "2026-02-01" || !strings.Contains(p["isa-title"], "HOU-ISA-2026-005") || p["isa-remote-system-name"] != "dmz" || c.Protocols == nil {
		d.t.Errorf("%+v", c)
	}
}

// listed: each list is taken back as it was written.
func (d *desk) listed() {
	d.t.Helper()
	for _, list := range []string{"hardware", "software", "services"} {
		file := filepath.Join(d.t.TempDir(), list+".csv")
		d.must("export", "csv", "lines-ato", "--list", list, "--file", file)
		if out := string(d.must("import", list, file, "--name", "again-"+list, "--boundary", "line4", "--dry-run")); !strings.Contains(out, "rows read from") {
			d.t.Errorf("%s: %s", list, out)
		}
	}
}
