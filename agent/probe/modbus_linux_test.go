package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"demarc/internal/ot"
	"demarc/internal/reading"
)

func everything(port int) *reading.Modbus {
	return &reading.Modbus{
		Port: port, Identification: "regular", ServerID: true, SunSpec: true,
		Registers: []reading.Register{{Attribute: "serial", Register: 1000, Count: 4}},
	}
}

// TestModbus: a device is asked what the plan says, and nothing else leaves.
func TestModbus(t *testing.T) {
	port := device(t, plc)
	p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", Modbus: everything(port)}))
	steps, err := p.Plan(t.Context(), p.Jobs()[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(n.sent) != 0 {
		t.Fatalf("planning sent %d requests", len(n.sent))
	}
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	for attribute, want := range map[string]string{
		"vendor": "ACME", "model": "PM-800", "firmware": "V1.4", "product": "Power meter", "modbus.server_id": "SERVER1",
	} {
		if got := n.value(attribute); got != want {
			t.Errorf("%s is %q, want %q", attribute, got, want)
		}
	}
	for _, want := range []Fact{
		{Attribute: "vendor", Value: "SolarWorks", Source: "probe.sunspec.common.manufacturer"},
		{Attribute: "serial", Value: "SN-12345", Source: "probe.sunspec.common.serial_number"},
		{Attribute: "serial", Value: "PLATE-77", Source: "probe.modbus.register_1000"},
		{Attribute: "model", Value: "PM-800", Source: "probe.modbus.device_id.product_code"},
	} {
		found := false
		for _, f := range n.facts {
			found = found || (f.Attribute == want.Attribute && f.Value == want.Value && f.Source == want.Source)
		}
		if !found {
			t.Errorf("%+v is not among %+v", want, n.facts)
		}
	}
	sent := sentBytes(n.entries())
	planned(t, steps, sent)
	if len(sent) != 7 { // basic, continued, regular, server ID, mark, model, plate
		t.Errorf("%d requests were sent: %x", len(sent), sent)
	}
	for _, e := range n.entries() {
		if e.Latency <= 0 || e.Received == 0 || e.Time.IsZero() || e.Target.Port() != uint16(port) {
			t.Errorf("the log lacks something: %+v", e)
		}
	}
}

// TestUnitScan: the units of the range are asked, one after the other, and no
// others; one that the gateway does not reach is asked once, and what the others
// say is theirs.
func TestUnitScan(t *testing.T) {
	var mu sync.Mutex
	asked := map[byte]int{}
	port := serve(t, answering(func(r []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		asked[r[6]]++
		if r[6] == 4 {
			return answerTo(r, r[mbap]|0x80, 11) // the target does not respond
		}
		name := fmt.Sprintf("PM-%d", r[6])
		return answerTo(r, append([]byte{43, 14, r[mbap+2], 0x83, 0, 0, 1, 1, byte(len(name))}, name...)...)
	}))
	p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port, Units: "2, 3-5, 9", Identification: "regular"}}))
	steps, err := p.Plan(t.Context(), p.Jobs()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	planned(t, steps, sentBytes(n.entries()))
	if want := (map[byte]int{2: 2, 3: 2, 4: 1, 5: 2, 9: 2}); !maps.Equal(asked, want) {
		t.Errorf("units were asked %v, want %v", asked, want)
	}
	models := map[string]string{}
	for _, f := range n.facts {
		if f.Attribute == "model" {
			models[f.Part] = f.Value
		}
		if f.Grade != ot.Identity {
			t.Errorf("%+v is no identity", f)
		}
	}
	if want := (map[string]string{"unit/2": "PM-2", "unit/3": "PM-3", "unit/5": "PM-5", "unit/9": "PM-9"}); !maps.Equal(models, want) {
		t.Errorf("units say %v, want %v", models, want)
	}
}

