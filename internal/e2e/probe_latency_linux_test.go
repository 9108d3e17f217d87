package e2e

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// mirrored is a switch with a device, a client of it and the agent's probing
// interface, and a port that gets a copy of every frame.
func mirrored(t *testing.T) (device, client *netsim.Space) {
	t.Helper()
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	middle := netsim.NewSpace(t)
	device, client = netsim.NewSpace(t), netsim.NewSpace(t)
	for _, name := range []string{"probe", "device", "client"} {
		netsim.IP(t, "link", "add", name+"0", "type", "veth", "peer", "name", name+"1")
		middle.Take(name + "1")
	}
	netsim.Veth(t, "span0", "span1")
	middle.Take("span1")
	device.Take("device0")
	client.Take("client0")
	up := func(iface, address string) {
		netsim.IP(t, "address", "add", address, "dev", iface)
		netsim.IP(t, "link", "set", iface, "up")
	}
	up("probe0", "10.20.4.250/24")
	device.Do(func() { up("device0", "10.20.4.10/24") })
	client.Do(func() { up("client0", "10.20.4.60/24") })
	middle.Do(func() { // one that learns nothing passes each frame to every port
		netsim.IP(t, "link", "add", "switch", "type", "bridge", "ageing_time", "0", "mcast_snooping", "0", "forward_delay", "0")
		netsim.IP(t, "link", "set", "switch", "up")
		for _, port := range []string{"probe1", "device1", "client1", "span1"} {
			netsim.IP(t, "link", "set", port, "master", "switch", "up")
		}
	})
	netsim.IP(t, "link", "set", "span0", "up")
	netsim.WaitUp(t, "probe0", "span0")
	return device, client
}

