// Package pipeline wires the agent's stages: one call of Run takes a source of
// frames to sightings, on one goroutine, packet by packet to completion. Live
// and file runs differ in their source alone.
package pipeline

import (
	"context"
	"errors"
	"io"
	"math"
	"net/netip"
	"sync/atomic"
	"time"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/dissect"
	"demarc/agent/flow"
	"demarc/agent/recorder"
	"demarc/agent/sighting"
	"demarc/agent/spancheck"
	"demarc/internal/ot"
)

// Config says how a source is read. The zero value reads one unnamed segment.
type Config struct {
	// Interfaces names the segment of each interface of the source, by
	// position; those not listed stand in Default.
	Interfaces []Interface
	Default    string
	Flow       flow.Limit
	// Protocols to dissect; nil is all of the registry, empty is headers only.
	Protocols []dissect.Protocol
	// News is the longest that news waits in packet time; 0 waits for
	// maxPending changes (reading files).
	News time.Duration
	// Progress, when set, is called every few thousand packets.
	Progress func()
	// Meter, when set, is brought up to date as the source is read.
	Meter *Meter
	// Check, when set, counts what tells whether the mirror is right.
	Check *spancheck.Checker
	// Recorder, when set, keeps frames as evidence.
	Recorder *recorder.Recorder
	// Answered, when set, is told how long a TCP server took to answer, and when
	// (Unix time).
	Answered func(client, server netip.Addr, took, at time.Duration)
	// Asker is the address that this agent itself asks devices from, if it does:
	// what they answer it tells by itself.
	Asker netip.Addr
}

// Meter counts a run under way for others to read.
type Meter struct {
	Frames, Drops atomic.Uint64
	LastFrame     atomic.Int64 // Unix nanoseconds, 0 for none
}

// Interface maps an interface, and the VLANs on it, to segments.
type Interface struct {
	Segment string
	VLANs   map[uint16]string
}

// Summary is what a run saw.
type Summary struct {
	Packets, Bytes uint64 // on the wire
	First, Last    int64  // Unix nanoseconds, 0 when there was no packet
	Duplicates     uint64 // frames that a mirror copied twice
	Drops          uint64 // frames that the kernel or card dropped
}

const (
	maxBatch        = 16   // frames that are taken from the source together
	maxPending      = 4096 // changes that leave together when reading files, about
	leaveEvery      = 64   // packets, after which they are counted
	progressEvery   = 8192
	counterInterval = int64(60 * time.Second)
)

// run is one source under way.
type run struct {
	cfg      Config
	src      capture.Source
	segments segments
	decoder  *decode.Decoder
	flows    *flow.Table
	engine   *dissect.Engine
	sights   *sighting.Table
	sum      Summary
	faults   [decode.Fragment + 1]uint64
	leaveAt  int64 // packet time when news leaves next
	countAt  int64 // packet time when counters left last

	batcher capture.Batcher // src, if it has the power
	frames  [maxBatch]capture.Frame
	packets [maxBatch]decode.Packet
	ahead   [maxBatch]bool               // of frames: packets has it
	known   [maxBatch]*flow.Conversation // of frames that packets has, if easily found

	answers    answers
	unreadable error // no frame so far is of a link type that is read
	fragments  decode.FragmentStats
	stats      capture.Stats
}

// naming passes the protocols that were proved to the SPAN check, too.
type naming struct {
	*sighting.Table
	check *spancheck.Checker
}

func (n naming) Protocol(c *flow.Conversation, name string, g ot.Grade) {
	n.check.Named(c, name)
	n.Table.Protocol(c, name, g)
}

// asking leaves out what devices tell this agent itself when it asks them: it is
// what they say, and not what was overheard.
type asking struct {
	dissect.Sink
	source netip.Addr
}

func (a asking) Fact(c *flow.Conversation, of dissect.Subject, attribute ot.Attribute, value []byte, source string, g ot.Grade, at int64) {
	if own := c.Ends[flow.A].Addr == a.source || c.Ends[flow.B].Addr == a.source; !own || of.Addr == a.source {
		a.Sink.Fact(c, of, attribute, value, source, g, at)
	}
}

