package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"demarc/agent/capture"
	"demarc/agent/config"
	"demarc/agent/decode"
	"demarc/agent/spancheck"
	"demarc/agent/status"
	"demarc/internal/netsim"
)

// chosen are the frames of a capture of the example plant that keep lets through.
func chosen(t *testing.T, file string, keep func(p *decode.Packet) bool) (all [][]byte) {
	t.Helper()
	src, err := capture.Open(filepath.Join("..", "..", "testdata", "plant", file))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close() //nolint:errcheck // read only
	var (
		f capture.Frame
		p decode.Packet
		d = decode.New(decode.Options{})
	)
	for {
		if err := src.Next(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if d.Decode(&f, &p); keep(&p) {
			all = append(all, slices.Clone(f.Data))
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no such frame", file)
	}
	return all
}

// noNTP leaves out times of day that are not now's.
func noNTP(p *decode.Packet) bool { return p.SrcPort != 123 }

// checked is one element of what `check --format json` prints.
type checked struct {
	Source  string
	Verdict string
	Frames  uint64
	Results []spancheck.Result
}

// runCheck runs `demarc-agent check` on span while the frames are sent, and
// returns its answer, by check, and its exit code. Where it ends before they
// all came, on a busy machine, it is run again for longer.
func runCheck(t *testing.T, agent string, frames [][]byte) (x checked, by map[string]spancheck.Result, code int) {
	t.Helper()
	for length := 2 * time.Second; length < patience; length *= 3 {
		if x, by, code = checkFor(t, agent, length, frames); x.Frames >= uint64(len(frames)) {
			break
		}
	}
	return x, by, code
}

func checkFor(t *testing.T, agent string, length time.Duration, frames [][]byte) (checked, map[string]spancheck.Result, int) {
	t.Helper()
	var out, problems bytes.Buffer
	c := exec.Command(agent, "check", "--format", "json", "--interface", "span", "--for", length.String()) // our own program
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if len(frames) > 0 {
		waitFor(t, "the capture", func() bool { return listened(t, "span") })
		play(t, frames)
	}
	err := c.Wait()
	var all []checked
	if e := json.Unmarshal(out.Bytes(), &all); e != nil || len(all) != 1 {
		t.Fatalf("%v, %v\n%s%s", err, e, out.Bytes(), problems.Bytes())
	}
	by := map[string]spancheck.Result{}
	for _, r := range all[0].Results {
		by[r.ID] = r
	}
	if strings.Count(problems.String(), "\n") > 1 {
		t.Errorf("more than one line: %s", problems.Bytes())
	}
	return all[0], by, c.ProcessState.ExitCode()
}

// listened reports whether a packet socket is bound to an interface.
func listened(t *testing.T, iface string) bool {
	t.Helper()
	i, err := net.InterfaceByName(iface)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/thread-self/net/packet")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 5 && f[3] == "0003" && f[4] == fmt.Sprint(i.Index) {
			return true
		}
	}
	return false
}

// play sends frames, not faster than they are taken.
func play(t *testing.T, all [][]byte) {
	t.Helper()
	send := netsim.Sender(t, "plant")
	for _, f := range all {
		send(f)
		time.Sleep(100 * time.Microsecond)
	}
}

