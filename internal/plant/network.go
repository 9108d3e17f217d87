package plant

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// hopDelay is what a router takes to pass a packet on, and half of what a
// packet needs to the other end of a link.
const hopDelay = 160 * time.Microsecond

// A link is one broadcast domain, mirrored to a SPAN port.
type link struct {
	port   string // SPAN port that sees it
	vlan   uint16 // tag in the mirrored frame; 0 for none
	gate   *station
	router string // name of the router that gate belongs to
}

// A station is one network interface of a host.
type station struct {
	name string
	mac  net.HardwareAddr
	addr netip.Addr
	link *link // nil beyond the edge firewall
	ttl  uint8 // that its host sends with
}

// A hop is one link that a packet crosses, as the mirror sees it there.
type hop struct {
	link     *link
	src, dst *station // whose MAC addresses the frame carries
	ttl      uint8
}

type neighbours struct{ a, b *station }

type timespan struct{ from, to time.Duration }

type record struct {
	at    time.Duration
	order int
	data  []byte
}

// network collects the frames that every SPAN port sees.
type network struct {
	seed   int64
	uplink *link // between core router and edge firewall
	core   *station
	edge   *station
	ports  map[string][]record
	known  map[neighbours]timespan // when neighbours know each other's MAC
	order  int
	err    error // of the first frame that could not be built
}

// random is a source of its own for every purpose, so that one conversation
// more changes no other.
func (n *network) random(purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(uint64(n.seed), h.Sum64())) //nolint:gosec // reproducible on purpose
}

// path is the way from one station to another. A packet that passes two
// routers crosses the link between them unseen.
func (n *network) path(from, to *station) []hop {
	switch {
	case from.link == to.link:
		return []hop{{from.link, from, to, from.ttl}}
	case to.link == nil:
		out := from.ttl - n.routers(from.link, n.uplink)
		return []hop{{from.link, from, from.link.gate, from.ttl}, {n.uplink, n.core, n.edge, out}}
	case from.link == nil:
		in := from.ttl - n.routers(n.uplink, to.link)
		return []hop{{n.uplink, n.edge, n.core, from.ttl}, {to.link, to.link.gate, to, in}}
	}
	in := from.ttl - n.routers(from.link, to.link)
	return []hop{{from.link, from, from.link.gate, from.ttl}, {to.link, to.link.gate, to, in}}
}

func (n *network) routers(a, b *link) uint8 {
	if a.router == b.router {
		return 1
	}
	return 2
}

// frame puts one frame on a link.
func (n *network) frame(at time.Duration, l *link, src, dst net.HardwareAddr, t layers.EthernetType, payload ...gopacket.SerializableLayer) {
	eth := &layers.Ethernet{SrcMAC: src, DstMAC: dst, EthernetType: t}
	stack := []gopacket.SerializableLayer{eth}
	if l.vlan != 0 {
		eth.EthernetType = layers.EthernetTypeDot1Q
		stack = append(stack, &layers.Dot1Q{VLANIdentifier: l.vlan, Type: t})
	}
	n.put(at, l.port, append(stack, payload...)...)
}

// put serializes one frame and pads it to the 60 bytes that Ethernet sends at
// least (IEEE 802.3 4.2.3.3; the checksum is not captured).
func (n *network) put(at time.Duration, port string, stack ...gopacket.SerializableLayer) {
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...)
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("plant: frame at %v on %s: %w", at, port, err)
	}
	data := bytes.Clone(buf.Bytes())
	if short := 60 - len(data); short > 0 {
		data = append(data, make([]byte, short)...)
	}
	n.order++
	n.ports[port] = append(n.ports[port], record{at, n.order, data})
}

// packet sends one IP packet along hops and returns when it arrives. The
// transport layer is serialized anew for each hop: routers change the TTL only.
func (n *network) packet(at time.Duration, hops []hop, ip layers.IPv4, l4 ...gopacket.SerializableLayer) time.Duration {
	for _, h := range hops {
		ip.TTL = h.ttl
		n.frame(at, h.link, h.src.mac, h.dst.mac, layers.EthernetTypeIPv4, append([]gopacket.SerializableLayer{&ip}, l4...)...)
		at += hopDelay
	}
	return at
}

// captures writes what each port saw between zero and end, in order of time.
func (n *network) captures(end time.Duration) (map[string][]byte, error) {
	if n.err != nil {
		return nil, n.err
	}
	files := make(map[string][]byte, len(n.ports))
	for port, records := range n.ports {
		slices.SortFunc(records, func(a, b record) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
		})
		b, err := capture(records, end)
		if err != nil {
			return nil, fmt.Errorf("plant: capture of %s: %w", port, err)
		}
		files[port+".pcap"] = b
	}
	return files, nil
}

func capture(records []record, end time.Duration) ([]byte, error) {
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.at < 0 || r.at > end {
			continue
		}
		info := gopacket.CaptureInfo{Timestamp: Start.Add(r.at), CaptureLength: len(r.data), Length: len(r.data)}
		if err := w.WritePacket(info, r.data); err != nil {
			return nil, err
		}
	}
	return file.Bytes(), nil
}
