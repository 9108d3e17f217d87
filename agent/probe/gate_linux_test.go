package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"demarc/agent/config"
	"demarc/internal/reading"
)

func TestBudget(t *testing.T) {
	b := budget{most: 3}
	now := time.Unix(1_800_000_000, 0)
	send := func() {
		if at := b.freeAt(1, now); at.After(now) {
			now = at
		}
		b.freeAt(1, now)
		b.sent = append(b.sent, now)
	}
	var times []time.Time
	for range 10 {
		send()
		times = append(times, now)
		now = now.Add(7 * time.Second)
	}
	for i := 3; i < len(times); i++ {
		if times[i].Sub(times[i-3]) < time.Minute {
			t.Errorf("4 requests within %v", times[i].Sub(times[i-3]))
		}
	}
	if at := b.freeAt(99, now); at.After(now.Add(time.Minute)) {
		t.Errorf("more than the budget never becomes free: %v", at.Sub(now))
	}
}

// TestBudgetHolds: the device's and the network's, while requests leave.
func TestBudgetHolds(t *testing.T) {
	port := device(t, plc)
	s := loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port, Units: "1-9", Identification: "none", ServerID: true}})
	for name, b := range map[string]reading.Budget{"device": {Device: 4, Network: 600}, "network": {Device: 600, Network: 4}} {
		s.Budget = b
		p, n := prober(t, s)
		p.Gate.now = slowClock()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Ask(ctx, p.Jobs()[0]) }()
		until(t, "four requests", func() bool { return len(n.entries()) >= 4 })
		time.Sleep(mustNotCome)
		cancel()
		if err := <-done; !errors.Is(err, ErrClosed) || len(n.entries()) != 4 {
			t.Errorf("%s: %d requests left, want 4: %v", name, len(n.entries()), err)
		}
	}
}

func TestWindows(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", text, time.UTC) // 2026-03-02 is a Monday
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	night := config.ProbeWindow{Days: []string{"mon"}, From: "22:00", Until: "04:00", Zone: "UTC"}
	for text, want := range map[string]bool{
		"2026-03-02 21:59": false, "2026-03-02 22:00": true, "2026-03-03 03:59": true, "2026-03-03 04:00": false,
		"2026-03-02 03:00": false, "2026-03-03 23:00": false,
	} {
		if night.Open(at(text)) != want {
			t.Errorf("%s: open is not %v", text, want)
		}
	}
	early := config.ProbeWindow{From: "2:00", Until: "04:00", Zone: "UTC"} // written with one digit
	for text, want := range map[string]bool{"2026-03-02 01:59": false, "2026-03-02 02:00": true, "2026-03-02 03:59": true, "2026-03-02 21:00": false} {
		if early.Open(at(text)) != want {
			t.Errorf("%s: open is not %v", text, want)
		}
	}
	berlin := config.ProbeWindow{From: "02:00", Until: "03:00", Zone: "Europe/Berlin"}
	if !berlin.Open(at("2026-03-02 01:30")) || berlin.Open(at("2026-03-02 02:30")) || !berlin.Open(at("2026-07-02 00:30")) {
		t.Error("a window is not open by the clock of its zone")
	}
	s := loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: device(t, plc)}})
	s.Windows = []config.ProbeWindow{night}
	p, n := prober(t, s)
	p.Gate.now = func() time.Time { return at("2026-03-04 12:00") }
	if err := ask(t, p); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "window") || len(n.entries()) > 0 {
		t.Errorf("outside the window: %v, %d requests", err, len(n.entries()))
	}
}

