package plant

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func itoa(n uint16) string { return strconv.Itoa(int(n)) }

// udp writes datagrams between two stations. from 0 picks a client port.
func (n *network) udp(at time.Duration, client, server *station, from, port uint16, talk script) {
	rng := n.random("udp " + client.name + " " + server.name + " " + at.String() + " " + itoa(port))
	if from == 0 {
		from = uint16(49152 + rng.IntN(16000))
	}
	out, back := n.path(client, server), n.path(server, client)
	n.meet(at, out)
	for _, m := range talk {
		at += m.wait
		if m.fromServer {
			at = n.datagram(at, back, server.addr, client.addr, port, from, uint16(rng.Uint32()), m.data)
		} else {
			at = n.datagram(at, out, client.addr, server.addr, from, port, uint16(rng.Uint32()), m.data)
		}
		at += hopDelay + time.Duration(rng.IntN(40))*time.Microsecond
	}
}

// group sends one datagram to a multicast or broadcast address, with the time
// to live that such senders use.
func (n *network) group(at time.Duration, from *station, to netip.Addr, srcPort, dstPort uint16, ttl uint8, data []byte) {
	rng := n.random("group " + from.name + " " + to.String() + " " + at.String())
	hops := []hop{{from.link, from, &station{mac: groupMAC(to)}, ttl}}
	n.datagram(at, hops, from.addr, to, srcPort, dstPort, uint16(rng.Uint32()), data)
}

func (n *network) datagram(at time.Duration, hops []hop, src, dst netip.Addr, srcPort, dstPort, id uint16, data []byte) time.Duration {
	ip := layers.IPv4{Version: 4, IHL: 5, Id: id, Protocol: layers.IPProtocolUDP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	head := layers.UDP{SrcPort: layers.UDPPort(srcPort), DstPort: layers.UDPPort(dstPort)}
	head.SetNetworkLayerForChecksum(&ip) //nolint:errcheck // IPv4 always fits
	return n.packet(at, hops, ip, &head, gopacket.Payload(data))
}

// groupMAC is the MAC address of an IPv4 group (RFC 1112 6.4), or broadcast.
func groupMAC(a netip.Addr) []byte {
	if !a.IsMulticast() {
		return broadcast
	}
	b := a.As4()
	return []byte{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
}
