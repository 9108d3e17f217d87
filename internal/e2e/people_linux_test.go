package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"demarc/collector/config"
	"demarc/internal/netsim"
)

// people are accounts at a desk where authority is enforced, each known by a uid
// of this machine alone.
type people struct {
	*desk
	tool, shared string
	uids         map[string]uint32
}

const peopleGroup = 7000

// newPeople starts a desk with an account for each role, named after it.
func newPeople(t *testing.T, roles ...string) *people {
	t.Helper()
	netsim.NeedRoot(t)
	shared, err := os.MkdirTemp("", "demarc-socket-") // a test's own directory keeps other users out
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(shared) })
	p := &people{shared: shared, tool: filepath.Join(shared, "demarc-collector"), uids: map[string]uint32{}}
	p.desk = newDeskAt(t, after, func(c *config.Config) {
		c.Authority, c.Socket, c.SocketGroup = config.Enforced, filepath.Join(shared, "collector.sock"), strconv.Itoa(peopleGroup)
	})
	for _, c := range []*exec.Cmd{exec.Command("cp", p.bin, p.tool), exec.Command("cp", "-r", filepath.Join(root, "deploy", "example"), shared), exec.Command("chmod", "-R", "a+rX", shared)} {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", c, err, out)
		}
	}
	settings := "data: " + filepath.Join(p.dir, "data") + "\nsocket: " + filepath.Join(shared, "collector.sock") + "\n"
	if err := os.WriteFile(p.config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, r := range roles {
		p.uids[r] = uint32(7001 + i)
		p.must("user", "add", r, "--role", r, "--uid", fmt.Sprint(p.uids[r]))
	}
	return p
}

// by runs a command as the person with a role.
func (p *people) by(role string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.Command(p.tool, append([]string{"--socket", filepath.Join(p.shared, "collector.sock"), "--data", p.shared}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uids[role], Gid: peopleGroup}}
	err := cmd.Run()
	return out.String(), err
}

func (p *people) may(role, want string, args ...string) string {
	p.t.Helper()
	out, err := p.by(role, args...)
	if err != nil || !strings.Contains(out, want) {
		p.t.Fatalf("%s %v: %v\n%s\nwant %q", role, args, err, out, want)
	}
	return out
}

func (p *people) mayNot(role, want string, args ...string) {
	p.t.Helper()
	if out, err := p.by(role, args...); err == nil || !strings.Contains(out, want) {
		p.t.Errorf("%s %v: %v\n%s\nwant a refusal with %q", role, args, err, out, want)
	}
}

// example is proposed by the issm and confirmed by the official.
func (p *people) example() {
	p.t.Helper()
	p.may("issm", "Nothing acts at once", "apply", "-f", filepath.Join(p.shared, "example"))
	id, _, _ := strings.Cut(strings.Split(p.may("official", "issm", "get", "pending"), "\n")[1], " ")
	p.may("official", "is in force", "confirm", id)
}

// onlyOfficialsDecide: of all roles one decides; others record what was signed,
// suspend, or neither.
func onlyOfficialsDecide(t *testing.T) {
	p := newPeople(t, "official", "issm", "system-owner", "engineer", "analyst", "auditor", "admin", "designated-representative")
	p.example()
	for _, role := range []string{"system-owner", "engineer", "analyst", "auditor", "admin", "designated-representative"} {
		p.mayNot(role, "needs ", "authorization", "rescind", "lines-ato", "--reason", "letter")
	}
	p.mayNot("issm", "may record that rescind lines-ato was decided, not decide it", "authorization", "rescind", "lines-ato", "--reason", "letter")
	p.may("official", "Recorded: rescind lines-ato", "authorization", "rescind", "lines-ato", "--reason", "letter")
}

