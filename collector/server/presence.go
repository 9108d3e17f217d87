package server

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"demarc/internal/identity"
	demarcv1 "demarc/proto/demarc/v1"
)

// shownAsset is an asset as it is shown. Its presence holds until its agents
// have listened to that time, or one hears it.
type shownAsset struct {
	*demarcv1.Asset
	holds int64
}

// present brings an asset's presence up to date: it changes as its agents
// listen on and hear nothing of it. What was shown is not changed, a new one
// takes its place. latest is the newest packet of all agents.
func (e *engine) present(s *shownAsset, latest int64) *demarcv1.Asset {
	if latest < s.holds {
		return s.Asset
	}
	if len(s.GetHeard()) > 0 && s.GetParent() == "" && e.listenedFor(s.Asset) < s.holds { // a part is as its whole
		return s.Asset
	}
	p, missed, of, holds := e.book.Presence(s.GetId(), e.listened)
	s.holds = holds
	why := presenceWhy(p, missed, of)
	if s.GetPresence() != string(p) || s.GetPresenceWhy() != why {
		s.Asset = proto.CloneOf(s.Asset)
		s.Presence, s.PresenceWhy = string(p), why
	}
	return s.Asset
}

// listened is the newest packet that an agent told of: until then it would have
// heard the asset.
func (e *engine) listened(site, agent string) int64 { return e.due.newest[source{site, agent}] }

// latest is the newest packet that any agent told of.
func (e *engine) latest() (newest int64) {
	for _, t := range e.due.newest {
		newest = max(newest, t)
	}
	return newest
}

// listenedFor is the newest packet of the agents that know an asset.
func (e *engine) listenedFor(a *demarcv1.Asset) (newest int64) {
	for _, h := range a.GetHeard() {
		newest = max(newest, e.listened(a.GetSite(), h.GetAgent()))
	}
	return newest
}

func presenceWhy(p identity.Presence, missed, of int64) string {
	switch p {
	case identity.Quiet:
		return fmt.Sprintf("silent through %d of the %d hours of a week in which it used to be heard: its rhythm allows that", missed, of)
	case identity.Gone:
		return fmt.Sprintf("silent through at least %d hours while its agents listened; it used to be heard in %d hours of a week", missed, of)
	}
	return ""
}
