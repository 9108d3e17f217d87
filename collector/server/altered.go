package server

import "demarc/collector/api"

// altered is what records changed, for who watches.
type altered struct {
	anything, assets, connections, findings, conditions, sight bool
}

// take names what changed and forgets it; nothing named is anything.
func (t *altered) take(e *engine) (things []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() { *t = altered{} }()
	if t.anything {
		return nil
	}
	for _, x := range []struct {
		changed bool
		name    string
	}{
		{t.assets, api.ChangedAssets},
		{t.connections, api.ChangedConnections},
		{t.findings, api.ChangedFindings},
		{t.conditions, api.ChangedConditions},
		{t.sight, api.ChangedSight},
	} {
		if x.changed {
			things = append(things, x.name)
		}
	}
	return things
}
