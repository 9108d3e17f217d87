package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"demarc/internal/netsim"
	demarcv1 "demarc/proto/demarc/v1"
)

// built is where the programs are, once a test has needed them.
var built string

// build makes the programs.
var build = sync.OnceValue(func() (err error) {
	if built, err = os.MkdirTemp("", "demarc-e2e"); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", built, "demarc/agent", "demarc/collector") // our own programs
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

// programs are both programs as a user gets them.
func programs(t *testing.T) (agent, collector string) {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(built, "agent"), filepath.Join(built, "collector")
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// patience is how long is waited for what comes by itself: it does within a
// second, and on a machine that is busy with other things.
const patience = 3 * time.Minute

func waitFor(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

// plantProcess is a collector program that can be killed and started again.
type plantProcess struct {
	t          *testing.T
	bin, dir   string
	config     string
	uplinkAddr string
	cmd        *exec.Cmd
}

func freePort(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", netsim.FreePort(t))
}

func newCollector(t *testing.T, bin string) *plantProcess {
	t.Helper()
	return newCollectorWith(t, bin, "pages: off")
}

// newCollectorWith adds lines to the settings.
func newCollectorWith(t *testing.T, bin string, settings string) *plantProcess {
	t.Helper()
	p := &plantProcess{t: t, bin: bin, dir: t.TempDir(), uplinkAddr: freePort(t)}
	p.config = filepath.Join(p.dir, "collector.yaml")
	text := fmt.Sprintf("data: %s\nuplink: %s\nauthority: none\nlogLevel: error\n%s\n", filepath.Join(p.dir, "data"), p.uplinkAddr, settings)
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *plantProcess) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.bin, "serve", "--config", p.config) // our own program
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := p.try("status"); err == nil {
			return
		} else if time.Now().After(deadline) {
			p.t.Fatalf("the collector does not answer: %v", err)
		}
	}
}

// kill ends the process as a power cut does.
func (p *plantProcess) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

func (p *plantProcess) try(args ...string) ([]byte, error) {
	var errs bytes.Buffer
	cmd := exec.Command(p.bin, append([]string{"--config", p.config}, args...)...) // our own program
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%v: %w: %s", args, err, errs.Bytes())
	}
	return out, nil
}

func (p *plantProcess) must(args ...string) []byte {
	p.t.Helper()
	out, err := p.try(args...)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// enrol readies an agent, a1 at houston, for this collector.
func (p *plantProcess) enrol(agent, state string) {
	p.t.Helper()
	p.enrolAs(agent, state, "houston", "a1")
}

func (p *plantProcess) enrolAs(agent, state, site, name string) {
	p.t.Helper()
	token := regexp.MustCompile(`demarc1[a-z0-9]+`).Find(p.must("token", "create", "--site", site, "--agent", name))
	out, err := exec.Command(agent, "enroll", "--collector", p.uplinkAddr, "--token", string(token), "--state", state).CombinedOutput() // our own program
	if err != nil {
		p.t.Fatalf("%v: %s", err, out)
	}
}

// judged waits until every record is judged, and returns what the collector
// then knows, without what differs between any two runs.
func (p *plantProcess) judged() map[string]any {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var s struct{ Journal, Applied string }
		if err := json.Unmarshal(p.must("status", "-o", "json"), &s); err != nil {
			p.t.Fatal(err)
		}
		if s.Journal == s.Applied && s.Journal != "0" {
			break
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("judged %s of %s records", s.Applied, s.Journal)
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		all, texts := map[string]any{}, map[string][]byte{}
		for _, what := range []string{"assets", "connections", "findings"} {
			var v any
			texts[what] = p.must("get", what, "-o", "json")
			if err := json.Unmarshal(texts[what], &v); err != nil {
				p.t.Fatal(err)
			}
			all[what] = v
		}
		if caughtUp(p.t, texts["connections"], texts["findings"]) {
			return all
		}
		if time.Now().After(deadline) {
			p.t.Fatal("conditions are not judged by the last of what was seen")
		}
	}
}

// caughtUp reports whether conditions, which are judged behind the traffic, know
// the last of what violates them.
func caughtUp(t *testing.T, connections, findings []byte) bool {
	t.Helper()
	var seen demarcv1.ListConnectionsResponse
	var found demarcv1.ListFindingsResponse
	if err := errors.Join(protojson.Unmarshal(connections, &seen), protojson.Unmarshal(findings, &found)); err != nil {
		t.Fatal(err)
	}
	last := map[string]time.Time{}
	for _, c := range seen.GetConnections() {
		last[c.GetId()] = c.GetConnection().GetLastSeen().AsTime()
	}
	return !slices.ContainsFunc(found.GetFindings(), func(f *demarcv1.Finding) bool {
		return f.GetKind() == "condition" && slices.ContainsFunc(f.GetConnections(), func(id string) bool { return last[id].After(f.GetLastSeen().AsTime()) })
	})
}

// longer makes a capture of many rounds of the example plant's line 4, five
// minutes each, so that feeding it takes many batches.
func longer(t *testing.T, rounds int) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "testdata", "plant", "line4.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if raw[0] == 0xa1 {
		order = binary.BigEndian
	}
	out := slices.Clone(raw[:24])
	for r := range rounds {
		for off := 24; off+16 <= len(raw); {
			n := 16 + int(order.Uint32(raw[off+8:]))
			record := slices.Clone(raw[off : off+n])
			order.PutUint32(record, order.Uint32(record)+uint32(r*300)) // small
			out = append(out, record...)
			off += n
		}
	}
	file := filepath.Join(t.TempDir(), "longer.pcap")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// errKilled is the end of a feed that was killed.
