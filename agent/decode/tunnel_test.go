package decode

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/internal/ot"
)

// over puts b behind an Ethernet and IPv4 header of the tunnel's ends.
func over(t testing.TB, proto layers.IPProtocol, b []byte) []byte {
	return build(t, eth(layers.EthernetTypeIPv4), outer4(proto), gopacket.Payload(b))
}

func outer4(proto layers.IPProtocol) *layers.IPv4 {
	ip := v4(proto)
	ip.SrcIP, ip.DstIP = endA, endB
	return ip
}

func overPorts(t testing.TB, src, dst layers.UDPPort, b []byte) []byte {
	ip := outer4(protoUDP)
	u := &layers.UDP{SrcPort: src, DstPort: dst}
	if err := u.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	return build(t, eth(layers.EthernetTypeIPv4), ip, u, gopacket.Payload(b))
}

// TestNoTunnel: what stands on a tunnel's port or protocol and is none stays
// the payload of its packet.
func TestNoTunnel(t *testing.T) {
	pkt := tcp4(t, "hello")[14:]
	frame4 := tcp4(t, "hello")
	group := slices.Clone(frame4)
	group[6] |= 1
	vx := func(flags, last byte, b []byte) []byte { return append([]byte{flags, 0, 0, 0, 0, 0, 9, last}, b...) }
	rows := []struct {
		name    string
		b       []byte
		carrier Carrier
	}{
		{"vxlan without its flag", overPorts(t, 9, portVXLAN, vx(0, 0, frame4)), NoCarrier},
		{"vxlan, reserved bits", overPorts(t, 9, portVXLAN, vx(8, 1, frame4)), NoCarrier},
		{"vxlan, no frame", overPorts(t, 9, portVXLAN, vx(8, 0, []byte("no frame"))), NoCarrier},
		{"vxlan from a group", overPorts(t, 9, portVXLAN, vx(8, 0, group)), NoCarrier},
		{"vxlan from its port", overPorts(t, portVXLAN, 9, vx(8, 0, frame4)), NoCarrier},
		{"vxlan extension, unknown protocol", overPorts(t, 9, portVXLANGPE, []byte{0x0c, 0, 0, 4, 0, 0, 9, 0, 1, 2, 3, 4}), NoCarrier},
		{"geneve version 1", overPorts(t, 9, portGENEVE, append([]byte{0x40, 0, 8, 0, 0, 0, 9, 0}, pkt...)), NoCarrier},
		{"geneve, options beyond the datagram", overPorts(t, 9, portGENEVE, []byte{0x3f, 0, 8, 0, 0, 0, 9, 0, 0x45}), NoCarrier},
		{"gtp-u, echo request", overPorts(t, portGTPU, portGTPU, []byte{0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0}), NoCarrier},
		{"gtp-u, another length", overPorts(t, 9, portGTPU, append([]byte{0x30, 0xff, 0, 9, 0, 0, 0, 1}, pkt...)), NoCarrier},
		{"gtp-u, extension without end", overPorts(t, 9, portGTPU, []byte{0x34, 0xff, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0x85}), NoCarrier},
		{"l2tp, control", overPorts(t, 1701, portL2TP, []byte{0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0}), NoCarrier},
		{"l2tp, line control", overPorts(t, 1701, portL2TP, []byte{0, 2, 0, 1, 0, 2, 0xff, 3, 0xc0, 0x21, 1}), NoCarrier},
		{"teredo, short", overPorts(t, 9, portTeredo, []byte{0x60, 0, 0, 0, 0, 20, 59}), NoCarrier},
		{"ayiya, heartbeat", overPorts(t, 9, portAYIYA, []byte{0x42, 0x52, 0x10, 59, 1, 2, 3, 4}), NoCarrier},
		{"ayiya, signature beyond the datagram", overPorts(t, 9, portAYIYA, []byte{0x42, 0xf2, 0x11, 41, 1, 2, 3, 4, 0x60}), NoCarrier},
		{"mpls without bottom", overPorts(t, 9, portMPLS, make([]byte, 40)), NoCarrier},
		{"gre, keep-alive", over(t, protoGRE, []byte{0, 0, 0, 0}), GRE},
		{"gre with routes", over(t, protoGRE, append([]byte{0x40, 0, 8, 0}, pkt...)), GRE},
		{"gre version 3", over(t, protoGRE, append([]byte{0, 3, 8, 0}, pkt...)), GRE},
		{"gre, ip that is none", over(t, protoGRE, []byte{0, 0, 8, 0, 0x11, 0x22}), GRE},
		{"erspan, version 3", over(t, protoGRE, append([]byte{0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x30, 0, 0, 0, 0, 0, 0, 0}, frame4...)), GRE},
		{"pptp, line control", over(t, protoGRE, []byte{0x30, 1, 0x88, 0x0b, 0, 6, 0, 1, 0, 0, 0, 1, 0xff, 3, 0xc0, 0x21, 1, 1}), PPTP},
		{"ip in ip that is none", over(t, protoIPIP, []byte("nothing")), NoCarrier},
		{"ipv6 in protocol 4", over(t, protoIPIP, tcp6(t)), NoCarrier},
		{"etherip version 2", over(t, protoEtherIP, append([]byte{0x20, 0}, frame4...)), NoCarrier},
	}
	for _, r := range rows {
		p := decodeOne(frame(r.b))
		if p.Fault != NoFault || len(p.Outer()) != 0 || p.Carrier != r.carrier || p.Src.String() != "172.16.1.1" || len(p.Payload) == 0 && r.name != "gre, keep-alive" {
			t.Errorf("%s: %+v", r.name, p)
		}
	}
}