// TestWindowEnds: what is under way when a window ends, ends with it.
func TestWindowEnds(t *testing.T) {
	var asked atomic.Int64
	begun := time.Now()
	port := device(t, func(pdu []byte) []byte {
		asked.Add(1)
		return plc(pdu)
	})
	s := loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port, Units: "1-32", Identification: "none", ServerID: true}})
	s.Windows = []config.ProbeWindow{{From: "03:00", Until: "07:00", Zone: "UTC"}}
	p, n := prober(t, s)
	p.Gate.now = func() time.Time { // by which each request takes an hour
		return time.Date(2026, 3, 2, 3, 30, 0, 0, time.UTC).Add(time.Since(begun) + time.Duration(asked.Load())*time.Hour)
	}
	err := p.Ask(t.Context(), p.Jobs()[0])
	if !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "outside every window of probe.windows: 03:00 to 07:00 UTC") || asked.Load() != 4 || len(n.entries()) != 4 {
		t.Errorf("%d requests of 32 in the last hours of the window: %v", asked.Load(), err)
	}
}

// TestKill: when it returns nothing leaves any more, and it returns at once,
// whatever is under way.
func TestKill(t *testing.T) {
	var got, connections atomic.Int64
	port := serve(t, func(c net.Conn) {
		connections.Add(1)
		defer connections.Add(-1)
		for {
			request, err := readADU(c)
			if err != nil {
				return
			}
			got.Add(1)
			time.Sleep(time.Millisecond)
			pdu := plc(request[mbap:])
			answer := append(append([]byte{}, request[:4]...), 0, byte(len(pdu)+1), request[6])
			_, _ = c.Write(append(answer, pdu...))
		}
	})
	s := loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port, Units: "1-32", Identification: "extended", ServerID: true}})
	s.Budget = reading.Budget{Device: 6000, Network: 6000}
	var worst time.Duration
	for range 10 {
		p, _ := prober(t, s)
		done, before := make(chan error, 1), got.Load()
		go func() { done <- p.Ask(t.Context(), p.Jobs()[0]) }()
		until(t, "the scan", func() bool { return got.Load() > before+3 })
		begun := time.Now()
		if err := p.Gate.Kill("the shift leader says so"); err != nil {
			t.Fatal(err)
		}
		took, killed, asked := time.Since(begun), time.Now(), got.Load()
		if err := <-done; !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "shift leader") {
			t.Errorf("asking ended with %v", err)
		}
		worst = max(worst, took, time.Since(killed))
		until(t, "the connection's end", func() bool { return connections.Load() == 0 })
		if late := got.Load() - asked; late > 1 { // one may have been on its way
			t.Errorf("%d requests came after the kill", late)
		}
		if err := p.Ask(t.Context(), p.Jobs()[0]); !errors.Is(err, ErrClosed) {
			t.Errorf("asked after the kill: %v", err)
		}
		again, err := newGate(p.Options)
		if err != nil || again.Killed() == "" {
			t.Errorf("a restart forgets the kill: %v", err)
		}
	}
	t.Logf("the gate closed and asking ended within %v", worst)
	if worst > atOnce {
		t.Errorf("killing took %v", worst)
	}
}

// TestKillWhileConnecting: a dial that hangs is given up at once.
func TestKillWhileConnecting(t *testing.T) {
	p, _ := prober(t, loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: hole(t)}}))
	done := make(chan error, 1)
	go func() { done <- p.Ask(t.Context(), p.Jobs()[0]) }()
	connecting(t, p.Gate)
	begun := time.Now()
	if err := p.Gate.Kill("enough"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) || time.Since(begun) > atOnce {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}

// TestBudgetOfOPCUA: messages that cannot wait for a minute between them are not
// sent where a budget has no room for them, and reading counts them as they are.
func TestBudgetOfOPCUA(t *testing.T) {
	if uaMessages(uaDiscoveryRequests) != reading.Discovery || uaMessages(uaMostRequests) != reading.Session {
		t.Errorf("a discovery takes %d messages, a session %d", uaMessages(uaDiscoveryRequests), uaMessages(uaMostRequests))
	}
	for _, c := range []struct {
		session string
		budget  reading.Budget
		fits    bool
	}{
		{"none", reading.Budget{Device: 4}, false},
		{"none", reading.Budget{Device: 5}, true},
		{"none", reading.Budget{Network: 4}, false},
		{"anonymous", reading.Budget{Device: 9}, false},
		{"anonymous", reading.Budget{}, true},
	} {
		s := loopback(reading.Target{Address: "127.0.0.1", OPCUA: &reading.OPCUA{Port: closedPort(t), Session: c.session}})
		s.Budget = c.budget
		p, n := prober(t, s)
		err := ask(t, p)
		if refused := err != nil && strings.Contains(err.Error(), "raise probe.budget"); refused == c.fits || (len(n.entries()) == 0) != refused {
			t.Errorf("%+v: %v, %d tries", c, err, len(n.entries()))
		}
	}
}

