package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"demarc/agent/probe"
	"demarc/agent/uplink"
)

// TestHandover: what was asked by hand is spooled once, however often it is
// looked at, up to where a crash has cut it.
func TestHandover(t *testing.T) {
	state := t.TempDir()
	h, err := newHandover(state)
	if err != nil {
		t.Fatal(err)
	}
	target := netip.MustParseAddrPort("10.20.4.10:502")
	for range 3 {
		if err := h.add(sentBody(probe.Entry{Time: time.Now(), Target: target, What: "modbus report server ID, unit 1", Sent: []byte{1}})); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.file.WriteString(`{"probes":[{"tim`); err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	spool, err := uplink.Open(filepath.Join(state, "spool.db"), uplink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close() //nolint:errcheck // the test is over
	o := &takeover{state: state, spool: spool, taken: map[string]bool{}}
	end := time.Now().Add(time.Minute)
	for ; len(waiting(state)) > 0; time.Sleep(time.Millisecond) {
		if err := o.take(waiting(state)[0]); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatal("the file is not taken over")
		}
	}
	var held uint64
	for ; held < 3+1 && time.Now().Before(end); time.Sleep(time.Millisecond) { // and the end of the feed
		held, _ = spool.Held()
	}
	if held != 3+1 {
		t.Errorf("%d bodies are spooled", held)
	}

	if h, err = newHandover(state); err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil || len(waiting(state)) != 0 {
		t.Errorf("a file without requests stays: %v", err)
	}
	if err := os.WriteFile(filepath.Join(state, "probe-once-1.jsonl"), make([]byte, maxHandover+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newHandover(state); err == nil {
		t.Error("more and more waits for a collector that is told nothing")
	}
}
