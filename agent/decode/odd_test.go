package decode

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"demarc/agent/capture"
	"demarc/internal/bus"
)

func TestOddLinkTypes(t *testing.T) {
	raw4, frame4 := tcp4(t, "hello!")[14:], tcp4(t, "hello!")
	u6 := v6(layers.IPProtocolUDP)
	raw6 := build(t, u6, udp(u6), gopacket.Payload("y"))
	pre := func(h string, b []byte) []byte { return append([]byte(h), b...) }
	noMAC := func(w want) want { w.has &^= HasMAC; return w }
	payload := func(order binary.ByteOrder, b []byte) []byte {
		h := make([]byte, 4)
		order.PutUint16(h, uint16(len(b)+4))
		order.PutUint16(h[2:], nflogPayload)
		return append(h, b...)
	}
	hw := "\x10\x00\x08\x00\x00\x06\x00\x00" + string(macA) + "\x00\x00"
	sender := tcpWant("hello!")
	sender.has |= NoDst
	fcs := func(b []byte) []byte { return append(slices.Clone(b), "fcs!"...) }
	rows := []struct {
		name string
		link capture.LinkType
		b    []byte
		w    want
	}{
		{"ppi, ethernet", 192, pre("\x00\x00\x08\x00\x01\x00\x00\x00", frame4), tcpWant("hello!")},
		{"ppi, fields", 192, pre("\x00\x00\x0c\x00\x65\x00\x00\x00\x01\x00\x00\x00", raw6), noMAC(v6Want(17, "y"))},
		{"ppi in itself", 192, []byte("\x00\x00\x08\x00\xc0\x00\x00\x00\x00\x00\x08\x00\xe3\x00\x00\x00"), want{fault: Unsupported}},
		{"ppi, length below its header", 192, pre("\x00\x00\x07\x00\x01\x00\x00\x00", frame4), want{fault: Malformed}},
		{"ppi, version", 192, pre("\x01\x00\x08\x00\x01\x00\x00\x00", frame4), want{fault: Malformed}},
		{"nflog", 239, pre("\x02\x00\x00\x07", payload(binary.LittleEndian, raw4)), noMAC(tcpWant("hello!"))},
		{"nflog, address, padded", 239, pre("\x02\x00\x00\x07\x05\x00\x0a\x00p\x00\x00\x00"+hw, payload(binary.LittleEndian, raw4)), sender},
		{"nflog, ipv6, big endian", 239, pre("\x0a\x00\x00\x07\x00\x08\x00\x05\x00\x00\x00\x01", payload(binary.BigEndian, raw6)), noMAC(v6Want(17, "y"))},
		{"nflog, bridge", 239, pre("\x07\x00\x00\x07\x08\x00\x01\x00\x08\x06\x00\x00"+hw, payload(binary.LittleEndian, []byte("arp"))), want{has: HasMAC | NoDst, ether: 0x0806, payload: "arp"}},
		{"nflog, short", 239, []byte("\x02\x00\x00\x07\x09\x00\x01"), want{fault: Malformed}},
		{"nflog, no length", 239, []byte("\x02\x00\x00\x07\x03\x00\x01\x00"), want{fault: Malformed}},
		{"nflog, no payload", 239, []byte("\x02\x00\x00\x07\x08\x00\x05\x00\x01\x00\x00\x00"), want{}},
		{"netanalyzer", 240, pre("\x01\x02\x03\x04", fcs(frame4)), tcpWant("hello!")},
		{"netanalyzer, transparent", 241, pre("\x01\x02\x03\x04\x55\x55\x55\x55\x55\x55\x55\xd5", fcs(frame4)), tcpWant("hello!")},
		{"netanalyzer, no frame begins", 241, []byte("\x01\x02\x03\x04\x55\x55\x55\x55\x55\x55"), want{fault: Malformed}},
		{"cisco hdlc", 104, pre("\x0f\x00\x08\x00", raw4), noMAC(tcpWant("hello!"))},
		{"cisco hdlc, keep-alive", 104, []byte("\x8f\x00\x80\x35\x00\x00"), want{ether: 0x8035, payload: "\x00\x00"}},
		{"cisco hdlc, other", 104, []byte("\x8f\x00\x00\x35\x00\x00"), want{ether: 0x0035, fault: Unsupported}},
		{"frame relay", 107, pre("\x18\x41\x03\xcc", raw4), noMAC(tcpWant("hello!"))},
		{"frame relay, four bytes, pad, ipv6", 107, pre("\x18\x40\x00\x41\x03\x00\x8e", raw6), noMAC(v6Want(17, "y"))},
		{"frame relay, snap", 107, pre("\x18\x41\x03\x00\x80\x00\x00\x00\x08\x00", raw4), noMAC(tcpWant("hello!"))},
		{"frame relay, bridged", 107, pre("\x18\x41\x03\x00\x80\x00\x80\xc2\x00\x07", frame4), tcpWant("hello!")},
		{"frame relay of cisco", 107, pre("\x18\x41\x08\x00", raw4), noMAC(tcpWant("hello!"))},
		{"frame relay, other", 107, []byte("\x18\x41\x03\x09\x00"), want{fault: Unsupported}},
		{"frame relay without end", 107, make([]byte, 9), want{fault: Malformed}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(&capture.Frame{Link: r.link, Data: r.b, Length: len(r.b)})
			check(t, &p, r.w)
			if p.Has&HasMAC != 0 && p.SrcMAC != MAC(macA) {
				t.Errorf("from %v", p.SrcMAC)
			}
		})
	}
}

