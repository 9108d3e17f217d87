package decode

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

// want is what a row of the table expects; zero fields are expected zero.
type want struct {
	has          Layers
	fault        Fault
	ether        uint16
	sap          uint8
	vlans        []uint16
	src, dst     string
	proto        uint8
	sport, dport uint16
	payload      string
	cut          bool
}

func check(t *testing.T, p *Packet, w want) {
	t.Helper()
	if p.Has != w.has || p.Fault != w.fault || p.EtherType != w.ether || p.SAP != w.sap || p.CutShort != w.cut {
		t.Errorf("has %b fault %d ether %#04x sap %#02x cut %v, want %b %d %#04x %#02x %v",
			p.Has, p.Fault, p.EtherType, p.SAP, p.CutShort, w.has, w.fault, w.ether, w.sap, w.cut)
	}
	if int(p.Tags) != len(w.vlans) {
		t.Errorf("%d tags %v, want %v", p.Tags, p.VLANs, w.vlans)
	}
	for i, v := range w.vlans {
		if p.VLANs[i] != v {
			t.Errorf("tag %d is %d, want %d", i, p.VLANs[i], v)
		}
	}
	if w.has&HasIP != 0 && (p.Src != netip.MustParseAddr(w.src) || p.Dst != netip.MustParseAddr(w.dst)) {
		t.Errorf("%v > %v, want %s > %s", p.Src, p.Dst, w.src, w.dst)
	}
	if p.Protocol != w.proto || p.SrcPort != w.sport || p.DstPort != w.dport {
		t.Errorf("protocol %d ports %d > %d, want %d %d > %d", p.Protocol, p.SrcPort, p.DstPort, w.proto, w.sport, w.dport)
	}
	if p.PayloadLen < len(p.Payload) || (p.PayloadLen > len(p.Payload)) != p.CutShort {
		t.Errorf("payload of %d announced as %d, cut %v", len(p.Payload), p.PayloadLen, p.CutShort)
	}
	if string(p.Payload) != w.payload {
		t.Errorf("payload %q, want %q", p.Payload, w.payload)
	}
}

func tcpWant(payload string, vlans ...uint16) want {
	return want{
		has: HasMAC | HasIP | HasPort, ether: 0x0800, src: "10.20.4.50", dst: "10.20.4.10",
		proto: 6, sport: 49152, dport: 502, payload: payload, vlans: vlans,
	}
}

func udpWant(payload string) want {
	w := tcpWant(payload)
	w.proto, w.sport, w.dport = 17, 2222, 44818
	return w
}

func v6Want(proto uint8, payload string) want {
	w := tcpWant(payload)
	w.ether, w.src, w.dst, w.proto = 0x86dd, "fd00:20::50", "fd00:20::10", proto
	if proto == 17 {
		w.sport, w.dport = 2222, 44818
	}
	return w
}

// pad is what the writer adds to reach the least Ethernet payload of 46 bytes;
// without a length in the header nobody can cut it off.
func pad(s string) string { return s + strings.Repeat("\x00", 46-len(s)) }

func TestDecodeFrames(t *testing.T) {
	ip, u6, t6 := v4(layers.IPProtocolTCP), v6(layers.IPProtocolUDP), v6(layers.IPProtocolTCP)
	options := v4(layers.IPProtocolTCP)
	options.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
	tcpOpts := tcp(ip)
	tcpOpts.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}
	icmp := v4(layers.IPProtocolICMPv4)

	qinq := func(outer layers.EthernetType, ids ...uint16) []byte {
		ls := []gopacket.SerializableLayer{eth(outer)}
		for i, id := range ids {
			kind := layers.EthernetTypeDot1Q
			if i == len(ids)-1 {
				kind = layers.EthernetTypeIPv4
			}
			ls = append(ls, dot1q(id, kind))
		}
		return build(t, append(ls, ip, tcp(ip), gopacket.Payload("x"))...)
	}
	rows := []struct {
		name string
		b    []byte
		w    want
	}{
		{"tcp", tcp4(t, "hello"), tcpWant("hello")},
		{"tcp without data, padded to 60 bytes", append(tcp4(t, ""), make([]byte, 6)...), tcpWant("")},
		{"udp with a trailer", append(udp4(t, "abcd"), "fcs!"...), udpWant("abcd")},
		{"one tag", qinq(layers.EthernetTypeDot1Q, 104), tcpWant("x", 104)},
		{"priority tag", qinq(layers.EthernetTypeDot1Q, 0), tcpWant("x", 0)},
		{"802.1ad", qinq(0x88a8, 100, 7), tcpWant("x", 100, 7)},
		{"old QinQ", qinq(0x9100, 100, 7), tcpWant("x", 100, 7)},
		{"three tags keep the outermost and the innermost", qinq(0x88a8, 100, 50, 7), tcpWant("x", 100, 7)},
		{"ipv4 options", build(t, eth(layers.EthernetTypeIPv4), options, tcp(options), gopacket.Payload("o")), tcpWant("o")},
		{"tcp options", build(t, eth(layers.EthernetTypeIPv4), ip, tcpOpts, gopacket.Payload("o")), tcpWant("o")},
		{"ipv6 tcp", build(t, eth(layers.EthernetTypeIPv6), t6, tcp(t6), gopacket.Payload("six")), v6Want(6, "six")},
		{"ipv6 udp", build(t, eth(layers.EthernetTypeIPv6), u6, udp(u6), gopacket.Payload("six")), v6Want(17, "six")},
		{"arp", build(t, eth(layers.EthernetTypeARP), gopacket.Payload("arp")), want{has: HasMAC, ether: 0x0806, payload: pad("arp")}},
		{"icmp", build(t, eth(layers.EthernetTypeIPv4), icmp, gopacket.Payload("ping")), want{
			has: HasMAC | HasIP, ether: 0x0800, src: "10.20.4.50", dst: "10.20.4.10", proto: 1, payload: "ping",
		}},
		{"unknown ethertype", build(t, eth(0x8892), gopacket.Payload("pn")), want{has: HasMAC, ether: 0x8892, payload: pad("pn")}},
		{"empty", nil, want{fault: Malformed}},
		{"runt", []byte{1, 2, 3, 4, 5, 6, 7}, want{fault: Malformed}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(frame(r.b))
			check(t, &p, r.w)
			if r.w.has&HasMAC != 0 && (p.SrcMAC != MAC(macA) || p.DstMAC != MAC(macB)) {
				t.Errorf("%v > %v", p.SrcMAC, p.DstMAC)
			}
			if r.w.proto == 6 && (p.Seq != 7 || p.Ack != 9 || p.Flags != ACK|PSH) {
				t.Errorf("seq %d ack %d flags %#x", p.Seq, p.Ack, p.Flags)
			}
		})
	}
}

