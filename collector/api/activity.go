package api

import (
	"fmt"
	"slices"
	"strings"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// States of a connection's Activity.
const (
	Live    = "live"
	Silent  = "silent"
	Unheard = "not-observable"
)

var activityStates = []string{Live, Silent, Unheard}

// Activity says whether a connection still happens.
type Activity struct {
	State    string
	Rhythm   time.Duration // its usual silence, 0 where there was none
	Listened time.Time     // newest packet of the agents that saw it
}

// shown is a as people and programs see it, beside the connection that it is of.
func (a Activity) shown(c judgedConnection) *demarcv1.Activity {
	return &demarcv1.Activity{State: a.State, Why: a.words(c), RhythmSeconds: uint64(a.Rhythm / time.Second)}
}

func (a Activity) words(c judgedConnection) string {
	first, last := c.GetConnection().GetFirstSeen().AsTime(), c.GetConnection().GetLastSeen().AsTime()
	agents := strings.Join(c.GetAgents(), ", ")
	switch a.State {
	case Silent:
		return fmt.Sprintf("nothing since %s, and %s listened until %s", when(last), agents, when(a.Listened))
	case Unheard:
		return fmt.Sprintf("%s heard nothing after %s", orWord(agents, "no agent"), when(a.Listened))
	}
	switch {
	case a.Rhythm > 0:
		return "usually silent for " + lasting(a.Rhythm) + " between"
	case last.Sub(first) > time.Hour:
		return "without a long break"
	}
	return "new: how often it happens does not show yet"
}

// lasting is a time as people say it: "40 min", "26 h", "9 d".
func lasting(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Round(24*time.Hour).Hours())/24)
}

// active puts what a page shows beside whether it still happens.
func (s *Service) active(rows []judgedConnection) []judgedConnection {
	all := s.Plant.Activity(rows, s.Clock())
	out := slices.Clone(rows)
	for i, c := range rows { // what the plant returns is shared
		out[i] = &demarcv1.JudgedConnection{
			Id: c.GetId(), Site: c.GetSite(), Connection: c.GetConnection(), ClientBoundary: c.GetClientBoundary(), ServerBoundary: c.GetServerBoundary(),
			Verdict: c.GetVerdict(), Findings: c.GetFindings(), Agents: c.GetAgents(), OperationsLast: c.GetOperationsLast(), Activity: all[i].shown(c),
		}
	}
	return out
}

// inState keeps the connections that a filter names by whether they still happen.
func (s *Service) inState(all []judgedConnection, state string) []judgedConnection {
	if state == "" {
		return all
	}
	is := s.Plant.Activity(all, s.Clock())
	var some []judgedConnection
	for i, c := range all {
		if is[i].State == state {
			some = append(some, c)
		}
	}
	return some
}
