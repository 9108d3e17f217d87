package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// TestSliceOfAFinding listens on one end of a cable: the frames that made a
// finding come to the collector, as they were on the cable, opened by tshark and
// verified by openssl and sha256sum alone; and the agent sends nothing on it.
func TestSliceOfAFinding(t *testing.T) {
	agent, collector := programs(t)
	netsim.Need(t, "tshark", "openssl", "sha256sum")
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	netsim.Veth(t, "plant", "span")
	write := frames(t, "line4.pcap", "10.60.61.30", "10.20.4.11")

	c := newCollector(t, collector)
	c.must("apply", "-f", filepath.Join("..", "..", "deploy", "example"))
	state := t.TempDir()
	c.enrol(agent, state)
	config := filepath.Join(state, "agent.yaml")
	text := fmt.Sprintf("collector: %s\nstate: %s\ninterfaces: [{name: span, segment: line4}]\nslices: {payload: all, packets: 1000}\n", c.uplinkAddr, state)
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
	for _, f := range write {
		send(f)
	}
	var found demarcv1.ListFindingsResponse
	waitFor(t, "the finding", func() bool {
		if err := protojson.Unmarshal(c.must("get", "findings", "--kind", "unauthorized", "-o", "json"), &found); err != nil {
			t.Fatal(err)
		}
		return len(found.GetFindings()) == 1
	})
	id := found.GetFindings()[0].GetId()
	var kept demarcv1.ListSlicesResponse
	waitFor(t, "the slice", func() bool {
		if err := protojson.Unmarshal(c.must("get", "slices", "--finding", id, "-o", "json"), &kept); err != nil {
			t.Fatal(err)
		}
		return len(kept.GetSlices()) > 0
	})
	s := kept.GetSlices()[0]
	if int(s.GetFrames()) != len(write) || s.GetAgent() != "a1" || s.GetInterface() != "span" || s.GetNumber() != 1 {
		t.Errorf("%d frames were sent: %v", len(write), s)
	}
	if told := c.must("explain", id); !bytes.Contains(told, []byte("Recorded: slice "+s.GetId())) || !bytes.Contains(told, []byte(s.GetSha256())) {
		t.Errorf("explain does not name the slice:\n%s", told)
	}

	file := filepath.Join(t.TempDir(), "write.pcapng")
	c.must("export", "slice", id, "--file", file)
	if audit := c.must("get", "audit"); !bytes.Contains(audit, []byte("slice record")) || !bytes.Contains(audit, []byte("slice export")) {
		t.Errorf("the audit log does not tell of it:\n%s", audit)
	}
	shown, err := exec.Command("tshark", "-r", file, "-Y", "s7comm.param.func == 0x05").CombinedOutput() // to write a variable
	if n := strings.Count(string(shown), "10.60.61.30"); err != nil || n == 0 {
		t.Errorf("%v: tshark shows %d writes:\n%s", err, n, shown)
	}
	for i, f := range readFrames(t, file) {
		if !bytes.Equal(f, write[i]) {
			t.Errorf("frame %d is not what was on the cable", i+1)
		}
	}
	verifies(t, c, file)
	byHand(t, file)

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

// byHand verifies a slice as deploy/slices.md says, without our program.
func byHand(t *testing.T, file string) {
	t.Helper()
	script := `set -e
cd "$1"
openssl x509 -in write.pcapng.crt -pubkey -noout > agent.pub
openssl dgst -sha256 -verify agent.pub -signature write.pcapng.sig write.pcapng.json
grep -F "$(sha256sum < write.pcapng | cut -d' ' -f1)" write.pcapng.json`
	if out, err := exec.Command("sh", "-c", script, "sh", filepath.Dir(file)).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Verified OK")) {
		t.Errorf("%v: %s", err, out)
	}
}

// verifies: the slice is told as intact, and one bit that is changed in any of
// its files as altered.
func verifies(t *testing.T, c *plantProcess, file string) {
	t.Helper()
	if out, err := exec.Command(c.bin, "verify", file).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Intact")) { // our own program
		t.Errorf("%v: %s", err, out)
	}
	for _, end := range []string{"", ".json", ".sig"} {
		whole, err := os.ReadFile(file + end)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(whole)
		changed[len(changed)/2] ^= 1
		if err := os.WriteFile(file+end, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(c.bin, "verify", file).CombinedOutput() // our own program
		if code := (&exec.ExitError{}); !errors.As(err, &code) || code.ExitCode() != 1 || !bytes.Contains(out, []byte("is not what an agent sealed")) {
			t.Errorf("with a bit of %s changed: %v: %s", file+end, err, out)
		}
		if err := os.WriteFile(file+end, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
