package plant

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

var (
	allOnes = netip.MustParseAddr("255.255.255.255")
	mdns    = netip.MustParseAddr("224.0.0.251")
	llmnr   = netip.MustParseAddr("224.0.0.252")
	ssdp    = netip.MustParseAddr("239.255.255.250")
	igmpV3  = netip.MustParseAddr("224.0.0.22")
)

// noise is what every network hears all day.
func (p *plan) noise() {
	p.blocked()
	for i, sw := range p.switches {
		for at := time.Duration(i) * 300 * time.Millisecond; at < Length; at += 2 * second {
			p.spanningTree(at, sw)
		}
		for at := time.Duration(3+i) * second; at < Length; at += 30 * second {
			p.lldp(at, sw)
		}
	}
	windows := []*station{p.pc1, p.pc2, p.engineer, p.historian, p.jump}
	for _, l := range p.lines {
		windows = append(windows, l.scada, l.ews, l.hmi)
		p.ping(l)
	}
	for i, w := range windows {
		at := 2*second + time.Duration(i)*1700*time.Millisecond
		p.announce(at, w)
		p.netbios(at+40*time.Millisecond, w)
		p.group(at+60*time.Millisecond, w, mdns, 5353, 5353, 255, query(0, w.name+".local", 255))
		p.group(at+90*time.Millisecond, w, llmnr, 51000+uint16(i), 5355, 1, query(uint16(0x4100+i), "wpad", 1))
		p.join(at+120*time.Millisecond, w, ssdp)
		p.group(at+150*time.Millisecond, w, ssdp, 52000+uint16(i), 1900, 2, []byte("M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\nMX: 3\r\nST: upnp:rootdevice\r\n\r\n"))
	}
	p.lease(5*second, p.pc2)
	p.lease(125*second, p.silent)
}

// ping is the SCADA server's watch over its controllers.
func (p *plan) ping(l *production) {
	for i := range 9 {
		at := time.Duration(10+32*i) * second
		p.echo(at, l.scadaCell, l.plc, uint16(i))
		p.echo(at+50*time.Millisecond, l.scadaCell, l.rack, uint16(i))
	}
}

func (p *plan) echo(at time.Duration, a, b *station, seq uint16) {
	rng := p.random("echo " + a.name + b.name + at.String())
	p.meet(at, p.path(a, b))
	data := gopacket.Payload("abcdefghijklmnopqrstuvwabcdefghi")
	for _, way := range []struct {
		from, to *station
		kind     uint8
	}{{a, b, layers.ICMPv4TypeEchoRequest}, {b, a, layers.ICMPv4TypeEchoReply}} {
		ip := layers.IPv4{Version: 4, IHL: 5, Id: uint16(rng.Uint32()), Protocol: layers.IPProtocolICMPv4, SrcIP: way.from.addr.AsSlice(), DstIP: way.to.addr.AsSlice()}
		icmp := layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(way.kind, 0), Id: 1, Seq: seq}
		at = p.packet(at, p.path(way.from, way.to), ip, &icmp, data) + hopDelay
	}
}

// spanningTree is a configuration BPDU (IEEE 802.1D 9.3.1) in LLC, untagged.
func (p *plan) spanningTree(at time.Duration, sw *station) {
	bpdu := []byte{0x42, 0x42, 3, 0, 0, 0, 0, 0, 0x80, 0}
	bpdu = append(append(bpdu, sw.mac...), 0, 0, 0, 0, 0x80, 0)
	bpdu = append(append(bpdu, sw.mac...), 0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0)
	p.put(at, sw.link.port, &layers.Ethernet{SrcMAC: sw.mac, DstMAC: []byte{0x01, 0x80, 0xc2, 0, 0, 0}, EthernetType: layers.EthernetTypeLLC, Length: uint16(len(bpdu))}, gopacket.Payload(bpdu))
}

