package decode

// maxTunnels bounds the tunnels inside one another; what is deeper stays
// payload of the last one.
const maxTunnels = 4

// Carrier says what a packet carries where its headers prove it: another
// packet, or what a bus is run with. It is how the tunnel itself is told.
type Carrier uint8

// What a packet can carry.
const (
	NoCarrier Carrier = iota
	IPinIP            // RFC 2003, 2473, 4213
	GRE               // RFC 2784, 2890
	PPTP              // RFC 2637
	ERSPAN            // a mirror: the packet inside is what the mirrored port saw
	EtherIP           // RFC 3378
	VXLAN             // RFC 7348, and its generic protocol extension
	GENEVE            // RFC 8926
	GTPU              // 3GPP TS 29.281
	L2TP              // RFC 2661
	Teredo            // RFC 4380
	AYIYA             // draft-massar-v6ops-ayiya-02
	MPLS              // RFC 4448 over a link, RFC 4023 and 7510 over IP
	PBB               // IEEE 802.1ah
	WLAN              // IEEE 802.11 frames that run the network or are ciphered
	MSTP              // BACnet MS/TP frames
	carriers
)

var carrierNames = [carriers]string{
	"", "ipip", "gre", "pptp", "erspan", "etherip", "vxlan", "geneve", "gtp-u", "l2tp", "teredo", "ayiya", "mpls", "pbb", "wlan", "bacnet-mstp",
}

// String is the name of the protocol, "" for NoCarrier.
func (k Carrier) String() string {
	if k >= carriers {
		return ""
	}
	return carrierNames[k]
}

// Mirror reports whether the carrier brings copies of frames to a sensor: no
// traffic between its ends, and what is inside was seen on the mirrored port.
func (k Carrier) Mirror() bool { return k == ERSPAN }

// enter goes into a tunnel, behind whose header c stands: p becomes the packet
// inside. It reports false when there are too many, and l reads no further.
func (d *Decoder) enter(c *reader, p *Packet, by Carrier) bool {
	p.Carrier = by
	n := p.Tunnels
	if p.Has != 0 {
		if n == maxTunnels {
			return false
		}
		d.outer[n] = *p
		d.outer[n].Tunnels, d.outer[n].outer, d.outer[n].PayloadLen = 0, nil, c.Len()+c.missing
		n++
	}
	*p = Packet{Time: p.Time, Interface: p.Interface, Frames: p.Frames, Length: c.Len() + c.missing, Tunnels: n, Depth: n, outer: &d.outer}
	return true
}

// inside enters a tunnel and goes on with l, or leaves what it carries as
// payload.
func (d *Decoder) inside(c *reader, p *Packet, by Carrier, l layer) layer {
	if !d.enter(c, p, by) {
		return c.payload(p)
	}
	return l
}

// version is the IP version of the packet that c stands before, 0 when there
// is none.
func (c *reader) version() layer {
	if b := c.Peek(1); b != nil {
		switch b[0] >> 4 {
		case 4:
			return ipv4
		case 6:
			return ipv6
		}
	}
	return unread
}

// frame reports whether c stands before an Ethernet frame, as far as one can
// tell: the source is no group and the type or length possible (IEEE 802.3
// clause 3.2). A frame that the capture cut before its end may be one.
func (c *reader) frame() bool {
	h := c.Peek(14)
	if h == nil {
		return c.missing > 0
	}
	kind := int(h[12])<<8 | int(h[13])
	return h[6]&1 == 0 && (kind >= minEtherType || kind <= maxLength && kind <= c.Len()+c.missing-14)
}

// knownFrame is stricter, for carriers that do not say that they carry
// Ethernet: the type is one that leads on, or usual in plants.
func (c *reader) knownFrame() bool {
	h := c.Peek(14)
	if h == nil || !c.frame() {
		return false
	}
	switch uint16(h[12])<<8 | uint16(h[13]) {
	case etherIPv4, etherIPv6, etherARP, etherCTag, etherSTag, etherLLDP, etherPROFINET, etherGOOSE, etherSV:
		return true
	}
	return false
}

// readIPTunnel reads what IP protocols for tunnels carry; false when p.Protocol
// is none, or the content another.
func (d *Decoder) readIPTunnel(c *reader, p *Packet) (layer, bool) {
	switch p.Protocol {
	case protoIPIP, protoIPv6:
		want := ipv4
		if p.Protocol == protoIPv6 {
			want = ipv6
		}
		if c.version() == want {
			return d.inside(c, p, IPinIP, want), true
		}
	case protoGRE:
		return d.readGRE(c, p), true
	case protoEtherIP: // RFC 3378 section 3: version 3, 12 bits of zero
		if h := c.Peek(2); h != nil && h[0] == 0x30 && h[1] == 0 {
			c.Skip(2)
			return d.inside(c, p, EtherIP, ethernet), true
		}
	case protoMPLS:
		return d.inside(c, p, MPLS, mpls), true
	}
	return done, false
}
