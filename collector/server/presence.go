package server

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"demarc/internal/identity"
	demarcv1 "demarc/proto/demarc/v1"
)

// present brings an asset's presence up to date: it changes as its agents
// listen on and hear nothing of it. What was shown is not changed, a new one
// takes its place.
func (e *engine) present(a *demarcv1.Asset) *demarcv1.Asset {
	p, missed, of := e.book.Presence(a.GetId(), e.listened)
	why := presenceWhy(p, missed, of)
	if a.GetPresence() == string(p) && a.GetPresenceWhy() == why {
		return a
	}
	a = proto.CloneOf(a)
	a.Presence, a.PresenceWhy = string(p), why
	e.assets[a.GetId()] = a
	return a
}

// listened is the newest packet that an agent told of: until then it would have
// heard the asset.
func (e *engine) listened(site, agent string) int64 { return e.due.newest[source{site, agent}] }

func presenceWhy(p identity.Presence, missed, of int64) string {
	switch p {
	case identity.Quiet:
		return fmt.Sprintf("silent through %d of the %d hours of a week in which it used to be heard: its rhythm allows that", missed, of)
	case identity.Gone:
		return fmt.Sprintf("silent through at least %d hours while its agents listened; it used to be heard in %d hours of a week", missed, of)
	}
	return ""
}