var errKilled = errors.New("killed")

// feed runs the agent over a capture; after, when not 0, kills it.
func feed(agent, collector, state, file string, after time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, agent, "read", "--collector", collector, "--state", state, "--segment", "line4", file) // our own program
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	if after > 0 {
		time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && !exit.Exited() && ctx.Err() == nil:
		return errKilled
	}
	return fmt.Errorf("feed: %w: %s", err, out.Bytes())
}

// TestKilledPrograms kills the agent, and the collector, again and again in
// the middle of feeding; what is known in the end is what an undisturbed pair
// knows.
func TestKilledPrograms(t *testing.T) {
	agent, collector := programs(t)
	file := longer(t, 60)
	examples := filepath.Join("..", "..", "deploy", "example")

	calm := newCollector(t, collector)
	calm.must("apply", "-f", examples)
	state := t.TempDir()
	calm.enrol(agent, state)
	if err := feed(agent, calm.uplinkAddr, state, file, 0); err != nil {
		t.Fatal(err)
	}
	want := calm.judged()

	rough := newCollector(t, collector)
	rough.must("apply", "-f", examples)
	state = t.TempDir()
	rough.enrol(agent, state)
	r := rand.New(rand.NewPCG(3, 9))
	killed := 0
	for range 12 {
		agentDies, collectorDies := time.Duration(20+r.IntN(120))*time.Millisecond, time.Duration(10+r.IntN(100))*time.Millisecond
		fed := make(chan error, 1)
		go func() { fed <- feed(agent, rough.uplinkAddr, state, file, agentDies) }()
		if r.IntN(2) == 0 {
			time.Sleep(collectorDies)
			rough.kill()
			rough.start()
		}
		switch err := <-fed; {
		case errors.Is(err, errKilled):
			killed++
		case err != nil:
			t.Fatal(err)
		}
	}
	if err := feed(agent, rough.uplinkAddr, state, file, 0); err != nil {
		t.Fatal(err)
	}
	rough.kill() // and once more when all is delivered
	rough.start()
	got := rough.judged()
	t.Logf("the agent was killed %d times while feeding", killed)
	for what := range want {
		a, b := stable(want[what]), stable(got[what])
		if len(a) < 500 {
			t.Errorf("the undisturbed run knows no %s: %s", what, a)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differ from those of an undisturbed run%s", what, firstDifference(a, b))
		}
	}
}

// stable drops what differs between any two runs: when the collector judged,
// and when it knew first of a finding.
func stable(v any) []byte {
	var drop func(any)
	drop = func(v any) {
		switch x := v.(type) {
		case map[string]any:
			for _, when := range []string{"judged_at", "raised", "status_since"} {
				delete(x, when)
			}
			for _, y := range x {
				drop(y)
			}
		case []any:
			for _, y := range x {
				drop(y)
			}
		}
	}
	drop(v)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err) // it was JSON a moment ago
	}
	return b
}

func firstDifference(a, b []byte) string {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			from := max(0, i-12)
			return fmt.Sprintf(" at line %d:\n%s\n--- undisturbed: %s\n--- killed:      %s", i, bytes.Join(x[from:i], []byte("\n")), x[i], y[i])
		}
	}
	return fmt.Sprintf(": %d and %d lines", len(x), len(y))
}
