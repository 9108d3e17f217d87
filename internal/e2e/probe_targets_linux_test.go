package e2e

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// TestProbeOfARole: an engineer plans "what is a PLC in line 4 and was seen of
// late"; of the PLCs that an old capture showed, the one that is heard now is
// asked, and no other.
func TestProbeOfARole(t *testing.T) {
	agent, collector := programs(t)
	network(t)
	netsim.IP(t, "link", "add", "probe0", "type", "veth", "peer", "name", "device0")
	netsim.IP(t, "address", "add", "10.20.4.250/24", "dev", "probe0")
	far := netsim.NewSpace(t)
	far.Take("device0")
	netsim.IP(t, "link", "set", "probe0", "up")
	far.Do(func() {
		for i := range 20 { // every address is answered
			netsim.IP(t, "address", "add", fmt.Sprintf("10.20.4.%d/24", 10+i), "dev", "device0")
		}
		netsim.IP(t, "link", "set", "device0", "up")
	})
	asked, others := &counted{}, &counted{}
	far.Do(func() {
		modbusAt(t, "10.20.4.11:502", asked)
		for i := range 20 {
			if i != 1 {
				modbusAt(t, fmt.Sprintf("10.20.4.%d:502", 10+i), others)
			}
		}
	})

	c := newCollector(t, collector)
	c.must("apply", "-f", filepath.Join("..", "..", "deploy", "example"))
	a := c.asker(agent, "houston", "a1", "span", "interface: probe0, source: 10.20.4.250, networks: [10.20.4.0/24, 192.168.1.0/24], timeout: 1m, budget: {device: 6000, network: 6000}")
	if err := feed(agent, c.uplinkAddr, a.state, filepath.Join("..", "..", "testdata", "plant", "line4.pcap"), 0); err != nil {
		t.Fatal(err)
	}
	a.start(c)
	if _, err := c.try("probe", "plan", "--agent", "a1", "--address", "10.20.5.10", "--modbus"); err == nil || !strings.Contains(err.Error(), "may not ask 10.20.5.10: its own settings allow 10.20.4.0/24") {
		t.Errorf("outside of what the agent may ask: %v", err)
	}
	if _, err := c.try("probe", "plan", "--agent", "a1", "--address", "10.20.4.11", "--modbus", "--units", "1-64"); err == nil || !strings.Contains(err.Error(), "at most 32 are asked") {
		t.Errorf("more units than the agent takes: %v", err)
	}
	plan := func(more ...string) (string, error) {
		out, err := c.try(append([]string{"probe", "plan", "--agent", "a1", "--role", "plc", "--boundary", "line4", "--modbus"}, more...)...)
		return string(out), err
	}
	if out, err := plan(); err == nil || !strings.Contains(err.Error(), "means no device") {
		t.Errorf("nobody was seen of late: %s, %v", out, err)
	}
	all, err := plan("--seen-hours", "90000", "--dry-run")
	if err != nil || !strings.Contains(all, "10.20.4.11") || strings.Count(all, ",") < 1 {
		t.Errorf("of all times: %s, %v", all, err)
	}
	send := netsim.Sender(t, "plant")
	for _, f := range frames(t, "line4.pcap", "10.60.61.30", "10.20.4.11") {
		send(f)
	}
	waitFor(t, "what is heard now", func() bool {
		out, err := plan("--seen-hours", "2", "--dry-run")
		return err == nil && strings.Contains(out, "asks 10.20.4.11.")
	})
	c.must("probe", "approve", c.planned("--agent", "a1", "--role", "plc", "--boundary", "line4", "--seen-hours", "2", "--modbus"))
	waitFor(t, "the answer of the PLC", func() bool {
		return bytes.Contains(c.must("get", "assets", "-o", "json"), []byte(`"probe.modbus.device_id.product_code"`))
	})
	if asked.n.Load() != 1 || others.n.Load() != 0 {
		t.Errorf("the PLC was asked %d times, others %d times", asked.n.Load(), others.n.Load())
	}
	a.end()
}

