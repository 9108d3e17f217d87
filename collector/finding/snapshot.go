package finding

import (
	"fmt"
	"slices"

	"demarc/collector/condition"
	"demarc/collector/inventory"
)

// Thing is an asset or a connection as a Snapshot keeps and compares it. Times
// are Unix nanoseconds of packet time.
type Thing struct {
	ID         string
	Asset      bool
	Site       string
	Words      string   // what it is, for people
	Boundaries []string // where an asset stands; of a connection, of client and server
	Attributes map[string]string
	Told       map[string]int64 // attributes that their own source told anew, and when
	Seen       []inventory.Seen
	Part       bool // stands behind another, or was negotiated by one
	Gone       bool // silent against its own rhythm, while its agents listened
	First      int64
	Last       int64
	Listened   int64  // newest packet of the agents that heard it
	Finding    string // that a connection is a member of for another reason
}

// Snapshot is what stood in the boundaries of an authorization when it was
// decided. Build one with NewSnapshot.
type Snapshot struct {
	Authorization string              `json:"authorization"`
	Number        int                 `json:"number"`
	Taken         int64               `json:"taken"` // Unix nanoseconds, by the collector's clock
	By            string              `json:"by"`
	Reason        string              `json:"reason,omitempty"`
	Boundaries    []string            `json:"boundaries"`
	Policy        uint64              `json:"policy"`
	Position      uint64              `json:"position"` // of the journal
	Ears          []condition.Hearing `json:"ears"`
	Kept          map[string]*Kept    `json:"kept"`
	Merges        []Merge             `json:"merges,omitempty"`

	addresses map[string]string // -> asset
	serials   map[string]string
}

// Kept is a Thing as it was. Its fields are stored.
type Kept struct {
	Asset      bool              `json:"asset,omitempty"`
	Words      string            `json:"words"`
	Boundaries []string          `json:"in"`
	Addresses  []string          `json:"at,omitempty"`
	Attributes map[string]string `json:"is,omitempty"`
}

// Merge is a batch that a person took over.
type Merge struct {
	At     int64  `json:"at"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	Items  int    `json:"items"`
}

// NewSnapshot returns s with things as what was decided on.
func NewSnapshot(s Snapshot, things []Thing) *Snapshot {
	s.Kept = make(map[string]*Kept, len(things))
	for i := range things {
		s.keep(&things[i])
	}
	return &s
}

// ID names a snapshot: "line4-ato/1".
func (s *Snapshot) ID() string { return fmt.Sprintf("%s/%d", s.Authorization, s.Number) }

// Count tells how many assets and connections s holds.
func (s *Snapshot) Count() (assets, connections int) {
	for _, k := range s.Kept {
		if k.Asset {
			assets++
		}
	}
	return assets, len(s.Kept) - assets
}

func (s *Snapshot) keep(t *Thing) {
	k := &Kept{Asset: t.Asset, Words: t.Words, Boundaries: t.Boundaries, Attributes: t.Attributes}
	if t.Asset {
		for _, x := range t.Seen {
			if !slices.Contains(k.Addresses, x.Address) {
				k.Addresses = append(k.Addresses, x.Address)
			}
		}
	}
	s.Kept[t.ID] = k
	s.addresses = nil
}

// index finds assets by what they are known by: their ids move when assets are
// told apart or put together.
func (s *Snapshot) index() {
	if s.addresses != nil {
		return
	}
	s.addresses, s.serials = make(map[string]string), make(map[string]string)
	for id, k := range s.Kept {
		for _, a := range k.Addresses {
			if old, ok := s.addresses[a]; !ok || id < old {
				s.addresses[a] = id
			}
		}
		if serial := k.Attributes["serial"]; k.Asset && serial != "" {
			s.serials[serial] = id
		}
	}
}

// find returns what was kept of a thing, "" when nothing was.
func (s *Snapshot) find(t *Thing) string {
	if k := s.Kept[t.ID]; k != nil && k.Asset == t.Asset {
		return t.ID
	}
	if !t.Asset {
		return ""
	}
	for _, x := range t.Seen {
		if id, ok := s.addresses[x.Address]; ok {
			return id
		}
	}
	if serial := t.Attributes["serial"]; serial != "" {
		return s.serials[serial]
	}
	return ""
}

// heard reports whether something that hears a thing now was there when s was
// taken, and heard well.
func (s *Snapshot) heard(seen []inventory.Seen) bool {
	for i := range seen {
		for _, agent := range seen[i].Agents {
			if s.ear(agent, &seen[i]) {
				return true
			}
		}
	}
	return false
}

func (s *Snapshot) ear(agent string, x *inventory.Seen) bool {
	return slices.ContainsFunc(s.Ears, func(e condition.Hearing) bool {
		return !e.Lossy && e.Site == x.Site && e.Agent == agent && e.Segment == x.Segment &&
			(len(x.VLANs) == 0 || slices.ContainsFunc(x.VLANs, func(v uint32) bool { return slices.Contains(e.VLANs, v) }))
	})
}
