package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindTo keeps a socket on one interface.
func bindTo(iface string) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), iface) }), err)
	}
}

// checkPath refuses a source that a capture interface has a part in: by name,
// by address, or by the link below. It is asked before every target, because
// interfaces change.
func (p *Prober) checkPath() error {
	in, err := net.InterfaceByName(p.Settings.Interface)
	if err != nil {
		return fmt.Errorf("probe.interface: %s: %w", p.Settings.Interface, err)
	}
	if !has(in, p.Settings.Source) {
		return fmt.Errorf("probe.source: %s is no address of %s: set it there, or name one that is", p.Settings.Source, in.Name)
	}
	all, err := links()
	if err != nil {
		return fmt.Errorf("probe: cannot tell what %s sends by: %w", in.Name, err)
	}
	own := below(in.Index, all, map[int]bool{})
	for _, name := range p.Captures {
		c, err := net.InterfaceByName(name)
		if err != nil {
			continue // it is gone, and nothing can be sent by it
		}
		if c.Index == in.Index || has(c, p.Settings.Source) {
			return fmt.Errorf("probe.interface: %s with %s is the capture interface %s, and those never send: give probes an interface of their own", in.Name, p.Settings.Source, name)
		}
		for index := range below(c.Index, all, map[int]bool{}) {
			if own[index] {
				return fmt.Errorf("probe.interface: %s sends by a link of the capture interface %s, and those never send: give probes an interface of their own", in.Name, name)
			}
		}
	}
	return nil
}

func has(in *net.Interface, source string) bool {
	want, err := netip.ParseAddr(source)
	addrs, err2 := in.Addrs()
	if err != nil || err2 != nil {
		return false
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == want.Unmap() {
			return true
		}
	}
	return false
}

// below is an interface with every link that it sends by: what a VLAN, macvlan
// or tunnel stands on, and the bridge or bond that it is a port of. A bridge
// or bond sends by its ports.
func below(index int, all map[int]link, seen map[int]bool) map[int]bool {
	if index == 0 || seen[index] {
		return seen
	}
	seen[index] = true
	below(all[index].on, all, seen)
	below(all[index].port, all, seen)
	for i, l := range all {
		if l.port == index {
			below(i, all, seen)
		}
	}
	return seen
}

// link is what one interface hangs together with: the indexes of what it
// stands on, and of what it is a port of; 0 is nothing.
type link struct{ on, port int }

// links asks the kernel, in the network namespace of this thread.
func links() (map[int]link, error) {
	raw, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil, err
	}
	all := map[int]link{}
	for i := range messages {
		if messages[i].Header.Type != unix.RTM_NEWLINK || len(messages[i].Data) < unix.SizeofIfInfomsg {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&messages[i])
		if err != nil {
			return nil, err
		}
		var l link
		for _, a := range attrs {
			switch {
			case len(a.Value) < 4:
			case a.Attr.Type == unix.IFLA_LINK:
				l.on = int(binary.NativeEndian.Uint32(a.Value))
			case a.Attr.Type == unix.IFLA_MASTER:
				l.port = int(binary.NativeEndian.Uint32(a.Value))
			}
		}
		all[int(binary.NativeEndian.Uint32(messages[i].Data[4:]))] = l // ifi_index
	}
	return all, nil
}
