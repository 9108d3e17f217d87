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
		return fmt.Errorf("probe.interface: this machine has no interface %s: name one that it has, as `ip link` lists them", p.Settings.Interface)
	}
	if !has(in, p.Settings.Source) {
		return fmt.Errorf("probe.source: %s is no address of %s: set it there, or name one that is", p.Settings.Source, in.Name)
	}
	all, err := links()
	if err != nil {
		return fmt.Errorf("probe: cannot tell what %s sends by: %w", in.Name, err)
	}
	own := below(here(in.Index), all, map[ref]bool{})
	for _, name := range p.Captures {
		c, err := net.InterfaceByName(name)
		if err != nil {
			continue // it is gone, and nothing can be sent by it
		}
		if c.Index == in.Index || has(c, p.Settings.Source) {
			return fmt.Errorf("probe.interface: %s with %s is the capture interface %s, and those never send: give probes an interface of their own", in.Name, p.Settings.Source, name)
		}
		for r := range below(here(c.Index), all, map[ref]bool{}) {
			if own[r] {
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

// ref names a link: the network namespace that it is in, by this one's number
// for it, and its index there.
type ref struct {
	space int32
	index int
}

// here is a link of this network namespace; the zero ref is none.
func here(index int) ref { return ref{unix.NETNSA_NSID_NOT_ASSIGNED, index} }

// below is an interface with every link that it sends by: what a VLAN, macvlan
// or tunnel stands on, and the bridge or bond that it is a port of. A bridge
// or bond sends by its ports.
func below(of ref, all map[ref]link, seen map[ref]bool) map[ref]bool {
	if of.index == 0 || seen[of] {
		return seen
	}
	seen[of] = true
	below(all[of].on, all, seen)
	below(all[of].port, all, seen)
	for r, l := range all {
		if l.port == of {
			below(r, all, seen)
		}
	}
	return seen
}

// link is what one interface hangs together with: what it stands on, which may
// lie in another namespace as that of a container's interface does, and what
// it is a port of.
type link struct{ on, port ref }

// links asks the kernel, in the network namespace of this thread.
func links() (map[ref]link, error) {
	raw, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil, err
	}
	all := map[ref]link{}
	for i := range messages {
		if messages[i].Header.Type != unix.RTM_NEWLINK || len(messages[i].Data) < unix.SizeofIfInfomsg {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&messages[i])
		if err != nil {
			return nil, err
		}
		all[here(int(binary.NativeEndian.Uint32(messages[i].Data[4:])))] = linkOf(attrs) // ifi_index
	}
	return all, nil
}

func linkOf(attrs []syscall.NetlinkRouteAttr) (l link) {
	space := here(0).space
	for _, a := range attrs {
		if len(a.Value) < 4 {
			continue
		}
		n := binary.NativeEndian.Uint32(a.Value)
		switch a.Attr.Type {
		case unix.IFLA_LINK:
			l.on.index = int(n)
		case unix.IFLA_LINK_NETNSID:
			space = int32(n) // the kernel's own
		case unix.IFLA_MASTER:
			l.port = here(int(n))
		}
	}
	l.on.space = space
	return l
}