// TestBudgetIsOneForAll: who asks by hand, again and again, or after a restart,
// spends the same budget.
func TestBudgetIsOneForAll(t *testing.T) {
	port := device(t, plc)
	s := loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port, Units: "1-3", Identification: "none", ServerID: true}})
	s.Budget = reading.Budget{Device: 8, Network: 600}
	p, n := prober(t, s)
	p.Now = slowClock()
	for range 5 {
		q, err := New(p.Options) // a process of its own
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- q.Alone(ctx, func() error { return q.Ask(ctx, q.Jobs()[0]) }) }()
		until(t, "the end of asking, or of the budget", func() bool { return len(done) > 0 || len(sentBytes(n.entries())) >= 8 })
		time.Sleep(mustNotCome)
		cancel()
		if err := <-done; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if k := len(sentBytes(n.entries())); k != 8 {
		t.Errorf("%d requests left within a minute, want 8", k)
	}
	q, err := New(p.Options)
	if err != nil {
		t.Fatal(err)
	}
	q.Gate.now = func() time.Time { return time.Now().Add(-24 * time.Hour) } // the clock was set back
	ctx, cancel := context.WithTimeout(t.Context(), atOnce)                  // by the clock that was, it waits for a day
	defer cancel()
	if err := q.Gate.wait(ctx, mustAddr("127.0.0.1"), 1); err != nil {
		t.Errorf("a clock that was set back closes the device: %v", err)
	}
}

// TestGateOfTwoProcesses: what the running agent is told also holds for who asks
// by hand beside it, at once, and the other way round.
func TestGateOfTwoProcesses(t *testing.T) {
	hand, _ := prober(t, loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: hole(t)}}))
	agent, err := newGate(hand.Options)
	if err != nil {
		t.Fatal(err)
	}
	device := mustAddr("127.0.0.1")
	ended := func(what string, end func() error) error {
		t.Helper()
		done := make(chan error, 1)
		go func() {
			done <- hand.Alone(t.Context(), func() error { return hand.Ask(t.Context(), hand.Jobs()[0]) })
		}()
		connecting(t, hand.Gate)
		begun := time.Now()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		err := <-done
		if took := time.Since(begun); !errors.Is(err, ErrClosed) || took > atOnce {
			t.Errorf("%s: %v after %v", what, err, took)
		}
		return err
	}
	if err := ended("a kill", func() error { return agent.Kill("the shift leader says so") }); !strings.Contains(err.Error(), "shift leader") {
		t.Error(err)
	}
	if err := agent.Open(); err != nil {
		t.Fatal(err)
	}
	if err := ended("a stop", func() error { return agent.Stop(device, "it answers others slowly") }); !strings.Contains(err.Error(), "answers others") {
		t.Error(err)
	}
	agent.devices[device] = &pace{budget: budget{most: 12}, failed: 3, free: time.Now().Add(time.Hour)}
	if ok, err := hand.Gate.Resume(device, time.Time{}); err != nil || !ok {
		t.Fatalf("%v %v", ok, err)
	}
	agent.follow()
	if p := agent.devices[device]; len(agent.Stops()) != 0 || p.failed != 0 || !p.free.IsZero() {
		t.Errorf("the agent does not learn that a person has resumed: %+v, %+v", agent.Stops(), p)
	}
	if err := os.WriteFile(agent.file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	agent.follow()
	if err := agent.wait(t.Context(), device, 1); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "probe.json") {
		t.Errorf("asked although what was stopped cannot be read: %v", err)
	}
}

