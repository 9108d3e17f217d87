package e2e

import (
	"bytes"
	"context"
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

	"google.golang.org/protobuf/encoding/protojson"

	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// counted is how often devices were asked, when last, how long they take, and
// what they say.
type counted struct {
	n, last atomic.Int64 // last in Unix nanoseconds
	slow    atomic.Int64 // nanoseconds that an answer takes
	model   atomic.Int64 // PM-800 and so many
}

// modbusAt is a device that answers every identification.
func modbusAt(t *testing.T, address string, c *counted) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		_ = netsim.Modbus(l, func([]byte) []byte { // until the test ends
			c.n.Add(1)
			c.last.Store(time.Now().UnixNano())
			time.Sleep(time.Duration(c.slow.Load()))
			return fmt.Appendf([]byte{43, 14, 1, 0x83, 0, 0, 2, 0, 4}, "ACME\x01\x06PM-%d", 800+c.model.Load())
		})
	}()
}

// asker is a running agent, as a user starts it, with active reads on.
type asker struct {
	t                   *testing.T
	bin, name           string
	state, config, span string
	cmd                 *exec.Cmd
	logged              bytes.Buffer
	sentBySpan          uint64 // frames, when it was started
}

// ask starts an agent that listens on span and asks as the text under probe:
// says.
func (p *plantProcess) ask(bin, site, name, span, settings string) *asker {
	p.t.Helper()
	a := p.asker(bin, site, name, span, settings)
	a.start(p)
	return a
}

// asker is such an agent before it is started.
func (p *plantProcess) asker(bin, site, name, span, settings string) *asker {
	p.t.Helper()
	a := &asker{t: p.t, bin: bin, name: name, state: p.t.TempDir(), span: span}
	p.enrolAs(bin, a.state, site, name)
	a.config = filepath.Join(a.state, "agent.yaml")
	a.settings(p, settings)
	p.t.Cleanup(func() {
		if a.cmd != nil {
			_ = a.cmd.Process.Kill()
			_ = a.cmd.Wait()
		}
		if p.t.Failed() {
			p.t.Logf("agent %s: %s", name, a.logged.Bytes())
		}
	})
	return a
}

func (a *asker) settings(p *plantProcess, probe string) {
	a.t.Helper()
	text := fmt.Sprintf("collector: %s\nstate: %s\ninterfaces: [{name: %s, segment: line4}]\nprobe: {enabled: true, segment: line4, %s}\n", p.uplinkAddr, a.state, a.span, probe)
	if err := os.WriteFile(a.config, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *asker) start(p *plantProcess) {
	a.t.Helper()
	a.sentBySpan = netsim.Sent(a.t, a.span)
	a.cmd = exec.Command(a.bin, "run", "--config", a.config) // our own program
	a.cmd.Stderr = &a.logged
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	waitFor(a.t, "agent "+a.name, func() bool { return p.stateOf(a.name) != nil })
}

// stateOf is how an agent's active reads stand, as `probe list` has it; nil
// where it is not connected.
func (p *plantProcess) stateOf(agent string) *demarcv1.ProbeState {
	p.t.Helper()
	list := &demarcv1.ListProbesResponse{}
	if err := protojson.Unmarshal(p.must("probe", "list", "-o", "json"), list); err != nil {
		p.t.Fatal(err)
	}
	for _, x := range list.GetAgents() {
		if x.GetAgent() == agent {
			return x.GetState()
		}
	}
	return nil
}

// loopback is settings by which an agent may ask this machine alone, fast; what
// answers may take its time on a busy one.
const loopback = "interface: lo, source: 127.0.0.1, networks: [127.0.0.0/8], timeout: 1m, budget: {device: 6000, network: 6000}"

// end stops the agent as a service manager does; its capture interface has
// sent nothing.
func (a *asker) end() {
	a.t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	err := a.cmd.Wait()
	a.cmd = nil
	if err != nil {
		a.t.Errorf("agent %s does not end cleanly: %v", a.name, err)
	}
	if sent := netsim.Sent(a.t, a.span) - a.sentBySpan; sent != 0 {
		a.t.Errorf("the capture interface of %s sent %d frames", a.name, sent)
	}
}

// probe runs `demarc-agent probe` beside the running agent.
func (a *asker) probe(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, a.bin, append([]string{"probe", "--config", a.config}, args...)...).CombinedOutput() // our own program
	return string(out), err
}

// request is one request in an agent's own log, or in the collector's audit
// log.
type request struct {
	Time                                 time.Time
	Schedule, Target, What, Sent, Answer string
	Received                             int
	Latency                              float64 `json:"latency_ms"`
	Error                                string
}

// requests is the agent's own log.
func (a *asker) requests() (all []request) {
	a.t.Helper()
	raw, err := os.ReadFile(filepath.Join(a.state, "probe.log"))
	if err != nil {
		a.t.Fatal(err)
	}
	for line := range bytes.Lines(raw) {
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			a.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// planned is the schedule that `probe plan` names.
func (p *plantProcess) planned(args ...string) string {
	p.t.Helper()
	out := p.must(append([]string{"probe", "plan"}, args...)...)
	id := regexp.MustCompile(`p-[0-9a-f]{12}`).Find(out)
	if id == nil {
		p.t.Fatalf("no schedule: %s", out)
	}
	return string(id)
}

// network is a private one for the test, with loopback and a cable: frames put
// on plant are heard on span.
func network(t *testing.T) {
	t.Helper()
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	netsim.Veth(t, "plant", "span")
}
