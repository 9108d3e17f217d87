package spancheck

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Look reads the state of an interface. It changes nothing.
func Look(name string) (*Box, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("spancheck: interface %s: %w", name, err)
	}
	b := &Box{Name: name, MTU: i.MTU, Up: i.Flags&net.FlagUp != 0, Loopback: i.Flags&net.FlagLoopback != 0}
	addrs, err := i.Addrs()
	if err != nil {
		return nil, fmt.Errorf("spancheck: addresses of %s: %w", name, err)
	}
	for _, a := range addrs {
		b.Addresses = append(b.Addresses, a.String())
	}
	if err := b.link(i.Index); err != nil {
		return nil, fmt.Errorf("spancheck: interface %s: %w", name, err)
	}
	b.ethtool()
	b.kernelClock()
	b.programs(i.Index)
	return b, nil
}

// link reads what the kernel says of the interface (rtnetlink(7), RTM_GETLINK).
func (b *Box) link(index int) error {
	raw, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return os.NewSyscallError("netlink", err)
	}
	all, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return os.NewSyscallError("netlink", err)
	}
	names, master := map[int]string{}, 0
	for i := range all {
		if all[i].Header.Type != syscall.RTM_NEWLINK || len(all[i].Data) < syscall.SizeofIfInfomsg {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&all[i])
		if err != nil {
			return os.NewSyscallError("netlink", err)
		}
		// struct ifinfomsg: family, pad (1 byte each), type (2), index (4), flags (4), change (4)
		at := int(binary.NativeEndian.Uint32(all[i].Data[4:]))
		for _, a := range attrs {
			if a.Attr.Type == unix.IFLA_IFNAME {
				names[at] = unix.ByteSliceToString(a.Value)
			}
		}
		if at == index {
			flags := binary.NativeEndian.Uint32(all[i].Data[8:])
			b.ARP = flags&unix.IFF_NOARP == 0
			b.Carrier = flags&unix.IFF_LOWER_UP != 0
			master = b.attributes(attrs)
		}
	}
	if master != 0 {
		if b.Master = names[master]; b.Master == "" {
			b.Master = "interface " + strconv.Itoa(master)
		}
	}
	return nil
}

// attributes reads those of one link and returns the index of its master.
func (b *Box) attributes(attrs []syscall.NetlinkRouteAttr) (master int) {
	b.IPv6 = No // unless the link has settings of IPv6
	for _, a := range attrs {
		switch {
		case a.Attr.Type == unix.IFLA_MASTER && len(a.Value) >= 4:
			master = int(binary.NativeEndian.Uint32(a.Value))
		case a.Attr.Type == unix.IFLA_STATS64:
			b.Card = cardOf(a.Value)
		case a.Attr.Type&^unix.NLA_F_NESTED == unix.IFLA_AF_SPEC:
			b.IPv6 = ipv6Of(a.Value)
		}
	}
	return master
}

// cardOf reads struct rtnl_link_stats64 (linux/if_link.h), all fields of 64 bits.
func cardOf(v []byte) Card {
	field := func(i int) uint64 {
		if len(v) < 8*(i+1) {
			return 0
		}
		return binary.NativeEndian.Uint64(v[8*i:])
	}
	return Card{
		Received: field(0), Sent: field(1), Dropped: field(6),
		Damaged: field(12) + field(13),     // check sequence, alignment
		Overrun: max(field(11), field(14)), // drivers fill one or both
		Missed:  field(15),
	}
}

// ipv6Of finds DEVCONF_DISABLE_IPV6 (linux/ipv6.h) in IFLA_AF_SPEC.
func ipv6Of(v []byte) Answer {
	const disableIPv6 = 26
	settings := nested(nested(v, unix.AF_INET6), unix.IFLA_INET6_CONF)
	switch {
	case nested(v, unix.AF_INET6) == nil:
		return No
	case len(settings) < 4*(disableIPv6+1):
		return NotKnown
	case binary.NativeEndian.Uint32(settings[4*disableIPv6:]) != 0:
		return No
	}
	return Yes
}

// nested is the value of an attribute inside an attribute (struct nlattr:
// length with the header, type, each 16 bits, padded to 4 bytes).
func nested(v []byte, kind uint16) []byte {
	for len(v) >= 4 {
		n := int(binary.NativeEndian.Uint16(v))
		if n < 4 || n > len(v) {
			return nil
		}
		if binary.NativeEndian.Uint16(v[2:])&^uint16(unix.NLA_F_NESTED) == kind {
			return v[4:n]
		}
		v = v[min(len(v), (n+3)&^3):]
	}
	return nil
}

// kernelClock asks whether something keeps the kernel's clock in step. A
// sandbox may refuse the question.
func (b *Box) kernelClock() {
	var x unix.Timex
	switch _, err := unix.Adjtimex(&x); {
	case err != nil:
	case x.Status&unix.STA_UNSYNC != 0:
		b.InStep = No
	default:
		b.InStep = Yes
	}
}