func tcp6(t testing.TB) []byte {
	ip := v6(layers.IPProtocolTCP)
	return build(t, ip, tcp(ip), gopacket.Payload("x"))
}

// TestTunnelVariants: what the matrix does not hold.
func TestTunnelVariants(t *testing.T) {
	pkt, frame4 := tcp4(t, "hello")[14:], tcp4(t, "hello")
	inside := tcpWant("hello")
	inside.has &^= HasMAC
	six := v6Want(6, "x")
	six.has &^= HasMAC
	auth := append([]byte{0, 1, 1, 2, 'c', 'a', 'a'}, make([]byte, 9)...)
	origin := []byte{0, 0, 1, 2, 3, 4, 5, 6}
	rows := []struct {
		name    string
		b       []byte
		carrier Carrier
		w       want
	}{
		{"teredo", overPorts(t, 9, portTeredo, tcp6(t)), Teredo, six},
		{"teredo, authentication and origin, from the server", overPorts(t, portTeredo, 9, slices.Concat(auth, origin, tcp6(t))), Teredo, six},
		{"ayiya, identity and signature", overPorts(t, 9, portAYIYA, slices.Concat([]byte{0x41, 0x52, 0x11, 41, 1, 2, 3, 4}, make([]byte, 16+20), tcp6(t))), AYIYA, six},
		{"ayiya, from the server", overPorts(t, portAYIYA, 9, slices.Concat([]byte{0x41, 0x52, 0x11, 41, 1, 2, 3, 4}, make([]byte, 16+20), tcp6(t))), AYIYA, six},
		{"l2tp, sequence and offset", overPorts(t, 9, portL2TP, append([]byte{0x0a, 2, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 9, 9, 9, 0x21}, pkt...)), L2TP, inside},
		{"gtp-u without options", overPorts(t, 9, portGTPU, append(binary.BigEndian.AppendUint16([]byte{0x30, 0xff}, uint16(len(pkt))), append([]byte{0, 0, 0, 1}, pkt...)...)), GTPU, inside},
		{"gtp-u, sequence number", overPorts(t, 9, portGTPU, append(binary.BigEndian.AppendUint16([]byte{0x32, 0xff}, uint16(len(pkt)+4)), append([]byte{0, 0, 0, 1, 0, 1, 0, 0}, pkt...)...)), GTPU, inside},
		{"vxlan extension, ethernet", overPorts(t, 9, portVXLANGPE, append([]byte{0x0c, 0, 0, 3, 0, 0, 9, 0}, frame4...)), VXLAN, tcpWant("hello")},
		{"vxlan with a group policy", overPorts(t, 9, portVXLAN, append([]byte{0x88, 0, 0, 7, 0, 0, 9, 0}, frame4...)), VXLAN, tcpWant("hello")},
		{"wccp", over(t, protoGRE, append([]byte{0, 0, 0x88, 0x3e, 0, 0, 0, 0}, pkt...)), GRE, inside},
		{"erspan III of a link without frames", over(t, protoGRE, append([]byte{0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0}, pkt...)), ERSPAN, inside},
		{"pbb", build(t, eth(etherPBB), gopacket.Payload(append([]byte{0, 0, 0, 9}, frame4...))), PBB, tcpWant("hello")},
		{"mpls, pseudowire", build(t, eth(etherMPLS), gopacket.Payload(append(slices.Clone(label3), frame4...))), MPLS, tcpWant("hello")},
		{"mpls, pseudowire with a control word", build(t, eth(etherMPLS), gopacket.Payload(slices.Concat(label3, []byte{0, 0, 0, 1}, frame4))), MPLS, tcpWant("hello")},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(frame(r.b))
			check(t, &p, r.w)
			if len(p.Outer()) != 1 || p.Outer()[0].Carrier != r.carrier {
				t.Errorf("came through %+v", p.Outer())
			}
		})
	}
}

