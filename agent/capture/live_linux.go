package capture

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ARPHRD_ types that are read (Linux if_arp.h), with the link type of their
// frames. Loopback frames have an Ethernet header; tunnel interfaces have none.
var hardware = map[uint16]LinkType{
	1:     LinkEthernet, // ARPHRD_ETHER
	768:   LinkRaw,      // ARPHRD_TUNNEL
	772:   LinkEthernet, // ARPHRD_LOOPBACK
	65534: LinkRaw,      // ARPHRD_NONE: tun, WireGuard
}

// live is a TPACKET_V3 ring of an interface. It belongs to one goroutine.
type live struct {
	ring
	iface     Interface
	index     int
	stats     Stats
	statsTime time.Time
	outgoing  bool
}

// OpenLive captures on an interface, promiscuously and without being able to
// send: the socket has no transmit ring and this package no call that writes
// to one. It needs the capability CAP_NET_RAW. Unless an interface is removed,
// the source never ends: it waits out a link that is down, and ErrTick comes
// every TickInterval while there is nothing to deliver.
func OpenLive(name string, o LiveOptions) (Source, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, noInterface(name)
	}
	if i.Flags&net.FlagUp == 0 {
		return nil, fmt.Errorf("interface %s: is down: bring it up with: ip link set %s up", name, name)
	}
	// Protocol 0 receives nothing, so that no frame comes before the ring is
	// there and the socket is bound to its interface.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, explainSocket(name, err)
	}
	s := &live{ring: ring{fd: fd}, iface: Interface{Name: name}, index: i.Index}
	s.outgoing = o.Outgoing && i.Flags&net.FlagLoopback == 0
	if err := s.start(o); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	return s, nil
}

// explainSocket says what the socket lacks.
func explainSocket(name string, err error) error {
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("interface %s: packet socket: %w", name, err)
	}
	program, e := os.Executable()
	if e != nil {
		program = "demarc-agent"
	}
	return fmt.Errorf("interface %s: capturing needs CAP_NET_RAW: run setcap cap_net_raw+ep %s as root, or run it as root: %w", name, program, err)
}

// start makes the ring and then binds, in this order.
func (s *live) start(o LiveOptions) error {
	// Older kernels than 4.20 do not know it; frame leaves them out then.
	if !s.outgoing {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}
	if err := s.mapRing(o.Ring); err != nil {
		return err
	}
	member := unix.PacketMreq{Ifindex: int32(s.index), Type: unix.PACKET_MR_PROMISC} // the kernel counts interfaces in 31 bits
	if err := unix.SetsockoptPacketMreq(s.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &member); err != nil {
		return fmt.Errorf("promiscuous mode: %w", err)
	}
	all := uint16(unix.ETH_P_ALL)
	if err := unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: s.index}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	link, err := s.hardware()
	if err != nil {
		return err
	}
	s.iface.Link, s.statsTime = link, time.Now()
	return nil
}

// hardware asks what kind of frames the interface has.
func (s *live) hardware() (LinkType, error) {
	a, err := unix.Getsockname(s.fd)
	if err != nil {
		return 0, fmt.Errorf("hardware type: %w", err)
	}
	l, ok := a.(*unix.SockaddrLinklayer)
	if !ok {
		return 0, errors.New("hardware type: not a packet socket")
	}
	link, ok := hardware[l.Hatype]
	if !ok {
		return 0, fmt.Errorf("hardware type %d is not read: capture on an Ethernet interface", l.Hatype)
	}
	return link, nil
}

// Next delivers the next frame of the ring, or waits for one.
func (s *live) Next(f *Frame) error {
	for {
		if s.within(f) {
			return nil
		}
		if s.mem == nil {
			return os.ErrClosed
		}
		s.release()
		s.second(time.Now())
		if s.ready() {
			continue
		}
		if err := s.wait(f); err != nil {
			return err
		}
	}
}

// Batch implements Batcher: the frames of a block.
func (s *live) Batch(frames []Frame) int {
	for i := range frames {
		if !s.within(&frames[i]) {
			return i
		}
	}
	return len(frames)
}

// within delivers the next frame of the block at hand, if there is one.
func (s *live) within(f *Frame) bool {
	for s.left > 0 {
		if s.take(f) {
			s.stats.Packets++
			s.stats.Bytes += uint64(f.Length) // not negative
			return true
		}
	}
	return false
}

// take fills f with the next frame of the block, and reports false when it is
// one of ours.
func (s *live) take(f *Frame) bool {
	h, b, kind := s.frame()
	if h == nil || kind == unix.PACKET_OUTGOING && !s.outgoing {
		return false
	}
	f.Time = int64(h.Sec)*1e9 + int64(h.Nsec)
	f.Link, f.Interface, f.Data = s.iface.Link, 0, b
	f.TPID, f.TCI = 0, 0
	f.Length = max(int(h.Len), len(b))
	if h.Status&unix.TP_STATUS_VLAN_VALID != 0 {
		f.TPID, f.TCI = 0x8100, uint16(h.Hv1.Vlan_tci) // 16 bits in a field of 32
		if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 && h.Hv1.Vlan_tpid != 0 {
			f.TPID = h.Hv1.Vlan_tpid
		}
		f.Length += tagLength
	}
	return true
}

// Interfaces is the one interface.
func (s *live) Interfaces() []Interface { return []Interface{s.iface} }

// Stats counts what came and what the kernel dropped until now.
func (s *live) Stats() Stats {
	if s.mem != nil {
		s.readStats()
	}
	return s.stats
}
