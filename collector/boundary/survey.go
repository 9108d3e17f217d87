package boundary

import (
	"fmt"
	"time"
)

// maxSurvey bounds the first weeks of a boundary.
const maxSurvey = 90 * days

// Surveyed reports whether a boundary is in its survey at an instant, by its own
// review or by that of a boundary that it is a part of. A survey changes no
// verdict and accepts nothing: findings form a ranked worklist meanwhile. It
// ends by itself.
func (p *Policy) Surveyed(name string, at time.Time) bool {
	i := p.boundaries[name]
	if i == nil {
		return false
	}
	if at.Before(i.Survey) {
		return true
	}
	for _, up := range i.above {
		if at.Before(p.boundaries[up].Survey) {
			return true
		}
	}
	return false
}

// CheckAt tells what documents that Read accepted may not say at an instant: a
// survey that would last longer than surveys do.
func (d *Documents) CheckAt(now time.Time) error {
	var problems Problems
	for _, b := range d.Boundaries {
		if r := b.Review; r != nil && r.State == "survey" && r.Until.End().Sub(now) > maxSurvey+days {
			problems = append(problems, r.Until.At.problem(fmt.Sprintf("the survey of %s lasts to %s, more than 90 days from now", b.Name, r.Until.day()), "end it by "+date(now.Add(maxSurvey).Truncate(days))))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return sorted(problems)
}
