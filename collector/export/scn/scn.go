// Package scn drafts a FedRAMP Significant Change Notification out of what
// differs from the snapshot of a decision. It is a draft: whether a change is
// significant, of which kind, and what is done about it, people say.
package scn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"demarc/collector/export/plain"
	demarcv1 "demarc/proto/demarc/v1"
)

// Facts are what a draft is made of, as it stood at a moment.
type Facts struct {
	Authorization *demarcv1.Authorization
	Conditions    []*demarcv1.Condition
	Drift         []*demarcv1.Drift // what changed in the plant, in the order of the list
	Findings      map[string]*demarcv1.Finding
	Since, At     time.Time
	Overview      string // URI of the certification package overview; may be empty
}

// draft has the fields of FedRAMP's schema of 2026-06-24 (SCN-CSO-INF). Those
// that only people know are there and empty.
type draft struct {
	Overview       string   `json:"certificationPackageOverviewUri"`
	Assessor       string   `json:"assessorName"`
	Vulnerability  string   `json:"relatedVulnerability"`
	Type           string   `json:"changeType"`
	TypeWhy        string   `json:"changeTypeExplanation"`
	Description    string   `json:"changeDescription"`
	Reason         string   `json:"reason"`
	CustomerImpact string   `json:"customerImpact"`
	Plan           plan     `json:"planAndTimeline"`
	Controls       []string `json:"impactedControls"`
	Analysis       string   `json:"impactAnalysis"`
}

type plan struct {
	Summary    string      `json:"summary"`
	Start      string      `json:"plannedStart,omitempty"`
	Completion string      `json:"plannedCompletion,omitempty"`
	Milestones []milestone `json:"milestones,omitempty"`
}

type milestone struct {
	Description string `json:"milestoneDescription"`
	Target      string `json:"targetDate,omitempty"`
}

// maxChanges is how many changes are told one by one: the field is a short
// description.
const maxChanges = 40

// Write makes the draft. missing says what a person must still fill in.
func Write(f *Facts) (text []byte, missing []string, err error) {
	d := draft{Overview: f.Overview, Description: f.description(), Controls: f.controls(), Plan: f.plan(), Reason: f.reason()}
	missing = []string{
		"changeType: Adaptive or Transformative; a person weighs it", "changeTypeExplanation", "customerImpact", "impactAnalysis",
		"assessorName and relatedVulnerability: where one applies",
	}
	if d.Overview == "" {
		missing = append([]string{"certificationPackageOverviewUri: name it with --overview"}, missing...)
	}
	if d.Reason == "" {
		missing = append(missing, "reason: no window or plan explains the changes")
	}
	if d.Plan.Summary == "" {
		missing = append(missing, "planAndTimeline: no finding on the changes has a plan (`finding poam`)")
	}
	if len(d.Controls) == 0 {
		missing = append(missing, "impactedControls: no condition on the changes names a control")
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	err = out.Encode(d)
	return b.Bytes(), missing, err
}

// description counts the changes, and tells the first of them.
func (f *Facts) description() string {
	counts := map[string]int{}
	for _, x := range f.Drift {
		counts[x.GetKind()]++
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[k], strings.ReplaceAll(k, "-", " ")))
	}
	lines := []string{fmt.Sprintf("Draft by Demarc, by %s: what differs from the snapshot of authorization %s, since %s: %s.", stamp(f.At), f.Authorization.GetName(), stamp(f.Since), strings.Join(all, ", "))}
	for i, x := range f.Drift {
		if i == maxChanges {
			lines = append(lines, fmt.Sprintf("and %d more", len(f.Drift)-i))
			break
		}
		lines = append(lines, "- "+plain.Line(x.GetBoundary()+": "+x.GetWords()))
	}
	return strings.Join(lines, "\n")
}

// controls are those of the conditions that findings on the changes are about,
// or that the changes break.
func (f *Facts) controls() []string {
	touched := map[string]bool{}
	for _, x := range f.Drift {
		touched[x.GetId()] = true
		touched[f.Findings[x.GetFinding()].GetCondition()] = true
	}
	all := []string{}
	for _, c := range f.Conditions {
		if touched[c.GetId()] || slices.ContainsFunc(slices.Concat(c.GetConnections(), c.GetAssets()), func(id string) bool { return touched[id] }) {
			for _, name := range c.GetControls() {
				all = append(all, plain.Line(name))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// reason names the windows that explain changes; why they were made people say.
func (f *Facts) reason() string {
	var all []string
	for _, x := range f.Drift {
		all = append(all, x.GetExplainedBy()...)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 0 {
		return ""
	}
	return plain.Line("Windows that were open meanwhile: " + strings.Join(all, ", "))
}

// plan is what people planned for the findings that the changes stand in.
func (f *Facts) plan() plan {
	var p plan
	var said []string
	seen := map[string]bool{}
	for _, x := range f.Drift {
		if seen[x.GetFinding()] {
			continue
		}
		seen[x.GetFinding()] = true
		for _, i := range f.Findings[x.GetFinding()].GetPoam() {
			said = append(said, plain.Line(x.GetFinding()+" "+i.GetId()+": "+i.GetTitle()+" ("+i.GetStatus()+")"))
			for _, m := range append(slices.Clone(i.GetMilestones()), &demarcv1.Milestone{Title: i.GetTitle(), Due: i.GetDue()}) {
				one := milestone{Description: plain.Line(m.GetTitle())}
				if m.GetDue() != nil {
					one.Target = m.GetDue().AsTime().UTC().Format(time.DateOnly)
					p.Completion = max(p.Completion, one.Target)
				}
				p.Milestones = append(p.Milestones, one)
			}
		}
	}
	p.Summary = strings.Join(said, "\n")
	return p
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
