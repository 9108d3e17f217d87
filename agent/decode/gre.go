package decode

// Protocol types of GRE that are no EtherType of a link (IEEE, used with GRE
// alone).
const (
	greEthernet = 0x6558 // transparent Ethernet bridging, RFC 1701
	greERSPAN   = 0x88be // types I and II
	greERSPAN3  = 0x22eb
	grePPP      = 0x880b // RFC 2637
	greWCCP     = 0x883e // 32 bits of redirection, then IPv4
)

// Bits of the first 16 of a GRE header (RFC 2784, RFC 2890, RFC 2637).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080 // version 1 alone
	greVersion  = 0x0007
)

// readGRE reads a GRE header: flags and version, protocol type, then the
// fields that the flags announce, of 32 bits each. Source routes (RFC 1701)
// were withdrawn by RFC 2784; who sends them is not read.
func (d *Decoder) readGRE(c *reader, p *Packet) layer {
	flags, kind := c.U16(), c.U16()
	for _, f := range [...]uint16{greChecksum, greKey, greSequence} {
		if flags&f != 0 {
			c.Skip(4)
		}
	}
	if flags&greVersion == 1 && flags&greAck != 0 {
		c.Skip(4)
	}
	if !c.OK() {
		return done
	}
	p.Carrier = GRE
	switch flags & (greVersion | greRouting) {
	case 0:
		return d.inGRE(c, p, kind, flags&greSequence != 0)
	case 1: // enhanced GRE, RFC 2637 section 4.1
		if kind == grePPP {
			return d.readTunnelledPPP(c, p, PPTP)
		}
	}
	return c.payload(p)
}

func (d *Decoder) inGRE(c *reader, p *Packet, kind uint16, sequenced bool) layer {
	switch kind {
	case etherIPv4, etherIPv6:
		if l := c.version(); l != unread {
			return d.inside(c, p, GRE, l)
		}
	case greEthernet:
		if c.frame() {
			return d.inside(c, p, GRE, ethernet)
		}
	case etherMPLS, etherMPLSUp:
		return d.inside(c, p, GRE, mpls)
	case greWCCP:
		if h := c.Peek(5); h != nil && h[4]>>4 == 4 {
			c.Skip(4)
			return d.inside(c, p, GRE, ipv4)
		}
	case greERSPAN:
		if !sequenced { // type I has no header, and no sequence number
			return d.inside(c, p, ERSPAN, ethernet)
		}
		return d.readERSPAN(c, p)
	case greERSPAN3: // some send no sequence number
		return d.readERSPAN(c, p)
	}
	return c.payload(p)
}

// readERSPAN reads the header of a remote mirror (draft-foschiano-erspan-03).
//
//	II:  version 1 (4) VLAN (12) | COS (3) encapsulation (2) truncated (1) session (10) | reserved (12) index (20)
//	III: version 2 (4) VLAN (12) | COS (3) BSO (2) truncated (1) session (10) | timestamp (32)
//	     | security group (16) | P (1) frame type (5) hardware (6) D (1) granularity (2) O (1), O: 64 bits more
func (d *Decoder) readERSPAN(c *reader, p *Packet) layer {
	h, l := c.Peek(4), ethernet
	if h == nil {
		c.Skip(4) // short
		return done
	}
	switch h[0] >> 4 {
	case 1:
		c.Skip(8)
	case 2:
		c.Skip(10)
		last := c.U16()
		if l = erspanFrame(last); last&1 != 0 {
			c.Skip(8)
		}
	default:
		return c.payload(p)
	}
	if !c.OK() {
		return done
	}
	vlan := uint16(h[0]&0x0f)<<8 | uint16(h[1])
	if l = d.inside(c, p, ERSPAN, l); vlan != 0 && l != done && !c.tagged() {
		p.tag(vlan)
	}
	return l
}

// erspanFrame is what a type III header says that it mirrors: Ethernet, or IP
// where the port has no other link layer.
func erspanFrame(last uint16) layer {
	if last>>10&0x1f == 2 {
		return anyIP
	}
	return ethernet
}

// tagged reports whether the Ethernet frame that c stands before has a VLAN
// tag of its own: the mirror then kept it, and its header says it again.
func (c *reader) tagged() bool {
	h := c.Peek(14)
	return h != nil && isTag(uint16(h[12])<<8|uint16(h[13]))
}
