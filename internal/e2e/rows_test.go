package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/gopacket/pcapgo"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"demarc/collector/config"
	"demarc/collector/server"
	"demarc/internal/plant"
	demarcv1 "demarc/proto/demarc/v1"
)

var agents atomic.Int32 // that desks enrolled

// desk is a collector in this process whose clock the test moves, asked with the
// built commands.
type desk struct {
	*plantProcess
	agent string
	ears  map[string]string // segment -> state of the agent that heard it last
	mu    sync.Mutex
	now   time.Time
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// set moves the clock.
func (d *desk) set(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = now
}

// newDesk starts one, at the end of the plant's captures.
func newDesk(t *testing.T) *desk { return newDeskAt(t, after) }

// newDeskAt starts one whose clock shows now, set up by more.
func newDeskAt(t *testing.T, now time.Time, more ...func(*config.Config)) *desk {
	t.Helper()
	d := &desk{now: now, ears: map[string]string{}}
	agent, bin := programs(t)
	d.agent, d.plantProcess = agent, &plantProcess{t: t, bin: bin, dir: t.TempDir()}
	c := config.Default()
	c.Data, c.Uplink, c.Pages, c.Authority = filepath.Join(d.dir, "data"), "127.0.0.1:0", "off", config.None
	for _, set := range more {
		set(&c)
	}
	d.config = filepath.Join(d.dir, "collector.yaml")
	if err := os.WriteFile(d.config, []byte("data: "+c.Data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan server.Ready, 1), make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, server.Config{Config: c, Log: slog.New(slog.DiscardHandler), Version: "test", Clock: d.clock, Ready: func(r server.Ready) { ready <- r }})
	}()
	select {
	case r := <-ready:
		d.uplinkAddr = r.Uplink
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("the collector does not start")
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d
}

// as is d for a subtest.
func (d *desk) as(t *testing.T) *desk {
	p := *d.plantProcess
	p.t = t
	return &desk{plantProcess: &p, agent: d.agent, ears: d.ears, now: d.now}
}

// example applies the documents of deploy/example, and those given after them.
func (d *desk) example(more ...string) {
	d.t.Helper()
	d.must("apply", "-f", filepath.Join(root, "deploy", "example"))
	for _, text := range more {
		d.apply(text)
	}
}

func (d *desk) apply(text string) []byte {
	d.t.Helper()
	return d.must("apply", "-f", d.file(text))
}

// file holds documents, for apply.
func (d *desk) file(text string) string {
	d.t.Helper()
	f, err := os.CreateTemp(d.dir, "*.yaml")
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // told by WriteString
	if _, err := f.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
	return f.Name()
}

// hear lets an agent of its own read a capture, and waits until all is judged.
func (d *desk) hear(file, segment string) {
	d.t.Helper()
	state := d.t.TempDir()
	token := regexp.MustCompile(`demarc1[a-z0-9]+`).Find(d.must("token", "create", "--site", site, "--agent", fmt.Sprintf("a%d", agents.Add(1))))
	d.runAgent("enroll", "--collector", d.uplinkAddr, "--token", string(token), "--state", state)
	d.ears[segment] = state
	d.hearAgain(file, segment)
}

// hearAgain lets the agent that heard a segment last hear another capture.
func (d *desk) hearAgain(file, segment string) {
	d.t.Helper()
	d.runAgent("read", "--collector", d.uplinkAddr, "--state", d.ears[segment], "--segment", segment, file)
	d.settled()
}

func (d *desk) runAgent(args ...string) {
	d.t.Helper()
	if out, err := exec.Command(d.agent, args...).CombinedOutput(); err != nil { // our own program
		d.t.Fatalf("%v: %v: %s", args, err, out)
	}
}

// plant lets agents read ports of the example plant.
func (d *desk) plant(ports ...string) {
	d.t.Helper()
	for _, p := range ports {
		d.hear(filepath.Join(root, "testdata", "plant", p+".pcap"), p)
	}
}

// plantNow lets an agent hear a port of the plant as if its day were now: the
// last frame comes at the desk's time.
func (d *desk) plantNow(port string) {
	d.t.Helper()
	in, err := os.Open(filepath.Join(root, "testdata", "plant", port+".pcap"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer in.Close() //nolint:errcheck // only read
	r, err := pcapgo.NewReader(in)
	if err != nil {
		d.t.Fatal(err)
	}
	var out bytes.Buffer
	w := pcapgo.NewWriter(&out)
	if err := w.WriteFileHeader(65535, r.LinkType()); err != nil {
		d.t.Fatal(err)
	}
	later := d.clock().Sub(after)
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.t.Fatal(err)
		}
		info.Timestamp = info.Timestamp.Add(later)
		if err := w.WritePacket(info, data); err != nil {
			d.t.Fatal(err)
		}
	}
	file := filepath.Join(d.t.TempDir(), port+".pcap")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.hear(file, port)
}

// settled waits until every record is judged.
func (d *desk) settled() {
	d.t.Helper()
	d.wait("records are judged", func() bool {
		var s demarcv1.GetStatusResponse
		d.read(&s, "status")
		return s.GetJournal() == s.GetApplied() && s.GetJournal() > 0
	})
}

func (d *desk) wait(what string, done func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// read runs a command and reads its JSON.
func (d *desk) read(m proto.Message, args ...string) {
	d.t.Helper()
	if err := protojson.Unmarshal(d.must(append(args, "-o", "json")...), m); err != nil {
		d.t.Fatalf("%v: %v", args, err)
	}
}

// says checks that what a command prints holds every one of words.
func (d *desk) says(command string, words ...string) {
	d.t.Helper()
	out := string(d.must(strings.Fields(command)...))
	for _, w := range words {
		if !strings.Contains(out, w) {
			d.t.Errorf("%s lacks %q:\n%s", command, w, out)
		}
	}
}

// comes waits until what a command prints holds every one of words.
func (d *desk) comes(command string, words ...string) {
	d.t.Helper()
	d.wait(command+" says "+strings.Join(words, ", "), func() bool {
		out := string(d.must(strings.Fields(command)...))
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(out, w) })
	})
}