// TestOnlyReadsLeave: whatever is asked to be sent, the line refuses what is no
// read.
func TestOnlyReadsLeave(t *testing.T) {
	got := make(chan []byte, 1)
	port := serve(t, func(c net.Conn) {
		b := make([]byte, 512)
		k, _ := c.Read(b)
		got <- b[:k]
	})
	p, _ := prober(t, loopback())
	x := &exchange{Prober: p, addr: mustAddr("127.0.0.1")}
	l, err := x.dial(t.Context(), port, onlyReads)
	if err != nil {
		t.Fatal(err)
	}
	for code := range 256 {
		for _, body := range [][]byte{nil, {0}, {0, 1, 0, 1}, {0, 1, 0xff, 0}, {meiDeviceID, 1, 0}, {13, 1, 0}, {meiDeviceID, 0, 0}, {0, 1, 0, 126}, {0, 0, 0, 0}, bytes.Repeat([]byte{0}, 20)} {
			b := modbusRead{unit: 1, tid: 7, pdu: append([]byte{byte(code)}, body...)}.adu()
			fine := (code == 3 || code == 4) && len(body) == 4 && body[2] == 0 && body[3] >= 1 && body[3] <= 125 ||
				code == 17 && len(body) == 0 || code == 43 && len(body) == 3 && body[0] == meiDeviceID && body[1] == 1
			if err := onlyReads(b); (err == nil) != fine {
				t.Errorf("%x: %v", b, err)
			}
			if !fine {
				if _, err := l.Write(b); !errors.Is(err, ErrClosed) {
					t.Errorf("%x left: %v", b, err)
				}
			}
		}
	}
	read := modbusRead{unit: 1, pdu: []byte{3, 0, 0, 0, 1}}.adu()
	write := modbusRead{unit: 1, pdu: []byte{6, 0, 0, 0, 1}}.adu()
	for _, b := range [][]byte{append(bytes.Clone(read), write...), read[:len(read)-1], append(bytes.Clone(read), 0), nil, {1}} {
		if _, err := l.Write(b); !errors.Is(err, ErrClosed) {
			t.Errorf("%x left: %v", b, err)
		}
	}
	l.close()
	if b := <-got; len(b) != 0 {
		t.Errorf("the device got %x", b)
	}
}

// TestRelayPassesThePlanAlone: another program that reaches the relay first
// gets nothing through but the planned read.
func TestRelayPassesThePlanAlone(t *testing.T) {
	got := make(chan []byte, 1)
	port := serve(t, func(c net.Conn) {
		b := make([]byte, 512)
		k, _ := c.Read(b)
		got <- b[:k]
	})
	p, _ := prober(t, loopback())
	x := &exchange{Prober: p, addr: mustAddr("127.0.0.1")}
	l, err := x.dial(t.Context(), port, onlyReads)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's
	if _, err := c.Write(modbusRead{tid: 1, unit: 1, pdu: []byte{3, 0, 9, 0, 1}}.adu()); err != nil {
		t.Fatal(err)
	}
	r := &registerRead{unit: 1, first: 8, count: 1}
	if err := x.relay(t.Context(), listener, l, r); !errors.Is(err, ErrClosed) {
		t.Errorf("another read passed: %v", err)
	}
	l.close()
	if b := <-got; len(b) != 0 {
		t.Errorf("the device got %x", b)
	}
}

