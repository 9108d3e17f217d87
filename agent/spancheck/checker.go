package spancheck

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"demarc/agent/capture"
	"demarc/agent/decode"
	"demarc/agent/dissect"
	"demarc/agent/flow"
)

// Options of New. The zero value suits a capture file.
type Options struct {
	Own       Own
	Speed     uint64 // of the link, bit/s; 0 when unknown
	MTU       int    // of the interface; 0 when unknown
	Live      bool   // silence counts
	Rolling   bool   // publishes each minute, and begins anew when enough was seen
	Protocols []dissect.Protocol
}

// Own is what names this machine and its collector on the wire.
type Own struct {
	MACs      []decode.MAC
	Addrs     []netip.Addr
	Collector []netip.AddrPort
}

// Marks in flow.Conversation.Mark: sides seen (2 bits) and sides that
// acknowledged what the other sent (2 bits) in the window, whether the
// conversation is this machine's, the OT protocol (8 bits), what the recorder
// has kept since the window began (8 bits), the window (8 bits).
const (
	markSides  = 3
	markAcks   = 3 << 2
	markOwn    = 1 << 4
	markUplink = 1 << 5
	markGroup  = 1 << 6
	shiftOT    = 8
	maskOT     = 0xff << shiftOT
	shiftTime  = 24
)

// Windows of a rolling Checker. One is published each minute, and the next begins
// when enough was seen to judge by.
const (
	firstPublish = 5 * time.Second
	nextPublish  = time.Minute
	minWindow    = 2 * time.Minute
	maxWindow    = 30 * time.Minute
	enoughFrames = 5000
)

const (
	// burstShift makes spans of 2^24 ns, 16.8 ms: longer than a kernel collects
	// frames before it stamps them, short enough for a burst to fill.
	burstShift = 24
	// framing is what a frame occupies on the wire beside its bytes: preamble,
	// check sequence and gap (IEEE 802.3-2018 3.1, 4.4.2).
	framing = 8 + 4 + 12
	stepped = int64(time.Second) // a jump back that is no reordering
)

// Checker counts what tells a right mirror from a wrong one. It belongs to one
// worker, but for Latest and SetFaults.
type Checker struct {
	n      Counts
	window uint32 // 1..255
	large  int
	full   uint64 // bytes of burstSpan that fill the link; 0 when unknown

	burst       int64                          // the span that runs: packet time >> burstShift
	before      struct{ bytes, frames uint64 } // counted before it
	first, last int64                          // packet time of frames
	tick        int64                          // time when Due was asked last

	own           Own
	live, rolling bool
	names         []string // OT protocols; names[i] has the mark i+1
	index         map[string]uint32
	hints         dissect.PortHints

	flows     *flow.Table
	gaps      uint64 // flows.Gaps when the window began
	stats     capture.Stats
	publishAt int64
	began     int64

	latest atomic.Pointer[Counts]
	faults atomic.Pointer[[]Fault]
	told   *[]Fault
}

// New makes a Checker for one source.
func New(o Options) *Checker {
	k := &Checker{window: 1, own: o.Own, live: o.Live, rolling: o.Rolling, index: map[string]uint32{}, burst: -1}
	k.hints = dissect.NewPortHints(o.Protocols)
	for _, p := range o.Protocols {
		if p.OT && len(k.names) < maskOT>>shiftOT {
			k.names = append(k.names, p.Name)
			k.index[p.Name] = uint32(len(k.names)) // at most 255
		}
	}
	if o.MTU > 0 {
		k.large = o.MTU + 14 + 4*4 // the MAC header and room for tags
	}
	k.full = o.Speed / 8 * (1 << burstShift) / 1e9 * 95 / 100
	return k
}

// Attach names the flow table whose gaps are counted.
func (k *Checker) Attach(t *flow.Table) { k.flows = t }

// Packet counts one frame; c is its conversation and side the sender, c nil
// for a frame without addresses.
func (k *Checker) Packet(f *capture.Frame, p *decode.Packet, c *flow.Conversation, side flow.Side, duplicate bool) {
	n := &k.n
	if f.Time>>burstShift != k.burst {
		k.turn(f.Time)
	}
	k.last = f.Time
	n.Frames++
	n.Bytes += uint64(f.Length) // not negative
	if p.CutShort || p.Fault == decode.Cut {
		k.cut(len(f.Data))
	}
	if k.large > 0 && f.Length > k.large {
		n.Large++
	}
	if p.Tags > 0 {
		k.tagged(p)
	}
	if p.Tunnels > 0 {
		k.carried(p)
	}
	if c == nil {
		return
	}
	acks := uint32(0)
	switch {
	case p.Has&decode.HasPort == 0:
		if p.EtherType == etherARP && p.Has&decode.HasIP == 0 {
			k.arp(p)
		}
	case p.Protocol == protoTCP:
		n.Ported++
		if p.Flags&(decode.ACK|decode.SYN|decode.RST) == decode.ACK {
			acks = 1
		}
		if p.PayloadLen > 0 && !duplicate {
			n.Segments++
		}
	default:
		n.Ported++
		if p.SrcPort == portNTP && p.Protocol == protoUDP {
			k.ntp(p)
		}
	}
	if duplicate {
		n.Duplicates++
	}
	want := (1 | acks<<2) << side
	if c.Mark>>shiftTime != k.window || c.Mark&want != want {
		k.mark(c, want)
	}
	k.destination(p, c, side)
}