// polling is a client that reads the device again and again, over one
// connection, until the test or hangUp ends it; it counts answers.
func polling(t *testing.T, from *netsim.Space, address string, answers *counted) (hangUp func()) {
	t.Helper()
	var c net.Conn
	from.Do(func() {
		for end := time.Now().Add(patience); c == nil; {
			var err error
			if c, err = net.DialTimeout("tcp", address, time.Second); err != nil && time.Now().After(end) {
				t.Fatal(err)
			}
		}
	})
	t.Cleanup(func() { _ = c.Close() })
	go func() { // until the connection ends
		answer := make([]byte, 7+2+4+4+2+6+7) // header, and what modbusAt answers
		for i := uint16(1); ; i++ {
			if _, err := c.Write([]byte{byte(i >> 8), byte(i), 0, 0, 0, 5, 255, 43, 14, 1, 0}); err != nil {
				return
			}
			if _, err := io.ReadAtLeast(c, answer, 20); err != nil {
				return
			}
			answers.n.Add(1)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() { _ = c.Close() }
}

// TestSlowerDeviceIsStopped: over a mirror port the agent hears how fast a
// device answers its own client. Once the answers come slower while it is
// asked, the agent asks no further: over a restart, and until a person
// resumes it.
func TestSlowerDeviceIsStopped(t *testing.T) {
	agent, collector := programs(t)
	device, client := mirrored(t)
	all, answers := &counted{}, &counted{}
	const usual = 50 * time.Millisecond // over twice of it is slow: far above what this machine's load makes of it
	all.slow.Store(int64(usual))
	device.Do(func() { modbusAt(t, "10.20.4.10:502", all) })
	c := newCollector(t, collector)
	a := c.ask(agent, "houston", "a1", "span0", "interface: probe0, source: 10.20.4.250, networks: [10.20.4.0/24], timeout: 1m, budget: {device: 6000, network: 6000}")
	polling(t, client, "10.20.4.10:502", answers)
	more := func(what string, n int64) {
		t.Helper()
		want := answers.n.Load() + n
		waitFor(t, what, func() bool { return answers.n.Load() >= want })
	}
	more("its client's answers", 50)

	asked := func() int64 { return all.n.Load() - answers.n.Load() } // by the agent, but for one on its way
	scan := func() {
		c.must("probe", "approve", c.planned("--agent", "a1", "--address", "10.20.4.10", "--modbus", "--units", "1-32", "--identification", "extended"))
	}
	scan()
	waitFor(t, "the scan", func() bool { return asked() > 3 })
	all.slow.Store(int64(10 * usual))
	waitFor(t, "the stop", func() bool { return len(c.stateOf("a1").GetStops()) == 1 })
	stop := c.stateOf("a1").GetStops()[0]
	t.Logf("stopped after %d requests: %s", asked(), stop.GetWhy())
	if stop.GetAddress() != "10.20.4.10" || !strings.Contains(stop.GetWhy(), "answers others in") || asked() > 90 {
		t.Errorf("%d requests, %v", asked(), stop)
	}
	if out := c.must("probe", "list"); !bytes.Contains(out, []byte("does not ask 10.20.4.10")) {
		t.Errorf("%s", out)
	}

	all.slow.Store(int64(usual)) // it is fast again: that is no person
	more("its client's answers", 50)
	n := asked()
	scan()
	time.Sleep(2 * time.Second)
	a.end()
	a.start(c)
	waitFor(t, "the stop behind a restart", func() bool { return len(c.stateOf("a1").GetStops()) == 1 })
	time.Sleep(2 * time.Second)
	if more := asked() - n; more > 1 {
		t.Errorf("%d requests although nobody resumed", more)
	}
	c.must("probe", "resume", "--agent", "a1", "--address", "10.20.4.10", "--reason", "its load was a backup's")
	waitFor(t, "asking again", func() bool { return asked() > n+5 })
	if len(c.stateOf("a1").GetStops()) != 0 {
		t.Errorf("still stopped: %v", c.stateOf("a1"))
	}
	a.end()
}

// TestDeviceSaysSomethingElse: what a device said to its own client, as the
// mirror port had it, and what it says when it is asked, are a finding where
// they differ, though the mirror port hears the answer to the agent, too.
func TestDeviceSaysSomethingElse(t *testing.T) {
	agent, collector := programs(t)
	device, client := mirrored(t)
	all, answers := &counted{}, &counted{}
	device.Do(func() { modbusAt(t, "10.20.4.10:502", all) })
	c := newCollector(t, collector)
	c.must("apply", "-f", filepath.Join("..", "..", "deploy", "example"))
	a := c.ask(agent, "houston", "a1", "span0", "interface: probe0, source: 10.20.4.250, networks: [10.20.4.0/24], timeout: 1m, budget: {device: 6000, network: 6000}")
	hangUp := polling(t, client, "10.20.4.10:502", answers)
	waitFor(t, "what is overheard", func() bool { return bytes.Contains(c.must("get", "assets", "-o", "json"), []byte("PM-800")) })
	hangUp()

	finding := func() string { return string(c.must("get", "findings", "--kind", "probe-difference")) }
	ask := func() {
		t.Helper()
		id := c.planned("--agent", "a1", "--address", "10.20.4.10", "--modbus")
		c.must("probe", "approve", id)
		waitFor(t, "the answer", func() bool {
			return slices.ContainsFunc(c.stateOf("a1").GetOutcomes(), func(o *demarcv1.ProbeOutcome) bool { return o.GetSchedule() == id && o.GetError() == "" })
		})
	}
	ask()
	time.Sleep(2 * time.Second) // for what must not come
	if f := finding(); !strings.Contains(f, "None.") {
		t.Errorf("they say the same: %s", f)
	}
	all.model.Store(100)
	ask()
	waitFor(t, "the finding", func() bool { return strings.Contains(finding(), "PM-900") })
	time.Sleep(2 * time.Second) // the mirror port has heard it say that to the agent
	t.Logf("%s", finding())
	if f := finding(); !strings.Contains(f, "PM-800") || strings.Contains(f, "ceased") {
		t.Errorf("the finding has not both values, or no longer holds: %s", f)
	}
	a.end()
}
