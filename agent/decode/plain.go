package decode

import (
	"encoding/binary"
	"net/netip"

	"demarc/agent/capture"
)

// Plain reads the common case: an Ethernet frame with at most one tag that
// holds a whole IPv4 packet without options and fragments, with TCP or UDP. It
// keeps nothing, so that several frames can be read ahead. It reports false when
// the frame is anything else, and Decode then reads it from the start. Lengths
// are checked before each header; the array conversions tell the compiler so.
//
// Every field of p is set by itself: clearing all first costs as much as all the
// rest.
func Plain(f *capture.Frame, p *Packet) bool {
	b := f.Data
	if f.Link != capture.LinkEthernet || len(b) < 14+20+8 {
		return false
	}
	eth, rest := (*[18]byte)(b), b[14:]
	kind := binary.BigEndian.Uint16(eth[12:])
	p.VLANs, p.Tags = [2]uint16{}, 0
	if f.TPID != 0 {
		p.tag(f.TCI)
	}
	if kind == etherCTag {
		p.tag(binary.BigEndian.Uint16(eth[14:]))
		kind, rest = binary.BigEndian.Uint16(eth[16:]), b[18:]
	}
	if kind != etherIPv4 || len(rest) < 28 {
		return false
	}
	ip := (*[28]byte)(rest)
	total := int(binary.BigEndian.Uint16(ip[2:]))
	// 0x3fff: more fragments, and the fragment offset.
	if ip[0] != 0x45 || binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 || total < 28 || total > len(rest) {
		return false
	}
	if len(rest)-total >= trailerSize && endsTrailer(b) {
		return false
	}
	p.SrcPort, p.DstPort = binary.BigEndian.Uint16(ip[20:]), binary.BigEndian.Uint16(ip[22:])
	head := 20 + 8
	switch ip[9] {
	case protoTCP:
		if total < 20+20 {
			return false
		}
		h := (*[40]byte)(rest)
		n := int(h[32]>>4) * 4
		if head = 20 + n; n < 20 || head > total {
			return false
		}
		p.Seq, p.Ack = binary.BigEndian.Uint32(h[24:]), binary.BigEndian.Uint32(h[28:])
		p.Flags, p.Checksum = h[33], binary.BigEndian.Uint16(h[36:])
	case protoUDP:
		if int(binary.BigEndian.Uint16(ip[24:])) != total-20 || mayTunnel(p.SrcPort, p.DstPort) {
			return false
		}
		p.Seq, p.Ack, p.Flags, p.Checksum = 0, 0, 0, binary.BigEndian.Uint16(ip[26:])
	default:
		return false
	}
	p.Time, p.Interface, p.Length, p.Frames = f.Time, f.Interface, f.Length, 1
	p.Has, p.Fault, p.CutShort, p.Carrier = HasMAC|HasIP|HasPort, NoFault, false, NoCarrier
	p.Tunnels, p.Depth, p.Lane, p.Sequence = 0, 0, 0, 0
	p.SrcMAC = MAC(eth[6:12])
	p.DstMAC = MAC(eth[0:6])
	p.EtherType, p.SAP = etherIPv4, 0
	p.Protocol, p.TTL, p.IPID = ip[9], ip[8], binary.BigEndian.Uint16(ip[4:])
	p.SrcKey, p.DstKey = keyOf4(binary.BigEndian.Uint32(ip[12:]), p.SrcPort), keyOf4(binary.BigEndian.Uint32(ip[16:]), p.DstPort)
	p.Hash = HashOf(p.SrcKey, p.DstKey, uint32(p.Protocol))
	p.PayloadLen = total - head
	p.Payload = rest[head:total]
	p.Src, p.Dst = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
	return true
}
