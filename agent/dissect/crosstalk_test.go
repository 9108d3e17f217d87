package dissect

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"demarc/agent/decode"
)

// oddPort is one that no protocol is usually on.
const oddPort = 61234

// alike are names that stand for one another away from their ports.
var alike = map[string]string{
	"llmnr": "dns", "mdns": "dns", "nbns": "dns", // one message format: the port alone tells them apart
}

// fromTheMiddle are samples whose first message has no signature.
var fromTheMiddle = []string{"mqtt/middle.pcap", "mqtt/one-sided.pcap"}

// TestCrossTalk plays every sample with its server on an odd port, and on the
// ports of operational-technology protocols: what it is called may be less, but
// is never another protocol, and one that its bytes show keeps its name.
// DEMARC_TEST=all tries every such port, otherwise each sample meets a few.
func TestCrossTalk(t *testing.T) {
	ports := plantPorts()
	n := 0
	for _, p := range Protocols() {
		if !slices.Contains(p.Over, "tcp") && !slices.Contains(p.Over, "udp") || len(p.Ports) == 0 {
			continue
		}
		for _, file := range samples(t, p) {
			packets := load(t, file)
			if !onOwnPort(packets, p) {
				continue
			}
			n++
			t.Run(p.Name+"/"+filepath.Base(file), func(t *testing.T) {
				r := newRack(t, packets, p.OT)
				r.allow()
				kept := r.elsewhere(p, oddPort)
				if p.OT && p.Match != nil && !kept && !slices.Contains(fromTheMiddle, p.Name+"/"+filepath.Base(file)) {
					t.Errorf("on an odd port it is not known by its bytes")
				}
				for i, port := range ports {
					if ownsPort(p, port) || os.Getenv("DEMARC_TEST") != "all" && (i+n)%8 != 0 && port != 502 && port != 47808 {
						continue
					}
					r.elsewhere(p, port)
				}
			})
		}
	}
	if n < 50 {
		t.Errorf("only %d samples were tried", n)
	}
}

// plantPorts are the usual ports of operational-technology protocols.
func plantPorts() (all []uint16) {
	for _, p := range Protocols() {
		for _, port := range p.Ports {
			if p.OT && port.Carrier != "ethernet" && !slices.Contains(all, port.Number) {
				all = append(all, port.Number)
			}
		}
	}
	return all
}

func ownsPort(p Protocol, port uint16) bool {
	return slices.ContainsFunc(p.Ports, func(x Port) bool { return x.Number == port && x.Carrier != "ethernet" })
}

func onOwnPort(packets []decode.Packet, p Protocol) bool {
	return slices.ContainsFunc(packets, func(x decode.Packet) bool {
		return x.Has&decode.HasPort != 0 && (ownsPort(p, x.SrcPort) || ownsPort(p, x.DstPort))
	})
}

// elsewhere moves a protocol from its ports to another and holds the names to
// what they were. kept: one conversation has the protocol's own name there.
func (r *rack) elsewhere(p Protocol, port uint16) (kept bool) {
	move := func(n uint16) uint16 {
		if ownsPort(p, n) {
			return port
		}
		return n
	}
	moved := slices.Clone(r.packets)
	was := map[talkKey]*heard{}
	for i := range moved {
		x := &moved[i]
		if x.Has&decode.HasPort == 0 {
			continue
		}
		before := r.whole.talks[packetKey(x)]
		x.SrcPort, x.DstPort = move(x.SrcPort), move(x.DstPort)
		x.Checksum++ // another frame, not a copy
		if k := packetKey(x); was[k] == nil {
			was[k] = before
		} else if before != was[k] {
			was[k] = &heard{} // two that became one
		}
	}
	for k, h := range learn(moved, r.all, nil).talks {
		w := was[k]
		if w == nil || k.a == (netip.AddrPort{}) {
			continue
		}
		kept = kept || h.protocol == p.Name
		right := h.protocol == "" || h.protocol == p.Name || h.protocol == w.protocol || slices.Contains(w.also, h.protocol) || alike[w.protocol] == h.protocol
		if w.protocol != "" && !right {
			r.t.Errorf("on port %d %v is called %q, not %q", port, k, h.protocol, w.protocol)
		}
	}
	return kept
}
