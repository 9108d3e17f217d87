package e2e

import (
	"cmp"
	"context"
	"fmt"
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
	mu    sync.Mutex
	now   time.Time
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// newDesk starts one, at the end of the plant's captures.
func newDesk(t *testing.T, authority string) *desk {
	t.Helper()
	d := &desk{now: after}
	agent, bin := programs(t)
	d.agent, d.plantProcess = agent, &plantProcess{t: t, bin: bin, dir: t.TempDir()}
	c := config.Default()
	c.Data, c.Uplink, c.Pages, c.Authority = filepath.Join(d.dir, "data"), "127.0.0.1:0", "off", authority
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
	case <-time.After(20 * time.Second):
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
	return &desk{plantProcess: &p, agent: d.agent, now: d.now}
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
	for _, args := range [][]string{
		{"enroll", "--collector", d.uplinkAddr, "--token", string(token), "--state", state},
		{"read", "--collector", d.uplinkAddr, "--state", state, "--segment", segment, file},
	} {
		if out, err := exec.Command(d.agent, args...).CombinedOutput(); err != nil { // our own program
			d.t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	d.settled()
}

// plant lets agents read ports of the example plant.
func (d *desk) plant(ports ...string) {
	d.t.Helper()
	for _, p := range ports {
		d.hear(filepath.Join(root, "testdata", "plant", p+".pcap"), p)
	}
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
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
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

// row is one thing that the product must hold, and the check that it does.
// Those that act have a collector of their own.
type row struct {
	name  string
	check func(*desk)
	acts  func(*testing.T)
}

// holds runs rows: those that only read share one collector, with the example
// plant and the scenes beside it.
func holds(t *testing.T, rows []row, later map[string]string) {
	t.Helper()
	names := map[string]bool{}
	for _, r := range rows {
		if names[r.name] {
			t.Errorf("row %s stands twice", r.name)
		}
		names[r.name] = true
	}
	for name := range later {
		if !names[name] {
			t.Errorf("%s is left, and no row", name)
		}
	}
	d := newDesk(t, "none")
	d.example()
	d.plant(plant.Ports()...)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			switch {
			case r.check != nil:
				r.check(d.as(t))
			case r.acts != nil:
				r.acts(t)
			default:
				t.Skip("not there yet: " + cmp.Or(later[r.name], "and nobody says why"))
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