func TestWLAN(t *testing.T) {
	raw4 := tcp4(t, "hello!")[14:]
	a, b, ap := string(macA), string(macB), string(macC)
	snap := "\xaa\xaa\x03\x00\x00\x00\x08\x00" + string(raw4)
	tap := func(head, b string) string {
		return "\x00\x00" + string([]byte{byte(len(head) + 4), 0}) + head + b
	}
	rows := []struct {
		name    string
		link    capture.LinkType
		b       string
		carrier Carrier
		w       want
	}{
		{"to the access point", 105, "\x08\x01\x00\x00" + ap + a + b + "\x10\x00" + snap, NoCarrier, tcpWant("hello!")},
		{"from the access point", 105, "\x08\x02\x00\x00" + b + ap + a + "\x10\x00" + snap, NoCarrier, tcpWant("hello!")},
		{"between stations", 105, "\x08\x00\x00\x00" + b + a + ap + "\x10\x00" + snap, NoCarrier, tcpWant("hello!")},
		{"between access points, quality of service", 105, "\x88\x03\x00\x00" + ap + ap + b + "\x10\x00" + a + "\x00\x00" + snap, NoCarrier, tcpWant("hello!")},
		{"high throughput control", 105, "\x88\x81\x00\x00" + ap + a + b + "\x10\x00\x00\x00\x00\x00\x00\x00" + snap, NoCarrier, tcpWant("hello!")},
		{"ciphered", 105, "\x08\x41\x00\x00" + ap + a + b + "\x10\x00ciphertext", WLAN, want{has: HasMAC}},
		{"no data", 105, "\x48\x01\x00\x00" + ap + a + b + "\x10\x00", WLAN, want{has: HasMAC}},
		{"a piece", 105, "\x08\x01\x00\x00" + ap + a + b + "\x11\x00" + snap, WLAN, want{has: HasMAC}},
		{"aggregate", 105, "\x88\x01\x00\x00" + ap + a + b + "\x10\x00\x80\x00" + snap, WLAN, want{has: HasMAC}},
		{"management", 105, "\x40\x00\x00\x00" + b + a + ap + "\x10\x00\x00\x00", WLAN, want{has: HasMAC}},
		{"control", 105, "\xd4\x00\x00\x00" + a, NoCarrier, want{}},
		{"short", 105, "\x08\x01\x00\x00" + ap + a, NoCarrier, want{fault: Malformed}},
		{"radiotap", 127, tap("\x00\x00\x00\x00", "\x08\x01\x00\x00"+ap+a+b+"\x10\x00"+snap), NoCarrier, tcpWant("hello!")},
		{"radiotap, flags behind a time, check sequence", 127, tap("\x03\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x10\x00", "\x88\x42\x00\x00"+b+ap+a+"\x10\x00\x00\x00fcs!"), WLAN, want{has: HasMAC}},
		{"radiotap, check sequence", 127, tap("\x02\x00\x00\x00\x10", "\x08\x01\x00\x00"+ap+a+b+"\x10\x00\xaa\xaa\x03\x00\x00\x00\x08\x06arpfcs!"), NoCarrier, want{has: HasMAC, ether: 0x0806, payload: "arp"}},
		{"radiotap of another version", 127, "\x01\x00\x08\x00\x00\x00\x00\x00\x08\x01", NoCarrier, want{fault: Malformed}},
		{"radiotap, length below its header", 127, "\x00\x00\x07\x00\x00\x00\x00\x00\x08\x01", NoCarrier, want{fault: Malformed}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(&capture.Frame{Link: r.link, Data: []byte(r.b), Length: len(r.b)})
			check(t, &p, r.w)
			if p.Carrier != r.carrier || p.Has&HasMAC != 0 && (p.SrcMAC != MAC(macA) || p.DstMAC != MAC(macB)) {
				t.Errorf("%v > %v, carries %v", p.SrcMAC, p.DstMAC, p.Carrier)
			}
		})
	}
}

// mstpFrame builds an MS/TP frame with its header CRC, found by trying.
func mstpFrame(kind, dst, src byte, data string) []byte {
	h := []byte{kind, dst, src, byte(len(data) >> 8), byte(len(data)), 0}
	for mstpHeaderCRC(h) != 0x55 {
		h[5]++
	}
	f := append([]byte{0x55, 0xff}, h...)
	if data == "" {
		return f
	}
	return append(append(f, data...), "cc"...)
}