// TestKillOfOneSite: the switch of a site ends what is asked there within a
// second; at the other site asking goes on to its end.
func TestKillOfOneSite(t *testing.T) {
	agent, collector := programs(t)
	network(t)
	netsim.Veth(t, "plant2", "span2")
	here, there := &counted{}, &counted{}
	here.slow.Store(int64(100 * time.Millisecond)) // its scan takes far longer: over half a second a request
	modbusAt(t, "127.0.0.7:5020", here)
	modbusAt(t, "127.0.0.8:5020", there)
	c := newCollector(t, collector)
	houston := c.ask(agent, "houston", "a1", "span", loopback)
	alpha := c.ask(agent, "alpha", "b1", "span2", loopback)
	scan := func(agent, address string) {
		c.must("probe", "approve", c.planned("--agent", agent, "--address", address, "--modbus", "--modbus-port", "5020", "--units", "1-32", "--identification", "extended"))
	}
	scan("a1", "127.0.0.7")
	scan("b1", "127.0.0.8")
	waitFor(t, "both scans", func() bool { return here.n.Load() > 2 && there.n.Load() > 2 })

	c.must("probe", "kill", "--site", "houston", "--reason", "the line trips")
	killed, before := time.Now(), here.n.Load()
	waitFor(t, "the end of the other scan", func() bool { return there.n.Load() == 96 })
	delay, n := time.Unix(0, here.last.Load()).Sub(killed), here.n.Load()
	t.Logf("at houston the last of %d requests came %v after the kill command; at alpha all 96 were sent", n, delay.Round(time.Millisecond))
	if n > before+2 || n == 96 {
		t.Errorf("%d requests after the switch of the site, %d in all", n-before, n)
	}
	if k := c.stateOf("a1").GetKilled(); !strings.Contains(k, "the line trips") {
		t.Errorf("houston's agent says %q", k)
	}
	if k := c.stateOf("b1").GetKilled(); k != "" {
		t.Errorf("alpha's agent says %q", k)
	}
	if out := c.must("probe", "list"); !bytes.Contains(out, []byte("STOPPED at site houston")) || bytes.Contains(out, []byte("every site")) {
		t.Errorf("%s", out)
	}
	scan("a1", "127.0.0.7")
	scan("b1", "127.0.0.8")
	waitFor(t, "alpha being asked on", func() bool { return there.n.Load() > 96 })
	if here.n.Load() != n {
		t.Errorf("houston was asked %d times more", here.n.Load()-n)
	}
	c.must("probe", "resume", "--site", "houston", "--reason", "mended")
	waitFor(t, "houston being asked again", func() bool { return here.n.Load() > n })
	houston.end()
	alpha.end()
}

// TestProbeWindows: outside its windows an agent asks nothing, says so, and asks
// what was approved once one opens.
func TestProbeWindows(t *testing.T) {
	agent, collector := programs(t)
	network(t)
	asked := &counted{}
	modbusAt(t, "127.0.0.7:5020", asked)
	c := newCollector(t, collector)
	window := func(from, until time.Duration) string {
		now := time.Now().UTC()
		return fmt.Sprintf(`%s, targets: [{address: 127.0.0.7, modbus: {port: 5020}}], windows: [{from: "%s", until: "%s", zone: UTC}]`,
			loopback, now.Add(from).Format("15:04"), now.Add(until).Format("15:04"))
	}
	a := c.ask(agent, "houston", "a1", "span", window(2*time.Hour, 3*time.Hour))
	c.must("probe", "approve", c.planned("--agent", "a1", "--address", "127.0.0.7", "--modbus", "--modbus-port", "5020"))
	if out, err := a.probe("--once"); err == nil || !strings.Contains(out, "outside every window") {
		t.Errorf("by hand: %v, %s", err, out)
	}
	if out := c.must("probe", "list"); !bytes.Contains(out, []byte("waits: outside every window of probe.windows: ")) {
		t.Errorf("%s", out)
	}
	time.Sleep(2 * time.Second) // the agent looks each second
	if asked.n.Load() != 0 {
		t.Errorf("asked %d times outside the window", asked.n.Load())
	}
	a.end()
	a.settings(c, window(-time.Hour, 2*time.Hour))
	a.start(c)
	waitFor(t, "what was approved", func() bool { return asked.n.Load() == 2 }) // and its own target
	waitFor(t, "its outcome", func() bool { return bytes.Contains(c.must("probe", "list"), []byte("answered")) })
	a.end()
}

// TestTrustIsAskedOfAPerson: an OPC UA server's certificate that nobody has looked
// at is shown at the collector, where the session was wanted; the session is
// entered once a person has written it into the agent's settings.
func TestTrustIsAskedOfAPerson(t *testing.T) {
	agent, collector := programs(t)
	network(t)
	trust := opcuaServer(t, "127.0.0.8", 4840, "Basic256Sha256")
	c := newCollector(t, collector)
	a := c.ask(agent, "houston", "a1", "span", loopback)
	session := func() string {
		t.Helper()
		id := c.planned("--agent", "a1", "--address", "127.0.0.8", "--opcua", "--session")
		c.must("probe", "approve", id)
		var outcome *demarcv1.ProbeOutcome
		waitFor(t, "the outcome", func() bool {
			all := c.stateOf("a1").GetOutcomes()
			i := slices.IndexFunc(all, func(o *demarcv1.ProbeOutcome) bool { return o.GetSchedule() == id })
			if i >= 0 {
				outcome = all[i]
			}
			return i >= 0
		})
		return outcome.GetError()
	}
	if got := session(); !strings.Contains(got, "is not trusted: SHA-256 "+trust) || !strings.Contains(got, "probe.trust:") {
		t.Errorf("a certificate that nobody knows: %q", got)
	}
	if out := c.must("probe", "list"); !bytes.Contains(out, []byte(trust)) {
		t.Errorf("%s", out)
	}
	a.end()
	a.settings(c, loopback+", trust: ["+strings.ToUpper(trust)+"]")
	a.start(c)
	if got := session(); got != "" {
		t.Errorf("trusted, and %q", got)
	}
	waitFor(t, "the server's name plate", func() bool {
		return bytes.Contains(c.must("get", "assets", "-o", "json"), []byte(`"probe.opcua.build_info.software_version"`))
	})
	a.end()
}
