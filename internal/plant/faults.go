package plant

import (
	"net"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// faults adds what no document of the example plant allows. Each must give
// exactly one finding: testdata/plant/expected.yaml lists them in this order.
func (p *plan) faults() {
	line4, line5 := p.lines[0], p.lines[1]

	// 1. A panel exchanges with the Internet.
	p.ask(83*second, line4.hmi, p.dc1, askExample)
	p.each("tls-panel-out", line4.hmi, p.internet("example", "203.0.113.34"), 443, 84*second)

	// 2. An office computer reaches an engineering workstation by RDP, past the jump host.
	p.each("rdp-office-ews", p.pc1, line5.ews, 3389, 112*second)

	// 3. A process engineer's computer writes to a controller.
	p.tcp(p.engineer, line4.packer, 102, session{start: 131 * second}, p.talk("s7-write", 0, 0).over(6*second))

	// 4. The historian pushes straight to the ERP system, past MES.
	push := p.talk("http-historian-erp", 0, 0)
	for i := range 3 {
		p.tcp(p.historian, p.erp, 8080, session{start: 52*second + time.Duration(i)*80*second}, push)
	}

	// 5. The batch server of line 5 stands in the office as well: one teamed
	// card, two VLANs.
	p.secondHome(line5.batch)

	// 6. The historian is agreed to read OPC UA from line 5; it opens web pages there.
	p.each("http-historian-scada", p.historian, line5.scada, 80, 171*second)

	// 7. A field gateway in a network that no boundary holds.
	p.unplaced(line4)

	// 8. A vendor's remote tool calls out from an engineering workstation.
	p.ask(218*second, line5.ews, p.dc1, askRemoteTool)
	p.each("tls-remote-tool", line5.ews, p.internet("remote-tool", "203.0.113.40"), 443, 219*second)
}

func (p *plan) secondHome(batch *station) {
	other := *batch
	other.name, other.addr, other.link = "batch-office", netip.MustParseAddr("10.60.61.77"), p.offices
	p.announce(66*second, &other)
	p.ask(67*second, &other, p.dcCorp, askController)
	p.each("http-mes-erp", &other, p.erp, 8080, 70*second)
}

func (p *plan) unplaced(l *production) {
	field := p.link(l.ops.port, 109, plantFirewall, "10.20.9.1", "00:09:0f:09:10:09")
	gateway := p.host(field, "field-gateway", "10.20.9.14", "00:30:de:44:09:14", 64)
	for i := range 3 {
		p.each("http-unplaced", gateway, l.scada, 80, 58*second+time.Duration(i)*70*second)
	}
}

// blocked is the everyday noise at the plant's firewall: devices call their
// vendors' clouds and are not let out. They are tries, not exposure.
func (p *plan) blocked() {
	line4, line5 := p.lines[0], p.lines[1]
	cloud := p.internet("telemetry", "198.51.100.60")
	p.ask(30*second, line4.hmi, p.dc1, askTelemetry)
	for i := range 3 {
		p.knock(31*second+time.Duration(i)*80*second, line4.hmi, cloud, 8883, false)
	}
	for i := range 2 {
		at := 49*second + time.Duration(i)*120*second
		p.knock(at, line5.hmi, cloud, 443, true)
		p.prohibited(at+200*time.Millisecond, line5, line5.hmi, cloud)
	}
}

// prohibited is what the firewall says of a datagram that it drops: ICMP
// destination unreachable, administratively prohibited (RFC 1812 5.2.7.1),
// with the header of what it answers.
func (p *plan) prohibited(at time.Duration, l *production, from, to *station) {
	rng := p.random("prohibited " + from.name + " " + at.String())
	ip := layers.IPv4{Version: 4, IHL: 5, Id: uint16(rng.Uint32()), TTL: from.ttl, Protocol: layers.IPProtocolUDP, SrcIP: from.addr.AsSlice(), DstIP: to.addr.AsSlice()}
	udp := layers.UDP{SrcPort: 50123, DstPort: 123}
	udp.SetNetworkLayerForChecksum(&ip)                                //nolint:errcheck // IPv4 always fits
	ask := gopacket.Payload(append([]byte{0x23}, make([]byte, 47)...)) // NTP version 4, client
	p.frame(at, l.ops, from.mac, l.ops.gate.mac, layers.EthernetTypeIPv4, &ip, &udp, ask)

	buf := gopacket.NewSerializeBuffer()
	ip.TTL--
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, &ip, &udp, ask); err != nil {
		p.err = err
		return
	}
	back := layers.IPv4{Version: 4, IHL: 5, Id: uint16(rng.Uint32()), TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: net.IP(l.ops.gate.addr.AsSlice()), DstIP: ip.SrcIP}
	icmp := layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeCommAdminProhibited)}
	p.frame(at+hopDelay, l.ops, l.ops.gate.mac, from.mac, layers.EthernetTypeIPv4, &back, &icmp, gopacket.Payload(buf.Bytes()[:28]))
}
