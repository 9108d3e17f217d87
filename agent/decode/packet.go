// Package decode is the second stage: it turns a frame into a packet, link
// layer to transport header, with our own bounds-checked cursor. It allocates
// nothing on the steady path and never fails on hostile bytes: what it cannot
// read it leaves out, and says why in Packet.Fault.
package decode

import (
	"net/netip"

	"demarc/internal/bus"
)

// MAC is an IEEE 802 address, or a station of package bus. The zero value
// stands for none.
type MAC [6]byte

// IsGroup reports whether m is a multicast or broadcast address (I/G bit, IEEE 802-2014 8.2.2).
func (m MAC) IsGroup() bool { return m[0]&1 != 0 }

// IsZero reports whether there is no address.
func (m MAC) IsZero() bool { return m == MAC{} }

func (m MAC) String() string {
	if name, ok := bus.Name(m); ok {
		return name
	}
	const hex = "0123456789abcdef"
	b := make([]byte, 0, 17)
	for i, x := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hex[x>>4], hex[x&15])
	}
	return string(b)
}

// Layers says which parts of a Packet are valid.
type Layers uint8

// What a packet has.
const (
	HasMAC  Layers = 1 << iota // SrcMAC valid; DstMAC too unless NoDst
	HasIP                      // Src, Dst, Protocol, TTL valid
	HasPort                    // SrcPort and DstPort valid: TCP, UDP or SCTP header read whole
	NoDst                      // the link layer names the sender only (Linux cooked capture)
)

// Fault says why decoding stopped before the payload.
type Fault uint8

// Faults of a packet.
const (
	NoFault     Fault = iota
	Cut               // the capture ends before the header does (snap length)
	Malformed         // a header contradicts itself or its length
	Unsupported       // a link type or encapsulation that is not read
	Fragment          // kept until its other fragments come: Src, Dst, Protocol and nothing behind them
)

// TCP flags, RFC 9293 section 3.1.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Packet is one decoded frame, or what a tunnel carried inside one. Slices alias
// the frame (or, for a reassembled datagram, the decoder's buffer) and are valid
// until the next Decode.
type Packet struct {
	Time      int64 // Unix nanoseconds
	Interface int   // capture.Frame.Interface
	Length    int   // bytes on the wire, of all fragments together when it was put together; inside a tunnel what it carried
	Frames    int   // frames that the packet came in: 1, or the number of its fragments
	Has       Layers
	Fault     Fault
	CutShort  bool // Payload is shorter than the headers say: the capture cut it
	Carrier   Carrier
	Tunnels   uint8  // how many the packet came through, at most maxTunnels
	Depth     uint8  // the same, of the packets of Outer too: 0 is the frame itself
	Lane      uint8  // 'A' or 'B': the frame is sent on two lanes (PRP, HSR; IEC 62439-3), this is the one of that lane; 0 otherwise
	Sequence  uint16 // the same in both copies of a frame of SrcMAC; valid iff Lane != 0

	SrcMAC, DstMAC MAC
	EtherType      uint16    // of the innermost frame; 0 with LLC
	SAP            uint8     // LLC DSAP, valid iff EtherType == 0 and not HasIP (IEEE 802.2); Payload then starts at it
	VLANs          [2]uint16 // VLAN identifiers, outer first, 0..4095
	Tags           uint8     // how many of VLANs are set (0, 1, 2); a priority tag is VLAN 0

	Src, Dst         netip.Addr // never IPv4-mapped
	Protocol         uint8      // IP protocol number behind extension headers
	TTL              uint8
	SrcPort, DstPort uint16

	SrcKey, DstKey Key    // valid behind Identify
	Hash           uint64 // the same

	Seq, Ack uint32 // valid iff Protocol == 6 and HasPort
	Flags    uint8  // TCP flags, the same

	IPID       uint16 // IPv4 identification, 0 with IPv6
	Checksum   uint16 // of the transport header, as captured (the low half with SCTP); valid iff HasPort
	PayloadLen int    // bytes of payload that the headers announce; len(Payload) unless CutShort, or what a tunnel carries
	Payload    []byte // behind the last header read: TCP or UDP data, IP payload, what follows the EtherType, or the LLC frame

	outer *[maxTunnels]Packet // of the decoder; valid iff Tunnels > 0
}

// Outer are the tunnels that the packet came through, outermost first: packets
// of their own, whose ends sent them, without payload. Nothing of their links
// belongs to the packet inside.
func (p *Packet) Outer() []Packet {
	if p.Tunnels == 0 {
		return nil
	}
	return p.outer[:p.Tunnels]
}

// Tunnelled reports whether the packet came through a tunnel that is no mirror:
// its own link is elsewhere.
func (p *Packet) Tunnelled() bool {
	for i := range p.Outer() {
		if !p.outer[i].Carrier.Mirror() {
			return true
		}
	}
	return false
}

// VLAN is the innermost VLAN identifier, 0 without a tag.
func (p *Packet) VLAN() uint16 {
	if p.Tags == 0 {
		return 0
	}
	return p.VLANs[p.Tags-1]
}
