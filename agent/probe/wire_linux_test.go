package probe

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"golang.org/x/sys/unix"

	"demarc/agent/capture"
	"demarc/agent/config"
	"demarc/internal/netsim"
	"demarc/internal/reading"
)

// Addresses of the probe and of the device in the test's own network.
const (
	proberIP = "10.20.4.250"
	deviceIP = "10.20.4.10"
)

// peer starts a program in a network namespace of its own, at the other end of
// the cable. It is this test's binary first (see asPeer), which waits for the
// cable and becomes the program.
func peer(t testing.TB, iface string, command ...string) {
	t.Helper()
	c := exec.Command(os.Args[0], append([]string{"probe-peer", iface}, command...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		netsim.Missing(t, "network namespaces: "+err.Error())
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	netsim.IP(t, "link", "set", iface, "netns", strconv.Itoa(c.Process.Pid))
	untilReady(t, command, out)
}

// asPeer is the other end: it takes its address and becomes the program.
func asPeer(iface string, command []string) error {
	for _, f := range []string{"all", "default"} { // a silent network
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+f+"/disable_ipv6", []byte("1"), 0)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := net.InterfaceByName(iface); err == nil {
			break
		} else if time.Now().After(end) {
			return err
		}
	}
	for _, args := range [][]string{{"link", "set", "lo", "up"}, {"address", "add", deviceIP + "/24", "dev", iface}, {"link", "set", iface, "up"}} {
		if out, err := exec.CommandContext(context.Background(), "ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	switch command[0] {
	case "plc":
		return servePLC()
	case "gopcua":
		return serveGopcua(command[1])
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, command, os.Environ())
}

func servePLC() error {
	l, err := net.Listen("tcp", deviceIP+":502")
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return netsim.Modbus(l, plc)
}

// serveGopcua writes the server's certificate into a directory before it says
// that it is ready.
func serveGopcua(dir string) error {
	raw, err := makeCertificate(time.Now())
	if err != nil {
		return err
	}
	der, key, err := readPEM(raw)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "server.der"), der, 0o600); err != nil {
		return err
	}
	if _, err := gopcuaServer(context.Background(), deviceIP, 4840, der, key, true); err != nil {
		return err
	}
	fmt.Println("ready")
	select {}
}

// wireLab is a cable to a device, a SPAN port, and a recorder of every frame.
type wireLab struct {
	file  string
	stop  func()
	frame func([]byte) // puts a frame on the SPAN port
}

// cable makes the test's network: probe0 with the probe's address leads to the
// device, span0 hears what span1 sends.
func cable(t testing.TB, command ...string) *wireLab {
	t.Helper()
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	netsim.IP(t, "link", "add", "probe0", "type", "veth", "peer", "name", "device0")
	netsim.IP(t, "address", "add", proberIP+"/24", "dev", "probe0")
	netsim.Veth(t, "span0", "span1")
	peer(t, "device0", command...)
	w := &wireLab{frame: netsim.Sender(t, "span1")}
	netsim.IP(t, "link", "set", "probe0", "up")
	netsim.WaitUp(t, "probe0")
	w.file, w.stop = netsim.Record(t, "probe0")
	return w
}

// frames sorts what the probe's interface sent: payload of TCP in its order,
// and frames that are neither such nor bare TCP segments or ARP.
func (w *wireLab) frames(t testing.TB, port int) (payload []byte, bare, arp int, others []string) {
	t.Helper()
	w.stop()
	raw, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	own := ""
	for f := range strings.FieldsSeq(netsim.IP(t, "-br", "link", "show", "dev", "probe0")) {
		if strings.Count(f, ":") == 5 {
			own = f
		}
	}
	type place struct{ port, sequence uint32 }
	seen := map[place]bool{} // for retransmissions
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			return payload, bare, arp, others
		}
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		eth := p.LinkLayer().(*layers.Ethernet)
		if eth.SrcMAC.String() != own {
			continue // the device's
		}
		if p.Layer(layers.LayerTypeARP) != nil {
			arp++
			continue
		}
		ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		tcp, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if ip == nil || tcp == nil || ip.SrcIP.String() != proberIP || ip.DstIP.String() != deviceIP || int(tcp.DstPort) != port {
			others = append(others, p.String())
			continue
		}
		if len(tcp.Payload) == 0 {
			bare++
		} else if at := (place{uint32(tcp.SrcPort), tcp.Seq}); !seen[at] {
			seen[at] = true
			payload = append(payload, tcp.Payload...)
		}
	}
}

