package spancheck

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"demarc/agent/decode"
	"demarc/internal/wire"
)

// Numbers of protocols (IANA; IEEE 802 numbers registry).
const (
	protoTCP = 6
	protoUDP = 17
	portNTP  = 123
	etherARP = 0x0806
)

// subnets collects the /24 networks of ARP senders. Two that ask each other are
// one network with a wider mask.
type subnets struct {
	n      int
	more   bool
	net    [16]uint32 // the first 24 bits
	group  [16]uint8  // index of the first of its group
	sender [16]bool   // a sender was in it
}

func (s *subnets) at(net uint32) int {
	if i := slices.Index(s.net[:s.n], net); i >= 0 {
		return i
	}
	if s.n == len(s.net) {
		s.more = true
		return -1
	}
	s.net[s.n], s.group[s.n] = net, uint8(s.n) // at most 16
	s.n++
	return s.n - 1
}

// add notes that a host of one network asked for one of another, or of its own.
func (s *subnets) add(from, to uint32) {
	i := s.at(from)
	if i < 0 {
		return
	}
	s.sender[i] = true
	if from == to || to == 0 {
		return
	}
	if j := s.at(to); j >= 0 {
		old, now := max(s.group[i], s.group[j]), min(s.group[i], s.group[j])
		for x := range s.n {
			if s.group[x] == old {
				s.group[x] = now
			}
		}
	}
}

// apart lists one network of each group that somebody sent from.
func (s *subnets) apart() (all []string) {
	var done [16]bool
	for i := range s.n {
		if g := s.group[i]; s.sender[i] && !done[g] {
			done[g] = true
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], s.net[i]<<8)
			all = append(all, netip.PrefixFrom(netip.AddrFrom4(b), 24).String())
		}
	}
	slices.Sort(all)
	return all
}

// arp reads who asks for whom (RFC 826) in an untagged frame.
func (k *Checker) arp(p *decode.Packet) {
	if p.VLAN() != 0 {
		return
	}
	c := wire.New(p.Payload)
	hardware, protocol, sizes := c.U16(), c.U16(), c.U16()
	c.Skip(2 + 6)
	from := c.U32()
	c.Skip(6)
	to := c.U32()
	const linkLocal = 169<<8 | 254
	if !c.OK() || hardware != 1 || protocol != 0x0800 || sizes != 6<<8|4 || from == 0 || from>>16 == linkLocal {
		return
	}
	k.n.ARPs++
	k.n.Subnets.add(from>>8, to>>8)
}

// clockAnswers are the last answers of NTP servers.
type clockAnswers struct {
	n      uint64
	offset [15]int64 // the server's clock less ours, nanoseconds
	server netip.Addr
}

// ntp reads the time that a server in step sends (RFC 5905 7.3): server or
// broadcast mode, stratum 1 to 15, transmit timestamp at octet 40.
func (k *Checker) ntp(p *decode.Packet) {
	const (
		server, broadcast = 4, 5
		unknown           = 3          // leap indicator: the server has no time itself
		epoch             = 2208988800 // 1970 in seconds of 1900
		era               = 1 << 32    // seconds; the next begins in 2036
		half              = uint32(1) << 31
	)
	c := wire.New(p.Payload)
	head, stratum := c.U8(), c.U8()
	c.Skip(38)
	seconds, fraction := c.U32(), c.U32()
	mode := head & 7
	if !c.OK() || (mode != server && mode != broadcast) || head>>6 == unknown || stratum == 0 || stratum > 15 || seconds == 0 {
		return
	}
	at := int64(seconds) - epoch
	if seconds < half {
		at += era
	}
	a := &k.n.Answers
	a.offset[a.n%uint64(len(a.offset))] = at*int64(time.Second) + int64(uint64(fraction)*1e9>>32) - p.Time
	a.n++
	a.server = p.Src
}

// median is the middle offset, of one answer or more.
func (a *clockAnswers) median() time.Duration {
	all := slices.Clone(a.offset[:min(a.n, uint64(len(a.offset)))])
	slices.Sort(all)
	return time.Duration(all[len(all)/2])
}