// lacks checks that what a command prints holds none of words.
func (d *desk) lacks(command string, words ...string) {
	d.t.Helper()
	out := string(d.must(strings.Fields(command)...))
	for _, w := range words {
		if strings.Contains(out, w) {
			d.t.Errorf("%s says %q:\n%s", command, w, out)
		}
	}
}

// refuses checks that a command fails, and why.
func (d *desk) refuses(why string, args ...string) {
	d.t.Helper()
	if out, err := d.try(args...); err == nil || !strings.Contains(err.Error(), why) {
		d.t.Errorf("%v: %v, %s; want it refused because of %q", args, err, out, why)
	}
}

func (d *desk) asset(address string) *demarcv1.Asset {
	d.t.Helper()
	var all demarcv1.ListAssetsResponse
	d.read(&all, "get", "assets")
	for _, a := range all.GetAssets() {
		if a.GetParent() == "" && slices.Contains(a.GetIps(), address) {
			return a
		}
	}
	d.t.Fatalf("no asset has %s", address)
	return nil
}

// flow is the connection from a client to a server's port.
func (d *desk) flow(client, server string, port uint32) *demarcv1.JudgedConnection {
	d.t.Helper()
	var all demarcv1.ListConnectionsResponse
	d.read(&all, "get", "connections")
	for _, c := range all.GetConnections() {
		if x := c.GetConnection(); x.GetClient() == client && x.GetServer() == server && x.GetPort() == port {
			return c
		}
	}
	d.t.Fatalf("no connection goes from %s to %s port %d", client, server, port)
	return nil
}

func (d *desk) judged(verdict, client, server string, port uint32) *demarcv1.JudgedConnection {
	d.t.Helper()
	c := d.flow(client, server, port)
	if got := c.GetVerdict(); got.GetVerdict() != verdict {
		d.t.Errorf("%s -> %s/%d is %s (%s), want %s", client, server, port, got.GetVerdict(), got.GetReason(), verdict)
	}
	return c
}

func (d *desk) boundary(name string) *demarcv1.BoundarySummary {
	d.t.Helper()
	var all demarcv1.ListBoundariesResponse
	d.read(&all, "get", "boundaries")
	i := slices.IndexFunc(all.GetBoundaries(), func(b *demarcv1.BoundarySummary) bool { return b.GetName() == name })
	if i < 0 {
		d.t.Fatalf("no boundary %s", name)
	}
	return all.GetBoundaries()[i]
}

func (d *desk) authorization(name string) *demarcv1.Authorization {
	d.t.Helper()
	var all demarcv1.ListAuthorizationsResponse
	d.read(&all, "get", "authorizations")
	i := slices.IndexFunc(all.GetAuthorizations(), func(a *demarcv1.Authorization) bool { return a.GetName() == name })
	if i < 0 {
		d.t.Fatalf("no authorization %s", name)
	}
	return all.GetAuthorizations()[i]
}

// findings are those of a kind.
func (d *desk) findings(kind string) []*demarcv1.Finding {
	d.t.Helper()
	var all demarcv1.ListFindingsResponse
	d.read(&all, "get", "findings", "--kind", kind)
	return all.GetFindings()
}

// condition is one of lines-ato or another, "lines-ato/C1".
func (d *desk) condition(id string) *demarcv1.Condition {
	d.t.Helper()
	var all demarcv1.ListConditionsResponse
	d.read(&all, "get", "conditions")
	i := slices.IndexFunc(all.GetConditions(), func(c *demarcv1.Condition) bool { return c.GetId() == id })
	if i < 0 {
		d.t.Fatalf("no condition %s", id)
	}
	return all.GetConditions()[i]
}

// row is one thing that the product must hold, and the checks that it does:
// check only reads, acts has a collector of its own. TestEveryRowIsTested holds
// the names to deploy/example/README.md.
type row struct {
	name  string
	check func(*desk)
	acts  func(*testing.T)
}

// holds runs rows: what only reads shares one collector, with the example plant.
func holds(t *testing.T, rows []row) {
	t.Helper()
	d := newDesk(t)
	d.example()
	d.plant(plant.Ports()...)
	d.set(after.Add(time.Minute)) // conditions are judged by the clock
	d.wait("conditions are judged", func() bool { return len(d.findings("condition")) == 2 })
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if r.check != nil {
				r.check(d.as(t))
			}
			if r.acts != nil {
				r.acts(t)
			}
		})
	}
}

// role is one that an asset has, with its reason.
func (d *desk) role(address, role string) *demarcv1.AssetRole {
	d.t.Helper()
	a := d.asset(address)
	for _, r := range a.GetRoles() {
		if r.GetRole() == role {
			if r.GetWhy() == "" {
				d.t.Errorf("%s is a %s for no reason", address, role)
			}
			return r
		}
	}
	d.t.Errorf("%s is no %s: %v", address, role, a.GetRoles())
	return &demarcv1.AssetRole{}
}

// identity checks what an asset says that it is.
func (d *desk) identity(address, vendor, model, firmware string) {
	d.t.Helper()
	a := d.asset(address)
	if got := fmt.Sprint(a.GetVendor(), "|", a.GetModel(), "|", a.GetFirmware()); got != vendor+"|"+model+"|"+firmware {
		d.t.Errorf("%s says %s, want %s|%s|%s", address, got, vendor, model, firmware)
	}
}
