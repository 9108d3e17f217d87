package decode

// EtherTypes that lead on to another header (IEEE 802 numbers registry).
const (
	etherIPv4   = 0x0800
	etherCTag   = 0x8100 // IEEE 802.1Q customer tag
	etherIPv6   = 0x86dd
	etherMPLS   = 0x8847 // RFC 3032, and 0x8848 of upstream-assigned labels (RFC 5332)
	etherMPLSUp = 0x8848
	etherPPPoE  = 0x8864 // RFC 2516, session
	etherLLC    = 0x8870 // LLC frames too long for a length field
	etherSTag   = 0x88a8 // IEEE 802.1ad service tag
	etherPBB    = 0x88e7 // IEEE 802.1ah service instance tag
	etherCMD    = 0x8909 // Cisco MetaData: a security group tag
	etherVNTag  = 0x8926 // Cisco VN-Tag
	etherHSR    = 0x892f // IEC 62439-3
	etherETag   = 0x893f // IEEE 802.1BR
	etherOldTag = 0x9100 // QinQ before 802.1ad
	etherRTag   = 0xf1c1 // IEEE 802.1CB redundancy tag

	// EtherTypes that lead nowhere but are usual.
	etherARP      = 0x0806
	etherPROFINET = 0x8892
	etherGOOSE    = 0x88b8
	etherSV       = 0x88ba
	etherLLDP     = 0x88cc
	etherPRP      = 0x88fb // supervision, and the suffix of a trailer

	minEtherType = 0x0600 // below it the field is a length (IEEE 802.3-2018 3.2.6)
	maxLength    = 1500
)

// readEthernet reads the MAC header: destination, source, EtherType or length.
func readEthernet(c *reader, p *Packet) layer {
	dst, src := c.Bytes(6), c.Bytes(6)
	if src == nil {
		return done
	}
	p.DstMAC, p.SrcMAC = MAC(dst), MAC(src)
	p.Has |= HasMAC
	p.Has &^= NoDst
	if b := c.Peek(c.Len()); len(b) >= 2+trailerSize && endsTrailer(b) {
		c.trailer(b, p)
	}
	return readType(c, p)
}

// readType reads an EtherType or, below 0x0600, the length of an LLC frame,
// whose padding is cut off then.
func readType(c *reader, p *Packet) layer {
	v := c.U16()
	if !c.OK() {
		return done
	}
	if v >= minEtherType {
		p.EtherType = v
		return etherType
	}
	p.EtherType = 0
	if v > maxLength {
		p.Fault = Malformed
		return done
	}
	c.limit(int(v))
	return llc
}

// readEtherType goes on behind an EtherType: tags and IP lead on, all else is payload.
func (d *Decoder) readEtherType(c *reader, p *Packet) layer {
	switch p.EtherType {
	case etherIPv4:
		return ipv4
	case etherIPv6:
		return ipv6
	case etherCTag, etherSTag, etherOldTag:
		p.tag(c.U16())
		return readType(c, p)
	case etherLLC:
		p.EtherType = 0
		return llc
	case etherMPLS, etherMPLSUp:
		return mpls
	case etherPPPoE:
		return pppoe
	case etherHSR:
		return c.readHSR(p)
	case etherVNTag, etherRTag: // direction and interfaces; reserved and sequence number
		return c.behind(p, 4)
	case etherETag:
		return c.behind(p, 6)
	case etherCMD:
		if h := c.Peek(2); h != nil && h[0] == 1 && h[1] == 1 { // version 1, one option
			return c.behind(p, 6)
		}
	case etherPBB: // priority, flags and service instance (32), then the customer's frame
		inner := *c
		if inner.Skip(4); inner.OK() && inner.frame() {
			*c = inner
			return d.inside(c, p, PBB, ethernet)
		}
	}
	return c.payload(p)
}

// behind passes a tag of n bytes, whose fields say nothing of the hosts, and
// reads the EtherType behind it.
func (c *reader) behind(p *Packet, n int) layer {
	c.Skip(n)
	return readType(c, p)
}

// isTag reports whether an EtherType is that of a VLAN tag.
func isTag(kind uint16) bool { return kind == etherCTag || kind == etherSTag || kind == etherOldTag }

// tag keeps a tag's VLAN identifier (IEEE 802.1Q-2018 9.6). Of more than two
// tags the outermost and the innermost are kept.
func (p *Packet) tag(tci uint16) {
	id := tci & 0x0fff
	if int(p.Tags) < len(p.VLANs) {
		p.VLANs[p.Tags] = id
		p.Tags++
		return
	}
	p.VLANs[len(p.VLANs)-1] = id
}

// readLLC reads an LLC header (IEEE 802.2 clause 3). SNAP with an EtherType
// leads on; everything else is payload from the DSAP on, since the control
// field and the organization code belong to whoever reads it.
func readLLC(c *reader, p *Packet) layer {
	if h := c.Peek(8); len(h) == 8 && h[0] == 0xaa && h[1] == 0xaa && h[2] == 3 && encapsulates(h[3:6]) {
		v := uint16(h[6])<<8 | uint16(h[7])
		if v >= minEtherType {
			c.Skip(8)
			p.EtherType = v
			return etherType
		}
	}
	if h := c.Peek(1); h != nil {
		p.SAP = h[0]
		return c.payload(p)
	}
	c.Skip(1) // short
	return done
}

// encapsulates reports whether the SNAP organization code says that an
// EtherType follows: RFC 1042 and the bridge tunnel of IEEE 802.1H.
func encapsulates(oui []byte) bool {
	return oui[0] == 0 && oui[1] == 0 && (oui[2] == 0 || oui[2] == 0xf8)
}
