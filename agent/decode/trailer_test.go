package decode

import (
	"encoding/binary"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
)

// rct appends a PRP trailer of the given lane to a frame whose MAC header and
// tags not counted are head bytes.
func rct(b []byte, head int, lane byte, sequence uint16) []byte {
	size := uint16(len(b) - head + trailerSize)
	t := binary.BigEndian.AppendUint16(nil, sequence)
	t = binary.BigEndian.AppendUint16(t, uint16(lane)<<12|size)
	return append(append(append([]byte(nil), b...), t...), 0x88, 0xfb)
}

func TestPRPTrailer(t *testing.T) {
	ip := v4(layers.IPProtocolTCP)
	tcpFrame, udpFrame := tcp4(t, "hello, this is no short frame"), udp4(t, "abcd")
	ack := append(tcp4(t, ""), make([]byte, 6)...) // padded to 60 bytes, then the trailer
	tagged := build(t, eth(layers.EthernetTypeDot1Q), dot1q(104, layers.EthernetTypeIPv4), ip, tcp(ip), gopacket.Payload("hello, this is no short frame"))
	goose := append(etherHeader(etherGOOSE), "\x00\x03\x00\x0egoose pdu"...)
	llcFrame := append(etherHeader(5), "\x42\x42\x03\x00\x00"...)
	pad := func(b []byte, s string) []byte { return append(append([]byte(nil), b...), s...) }
	gooseWant := want{has: HasMAC, ether: etherGOOSE, payload: string(goose[14:])}
	rows := []struct {
		name string
		b    []byte
		lane uint8
		w    want
	}{
		{"tcp, lane A", rct(tcpFrame, 14, 0xa, 7), 'A', tcpWant("hello, this is no short frame")},
		{"udp, lane B", rct(udpFrame, 14, 0xb, 7), 'B', udpWant("abcd")},
		{"padded", rct(ack, 14, 0xa, 7), 'A', tcpWant("")},
		{"tag not counted", rct(tagged, 18, 0xa, 7), 'A', tcpWant("hello, this is no short frame", 104)},
		{"tag counted", rct(tagged, 14, 0xa, 7), 'A', tcpWant("hello, this is no short frame", 104)},
		{"goose", rct(goose, 14, 0xb, 7), 'B', gooseWant},
		{"llc", rct(llcFrame, 14, 0xb, 7), 'B', want{has: HasMAC, sap: 0x42, payload: "\x42\x42\x03\x00\x00"}},
		{"no lane", rct(goose, 14, 0xc, 7), 0, want{has: HasMAC, ether: etherGOOSE, payload: string(rct(goose, 14, 0xc, 7)[14:])}},
		{"another size", rct(goose, 13, 0xa, 7), 0, want{has: HasMAC, ether: etherGOOSE, payload: string(rct(goose, 13, 0xa, 7)[14:])}},
		{"another suffix", pad(tcpFrame, "\x00\x07\xa0\x00\x88\xfc"), 0, tcpWant("hello, this is no short frame")},
		{"padding that ends in the suffix", pad(tcp4(t, ""), "\x00\x00\x00\x00\x88\xfb"), 0, tcpWant("")},
		{"padding of another size that looks so", pad(tcp4(t, ""), "\x00\x07\xa0\x2d\x88\xfb"), 0, tcpWant("")},
		{"a trailer that is not whole", pad(tcpFrame, "\xa0\x2d\x88\xfb"), 0, tcpWant("hello, this is no short frame")},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(frame(r.b))
			check(t, &p, r.w)
			if p.Lane != r.lane || r.lane != 0 && p.Sequence != 7 {
				t.Errorf("lane %q, sequence %d", p.Lane, p.Sequence)
			}
		})
	}
	cut := frame(rct(goose, 14, 0xa, 7))
	cut.Length++ // the capture kept less than the frame had: what looks like a trailer is not its end
	if p := decodeOne(cut); p.Lane != 0 {
		t.Errorf("cut: %+v", p)
	}
	card := frame(rct(goose, 14, 0xa, 7)) // the card took the tag
	card.TPID, card.TCI = 0x8100, 9
	if p := decodeOne(card); p.Lane != 'A' || p.VLAN() != 9 {
		t.Errorf("tag of the card: %+v", p)
	}
}

func TestHSRTag(t *testing.T) {
	pkt := tcp4(t, "hello")[14:]
	rows := []struct {
		name string
		head []byte
		lane uint8
		w    want
	}{
		{"lane A", append(etherHeader(etherHSR), "\x00\x37\x00\x07\x08\x00"...), 'A', tcpWant("hello")},
		{"lane B of net 2", append(etherHeader(etherHSR), "\x50\x37\x00\x07\x08\x00"...), 'B', tcpWant("hello")},
		{"behind a vlan tag", append(etherHeader(etherHSR, etherCTag, 104), "\x10\x37\x00\x07\x08\x00"...), 'B', tcpWant("hello", 104)},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(frame(append(r.head, pkt...)))
			check(t, &p, r.w)
			if p.Lane != r.lane || p.Sequence != 7 {
				t.Errorf("lane %q, sequence %d", p.Lane, p.Sequence)
			}
		})
	}
	p := decodeOne(&capture.Frame{Link: 1, Length: 16, Data: append(etherHeader(etherHSR), 0, 1)})
	if p.Fault != Malformed || p.Lane != 0 {
		t.Errorf("short: %+v", p)
	}
}