func TestFastPathAgreesWithWalk(t *testing.T) {
	for name, f := range benchFrames(t) {
		fast := decodeOne(f)
		slow := walked(f)
		if string(slow.Payload) != string(fast.Payload) || !equal(&slow, &fast) {
			t.Errorf("%s\nfast %+v\nwalk %+v", name, fast, slow)
		}
	}
}

// walked decodes f without the fast path.
func walked(f *capture.Frame) Packet {
	p := Packet{Time: f.Time, Interface: f.Interface, Length: f.Length, Frames: 1}
	if f.TPID != 0 {
		p.tag(f.TCI)
	}
	New(Options{}).walk(f, &p)
	return p
}

// equal compares two packets without their payload.
func equal(a, b *Packet) bool {
	x, y := *a, *b
	x.Payload, y.Payload = nil, nil
	return x.Time == y.Time && x.Length == y.Length && x.Frames == y.Frames && x.Has == y.Has && x.Fault == y.Fault &&
		x.CutShort == y.CutShort && x.SrcMAC == y.SrcMAC && x.DstMAC == y.DstMAC && x.EtherType == y.EtherType &&
		x.SAP == y.SAP && x.VLANs == y.VLANs && x.Tags == y.Tags && x.Src == y.Src && x.Dst == y.Dst &&
		x.Protocol == y.Protocol && x.TTL == y.TTL && x.SrcPort == y.SrcPort && x.DstPort == y.DstPort &&
		x.Seq == y.Seq && x.Ack == y.Ack && x.Flags == y.Flags &&
		x.IPID == y.IPID && x.Checksum == y.Checksum && x.PayloadLen == y.PayloadLen &&
		x.Carrier == y.Carrier && x.Lane == y.Lane && x.Sequence == y.Sequence &&
		slices.EqualFunc(x.Outer(), y.Outer(), func(a, b Packet) bool { return equal(&a, &b) })
}

func TestTagOfTheCardIsTheOuterOne(t *testing.T) {
	ip := v4(layers.IPProtocolTCP)
	f := frame(build(t, eth(layers.EthernetTypeDot1Q), dot1q(7, layers.EthernetTypeIPv4), ip, tcp(ip)))
	f.TPID, f.TCI = 0x88a8, 100
	p := decodeOne(f)
	check(t, &p, tcpWant("", 100, 7))
}

func TestLLC(t *testing.T) {
	head := append(append([]byte(nil), macB...), macA...)
	with := func(b ...byte) []byte { return append(append([]byte(nil), head...), b...) }
	rows := []struct {
		name string
		b    []byte
		w    want
	}{
		{"bacnet, padding cut by the length", with(0, 5, 0x82, 0x82, 3, 1, 4, 0, 0, 0), want{has: HasMAC, sap: 0x82, payload: "\x82\x82\x03\x01\x04"}},
		{"stp", with(0, 3, 0x42, 0x42, 3), want{has: HasMAC, sap: 0x42, payload: "\x42\x42\x03"}},
		{"snap with ethertype", with(0, 10, 0xaa, 0xaa, 3, 0, 0, 0, 8, 6, 'a', 'b', 0), want{has: HasMAC, ether: 0x0806, payload: "ab"}},
		{"cdp keeps its header", with(0, 9, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2), want{has: HasMAC, sap: 0xaa, payload: "\xaa\xaa\x03\x00\x00\x0c\x20\x00\x02"}},
		{"length beyond the frame", with(0, 50, 0x42, 0x42, 3), want{has: HasMAC, sap: 0x42, payload: "\x42\x42\x03", cut: true}},
		{"length that is neither", with(0x05, 0xf0, 0x42), want{has: HasMAC, fault: Malformed}},
		{"no bytes behind the length", with(0, 0), want{has: HasMAC, fault: Malformed}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(frame(r.b))
			check(t, &p, r.w)
		})
	}
}