// planned: a violated condition is a finding with its item in the plan; an item
// closes with evidence, or by the act of an official.
func planned(t *testing.T) {
	p := newPeople(t, "official", "issm", "system-owner")
	p.example()
	p.plant("line4")
	p.set(p.clock().Add(time.Minute)) // conditions are judged by the clock
	var id string
	p.wait("a violated condition is a finding", func() bool {
		for _, f := range p.findings("condition") {
			if f.GetCondition() == "lines-ato/C1" {
				id = f.GetId()
			}
		}
		return id != ""
	})
	plan := func(more ...string) []string { return append([]string{"finding", "poam", id}, more...) }
	p.may("system-owner", "", plan("--title", "Take the panel off the Internet", "--responsible", "Line 4 engineering", "--due", "2026-04-30")...)
	p.may("system-owner", "", plan("--title", "Ask the vendor for another update path", "--responsible", "Line 4 engineering", "--due", "2026-05-31")...)
	p.mayNot("system-owner", "closes with evidence", plan("--item", "P1", "--close")...)
	p.may("system-owner", "", plan("--item", "P1", "--close", "--evidence", "rule 4711 denies it; the panel's gateway is gone")...)
	p.may("official", "", plan("--item", "P2", "--close")...)
	p.says("get findings --history "+id, "P1 closed", "evidence: rule 4711 denies it", "P2 closed")
}

// TestWhoMayDoWhat: for each role what it may do and what it may not, over the
// command socket. Nothing is done: those that may say what would come of it.
func TestWhoMayDoWhat(t *testing.T) {
	p := newPeople(t, "official", "issm", "system-owner", "engineer", "analyst", "auditor", "admin", "designated-representative")
	p.example()
	p.plant("line4")
	id := p.findings("unauthorized")[0].GetId()
	letter := filepath.Join(p.shared, "example", "README.md") // any file that all can read
	rescind := []string{"authorization", "rescind", "lines-ato", "--reason", "letter", "--dry-run"}
	suspend := []string{"authorization", "suspend", "lines-ato", "--reason", "incident", "--dry-run"}
	recorded := append(slices.Clone(rescind), "--official", "Dana Ortiz", "--artefact", letter)
	accept := []string{"finding", "accept", id, "--owner", "Dana Ortiz", "--reason", "to the outage", "--until", "2026-06-30", "--dry-run"}
	sorted := []string{"finding", "close", id, "--reason", "false-positive", "--comment", "a test", "--dry-run"}
	request := []string{"finding", "status", id, "--to", "deviation-requested", "--reason", "to the outage", "--dry-run"}
	plan := []string{"finding", "poam", id, "--title", "x", "--responsible", "y", "--due", "2026-06-30", "--dry-run"}
	snapshot := []string{"snapshot", "take", "lines-ato", "--reason", "letter", "--dry-run"}
	apply := []string{"apply", "-f", filepath.Join(p.shared, "example"), "--dry-run"}
	attest := []string{"attest", "lines-ato/C5", "--statement", "seen today"}
	open := []string{"window", "open", "visit", "--interconnection", "vendor-to-jump-host", "--until", "2026-03-10T16:00Z", "--approved-by", "Lee Tran"}
	token := []string{"token", "create", "-q", "--site", site, "--agent", "new"}
	account := []string{"user", "list"}
	audit := []string{"audit", "verify"}
	all := map[string][]string{
		"rescind": rescind, "rescind on paper": recorded, "suspend": suspend, "accept": accept, "sort": sorted, "request": request, "plan": plan,
		"snapshot": snapshot, "apply": apply, "attest": attest, "open": open, "token": token, "accounts": account, "audit": audit,
	}
	for role, may := range map[string][]string{
		"engineer":                  {"token"},
		"analyst":                   {"sort", "request"},
		"issm":                      {"apply", "rescind on paper", "snapshot"},
		"system-owner":              {"attest", "snapshot", "plan", "request"},
		"official":                  {"rescind", "rescind on paper", "suspend", "accept", "sort", "request", "plan", "snapshot"},
		"designated-representative": {"suspend", "accept", "sort", "request", "plan", "snapshot"},
		"auditor":                   {"accounts", "audit"},
		"admin":                     {"token", "accounts", "audit"},
	} {
		for what, args := range all {
			out, err := p.by(role, args...)
			if allowed := slices.Contains(may, what); allowed != (err == nil) {
				t.Errorf("%s may %s: %v, want %v\n%s", role, what, err == nil, allowed, out)
			}
		}
	}
	// An engineer opens what names them as opener, and nothing else.
	p.mayNot("engineer", "its agreement names as openers Lee Tran", open...)
}