// lldp is a switch's announcement (IEEE 802.1AB 8.5), untagged: chassis, port,
// time to live, name, description, capabilities, management address.
func (p *plan) lldp(at time.Duration, sw *station) {
	text := map[bool]string{true: "Cisco IOS Software, IE 3x00 Switch Software, Version 17.9.3", false: "Hirschmann MAR1030 SW: HiOS-3S-09.1.00"}[sw.mac[0] == 0 && sw.mac[1] == 0x1b]
	var b []byte
	tlv := func(kind uint16, value ...byte) {
		b = append(binary.BigEndian.AppendUint16(b, kind<<9|uint16(len(value))), value...)
	}
	tlv(1, append([]byte{4}, sw.mac...)...)
	tlv(2, append([]byte{5}, "1/7"...)...)
	tlv(3, 0, 120)
	tlv(5, []byte(sw.name)...)
	tlv(6, []byte(text)...)
	tlv(7, 0, 0x14, 0, 0x04) // bridge and router, bridge enabled
	addr := sw.addr.As4()
	tlv(8, 5, 1, addr[0], addr[1], addr[2], addr[3], 2, 0, 0, 0, 1, 0)
	tlv(0)
	p.put(at, sw.link.port, &layers.Ethernet{SrcMAC: sw.mac, DstMAC: []byte{0x01, 0x80, 0xc2, 0, 0, 0x0e}, EthernetType: layers.EthernetTypeLinkLayerDiscovery}, gopacket.Payload(b))
}

// query is a DNS question (RFC 1035 4.1), as mDNS and LLMNR ask it.
func query(id uint16, name string, kind uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for part := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(part))), part...)
	}
	return append(b, 0, byte(kind>>8), byte(kind), 0, 1)
}

// netbios registers a name by broadcast (RFC 1002 4.2.2).
func (p *plan) netbios(at time.Duration, w *station) {
	all := w.addr.As4()
	all[3] = 255
	b := []byte{byte(at >> 20), w.mac[5], 0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1}
	b = append(b, netbiosName(w.name)...)
	b = append(b, 0, 0x20, 0, 1, 0xc0, 0x0c, 0, 0x20, 0, 1, 0, 4, 0x93, 0xe0, 0, 6, 0, 0)
	own := w.addr.As4()
	p.group(at, w, netip.AddrFrom4(all), 137, 137, w.ttl, append(b, own[:]...))
}

// netbiosName is the first-level encoding of a name (RFC 1001 14.1): sixteen
// bytes, each as two letters, service 0x00.
func netbiosName(name string) []byte {
	padded := []byte(strings.ToUpper(name + strings.Repeat(" ", 15))[:15] + "\x00")
	b := []byte{32}
	for _, c := range padded {
		b = append(b, 'A'+c>>4, 'A'+c&15)
	}
	return append(b, 0)
}

// join is an IGMPv3 report of one group (RFC 3376 4.2).
func (p *plan) join(at time.Duration, w *station, group netip.Addr) {
	g := group.As4()
	b := []byte{0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, g[0], g[1], g[2], g[3]}
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	ip := layers.IPv4{
		Version: 4, IHL: 6, TTL: 1, Protocol: layers.IPProtocolIGMP, SrcIP: w.addr.AsSlice(), DstIP: igmpV3.AsSlice(),
		Options: []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}, // router alert
	}
	p.frame(at, w.link, w.mac, groupMAC(igmpV3), layers.EthernetTypeIPv4, &ip, gopacket.Payload(b))
}