// handler passes a conversation's end to both stages above flow.
type handler struct {
	*dissect.Engine
	sights *sighting.Table
}

// Quoted implements flow.Quoter. What only quotes showed has no packet that
// would bring it to the sightings.
func (h handler) Quoted(report, c *flow.Conversation, side flow.Side, b []byte, at int64, cut bool) {
	if c.Quoted {
		h.sights.Quoted(c)
	}
	h.Engine.Quoted(report, c, side, b, at, cut)
}

func (h handler) Close(c *flow.Conversation, evicted bool) {
	h.Engine.Close(c, evicted)
	h.sights.Closed(c)
}

// Run reads src to its end, or until ctx ends, and gives sink what it saw. A
// file that cannot be read further ends with its error after all before it has
// reached the sink; one that ctx interrupts gives no more, so that reading it
// again gives the same bodies in the same order.
func Run(ctx context.Context, cfg Config, src capture.Source, sink sighting.Sink) (Summary, error) {
	r := &run{cfg: cfg, src: src, decoder: decode.New(decode.Options{})}
	r.batcher, _ = src.(capture.Batcher)
	r.segments = newSegments(cfg)
	protocols := cfg.Protocols
	if protocols == nil {
		protocols = dissect.Protocols()
	}
	r.sights = sighting.New(r.segments.names, dissect.NewPortHints(protocols), sink)
	r.engine = dissect.NewEngine(protocols, r.sink())
	r.flows = flow.NewTable(handler{r.engine, r.sights}, cfg.Flow)
	r.sights.Attach(r.flows)
	if cfg.Check != nil {
		cfg.Check.Attach(r.flows)
	}
	if cfg.Recorder != nil {
		cfg.Recorder.Attach(r.segments.names)
	}
	err := r.loop(ctx)
	if cfg.Check != nil {
		cfg.Check.End(src.Stats())
	}
	r.decoder.Expire(math.MaxInt64)
	if cfg.News == 0 && ctx.Err() != nil {
		return r.sum, ctx.Err()
	}
	r.lost()
	r.flows.Close()
	r.sum.Duplicates = r.flows.Duplicates
	return r.sum, errors.Join(err, r.sights.Close())
}

// sink is where dissectors tell.
func (r *run) sink() (s dissect.Sink) {
	s = r.sights
	if r.cfg.Check != nil {
		s = naming{r.sights, r.cfg.Check}
	}
	if r.cfg.Asker.IsValid() {
		s = asking{s, r.cfg.Asker}
	}
	if r.cfg.Recorder != nil {
		s = recording{s, r.cfg.Recorder}
	}
	return s
}

func (r *run) loop(ctx context.Context) error {
	var end atomic.Bool
	defer context.AfterFunc(ctx, func() { end.Store(true) })()
	for pause := uint64(progressEvery); ; {
		n, err := r.next()
		switch {
		case err == nil:
			if err := r.batch(n); err != nil {
				return err
			}
		case errors.Is(err, capture.ErrTick):
			if err := r.tick(ctx, r.frames[0].Time); err != nil || ctx.Err() != nil {
				return err
			}
		default:
			return r.ended(err)
		}
		if end.Load() { // at once also where frames come too steadily for a tick
			return nil
		}
		if r.sum.Packets < pause {
			continue
		}
		pause += progressEvery
		if r.cfg.Progress != nil {
			r.cfg.Progress()
		}
	}
}

// next takes frames from the source: as many as it holds, or the next.
func (r *run) next() (n int, err error) {
	if r.batcher != nil {
		if n = r.batcher.Batch(r.frames[:]); n > 0 {
			return n, nil
		}
	}
	return 1, r.src.Next(&r.frames[0])
}

// ended says what the end of the source means.
func (r *run) ended(err error) error {
	var cut *capture.TruncatedError
	switch {
	case errors.Is(err, io.EOF):
		return r.unreadable
	case errors.As(err, &cut):
		r.sights.Loss(0, "truncated-file", 1, err.Error())
		return nil
	}
	r.sights.Loss(0, "corrupt-file", 1, err.Error())
	return err
}

