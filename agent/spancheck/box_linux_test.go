package spancheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/internal/netsim"
)

// look reads an interface of the test's namespace.
func look(t *testing.T, name string) *Box {
	t.Helper()
	b, err := Look(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// result is the answer of one check of the interface now.
func result(t *testing.T, name, id string) Result {
	t.Helper()
	b := look(t, name)
	for _, r := range boxResults(b, Card{}) {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("no check %s", id)
	return Result{}
}

// cure runs the command that a result tells.
func cure(t *testing.T, r Result) {
	t.Helper()
	line, _, _ := strings.Cut(r.Cure, " (")
	words := strings.Fields(line)
	netsim.Need(t, words[0])
	if out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput(); err != nil { // what the check tells people to run
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

func TestSilentInterface(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	b := look(t, "span")
	if !b.Up || !b.Carrier || b.MTU != 1500 || b.Loopback || b.Card.Sent != 0 {
		t.Errorf("%+v", b)
	}
	for _, r := range boxResults(b, Card{}) {
		if r.ID != Offloads && r.Verdict != Good {
			t.Errorf("%+v", r)
		}
	}
	netsim.Sender(t, "plant")(make([]byte, 60))
	netsim.Sender(t, "span")(make([]byte, 60))
	if c := look(t, "span").Card; c.Received != 1 || c.Sent != 1 {
		t.Errorf("%+v", c)
	}
	if _, err := Look("eth77"); err == nil || !strings.Contains(err.Error(), "eth77") {
		t.Errorf("%v", err)
	}
	netsim.IP(t, "link", "set", "lo", "up")
	if all := boxResults(look(t, "lo"), Card{}); len(all) != 0 {
		t.Errorf("loopback: %v", all)
	}
}

func TestCuresOfTheInterface(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	netsim.IP(t, "addr", "add", "10.20.4.9/24", "dev", "span")
	r := result(t, "span", Address)
	want(t, r, Bad, "10.20.4.9/24", "ip addr flush dev span")
	cure(t, r)
	want(t, result(t, "span", Address), Good)

	netsim.IP(t, "link", "set", "span", "arp", "on")
	r = result(t, "span", ARP)
	want(t, r, Bad, "ip link set span arp off")
	cure(t, r)
	want(t, result(t, "span", ARP), Good)

	netsim.IP(t, "link", "add", "br0", "type", "bridge")
	netsim.IP(t, "link", "set", "span", "master", "br0")
	r = result(t, "span", Bridge)
	want(t, r, Bad, "br0", "ip link set span nomaster")
	cure(t, r)
	want(t, result(t, "span", Bridge), Good)
}

func TestCureOfIPv6(t *testing.T) {
	netsim.Isolate(t)
	for _, name := range []string{"span", "span.7"} {
		netsim.Veth(t, "plant"+name[4:], name)
		setting := filepath.Join("/proc/sys/net/ipv6/conf", name, "disable_ipv6")
		if err := os.WriteFile(setting, []byte("0"), 0); err != nil {
			netsim.Missing(t, "IPv6 in the kernel: "+err.Error())
		}
		r := result(t, name, IPv6)
		want(t, r, Bad, "sysctl -w", "disable_ipv6=1")
		cure(t, r)
		want(t, result(t, name, IPv6), Good)
	}
}

func TestCureOfOffloads(t *testing.T) {
	netsim.Isolate(t)
	netsim.Need(t, "ethtool")
	netsim.Veth(t, "plant", "span")
	if out, err := exec.CommandContext(t.Context(), "ethtool", "-K", "span", "gro", "on").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r := result(t, "span", Offloads)
	want(t, r, Warning, "GRO is on", "ethtool -K span gro off")
	cure(t, r)
	want(t, result(t, "span", Offloads), Good)
	if b := look(t, "span"); b.Speed != 10e9 {
		t.Errorf("a veth pair says 10 Gbit/s, read as %d", b.Speed)
	}
}

func TestLLDPIsSeen(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	netsim.IP(t, "maddr", "add", "01:80:c2:00:00:0f", "dev", "span") // another group
	want(t, result(t, "span", LLDP), Good)
	netsim.IP(t, "maddr", "add", "01:80:c2:00:00:0e", "dev", "plant") // another interface
	want(t, result(t, "span", LLDP), Good)
	netsim.IP(t, "maddr", "add", "01:80:c2:00:00:0e", "dev", "span")
	want(t, result(t, "span", LLDP), Bad, "01:80:c2:00:00:0e", "lldpcli")
}

// TestDHCPClientIsSeen starts a real one.
func TestDHCPClientIsSeen(t *testing.T) {
	netsim.Isolate(t)
	netsim.Need(t, "udhcpc")
	netsim.Veth(t, "plant", "span")
	want(t, result(t, "span", DHCP), Good)
	client := exec.Command("udhcpc", "-f", "-i", "span", "-s", "/bin/true") //nolint:noctx // ended below
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Process.Kill(); _ = client.Wait() }()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if r := result(t, "span", DHCP); r.Verdict == Bad && look(t, "span").Card.Sent > 0 {
			want(t, r, Bad, "udhcpc", "span")
			break
		} else if time.Now().After(end) {
			t.Fatalf("%+v", r)
		}
	}
	want(t, result(t, "plant", DHCP), Good)
}

// TestHostileAttributes: what the kernel says is read within its bounds.
func TestHostileAttributes(t *testing.T) {
	for _, v := range [][]byte{nil, {1}, {0, 0, 0, 0}, {255, 255, 10, 0}, {4, 0, 10, 0}, {8, 0, 10, 0, 4, 0, 2, 0}, {5, 0, 1, 0, 9}} {
		if a := ipv6Of(v); a == Yes {
			t.Errorf("% x says that IPv6 is on", v)
		}
		_ = cardOf(v)
	}
}
