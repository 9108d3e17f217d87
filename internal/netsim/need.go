// Package netsim gives tests a network of their own: private namespaces with
// cables between interfaces, senders of frames, and the rule for what a test
// needs beyond Go: skip by name, or fail when everything was asked for.
package netsim

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// All reports whether DEMARC_TEST=all asks for every test: then one that lacks
// something fails instead of being skipped.
func All() bool { return os.Getenv("DEMARC_TEST") == "all" }

// Missing ends the test because of something that this machine lacks: a skip,
// or with DEMARC_TEST=all a failure.
func Missing(t testing.TB, what string) {
	t.Helper()
	if All() {
		t.Fatalf("needs %s, and DEMARC_TEST=all is set", what)
	}
	t.Skipf("needs %s", what)
}

// Need ends the test, as Missing does, unless every named program is there.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Missing(t, "the program "+p)
		}
	}
}

// NeedRoot ends the test, as Missing does, unless it runs as root on Linux.
func NeedRoot(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		Missing(t, "Linux")
	}
	if os.Geteuid() != 0 {
		Missing(t, "root")
	}
}
