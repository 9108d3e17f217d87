package server

import (
	"container/heap"
	"time"
)

// source is whose packets those are: every agent has its own packet time.
type source struct{ site, agent string }

// wait is a connection that is to be judged again although nothing changed.
type wait struct {
	of  *judgement
	due time.Time // by the collector's clock
	// packet is, for what is judged at packet time, the time that it is judged
	// for: as soon as its source's packets have come so far, and at due in any
	// case. Zero for what is judged at the collector's clock.
	packet time.Time
	from   source
	index  [2]int // in wall and in packets
}

// Bounds of what is waited for at packet time. Past traffic keeps its verdict:
// only a decision that was put off for seconds is still taken.
const (
	packetWait = time.Minute
	packetTail = time.Second
)

// schedule holds every wait: of live connections by the collector's clock, of
// past ones by the packet time of their source as well.
type schedule struct {
	wall    waits
	packets map[source]*waits
	newest  map[source]int64 // packet time of each source, Unix nanoseconds
	past    int              // waits with a packet time
}

func (s *schedule) init() {
	s.wall = waits{slot: 0, key: func(w *wait) time.Time { return w.due }}
	s.packets, s.newest = map[source]*waits{}, map[source]int64{}
}

// add puts off a decision that was taken at now for the time at until again;
// nil when there is nothing to wait for.
func (s *schedule) add(j *judgement, again, now, at time.Time, from source) *wait {
	delay, past := again.Sub(at), !at.Equal(now)
	if again.IsZero() || delay <= 0 || past && delay > packetWait {
		return nil
	}
	w := &wait{of: j, due: again, from: from}
	if past {
		w.due, w.packet = now.Add(min(delay, packetTail)), again
	}
	s.put(w)
	return w
}

func (s *schedule) put(w *wait) {
	heap.Push(&s.wall, w)
	if w.packet.IsZero() {
		return
	}
	p := s.packets[w.from]
	if p == nil {
		p = &waits{slot: 1, key: func(w *wait) time.Time { return w.packet }}
		s.packets[w.from] = p
	}
	heap.Push(p, w)
	s.past++
}

// drop forgets a wait; nil is none.
func (s *schedule) drop(w *wait) {
	if w == nil || w.index[0] < 0 {
		return
	}
	heap.Remove(&s.wall, w.index[0])
	if !w.packet.IsZero() {
		heap.Remove(s.packets[w.from], w.index[1])
		s.past--
	}
}

// heard moves the packet time of a source.
func (s *schedule) heard(from source, newest int64) {
	s.newest[from] = max(s.newest[from], newest)
}

// early returns and drops a wait whose source's packets have come so far.
func (s *schedule) early(from source) *wait {
	p := s.packets[from]
	if p == nil || p.Len() == 0 || p.list[0].packet.UnixNano() > s.newest[from] {
		return nil
	}
	w := p.list[0]
	s.drop(w)
	return w
}

// rung returns and drops a wait that is due by the clock.
func (s *schedule) rung(now time.Time) *wait {
	if !s.ringing(now) {
		return nil
	}
	w := s.wall.list[0]
	s.drop(w)
	return w
}

// ringing reports whether a wait is due.
func (s *schedule) ringing(now time.Time) bool {
	return s.wall.Len() > 0 && !s.wall.list[0].due.After(now)
}

// waits is a heap of waits, the first by key on top. Equal keys go by id, so
// that a replay takes them in the same order.
type waits struct {
	list []*wait
	slot int
	key  func(*wait) time.Time
}

func (h *waits) Len() int { return len(h.list) }

func (h *waits) Less(i, j int) bool {
	a, b := h.list[i], h.list[j]
	if c := h.key(a).Compare(h.key(b)); c != 0 {
		return c < 0
	}
	return a.of.id < b.of.id
}

func (h *waits) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index[h.slot], h.list[j].index[h.slot] = i, j
}

func (h *waits) Push(x any) {
	w := x.(*wait)
	w.index[h.slot] = len(h.list)
	h.list = append(h.list, w)
}

func (h *waits) Pop() any {
	w := h.list[len(h.list)-1]
	h.list[len(h.list)-1] = nil
	h.list = h.list[:len(h.list)-1]
	w.index[h.slot] = -1
	return w
}

// early judges what waited for packets of a source that have come.
func (e *engine) early(now time.Time, from source) {
	for w := e.due.early(from); w != nil; w = e.due.early(from) {
		if c, ok := e.book.Connection(w.of.id); ok {
			e.judge(w.of, c, now, w.packet, from)
		}
	}
}

// ring judges what is due by the clock.
func (e *engine) ring(now time.Time) {
	for e.due.ringing(now) {
		if e.ringMany(now); e.due.ringing(now) {
			e.letIn()
		}
	}
	e.turn(now)
	if e.drifts.ringing(now) {
		e.sweep(now)
	}
	if e.usage.ringing(now) {
		e.look(now)
	}
}

// ringMany judges a batch of what is due by the clock. What is past meanwhile
// keeps its verdict, but for a decision on packets that was put off.
func (e *engine) ringMany(now time.Time) {
	var list []*judgement
	var from []source
	var last *wait
	for len(list) < batch && last == nil {
		w := e.due.rung(now)
		switch {
		case w == nil:
			last = &wait{}
		case !w.packet.IsZero():
			last = w // after those before it
		default:
			list, from = append(list, w.of), append(from, w.from)
		}
	}
	e.judgeBatch(list, now, scope{of: from})
	if last == nil || last.of == nil {
		return
	}
	if c, ok := e.book.Connection(last.of.id); ok {
		e.judge(last.of, c, now, last.packet, last.from)
	}
}

// ringing reports whether a clock record is due.
func (e *engine) ringing(now time.Time) bool {
	e.mu.Lock() // ends may be reckoned anew
	defer e.mu.Unlock()
	return e.due.ringing(now) || e.lean.ringing(now) || e.findings.Ringing(now) || e.standing(now) || e.drifts.ringing(now) || e.usage.ringing(now) || e.telling.due(e, now)
}
