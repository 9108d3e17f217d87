// Package recorder keeps the frames that show what a conversation is: its
// first, those that began something new on it, and a few of the rest, in memory
// of a fixed size where the oldest make room. A finding is made later, at the
// collector; Ask then cuts out what is still there of a connection. Packet and
// Serve belong to the worker that reads the frames.
package recorder

import (
	"context"
	"encoding/binary"
	"math/bits"
	"time"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/flow"
	"demarc/internal/ot"
	"demarc/internal/slice"
)

// Options of New.
type Options struct {
	Memory  int // bytes that are kept, headers of the records included
	Packets int // first ones of a conversation that are kept
	Most    int // bytes of one slice
	All     bool
	Header  slice.Header // of slices
}

const (
	// sampled is how many packets of a conversation that goes on hold two that
	// are kept: a request and what answers it, as a rule.
	sampled = 4096
	// sessions is how many conversations of one connection are kept in a quarter
	// hour: one that is opened each second shall not push all else out.
	sessions = 4
	quarter  = int64(15 * time.Minute)
	counters = 1 << 14
	leastKB  = 64 << 10
)

// Recorder is the memory of one worker.
type Recorder struct {
	Options
	segments []string
	news     *flow.Conversation // something began on it with the packet at hand

	ring     []byte
	from, to uint64 // of the oldest record, and behind the newest; their place is modulo the ring's size

	begun [counters]uint8 // conversations in this quarter hour, by connection
	since int64           // the quarter hour

	asks chan ask
}

// New makes a Recorder. Everything it ever takes is taken here.
func New(o Options) *Recorder {
	return &Recorder{Options: o, ring: make([]byte, max(o.Memory, leastKB)&^7), asks: make(chan ask, 1)}
}

// Attach names the segments, by the index that conversations have.
func (r *Recorder) Attach(segments []string) { r.segments = segments }

// marks are the bits of flow.Conversation.Mark for classes of operations that
// change something, or that come rarely; the others are on every packet.
var marks = [ot.NumOperations]uint32{
	ot.Write: 1 << 16, ot.Control: 1 << 17, ot.Program: 1 << 18, ot.Firmware: 1 << 19, ot.Configure: 1 << 20,
	ot.Diagnose: 1 << 21, ot.Authenticate: 1 << 22, ot.Transfer: 1 << 23,
}

// Operation takes what the packet at hand does.
func (r *Recorder) Operation(c *flow.Conversation, o ot.Operation) {
	if bit := marks[o]; bit != 0 && c.Mark&bit == 0 {
		c.Mark |= bit
		r.news = c
	}
}

// Named tells that the packet at hand showed a protocol.
func (r *Recorder) Named(c *flow.Conversation) { r.news = c }

// Packet keeps a frame if it shows something. It comes behind Operation and
// Named of the same packet.
func (r *Recorder) Packet(f *capture.Frame, p *decode.Packet, c *flow.Conversation, copied bool) {
	news := r.news == c
	r.news = nil
	if c == nil || copied {
		return
	}
	n := c.Sent[flow.A].Packets + c.Sent[flow.B].Packets
	if n <= uint64(r.Packets) { // not negative
		news = news || r.first(c, n, p.Time)
	} else if n%sampled < 2 {
		news = true
	}
	if news {
		r.keep(f, p, c)
	}
}

// first reports whether one of the first packets of a conversation is kept.
func (r *Recorder) first(c *flow.Conversation, n uint64, now int64) bool {
	if q := now / quarter; q != r.since {
		r.since = q
		clear(r.begun[:])
	}
	k := &r.begun[place(c)%counters]
	if n == 1 && *k <= sessions {
		*k++
	}
	return *k <= sessions
}

// place mixes what the conversations of a connection have in common: the
// addresses, and of the ports the lower one.
func place(c *flow.Conversation) (h uint64) {
	for s := range c.Ends {
		e := &c.Ends[s]
		a := e.Addr.As16()
		x := binary.LittleEndian.Uint64(a[:])*0x9e3779b97f4a7c15 + binary.LittleEndian.Uint64(a[8:])
		if !e.Addr.IsValid() {
			x = uint64(binary.LittleEndian.Uint32(e.MAC[:])) | uint64(binary.LittleEndian.Uint16(e.MAC[4:]))<<32
		}
		h += bits.RotateLeft64(x*0xbf58476d1ce4e5b9, 31) * 0x94d049bb133111eb // alike from either end
	}
	h += uint64(min(c.Ends[0].Port, c.Ends[1].Port)) << 8
	h = (h ^ uint64(c.Segment) ^ uint64(c.EtherType)<<16) * 0x9e3779b97f4a7c15
	return h >> 40
}

// A record is its header and the frame's bytes, to a multiple of eight.
const (
	atSize     = 0  // of the record
	atCaptured = 4  // bytes of the frame; skipped for a record that only fills the ring's end
	atTime     = 8  // Unix nanoseconds
	atLength   = 16 // on the wire
	atLink     = 20
	atSegment  = 22
	atProtocol = 24
	atIP       = 25 // 1 where the ends have addresses
	atType     = 26 // EtherType
	atPorts    = 28
	atAddrs    = 32 // IPv4 mapped to IPv6
	atMACs     = 64
	headerSize = 80
	skipped    = ^uint32(0)
)

