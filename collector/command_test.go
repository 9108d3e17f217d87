package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"demarc/collector/config"
	"demarc/collector/server"
)

// serve runs a collector in this process and returns its data directory.
func serve(t *testing.T) string {
	t.Helper()
	data, _ := serveAt(t)
	return data
}

func serveAt(t *testing.T) (string, server.Ready) {
	t.Helper()
	return serveOn(t, t.TempDir())
}

// serveIn serves a data directory that is there.
func serveIn(t *testing.T, data string) string {
	t.Helper()
	_, _ = serveOn(t, data)
	return data
}

func serveOn(t *testing.T, data string) (string, server.Ready) {
	t.Helper()
	c := config.Default()
	c.Data, c.Uplink, c.Pages = data, "127.0.0.1:0", "127.0.0.1:0"
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan server.Ready, 1), make(chan error, 1)
	go func() {
		done <- server.Run(ctx, server.Config{Config: c, Log: slog.New(slog.DiscardHandler), Version: "test", Ready: func(r server.Ready) { ready <- r }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case r := <-ready:
		return c.Data, r
	case err := <-done:
		done <- err
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("not ready in 20 s")
	}
	return "", server.Ready{}
}

// run runs a command as main does.
func run(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var b bytes.Buffer
	c := command()
	c.SetArgs(args)
	c.SetOut(&b)
	c.SetErr(&b)
	err = c.ExecuteContext(t.Context())
	return b.String(), err
}

func works(t *testing.T, want string, args ...string) string {
	t.Helper()
	out, err := run(t, args...)
	if err != nil || !strings.Contains(out, want) {
		t.Errorf("%s: %v, %q, want %q", strings.Join(args, " "), err, out, want)
	}
	return out
}

func fails(t *testing.T, want string, args ...string) {
	t.Helper()
	out, err := run(t, args...)
	if err == nil || !strings.Contains(told(err), want) || out != "" {
		t.Errorf("%s: %v, %q, want %q", strings.Join(args, " "), err, out, want)
	}
}

const example = "../deploy/example"

func TestCommands(t *testing.T) {
	data := "--data=" + serve(t)
	works(t, "None.", "get", "agents", data)
	works(t, "Dry run: nothing was changed", "apply", data, "-f", example, "--dry-run")
	works(t, "policy     version 0", "status", data)
	works(t, "Policy version 1 is in force.", "apply", data, "-f", example)
	works(t, "Nothing to change: policy version 1", "apply", data, "-f", example)
	works(t, "policy     version 1", "status", data, "--wait")
	works(t, "houston", "get", "sites", data)
	works(t, "no authorization on record", "get", "boundaries", data)
	works(t, "demarc-agent enroll --collector ", "token", "create", data)
	if token := works(t, "demarc1", "token", "create", "-q", data, "--agent", "a"); strings.Count(token, "\n") != 1 {
		t.Errorf("%q", token)
	}
	works(t, "/sign-in?token=", "sign-in", data)
	works(t, "bytes.", "backup", data, filepath.Join(t.TempDir(), "b.tar"))
	works(t, "demarc-collector ", "version")

	var sites struct{ Sites []struct{ Name string } }
	if err := json.Unmarshal([]byte(works(t, "\n  \"sites\": [\n", "get", "sites", data, "-o", "json")), &sites); err != nil || len(sites.Sites) != 1 || sites.Sites[0].Name != "houston" {
		t.Errorf("%v %v", sites, err)
	}
	rows, err := csv.NewReader(strings.NewReader(works(t, "", "get", "boundaries", data, "-o", "csv"))).ReadAll()
	if err != nil || len(rows) < 4 || rows[0][0] != "BOUNDARY" {
		t.Errorf("%v %v", rows, err)
	}
}

func TestWhatCommandsRefuse(t *testing.T) {
	data := "--data=" + serve(t)
	empty := t.TempDir()
	bad := filepath.Join(empty, "bad.yml")
	fails(t, "no .yaml file in "+empty, "apply", data, "-f", empty)
	if err := os.WriteFile(bad, []byte("apiVersion: demarc/v1\nkind: Sight\nmetadata: {name: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, bad+":1:1: kind \"Sight\"", "apply", data, "-f", empty)
	fails(t, "give -f", "apply", data)
	fails(t, "no such file", "apply", data, "-f", filepath.Join(empty, "none"))
	if err := os.WriteFile(bad, make([]byte, maxDocument+1), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, "split it", "apply", data, "-f", bad)
	fails(t, "one of agents, agreements, assets", "get", data)
	fails(t, "not known, one of", "get", "asets", data)
	fails(t, "table, json or csv", "get", "assets", data, "-o", "xml")
	fails(t, "verdict \"bad\" is not known", "get", "connections", data, "--verdict", "bad")
	fails(t, "needs one id", "explain", data)
	fails(t, "nothing is named", "explain", "x", data)
	fails(t, "--site NAME", "token", "create", data)
	fails(t, "--valid 0s", "token", "create", data, "--valid", "0s")
	fails(t, "at most 720h", "token", "create", data, "--site", "s", "--valid", "10000h")
	fails(t, "no agent is named", "agent", "revoke", "x", data)
	fails(t, "is there already", "backup", bad, data)
	fails(t, "no collector answers at "+filepath.Join(empty, "collector.sock"), "get", "sites", "--data", empty)
	fails(t, "in use by another collector", "serve", data, "--uplink", "127.0.0.1:0", "--pages", "off")
	fails(t, "not host:port", "serve", "--data", empty, "--uplink", "7443")
}
