package server

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"demarc/collector/api"
	"demarc/collector/inventory"
	"demarc/collector/store"
	"demarc/internal/identity"
	demarcv1 "demarc/proto/demarc/v1"
)

// verbs are the kinds of acts on assets.
var verbs = map[string]identity.Verb{api.ActMerge: identity.Together, api.ActSplit: identity.Apart, api.ActSet: identity.Set}

// sayOfAssets takes what a person decided of assets, judges what that changed,
// and keeps it for the saved state: the journal ends after the replay period,
// what people said does not.
func (e *engine) sayOfAssets(r *store.Record, a *demarcv1.Act) error {
	said, err := saidOf(r.Position, a)
	if err != nil {
		return err
	}
	e.said = append(e.said, savedAct{position: r.Position, body: r.Body})
	e.rejudge(e.book.Say(said), r.Recorded, source{})
	return nil
}

// savedAct is an act as the saved state holds it.
type savedAct struct {
	position uint64
	body     []byte // a marshalled Act
	kept     bool   // the saved state has it
}

func saidOf(position uint64, a *demarcv1.Act) (inventory.Said, error) {
	body := &demarcv1.AssetAct{}
	if err := proto.Unmarshal(a.GetBody(), body); err != nil {
		return inventory.Said{}, err
	}
	s := inventory.Said{
		Order: position, At: a.GetTime().AsTime().UnixNano(), By: a.GetActor(), Reason: body.GetReason(),
		Verb: verbs[a.GetKind()], Field: body.GetField(), Value: body.GetValue(),
	}
	for _, x := range body.GetOf() {
		s.Of = append(s.Of, identity.Of{Site: x.GetSite(), Address: x.GetAddress(), Part: x.GetPart(), Anchor: x.GetAnchor()})
	}
	return s, nil
}

// saveSaid adds what people said since the last checkpoint, or all of it.
func (c *checkpoint) saveSaid(all []savedAct, whole bool) {
	for i := range all {
		if all[i].kept && !whole {
			continue
		}
		all[i].kept = true
		c.changes = append(c.changes, store.Change{Table: tableAssetActs, Key: binary.BigEndian.AppendUint64(nil, all[i].position), Value: all[i].body})
	}
}

// restoreSaid says again what people said, in its order.
func (e *engine) restoreSaid(s saved) error {
	for _, r := range s.records(tableAssetActs) {
		a := &demarcv1.Act{}
		if err := proto.Unmarshal(r.Value, a); err != nil {
			return err
		}
		said, err := saidOf(r.Key, a)
		if err != nil {
			return err
		}
		e.book.Say(said)
		e.said = append(e.said, savedAct{position: r.Key, body: r.Value, kept: true})
	}
	return nil
}

// Asset implements api.Plant.
func (e *engine) Asset(id string) (*demarcv1.Asset, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.assets[id]; !known {
		return nil, false
	}
	a := e.show(id)
	return a, a != nil
}

// Addresses implements api.Plant.
func (e *engine) Addresses(asset string) []identity.Of {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.book.Addresses(asset)
}