// lease is a DHCP exchange (RFC 2131 3.1) with the core switch's server.
func (p *plan) lease(at time.Duration, w *station) {
	gate := w.link.gate
	xid := p.random("lease " + w.name).Uint32()
	text := func(kind layers.DHCPOpt, s string) layers.DHCPOption { return layers.NewDHCPOption(kind, []byte(s)) }
	ask := []layers.DHCPOption{text(layers.DHCPOptHostname, strings.ToUpper(w.name)), text(layers.DHCPOptClassID, "MSFT 5.0"), layers.NewDHCPOption(layers.DHCPOptParamsRequest, []byte{1, 3, 6, 15})}
	give := []layers.DHCPOption{
		layers.NewDHCPOption(layers.DHCPOptServerID, gate.addr.AsSlice()), layers.NewDHCPOption(layers.DHCPOptLeaseTime, []byte{0, 1, 0x51, 0x80}),
		layers.NewDHCPOption(layers.DHCPOptSubnetMask, []byte{255, 255, 255, 0}), layers.NewDHCPOption(layers.DHCPOptRouter, gate.addr.AsSlice()),
	}
	want := append([]layers.DHCPOption{layers.NewDHCPOption(layers.DHCPOptRequestIP, w.addr.AsSlice())}, ask...)
	p.dhcp(at, w, layers.DHCPMsgTypeDiscover, xid, ask)
	p.dhcp(at+8*time.Millisecond, w, layers.DHCPMsgTypeOffer, xid, give)
	p.dhcp(at+20*time.Millisecond, w, layers.DHCPMsgTypeRequest, xid, want)
	p.dhcp(at+27*time.Millisecond, w, layers.DHCPMsgTypeAck, xid, give)
}

func (p *plan) dhcp(at time.Duration, w *station, kind layers.DHCPMsgType, xid uint32, options []layers.DHCPOption) {
	gate := w.link.gate
	d := layers.DHCPv4{Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: xid, ClientHWAddr: w.mac}
	from, src, dst, ports := w, netip.IPv4Unspecified(), allOnes, [2]uint16{68, 67}
	if kind == layers.DHCPMsgTypeOffer || kind == layers.DHCPMsgTypeAck {
		d.Operation, d.YourClientIP, d.NextServerIP = layers.DHCPOpReply, w.addr.AsSlice(), gate.addr.AsSlice()
		from, src, ports = gate, gate.addr, [2]uint16{67, 68}
	}
	d.Options = append([]layers.DHCPOption{layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(kind)})}, options...)
	d.Options = append(d.Options, layers.NewDHCPOption(layers.DHCPOptEnd, nil))
	buf := gopacket.NewSerializeBuffer()
	if err := d.SerializeTo(buf, gopacket.SerializeOptions{FixLengths: true}); err != nil && p.err == nil {
		p.err = err
		return
	}
	hops := []hop{{from.link, from, &station{mac: broadcast}, 64}}
	p.datagram(at, hops, src, dst, ports[0], ports[1], uint16(xid)+uint16(kind), append([]byte(nil), buf.Bytes()...))
}

// scanner is the company's vulnerability scanner at work on its own side: it
// asks the network for hosts, then the hosts for services. One host drops
// everything.
func (p *plan) scanner() {
	for i := range byte(30) {
		addr := netip.AddrFrom4([4]byte{10, 60, 61, 100 + i})
		p.arp(180*second+time.Duration(i)*30*time.Millisecond, p.scan.link, p.scan, p.scan.addr, nil, addr)
	}
	services := []uint16{21, 22, 23, 25, 53, 80, 110, 135, 139, 143, 389, 443, 445, 1433, 3306, 3389, 5432, 5900, 8080, 9100}
	open := map[*station]uint16{p.erp: 443, p.mes: 8080, p.printer: 9100, p.dcCorp: 389}
	at := 184 * second
	for _, target := range []*station{p.dcCorp, p.erp, p.mes, p.pc1, p.printer} {
		for _, port := range services {
			at += 25 * time.Millisecond
			if open[target] == port {
				p.tcp(p.scan, target, port, session{start: at, reset: true}, nil)
			} else {
				p.probe(at, p.scan, target, port, true)
			}
		}
	}
	for port := range uint16(80) {
		at += 25 * time.Millisecond
		p.probe(at, p.scan, p.silent, 1+port, false)
	}
}
