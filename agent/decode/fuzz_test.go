package decode

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

// FuzzDecode reads whatever comes as a frame of any link type: no panic, no
// payload beyond what headers and frame allow, and the fast path says what the
// walk says.
func FuzzDecode(f *testing.F) {
	t4, u6 := v4(layers.IPProtocolTCP), v6(layers.IPProtocolUDP)
	for _, b := range [][]byte{
		tcp4(f, "hello"), udp4(f, "hello"),
		build(f, eth(layers.EthernetTypeDot1Q), dot1q(1, layers.EthernetTypeDot1Q), dot1q(2, layers.EthernetTypeIPv4), t4, tcp(t4)),
		build(f, eth(layers.EthernetTypeIPv6), u6, udp(u6), gopacket.Payload("x")),
		build(f, eth(layers.EthernetTypeARP), gopacket.Payload("arp")),
		append(append(append([]byte(nil), macB...), macA...), 0, 8, 0xaa, 0xaa, 3, 0, 0, 0, 8, 6),
		pieces4(f, 1, datagram4(f, "0123456789abcdef0123456789abcdef"), 24)[0].Data,
		pieces4(f, 1, datagram4(f, "0123456789abcdef0123456789abcdef"), 24)[1].Data,
		pieces6(f, "0123456789abcdef0123456789abcdef", 24)[0].Data,
		pieces6(f, "0123456789abcdef0123456789abcdef", 24)[1].Data,
	} {
		for l := range links {
			if links[l] != unread {
				f.Add(b, uint16(l), uint16(0))
			}
		}
		f.Add(b, uint16(1), uint16(50))
	}
	matrix(func(c *combination) { // each tunnel once on Ethernet, each link once
		if c.outer != etherIPv4 || c.inner != etherIPv4 || c.linkRow.name != "plain" && c.tunnel.name != "plain" {
			return
		}
		for _, x := range c.frames(f, "0123456789abcdef0123456789abcdef", 0, 0) {
			f.Add(x.Data, uint16(x.Link), uint16(0))
		}
		for _, x := range c.frames(f, "0123456789abcdef0123456789abcdef", 24, 24) {
			f.Add(x.Data, uint16(x.Link), uint16(0))
		}
	})
	f.Add(rct(tcp4(f, "hello, this is no short frame"), 14, 0xa, 7), uint16(1), uint16(0))
	f.Add(rct(append(etherHeader(etherGOOSE), "\x00\x03\x00\x0egoose pdu"...), 14, 0xb, 7), uint16(1), uint16(0))
	f.Add(append(etherHeader(etherHSR), "\x00\x37\x00\x07\x88\xb8\x00\x03"...), uint16(1), uint16(0))
	f.Add(mstpFrame(5, 12, 27, "\x01\x04npdu"), uint16(capture.LinkMSTP), uint16(0))
	d := New(Options{Datagrams: 4})
	now := int64(0)
	f.Fuzz(func(t *testing.T, b []byte, link, missing uint16) {
		now += 1e6
		frame := capture.Frame{Time: now, Link: capture.LinkType(link), Data: b, Length: len(b) + int(missing)}
		var p Packet
		d.Decode(&frame, &p)
		if p.Fault != NoFault && p.Payload != nil {
			t.Fatalf("fault %d with payload", p.Fault)
		}
		if p.PayloadLen < len(p.Payload) || (p.PayloadLen > len(p.Payload)) != p.CutShort {
			t.Fatalf("payload of %d announced as %d, cut %v", len(p.Payload), p.PayloadLen, p.CutShort)
		}
		if p.Frames == 1 && len(p.Payload) > len(b) || len(p.Payload) > max(maxDatagram, len(b)) || int(p.Tags) > len(p.VLANs) {
			t.Fatalf("%+v", p)
		}
		if p.Has&HasIP != 0 && (!p.Src.IsValid() || !p.Dst.IsValid() || p.Src.Is4In6()) {
			t.Fatalf("%v > %v", p.Src, p.Dst)
		}
		if len(p.Outer()) > maxTunnels || p.Carrier >= carriers || p.Lane != 0 && p.Lane != 'A' && p.Lane != 'B' {
			t.Fatalf("%+v", p)
		}
		for i := range p.Outer() {
			if o := &p.Outer()[i]; o.Has == 0 || o.Fault != NoFault || o.Payload != nil || o.Outer() != nil || o.Carrier == NoCarrier {
				t.Fatalf("outside %+v", *o)
			}
		}
		if p.Frames == 1 && p.Fault != Fragment {
			if w := walked(&frame); w.Fault != Fragment && (!equal(&w, &p) || string(w.Payload) != string(p.Payload)) {
				t.Fatalf("fast %+v\nwalk %+v", p, w)
			}
		}
	})
}