// TestCheckOfAGoodPort: exit 0, and after one wrong setting 1, with its cure.
func TestCheckOfAGoodPort(t *testing.T) {
	agent, _ := programs(t)
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	line := chosen(t, "line4.pcap", noNTP)
	if out, err := exec.Command("ethtool", "-K", "span", "gro", "off").CombinedOutput(); err != nil {
		t.Logf("ethtool: %v: %s", err, out)
	}
	sent := netsim.Sent(t, "span")
	x, by, code := runCheck(t, agent, line)
	if code != 0 || x.Source != "span" || x.Frames < 1000 || (x.Verdict != "good" && x.Verdict != "warning") {
		t.Fatalf("exit %d, %+v", code, x)
	}
	for id, r := range by {
		if r.Verdict != spancheck.Good && id != spancheck.Clock && id != spancheck.Duplicates && id != spancheck.Offloads {
			t.Errorf("%+v", r)
		}
	}
	if !strings.Contains(by[spancheck.OTTraffic].Evidence, "modbus") || len(by) != 19 {
		t.Errorf("%d checks, %+v", len(by), by[spancheck.OTTraffic])
	}
	if after := netsim.Sent(t, "span"); after != sent {
		t.Errorf("the check sent %d frames", after-sent)
	}

	netsim.IP(t, "addr", "add", "10.20.4.9/24", "dev", "span")
	_, by, code = runCheck(t, agent, line)
	if r := by[spancheck.Address]; code != 1 || r.Verdict != spancheck.Bad || !strings.Contains(r.Cure, "ip addr flush dev span") {
		t.Errorf("exit %d, %+v", code, r)
	}
}

// TestCheckOfOneDirection: a session that copies one side of each conversation
// is told as such.
func TestCheckOfOneDirection(t *testing.T) {
	agent, _ := programs(t)
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	replies := chosen(t, "line4.pcap", func(p *decode.Packet) bool {
		return noNTP(p) && (p.DstMAC.IsGroup() || p.SrcPort == 102 || p.SrcPort == 502 || p.SrcPort == 44818 || p.SrcPort == 4840)
	})
	_, by, code := runCheck(t, agent, replies)
	if r := by[spancheck.Directions]; code != 1 || r.Verdict != spancheck.Bad || !strings.Contains(r.Evidence, "you see only replies") {
		t.Errorf("exit %d, %+v", code, r)
	}
}

// TestCheckOfASilentPort: nothing comes in, which passes at no time.
func TestCheckOfASilentPort(t *testing.T) {
	agent, _ := programs(t)
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	x, by, code := runCheck(t, agent, nil)
	if code != 1 || x.Verdict != "cannot tell" || by[spancheck.Traffic].Verdict != spancheck.CannotTell || by[spancheck.Address].Verdict != spancheck.Good {
		t.Errorf("exit %d, %+v", code, x)
	}
	netsim.IP(t, "link", "set", "plant", "down")
	_, by, code = runCheck(t, agent, nil)
	if r := by[spancheck.Traffic]; code != 1 || r.Verdict != spancheck.Bad || !strings.Contains(r.Evidence, "no link") {
		t.Errorf("exit %d, %+v", code, r)
	}
}

// TestSpanCheckReachesTheCollector: a running agent tells what is wrong with
// its port, to the collector and to who asks on the spot.
func TestSpanCheckReachesTheCollector(t *testing.T) {
	agent, collector := programs(t)
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	netsim.Veth(t, "plant", "span")
	netsim.IP(t, "addr", "add", "10.20.4.9/24", "dev", "span")
	c := newCollector(t, collector)
	state := t.TempDir()
	c.enrol(agent, state)
	settings, page := filepath.Join(state, "agent.yaml"), freePort(t)
	text := fmt.Sprintf("collector: %s\nstate: %s\ninterfaces: [{name: span, segment: line4}]\nstatus: {listen: \"%s\"}\n", c.uplinkAddr, state, page)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(agent, "status", "--config", settings).CombinedOutput(); err == nil || !strings.Contains(string(out), "no agent answers") { // our own program
		t.Errorf("before it runs: %v, %s", err, out)
	}
	run := exec.Command(agent, "run", "--config", settings) // our own program
	var logged bytes.Buffer
	run.Stderr = &logged
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = run.Process.Kill() }()
	waitFor(t, "the capture", func() bool { return listened(t, "span") })
	play(t, chosen(t, "line4.pcap", noNTP))
	waitFor(t, "the SPAN check", func() bool { return bytes.Contains(c.must("get", "agents"), []byte("bad: address")) })
	var list struct {
		Agents []struct {
			Span struct {
				Word   string
				Checks []struct{ Interface, ID, Verdict, Evidence, Cure string }
			}
		}
	}
	if err := json.Unmarshal(c.must("get", "agents", "-o", "json"), &list); err != nil || len(list.Agents) != 1 || len(list.Agents[0].Span.Checks) != 19 {
		t.Fatalf("%v, %+v", err, list)
	}
	for _, x := range list.Agents[0].Span.Checks {
		if x.ID == spancheck.Address && (x.Interface != "span" || x.Verdict != "bad" || !strings.Contains(x.Cure, "ip addr flush dev span")) {
			t.Errorf("%+v", x)
		}
	}
	askedOnTheSpot(t, agent, settings, state, page)
	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Fatalf("the agent does not end cleanly: %v\n%s", err, logged.Bytes())
	}
	if _, err := os.Stat(filepath.Join(state, "status.sock")); err == nil {
		t.Error("the agent left its socket")
	}
}