func TestLinkTypes(t *testing.T) {
	raw4, ip6 := tcp4(t, "x")[14:], v6(layers.IPProtocolUDP)
	raw6 := build(t, ip6, udp(ip6), gopacket.Payload("y"))
	pre := func(h string, b []byte) []byte { return append([]byte(h), b...) }
	mac := string(macA)
	noMAC := func(w want) want { w.has &^= HasMAC; return w }
	sll := func(w want) want { w.has |= HasMAC | NoDst; return w }
	rows := []struct {
		name string
		link capture.LinkType
		b    []byte
		w    want
	}{
		{"raw 12", 12, raw4, noMAC(tcpWant("x"))},
		{"raw 14", 14, raw6, noMAC(v6Want(17, "y"))},
		{"raw 101", 101, raw6, noMAC(v6Want(17, "y"))},
		{"ipv4", 228, raw4, noMAC(tcpWant("x"))},
		{"ipv6", 229, raw6, noMAC(v6Want(17, "y"))},
		{"ipv6 that is ipv4", 229, raw4, want{fault: Malformed}},
		{"raw that is neither", 101, []byte{0x55, 0}, want{fault: Malformed}},
		{"null little endian", 0, pre("\x02\x00\x00\x00", raw4), noMAC(tcpWant("x"))},
		{"null big endian, Darwin", 0, pre("\x00\x00\x00\x1e", raw6), noMAC(v6Want(17, "y"))},
		{"null little endian, FreeBSD", 0, pre("\x1c\x00\x00\x00", raw6), noMAC(v6Want(17, "y"))},
		{"loop", 108, pre("\x00\x00\x00\x02", raw4), noMAC(tcpWant("x"))},
		{"loop, other family", 108, pre("\x00\x00\x00\x07", raw4), want{fault: Unsupported}},
		{"cooked", 113, pre("\x00\x00\x00\x01\x00\x06"+mac+"\x00\x00\x08\x00", raw4), sll(tcpWant("x"))},
		{"cooked, no address", 113, pre("\x00\x00\xff\xfe\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00", raw4), noMAC(tcpWant("x"))},
		{"cooked with tag", 113, pre("\x00\x00\x00\x01\x00\x06"+mac+"\x00\x00\x81\x00\x00\x0c\x08\x00", raw4), sll(tcpWant("x", 12))},
		{"cooked llc", 113, []byte("\x00\x00\x00\x01\x00\x06" + mac + "\x00\x00\x00\x04\x42\x42\x03"), want{has: HasMAC | NoDst, sap: 0x42, payload: "\x42\x42\x03"}},
		{"cooked 2", 276, pre("\x08\x00\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06"+mac+"\x00\x00", raw4), sll(tcpWant("x"))},
		{"cooked, to everybody", 113, pre("\x00\x01\x00\x01\x00\x06"+mac+"\x00\x00\x08\x00", raw4), tcpWant("x")},
		{"cooked 2, to everybody", 276, pre("\x08\x00\x00\x00\x00\x00\x00\x02\x00\x01\x01\x06"+mac+"\x00\x00", raw4), tcpWant("x")},
		{"cooked 2, short", 276, []byte("\x08\x00\x00\x00"), want{fault: Malformed}},
		{"not read", 227, raw4, want{fault: Unsupported}},
		{"far beyond the table", 60000, raw4, want{fault: Unsupported}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(&capture.Frame{Link: r.link, Data: r.b, Length: len(r.b)})
			check(t, &p, r.w)
			if p.Has&NoDst != 0 && (p.SrcMAC != MAC(macA) || !p.DstMAC.IsZero()) {
				t.Errorf("%v > %v", p.SrcMAC, p.DstMAC)
			}
		})
	}
}

func TestRefusedLinkTypeIsNamed(t *testing.T) {
	for l, says := range map[capture.LinkType]string{
		6:   "link type 6 (IEEE802_5) is not read: capture on Ethernet",
		227: "link type 227 (CAN_SOCKETCAN) is not read: a CAN frame names its content, not its sender",
		250: "link type 250 (RTAC_SERIAL) is not read: a serial line",
		189: "link type 189 (USB_LINUX) is not read: USB joins",
	} {
		err := Check(l)
		var e *LinkError
		if !errors.As(err, &e) || e.Link != l || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("got %v", err)
		}
	}
	for l := range capture.LinkType(300) {
		if (Check(l) == nil) != Supported(l) {
			t.Fatalf("Check and Supported differ on %d", l)
		}
	}
	if Check(capture.LinkEthernet) != nil || Supported(40000) {
		t.Fatal("the table is wrong")
	}
}
