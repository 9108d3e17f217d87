package decode

import (
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

// Frames for tests are built with gopacket's serializers, so that our reader
// is held against someone else's writer.

var (
	macA = net.HardwareAddr{0x00, 0x0e, 0x8c, 1, 2, 3}
	macB = net.HardwareAddr{0x00, 0x1b, 0x1b, 4, 5, 6}
	ip4A = net.IP{10, 20, 4, 50}
	ip4B = net.IP{10, 20, 4, 10}
	ip6A = net.ParseIP("fd00:20::50")
	ip6B = net.ParseIP("fd00:20::10")
)

func build(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		t.Fatal(err)
	}
	return append([]byte(nil), b.Bytes()...)
}

func eth(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: kind}
}

func dot1q(id uint16, kind layers.EthernetType) *layers.Dot1Q {
	return &layers.Dot1Q{VLANIdentifier: id, Priority: 6, Type: kind}
}

func v4(p layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: ip4A, DstIP: ip4B}
}

func v6(p layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 63, NextHeader: p, SrcIP: ip6A, DstIP: ip6B}
}

func tcp(n gopacket.NetworkLayer) *layers.TCP {
	x := &layers.TCP{SrcPort: 49152, DstPort: 502, Seq: 7, Ack: 9, ACK: true, PSH: true, Window: 1024}
	_ = x.SetNetworkLayerForChecksum(n)
	return x
}

func udp(n gopacket.NetworkLayer) *layers.UDP {
	x := &layers.UDP{SrcPort: 2222, DstPort: 44818}
	_ = x.SetNetworkLayerForChecksum(n)
	return x
}

func tcp4(t testing.TB, payload string) []byte {
	ip := v4(layers.IPProtocolTCP)
	return build(t, eth(layers.EthernetTypeIPv4), ip, tcp(ip), gopacket.Payload(payload))
}

func udp4(t testing.TB, payload string) []byte {
	ip := v4(layers.IPProtocolUDP)
	return build(t, eth(layers.EthernetTypeIPv4), ip, udp(ip), gopacket.Payload(payload))
}

func frame(b []byte) *capture.Frame {
	return &capture.Frame{Link: capture.LinkEthernet, Length: len(b), Data: b, Time: 1e18}
}

func decodeOne(f *capture.Frame) Packet {
	var p Packet
	New(Options{}).Decode(f, &p)
	return p
}
