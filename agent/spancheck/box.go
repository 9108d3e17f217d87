package spancheck

import (
	"fmt"
	"strings"
)

// Box is the state of a capture interface and of the machine around it.
type Box struct {
	Name      string
	Up        bool     // administratively
	Carrier   bool     // there is a link
	Loopback  bool     // its rules do not hold for the loopback interface
	Addresses []string // prefixes on it
	IPv6      Answer   // the kernel speaks IPv6 on it
	ARP       bool     // the kernel answers ARP on it
	Master    string   // bridge or bond that it belongs to
	MTU       int
	Speed     uint64 // bit/s, 0 when unknown
	GRO, LRO  bool   // offloads that join frames
	InStep    Answer // the kernel says that its clock is kept in step

	LLDP []string // who listens or speaks LLDP on it
	DHCP []string // DHCP clients on it
	// Unknown counts packet sockets on it whose program is not to be seen.
	Unknown int

	Card Card
}

// Answer is yes, no, or not to be known.
type Answer uint8

// Answers.
const (
	NotKnown Answer = iota
	No
	Yes
)

// Card counts what the kernel and the card counted since the interface exists.
type Card struct {
	Received, Dropped, Missed, Overrun, Damaged uint64
	Sent                                        uint64
}

func (c Card) less(before Card) Card {
	return Card{
		c.Received - before.Received, c.Dropped - before.Dropped, c.Missed - before.Missed,
		c.Overrun - before.Overrun, c.Damaged - before.Damaged, c.Sent - before.Sent,
	}
}

// boxResults judges the interface; the counters are what came while it was
// listened on.
func boxResults(b *Box, since Card) []Result {
	if b.Loopback {
		return nil
	}
	return []Result{b.address(), b.ipv6(), b.arp(), b.lldp(), b.dhcp(), b.bridge(), b.silence(since), b.offloads()}
}

// addressed softens what an ERSPAN mirror needs: it sends to an address, which
// must answer ARP.
func addressed(all []Result) []Result {
	for i := range all {
		if r := &all[i]; r.Verdict == Bad && (r.ID == Address || r.ID == ARP || r.ID == Silence) {
			r.Verdict = Warning
			r.Evidence += "; most frames come in the tunnel of a mirror (ERSPAN), which needs that"
			r.Cure = "keep this interface in a network of mirrors alone, apart from the plant's devices"
		}
	}
	return all
}

func (b *Box) address() Result {
	if len(b.Addresses) == 0 {
		return Result{Address, Good, b.Name + " has no address", ""}
	}
	return Result{
		Address, Bad, fmt.Sprintf("%s has the address %s: this machine can be reached, and speaks, through the capture interface", b.Name, some(b.Addresses, 3)),
		fmt.Sprintf("ip addr flush dev %s (and take the interface from NetworkManager or systemd-networkd, which would give it one again)", b.Name),
	}
}

func (b *Box) ipv6() Result {
	switch b.IPv6 {
	case No:
		return Result{IPv6, Good, "IPv6 is off on " + b.Name, ""}
	case Yes:
		return Result{IPv6, Bad, fmt.Sprintf("IPv6 is on: the kernel sends router solicitations and multicast reports on %s", b.Name), b.sysctl("disable_ipv6=1")}
	}
	return Result{IPv6, CannotTell, "the kernel does not say whether IPv6 is on", b.sysctl("disable_ipv6=1")}
}

// sysctl writes a setting's path with slashes where the name has a dot.
func (b *Box) sysctl(setting string) string {
	if strings.Contains(b.Name, ".") {
		return fmt.Sprintf("sysctl -w net/ipv6/conf/%s/%s", b.Name, setting)
	}
	return fmt.Sprintf("sysctl -w net.ipv6.conf.%s.%s", b.Name, setting)
}

