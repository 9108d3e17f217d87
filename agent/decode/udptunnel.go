package decode

// Ports of tunnels over UDP (IANA, but for portOldVXLAN). A port is where to
// look; what is there must look like the tunnel.
const (
	portL2TP     = 1701
	portGTPU     = 2152
	portTeredo   = 3544
	portVXLAN    = 4789
	portAYIYA    = 5072
	portVXLANGPE = 4790
	portGENEVE   = 6081
	portMPLS     = 6635
	portOldVXLAN = 8472 // Linux before there was a registered one, and still its default
)

// mayTunnel reports whether a datagram between these ports is to be looked at
// for a tunnel. Teredo's servers and relays, and AYIYA's, answer from their port.
func mayTunnel(src, dst uint16) bool {
	switch dst {
	case portVXLAN, portOldVXLAN, portVXLANGPE, portGENEVE, portGTPU, portL2TP, portMPLS, portTeredo, portAYIYA:
		return true
	}
	return src == portTeredo || src == portL2TP || src == portAYIYA
}

// readUDPTunnel goes into the tunnel that a datagram is, if it is one; c stands
// before its data. It reports false, and leaves c there, when it is none.
func (d *Decoder) readUDPTunnel(c *reader, p *Packet) (layer, bool) {
	var (
		by Carrier
		n  int // bytes of header
		l  layer
	)
	switch p.DstPort {
	case portVXLAN, portOldVXLAN, portVXLANGPE:
		by = VXLAN
		n, l = vxlan(c, p.DstPort)
	case portGENEVE:
		by = GENEVE
		n, l = geneve(c)
	case portGTPU:
		by = GTPU
		n, l = gtpu(c)
	case portMPLS:
		by, l = MPLS, mpls
		if !bottomed(c) {
			return done, false
		}
	default:
		by, n, l = fromEither(c, p)
	}
	if l == unread {
		return done, false
	}
	inside := *c
	if inside.Skip(n); !inside.OK() || l == ethernet && !inside.frame() || l == anyIP && inside.version() == unread {
		return done, false
	}
	*c = inside
	switch by {
	case VXLAN, GENEVE, MPLS:
		// The source port only spreads load (RFC 7348 section 5, RFC 8926
		// section 3.3, RFC 7510 section 3): a tunnel has one port.
		p.SrcPort = p.DstPort
	}
	return d.inside(c, p, by, l), true
}

// fromEither reads the tunnels that answer from their port.
func fromEither(c *reader, p *Packet) (Carrier, int, layer) {
	if p.SrcPort == portTeredo || p.DstPort == portTeredo {
		n, l := teredo(c)
		return Teredo, n, l
	}
	if p.SrcPort == portAYIYA || p.DstPort == portAYIYA {
		n, l := ayiya(c)
		return AYIYA, n, l
	}
	n, l := l2tp(c)
	return L2TP, n, l
}

// vxlan reads a VXLAN header (RFC 7348 section 5): flags, of which I says that
// the network identifier is valid; 24 bits reserved; identifier; 8 bits
// reserved. The reserved ones in the middle are used by extensions. On its own
// port the P flag says that a protocol number follows (draft-ietf-nvo3-vxlan-gpe).
func vxlan(c *reader, port uint16) (int, layer) {
	h := c.Peek(8)
	if h == nil || h[0]&0x08 == 0 || h[7] != 0 {
		return 0, unread
	}
	if port != portVXLANGPE || h[0]&0x04 == 0 {
		return 8, ethernet
	}
	switch h[3] {
	case 1:
		return 8, ipv4
	case 2:
		return 8, ipv6
	case 3:
		return 8, ethernet
	case 5:
		return 8, mpls
	}
	return 0, unread
}

