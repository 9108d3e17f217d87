package api

import (
	"time"

	"demarc/collector/condition"
	demarcv1 "demarc/proto/demarc/v1"
)

// world is what conditions are judged by now.
func (s *Service) world() condition.World {
	return condition.World{
		Policy: s.Plant.Policy(), Documents: s.Plant.Documents(), Connections: s.Plant.Connections(), Assets: s.Plant.Assets(),
		Ledger: s.Plant.Heard(), Now: s.Clock(),
	}
}

// earlier is the first of two moments: a quarter hour that still runs is told to the moment that is asked for.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func sightOf(x condition.Sight) *demarcv1.Sight {
	out := &demarcv1.Sight{Boundary: x.Boundary, From: stamp(x.From), To: stamp(x.To), Gaps: x.Gaps, Words: x.Words()}
	for _, g := range x.Segments {
		out.Segments = append(out.Segments, &demarcv1.SegmentSight{
			Site: g.Site, Segment: g.Segment, Agents: g.Agents, Vlans: g.VLANs, Since: stamp(g.Since), Last: stamp(earlier(g.Last, x.To)),
			QuartersHeard: uint32(g.Heard), Quarters: uint32(g.Of), Packets: g.Packets, Lost: g.Lost, Undecoded: g.Undecoded,
			OneSided: uint32(g.OneSided), Tcp: uint32(g.TCP), Faults: g.Faults,
		})
	}
	return out
}
