package server

import (
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// checkDecision says why an act on an authorization cannot be taken.
func checkDecision(p *boundary.Policy, a *demarcv1.AuthorizationAct, now time.Time) error {
	d := p.Decision(a.GetAuthorization())
	if d == nil {
		return refused("no authorization is named %q: see `demarc-collector get authorizations`", a.GetAuthorization())
	}
	at := now
	if a.GetEffective() != nil {
		at = a.GetEffective().AsTime()
	}
	s := d.At(at)
	if s.Final {
		return refused("%s: nothing more is decided on it", s.Why)
	}
	until := asTime(a.GetUntil())
	switch a.GetKind() {
	case boundary.Rescind:
		return nil
	case boundary.Suspend:
		if !until.IsZero() && !until.After(at) {
			return refused("a suspension that ends %s, before it begins", day(until))
		}
		return nil
	case boundary.Extend:
		return checkExtension(d, s, at, until)
	case boundary.Supersede:
		if next := p.Decision(a.GetSuccessor()); next == nil || next == d {
			return refused("%s is superseded by an authorization that has a document: %q is none; apply it first", d.Name, a.GetSuccessor())
		}
		return nil
	case boundary.Revise:
		if !until.IsZero() && !s.Until.IsZero() && until.After(s.Until) {
			return refused("a revision to %s lies after the end of %s (%s): that is an extension", lastDay(until), d.Name, lastDay(s.Until))
		}
		if a.GetDecision() == boundary.Iatt || a.GetDecision() == boundary.Pato {
			return refused("%s does not become an %s by revision: write a document of its own", d.Name, a.GetDecision())
		}
		return nil
	}
	return refused("%q is no act on an authorization: suspend, rescind, extend, revise or supersede", a.GetKind())
}

// checkExtension: an extension counts only if it was signed before the end.
func checkExtension(d *boundary.Decision, s *boundary.Standing, signed, until time.Time) error {
	switch {
	case until.IsZero():
		return refused("an extension needs its new end: --until")
	case s.Until.IsZero():
		return refused("%s has no end to extend", d.Name)
	case !signed.Before(s.Until):
		return refused("signed %s, after %s ended %s: an extension counts only if signed before the end; record a new decision", day(signed), d.Name, lastDay(s.Until))
	case !until.After(s.Until):
		return refused("%s already lasts to %s: to end it earlier is a revision", d.Name, lastDay(s.Until))
	}
	return nil
}

// windowTypes are those that open an agreement: a change ticket authorizes
// nothing.
var windowTypes = []string{"vendor-session", "maintenance", "emergency"}

func checkOpen(p *boundary.Policy, a *demarcv1.WindowAct, now time.Time) error {
	x := p.PerWindow(a.GetInterconnection())
	if x == nil {
		return refused("no interconnection %q is opened by windows: it needs activation: per-window in its document", a.GetInterconnection())
	}
	if _, _, ok := p.Window(a.GetWindow()); ok || a.GetWindow() == "" {
		return refused("window %q is there already, or has no name: give it one of its own", a.GetWindow())
	}
	from, until := asTime(a.GetFrom()), asTime(a.GetUntil())
	switch {
	case !slices.Contains(windowTypes, a.GetType()):
		return refused("a window of type %q opens nothing: vendor-session, maintenance or emergency", a.GetType())
	case a.GetApprovedBy() == "":
		return refused("name who approved it (--approved-by): a window that nobody approved opens nothing")
	case len(x.Openers) > 0 && !slices.Contains(x.Openers, a.GetApprovedBy()):
		return refused("%q may not open %s: its openers are %v", a.GetApprovedBy(), x.Name, x.Openers)
	case !from.Before(until) || !until.After(now):
		return refused("a window from %s to %s opens nothing", moment(from), moment(until))
	case x.MaxLength.Duration > 0 && until.Sub(from) > x.MaxLength.Duration:
		return refused("it would be open for %s, and %s allows %s: end it earlier", strings.TrimSuffix(until.Sub(from).Round(time.Minute).String(), "0s"), x.Name, x.MaxLength)
	}
	return nil
}

func checkClose(p *boundary.Policy, a *demarcv1.WindowAct, now time.Time) error {
	if a.GetKind() != "close" {
		return refused("%q is no act on a window: open or close", a.GetKind())
	}
	x, w, ok := p.Window(a.GetWindow())
	switch {
	case !ok:
		return refused("no window is named %q", a.GetWindow())
	case !w.Until.After(now):
		return refused("window %s closed %s", a.GetWindow(), moment(w.Until))
	}
	a.Interconnection = x
	return nil
}

func day(t time.Time) string     { return t.UTC().Format(time.DateOnly) }
func lastDay(t time.Time) string { return day(t.Add(-time.Nanosecond)) }
func moment(t time.Time) string  { return t.UTC().Format("2006-01-02 15:04 MST") }
