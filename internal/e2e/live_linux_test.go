package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/internal/netsim"
)

// frames are those of the example plant between two addresses.
func frames(t *testing.T, file, a, b string) (all [][]byte) {
	t.Helper()
	src, err := capture.Open(filepath.Join("..", "..", "testdata", "plant", file))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	var (
		f    capture.Frame
		p    decode.Packet
		d    = decode.New(decode.Options{})
		x, y = netip.MustParseAddr(a), netip.MustParseAddr(b)
	)
	for {
		if err := src.Next(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		d.Decode(&f, &p)
		if (p.Src == x && p.Dst == y) || (p.Src == y && p.Dst == x) {
			all = append(all, slices.Clone(f.Data))
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has nothing between %s and %s", file, a, b)
	}
	return all
}

// readFrames are all frames of a file.
func readFrames(t *testing.T, file string) (all [][]byte) {
	t.Helper()
	src, err := capture.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	for {
		var f capture.Frame
		if err := src.Next(&f); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.Clone(f.Data))
	}
}

// TestLiveFromPacketToFinding listens on one end of a cable: a write to a
// controller from corporate becomes a finding at once, and the agent sends
// nothing on the cable.
func TestLiveFromPacketToFinding(t *testing.T) {
	agent, collector := programs(t)
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	netsim.Veth(t, "plant", "span")
	write := frames(t, "line4.pcap", "10.60.61.30", "10.20.4.11")

	c := newCollector(t, collector)
	c.must("apply", "-f", filepath.Join("..", "..", "deploy", "example"))
	state := t.TempDir()
	c.enrol(agent, state)
	config := filepath.Join(state, "agent.yaml")
	text := fmt.Sprintf("collector: %s\nstate: %s\ninterfaces: [{name: span, segment: line4}]\n", c.uplinkAddr, state)
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
	defer func() { _ = run.Process.Kill() }()
	waitFor(t, "the agent's heartbeat", func() bool { return bytes.Contains(c.must("get", "agents"), []byte("connected")) })

	send := netsim.Sender(t, "plant")
	start := time.Now()
	for _, f := range write {
		send(f)
	}
	waitFor(t, "the finding", func() bool { return bytes.Contains(c.must("get", "findings"), []byte("writes to line4 with s7comm")) })
	t.Logf("%v from the first packet to the finding, the asking included", time.Since(start).Round(time.Millisecond))

	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Fatalf("the agent does not end cleanly: %v\n%s", err, logged.Bytes())
	}
	if after := netsim.Sent(t, "span"); after != sent {
		t.Errorf("the capture interface sent %d frames", after-sent)
	}
}
