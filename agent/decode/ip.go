package decode

import "net/netip"

// IP protocol numbers that lead on (IANA protocol numbers).
const (
	protoHopByHop    = 0
	protoIPIP        = 4
	protoTCP         = 6
	protoUDP         = 17
	protoIPv6        = 41
	protoRouting     = 43
	protoFragment    = 44
	protoGRE         = 47
	protoAH          = 51
	protoDestination = 60
	protoEtherIP     = 97
	protoSCTP        = 132
	protoMobility    = 135
	protoMPLS        = 137
	protoHIP         = 139
	protoShim6       = 140
)

// readIPv4 reads an IPv4 header (RFC 791 section 3.1), cuts what the frame
// holds beyond the total length, and hands fragments to reassembly.
func (d *Decoder) readIPv4(c *reader, p *Packet) layer {
	start := c.Len()
	vhl := c.U8()
	c.Skip(1)
	total := int(c.U16())
	id, off := c.U16(), c.U16()
	ttl, proto := c.U8(), c.U8()
	c.Skip(2)
	src, dst := c.Bytes(4), c.Bytes(4)
	head := int(vhl&0x0f) * 4
	if !c.OK() {
		return done
	}
	// A total length of zero is a segment that the capturing host's card cuts
	// later (TCP segmentation offload): the frame's end is the packet's.
	if total == 0 {
		total = start + c.missing
	}
	if vhl>>4 != 4 || head < 20 || total < head {
		p.Fault = Malformed
		return done
	}
	c.Skip(head - 20)
	if !c.OK() {
		return done
	}
	c.limit(total - head)
	p.Src, p.Dst = netip.AddrFrom4([4]byte(src)), netip.AddrFrom4([4]byte(dst))
	p.EtherType, p.TTL, p.Protocol, p.IPID = etherIPv4, ttl, proto, id
	p.Has |= HasIP
	if off&0x3fff == 0 {
		return transport
	}
	return d.fragment(c, p, piece{
		id: uint32(id), protocol: proto, offset: int(off&0x1fff) * 8, more: off&0x2000 != 0,
	})
}

// readIPv6 reads an IPv6 header (RFC 8200 section 3) and the extension headers
// behind it.
func (d *Decoder) readIPv6(c *reader, p *Packet) layer {
	version := c.U32() >> 28
	length := int(c.U16())
	next, hops := c.U8(), c.U8()
	src, dst := c.Bytes(16), c.Bytes(16)
	if !c.OK() {
		return done
	}
	if version != 6 {
		p.Fault = Malformed
		return done
	}
	// A length of zero is a jumbogram (RFC 2675) or segmentation offload.
	if length != 0 {
		c.limit(length)
	}
	p.Src, p.Dst = netip.AddrFrom16([16]byte(src)).Unmap(), netip.AddrFrom16([16]byte(dst)).Unmap()
	p.EtherType, p.TTL, p.Protocol, p.IPID = etherIPv6, hops, next, 0
	p.Has |= HasIP
	return d.extensions(c, p)
}

// extensions walks IPv6 extension headers (RFC 8200 section 4) up to the header
// that carries data.
func (d *Decoder) extensions(c *reader, p *Packet) layer {
	for range maxLayers {
		switch p.Protocol {
		case protoHopByHop, protoRouting, protoDestination, protoMobility, protoHIP, protoShim6:
			next, n := c.U8(), int(c.U8())
			c.Skip(6 + n*8)
			p.Protocol = next
		case protoAH:
			readAH(c, p)
		case protoFragment:
			next := c.U8()
			c.Skip(1)
			off, id := c.U16(), c.U32()
			if !c.OK() {
				return done
			}
			p.Protocol = next
			if off&0xfff9 == 0 { // an atomic fragment is whole (RFC 6946)
				continue
			}
			return d.fragment(c, p, piece{id: id, v6: true, offset: int(off &^ 7), more: off&1 != 0})
		default:
			return transport
		}
		if !c.OK() {
			return done
		}
	}
	p.Fault = Malformed
	return done
}

// readAH reads an authentication header (RFC 4302 section 2), which stands
// behind IPv4 as well; what it protects is in clear. Its length counts 32-bit
// words less two.
func readAH(c *reader, p *Packet) {
	next, n := c.U8(), int(c.U8())
	c.Skip(6 + n*4)
	p.Protocol = next
}

// readTransport reads the header behind IP; a protocol without ports is
// payload as a whole.
func (d *Decoder) readTransport(c *reader, p *Packet) layer {
	switch p.Protocol {
	case protoTCP:
		return readTCP(c, p)
	case protoUDP:
		return d.readUDP(c, p)
	case protoSCTP: // RFC 9260 section 3.1: ports, verification tag, checksum
		src, dst := c.U16(), c.U16()
		c.Skip(6)
		sum := c.U16()
		if !c.OK() {
			return done
		}
		p.ports(src, dst, sum)
	case protoAH:
		if readAH(c, p); c.OK() {
			return transport
		}
		return done
	default:
		if l, ok := d.readIPTunnel(c, p); ok {
			return l
		}
	}
	return c.payload(p)
}

func (p *Packet) ports(src, dst, checksum uint16) {
	p.SrcPort, p.DstPort, p.Checksum = src, dst, checksum
	p.Has |= HasPort
}

// readTCP reads a TCP header (RFC 9293 section 3.1). Options that the capture
// cut leave the packet without payload and marked as cut short.
func readTCP(c *reader, p *Packet) layer {
	src, dst := c.U16(), c.U16()
	seq, ack := c.U32(), c.U32()
	head, flags := int(c.U8()>>4)*4, c.U8()
	c.Skip(2)
	sum := c.U16()
	c.Skip(2)
	if !c.OK() {
		return done
	}
	options := head - 20
	if options < 0 || options > c.Len()+c.missing {
		p.Fault = Malformed
		return done
	}
	if over := options - c.Len(); over > 0 {
		options, c.missing = c.Len(), c.missing-over
	}
	c.Skip(options)
	p.ports(src, dst, sum)
	p.Seq, p.Ack, p.Flags = seq, ack, flags
	return c.payload(p)
}

// readUDP reads a UDP header (RFC 768). A length of zero is a jumbogram or
// segmentation offload: all that is left is data.
func (d *Decoder) readUDP(c *reader, p *Packet) layer {
	src, dst := c.U16(), c.U16()
	length, sum := int(c.U16()), c.U16()
	if !c.OK() {
		return done
	}
	if length != 0 {
		if length < 8 {
			p.Fault = Malformed
			return done
		}
		c.limit(length - 8)
	}
	p.ports(src, dst, sum)
	if mayTunnel(src, dst) {
		if l, ok := d.readUDPTunnel(c, p); ok {
			return l
		}
	}
	return c.payload(p)
}
