package decode

import "demarc/agent/capture"

// readPPI reads a per-packet information header: version 0, flags, length
// (16) and link type (32), little endian, then fields up to the length.
func readPPI(c *reader, p *Packet) layer {
	h := c.Peek(8)
	if h == nil {
		c.Skip(8) // short
		return done
	}
	length := int(h[2]) | int(h[3])<<8
	if h[0] != 0 || length < 8 || h[6]|h[7] != 0 {
		p.Fault = Malformed
		return done
	}
	c.Skip(length)
	return first(capture.LinkType(uint16(h[4]) | uint16(h[5])<<8))
}

// Attributes of a netfilter log record (Linux nfnetlink_log.h).
const (
	nflogHeader  = 1 // EtherType (16), hook (8), pad
	nflogAddress = 8 // length (16), pad (16), the sender's MAC
	nflogPayload = 9
)

// readNFLOG reads a netfilter log record: address family, version, resource
// (16), then attributes of length (16, itself included), type (16) and value,
// padded to 32 bits. Length and type are in the byte order of the host that
// captured, which the first length shows: none is as long as 256.
func readNFLOG(c *reader, p *Packet) layer {
	family := c.U8()
	c.Skip(3)
	number := c.U16LE
	if b := c.Peek(2); b != nil && b[0] == 0 {
		number = c.U16
	}
	for c.OK() && c.Len() > 0 {
		n, kind := int(number())-4, number()
		switch {
		case n < 0:
			p.Fault = Malformed
			return done
		case kind&0x7fff == nflogPayload:
			c.limit(n)
			return nflogged(c, p, family)
		}
		a := c.Sub(n)
		c.Skip(min(-n&3, c.Len()))
		switch kind & 0x7fff {
		case nflogHeader:
			p.EtherType = a.U16()
		case nflogAddress:
			if a.U16() == 6 {
				a.Skip(2)
				p.sender(a.Bytes(6))
			}
		}
	}
	return done
}

// nflogged is the layer that a netfilter log record carries: what its header
// says, else what its address family does.
func nflogged(c *reader, p *Packet, family uint8) layer {
	switch {
	case family == 2: // AF_INET of Linux
		return ipv4
	case family == 10: // AF_INET6
		return ipv6
	case p.EtherType >= minEtherType:
		return etherType
	}
	return c.payload(p)
}

// sender keeps a MAC address that is the only one known.
func (p *Packet) sender(mac []byte) {
	if mac == nil || MAC(mac).IsZero() {
		return
	}
	p.SrcMAC = MAC(mac)
	p.Has |= HasMAC | NoDst
}

// readNetANALYZER reads the header that Hilscher's netANALYZER puts before a
// frame: 32 bits of its own. The frame has its check sequence, and raw also
// its preamble, which ends with 0xd5 (IEEE 802.3 clause 3.2).
func readNetANALYZER(c *reader, raw bool) layer {
	c.Skip(4)
	if n := c.Len() + c.missing - 4; n > 0 {
		c.limit(n)
	}
	for raw && c.OK() && c.U8() != 0xd5 {
	}
	return ethernet
}

// readCiscoHDLC reads a Cisco HDLC header (RFC 1547 section 4.3.1): address,
// control, EtherType.
func readCiscoHDLC(c *reader, p *Packet) layer {
	c.Skip(2)
	p.EtherType = c.U16()
	if c.OK() && p.EtherType < minEtherType {
		p.Fault = Unsupported
		return done
	}
	return etherType
}

// readFrameRelay reads a Frame Relay header: a Q.922 address of two to four
// bytes, whose last has its lowest bit set, then either control and network
// protocol (RFC 2427 section 3) or, with Cisco's encapsulation, an EtherType.
func readFrameRelay(c *reader, p *Packet) layer {
	for n := 0; c.OK() && c.U8()&1 == 0; n++ {
		if n == 4 {
			p.Fault = Malformed
			return done
		}
	}
	b := c.Peek(1)
	if b == nil {
		c.Skip(1) // short
		return done
	}
	if b[0] != 3 { // no unnumbered information
		return readType(c, p)
	}
	c.Skip(1)
	protocol := c.U8()
	if protocol == 0 { // pad
		protocol = c.U8()
	}
	switch protocol {
	case 0xcc:
		return ipv4
	case 0x8e:
		return ipv6
	case 0x80: // SNAP
		return readFrameRelaySNAP(c, p)
	}
	if c.OK() {
		p.Fault = Unsupported
	}
	return done
}

// readFrameRelaySNAP reads an organization code and what it says: an
// EtherType, or a bridged Ethernet frame with its check sequence (1) or
// without (7).
func readFrameRelaySNAP(c *reader, p *Packet) layer {
	oui, id := c.U24(), c.U16()
	switch {
	case !c.OK():
		return done
	case oui == 0 && id >= minEtherType:
		p.EtherType = id
		return etherType
	case oui == 0x0080c2 && (id == 1 || id == 7):
		return ethernet
	}
	p.Fault = Unsupported
	return done
}
