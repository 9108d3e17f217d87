package verdict

import (
	"demarc/collector/boundary"
	"demarc/collector/inventory"
)

// unlisted says which end stands on no list of what was authorized for its
// boundary, where there is one: no agreement covers it across a boundary.
func (k *judge) unlisted() gap {
	if k.c.Devices == nil {
		return gap{}
	}
	for _, e := range []struct {
		end inventory.End
		at  boundary.Placement
	}{{k.c.Client, k.out.Client}, {k.c.Server, k.out.Server}} {
		if !k.p.Listed(e.at.Boundary) || e.at.Group || e.end.Asset == "" {
			continue
		}
		if why, document := k.p.UnlistedBy(e.at.Boundary, k.p.DeviceOf(k.c.Site, k.c.Devices.Known(e.end.Asset))); why != "" {
			return gap{why: address(e.end) + " is unlisted: " + why, document: document, unlisted: e.end.Asset}
		}
	}
	return gap{}
}
