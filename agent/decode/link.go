package decode

import (
	"fmt"

	"demarc/agent/capture"
)

// layer names the header that comes next. Every reader of a header returns the
// layer behind it, so that a tunnel is one more reader and nothing else.
type layer uint8

const (
	unread    layer = iota // a link type that is not in the table
	done                   // nothing more to read: the payload is set
	ethernet               // IEEE 802.3 MAC header
	etherType              // what p.EtherType says
	llc                    // IEEE 802.2
	cooked1                // LINKTYPE_LINUX_SLL
	cooked2                // LINKTYPE_LINUX_SLL2
	family                 // BSD loopback
	ppp                    // RFC 1661
	pppoe                  // RFC 2516, a session frame
	mpls                   // RFC 3032
	anyIP                  // IPv4 or IPv6 by its version
	ipv4
	ipv6
	transport      // what p.Protocol says
	ppi            // LINKTYPE_PPI
	nflog          // LINKTYPE_NFLOG
	netANALYZER    // LINKTYPE_NETANALYZER
	netANALYZERRaw // with preamble
	ciscoHDLC
	frameRelay
	radiotap // before IEEE 802.11
	wlan     // IEEE 802.11
	mstp     // BACnet MS/TP
	arcnetBSD
	arcnetLinux
)

// links is the table of link types that are read, with the header each starts with.
var links = [...]layer{
	capture.LinkNull:           family,
	capture.LinkEthernet:       ethernet,
	capture.LinkARCNET:         arcnetBSD,
	capture.LinkPPP:            ppp,
	capture.LinkRaw12:          anyIP,
	capture.LinkRaw14:          anyIP,
	capture.LinkPPPHDLC:        ppp,
	capture.LinkPPPEther:       pppoe,
	capture.LinkRaw:            anyIP,
	capture.LinkCiscoHDLC:      ciscoHDLC,
	capture.LinkWLAN:           wlan,
	capture.LinkFrameRelay:     frameRelay,
	capture.LinkLoop:           family,
	capture.LinkLinuxSLL:       cooked1,
	capture.LinkRadiotap:       radiotap,
	capture.LinkARCNETLinux:    arcnetLinux,
	capture.LinkMSTP:           mstp,
	capture.LinkPPI:            ppi,
	capture.LinkIPv4:           ipv4,
	capture.LinkIPv6:           ipv6,
	capture.LinkNFLOG:          nflog,
	capture.LinkNetANALYZER:    netANALYZER,
	capture.LinkNetANALYZERRaw: netANALYZERRaw,
	capture.LinkLinuxSLL2:      cooked2,
}

// Supported reports whether frames of link type l are read.
func Supported(l capture.LinkType) bool { return first(l) != unread }

// first is the layer that a frame of link type l starts with.
func first(l capture.LinkType) layer {
	if int(l) >= len(links) {
		return unread
	}
	return links[l]
}

// LinkError refuses a link type that is not read.
type LinkError struct{ Link capture.LinkType }

func (e *LinkError) Error() string {
	if why := nameless(e.Link); why != "" {
		return fmt.Sprintf("link type %v is not read: %s, so that it shows neither assets nor connections", e.Link, why)
	}
	return fmt.Sprintf("link type %v is not read: capture on Ethernet, Linux cooked mode, loopback, PPP or raw IP", e.Link)
}

// nameless says why no frame of a bus tells who sent it to whom; "" for other
// link types.
func nameless(l capture.LinkType) string {
	switch l {
	case 190, 227: // CAN20B, CAN_SOCKETCAN
		return "a CAN frame names its content, not its sender"
	case 212:
		return "a LIN frame names its content, not its sender"
	case 250: // RTAC_SERIAL
		return "a serial line has no addresses of its own"
	case 186, 189, 220, 249, 266, 288:
		return "USB joins one computer to its own devices"
	case 195, 215, 230, 283:
		return "IEEE 802.15.4 has addresses of 16 and 64 bits, which this version does not hold"
	}
	return ""
}

// Check is nil when frames of link type l are read, else a *LinkError.
func Check(l capture.LinkType) error {
	if Supported(l) {
		return nil
	}
	return &LinkError{l}
}

// ARPHRD_ types whose address is a 6-byte MAC (Linux if_arp.h): Ethernet,
// loopback, IEEE 802.11 and its radiotap form.
func hasMAC(arphrd uint16) bool {
	return arphrd == 1 || arphrd == 772 || arphrd == 801 || arphrd == 803
}

// readCooked1 reads the header of a Linux cooked capture:
// packet type, ARPHRD type, address length (16 bits each), address (8 bytes), protocol (16 bits).
func readCooked1(c *reader, p *Packet) layer {
	kind := c.U16()
	arphrd, n := c.U16(), c.U16()
	addr, protocol := c.Bytes(8), c.U16()
	if !c.OK() {
		return done
	}
	return cookedSender(p, kind, arphrd, int(n), addr, protocol)
}

// readCooked2 reads the version 2 header: protocol and reserved (16 bits
// each), interface index (32), ARPHRD type (16), packet type, address length
// (8 each), address (8 bytes).
func readCooked2(c *reader, p *Packet) layer {
	protocol := c.U16()
	c.Skip(6)
	arphrd := c.U16()
	kind, n := c.U8(), c.U8()
	addr := c.Bytes(8)
	if !c.OK() {
		return done
	}
	return cookedSender(p, uint16(kind), arphrd, int(n), addr, protocol)
}

// cookedBroadcast is the packet type of a frame to everybody (Linux if_packet.h).
const cookedBroadcast = 1

// cookedSender keeps the sender's MAC, the only one that a cooked capture has;
// that the frame went to everybody shows in its packet type.
func cookedSender(p *Packet, kind, arphrd uint16, n int, addr []byte, protocol uint16) layer {
	if n == 6 && hasMAC(arphrd) {
		p.sender(addr[:6])
		if p.Has&HasMAC != 0 && kind == cookedBroadcast {
			p.DstMAC = broadcast
			p.Has &^= NoDst
		}
	}
	// Below 0x0600 the field is a Linux ETH_P_ number: 1 is raw Novell, 4 is LLC.
	switch {
	case protocol == 4:
		return llc
	case protocol < minEtherType:
		p.Fault = Unsupported
		return done
	}
	p.EtherType = protocol
	return etherType
}

// readFamily reads a BSD loopback header: an address family of 32 bits, in the
// byte order of the host that captured (LINKTYPE_NULL) or of the network
// (LINKTYPE_LOOP). Families fit into one byte, so the order shows by itself.
func readFamily(c *reader, p *Packet) layer {
	v := c.U32()
	if !c.OK() {
		return done
	}
	if v > 0xffff {
		v = v>>24 | v>>8&0xff00
	}
	switch v {
	case 2: // AF_INET everywhere
		return ipv4
	case 10, 23, 24, 28, 30: // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin
		return ipv6
	}
	p.Fault = Unsupported
	return done
}

// readVersion tells IPv4 from IPv6 by the first four bits.
func readVersion(c *reader, p *Packet) layer {
	b := c.Peek(1)
	if b == nil {
		c.Skip(1) // short
		return done
	}
	switch b[0] >> 4 {
	case 4:
		return ipv4
	case 6:
		return ipv6
	}
	p.Fault = Malformed
	return done
}