// TestInterruptedAsking: who ends it, ends it at once, and the device is not
// held to have been silent.
func TestInterruptedAsking(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	port := serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 64))
		cancel()
		_, _ = c.Read(make([]byte, 1))
	})
	p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port}}))
	begun := time.Now()
	if err := p.Ask(ctx, p.Jobs()[0]); !errors.Is(err, ErrClosed) || time.Since(begun) > atOnce {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if pace := p.Gate.paceOf(mustAddr("127.0.0.1")); pace.failed != 0 || len(n.entries()) != 1 {
		t.Errorf("%d rounds are held to have failed, %d requests are logged", pace.failed, len(n.entries()))
	}
}

// connecting waits until a device is being dialled.
func connecting(t *testing.T, g *Gate) {
	t.Helper()
	until(t, "the dial", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.lines) > 0
	})
}

// hole is a port where connections hang: its queue is full and nobody accepts.
func hole(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := smallQueue(l.(*net.TCPListener)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := net.DialTimeout("tcp", l.Addr().String(), 200*time.Millisecond)
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
		}
	}
	return l.Addr().(*net.TCPAddr).Port
}

// TestOneConnectionADevice: the same device is never asked twice at a time.
func TestOneConnectionADevice(t *testing.T) {
	port := serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	p, _ := prober(t, loopback())
	x := &exchange{Prober: p, addr: mustAddr("127.0.0.1")}
	l, err := x.dial(t.Context(), port, onlyReads)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.dial(t.Context(), port, onlyReads); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "one connection") {
		t.Errorf("a second connection: %v", err)
	}
	l.close()
	if l, err = x.dial(t.Context(), port, onlyReads); err != nil {
		t.Fatal(err)
	}
	l.close()
}

// TestSlowDevicesAreAskedSlower: the gap grows with the answer's time.
func TestSlowDevicesAreAskedSlower(t *testing.T) {
	p, _ := prober(t, loopback())
	now := time.Now()
	p.Gate.now = func() time.Time { return now }
	a := mustAddr("127.0.0.1")
	var before time.Duration
	for _, took := range []time.Duration{time.Millisecond, 40 * time.Millisecond, time.Second, time.Hour} {
		p.Gate.answered(a, took)
		gap := p.Gate.paceOf(a).free.Sub(now)
		if gap <= before || gap > gapMost {
			t.Errorf("after an answer in %v the next request waits %v", took, gap)
		}
		before = gap
	}
}

// TestSlowDeviceIsLeftTime: on the wire, too: behind an answer that took a while
// the next request comes no sooner than five times that while.
func TestSlowDeviceIsLeftTime(t *testing.T) {
	const slow = 30 * time.Millisecond
	var mu sync.Mutex
	var came, left []time.Time
	port := device(t, func(pdu []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		came = append(came, time.Now())
		time.Sleep(slow)
		left = append(left, time.Now())
		return plc(pdu)
	})
	p, _ := prober(t, loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port, Units: "1-4", Identification: "none", ServerID: true, Registers: []reading.Register{{Attribute: "serial", Register: 1000, Count: 4}}}}))
	if err := ask(t, p); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for i := 1; i < len(came); i++ {
		if gap := came[i].Sub(left[i-1]); gap < gapFactor*slow {
			t.Errorf("request %d came %v after an answer that took %v", i, gap, slow)
		}
	}
	if len(came) != 8 {
		t.Errorf("%d requests", len(came))
	}
}

func TestTemplate(t *testing.T) {
	for _, c := range []struct {
		t    Template
		b    string
		want bool
	}{
		{Template{1, Any, 3}, "\x01\x07\x03", true},
		{Template{1, Any, 3}, "\x01\x03", false},
		{Template{1}, "\x01\x02", false},
		{Template{1, Rest}, "\x01", true},
		{Template{1, Rest, 4}, "\x01\x02\x03\x04", true},
		{Template{1, Rest, 4}, "\x01\x02\x03", false},
		{Template{}, "", true},
		{Template{Any}, "", false},
	} {
		if got := c.t.Matches([]byte(c.b)); got != c.want {
			t.Errorf("%v and %x: %v", c.t, c.b, got)
		}
	}
	if s := (Template{0, 255, Any, Rest}).String(); s != "00 ff ?? ..." {
		t.Error(s)
	}
}

