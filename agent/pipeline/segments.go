package pipeline

import "demarc/agent/decode"

// segments finds the segment of a packet by interface and VLAN.
type segments struct {
	names []string
	plain []uint16            // by interface; 0 beyond
	vlans []map[uint16]uint16 // by interface; nil for none
}

func newSegments(cfg Config) segments {
	s := segments{}
	index := map[string]uint16{}
	add := func(name string) uint16 {
		i, ok := index[name]
		if !ok {
			i = uint16(len(s.names)) // a configuration names few segments
			index[name] = i
			s.names = append(s.names, name)
		}
		return i
	}
	add(cfg.Default)
	for _, in := range cfg.Interfaces {
		s.plain = append(s.plain, add(in.Segment))
		var m map[uint16]uint16
		for id, name := range in.VLANs {
			if m == nil {
				m = map[uint16]uint16{}
			}
			m[id] = add(name)
		}
		s.vlans = append(s.vlans, m)
	}
	return s
}

func (s *segments) of(p *decode.Packet) uint16 {
	if p.Interface >= len(s.plain) {
		return 0
	}
	if m := s.vlans[p.Interface]; m != nil && p.Tags > 0 {
		if i, ok := m[p.VLANs[0]]; ok {
			return i
		}
	}
	return s.plain[p.Interface]
}
