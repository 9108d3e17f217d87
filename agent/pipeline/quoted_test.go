package pipeline

import (
	"context"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// whoIs is BACnet's Who-Is to one device (ANSI/ASHRAE 135 annex J, clause 20).
const whoIs = "\x81\x0a\x00\x08\x01\x00\x10\x08"

// port is an error "port unreachable" from one host to another about text.
func port(t *testing.T, from, to, text string) []byte {
	t.Helper()
	quoted := bytesOf(t, packet(to, from, 17, &layers.UDP{SrcPort: 40000, DstPort: 47900}, gopacket.Payload(text))...)
	return bytesOf(t, append(hop(1, 2, 0), packet(from, to, 1, &layers.ICMPv4{TypeCode: 0x0303}, gopacket.Payload(quoted))...)...)
}

// TestQuotedIsNoAsset: an ICMP error tells of a try that was refused and of its
// protocol, and shows nobody but its own sender.
func TestQuotedIsNoAsset(t *testing.T) {
	got := seenIn(t, Config{Default: "d"}, port(t, "10.0.0.2", "10.0.0.1", whoIs))
	expect(t, got, "end 10.0.0.2 d []",
		"10.0.0.1>10.0.0.2:udp/47900 bacnet d packets 1/0", "10.0.0.2>10.0.0.1:icmp/0 bacnet d packets 1/0")
}

// TestQuotedTellsNoFacts: what a quote has a device say of itself is not taken
// for what it said.
func TestQuotedTellsNoFacts(t *testing.T) {
	const iAm = "\x81\x0a\x00\x14\x01\x00\x10\x00\xc4\x02\x00\x00\x07\x22\x01\xe0\x91\x03\x21\x0f" // device 7 of vendor 15
	out := &kept{}
	if _, err := Run(context.Background(), Config{Default: "d"}, &few{frames: [][]byte{port(t, "10.0.0.2", "10.0.0.1", iAm)}}, out); err != nil {
		t.Fatal(err)
	}
	named := false
	for _, b := range out.bodies {
		for _, c := range b.Connections {
			named = named || c.Protocol == "bacnet"
			if len(c.Operations) > 0 {
				t.Errorf("operations %v", c.Operations)
			}
		}
		for _, f := range b.Facts {
			t.Errorf("%s = %s", f.Attribute, f.Value)
		}
	}
	if !named {
		t.Error("the datagram is not known")
	}
}

// TestQuotedThenSeen: what shows itself later is the same connection, and its
// own bytes name it better.
func TestQuotedThenSeen(t *testing.T) {
	seen := bytesOf(t, append(hop(2, 1, 0), packet("10.0.0.1", "10.0.0.2", 17, &layers.UDP{SrcPort: 40001, DstPort: 47900}, gopacket.Payload(whoIs))...)...)
	got := seenIn(t, Config{Default: "d"}, port(t, "10.0.0.2", "10.0.0.1", "nothing known"), seen)
	expect(t, got, "end 10.0.0.1 d []", "end 10.0.0.2 d []",
		"10.0.0.1>10.0.0.2:udp/47900 bacnet d packets 2/0", "10.0.0.2>10.0.0.1:icmp/0  d packets 1/0")
}

// TestPingsAreNotNamed: an exchange of pings keeps no name of an error in it.
func TestPingsAreNotNamed(t *testing.T) {
	ping := bytesOf(t, append(hop(1, 2, 0), packet("10.0.0.2", "10.0.0.1", 1, &layers.ICMPv4{TypeCode: 0x0800}, gopacket.Payload("ping"))...)...)
	got := seenIn(t, Config{Default: "d"}, ping, port(t, "10.0.0.2", "10.0.0.1", whoIs))
	expect(t, got, "end 10.0.0.2 d []",
		"10.0.0.1>10.0.0.2:udp/47900 bacnet d packets 1/0", "10.0.0.2>10.0.0.1:icmp/0  d packets 2/0")
}
