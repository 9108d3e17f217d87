package spancheck

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Programs by the name that the kernel keeps of them, 15 characters.
var (
	dhcpClients   = []string{"dhclient", "dhcpcd", "udhcpc", "dhcp6c", "pump", "connmand", "NetworkManager", "systemd-network"}
	lldpSpeakers  = []string{"lldpd", "lldpad", "ladvd", "openlldpd", "cdpr"}
	etherLLDP     = uint64(0x88cc)
	etherIPv4     = uint64(0x0800)
	etherAll      = uint64(0x0003)
	lldpMulticast = "0180c200000e" // nearest bridge (IEEE 802.1AB-2016 7.1)
)

// maxFiles bounds the search for the owners of sockets.
const maxFiles = 200_000

// programs finds LLDP and DHCP programs on an interface, by their packet
// sockets and by the multicast group that LLDP needs.
func (b *Box) programs(index int) {
	sockets := packetSockets(index)
	owners := map[string]string{}
	if len(sockets) > 0 {
		owners = ownersOf(sockets)
	}
	for _, s := range sockets {
		who, known := owners[s.inode]
		switch {
		case who == self:
		case s.protocol == etherLLDP || slices.Contains(lldpSpeakers, who):
			b.LLDP = note(b.LLDP, who, "a program with an LLDP socket")
		case s.protocol == etherIPv4 || slices.Contains(dhcpClients, who):
			b.DHCP = note(b.DHCP, who, "a program with a socket for IPv4 frames")
		case !known && s.protocol == etherAll:
			b.Unknown++
		}
	}
	if len(b.LLDP) == 0 && joined(index, lldpMulticast) {
		b.LLDP = []string{"a program has joined the LLDP group 01:80:c2:00:00:0e"}
	}
}

// note adds a name once; without one it adds what else is known.
func note(list []string, name, otherwise string) []string {
	if name == "" {
		name = otherwise
	}
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

type packetSocket struct {
	protocol uint64
	inode    string
}

// packetSockets lists those bound to an interface (/proc/net/packet: sk,
// RefCnt, Type, Proto in hex, Iface, R, Rmem, User, Inode).
func packetSockets(index int) (all []packetSocket) {
	for _, f := range rows("/proc/thread-self/net/packet") {
		if len(f) < 9 || f[4] != strconv.Itoa(index) {
			continue
		}
		if protocol, err := strconv.ParseUint(f[3], 16, 16); err == nil {
			all = append(all, packetSocket{protocol, f[8]})
		}
	}
	return all
}

// joined reports whether an interface listens to a group (/proc/net/dev_mcast:
// index, name, users, global users, address).
func joined(index int, group string) bool {
	for _, f := range rows("/proc/thread-self/net/dev_mcast") {
		if len(f) >= 5 && f[0] == strconv.Itoa(index) && f[4] == group {
			return true
		}
	}
	return false
}

// rows are the words of a file's lines; none where it cannot be read.
func rows(path string) (all [][]string) {
	b, err := os.ReadFile(path) //nolint:gosec // a file of the kernel, named here
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		all = append(all, strings.Fields(line))
	}
	return all
}

// self is the owner of a socket of the agent's own.
const self = "demarc-agent itself"

// ownersOf names the programs of sockets by inode, as far as the agent's
// rights let it see.
func ownersOf(sockets []packetSocket) map[string]string {
	owners, files := map[string]string{}, 0
	find := func(pid, name string) {
		links, err := os.ReadDir(filepath.Join("/proc", pid, "fd"))
		if err != nil {
			return
		}
		for _, l := range links {
			files++
			to, err := os.Readlink(filepath.Join("/proc", pid, "fd", l.Name()))
			inode, ok := strings.CutPrefix(to, "socket:[")
			if err != nil || !ok {
				continue
			}
			inode = strings.TrimSuffix(inode, "]")
			if owners[inode] == "" && slices.ContainsFunc(sockets, func(s packetSocket) bool { return s.inode == inode }) {
				owners[inode] = name
			}
		}
	}
	find("self", self)
	if len(owners) == len(sockets) {
		return owners
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return owners
	}
	for _, p := range processes {
		if _, err := strconv.Atoi(p.Name()); err != nil || files > maxFiles || len(owners) == len(sockets) {
			continue
		}
		comm, err := os.ReadFile(filepath.Join("/proc", p.Name(), "comm"))
		if err == nil {
			find(p.Name(), strings.TrimSpace(string(comm)))
		}
	}
	return owners
}