// flood writes without end.
func flood(c net.Conn) {
	for b := bytes.Repeat([]byte{0xff}, 1<<16); ; {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// answering reads requests and answers each with the bytes that f gives.
func answering(f func(request []byte) []byte) func(net.Conn) {
	return func(c net.Conn) {
		for {
			request, err := readADU(c)
			if err != nil {
				return
			}
			if _, err := c.Write(f(request)); err != nil {
				return
			}
		}
	}
}

// answerTo is a whole answer to a request.
func answerTo(request []byte, pdu ...byte) []byte {
	return modbusRead{tid: binary.BigEndian.Uint16(request), unit: request[6], pdu: pdu}.adu()
}

// TestHostileModbus: each of them costs one connection, bounded time and bounded
// memory, is told, and is not asked again: of our own client, and of the library
// behind the relay.
func TestHostileModbus(t *testing.T) {
	mark := []byte{fnHolding, 4, 'S', 'u', 'n', 'S'}
	own := &reading.Modbus{}
	registers := &reading.Modbus{Identification: "none", SunSpec: true, Registers: []reading.Register{{Attribute: "serial", Register: 1000, Count: 125}}}
	for name, h := range map[string]struct {
		reads *reading.Modbus
		port  int
		want  string
	}{
		"silent":        {own, serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); time.Sleep(time.Second) }), "no answer"},
		"hangs up":      {own, serve(t, func(net.Conn) {}), "no answer"},
		"nothing there": {own, closedPort(t), "connect"},
		"other request": {own, serve(t, answering(func([]byte) []byte { return []byte{9, 9, 0, 0, 0, 3, 255, 43, 1} })), "another request"},
		"flood":         {own, serve(t, flood), "is none"},
		"flood behind an answer": {own, serve(t, func(c net.Conn) {
			request, _ := readADU(c)
			_, _ = c.Write(answerTo(request, 43, 14, 1, 0x83, 0xff, 1, 0))
			flood(c)
		}), "is none"},
		"long": {own, serve(t, answering(func([]byte) []byte { return []byte{1, 0, 0, 0, 0xff, 0xff, 255, 43} })), "is none"},
		"drip": {own, serve(t, func(c net.Conn) {
			_, _ = readADU(c)
			for _, b := range []byte{1, 0, 0, 0, 0, 200, 255, 43, 14} {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(60 * time.Millisecond)
			}
			time.Sleep(time.Second)
		}), "no answer"},
		"endless": {own, device(t, func(pdu []byte) []byte {
			return []byte{43, 14, 1, 0x83, 0xff, pdu[3] + 1, 0}
		}), "still says that more follows"},
		"circle": {own, device(t, func([]byte) []byte { return []byte{43, 14, 1, 0x83, 0xff, 0, 0} }), "asked no further"},
		"lies": {own, device(t, func([]byte) []byte {
			return []byte{43, 14, 1, 0x83, 0, 0, 200, 0, 255, 'A'}
		}), ""},
		"registers, silent": {registers, serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); time.Sleep(time.Second) }), "no answer"},
		"registers, flood":  {registers, serve(t, flood), "is none"},
		"registers, flood behind an answer": {registers, serve(t, func(c net.Conn) {
			request, _ := readADU(c)
			_, _ = c.Write(answerTo(request, mark...))
			flood(c)
		}), "is none"},
		"registers, more than asked": {registers, serve(t, answering(func(r []byte) []byte {
			return answerTo(r, append([]byte{fnHolding, 250}, make([]byte, 250)...)...)
		})), "protocol error"},
		"registers, less than said":   {registers, serve(t, answering(func(r []byte) []byte { return answerTo(r, fnHolding, 250, 1) })), "protocol error"},
		"registers, another function": {registers, serve(t, answering(func(r []byte) []byte { return answerTo(r, fnInput, 2, 0, 1) })), "has function 4"},
		"registers, exceptions all":   {registers, device(t, func(pdu []byte) []byte { return []byte{pdu[0] | 0x80, 2} }), ""},
		"registers, a map of nonsense": {registers, device(t, func(pdu []byte) []byte {
			return append([]byte{pdu[0], 2 * pdu[4]}, bytes.Repeat([]byte{0xff}, 2*int(pdu[4]))...)
		}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			reads := *h.reads
			reads.Port = h.port
			s := loopback(reading.Target{Address: "127.0.0.1", Modbus: &reads})
			if strings.Contains(name, "silent") || name == "drip" {
				s.Timeout = "300ms"
			}
			p, n := prober(t, s)
			begun := time.Now()
			var err error
			most := peak(func() { err = ask(t, p) })
			if took := time.Since(begun); took > atOnce {
				t.Errorf("took %v", took)
			}
			if h.want == "" && err != nil || h.want != "" && (err == nil || !strings.Contains(err.Error(), h.want)) {
				t.Errorf("got %v, want %q", err, h.want)
			}
			if k := len(sentBytes(n.entries())); k > maxMore+1 {
				t.Errorf("%d requests were sent", k)
			}
			for _, e := range n.entries() {
				if len(e.Answer) > maxADU {
					t.Errorf("%d bytes of an answer are kept", len(e.Answer))
				}
			}
			t.Logf("at most %d KB more than before", most>>10)
			if most > 32<<20 { // an answer has at most 260 bytes; the rest is Go's own and the test's
				t.Errorf("took %d MB", most>>20)
			}
		})
	}
}

// peak is by how much f makes the heap grow at its highest, garbage included.
func peak(f func()) (most uint64) {
	heap := func() uint64 {
		all := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(all)
		return all[0].Value.Uint64()
	}
	runtime.GC()
	before, done, highest := heap(), make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		top := before
		for {
			select {
			case <-tick.C:
				top = max(top, heap())
			case <-done:
				highest <- max(top, heap())
				return
			}
		}
	}()
	f()
	close(done)
	return <-highest - before
}

// closedPort is a port that nobody listens on, nor can while the test runs.
func closedPort(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return at.(*unix.SockaddrInet4).Port
}

// TestSilenceStops: after three rounds without an answer a person must look.
func TestSilenceStops(t *testing.T) {
	port := serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); time.Sleep(300 * time.Millisecond) })
	s := loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port}})
	s.Timeout = "50ms"
	p, n := prober(t, s)
	now := time.Now()
	p.Gate.now = func() time.Time { now = now.Add(time.Hour); return now }
	for i := range 5 {
		if err := ask(t, p); err == nil {
			t.Fatalf("round %d: no error", i)
		}
	}
	stops := p.Gate.Stops()
	if len(stops) != 1 || !strings.Contains(stops[0].Why, "3 rounds") || len(n.entries()) != 3 {
		t.Errorf("stops %+v after %d tries", stops, len(n.entries()))
	}
	again, err := newGate(p.Options)
	if err != nil || len(again.Stops()) != 1 {
		t.Fatalf("a restart forgets the stop: %v", err)
	}
	if ok, err := again.Resume(mustAddr("127.0.0.1"), stops[0].Since.Add(1)); ok || err != nil {
		t.Error("a stop that nobody has seen was taken back")
	}
	if ok, err := again.Resume(mustAddr("127.0.0.1"), stops[0].Since); !ok || err != nil {
		t.Errorf("resume: %v %v", ok, err)
	}
}