func wireSettings(targets ...reading.Target) config.Probe {
	return config.Probe{
		Enabled: true, Interface: "probe0", Source: proberIP, Networks: []string{"10.20.4.0/24"}, Timeout: "5m",
		Targets: targets, Budget: reading.Budget{Device: 6000, Network: 6000},
	}
}

// listening opens the capture interface while f runs, and checks that nothing
// left by it.
func (w *wireLab) listening(t testing.TB, f func()) {
	t.Helper()
	before := netsim.Sent(t, "span0")
	src, err := capture.OpenLive("span0", capture.LiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.frame(bytes.Repeat([]byte{0xff}, 64))
	f()
	var got capture.Frame
	if err := src.Next(&got); err != nil || len(got.Data) != 64 {
		t.Errorf("the SPAN port heard %d bytes: %v", len(got.Data), err)
	}
	_ = src.Close()
	if sent := netsim.Sent(t, "span0") - before; sent != 0 {
		t.Errorf("%d frames left by the capture interface", sent)
	}
}

// onWire asks a device over the cable, one target after the other, and counts
// every frame: the requests of each are those of its plan, and what was logged
// is what the wire had, byte by byte. It returns what was asked and told.
func onWire(t *testing.T, w *wireLab, port int, s config.Probe) *notes {
	t.Helper()
	n := &notes{}
	p, err := New(Options{Settings: s, Captures: []string{"span0"}, State: t.TempDir(), Sink: n, Log: discard, Child: []string{os.Args[0], ChildArgument}})
	if err != nil {
		t.Fatal(err)
	}
	w.listening(t, func() {
		for _, j := range p.Jobs() {
			steps, err := p.Plan(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			before := len(n.entries())
			if err := p.Ask(t.Context(), j); err != nil {
				t.Errorf("%+v: %v", j.Target, err)
			}
			planned(t, steps, sentBytes(n.entries()[before:]))
		}
	})
	payload, bare, arp, others := w.frames(t, port)
	logged := sentBytes(n.entries())
	if all := bytes.Join(logged, nil); !bytes.Equal(all, payload) {
		t.Errorf("the log has\n%x\nand the wire had\n%x", all, payload)
	}
	if len(others) > 0 {
		t.Errorf("%d frames that nobody planned: %s", len(others), others[0])
	}
	if bare > 6*(len(logged)+1) || arp > 2*(len(p.Jobs())+1) { // the kernel forgets its neighbours after a while
		t.Errorf("%d requests took %d segments without payload and %d ARP frames", len(logged), bare, arp)
	}
	t.Logf("frames sent: %d requests of %d bytes, %d TCP segments without payload, %d ARP, %d others", len(logged), len(payload), bare, arp, len(others))
	return n
}

// TestEveryFrameOnTheWire: in a network of its own, the frames that leave are
// the planned requests and what TCP and ARP need for them; the capture
// interface sends nothing meanwhile.
func TestEveryFrameOnTheWire(t *testing.T) {
	w := cable(t, "plc")
	n := onWire(t, w, 502, wireSettings(reading.Target{Address: deviceIP, Modbus: everything(502)}))
	if len(n.entries()) != 7 || n.value("serial") == "" {
		t.Errorf("%d requests, %+v", len(n.entries()), n.facts)
	}
}

// everyWay is a target for each way into a server: discovery, no security, and
// each policy signed and encrypted.
func everyWay(policies ...string) (all []reading.Target) {
	add := func(session, security string) {
		all = append(all, reading.Target{Address: deviceIP, OPCUA: &reading.OPCUA{Session: session, Security: security}})
	}
	add("none", "")
	add("anonymous", "none")
	for _, p := range policies {
		add("anonymous", p+" sign")
		add("anonymous", p+" sign-and-encrypt")
	}
	return all
}

// TestEveryFrameOfGopcua: a discovery, and a session in every security mode.
func TestEveryFrameOfGopcua(t *testing.T) {
	needChild(t)
	dir := t.TempDir()
	w := cable(t, "gopcua", dir)
	s := wireSettings(everyWay(reading.Policies...)...)
	s.Trust = []string{thumbprintOf(t, dir)}
	n := onWire(t, w, 4840, s)
	each := 5 + 7 // messages of a discovery and of a session without devices
	if got := len(n.entries()); got != 5+(1+2*len(reading.Policies))*each || n.count("firmware", "4.5.6") != 1+2*len(reading.Policies) {
		t.Errorf("%d requests, %d name plates", got, n.count("firmware", "4.5.6"))
	}
}

// TestEveryFrameOfNodeOPCUA: the same with a server of another maker, which has
// devices, and by name and certificate.
func TestEveryFrameOfNodeOPCUA(t *testing.T) {
	needChild(t)
	modules, dir := nodeModules(t, "node-opcua-server"), t.TempDir()
	w := cable(t, "env", "NODE_PATH="+modules, "node", "--security-revert=CVE-2023-46809", testdata(t, "node_opcua_server.js"), deviceIP, "4840", dir)
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, cert, key := testCertificate(t, dir)
	targets := everyWay(nodePolicies...)
	for _, session := range []string{"user", "certificate"} {
		targets = append(targets, reading.Target{Address: deviceIP, OPCUA: &reading.OPCUA{
			Session: session, User: "reader", Password: password, Certificate: cert, Key: key,
		}})
	}
	s := wireSettings(targets...)
	s.Trust = []string{thumbprintOf(t, dir)}
	n := onWire(t, w, 4840, s)
	if got := n.count("serial", "SN-4711"); got != len(targets)-1 {
		t.Errorf("%d name plates of %d sessions", got, len(targets)-1)
	}
}

// thumbprintOf is that of the certificate which a server wrote.
func thumbprintOf(t testing.TB, dir string) string {
	t.Helper()
	der, err := os.ReadFile(filepath.Join(dir, "server.der"))
	if err != nil {
		t.Fatal(err)
	}
	return thumbprint(der)
}

// TestCaptureInterfacesAreRefused: by name, by address, and by the link below.
func TestCaptureInterfacesAreRefused(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "span0", "span1")
	netsim.Veth(t, "other0", "other1")
	netsim.Veth(t, "port0", "port1")
	netsim.IP(t, "link", "add", "br0", "type", "bridge")
	netsim.IP(t, "link", "set", "port0", "master", "br0")
	for _, x := range [][2]string{{"span0", "10.1.0.1/24"}, {"other0", "10.3.0.1/24"}, {"br0", "10.4.0.1/24"}} {
		netsim.IP(t, "address", "add", x[1], "dev", x[0])
	}
	for _, c := range []struct {
		iface, source string
		captures      []string
		want          string
	}{
		{"span0", "10.1.0.1", []string{"span0"}, "never send"},
		{"br0", "10.4.0.1", []string{"port0"}, "by a link of the capture interface"},
		{"other0", "10.1.0.1", []string{"span0"}, "is no address of other0"},
		{"none0", "10.1.0.1", nil, "none0"},
		{"other0", "10.3.0.1", []string{"span0", "port0", "gone0"}, ""},
	} {
		s := wireSettings(reading.Target{Address: deviceIP, Modbus: everything(502)})
		s.Interface, s.Source = c.iface, c.source
		_, err := New(Options{Settings: s, Captures: c.captures, Sink: &notes{}, Log: discard})
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s beside %v: %v, want %q", c.iface, c.source, c.captures, err, c.want)
		}
	}
}

