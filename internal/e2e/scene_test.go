package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"demarc/agent/capture"
	"demarc/agent/pipeline"
	demarcv1 "demarc/proto/demarc/v1"
)

// scene is a small network, frame by frame, as one or more SPAN ports see it.
type scene struct {
	t     *testing.T
	now   time.Time
	ports []*spanPort
	calls uint16
}

// spanPort is a SPAN port with its agent.
type spanPort struct {
	agent string
	cfg   pipeline.Config
	file  bytes.Buffer
	w     *pcapgo.Writer
}

func newScene(t *testing.T) *scene {
	return &scene{t: t, now: time.Date(2026, time.May, 4, 6, 0, 0, 0, time.UTC)}
}

// port opens a SPAN port in a segment; vlans name the segment of some of its
// VLANs.
func (s *scene) port(agent, segment string, vlans map[uint16]string) *spanPort {
	p := &spanPort{agent: agent, cfg: pipeline.Config{Default: segment, Interfaces: []pipeline.Interface{{Segment: segment, VLANs: vlans}}}}
	p.w = pcapgo.NewWriter(&p.file)
	if err := p.w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		s.t.Fatal(err)
	}
	s.ports = append(s.ports, p)
	return p
}

// wait lets time pass.
func (s *scene) wait(d time.Duration) { s.now = s.now.Add(d) }

// at is a card as a link shows it: where frames of its address come from there,
// and with which time to live.
type at struct {
	mac, ip string
	ttl     uint8 // 0: 64
}

