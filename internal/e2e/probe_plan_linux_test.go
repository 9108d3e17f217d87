package e2e

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"demarc/internal/netsim"
)

// wire is what left by an interface: the payloads of TCP to each port in their
// order, and what is no TCP to the device.
type wire struct {
	payload map[int][]byte
	frames  int
	others  []string
}

// recorded captures an interface while f runs, with tcpdump.
func recorded(t *testing.T, iface, source, device string, f func()) wire {
	t.Helper()
	file, stop := netsim.Record(t, iface, "-Q", "out")
	f()
	stop()
	raw, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close() //nolint:errcheck // read only
	r, err := pcapgo.NewReader(raw)
	if err != nil {
		t.Fatal(err)
	}
	w := wire{payload: map[int][]byte{}}
	type place struct{ from, to, sequence uint32 }
	seen := map[place]bool{} // for what was sent again
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			return w
		}
		w.frames++
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		tcp, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		switch {
		case p.Layer(layers.LayerTypeARP) != nil:
		case ip == nil || tcp == nil || ip.SrcIP.String() != source || ip.DstIP.String() != device:
			w.others = append(w.others, p.String())
		default:
			at := place{uint32(tcp.SrcPort), uint32(tcp.DstPort), tcp.Seq}
			if len(tcp.Payload) > 0 && !seen[at] {
				seen[at] = true
				w.payload[int(tcp.DstPort)] = append(w.payload[int(tcp.DstPort)], tcp.Payload...)
			}
		}
	}
}

// step is a request as `probe --plan -o json` prints it.
type step struct {
	Target, What, When, Bytes string
	Most                      int
}

// pattern is a step as an expression over hexadecimal digits.
func (s step) pattern() string {
	b := strings.NewReplacer(" ", "", "??", "[0-9a-f]{2}", "...", "(?:[0-9a-f]{2})*").Replace(s.Bytes)
	switch {
	case s.Most > 1:
		return fmt.Sprintf("(?:%s){0,%d}", b, s.Most)
	case s.When != "":
		return "(?:" + b + ")?"
	}
	return b
}

// TestPlanPrintedIsWhatLeaves: what `probe --plan` prints and what a recorder on
// the wire has of `probe --once` are the same bytes, of both protocols; nothing
// else leaves, and nothing at all while the plan is made.
func TestPlanPrintedIsWhatLeaves(t *testing.T) {
	agent, _ := programs(t)
	network(t)
	netsim.IP(t, "link", "add", "probe0", "type", "veth", "peer", "name", "device0")
	netsim.IP(t, "address", "add", "10.20.4.250/24", "dev", "probe0")
	far := netsim.NewSpace(t)
	far.Take("device0")
	netsim.IP(t, "link", "set", "probe0", "up")
	asked := &counted{}
	far.Do(func() {
		netsim.IP(t, "address", "add", "10.20.4.10/24", "dev", "device0")
		netsim.IP(t, "link", "set", "device0", "up")
		modbusAt(t, "10.20.4.10:502", asked)
		opcuaServer(t, "10.20.4.10", 4840, "Basic256Sha256")
	})
	netsim.WaitUp(t, "probe0")
	state := t.TempDir()
	config := filepath.Join(state, "agent.yaml")
	text := "state: " + state + "\ninterfaces: [{name: span, segment: line4}]\n" +
		"probe: {enabled: true, interface: probe0, source: 10.20.4.250, networks: [10.20.4.0/24], budget: {device: 600, network: 600}, targets: [{address: 10.20.4.10,\n" +
		"  modbus: {units: \"1-3\", identification: extended}, opcua: {session: anonymous, security: none}}]}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	probe := func(args ...string) []byte {
		t.Helper()
		out, err := exec.Command(agent, append([]string{"probe", "--config", config}, args...)...).Output() // our own program
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		return out
	}
	var plan []step
	span := netsim.Sent(t, "span")
	if w := recorded(t, "probe0", "10.20.4.250", "10.20.4.10", func() {
		if err := json.Unmarshal(probe("--plan", "-o", "json"), &plan); err != nil {
			t.Fatal(err)
		}
	}); w.frames != 0 {
		t.Errorf("the plan sent %d frames", w.frames)
	}
	w := recorded(t, "probe0", "10.20.4.250", "10.20.4.10", func() { probe("--once") })
	if netsim.Sent(t, "span") != span {
		t.Error("the capture interface sent something")
	}
	if len(w.others) > 0 {
		t.Errorf("%d frames that nobody planned: %s", len(w.others), w.others[0])
	}
	whole := map[int]string{}
	for _, s := range plan {
		var port int
		if _, err := fmt.Sscanf(s.Target, "10.20.4.10:%d", &port); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		whole[port] += s.pattern()
	}
	if len(whole) != 2 || len(w.payload) != 2 || asked.n.Load() != 9 {
		t.Errorf("%d ports are planned, %d were spoken to; %d Modbus requests came", len(whole), len(w.payload), asked.n.Load())
	}
	for port, pattern := range whole {
		if got := hex.EncodeToString(w.payload[port]); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			t.Errorf("port %d: the plan is\n%s\nand the wire had\n%s", port, pattern, got)
		}
	}
	t.Logf("%d steps are planned; %d frames left with %d bytes of Modbus and %d of OPC UA", len(plan), w.frames, len(w.payload[502]), len(w.payload[4840]))
}
