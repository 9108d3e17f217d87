package flow

import (
	"testing"
	"time"

	"demarc/agent/decode"
)

// goose is a frame without IP that its sender put on two lanes.
func goose(at time.Duration, mac byte, lane uint8, sequence uint16) *decode.Packet {
	return &decode.Packet{
		Time: int64(at) + 1, Length: 120, Has: decode.HasMAC, EtherType: 0x88b8, Lane: lane, Sequence: sequence,
		SrcMAC: decode.MAC{0, 0x0e, 0x8c, 0, 0, mac}, DstMAC: decode.MAC{1, 0x0c, 0xcd, 1, 0, 1}, Payload: []byte("pdu"), PayloadLen: 3,
	}
}

// TestLanes: the copy on the second lane is counted as a copy, however far it
// lags within its time, and nothing else is.
func TestLanes(t *testing.T) {
	table := NewTable(&script{}, Limit{})
	add := func(p *decode.Packet) bool {
		_, _, copied := table.Add(p, 0)
		return copied
	}
	for i := range 3000 { // lane B lags 40 frames and 20 ms behind lane A, and over the end of the numbers
		at := time.Duration(i) * 500 * time.Microsecond
		if add(goose(at, 1, 'A', uint16(64000+i))) {
			t.Fatalf("frame %d is new", i)
		}
		if i >= 40 && !add(goose(at, 1, 'B', uint16(64000+i-40))) {
			t.Fatalf("frame %d came on lane A", i-40)
		}
	}
	if table.Duplicates != 2960 {
		t.Errorf("%d copies, want 2960", table.Duplicates)
	}
	at := 10 * time.Second
	rows := []struct {
		name   string
		p      *decode.Packet
		copied bool
	}{
		{"another sender's number", goose(at, 2, 'A', 7), false},
		{"its copy", goose(at, 2, 'B', 7), true},
		{"the copy mirrored again", goose(at, 2, 'B', 7), true},
		{"lane B first", goose(at, 2, 'B', 8), false},
		{"then lane A", goose(at, 2, 'A', 8), true},
		{"one missed on lane B", goose(at, 2, 'A', 9), false},
		{"one missed on lane A", goose(at, 2, 'B', 10), false},
		{"late, in the window", goose(at, 2, 'B', 9), true},
		{"the same number long after", goose(at+time.Second, 2, 'A', 9), false},
		{"the node began anew", goose(at+time.Second, 2, 'A', 40000), false},
		{"and once more", goose(at+time.Second, 2, 'B', 39000), false},
		{"a frame on one lane", goose(at, 3, 0, 5), false},
		{"and its next", goose(at, 3, 0, 5), false},
	}
	for _, r := range rows {
		if add(r.p) != r.copied {
			t.Errorf("%s: copied %v", r.name, !r.copied)
		}
	}
}

// TestLaneWindow holds the bit arithmetic against a plain set.
func TestLaneWindow(t *testing.T) {
	var l lanes
	l.take(0, 1)
	seen := map[int]bool{0: true}
	top, state := 0, uint32(1)
	for range 20000 {
		state = state*1664525 + 1013904223
		n := top + int(state>>16)%600 - 250
		if n < 0 || n <= top-laneWindow {
			continue
		}
		if got := l.take(uint16(n), 1); got != seen[n] {
			t.Fatalf("%d with %d on top: %v", n, top, got)
		}
		seen[n] = true
		top = max(top, n)
		for k := range seen {
			if k <= top-laneWindow {
				delete(seen, k)
			}
		}
	}
}

func TestLaneNodesAreBounded(t *testing.T) {
	table := NewTable(&script{}, Limit{})
	for i := range 3 * maxNodes {
		p := goose(0, 0, 'A', 1)
		p.SrcMAC[3], p.SrcMAC[4] = byte(i>>8), byte(i)
		table.Add(p, 0)
	}
	if len(table.nodes) > maxNodes {
		t.Errorf("%d senders", len(table.nodes))
	}
	p, n := goose(0, 1, 'A', 1), uint16(0)
	table.Add(p, 0)
	if a := testing.AllocsPerRun(100, func() { n++; p.Sequence = n; table.Add(p, 0) }); a != 0 {
		t.Errorf("%v allocations a frame", a)
	}
}
