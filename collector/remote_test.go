package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestCommandsFromAnotherMachine(t *testing.T) {
	dir, at := serveAt(t)
	data, server := "--data="+dir, "--server="+strings.TrimPrefix(at.Pages, "https://")
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	works(t, "", "user", "add", "pipeline", "--kind", "program", "--role", "issm", data)
	made := works(t, "demarc", "token", "api", "create", "ci", "--user", "pipeline", "--scope", "issm", data)
	token := regexp.MustCompile(`(demarc\S+\.\S{20,})`).FindStringSubmatch(made)
	if token == nil {
		t.Fatalf("no token in %s", made)
	}
	pin := regexp.MustCompile(`key +([0-9a-f]{64})`).FindStringSubmatch(works(t, "key", "status", data))
	if pin == nil {
		t.Fatal("status prints no fingerprint")
	}
	good := "--token-file=" + file("token", token[1]+"\n")
	pinned := "--pin=" + pin[1]

	works(t, "None.", "get", "agents", server, good, pinned)
	works(t, "Dry run", "apply", "-f", example, "--dry-run", server, good, pinned)
	works(t, "Policy version 1", "apply", "-f", example, server, good, pinned)
	works(t, "line4", "get", "boundaries", server, good, pinned)
	fails(t, "pipeline may not do this (Backup)", "backup", filepath.Join(t.TempDir(), "x.tar"), server, good, pinned)
	fails(t, "not known here: name it with --ca FILE", "get", "agents", server, good)
	fails(t, "another key than --pin says", "get", "agents", server, good, "--pin="+strings.Repeat("0", 64))
	fails(t, "64 hexadecimal digits", "get", "agents", server, good, "--pin=xyz")
	fails(t, "needs --token-file", "get", "agents", server, pinned)
	fails(t, "not known, has ended, or was taken back", "get", "agents", server, pinned, "--token-file="+file("bad", "demarc_ci.x"))
	fails(t, "holds no token", "get", "agents", server, pinned, "--token-file="+file("empty", ""))
	fails(t, "go with --server", "get", "agents", good)
	fails(t, "is not HOST:PORT", "get", "agents", "--server=host", good, pinned)
	works(t, "None.", "get", "agents", server, good, "--ca="+filepath.Join(dir, "pki", "authority.crt"))
	works(t, "", "token", "api", "revoke", "ci", data)
	fails(t, "taken back", "get", "agents", server, good, pinned)
}
