package decode

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// However short the capture cut a frame, what is told of it is true: nothing
// beyond what the whole frame says, and the loss is told.
func TestCutAnywhere(t *testing.T) {
	ip := v4(layers.IPProtocolTCP)
	opts := tcp(ip)
	opts.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}
	frames := map[string][]byte{
		"tcp":     tcp4(t, "hello, world, this is more than the least frame"),
		"options": build(t, eth(layers.EthernetTypeDot1Q), dot1q(9, layers.EthernetTypeIPv4), ip, opts, gopacket.Payload("hello")),
		"udp":     udp4(t, "hello, world, this is more than the least frame"),
		"arp":     build(t, eth(layers.EthernetTypeARP), gopacket.Payload("arp")),
	}
	u6 := v6(layers.IPProtocolUDP)
	frames["udp6"] = build(t, eth(layers.EthernetTypeIPv6), u6, udp(u6), gopacket.Payload("six"))
	for name, b := range frames {
		whole := decodeOne(frame(b))
		for n := range lastByte(b, &whole) {
			f := frame(b)
			f.Data = b[:n]
			p := decodeOne(f)
			switch {
			case p.Fault == NoFault && !p.CutShort, p.Fault != NoFault && p.Fault != Cut:
				t.Errorf("%s cut to %d: fault %d, cut short %v", name, n, p.Fault, p.CutShort)
			case p.Has&^whole.Has != 0, p.Has&HasPort != 0 && (p.SrcPort != whole.SrcPort || p.Flags != whole.Flags):
				t.Errorf("%s cut to %d: %+v", name, n, p)
			case p.Fault == NoFault && p.PayloadLen != whole.PayloadLen:
				t.Errorf("%s cut to %d: payload announced as %d, want %d", name, n, p.PayloadLen, whole.PayloadLen)
			}
		}
	}
}

// lastByte is where the packet ends in its frame b: padding that the capture
// cut is no loss. Without IP nobody can tell padding.
func lastByte(b []byte, p *Packet) int {
	if p.Has&HasIP == 0 {
		return len(b)
	}
	head := 14 + 4*int(p.Tags)
	if p.EtherType == etherIPv6 {
		return head + 40 + int(b[head+4])<<8 + int(b[head+5])
	}
	return head + int(b[head+2])<<8 + int(b[head+3])
}

func TestHeadersThatLie(t *testing.T) {
	rows := []struct {
		name  string
		alter func(b []byte)
		fault Fault
		cut   bool
	}{
		{"ip header length below 20", func(b []byte) { b[14] = 0x44 }, Malformed, false},
		{"ip version", func(b []byte) { b[14] = 0x65 }, Malformed, false},
		{"total length below the header", func(b []byte) { b[16], b[17] = 0, 19 }, Malformed, false},
		{"total length ends in the tcp header", func(b []byte) { b[16], b[17] = 0, 39 }, Malformed, false},
		{"total length beyond the frame", func(b []byte) { b[16], b[17] = 0x10, 0 }, NoFault, true},
		{"total length of segmentation offload", func(b []byte) { b[16], b[17] = 0, 0 }, NoFault, false},
		{"tcp header length below 20", func(b []byte) { b[14+20+12] = 0x40 }, Malformed, false},
		{"tcp header length beyond the packet", func(b []byte) { b[14+20+12] = 0xf0 }, Malformed, false},
	}
	for _, r := range rows {
		b := tcp4(t, "0123456789")
		r.alter(b)
		p := decodeOne(frame(b))
		if p.Fault != r.fault || p.CutShort != r.cut {
			t.Errorf("%s: fault %d, cut %v", r.name, p.Fault, p.CutShort)
		}
		if p.Fault != NoFault && (p.Has&HasPort != 0 || p.Payload != nil) {
			t.Errorf("%s: ports and payload in spite of the fault", r.name)
		}
	}
	b := udp4(t, "0123456789")
	b[14+20+5] = 7
	if p := decodeOne(frame(b)); p.Fault != Malformed || p.Has&HasPort != 0 {
		t.Errorf("udp length 7: %+v", p)
	}
	b[14+20+5] = 12
	if p := decodeOne(frame(b)); p.Fault != NoFault || string(p.Payload) != "0123" {
		t.Errorf("udp length 12: %+v", p)
	}
}

func TestExtensionHeaders(t *testing.T) {
	seg := func(next layers.IPProtocol, head ...byte) []byte {
		u := v6(layers.IPProtocolUDP)
		return build(t, eth(layers.EthernetTypeIPv6), v6(next), gopacket.Payload(append(head, build(t, udp(u), gopacket.Payload("x"))...)))
	}
	rows := []struct {
		name string
		b    []byte
		w    want
	}{
		{"hop by hop, destination", seg(0, 60, 0, 1, 4, 0, 0, 0, 0, 17, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), v6Want(17, "x")},
		{"routing", seg(43, 17, 0, 4, 0, 0, 0, 0, 0), v6Want(17, "x")},
		{"authentication", seg(51, append([]byte{17, 4}, make([]byte, 22)...)...), v6Want(17, "x")},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(frame(r.b))
			check(t, &p, r.w)
		})
	}
	endless := make([]byte, 40*8) // hop by hop without end
	p := decodeOne(frame(build(t, eth(layers.EthernetTypeIPv6), v6(0), gopacket.Payload(endless))))
	if p.Fault != Malformed || p.Has != HasMAC|HasIP {
		t.Errorf("endless headers: %+v", p)
	}
	ip := v4(protoAH)
	inner := build(t, udp(v4(layers.IPProtocolUDP)), gopacket.Payload("x"))
	p = decodeOne(frame(build(t, eth(layers.EthernetTypeIPv4), ip, gopacket.Payload(append(append([]byte{17, 4}, make([]byte, 22)...), inner...)))))
	check(t, &p, udpWant("x"))
}

func TestSCTP(t *testing.T) {
	ip := v4(layers.IPProtocolSCTP)
	b := build(t, eth(layers.EthernetTypeIPv4), ip, &layers.SCTP{SrcPort: 2222, DstPort: 44818, VerificationTag: 1}, gopacket.Payload("chunkchunkchunk"))
	p := decodeOne(frame(b))
	w := udpWant("chunkchunkchunk")
	w.proto = 132
	check(t, &p, w)
}
