package server

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/collector/store"
	demarcv1 "demarc/proto/demarc/v1"
)

// maxNotices bounds how many notices are kept: the oldest go first.
const maxNotices = 10000

// notices is what people are to be told, in the order in which it came.
type notices struct {
	list  []boundary.Notice
	told  map[string]bool // by key
	moved bool            // since it was saved
}

// notify adds the notices of documents that stand at now and were not told yet.
func (e *engine) notify(now time.Time) { e.tell(e.policy.Notices(), now) }

// tell adds those of all that stand at now and were not told yet.
func (e *engine) tell(all []boundary.Notice, now time.Time) {
	if e.notices.told == nil {
		e.notices.told = map[string]bool{}
	}
	for _, n := range boundary.StandingNotices(all, now) {
		if key := n.Key(); !e.notices.told[key] {
			e.notices.told[key] = true
			e.notices.list = append(e.notices.list, n)
			e.notices.moved = true
			e.sayNotice(&n, now)
		}
	}
	if over := len(e.notices.list) - maxNotices; over > 0 {
		e.notices.list = e.notices.list[over:]
	}
}

// trigger keeps the review triggers that fire when docs take the place of those
// in force.
func (e *engine) trigger(docs *boundary.Documents, now time.Time) error {
	for _, f := range boundary.Triggered(e.docs, docs, now) {
		body, err := proto.MarshalOptions{Deterministic: true}.Marshal(&demarcv1.AuthorizationAct{Kind: actTrigger, Authorization: f.Authorization, Reason: f.What})
		if err != nil {
			return err
		}
		a := &demarcv1.Act{Time: timestamppb.New(f.At), Kind: actTrigger, Body: body}
		if _, err := e.deed(a); err != nil {
			return err
		}
		e.deeds.list = append(e.deeds.list, a)
	}
	return nil
}

// savedNotices is the list as it is saved.
type savedNotices struct {
	List []boundary.Notice `json:"list"`
	Told []string          `json:"told"`
}

func (n *notices) save(whole bool, changes []store.Change) ([]store.Change, error) {
	if !n.moved && !whole {
		return changes, nil
	}
	s := savedNotices{List: n.list}
	for key := range n.told {
		s.Told = append(s.Told, key)
	}
	text, err := json.Marshal(s)
	n.moved = false
	return append(changes, store.Change{Table: tableNotices, Value: text}), err
}

func (n *notices) restore(text []byte) error {
	n.told = map[string]bool{}
	if text == nil {
		return nil
	}
	var s savedNotices
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	n.list = s.List
	for _, key := range s.Told {
		n.told[key] = true
	}
	return nil
}

// Notices implements api.Plant.
func (e *engine) Notices() []boundary.Notice {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return append([]boundary.Notice(nil), e.notices.list...)
}
