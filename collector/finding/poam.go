package finding

import (
	"fmt"
	"slices"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// item is one of a plan of action and milestones.
type item struct {
	ID          string      `json:"id"`
	Title       string      `json:"title"`
	Responsible string      `json:"responsible"`
	Resources   string      `json:"resources,omitempty"`
	Due         int64       `json:"due"`
	Milestones  []milestone `json:"milestones,omitempty"`
	Evidence    string      `json:"evidence,omitempty"`
	SHA256      string      `json:"sha256,omitempty"`
	ClosedBy    string      `json:"closed_by,omitempty"`
	Closed      int64       `json:"closed,omitempty"`
}

type milestone struct {
	Title string `json:"title"`
	Due   int64  `json:"due,omitempty"`
	Done  bool   `json:"done,omitempty"`
}

func (i *item) open() bool { return i.Closed == 0 }

// itemClosed is the status by which an act closes an item.
const itemClosed = "closed"

func checkItem(p *demarcv1.PoamItem) error {
	switch {
	case p == nil:
		return refuse("a plan needs an item")
	case p.GetStatus() != "" && p.GetStatus() != itemClosed && p.GetStatus() != Open:
		return refuse("an item of a plan is open or closed, not %q", p.GetStatus())
	case p.GetId() == "" && p.GetStatus() == itemClosed:
		return refuse("which item is closed? --item P1")
	case p.GetId() == "" && blank(p.GetTitle()):
		return refuse("an item needs its title, what is to be done: --title")
	case p.GetId() == "" && blank(p.GetResponsible()):
		return refuse("an item needs somebody responsible: --responsible")
	case p.GetId() == "" && p.GetDue() == nil:
		return refuse("an item needs the day on which it is due: --due")
	case len(p.GetMilestones()) > maxItems:
		return refuse("%d milestones: at most %d", len(p.GetMilestones()), maxItems)
	}
	for _, s := range []string{p.GetTitle(), p.GetResponsible(), p.GetResources(), p.GetEvidence()} {
		if len(s) > maxWords {
			return refuse("a text of %d bytes: at most %d", len(s), maxWords)
		}
	}
	for _, m := range p.GetMilestones() {
		if blank(m.GetTitle()) || len(m.GetTitle()) > maxWords {
			return refuse("a milestone needs a title of at most %d bytes", maxWords)
		}
	}
	return nil
}

// checkPlan: an item closes only with evidence, or by an official's act.
func (f *finding) checkPlan(a Act) error {
	p := a.Body.GetPoam()
	if p.GetId() == "" {
		if len(f.Poam) >= maxItems {
			return refuse("%s has %d items in its plan: no more are kept", f.id, maxItems)
		}
		return nil
	}
	i := f.item(p.GetId())
	switch {
	case i == nil:
		return refuse("%s has no item %s in its plan", f.id, p.GetId())
	case !i.open():
		return refuse("item %s of %s was closed by %s", i.ID, f.id, i.ClosedBy)
	case len(i.Milestones)+len(p.GetMilestones()) > 2*maxItems:
		return refuse("item %s of %s has %d milestones: no more are kept", i.ID, f.id, len(i.Milestones))
	case p.GetStatus() == itemClosed && blank(p.GetEvidence()) && p.GetSha256() == "" && !a.Body.GetOfficial():
		return refuse("item %s closes with evidence (--evidence or --artefact) or by an official's act", i.ID)
	}
	return nil
}

func (f *finding) item(id string) *item {
	for _, i := range f.Poam {
		if i.ID == id {
			return i
		}
	}
	return nil
}

// plan adds or changes an item, and says so.
func (f *finding) plan(a Act) string {
	p := a.Body.GetPoam()
	i, what := f.item(p.GetId()), "changed"
	if i == nil {
		i, what = &item{ID: fmt.Sprintf("P%d", len(f.Poam)+1)}, "added"
		f.Poam = append(f.Poam, i)
	}
	set := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	set(&i.Title, p.GetTitle())
	set(&i.Responsible, p.GetResponsible())
	set(&i.Resources, p.GetResources())
	set(&i.Evidence, p.GetEvidence())
	set(&i.SHA256, p.GetSha256())
	if p.GetDue() != nil {
		i.Due = p.GetDue().AsTime().UnixNano()
	}
	for _, m := range p.GetMilestones() {
		i.mark(m)
	}
	if p.GetStatus() == itemClosed {
		what, i.ClosedBy, i.Closed = "closed", a.By, a.At.UnixNano()
	}
	words := fmt.Sprintf("%s %s: %s, %s, due %s", i.ID, what, i.Title, i.Responsible, lastDay(time.Unix(0, i.Due)))
	if what == "closed" && i.Evidence != "" {
		words += "; evidence: " + i.Evidence
	}
	return with(words, a.Body.GetComment())
}

// mark adds a milestone, or changes the one of this title.
func (i *item) mark(m *demarcv1.Milestone) {
	n := slices.IndexFunc(i.Milestones, func(x milestone) bool { return x.Title == m.GetTitle() })
	if n < 0 {
		n = len(i.Milestones)
		i.Milestones = append(i.Milestones, milestone{Title: m.GetTitle()})
	}
	if m.GetDue() != nil {
		i.Milestones[n].Due = m.GetDue().AsTime().UnixNano()
	}
	i.Milestones[n].Done = i.Milestones[n].Done || m.GetDone()
}
