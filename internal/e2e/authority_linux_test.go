package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"demarc/internal/netsim"
)

// TestAuthorityEnforced: four people of one machine, known to the built
// collector by their uid alone, over its shared socket: one proposes, nobody
// confirms their own, two officials confirm, and the audit log holds it all.
func TestAuthorityEnforced(t *testing.T) {
	netsim.NeedRoot(t)
	_, bin := programs(t)
	const group = 7000
	shared, err := os.MkdirTemp("", "demarc-socket-") // a test's own directory keeps other users out
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(shared) })
	if err := os.Chmod(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(shared, "demarc-collector")
	if err := exec.Command("cp", bin, tool).Run(); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(shared, "collector.sock")
	c := &plantProcess{t: t, bin: bin, dir: t.TempDir(), uplinkAddr: freePort(t)}
	c.config = filepath.Join(c.dir, "collector.yaml")
	settings := "data: " + filepath.Join(c.dir, "data") + "\nsocket: " + socket + "\nsocketGroup: \"7000\"\nuplink: " + c.uplinkAddr + "\npages: off\nauthority: enforced\nlogLevel: error\n"
	if err := os.WriteFile(c.config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start()
	t.Cleanup(func() { c.kill() })

	as := func(uid uint32, args ...string) (string, error) {
		var out bytes.Buffer
		cmd := exec.Command(tool, append([]string{"--socket", socket, "--data", shared}, args...)...)
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: group}}
		err := cmd.Run()
		return out.String(), err
	}
	works := func(uid uint32, want string, args ...string) string {
		t.Helper()
		out, err := as(uid, args...)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("uid %d %v: %v\n%s\nwant %q", uid, args, err, out, want)
		}
		return out
	}
	refused := func(uid uint32, want string, args ...string) {
		t.Helper()
		out, err := as(uid, args...)
		if exit := new(exec.ExitError); !errors.As(err, &exit) || !strings.Contains(out, want) {
			t.Errorf("uid %d %v: %v\n%s\nwant a refusal with %q", uid, args, err, out, want)
		}
	}
	const ivo, ana, otto, emil, nobody = 7001, 7002, 7003, 7004, 7005
	c.must("user", "add", "ivo", "--role", "issm", "--uid", "7001")
	c.must("user", "add", "ana", "--full-name", "Ana Ruiz", "--role", "official=boundary/line4", "--uid", "7002")
	c.must("user", "add", "otto", "--role", "official", "--uid", "7003")
	c.must("user", "add", "emil", "--role", "engineer", "--uid", "7004")

	refused(nobody, "has no account here", "status")
	works(emil, "emil (socket): engineer", "user", "whoami")
	example := filepath.Join(shared, "example")
	if err := exec.Command("cp", "-r", filepath.Join("..", "..", "deploy", "example"), example).Run(); err != nil {
		t.Fatal(err)
	}
	refused(emil, "emil may not do this (Apply): it needs issm", "apply", "-f", example)
	if _, err := c.try("apply", "-f", example); err == nil {
		t.Error("whoever runs the collector applied documents")
	}
	works(ivo, "Nothing acts at once", "apply", "-f", example, "--dry-run")
	works(ivo, "Nothing acts at once: policy version 0 stays in force", "apply", "-f", example)
	id, _, _ := strings.Cut(strings.Split(works(ana, "ivo", "get", "pending"), "\n")[1], " ")
	refused(ivo, "nobody confirms their own change", "confirm", id)
	refused(ana, "it needs an official", "confirm", id) // a Site and a ServiceSet are about more than line 4
	c.kill()
	c.start()
	works(otto, "Policy version 1 is in force", "confirm", id)
	refused(otto, "nothing is pending as", "confirm", id)
	works(ana, "None.", "get", "pending")

	// What narrows acts at once; taking that back waits.
	file := filepath.Join(example, "interconnections.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	narrow := bytes.Replace(text, []byte("  services:"), []byte("  schedule: {from: \"01:00\", until: \"02:00\"}\n  services:"), 1)
	if bytes.Equal(text, narrow) {
		t.Fatal("the example has no agreement to narrow")
	}
	if err := os.WriteFile(file, narrow, 0o644); err != nil {
		t.Fatal(err)
	}
	works(ivo, "Policy version 2 is in force", "apply", "-f", example)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	works(ivo, "because schedule", "apply", "-f", example)
	second, _, _ := strings.Cut(strings.Split(works(ivo, "ivo", "get", "pending"), "\n")[1], " ")
	works(otto, "Rejected", "reject", second, "--reason", "it stays so")

	refused(ana, "needs official over", "authorization", "rescind", "lines-ato", "--reason", "letter") // line 5 is not hers
	works(otto, "Recorded: rescind lines-ato", "authorization", "rescind", "lines-ato", "--reason", "letter")

	log := string(c.must("get", "audit", "--limit", "1000"))
	for _, want := range []string{"ivo (socket)", "propose", "proposal confirm " + id, "otto (socket)", "proposal reject", "refused", "authorization rescind"} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log does not hold %q:\n%s", want, log)
		}
	}
	verified := string(c.must("audit", "verify"))
	_, hash, _ := strings.Cut(strings.TrimSpace(verified), "Last hash: ")
	backup := filepath.Join(c.dir, "backup.tar")
	c.must("backup", backup)
	if out := string(c.must("audit", "verify", "--backup", backup, "--expect", hash)); !strings.Contains(out, "The chain holds") {
		t.Error(out)
	}
	if _, err := c.try("audit", "verify", "--expect", strings.Repeat("0", 64)); err == nil {
		t.Error("a hash that no entry has was found")
	}
	raw, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.ReplaceAll(raw, []byte("otto (socket)"), []byte("anna (socket)"))
	if err := os.WriteFile(backup, forged, 0o600); err != nil || bytes.Equal(raw, forged) {
		t.Fatal("nothing to forge")
	}
	if out, err := c.try("audit", "verify", "--backup", backup); err == nil || !strings.Contains(err.Error()+string(out), "was changed") {
		t.Errorf("a forged log: %v %s", err, out)
	}
	refused(emil, "VerifyAudit", "audit", "verify")
}
