package plant

import (
	"net/netip"
	"time"

	"github.com/google/gopacket/layers"
)

// cacheTime is how long a neighbour's MAC address stays known.
const cacheTime = 2 * time.Minute

// meet lets the neighbours on a path ask for each other's MAC address (RFC
// 826) before a packet goes there, unless they still know it.
func (n *network) meet(at time.Duration, hops []hop) {
	for _, h := range hops {
		key := neighbours{h.src, h.dst}
		if known, ok := n.known[key]; ok && at >= known.from && at < known.to {
			continue
		}
		asked := at - 4*hopDelay
		n.arp(asked, h.link, h.src, h.src.addr, nil, h.dst.addr)
		n.arp(asked+hopDelay, h.link, h.dst, h.dst.addr, h.src, h.src.addr)
		for _, k := range []neighbours{key, {h.dst, h.src}} {
			n.known[k] = timespan{asked, asked + cacheTime}
		}
	}
}

// arp sends a request, or with a receiver a reply.
func (n *network) arp(at time.Duration, l *link, from *station, sender netip.Addr, to *station, target netip.Addr) {
	a := &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: layers.ARPRequest, SourceHwAddress: from.mac, SourceProtAddress: sender.AsSlice(),
		DstHwAddress: make([]byte, 6), DstProtAddress: target.AsSlice(),
	}
	dst := broadcast
	if to != nil {
		a.Operation, a.DstHwAddress, dst = layers.ARPReply, to.mac, to.mac
	}
	n.frame(at, l, from.mac, dst, layers.EthernetTypeARP, a)
}

// announce is a gratuitous ARP, as hosts send when a card comes up (RFC 5227).
func (n *network) announce(at time.Duration, s *station) {
	n.arp(at, s.link, s, s.addr, nil, s.addr)
}
