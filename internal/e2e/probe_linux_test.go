package e2e

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestProbeFromPlanToKill: through the built programs, a schedule is asked once
// it is approved, its answers and requests reach the collector, the kill switch
// ends it within a second, and the capture interface sends nothing.
func TestProbeFromPlanToKill(t *testing.T) {
	agent, collector := programs(t)
	network(t)
	device := &counted{}
	modbusAt(t, "127.0.0.7:5020", device)
	c := newCollector(t, collector)
	a := c.ask(agent, "houston", "a1", "span", loopback)

	plan := func(args ...string) string {
		return c.planned(append([]string{"--agent", "a1", "--address", "127.0.0.7", "--modbus", "--modbus-port", "5020"}, args...)...)
	}
	id := plan()
	waitFor(t, "what would be sent, before anybody approves it", func() bool {
		out, err := a.probe("--plan", "--schedule", id)
		return err == nil && strings.Contains(out, "127.0.0.7:5020 by schedule "+id) && strings.Contains(out, "01 00 00 00 00 05 ff 2b 0e 01 00")
	})
	time.Sleep(1500 * time.Millisecond)
	if n := device.n.Load(); n != 0 {
		t.Fatalf("%d requests before anybody approved", n)
	}
	c.must("probe", "approve", id)
	waitFor(t, "the device being asked", func() bool { return device.n.Load() == 1 })
	told := regexp.MustCompile(`"value": "PM-800",\s+"source": "probe.modbus.device_id.product_code",\s+"grade": "identity"`)
	waitFor(t, "its answer", func() bool { return told.Match(c.must("get", "assets", "-o", "json")) })

	// A long one: 32 units, three categories each, of a device that takes its time:
	// over half a second a request, with the gap behind it.
	device.slow.Store(int64(100 * time.Millisecond))
	c.must("probe", "approve", plan("--units", "1-32", "--identification", "extended"))
	waitFor(t, "the scan", func() bool { return device.n.Load() > 3 })
	c.must("probe", "kill", "--reason", "the shift leader says so")
	killed, before := time.Now(), device.n.Load()
	time.Sleep(2500 * time.Millisecond)
	delay := time.Unix(0, device.last.Load()).Sub(killed)
	n := device.n.Load()
	t.Logf("the last request left %v after the kill command; %d of 97 were sent", delay.Round(time.Millisecond), n)
	if n > before+2 || n > 90 {
		t.Errorf("%d requests after the kill command, %d in all", n-before, n)
	}
	time.Sleep(time.Second)
	if device.n.Load() != n {
		t.Errorf("%d requests after the kill", device.n.Load()-n)
	}
	if list := c.must("probe", "list"); !bytes.Contains(list, []byte("STOPPED at every site")) || !bytes.Contains(list, []byte("  stopped at the collector by uid")) {
		t.Errorf("%s", list)
	}
	c.kill()
	c.start()
	if list := c.must("probe", "list", "-o", "json"); !bytes.Contains(list, []byte("shift leader")) || !bytes.Contains(list, []byte(id)) {
		t.Errorf("a restart forgets: %s", list)
	}
	waitFor(t, "the agent", func() bool { return c.stateOf("a1") != nil })
	c.must("probe", "resume", "--reason", "all is well")
	plan2 := plan()
	c.must("probe", "approve", plan2)
	waitFor(t, "asking again", func() bool { return device.n.Load() > n })

	a.end()
	logged := 0
	for _, r := range a.requests() {
		if r.Sent != "" {
			logged++
		}
	}
	if want := int(device.n.Load()); logged < want || logged > want+1 { // one may have been cut on its way
		t.Errorf("%d requests are logged, the device was asked %d times", logged, want)
	}
}