// TestTags: tags that say nothing of the hosts are passed.
func TestTags(t *testing.T) {
	pkt := tcp4(t, "hello")[14:]
	rows := []struct {
		name string
		kind uint16
		tag  string
		w    want
	}{
		{"vn-tag", etherVNTag, "\x80\x00\x00\x01\x08\x00", tcpWant("hello")},
		{"vn-tag, then a vlan", etherVNTag, "\x80\x00\x00\x01\x81\x00\x00\x68\x08\x00", tcpWant("hello", 104)},
		{"e-tag", etherETag, "\x00\x00\x00\x00\x00\x01\x08\x00", tcpWant("hello")},
		{"security group", etherCMD, "\x01\x01\x00\x01\x00\x07\x08\x00", tcpWant("hello")},
		{"redundancy of IEEE 802.1CB", etherRTag, "\x00\x00\x00\x07\x08\x00", tcpWant("hello")},
		{"metadata of another version", etherCMD, "\x02\x01\x00\x01\x00\x07\x08\x00", want{has: HasMAC, ether: etherCMD, payload: "\x02\x01\x00\x01\x00\x07\x08\x00" + string(pkt)}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(frame(append(append(etherHeader(r.kind), r.tag...), pkt...)))
			check(t, &p, r.w)
			if p.Lane != 0 {
				t.Error("an IEEE 802.1CB sequence number is a stream's, not a sender's")
			}
		})
	}
}

// TestTunnelsInTunnels: four are told, what is deeper stays payload; none is
// endless.
func TestTunnelsInTunnels(t *testing.T) {
	for depth := 1; depth <= 30; depth++ {
		b := tcp4(t, "hello!")[14:]
		for range depth {
			b = build(t, outer4(protoIPIP), gopacket.Payload(b))
		}
		p := decodeOne(frame(build(t, eth(layers.EthernetTypeIPv4), gopacket.Payload(b))))
		switch {
		case len(p.Outer()) != min(depth, maxTunnels) || p.Fault != NoFault:
			t.Fatalf("%d deep: %d told, fault %d", depth, len(p.Outer()), p.Fault)
		case depth <= maxTunnels && (string(p.Payload) != "hello!" || p.DstPort != 502):
			t.Fatalf("%d deep: %+v", depth, p)
		case depth > maxTunnels && (p.Carrier != IPinIP || p.Protocol != protoIPIP || len(p.Payload) != 20*(depth-maxTunnels-1)+46):
			t.Fatalf("%d deep: %d bytes of payload, %+v", depth, len(p.Payload), p)
		}
	}
	pw := tcp4(t, "hello") // frames in pseudowires name no IP between
	for range 30 {
		pw = build(t, eth(etherMPLS), gopacket.Payload(append([]byte{0, 1, 1, 0x40}, pw...)))
	}
	if p := decodeOne(frame(pw)); len(p.Outer()) > maxTunnels {
		t.Fatalf("%d tunnels", len(p.Outer()))
	}
}

// TestTunnelsAreTheFramesOwn: nothing of a frame stays for the next one.
func TestTunnelsAreTheFramesOwn(t *testing.T) {
	d, p := New(Options{}), new(Packet)
	d.Decode(frame(over(t, protoIPIP, tcp4(t, "hello")[14:])), p)
	if len(p.Outer()) != 1 {
		t.Fatalf("%+v", p)
	}
	d.Decode(frame(tcp4(t, "next")), p)
	if p.Outer() != nil || p.Carrier != NoCarrier {
		t.Errorf("%+v", p)
	}
	d.Decode(frame(build(t, eth(layers.EthernetTypeARP), gopacket.Payload("arp"))), p)
	if p.Outer() != nil {
		t.Errorf("%+v", p)
	}
}

func TestCarrierNames(t *testing.T) {
	seen := map[string]bool{}
	for k := NoCarrier + 1; k < carriers; k++ {
		if s := k.String(); !ot.IsProtocol(s) || seen[s] {
			t.Errorf("carrier %d is named %q", k, s)
		} else {
			seen[s] = true
		}
	}
	if NoCarrier.String() != "" || carriers.String() != "" || !ERSPAN.Mirror() || GRE.Mirror() {
		t.Error("no carrier, or a mirror that is none")
	}
}
