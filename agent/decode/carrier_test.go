package decode

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

func TestCarriers(t *testing.T) {
	ip := v4(layers.IPProtocolUDP)
	raw := build(t, ip, udp(ip), gopacket.Payload("x"))
	u6 := v6(layers.IPProtocolUDP)
	raw6 := build(t, u6, udp(u6), gopacket.Payload("y"))
	with := func(kind layers.EthernetType, head string, b []byte) []byte {
		return build(t, eth(kind), gopacket.Payload(append([]byte(head), b...)))
	}
	pre := func(h string, b []byte) []byte { return append([]byte(h), b...) }
	noMAC := func(w want) want { w.has &^= HasMAC; return w }
	session := "\x11\x00\x00\x05\x00" + string([]byte{byte(len(raw) + 2)}) + "\x00\x21"
	rows := []struct {
		name string
		link capture.LinkType
		b    []byte
		w    want
	}{
		{"pppoe", 1, with(0x8864, session, raw), udpWant("x")},
		{"pppoe without ethernet", 51, pre(session, raw), noMAC(udpWant("x"))},
		{"pppoe, line control", 1, with(0x8864, "\x11\x00\x00\x05\x00\x02\xc0\x21", nil), want{has: HasMAC, ether: 0x8864, payload: pad("\x11\x00\x00\x05\x00\x02\xc0\x21")}},
		{"mpls, two labels", 1, with(0x8847, "\x00\x01\x00\x40\x00\x02\x01\x40", raw), udpWant("x")},
		{"mpls ipv6", 1, with(0x8848, "\x00\x02\x01\x40", raw6), v6Want(17, "y")},
		{"mpls, pseudowire", 1, with(0x8847, "\x00\x02\x01\x40", []byte{0, 0, 0, 0}), want{has: HasMAC, ether: 0x8847, payload: string(make([]byte, 42))}},
		{"mpls without bottom", 1, with(0x8847, "", make([]byte, 48)), want{has: HasMAC, ether: 0x8847, fault: Malformed}},
		{"ppp", 9, pre("\xff\x03\x00\x21", raw), noMAC(udpWant("x"))},
		{"ppp, short header", 50, pre("\x57", raw6), noMAC(v6Want(17, "y"))},
		{"ppp, line control", 9, []byte("\xff\x03\xc0\x21\x01\x01"), want{fault: Unsupported}},
		{"ppp, cut", 9, []byte("\xff\x03\x00"), want{fault: Malformed}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(&capture.Frame{Link: r.link, Data: r.b, Length: len(r.b)})
			check(t, &p, r.w)
		})
	}
}
