package netsim

import (
	"bufio"
	"bytes"
	"fmt"
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
		for end := time.Now().Add(time.Minute); busy(c.Process.Pid) && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})
	t.Cleanup(stop)
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || !strings.Contains(line, "listening") {
		t.Fatalf("tcpdump: %q, %v", line, err)
	}
	return file, stop
}

// busy reports whether a process does anything but wait: for tcpdump, whether
// there is more for it to write down.
func busy(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") S "))
}
