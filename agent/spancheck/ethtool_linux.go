package spancheck

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Questions to the driver that need no right (linux/ethtool.h).
const (
	ethtoolGSET   = 0x01
	ethtoolGFLAGS = 0x25
	ethtoolGGRO   = 0x2b
	flagLRO       = 1 << 15
)

// ethtoolValue is struct ethtool_value.
type ethtoolValue struct{ command, data uint32 }

// ethtoolCommand is struct ethtool_cmd.
type ethtoolCommand struct {
	command, supported, advertising   uint32
	speed                             uint16
	duplex, port, phy                 uint8
	transceiver, autonegotiation, mdi uint8
	maxTX, maxRX                      uint32
	speedHigh                         uint16
	mdix, mdixControl                 uint8
	partner                           uint32
	reserved                          [2]uint32
}

// request is struct ifreq with a pointer.
type request struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// ethtool asks the driver for offloads and speed; what it does not answer stays
// off or unknown.
func (b *Box) ethtool() {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	gro := ethtoolValue{command: ethtoolGGRO}
	if ask(fd, b.Name, unsafe.Pointer(&gro)) { //nolint:gosec // the kernel's ABI
		b.GRO = gro.data != 0
	}
	flags := ethtoolValue{command: ethtoolGFLAGS}
	if ask(fd, b.Name, unsafe.Pointer(&flags)) { //nolint:gosec // the kernel's ABI
		b.LRO = flags.data&flagLRO != 0
	}
	set := ethtoolCommand{command: ethtoolGSET}
	if ask(fd, b.Name, unsafe.Pointer(&set)) { //nolint:gosec // the kernel's ABI
		const unknown = 0xffffffff
		if mbit := uint32(set.speedHigh)<<16 | uint32(set.speed); mbit != unknown && mbit != 0xffff {
			b.Speed = uint64(mbit) * 1e6
		}
	}
}

func ask(fd int, name string, question unsafe.Pointer) bool {
	r := request{data: question}
	copy(r.name[:len(r.name)-1], name)
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r))) //nolint:gosec // the kernel's ABI
	return e == 0
}