// TestBelow: what an interface sends by, of VLANs, bonds and bridges, and where
// what it stands on lies in another namespace.
func TestBelow(t *testing.T) {
	host := func(index int) ref { return ref{0, index} }
	all := map[ref]link{
		here(1): {}, here(2): {on: here(1)}, here(3): {on: here(2)}, here(4): {port: here(6)}, here(5): {port: here(6)}, here(6): {}, here(7): {on: here(6)},
		here(8): {on: here(8)}, here(9): {}, here(10): {on: host(1)}, here(11): {on: host(1)},
	}
	for from, want := range map[int][]ref{
		1: {here(1)}, 2: {here(1), here(2)}, 3: {here(1), here(2), here(3)}, 4: {here(4), here(5), here(6)}, 7: {here(4), here(5), here(6), here(7)},
		8: {here(8)}, 9: {here(9)}, 10: {here(10), host(1)}, 11: {here(11), host(1)},
	} {
		got := below(here(from), all, map[ref]bool{})
		if len(got) != len(want) || slices.ContainsFunc(want, func(r ref) bool { return !got[r] }) {
			t.Errorf("%d sends by %v, want %v", from, got, want)
		}
	}
}

// TestLinksOfOtherNamespaces: what a capture interface stands on may lie in
// another namespace, as a container's does. A link here that has its number
// is another one, and two cards on one card there are one way out.
func TestLinksOfOtherNamespaces(t *testing.T) {
	netsim.Isolate(t)
	far, thread := netsim.NewSpace(t), unix.Gettid()
	netsim.IP(t, "link", "add", "name", "span0", "index", "101", "type", "veth", "peer", "name", "far0", "index", "102")
	far.Take("far0")
	netsim.IP(t, "link", "add", "name", "near0", "index", "102", "type", "veth", "peer", "name", "near1", "index", "103")
	netsim.IP(t, "link", "add", "name", "card0", "type", "veth", "peer", "name", "card1")
	far.Take("card0")
	for _, name := range []string{"mac0", "mac1"} {
		far.Do(func() {
			netsim.IP(t, "link", "add", "link", "card0", "name", name, "type", "macvlan", "mode", "bridge")
			netsim.IP(t, "link", "set", name, "netns", strconv.Itoa(thread))
		})
	}
	for i, name := range []string{"near0", "mac0"} {
		netsim.IP(t, "address", "add", fmt.Sprintf("10.%d.0.1/24", i), "dev", name)
	}
	for _, c := range []struct{ iface, source, capture, want string }{
		{"near0", "10.0.0.1", "span0", ""},
		{"mac0", "10.1.0.1", "mac1", "by a link of the capture interface"},
	} {
		s := wireSettings(reading.Target{Address: deviceIP, Modbus: everything(502)})
		s.Interface, s.Source = c.iface, c.source
		_, err := New(Options{Settings: s, Captures: []string{c.capture}, Sink: &notes{}, Log: discard})
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s beside %s: %v, want %q", c.iface, c.capture, err, c.want)
		}
	}
}