// keep copies a frame, its stripped tag put back.
func (r *Recorder) keep(f *capture.Frame, p *decode.Packet, c *flow.Conversation) {
	n := len(f.Data)
	if !r.All {
		n = headers(f, p)
	}
	tag := 0
	if f.TPID != 0 && f.Link == capture.LinkEthernet && n >= 12 {
		tag = 4
	}
	b := r.room(headerSize + n + tag)
	if b == nil {
		return // larger than the whole memory
	}
	binary.LittleEndian.PutUint32(b[atCaptured:], uint32(n+tag))                          // less than the ring
	binary.LittleEndian.PutUint64(b[atTime:], uint64(f.Time))                             // all bits
	binary.LittleEndian.PutUint32(b[atLength:], uint32(min(max(f.Length, n+tag), 1<<30))) // bounded
	binary.LittleEndian.PutUint16(b[atLink:], uint16(f.Link))
	binary.LittleEndian.PutUint16(b[atSegment:], c.Segment)
	b[atProtocol], b[atIP] = c.Transport, 0
	binary.LittleEndian.PutUint16(b[atType:], c.EtherType)
	for s := range c.Ends {
		e := &c.Ends[s]
		if e.Addr.IsValid() {
			b[atIP] = 1
		}
		a := e.Addr.As16()
		copy(b[atAddrs+16*s:], a[:])
		copy(b[atMACs+6*s:], e.MAC[:])
		binary.LittleEndian.PutUint16(b[atPorts+2*s:], e.Port)
	}
	data := b[headerSize:]
	if tag == 0 {
		copy(data, f.Data[:n])
		return
	}
	copy(data, f.Data[:12])
	binary.BigEndian.PutUint16(data[12:], f.TPID)
	binary.BigEndian.PutUint16(data[14:], f.TCI)
	copy(data[16:], f.Data[12:n])
}

// headers is how many bytes of a frame lie before its payload. Where that does
// not show (a datagram put together from fragments), only what surely is none.
func headers(f *capture.Frame, p *decode.Packet) int {
	at, whole := cap(f.Data)-cap(p.Payload), p.Payload[:cap(p.Payload)]
	if at >= 0 && at < len(f.Data) && len(whole) > 0 && &whole[0] == &f.Data[at] {
		return at
	}
	if p.Payload != nil && p.PayloadLen == 0 && p.Fault == decode.NoFault && at == len(f.Data) {
		return at
	}
	const ip = 20
	if f.Link == capture.LinkEthernet {
		return min(len(f.Data), 14+ip)
	}
	return min(len(f.Data), ip)
}

// room makes place for n bytes, and lets the oldest records go for it.
func (r *Recorder) room(n int) []byte {
	size, all := uint64(n+7)&^7, uint64(len(r.ring)) // not negative
	if size > all/2 {
		return nil
	}
	if rest := all - r.to%all; rest < size {
		r.free(rest)
		b := r.ring[r.to%all:]
		binary.LittleEndian.PutUint32(b[atSize:], uint32(rest)) // less than size
		binary.LittleEndian.PutUint32(b[atCaptured:], skipped)
		r.to += rest
	}
	r.free(size)
	at := r.to % all
	r.to += size
	b := r.ring[at : at+size]
	binary.LittleEndian.PutUint32(b[atSize:], uint32(size)) // at most half the ring
	return b
}

func (r *Recorder) free(n uint64) {
	for all := uint64(len(r.ring)); r.to+n-r.from > all; {
		r.from += uint64(binary.LittleEndian.Uint32(r.ring[r.from%all:]))
	}
}

// Held is how many bytes are kept.
func (r *Recorder) Held() int { return int(r.to - r.from) } // less than the ring

// record is one that is kept.
type record []byte

// records calls each for what is kept, the oldest first.
func (r *Recorder) records(each func(record)) {
	for at, all := r.from, uint64(len(r.ring)); at < r.to; {
		b := r.ring[at%all:]
		size := binary.LittleEndian.Uint32(b)
		if binary.LittleEndian.Uint32(b[atCaptured:]) != skipped {
			each(record(b[:size]))
		}
		at += uint64(size)
	}
}

func (b record) data() []byte {
	return b[headerSize:][:binary.LittleEndian.Uint32(b[atCaptured:])]
}

func (b record) frame() slice.Frame {
	return slice.Frame{
		Time:   int64(binary.LittleEndian.Uint64(b[atTime:])), // all bits
		Length: int(binary.LittleEndian.Uint32(b[atLength:])), Data: b.data(),
	}
}

func (b record) link() uint16    { return binary.LittleEndian.Uint16(b[atLink:]) }
func (b record) segment() uint16 { return binary.LittleEndian.Uint16(b[atSegment:]) }
func (b record) port(s int) uint16 {
	return binary.LittleEndian.Uint16(b[atPorts+2*s:])
}

func (b record) addr(s int) [16]byte  { return [16]byte(b[atAddrs+16*s:]) }
func (b record) mac(s int) decode.MAC { return decode.MAC(b[atMACs+6*s:]) }
func (b record) hasIP() bool          { return b[atIP] == 1 }
func (b record) etherType() uint16    { return binary.LittleEndian.Uint16(b[atType:]) }

// ask is a request to the worker.
type ask struct {
	queries []Query
	answer  chan []Cut
}

// Ask has the worker cut slices, one for each query, empty where nothing is
// kept. Any goroutine may call it; the worker answers in its Serve.
func (r *Recorder) Ask(ctx context.Context, queries []Query) ([]Cut, error) {
	a := ask{queries, make(chan []Cut, 1)}
	select {
	case r.asks <- a:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case cuts := <-a.answer:
		return cuts, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Serve answers an Ask that waits.
func (r *Recorder) Serve() {
	select {
	case a := <-r.asks:
		a.answer <- r.Cut(a.queries)
	default:
	}
}