// batch takes the first n frames, one after the other, from decode to sighting.
func (r *run) batch(n int) error {
	r.lookAhead(n)
	for i := range r.frames[:n] {
		f, p := &r.frames[i], &r.packets[i]
		if !r.ahead[i] {
			r.decoder.Decode(f, p)
		}
		if err := r.frame(f, p); err != nil {
			return err
		}
	}
	return nil
}

// lookAhead reads what can be read of the frames before the first is taken, so
// that the processor fetches the memory of all their conversations at once.
func (r *run) lookAhead(n int) {
	for i := range r.frames[:n] {
		r.ahead[i] = decode.Plain(&r.frames[i], &r.packets[i])
	}
	for i := range r.packets[:n] {
		if r.known[i] = nil; r.ahead[i] {
			r.known[i] = r.flows.Ahead(&r.packets[i], r.segments.of(&r.packets[i]))
		}
	}
	for _, c := range r.known[:n] { // is there by now, and says where more is
		if c != nil {
			r.engine.Ahead(c)
			r.sights.Ahead(c)
		}
	}
	for _, c := range r.known[:n] {
		if c != nil {
			r.engine.Further(c)
		}
	}
}

// frame takes one frame, that p was decoded from, to the sightings.
func (r *run) frame(f *capture.Frame, p *decode.Packet) error {
	r.sum.add(f)
	if p.Fault != decode.NoFault || r.unreadable != nil {
		r.fault(f, p)
	}
	if err := r.sights.Advance(p.Time); err != nil {
		return err
	}
	var (
		c      *flow.Conversation
		side   flow.Side
		copied bool
	)
	if p.Tunnels == 0 {
		c, side, copied = r.packet(p, r.segments.of(p))
	} else {
		c, side, copied = r.tunnelled(p)
	}
	if r.cfg.Check != nil {
		r.cfg.Check.Packet(f, p, c, side, copied && p.Lane == 0) // lanes are no fault of the mirror
	}
	if r.cfg.Recorder != nil {
		r.cfg.Recorder.Packet(f, p, c, copied)
	}
	return r.leave(p.Time)
}

func (s *Summary) add(f *capture.Frame) {
	s.Packets++
	s.Bytes += uint64(f.Length) // a frame's length is not negative
	if f.Time < s.First || s.First == 0 {
		s.First = f.Time
	}
	s.Last = max(s.Last, f.Time)
}

// fault counts why a frame was not read.
func (r *run) fault(f *capture.Frame, p *decode.Packet) {
	r.faults[p.Fault]++
	if p.Fault == decode.Unsupported && r.unreadable == nil && r.sum.Packets == 1 {
		r.unreadable = decode.Check(f.Link)
	} else if r.unreadable != nil && p.Fault != decode.Unsupported {
		r.unreadable = nil // one interface of several that is read
	}
}

// tunnelled takes a packet with the tunnels that it came through.
func (r *run) tunnelled(p *decode.Packet) (c *flow.Conversation, side flow.Side, copied bool) {
	segment, copied := r.tunnels(p)
	if copied {
		return nil, flow.A, true
	}
	return r.packet(p, segment)
}

// tunnels takes what p came through, outermost first, and returns the segment
// that p stands in: where the frame was seen, behind a mirror what the mirrored
// frame says. copied: the frame came on its other lane before, with all that is
// in it; other copies are known each by itself.
func (r *run) tunnels(p *decode.Packet) (segment uint16, copied bool) {
	outer := p.Outer()
	segment = r.segments.of(&outer[0])
	for i := range outer {
		o, next := &outer[i], p
		if i+1 < len(outer) {
			next = &outer[i+1]
		}
		if o.Carrier.Mirror() {
			r.sights.Sender(o, segment)
			segment = r.segments.of(next)
			continue
		}
		imprint(o, p)
		if _, _, copied = r.packet(o, segment); copied && o.Lane != 0 {
			return segment, true
		}
	}
	return segment, false
}

// imprint makes a packet of a tunnel as different from the next one as what it
// carries is: many a tunnel's end numbers all its packets alike, and they would
// be taken for copies.
func imprint(o, inside *decode.Packet) {
	o.Seq, o.Ack, o.Flags = inside.Seq, inside.Ack, inside.Flags
	o.IPID ^= inside.IPID
	o.Checksum ^= inside.Checksum
}

