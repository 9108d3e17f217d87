package decode

// PPP protocol numbers (IANA) that lead on.
const (
	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
	pppMPLS = 0x0281
)

// inPPP is the layer that a PPP protocol number stands for; done for those
// that carry no traffic of hosts, as LCP and CHAP.
func inPPP(protocol uint16) layer {
	switch protocol {
	case pppIPv4:
		return ipv4
	case pppIPv6:
		return ipv6
	case pppMPLS:
		return mpls
	}
	return done
}

// readPPP reads a PPP frame: address and control (RFC 1662 section 3.1), which
// may be left out, then the protocol, of one byte when that is odd (RFC 1661
// section 2).
func readPPP(c *reader, p *Packet) layer {
	if h := c.Peek(2); h != nil && h[0] == 0xff && h[1] == 3 {
		c.Skip(2)
	}
	protocol := uint16(c.U8())
	if protocol&1 == 0 {
		protocol = protocol<<8 | uint16(c.U8())
	}
	l := inPPP(protocol)
	if l == done && c.OK() {
		p.Fault = Unsupported
	}
	return l
}

// readPPPoE reads a PPPoE session header (RFC 2516 section 4): version and
// type, code, session, length, then the PPP protocol. A session's control
// frames stay payload of their EtherType.
func readPPPoE(c *reader, p *Packet) layer {
	h := c.Peek(8)
	if h == nil {
		c.Skip(8) // short
		return done
	}
	l := inPPP(uint16(h[6])<<8 | uint16(h[7]))
	if h[0] != 0x11 || h[1] != 0 || l == done {
		return c.payload(p)
	}
	c.Skip(4)
	c.limit(int(c.U16()))
	c.Skip(2)
	return l
}

// readMPLS reads label stack entries up to the bottom of the stack (RFC 3032
// section 2.1). What is behind does not say what it is; IP shows by its
// version, all else stays payload.
func readMPLS(c *reader, p *Packet) layer {
	for {
		entry := c.U32()
		if !c.OK() {
			return done
		}
		if entry&0x100 != 0 {
			break
		}
	}
	if b := c.Peek(1); b != nil && (b[0]>>4 == 4 || b[0]>>4 == 6) {
		return anyIP
	}
	return c.payload(p)
}
