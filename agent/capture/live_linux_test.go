package capture_test

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"demarc/agent/capture"
	"demarc/internal/netsim"
)

// numbered is an Ethernet frame of 60 bytes with a number in it.
func numbered(n int, tags ...byte) []byte {
	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	b = append(b, tags...)
	b = append(b, 0x88, 0xb5, byte(n>>16), byte(n>>8), byte(n)) // EtherType for experiments
	return append(b, make([]byte, 60-14-3)...)
}

func openLive(t *testing.T, iface string, o capture.LiveOptions) capture.Source {
	t.Helper()
	s, err := capture.OpenLive(iface, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// receive takes n frames, or fewer when none comes for half a second.
func receive(t *testing.T, s capture.Source, n int) (all []packet) {
	t.Helper()
	var f capture.Frame
	for ticks := 0; len(all) < n && ticks < 10; {
		switch err := s.Next(&f); {
		case errors.Is(err, capture.ErrTick):
			ticks++
		case err != nil:
			t.Fatal(err)
		default:
			ticks = 0
			all = append(all, packet{f, string(f.Data)})
		}
	}
	return all
}

func TestLiveReceivesAndSendsNothing(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	send := netsim.Sender(t, "plant")
	send(numbered(999)) // before the capture: must not be seen
	before := netsim.Sent(t, "span")
	s := openLive(t, "span", capture.LiveOptions{})
	if i := s.Interfaces(); len(i) != 1 || i[0].Name != "span" || i[0].Link != capture.LinkEthernet {
		t.Fatalf("interfaces %v", i)
	}
	const n = 3000
	started := time.Now()
	for i := range n {
		send(numbered(i))
	}
	all := receive(t, s, n)
	if len(all) != n {
		t.Fatalf("%d frames of %d, %+v", len(all), n, s.Stats())
	}
	last := int64(0)
	for i, p := range all {
		if p.data != string(numbered(i)) || p.Length != 60 || p.TPID != 0 || p.Time < last || p.Time < started.UnixNano()-1e9 {
			t.Fatalf("frame %d: %+v", i, p.Frame)
		}
		last = p.Time
	}
	if extra := receive(t, s, 1); len(extra) != 0 {
		t.Fatalf("a frame that nobody sent: % x", extra[0].data)
	}
	if st := s.Stats(); st.Packets != n || st.Bytes != n*60 || st.Drops != 0 {
		t.Fatalf("stats %+v", st)
	}
	if after := netsim.Sent(t, "span"); after != before {
		t.Fatalf("the capture interface sent %d frames", after-before)
	}
	if sent := netsim.Sent(t, "plant"); sent != n+1 {
		t.Fatalf("the counter that must stand still above does not count: %d", sent)
	}
}

func TestLiveKeepsTags(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	send := netsim.Sender(t, "plant")
	s := openLive(t, "span", capture.LiveOptions{})
	frames := [][]byte{
		numbered(0, 0x81, 0x00, 0xc0, 104),
		numbered(1, 0x88, 0xa8, 0x00, 100, 0x81, 0x00, 0x00, 7),
		numbered(2, 0x81, 0x00, 0x00, 0), // priority tag
		numbered(3),
	}
	for _, b := range frames {
		send(b)
	}
	all := receive(t, s, len(frames))
	if len(all) != len(frames) {
		t.Fatalf("%d frames", len(all))
	}
	for i, p := range all {
		// The frame as it was on the wire, with the tag put back.
		got := []byte(p.data)
		if p.TPID != 0 {
			tag := []byte{byte(p.TPID >> 8), byte(p.TPID), byte(p.TCI >> 8), byte(p.TCI)}
			got = append(append(bytes.Clone(got[:12]), tag...), got[12:]...)
		}
		if !bytes.Equal(got, frames[i]) || p.Length != len(frames[i]) || p.Missing() != 0 {
			t.Errorf("frame %d: % x of %d bytes, tag %#x %#x", i, got[:24], p.Length, p.TPID, p.TCI)
		}
	}
}

func TestLiveCountsDrops(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	send := netsim.Sender(t, "plant")
	s := openLive(t, "span", capture.LiveOptions{Ring: 512 << 10})
	const n = 10000
	big := append(numbered(1), make([]byte, 1000)...)
	for range n {
		send(big) // 10 MB into a ring of half a MiB that nobody reads
	}
	got := receive(t, s, n)
	st := s.Stats()
	if st.Drops == 0 || st.Freezes == 0 || uint64(len(got))+st.Drops != n || st.Packets != uint64(len(got)) {
		t.Fatalf("%d received, %+v, of %d", len(got), st, n)
	}
	send(numbered(5))
	if len(receive(t, s, 1)) != 1 {
		t.Fatal("the ring must work on after an overflow")
	}
}

func TestLiveOutgoing(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	own, other := netsim.Sender(t, "span"), netsim.Sender(t, "plant")
	without, with := openLive(t, "span", capture.LiveOptions{}), openLive(t, "span", capture.LiveOptions{Outgoing: true})
	own(numbered(1))
	other(numbered(2))
	if a := receive(t, without, 2); len(a) != 1 || a[0].data != string(numbered(2)) {
		t.Fatalf("%d frames without what the host sends", len(a))
	}
	if b := receive(t, with, 3); len(b) != 2 {
		t.Fatalf("%d frames with what the host sends", len(b))
	}
}

func TestLiveLoopbackIsNotDoubled(t *testing.T) {
	netsim.Isolate(t)
	netsim.IP(t, "link", "set", "lo", "up")
	send := netsim.Sender(t, "lo")
	for _, outgoing := range []bool{false, true} {
		s := openLive(t, "lo", capture.LiveOptions{Outgoing: outgoing})
		for i := range 10 {
			send(numbered(i))
		}
		if all := receive(t, s, 20); len(all) != 10 || all[0].Link != capture.LinkEthernet {
			t.Fatalf("%d frames of 10", len(all))
		}
	}
}

func TestLiveTicksInSilence(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	s := openLive(t, "span", capture.LiveOptions{})
	f := capture.Frame{Data: []byte("old"), Link: 7}
	for range 3 {
		start := time.Now()
		err := s.Next(&f)
		if took := time.Since(start); !errors.Is(err, capture.ErrTick) || took < 40*time.Millisecond || took > time.Minute {
			t.Fatalf("%v after %v", err, took)
		}
		if d := time.Since(time.Unix(0, f.Time)); d < 0 || d > time.Minute || f.Data != nil || f.Link != 0 {
			t.Fatalf("%+v", f)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Next(&f); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
}

func TestLiveLinkDownAndUp(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	send := netsim.Sender(t, "plant")
	s := openLive(t, "span", capture.LiveOptions{})
	netsim.IP(t, "link", "set", "span", "down")
	if len(receive(t, s, 1)) != 0 || s.Stats().Downs != 1 {
		t.Fatalf("link down: %+v", s.Stats())
	}
	netsim.IP(t, "link", "set", "span", "up")
	netsim.WaitUp(t, "plant", "span")
	send(numbered(1))
	if len(receive(t, s, 1)) != 1 {
		t.Fatal("no frame after the link came back")
	}
	netsim.IP(t, "link", "del", "span")
	var f capture.Frame
	for range 10 {
		err := s.Next(&f)
		if err != nil && !errors.Is(err, capture.ErrTick) {
			if !strings.Contains(err.Error(), "interface span: was removed") {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("a removed interface goes unnoticed")
}

func TestLiveRefusals(t *testing.T) {
	netsim.Isolate(t)
	netsim.Veth(t, "plant", "span")
	refusedLive(t, "eth77", "take one of lo, plant, span")
	netsim.IP(t, "link", "set", "span", "down")
	refusedLive(t, "span", "ip link set span up")

	// This thread alone gives up the capability; it ends with the test.
	runtime.LockOSThread()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		t.Fatal(err)
	}
	refusedLive(t, "plant", "setcap cap_net_raw+ep")
}

func refusedLive(t *testing.T, iface, say string) {
	t.Helper()
	s, err := capture.OpenLive(iface, capture.LiveOptions{})
	if err == nil {
		_ = s.Close()
		t.Fatalf("%s opened", iface)
	}
	if m := err.Error(); !strings.HasPrefix(m, "interface "+iface+": ") || !strings.Contains(m, say) || strings.Contains(m, "\n") || s != nil {
		t.Fatalf("%q does not say %q", m, say)
	}
}
