package flow

import (
	"time"

	"demarc/agent/decode"
)

const (
	// laneForget is how long the second copy of a frame may lag: EntryForgetTime
	// of IEC 62439-3:2016 table 8 (400 ms), behind which a number is a new frame's.
	laneForget = int64(400 * time.Millisecond)
	maxNodes   = 4096
	laneWindow = 256 // sequence numbers that the second copy may lag
)

// node is a sender of frames on two lanes (PRP, HSR).
type node struct {
	segment uint16
	mac     decode.MAC
}

// lanes remembers which sequence numbers of a node came: bit i of seen is top-i.
type lanes struct {
	at   int64
	seen [laneWindow / 64]uint64
	top  uint16
}

// second reports whether p is the second copy of a frame that its sender put on
// both lanes. When there are too many senders all are forgotten, which counts
// the copies under way twice and no more.
func (t *Table) second(p *decode.Packet, segment uint16) bool {
	k := node{segment, p.SrcMAC}
	l := t.nodes[k]
	if l == nil {
		if t.nodes == nil {
			t.nodes = map[node]*lanes{}
		}
		if len(t.nodes) >= maxNodes {
			clear(t.nodes)
		}
		l = &lanes{}
		t.nodes[k] = l
	}
	return l.take(p.Sequence, p.Time)
}

// take notes a sequence number at a time and reports whether it came before.
func (l *lanes) take(sequence uint16, at int64) bool {
	ahead := int16(sequence - l.top)
	quiet := at - l.at
	l.at = at
	switch {
	case quiet > laneForget || quiet < -laneForget || ahead <= -laneWindow: // the node began anew
		l.seen, l.top = [len(l.seen)]uint64{1}, sequence
		return false
	case ahead > 0:
		l.shift(int(ahead))
		l.top = sequence
		l.seen[0] |= 1
		return false
	}
	i := int(-ahead)
	word, bit := &l.seen[i/64], uint64(1)<<(i%64)
	before := *word&bit != 0
	*word |= bit
	return before
}

// shift moves the window on by n numbers.
func (l *lanes) shift(n int) {
	if n >= laneWindow {
		l.seen = [len(l.seen)]uint64{}
		return
	}
	words, bits := n/64, n%64
	for i := len(l.seen) - 1; i >= 0; i-- {
		var v uint64
		if j := i - words; j >= 0 {
			v = l.seen[j] << bits
			if bits > 0 && j > 0 {
				v |= l.seen[j-1] >> (64 - bits)
			}
		}
		l.seen[i] = v
	}
}