// debianPython is the interpreter that Debian's packages belong to.
const debianPython = "/usr/bin/python3"

// needPython ends the test unless a module of Debian's is there.
func needPython(t testing.TB, module, pkg string) {
	t.Helper()
	netsim.Need(t, debianPython)
	if err := exec.CommandContext(t.Context(), debianPython, "-c", "import "+module).Run(); err != nil {
		netsim.Missing(t, "the Debian package "+pkg)
	}
}

// TestPymodbus: a real server, over the cable.
func TestPymodbus(t *testing.T) {
	needPython(t, "pymodbus", "python3-pymodbus")
	w := cable(t, debianPython, "-u", testdata(t, "pymodbus_server.py"), deviceIP, "502")
	n := onWire(t, w, 502, wireSettings(reading.Target{Address: deviceIP, Modbus: &reading.Modbus{
		Units: "1", Identification: "extended", ServerID: true, SunSpec: true, Registers: []reading.Register{{Attribute: "serial", Register: 1000, Count: 4}},
	}}))
	for attribute, want := range map[string]string{"vendor": "Pymodbus", "model": "PM", "firmware": "3.0", "product": "Pymodbus Server", "serial": "PLATE-77"} {
		if got := n.value(attribute); got != want {
			t.Errorf("%s is %q, want %q", attribute, got, want)
		}
	}
}

// TestModbusSerial: another real server, which answers function 43.
func TestModbusSerial(t *testing.T) {
	modules := nodeModules(t, "modbus-serial")
	w := cable(t, "env", "NODE_PATH="+modules, "node", testdata(t, "modbus_serial_server.js"), deviceIP, "502")
	n := onWire(t, w, 502, wireSettings(reading.Target{Address: deviceIP, Modbus: &reading.Modbus{
		Units: "1", Identification: "basic", Registers: []reading.Register{{Attribute: "serial", Register: 1000, Count: 4, Input: true}},
	}}))
	for attribute, want := range map[string]string{"vendor": "ACME", "model": "MS-1", "firmware": "2.1", "serial": "PLATE-78"} {
		if got := n.value(attribute); got != want {
			t.Errorf("%s is %q, want %q", attribute, got, want)
		}
	}
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// nodeModules installs the packages of testdata/package-lock.json into the
// user's cache once, and returns their folder.
func nodeModules(t testing.TB, needed string) string {
	t.Helper()
	netsim.Need(t, "node", "npm")
	lock, err := os.ReadFile(testdata(t, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "demarc-probe-test", hash(lock))
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(filepath.Join(dir, "installed")); err == nil {
		return modules
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := os.ReadFile(testdata(t, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		netsim.Missing(t, fmt.Sprintf("the npm package %s (npm ci: %v: %s)", needed, err, out))
	}
	if err := os.WriteFile(filepath.Join(dir, "installed"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return modules
}