func askedOnTheSpot(t *testing.T, agent, settings, state, page string) {
	t.Helper()
	if info, err := os.Stat(filepath.Join(state, "status.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	var r status.Report
	waitFor(t, "what it has heard", func() bool {
		out, err := exec.Command(agent, "status", "--config", settings, "-o", "json").Output() // our own program
		if e := json.Unmarshal(out, &r); err != nil || e != nil {
			t.Fatalf("%v, %v: %s", err, e, out)
		}
		return len(r.Interfaces) == 1 && r.Interfaces[0].Frames >= 100
	})
	if r.Interfaces[0].Name != "span" || !r.Collector.Connected || r.Agent == "" || r.Span != "bad: address" || r.Spool.MaxBytes != 1<<30 {
		t.Errorf("%+v", r)
	}
	if since := time.Since(r.Interfaces[0].LastFrame); since < 0 || since > patience {
		t.Errorf("last frame %v ago", since)
	}
	table, err := exec.Command(agent, "status", "--state", state).Output() // our own program
	for _, w := range []string{"connected since", "bad: address", "ip addr flush dev span"} {
		if err != nil || !strings.Contains(string(table), w) {
			t.Errorf("%v: %q is not in:\n%s", err, w, table)
		}
	}
	// By hand, since a client's goroutines are not in the test's namespace.
	conn, err := net.Dial("tcp", page)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // read to its end
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", page); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(conn); err != nil || !bytes.Contains(b, []byte("ip addr flush dev span")) {
		t.Errorf("the page: %v\n%s", err, b)
	}
}

// TestInitWritesWhatRunReads: the settings list this machine's interfaces, and
// a second call changes nothing.
func TestInitWritesWhatRunReads(t *testing.T) {
	agent, _ := programs(t)
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	netsim.IP(t, "addr", "add", "10.9.9.9/24", "dev", "plant")
	file := filepath.Join(t.TempDir(), "agent.yaml")
	if out, err := exec.Command(agent, "init", "--config", file, "--collector", "c.example:7443").CombinedOutput(); err != nil { // our own program
		t.Fatalf("%v: %s", err, out)
	}
	c, err := config.Load(file)
	if err != nil || c.Collector != "c.example:7443" || len(c.Interfaces) != 1 || c.Interfaces[0].Name != "span" {
		t.Fatalf("%+v, %v", c, err)
	}
	before, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(before, []byte("# plant (")) || !bytes.Contains(before, []byte("10.9.9.9/24")) {
		t.Fatalf("%v\n%s", err, before)
	}
	out, err := exec.Command(agent, "init", "--config", file).CombinedOutput() // our own program
	after, e := os.ReadFile(file)
	if err == nil || e != nil || !bytes.Contains(out, []byte("is there already")) || !bytes.Equal(before, after) {
		t.Errorf("again: %v, %s", err, out)
	}
}