func (a at) hw(t *testing.T) net.HardwareAddr {
	m, err := net.ParseMAC(a.mac)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// via is the same address behind a router: its frames come from the router,
// one hop on.
func (a at) via(router at) at {
	if a.ttl == 0 {
		a.ttl = 64
	}
	return at{router.mac, a.ip, a.ttl - 1}
}

func addr4(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// frame puts a frame on a link; vlan 0 is untagged.
func (s *scene) frame(p *spanPort, vlan uint16, src, dst net.HardwareAddr, kind layers.EthernetType, stack ...gopacket.SerializableLayer) {
	s.t.Helper()
	eth := &layers.Ethernet{SrcMAC: src, DstMAC: dst, EthernetType: kind}
	all := []gopacket.SerializableLayer{eth}
	if vlan != 0 {
		eth.EthernetType = layers.EthernetTypeDot1Q
		all = append(all, &layers.Dot1Q{VLANIdentifier: vlan, Type: kind})
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append(all, stack...)...); err != nil {
		s.t.Fatal(err)
	}
	s.raw(p, buf.Bytes())
}

func (s *scene) raw(p *spanPort, data []byte) {
	data = append(bytes.Clone(data), make([]byte, max(0, 60-len(data)))...)
	if err := p.w.WritePacket(gopacket.CaptureInfo{Timestamp: s.now, CaptureLength: len(data), Length: len(data)}, data); err != nil {
		s.t.Fatal(err)
	}
}

// replay puts the frames of a sample on a link.
func (s *scene) replay(p *spanPort, sample string) {
	s.t.Helper()
	f, err := os.Open(filepath.Join(root, "testdata", filepath.FromSlash(sample)+".pcap"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.raw(p, data)
		s.wait(time.Millisecond)
	}
}

var everybody = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// arp lets asker ask for the target, who answers.
func (s *scene) arp(p *spanPort, vlan uint16, asker, target at) {
	s.arpFrame(p, vlan, asker, nil, target)
	s.wait(time.Millisecond)
	s.arpFrame(p, vlan, target, asker.hw(s.t), asker)
	s.wait(time.Millisecond)
}

// announce lets a card say whose address it has.
func (s *scene) announce(p *spanPort, vlan uint16, a at) {
	s.arpFrame(p, vlan, a, nil, a)
	s.wait(time.Millisecond)
}

func (s *scene) arpFrame(p *spanPort, vlan uint16, from at, to net.HardwareAddr, about at) {
	m := &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
		SourceHwAddress: from.hw(s.t), SourceProtAddress: addr4(from.ip), DstHwAddress: make([]byte, 6), DstProtAddress: addr4(about.ip),
	}
	dst := everybody
	if to != nil {
		m.Operation, m.DstHwAddress, dst = layers.ARPReply, to, to
	}
	s.frame(p, vlan, from.hw(s.t), dst, layers.EthernetTypeARP, m)
}

// view is a conversation as one link shows it.
type view struct {
	port           *spanPort
	vlan           uint16
	client, server at
}

// line is application bytes of one side, in hexadecimal.
type line struct {
	fromServer bool
	hex        string
}

// modbusRead is a read of two holding registers of a unit, and its answer.
func modbusRead(unit string) []line {
	return []line{{false, "000100000006" + unit + "0300000002"}, {true, "000100000007" + unit + "030400010002"}}
}

// tcp runs one conversation, which every view shows.
func (s *scene) tcp(port uint16, talk []line, views ...view) {
	s.t.Helper()
	s.calls++
	ports := [2]layers.TCPPort{layers.TCPPort(49152 + s.calls), layers.TCPPort(port)}
	seq := [2]uint32{1000 * uint32(s.calls), 7_000_000 + 1000*uint32(s.calls)}
	send := func(from int, head layers.TCP, data []byte) {
		head.SrcPort, head.DstPort, head.Seq, head.Window = ports[from], ports[1-from], seq[from], 8192
		if head.ACK {
			head.Ack = seq[1-from]
		}
		for _, v := range views {
			ends := [2]at{v.client, v.server}
			s.ip(v.port, v.vlan, ends[from], ends[1-from], layers.IPProtocolTCP, &head, data)
		}
		seq[from] += uint32(len(data))
		if head.SYN || head.FIN {
			seq[from]++
		}
		s.wait(3 * time.Millisecond)
	}
	send(0, layers.TCP{SYN: true}, nil)
	send(1, layers.TCP{SYN: true, ACK: true}, nil)
	send(0, layers.TCP{ACK: true}, nil)
	for _, l := range talk {
		from := 0
		if l.fromServer {
			from = 1
		}
		data, err := hex.DecodeString(strings.ReplaceAll(l.hex, " ", ""))
		if err != nil {
			s.t.Fatal(err)
		}
		send(from, layers.TCP{ACK: true, PSH: true}, data)
	}
	send(0, layers.TCP{FIN: true, ACK: true}, nil)
	send(1, layers.TCP{FIN: true, ACK: true}, nil)
	send(0, layers.TCP{ACK: true}, nil)
}

// transport is a TCP or UDP header, whose checksum covers the addresses.
type transport interface {
	gopacket.SerializableLayer
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

func (s *scene) ip(p *spanPort, vlan uint16, from, to at, proto layers.IPProtocol, head transport, data []byte) {
	s.t.Helper()
	if from.ttl == 0 {
		from.ttl = 64
	}
	ip := &layers.IPv4{Version: 4, IHL: 5, Id: uint16(s.now.UnixMilli()), TTL: from.ttl, Protocol: proto, SrcIP: addr4(from.ip), DstIP: addr4(to.ip)}
	if err := head.SetNetworkLayerForChecksum(ip); err != nil {
		s.t.Fatal(err)
	}
	s.frame(p, vlan, from.hw(s.t), to.hw(s.t), layers.EthernetTypeIPv4, ip, head, gopacket.Payload(data))
}

// heard is what one agent reports of one port, in its order.
type heard struct {
	agent  string
	bodies []*demarcv1.Body
}

// listen takes every port's frames through an agent of its own, which tells
// news at once.
func (s *scene) listen() []heard {
	s.t.Helper()
	var all []heard
	for _, p := range s.ports {
		file := filepath.Join(s.t.TempDir(), "port.pcap")
		if err := os.WriteFile(file, p.file.Bytes(), 0o600); err != nil {
			s.t.Fatal(err)
		}
		src, err := capture.Open(file)
		if err != nil {
			s.t.Fatal(err)
		}
		r := reports{}
		cfg := p.cfg
		cfg.News = 50 * time.Millisecond
		if _, err := pipeline.Run(context.Background(), cfg, src, &r); err != nil {
			s.t.Fatal(err)
		}
		if err := src.Close(); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, heard{p.agent, r.bodies})
	}
	return all
}