func TestMSTP(t *testing.T) {
	// ANSI/ASHRAE 135 clause G.1: a token from 05 to 10 has the header CRC 8C.
	if got := mstpFrame(0, 0x10, 5, ""); got[7] != 0x8c {
		t.Errorf("header CRC %#02x, the standard's example has 0x8c", got[7])
	}
	all := broadcast
	wrong := mstpFrame(0, 1, 2, "")
	wrong[7]++
	rows := []struct {
		name     string
		b        []byte
		src, dst MAC
		w        want
	}{
		{"token", mstpFrame(0, 12, 27, ""), bus.MSTP(27), bus.MSTP(12), want{has: HasMAC}},
		{"poll, which asks whether anybody is there", mstpFrame(1, 13, 12, ""), bus.MSTP(12), all, want{has: HasMAC}},
		{"data", mstpFrame(5, 12, 27, "\x01\x04npdu"), bus.MSTP(27), bus.MSTP(12), want{has: HasMAC, sap: 0x82, payload: "\x82\x82\x03\x01\x04npdu"}},
		{"data to all", mstpFrame(6, 255, 0, "\x01\x20npdu"), bus.MSTP(0), all, want{has: HasMAC, sap: 0x82, payload: "\x82\x82\x03\x01\x20npdu"}},
		{"proprietary", mstpFrame(130, 1, 2, "private"), bus.MSTP(2), bus.MSTP(1), want{has: HasMAC}},
		{"from all", mstpFrame(0, 1, 255, ""), MAC{}, MAC{}, want{fault: Malformed}},
		{"header CRC", wrong, MAC{}, MAC{}, want{fault: Malformed}},
		{"no preamble", append([]byte{0x54}, mstpFrame(0, 1, 2, "")[1:]...), MAC{}, MAC{}, want{fault: Malformed}},
		{"short", mstpFrame(0, 1, 2, "")[:7], MAC{}, MAC{}, want{fault: Malformed}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(&capture.Frame{Link: capture.LinkMSTP, Data: r.b, Length: len(r.b)})
			check(t, &p, r.w)
			if p.SrcMAC != r.src || p.DstMAC != r.dst || (p.Carrier == MSTP) != (r.w.fault == NoFault) {
				t.Errorf("%v > %v, carries %v", p.SrcMAC, p.DstMAC, p.Carrier)
			}
		})
	}
	b := mstpFrame(5, 12, 27, "\x01\x04npdu")
	p := decodeOne(&capture.Frame{Link: capture.LinkMSTP, Data: b[:12], Length: len(b)})
	check(t, &p, want{has: HasMAC, sap: 0x82, payload: "\x82\x82\x03\x01\x04np", cut: true})
	if p.PayloadLen != 9 || p.SrcMAC.String() != "mstp:27" {
		t.Errorf("%d bytes announced, from %v", p.PayloadLen, p.SrcMAC)
	}
}

func TestARCNET(t *testing.T) {
	raw4 := tcp4(t, "hello!")[14:]
	rows := []struct {
		name string
		link capture.LinkType
		b    string
		dst  MAC
		w    want
	}{
		{"bacnet", 7, "\x1b\x07\xcd\x82\x82\x03\x01\x00", bus.ARCNET(7), want{has: HasMAC, sap: 0x82, payload: "\x82\x82\x03\x01\x00"}},
		{"bacnet, linux, to all", 129, "\x1b\x00\x00\x04\xcd\x82\x82\x03\x01\x00", broadcast, want{has: HasMAC, sap: 0x82, payload: "\x82\x82\x03\x01\x00"}},
		{"ip", 7, "\x1b\x07\xd4\x00\x00\x01" + string(raw4), bus.ARCNET(7), tcpWant("hello!")},
		{"ip, in pieces", 7, "\x1b\x07\xd4\x03\x00\x01" + string(raw4), bus.ARCNET(7), want{has: HasMAC}},
		{"ip of old", 7, "\x1b\x07\xf0" + string(raw4), bus.ARCNET(7), tcpWant("hello!")},
		{"arp", 7, "\x1b\x07\xd5\x00\x00\x01arp", bus.ARCNET(7), want{has: HasMAC, ether: 0x0806, payload: "arp"}},
		{"arp of old", 7, "\x1b\x07\xf1arp", bus.ARCNET(7), want{has: HasMAC, ether: 0x0806, payload: "arp"}},
		{"other", 7, "\x1b\x07\x80x", bus.ARCNET(7), want{has: HasMAC, payload: "x"}},
		{"from nobody", 7, "\x00\x07\x80x", MAC{}, want{fault: Malformed}},
		{"short", 129, "\x1b\x07\x00", MAC{}, want{fault: Malformed}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			p := decodeOne(&capture.Frame{Link: r.link, Data: []byte(r.b), Length: len(r.b)})
			check(t, &p, r.w)
			if p.Has != 0 && (p.SrcMAC != bus.ARCNET(0x1b) || p.DstMAC != r.dst) {
				t.Errorf("%v > %v", p.SrcMAC, p.DstMAC)
			}
		})
	}
}
