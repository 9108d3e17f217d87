package api

import (
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

func sightOf(x condition.Sight) *demarcv1.Sight {
	out := &demarcv1.Sight{Boundary: x.Boundary, From: stamp(x.From), To: stamp(x.To), Gaps: x.Gaps, Words: x.Words()}
	for _, g := range x.Segments {
		out.Segments = append(out.Segments, &demarcv1.SegmentSight{
			Site: g.Site, Segment: g.Segment, Agents: g.Agents, Vlans: g.VLANs, Since: stamp(g.Since), Last: stamp(g.Last),
			QuartersHeard: uint32(g.Heard), Quarters: uint32(g.Of), Packets: g.Packets, Lost: g.Lost, Undecoded: g.Undecoded,
			OneSided: uint32(g.OneSided), Tcp: uint32(g.TCP), Faults: g.Faults,
		})
	}
	return out
}