// geneve reads a GENEVE header (RFC 8926 section 3.4): version 0 (2 bits),
// options in words of 32 bits (6), flags (8), EtherType, network identifier
// (24), reserved (8).
func geneve(c *reader) (int, layer) {
	h := c.Peek(8)
	if h == nil || h[0]>>6 != 0 || h[7] != 0 {
		return 0, unread
	}
	n := 8 + 4*int(h[0]&0x3f)
	switch uint16(h[2])<<8 | uint16(h[3]) {
	case greEthernet:
		return n, ethernet
	case etherIPv4, etherIPv6:
		return n, anyIP
	case etherMPLS:
		return n, mpls
	}
	return 0, unread
}

// gtpu reads the header of a user packet of GTP (3GPP TS 29.281 clause 5.1):
// version 1, flags, message type 255, length behind the first 8 bytes, tunnel;
// with any of the flags E, S and PN 4 bytes more, of which the last names the
// first extension header.
func gtpu(c *reader) (int, layer) {
	h := c.Peek(8)
	if h == nil || h[0]&0xf0 != 0x30 || h[1] != 0xff || int(h[2])<<8|int(h[3]) != c.Len()+c.missing-8 {
		return 0, unread
	}
	if h[0]&0x07 == 0 {
		return 8, anyIP
	}
	n := 12
	for {
		h = c.Peek(n)
		if h == nil {
			return 0, unread
		}
		if h[0]&0x04 == 0 || h[n-1] == 0 {
			return n, anyIP
		}
		h = c.Peek(n + 1)
		if h == nil || h[n] == 0 {
			return 0, unread
		}
		n += 4 * int(h[n]) // its own length, in words; the last byte names the next
	}
}

// l2tp reads the header of a data message (RFC 2661 section 3.1): flags and
// version 2, then as they say length, tunnel, session, sequence numbers,
// offset.
func l2tp(c *reader) (int, layer) {
	h := c.Peek(2)
	if h == nil || h[0]&0x80 != 0 || h[1]&0x0f != 2 {
		return 0, unread
	}
	n := 6
	if h[0]&0x40 != 0 {
		n += 2
	}
	if h[0]&0x08 != 0 {
		n += 4
	}
	if h[0]&0x02 != 0 {
		n += 2
		o := c.Peek(n)
		if o == nil {
			return 0, unread
		}
		n += int(o[n-2])<<8 | int(o[n-1])
	}
	return pppHeader(c, n)
}

// teredo reads what may stand before the IPv6 packet (RFC 4380 section 5.1.1):
// authentication (1), with identifier, value, nonce and confirmation, then
// origin (0).
func teredo(c *reader) (int, layer) {
	n := 0
	if h := c.Peek(4); h != nil && h[0] == 0 && h[1] == 1 {
		n = 4 + int(h[2]) + int(h[3]) + 9
	}
	if h := c.Peek(n + 2); h != nil && h[n] == 0 && h[n+1] == 0 {
		n += 8
	}
	h := c.Peek(n + 6)
	if h == nil || h[n]>>4 != 6 || n+40+(int(h[n+4])<<8|int(h[n+5])) > c.Len()+c.missing {
		return 0, unread
	}
	return n, ipv6
}

// bottomed reports whether c stands before a stack of labels with a bottom.
func bottomed(c *reader) bool {
	for n := 4; ; n += 4 {
		h := c.Peek(n)
		if h == nil {
			return false
		}
		if h[n-2]&1 != 0 {
			return true
		}
	}
}

// ayiya reads the header of Anything In Anything (draft-massar-v6ops-ayiya-02
// section 3): length of the identity as a power of two and its type, length of
// the signature in words of 32 bits and its hash, how it is authenticated and
// the operation, the protocol inside, and the time; then identity and signature.
func ayiya(c *reader) (int, layer) {
	const forward = 1
	h := c.Peek(8)
	if h == nil || h[0]&0x0f > 3 || h[1]&0x0f > 3 || h[2]&0x0f != forward {
		return 0, unread
	}
	n := 8 + 1<<(h[0]>>4) + 4*int(h[1]>>4)
	switch h[3] {
	case protoIPIP:
		return n, ipv4
	case protoIPv6:
		return n, ipv6
	}
	return 0, unread
}