// destination counts where a frame goes, and who sends where one side alone
// is seen.
func (k *Checker) destination(p *decode.Packet, c *flow.Conversation, side flow.Side) {
	n, m := &k.n, c.Mark
	switch {
	case m&markOwn != 0:
		n.Own++
		if m&markUplink != 0 {
			n.OwnUplink++
		}
		return
	case p.DstMAC.IsGroup() || m&markGroup != 0:
		n.Group++
		return
	}
	n.Unicast++
	if m&markAcks == 0 || m&markSides == markSides {
		return
	}
	switch {
	case !c.Directed:
		n.FromEither++
	case c.Client == side:
		n.FromClient++
	default:
		n.FromServer++
	}
}

// mark brings a conversation's mark up to date, and with it what is counted of
// conversations.
func (k *Checker) mark(c *flow.Conversation, add uint32) {
	old := c.Mark
	if old>>shiftTime != k.window {
		old = old&maskOT | k.window<<shiftTime | k.begins(c)
	}
	k.n.Conversations[class(c, old)]--
	c.Mark = old | add
	k.n.Conversations[class(c, c.Mark)]++
}

// begins looks at a conversation when it is first seen in a window.
func (k *Checker) begins(c *flow.Conversation) (marks uint32) {
	if i := c.Mark & maskOT >> shiftOT; i != 0 {
		k.proved(i)
	} else if k.hinted(c) {
		k.n.Hinted++
	}
	if c.ToGroup() {
		marks |= markGroup
	}
	a, b := &c.Ends[flow.A], &c.Ends[flow.B]
	switch {
	case k.isOwn(a):
		marks |= markOwn | k.uplink(b)
	case k.isOwn(b):
		marks |= markOwn | k.uplink(a)
	default:
		return marks
	}
	if k.n.OwnWith == [2]netip.Addr{} || marks&markUplink != 0 {
		k.n.OwnWith = [2]netip.Addr{a.Addr, b.Addr}
	}
	return marks
}

func (k *Checker) isOwn(e *flow.Endpoint) bool {
	return slices.Contains(k.own.MACs, e.MAC) || (e.Addr.IsValid() && slices.Contains(k.own.Addrs, e.Addr))
}

func (k *Checker) uplink(e *flow.Endpoint) uint32 {
	if slices.Contains(k.own.Collector, netip.AddrPortFrom(e.Addr, e.Port)) {
		return markUplink
	}
	return 0
}

// hinted reports whether a port is one that OT protocols use.
func (k *Checker) hinted(c *flow.Conversation) bool {
	for i := range c.Ends {
		port := c.Ends[i].Port
		if c.Transport == flow.Ethernet {
			port = c.EtherType
		}
		if k.index[k.hints.Lookup(c.Transport, port)] != 0 {
			return true
		}
	}
	return false
}

// class tells what the mirror shows of a conversation.
func class(c *flow.Conversation, mark uint32) int {
	switch {
	case mark&(markOwn|markGroup) != 0 || mark&markSides == 0:
		return unclassed
	case c.Transport == protoTCP && mark&markSides == markSides:
		return bothTCP
	case c.Transport == protoTCP && mark&markAcks != 0:
		return oneTCP
	case c.Transport == protoTCP:
		return unclassed
	case mark&markSides == markSides:
		return bothOther
	}
	return oneOther
}

// Named notes that a conversation was proved to speak a protocol.
func (k *Checker) Named(c *flow.Conversation, protocol string) {
	i := k.index[protocol]
	old := c.Mark
	if i == 0 || old&maskOT>>shiftOT == i {
		return
	}
	c.Mark = old&^uint32(maskOT) | i<<shiftOT
	if old>>shiftTime != k.window {
		return // counted when the window's first packet of it is
	}
	k.n.OT[i/64] |= 1 << (i % 64)
	if old&maskOT == 0 {
		k.n.OTs++
	}
}

func (k *Checker) proved(i uint32) {
	k.n.OTs++
	k.n.OT[i/64] |= 1 << (i % 64)
}

func (k *Checker) cut(have int) {
	n := &k.n
	if n.Cut == 0 || have < n.CutMin {
		n.CutMin = have
	}
	n.Cut++
	n.CutMax = max(n.CutMax, have)
}

// tagged notes VLANs; a priority tag names none (IEEE 802.1Q-2018 9.6).
func (k *Checker) tagged(p *decode.Packet) {
	seen := false
	for _, id := range p.VLANs[:min(int(p.Tags), len(p.VLANs))] {
		if id != 0 {
			k.n.VLANs[id/64%64] |= 1 << (id % 64)
			seen = true
		}
	}
	if seen {
		k.n.Tagged++
	}
}

// carried notes a frame that the mirror sends in a tunnel.
func (k *Checker) carried(p *decode.Packet) {
	for i := range p.Outer() {
		if p.Outer()[i].Carrier.Mirror() {
			k.n.Mirrored++
			return
		}
	}
}

// turn ends a burst's span, and sees what packet time does.
func (k *Checker) turn(now int64) {
	n := &k.n
	burst := n.Bytes - k.before.bytes + framing*(n.Frames-k.before.frames)
	n.Peak = max(n.Peak, burst)
	if k.full > 0 && burst >= k.full {
		n.Full++
	}
	k.burst, k.before.bytes, k.before.frames = now>>burstShift, n.Bytes, n.Frames
	switch {
	case k.first == 0:
		k.first = now
	case k.last-now > stepped:
		n.Backwards++
		n.BackwardsMax = max(n.BackwardsMax, k.last-now)
	}
}
