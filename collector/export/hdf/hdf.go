// Package hdf writes the conditions of authorizations as results in the form of
// MITRE's Heimdall (exec JSON), which viewers and pipelines of security results
// read. What could not be seen is skipped there, with the reason, and never
// passed.
package hdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"demarc/collector/condition"
	"demarc/collector/export/plain"
	demarcv1 "demarc/proto/demarc/v1"
)

// Facts are what a file is made of, as it stood at a moment.
type Facts struct {
	Title          string // "authorization lines-ato"
	Authorizations []*demarcv1.Authorization
	Conditions     []*demarcv1.Condition
	At             time.Time
	Software       string // version of the collector
}

// The form: mitre/heimdall2, libs/inspecjs/schemas/exec-json.json. Lists are
// written even when they are empty: readers ask for them.
type (
	file struct {
		Platform   platform   `json:"platform"`
		Version    string     `json:"version"`
		Statistics statistics `json:"statistics"`
		Profiles   []profile  `json:"profiles"`
	}
	platform struct {
		Name    string `json:"name"`
		Release string `json:"release"`
		Target  string `json:"target_id"`
	}
	statistics struct {
		Controls map[string]block `json:"controls"`
	}
	block struct {
		Total int `json:"total"`
	}
	profile struct {
		Name       string     `json:"name"`
		Title      string     `json:"title"`
		Summary    string     `json:"summary"`
		Version    string     `json:"version"`
		SHA256     string     `json:"sha256"`
		Supports   []struct{} `json:"supports"`
		Attributes []struct{} `json:"attributes"`
		Groups     []group    `json:"groups"`
		Controls   []control  `json:"controls"`
	}
	group struct {
		ID       string   `json:"id"`
		Title    string   `json:"title"`
		Controls []string `json:"controls"`
	}
	control struct {
		ID           string         `json:"id"`
		Title        string         `json:"title"`
		Desc         string         `json:"desc"`
		Descriptions []description  `json:"descriptions"`
		Impact       float64        `json:"impact"`
		Refs         []struct{}     `json:"refs"`
		Tags         map[string]any `json:"tags"`
		Code         string         `json:"code"`
		Source       struct{}       `json:"source_location"`
		Results      []result       `json:"results"`
	}
	description struct {
		Label string `json:"label"`
		Data  string `json:"data"`
	}
	result struct {
		Status string `json:"status"`
		Code   string `json:"code_desc"`
		Start  string `json:"start_time"`
		Said   string `json:"message,omitempty"`
		Skip   string `json:"skip_message,omitempty"`
	}
)

// impact is that of every condition: no document weighs them against each other.
// Heimdall reads 0.5 as medium.
const impact = 0.5

// Write makes the file: a profile for each authorization, a control for each of
// its conditions.
func Write(f *Facts) ([]byte, error) {
	x := file{
		Platform: platform{Name: "Demarc collector", Release: plain.Line(f.Software), Target: plain.Line(f.Title)}, Version: plain.Line(f.Software),
		Statistics: statistics{Controls: map[string]block{"passed": {}, "failed": {}, "skipped": {}}}, Profiles: []profile{},
	}
	for _, a := range f.Authorizations {
		p := profile{
			Name: a.GetName(), Title: plain.Line("Conditions of authorization " + a.GetName()), Summary: plain.Line("Authorization " + a.GetName() + " is " + a.GetDecision() + ", " + a.GetState() + ". What its conditions came to by " + f.At.UTC().Format(time.RFC3339) + "."),
			Version: plain.Line(f.Software), Supports: []struct{}{}, Attributes: []struct{}{}, Groups: []group{}, Controls: []control{},
		}
		g := group{ID: a.GetName(), Title: p.Title, Controls: []string{}}
		for _, c := range f.Conditions {
			if c.GetAuthorization() != a.GetName() {
				continue
			}
			made := controlOf(c, f.At)
			p.Controls, g.Controls = append(p.Controls, made), append(g.Controls, made.ID)
			if s := made.Results[0].Status; s != "error" {
				x.Statistics.Controls[s] = block{x.Statistics.Controls[s].Total + 1}
			}
		}
		p.Groups = append(p.Groups, g)
		p.SHA256 = sum(p.Controls)
		x.Profiles = append(x.Profiles, p)
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	err := out.Encode(x)
	return b.Bytes(), err
}

// sum is over what is asked, not over what came of it: the same conditions are
// the same profile at any time.
func sum(all []control) string {
	h := sha256.New()
	for _, c := range all {
		for _, s := range []string{c.ID, c.Desc, c.Code} {
			h.Write([]byte(s + "\x00"))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func controlOf(c *demarcv1.Condition, at time.Time) control {
	return control{
		ID: plain.Line(c.GetId()), Title: plain.Line(c.GetStatement()), Desc: plain.Line(c.GetStatement()), Impact: impact, Refs: []struct{}{}, Code: plain.Line(c.GetTest()),
		Tags:         map[string]any{"nist": labels(c.GetControls()), "check": plain.Line(c.GetCheck()), "state": plain.Line(c.GetState()), "severity": "medium"},
		Descriptions: []description{{"check", plain.Line(c.GetTest())}, {"sight", texts(c.GetSight())}, {"evidence", texts(c.GetEvidence())}},
		Results:      []result{resultOf(c, at)},
	}
}

// labels are the controls as Heimdall's tags name them: "SC-7 (5)".
func labels(all []string) []string {
	named := []string{}
	for _, s := range all {
		if base, rest, cut := strings.Cut(s, "("); cut {
			s = strings.TrimSpace(base) + " (" + rest
		}
		named = append(named, plain.Line(s))
	}
	return named
}

// resultOf says what a condition came to. What could not be seen, is stale or
// waits for a person is skipped; a state that this version does not know is an
// error.
func resultOf(c *demarcv1.Condition, at time.Time) result {
	start := at
	if c.GetTo() != nil {
		start = c.GetTo().AsTime()
	}
	r := result{Code: plain.Line(c.GetStatement()), Start: start.UTC().Format(time.RFC3339)}
	why := plain.Line(c.GetWords() + ": " + c.GetReason())
	switch c.GetState() {
	case condition.Holds, condition.NotExercised, condition.Attested:
		r.Status, r.Said = "passed", why
	case condition.Violated:
		r.Status, r.Said = "failed", why
	case condition.NotObservable, condition.Stale, condition.AttestationDue:
		r.Status, r.Skip = "skipped", why
	default:
		r.Status, r.Said = "error", why
	}
	return r
}

func texts(all []string) string {
	var some []string
	for _, s := range all {
		some = append(some, plain.Line(s))
	}
	return strings.Join(some, "\n")
}