func (b *Box) arp() Result {
	if !b.ARP {
		return Result{ARP, Good, "ARP is off on " + b.Name, ""}
	}
	return Result{ARP, Bad, fmt.Sprintf("ARP is on: the kernel can ask and answer on %s", b.Name), fmt.Sprintf("ip link set %s arp off", b.Name)}
}

func (b *Box) lldp() Result {
	if len(b.LLDP) == 0 {
		return b.unseen(LLDP, "no program has joined LLDP on "+b.Name)
	}
	return Result{
		LLDP, Bad, fmt.Sprintf("LLDP is on: %s on %s, which announces this machine to the switch", some(b.LLDP, 3), b.Name),
		fmt.Sprintf("lldpcli configure ports %s lldp status disabled; with systemd-networkd LLDP=no and EmitLLDP=no", b.Name),
	}
}

func (b *Box) dhcp() Result {
	if len(b.DHCP) == 0 {
		return b.unseen(DHCP, "no DHCP client runs on "+b.Name)
	}
	cures := []string{}
	for _, who := range b.DHCP {
		cures = append(cures, stopDHCP(b.Name, who))
	}
	return Result{
		DHCP, Bad, fmt.Sprintf("a DHCP client runs: %s sends requests into the plant through %s", some(b.DHCP, 3), b.Name),
		strings.Join(cures, "; "),
	}
}

// stopDHCP is the command that takes an interface from a DHCP client.
func stopDHCP(name, who string) string {
	switch program, _, _ := strings.Cut(who, " "); program {
	case "dhclient":
		return "dhclient -x " + name
	case "dhcpcd":
		return "dhcpcd -k " + name
	case "NetworkManager":
		return fmt.Sprintf("nmcli device set %s managed no", name)
	case "systemd-network":
		return fmt.Sprintf("Unmanaged=yes in a [Link] section of a .network file for %s, then networkctl reload", name)
	}
	return fmt.Sprintf("stop the DHCP client on %s, and take the interface from whatever starts it", name)
}

// unseen is good, unless there are sockets of programs that the agent's rights
// do not let it see.
func (b *Box) unseen(id, good string) Result {
	if b.Unknown == 0 {
		return Result{id, Good, good, ""}
	}
	return Result{
		id, CannotTell, fmt.Sprintf("%d packet sockets of other programs are open on %s; which programs, root alone can see", b.Unknown, b.Name),
		"run demarc-agent check as root, or look with: ss -0 -p",
	}
}

func (b *Box) bridge() Result {
	if b.Master == "" {
		return Result{Bridge, Good, b.Name + " belongs to no bridge", ""}
	}
	return Result{
		Bridge, Bad, fmt.Sprintf("%s belongs to %s, which may forward mirrored frames into another network", b.Name, b.Master),
		fmt.Sprintf("ip link set %s nomaster", b.Name),
	}
}

func (b *Box) silence(since Card) Result {
	if since.Sent == 0 {
		return Result{Silence, Good, b.Name + " sent no frame while it was listened on", ""}
	}
	return Result{
		Silence, Bad, fmt.Sprintf("%s sent %d frames while it was listened on; not the agent, which cannot send", b.Name, since.Sent),
		fmt.Sprintf("see what speaks: tcpdump -ni %s -Q out; then silence the interface: ip addr flush dev %s; ip link set %s arp off multicast off; %s", b.Name, b.Name, b.Name, b.sysctl("disable_ipv6=1")),
	}
}

func (b *Box) offloads() Result {
	var on []string
	line := "ethtool -K " + b.Name
	if b.GRO {
		on, line = append(on, "GRO"), line+" gro off"
	}
	if b.LRO {
		on, line = append(on, "LRO"), line+" lro off"
	}
	if len(on) == 0 {
		return Result{Offloads, Good, "no offload joins frames on " + b.Name, ""}
	}
	return Result{Offloads, Warning, fmt.Sprintf("%s is on: frames are joined before the agent sees them, so lengths and counts are not those of the wire", strings.Join(on, " and ")), line}
}