// TestSlowerDevicesAreStopped: a device that answers others slower since it is
// asked is not asked any more, until a person resumes it.
func TestSlowerDevicesAreStopped(t *testing.T) {
	p, _ := prober(t, loopback())
	p.Gate.now = slowClock() // it is asked lately for half a minute
	client, device := mustAddr("10.9.9.9"), mustAddr("127.0.0.1")
	observe := func(n int, took time.Duration) {
		for range n {
			p.Latency.Observe(client, device, took, 0)
		}
	}
	observe(200, 4*time.Millisecond)
	observe(20, 100*time.Millisecond) // slower, and nobody asks: its own affair
	observe(300, 4*time.Millisecond)
	if err := p.Gate.wait(t.Context(), device, 1); err != nil {
		t.Fatal(err)
	}
	observe(50, 6*time.Millisecond)
	time.Sleep(mustNotCome) // it is stopped beside
	if len(p.Gate.Stops()) > 0 {
		t.Fatalf("stopped for nothing: %+v", p.Gate.Stops())
	}
	for range 50 { // our own requests are no measure
		p.Latency.Observe(mustAddr("127.0.0.1"), device, time.Second, 0)
	}
	observe(freshLeast, 60*time.Millisecond) // one stop, whose file is written when it is seen
	until(t, "the stop", func() bool { return len(p.Gate.Stops()) > 0 })
	stops := p.Gate.Stops()
	if len(stops) != 1 || !strings.Contains(stops[0].Why, "answers others in") {
		t.Fatalf("stops: %+v", stops)
	}
	if err := p.Gate.wait(t.Context(), device, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("asked on: %v", err)
	}
}

// TestPause: without the collector nothing is asked, and asking goes on behind.
func TestPause(t *testing.T) {
	port := device(t, plc)
	p, n := prober(t, loopback(reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{Port: port}}))
	p.Gate.Pause("the collector is gone")
	if err := ask(t, p); !errors.Is(err, ErrClosed) || len(n.entries()) > 0 {
		t.Errorf("asked: %v", err)
	}
	p.Gate.Pause("")
	if err := ask(t, p); err != nil {
		t.Error(err)
	}
}

// TestRunner: what is due is asked once, over restarts, and orders are obeyed.
func TestRunner(t *testing.T) {
	port := device(t, plc)
	modbus := &reading.Modbus{Port: port, Identification: "none", ServerID: true}
	s := loopback(reading.Target{Address: "127.0.0.1", Modbus: modbus})
	p, n := prober(t, s)
	run := func(r *Runner, requests int) { // until so many have been sent, and no more come
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		until(t, "what is due", func() bool { return len(n.entries()) >= requests })
		time.Sleep(mustNotCome)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	r := &Runner{Prober: p}
	run(r, 1)
	run(&Runner{Prober: p}, 1)
	if len(n.entries()) != 1 {
		t.Fatalf("%d requests, want 1", len(n.entries()))
	}
	orders := Orders{Schedules: []Schedule{{ID: "p1", Targets: []reading.Target{{Address: "127.0.0.2", Modbus: modbus}, {Address: "10.1.2.3", Modbus: modbus}}}}}
	orders.Killed = "stop all"
	if err := r.Order(orders); err != nil {
		t.Fatal(err)
	}
	run(r, 1)
	if len(n.entries()) != 1 || p.Gate.Killed() == "" {
		t.Fatal("asked although all was killed")
	}
	orders.Killed = ""
	if err := r.Order(orders); err != nil {
		t.Fatal(err)
	}
	run(r, 2)
	got := n.entries()
	if len(got) != 2 || got[1].Schedule != "p1" || got[1].Target.Addr() != mustAddr("127.0.0.2") {
		t.Errorf("schedules: %+v", got)
	}
	for _, e := range got {
		if e.Target.Addr() == mustAddr("10.1.2.3") {
			t.Error("a collector widened what may be asked")
		}
	}
}
