package decode

// PPP protocol numbers (IANA) that lead on.
const (
	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
	pppMPLS = 0x0281
)

// inPPP is the layer that a PPP protocol number stands for; unread for those
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
	return unread
}

// readPPP reads a PPP frame.
func readPPP(c *reader, p *Packet) layer {
	n, l := pppHeader(c, 0)
	if l == unread && n <= c.Len() {
		p.Fault = Unsupported
		return done
	}
	if c.Skip(n); !c.OK() {
		return done
	}
	return l
}

// pppHeader looks at a PPP header that stands n bytes ahead: address and
// control (RFC 1662 section 3.1), which may be left out, then the protocol, of
// one byte when that is odd (RFC 1661 section 2). It returns where the header
// ends, and what is behind: unread for all that carries no traffic of hosts, and
// when the header is not all there.
func pppHeader(c *reader, n int) (int, layer) {
	if h := c.Peek(n + 2); h != nil && h[n] == 0xff && h[n+1] == 3 {
		n += 2
	}
	h := c.Peek(n + 1)
	if h == nil {
		return n + 1, unread
	}
	if h[n] == 0xff { // no protocol, but the first half of an address and control
		return n + 2, unread
	}
	protocol := uint16(h[n])
	if n++; protocol&1 == 0 {
		if h = c.Peek(n + 1); h == nil {
			return n + 1, unread
		}
		protocol = protocol<<8 | uint16(h[n])
		n++
	}
	return n, inPPP(protocol)
}

// readTunnelledPPP goes into a tunnel of PPP frames; those that run the line
// stay its payload.
func (d *Decoder) readTunnelledPPP(c *reader, p *Packet, by Carrier) layer {
	n, l := pppHeader(c, 0)
	if l == unread {
		p.Carrier = by
		return c.payload(p)
	}
	c.Skip(n)
	return d.inside(c, p, by, l)
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
	if h[0] != 0x11 || h[1] != 0 || l == unread {
		return c.payload(p)
	}
	c.Skip(4)
	c.limit(int(c.U16()))
	c.Skip(2)
	return l
}

// readMPLS reads label stack entries up to the bottom of the stack (RFC 3032
// section 2.1). What is behind does not say what it is; IP shows by its
// version, a pseudowire of Ethernet (RFC 4448) by a frame, with a control word
// before it or without; all else stays payload.
func (d *Decoder) readMPLS(c *reader, p *Packet) layer {
	for {
		entry := c.U32()
		if !c.OK() {
			return done
		}
		if entry&0x100 != 0 {
			break
		}
	}
	if c.version() != unread {
		return anyIP
	}
	if h := c.Peek(4); h != nil && h[0] == 0 && h[1] == 0 { // control word, section 4.6
		if inner := *c; inner.controlWord() {
			*c = inner
			return d.inside(c, p, MPLS, ethernet)
		}
	}
	if c.knownFrame() {
		return d.inside(c, p, MPLS, ethernet)
	}
	return c.payload(p)
}

// controlWord passes a control word, and reports whether a frame is behind it.
func (c *reader) controlWord() bool {
	c.Skip(4)
	return c.knownFrame()
}
