package netsim

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Record has tcpdump write what passes an interface to a capture file; arguments
// narrow what. Call stop before the file is read.
func Record(t testing.TB, iface string, args ...string) (file string, stop func()) {
	t.Helper()
	Need(t, "tcpdump")
	file = filepath.Join(t.TempDir(), "wire.pcap")
	args = append([]string{"-i", iface, "-U", "-w", file, "-s", "0", "--immediate-mode"}, args...)
	c := exec.Command("tcpdump", args...) //nolint:gosec // arguments are the tests' own
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		time.Sleep(200 * time.Millisecond) // what is on its way
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})
	t.Cleanup(stop)
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || !strings.Contains(line, "listening") {
		t.Fatalf("tcpdump: %q, %v", line, err)
	}
	return file, stop
}
