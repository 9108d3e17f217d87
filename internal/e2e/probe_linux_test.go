package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"demarc/internal/netsim"
)

// modbusDevice answers every identification, and counts what it is asked.
func modbusDevice(t *testing.T, address string) (asked, last *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	asked, last = new(atomic.Int64), new(atomic.Int64)
	identity := append([]byte{43, 14, 1, 0x83, 0, 0, 2, 0, 4}, "ACME\x01\x06PM-800"...)
	go func() {
		_ = netsim.Modbus(l, func([]byte) []byte { // until the test ends
			asked.Add(1)
			last.Store(time.Now().UnixNano())
			return identity
		})
	}()
	return asked, last
}

// TestProbeFromPlanToKill: through the built programs, a schedule is asked once
// it is approved, its answers and requests reach the collector, the kill switch
// ends it within a second, and the capture interface sends nothing.
func TestProbeFromPlanToKill(t *testing.T) {
	agent, collector := programs(t)
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	netsim.Veth(t, "plant", "span")
	asked, last := modbusDevice(t, "127.0.0.7:5020")

	c := newCollector(t, collector)
	state := t.TempDir()
	c.enrol(agent, state)
	config := filepath.Join(state, "agent.yaml")
	text := fmt.Sprintf("collector: %s\nstate: %s\ninterfaces: [{name: span, segment: line4}]\n"+
		"probe: {enabled: true, interface: lo, source: 127.0.0.1, segment: line4, networks: [127.0.0.0/8], budget: {device: 6000, network: 6000}}\n", c.uplinkAddr, state)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sent := netsim.Sent(t, "span")
	var logged bytes.Buffer
	run := exec.Command(agent, "run", "--config", config) // our own program
	run.Stderr = &logged
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = run.Process.Kill()
		if t.Failed() {
			t.Logf("the agent: %s", logged.Bytes())
		}
	}()
	waitFor(t, "the agent", func() bool { return bytes.Contains(c.must("probe", "list"), []byte("ready")) })

	plan := func(args ...string) string {
		out := c.must(append([]string{"probe", "plan", "--agent", "a1", "--address", "127.0.0.7", "--modbus", "--modbus-port", "5020"}, args...)...)
		return string(regexp.MustCompile(`p-[0-9a-f]{12}`).Find(out))
	}
	id := plan()
	time.Sleep(1500 * time.Millisecond)
	if n := asked.Load(); n != 0 {
		t.Fatalf("%d requests before anybody approved", n)
	}
	c.must("probe", "approve", id)
	waitFor(t, "the device being asked", func() bool { return asked.Load() == 1 })
	waitFor(t, "its answer", func() bool {
		return bytes.Contains(c.must("get", "assets", "-o", "json"), []byte(`"probe.modbus.device_id.product_code"`))
	})

	// A long one: 32 units, three categories each.
	c.must("probe", "approve", plan("--units", "1-32", "--identification", "extended"))
	waitFor(t, "the scan", func() bool { return asked.Load() > 3 })
	begun := time.Now()
	c.must("probe", "kill", "--reason", "the shift leader says so")
	time.Sleep(1500 * time.Millisecond)
	delay := time.Unix(0, last.Load()).Sub(begun)
	n := asked.Load()
	t.Logf("the last request left %v after the kill command was started; %d of 97 were sent", delay.Round(time.Millisecond), n)
	if delay > time.Second || n > 90 {
		t.Errorf("the kill switch took %v, %d requests were sent", delay, n)
	}
	time.Sleep(time.Second)
	if asked.Load() != n {
		t.Errorf("%d requests after the kill", asked.Load()-n)
	}
	if list := c.must("probe", "list"); !bytes.Contains(list, []byte("STOPPED at every site")) || !bytes.Contains(list, []byte("stopped: stopped at the collector")) {
		t.Errorf("%s", list)
	}
	c.kill()
	c.start()
	if list := c.must("probe", "list", "-o", "json"); !bytes.Contains(list, []byte("shift leader")) || !bytes.Contains(list, []byte(id)) {
		t.Errorf("a restart forgets: %s", list)
	}
	c.must("probe", "resume", "--reason", "all is well")
	plan2 := plan()
	c.must("probe", "approve", plan2)
	waitFor(t, "asking again", func() bool { return asked.Load() > n })

	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Fatalf("the agent does not end cleanly: %v\n%s", err, logged.Bytes())
	}
	if after := netsim.Sent(t, "span"); after != sent {
		t.Errorf("the capture interface sent %d frames", after-sent)
	}
	checkLog(t, filepath.Join(state, "probe.log"), int(asked.Load()))
}

// checkLog holds the agent's own log to what the device was asked.
func checkLog(t *testing.T, path string, want int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(raw) {
		var e struct{ Sent, What, Target string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if e.Sent != "" {
			n++
		}
	}
	if n < want || n > want+1 { // one may have been cut on its way
		t.Errorf("%d requests are logged, the device was asked %d times", n, want)
	}
}