// packet counts a packet; copied tells that it is a copy of one that was.
func (r *run) packet(p *decode.Packet, segment uint16) (c *flow.Conversation, side flow.Side, copied bool) {
	c, side, copied = r.flows.Add(p, segment)
	if c == nil {
		return nil, flow.A, false
	}
	r.sights.Seen(c, side, p)
	if r.cfg.Answered != nil {
		r.answers.packet(c, side, p, r.cfg.Answered)
	}
	if p.Carrier != decode.NoCarrier {
		r.sights.Carries(c, p.Carrier.String())
	}
	return c, side, copied
}

// leave lets news go when it has waited long enough. Whatever a file is read
// through, the same packets leave together.
func (r *run) leave(now int64) error {
	if r.cfg.News == 0 {
		if r.sum.Packets%leaveEvery != 0 || r.sights.Pending() < maxPending {
			return nil
		}
		return r.sights.FlushNews()
	}
	if now < r.leaveAt {
		return nil
	}
	return r.due(now)
}

// due lets leave what is due.
func (r *run) due(now int64) error {
	r.leaveAt = now + int64(r.cfg.News)
	if r.cfg.Recorder != nil {
		r.cfg.Recorder.Serve()
	}
	if now-r.countAt >= counterInterval {
		r.countAt = now
		r.lost()
		return r.sights.Flush()
	}
	r.meter()
	r.check(now)
	return r.sights.FlushNews()
}

// check lets the SPAN check be judged when it is time, and tells what it shows
// to be missing: with the batches that lack it.
func (r *run) check(now int64) {
	k := r.cfg.Check
	if k == nil {
		return
	}
	if k.Due(now) {
		k.Publish(now, r.src.Stats())
	}
	for _, f := range k.Tell() {
		r.note("mirror-"+f.ID, 1, f.Text)
	}
}

func (r *run) meter() {
	if m := r.cfg.Meter; m != nil {
		m.Frames.Store(r.sum.Packets)
		m.Drops.Store(r.src.Stats().Drops)
		m.LastFrame.Store(r.sum.Last)
	}
}

// tick moves packet time on in silence.
func (r *run) tick(ctx context.Context, now int64) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := r.sights.Advance(now); err != nil {
		return err
	}
	r.decoder.Expire(now)
	r.flows.Tick(now)
	return r.leave(now)
}

// lost tells what was not seen since it was told last.
func (r *run) lost() {
	for _, f := range []struct {
		fault  decode.Fault
		reason string
		detail string
	}{
		{decode.Cut, "cut-frame", "frames that end before their headers do: raise the snap length"},
		{decode.Malformed, "undecoded", "frames whose headers contradict themselves"},
		{decode.Unsupported, "undecoded", "frames in an encapsulation that is not read"},
	} {
		r.note(f.reason, r.faults[f.fault], f.detail)
		r.faults[f.fault] = 0
	}
	r.sourceLost()
	r.fragmentsLost()
}

// sourceLost tells what the kernel, the card or the link took away.
func (r *run) sourceLost() {
	now := r.src.Stats()
	r.note("kernel-drop", now.Drops-r.stats.Drops, "frames dropped before the agent saw them")
	r.note("ring-full", now.Freezes-r.stats.Freezes, "times that the capture ring was full")
	r.note("link-down", now.Downs-r.stats.Downs, "times that the interface went down")
	r.sum.Drops, r.stats = now.Drops, now
}

// fragmentsLost tells datagrams that could not be put together.
func (r *run) fragmentsLost() {
	now := r.decoder.Stats().Fragments
	r.note("fragments", now.Expired-r.fragments.Expired, "datagrams whose other fragments never came")
	r.note("state-shed", now.Evicted-r.fragments.Evicted, "datagrams given up because too many were in fragments at once")
	r.fragments = now
}

func (r *run) note(reason string, n uint64, detail string) {
	if n > 0 {
		r.sights.Loss(0, reason, n, detail)
	}
}
