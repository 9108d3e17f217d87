package probe

import (
	"bufio"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopcua/opcua/server"
	"golang.org/x/sys/unix"

	"demarc/agent/config"
	"demarc/internal/netsim"
	"demarc/internal/reading"
)

// TestMain lets the test binary stand in for the program's child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ChildArgument {
		os.Exit(Child())
	}
	if len(os.Args) > 3 && os.Args[1] == "probe-peer" {
		fmt.Fprintln(os.Stderr, asPeer(os.Args[2], os.Args[3:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var discard = slog.New(slog.DiscardHandler)

func hash(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b))[:16] }

// notes is a sink that remembers.
type notes struct {
	mu    sync.Mutex
	sent  []Entry
	facts []Fact
}

func (n *notes) Sent(e Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e.Sent = slices.Clone(e.Sent)
	n.sent = append(n.sent, e)
}

func (n *notes) Told(_ netip.Addr, _ time.Time, facts []Fact) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.facts = append(n.facts, facts...)
}

func (n *notes) entries() []Entry {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.sent)
}

// value is what was told under an attribute.
func (n *notes) value(attribute string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.facts {
		if f.Attribute == attribute {
			return f.Value
		}
	}
	return ""
}

// count is how often a value was told under an attribute.
func (n *notes) count(attribute, value string) (times int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.facts {
		if f.Attribute == attribute && f.Value == value {
			times++
		}
	}
	return times
}

// loopback is settings that ask this machine, fast; what answers here may take
// its time on a busy one.
func loopback(targets ...reading.Target) config.Probe {
	return config.Probe{
		Enabled: true, Interface: "lo", Source: "127.0.0.1", Networks: []string{"127.0.0.0/8"}, Timeout: "5m",
		Targets: targets, Budget: reading.Budget{Device: 600, Network: 600},
	}
}

// needChild skips a test whose child would run under the race detector, which
// wants more memory than a child gets.
func needChild(t testing.TB) {
	t.Helper()
	if raceDetector {
		t.Skip("needs the child process, which the race detector does not fit into")
	}
}

func prober(t testing.TB, s config.Probe) (*Prober, *notes) {
	t.Helper()
	n := &notes{}
	p, err := New(Options{Settings: s, State: t.TempDir(), Sink: n, Log: discard, Child: []string{os.Args[0], ChildArgument}})
	if err != nil {
		t.Fatal(err)
	}
	return p, n
}

// serve accepts connections on loopback and hands each to serve.
func serve(t testing.TB, each func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		group.Wait()
	})
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(10 * time.Minute))
				each(c)
			})
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

// device answers Modbus requests with the body that reply gives; nil is
// silence.
func device(t testing.TB, reply func(pdu []byte) []byte) int {
	return serve(t, func(c net.Conn) { netsim.ModbusConn(c, reply) })
}

// plc is a device with an identification and a name plate.
func plc(pdu []byte) []byte {
	object := func(id byte, text string) []byte { return append([]byte{id, byte(len(text))}, text...) }
	switch {
	case pdu[0] == fnTransport && pdu[3] == 0:
		return slices.Concat([]byte{fnTransport, meiDeviceID, pdu[2], 0x83, 0xff, 2, 2}, object(0, "ACME"), object(1, "PM-800"))
	case pdu[0] == fnTransport && pdu[3] == 2:
		return slices.Concat([]byte{fnTransport, meiDeviceID, pdu[2], 0x83, 0, 0, 1}, object(2, "V1.4"))
	case pdu[0] == fnTransport && pdu[3] == 3:
		return slices.Concat([]byte{fnTransport, meiDeviceID, pdu[2], 0x83, 0, 0, 1}, object(4, "Power meter"))
	case pdu[0] == fnServerID:
		return append([]byte{fnServerID, 9, 1, 0xff}, "SERVER1"...)
	case pdu[0] == fnHolding:
		return registers(pdu, sunSpecMap())
	}
	return []byte{pdu[0] | 0x80, 2}
}

// sunSpecMap is a common model behind its mark at 40000, and a serial number
// at 1000.
func sunSpecMap() map[int]uint16 {
	words := map[int]uint16{}
	put := func(at int, text string) {
		for i := 0; i < len(text); i += 2 {
			w := uint16(text[i]) << 8
			if i+1 < len(text) {
				w |= uint16(text[i+1])
			}
			words[at+i/2] = w
		}
	}
	put(40000, "SunS")
	words[40002], words[40003] = 1, 66
	put(40004, "SolarWorks")
	put(40020, "INV-50")
	put(40044, "3.2.1")
	put(40052, "SN-12345")
	put(1000, "PLATE-77")
	return words
}

func registers(pdu []byte, words map[int]uint16) []byte {
	first, n := int(pdu[1])<<8|int(pdu[2]), int(pdu[3])<<8|int(pdu[4])
	out := []byte{pdu[0], byte(2 * n)}
	for i := range n {
		out = append(out, byte(words[first+i]>>8), byte(words[first+i]))
	}
	return out
}

// planned checks that what was sent is what the plan says, in its order.
func planned(t testing.TB, steps []Step, sent [][]byte) {
	t.Helper()
	next := 0
	for i, b := range sent {
		for next < len(steps) && !steps[next].Bytes.Matches(b) {
			next++
		}
		if next == len(steps) {
			t.Fatalf("request %d, %x, is not in the plan at its place", i, b)
		}
		if steps[next].Most == 0 {
			next++
		}
	}
}

func sentBytes(entries []Entry) [][]byte {
	var all [][]byte
	for _, e := range entries {
		if len(e.Sent) > 0 {
			all = append(all, e.Sent)
		}
	}
	return all
}

func ask(t testing.TB, p *Prober) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var errs []error
	for _, j := range p.Jobs() {
		errs = append(errs, p.Ask(ctx, j))
	}
	return errors.Join(errs...)
}

const (
	// mustNotCome is how long is waited for what must not come.
	mustNotCome = 300 * time.Millisecond
	// atOnce is far less than the time-outs that it is held against, and room
	// for a machine that stands still for a while.
	atOnce = 3 * time.Minute
)

// slowClock goes at a tenth of the machine's pace: what must happen within a
// minute has ten.
func slowClock() func() time.Time {
	begun := time.Now()
	return func() time.Time { return begun.Add(time.Since(begun) / 10) }
}

// until waits for something that comes by itself.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// smallQueue lets one connection wait to be accepted.
func smallQueue(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var listening error
	return errors.Join(raw.Control(func(fd uintptr) { listening = unix.Listen(int(fd), 0) }), listening)
}

// startReady starts a program and waits until it prints "ready".
func startReady(t testing.TB, c *exec.Cmd) {
	t.Helper()
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		netsim.Missing(t, "to start "+c.Path+": "+err.Error())
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	untilReady(t, c.Args, out)
}

func untilReady(t testing.TB, what []string, out io.Reader) {
	t.Helper()
	ready := make(chan bool, 1)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			if strings.Contains(s.Text(), "ready") {
				ready <- true
			}
		}
		close(ready)
	}()
	select {
	case ok := <-ready:
		if !ok {
			t.Fatalf("%v ended before it was ready", what)
		}
	case <-time.After(3 * time.Minute): // some make keys first
		t.Fatalf("%v does not become ready", what)
	}
}

// privateKey gives a server its key, PKCS #8.
func privateKey(pkcs8 any) server.Option {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8.([]byte))
	if err != nil {
		panic(err)
	}
	return server.PrivateKey(key.(*rsa.PrivateKey))
}
