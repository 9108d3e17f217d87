package netsim

import (
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Space is one more network namespace of a test, for what stands at the other
// end of its cables. It ends with the test.
type Space struct {
	t   testing.TB
	tid int
	do  chan func()
}

// NewSpace makes a namespace with loopback alone. The test itself is isolated
// before.
func NewSpace(t testing.TB) *Space {
	t.Helper()
	s := &Space{t: t, do: make(chan func())}
	begun := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, as in Isolate
		err := unix.Unshare(unix.CLONE_NEWNET)
		s.tid = unix.Gettid()
		begun <- err
		for f := range s.do {
			f()
		}
	}()
	if err := <-begun; err != nil {
		Missing(t, "network namespaces: "+err.Error())
	}
	t.Cleanup(func() { close(s.do) })
	s.Do(func() {
		quiet(t)
		IP(t, "link", "set", "lo", "up")
	})
	return s
}

// Do runs f inside: sockets that it opens and programs that it starts are.
func (s *Space) Do(f func()) {
	s.t.Helper()
	done := make(chan struct{})
	s.do <- func() {
		defer close(done)
		f()
	}
	<-done
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// Take moves interfaces of the test's own namespace inside.
func (s *Space) Take(ifaces ...string) {
	s.t.Helper()
	for _, i := range ifaces {
		IP(s.t, "link", "set", i, "netns", strconv.Itoa(s.tid))
	}
}
