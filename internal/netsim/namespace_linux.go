package netsim

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Isolate moves the test, its goroutine and thread alone, into a new network
// namespace, which ends with the test. Sockets opened and programs started by
// this goroutine are inside; subtests are goroutines of their own and are not.
func Isolate(t testing.TB) {
	t.Helper()
	NeedRoot(t)
	Need(t, "ip")
	// Never unlocked: the thread is not fit for anything else, and the runtime
	// ends it with the goroutine.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		Missing(t, "network namespaces: "+err.Error())
	}
	quiet(t)
}

// quiet makes a silent network: the kernel must not announce itself on the
// cables.
func quiet(t testing.TB) {
	t.Helper()
	for _, f := range []string{"all", "default"} {
		path := "/proc/sys/net/ipv6/conf/" + f + "/disable_ipv6"
		if err := os.WriteFile(path, []byte("1"), 0); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// Veth makes a cable: two interfaces, what goes into one comes out of the
// other. Neither has addresses or speaks ARP.
func Veth(t testing.TB, a, b string) {
	t.Helper()
	IP(t, "link", "add", a, "type", "veth", "peer", "name", b)
	IP(t, "link", "set", a, "up", "arp", "off")
	IP(t, "link", "set", b, "up", "arp", "off")
	WaitUp(t, a, b)
}

// WaitUp waits until interfaces carry frames: the kernel starts their queues a
// moment after the link is up, and drops until then.
func WaitUp(t testing.TB, ifaces ...string) {
	t.Helper()
	for _, i := range ifaces {
		for end := time.Now().Add(time.Minute); !strings.Contains(IP(t, "-br", "link", "show", "dev", i), " UP "); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("interface %s does not come up", i)
			}
		}
	}
}

// IP runs the ip program inside the test's namespace and returns what it prints.
func IP(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput() //nolint:gosec // tests alone call it
	if err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Sent is the number of frames that an interface has transmitted, by the
// kernel's count.
func Sent(t testing.TB, iface string) uint64 {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		name, counts, ok := strings.Cut(strings.TrimSpace(line), ":")
		if f := strings.Fields(counts); ok && name == iface && len(f) == 16 {
			n, err := strconv.ParseUint(f[9], 10, 64) // after eight of reception, bytes and packets
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no interface %s in %s", iface, b)
	return 0
}

// Sender returns a function that puts a frame on an interface of the test's
// namespace.
func Sender(t testing.TB, iface string) func(frame []byte) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	ifr, err := unix.NewIfreq(iface)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr); err != nil {
		t.Fatalf("interface %s: %v", iface, err)
	}
	to := unix.SockaddrLinklayer{Ifindex: int(ifr.Uint32())}
	return func(frame []byte) {
		t.Helper()
		if err := unix.Sendto(fd, frame, 0, &to); err != nil { //nolint:forbidigo // tests send; the agent does not import this package
			t.Fatal(err)
		}
	}
}
