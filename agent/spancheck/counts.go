package spancheck

import (
	"net/netip"
	"time"

	"demarc/agent/capture"
)

// Counts is what a Checker saw in one window of packet time.
type Counts struct {
	From, To int64 // packet time, Unix nanoseconds: of the window, or in a file of its frames
	Frames   uint64
	Bytes    uint64 // on the wire

	// Frames by destination; Own are of or for this machine and counted in
	// neither of the others.
	Group, Unicast, Own uint64

	Conversations [classes]int // not of this machine, not to groups
	// Frames of one-sided TCP conversations, by who sent them.
	FromServer, FromClient, FromEither uint64

	Ported     uint64 // frames with ports: those in which a copy shows for sure
	Duplicates uint64

	Tagged  uint64
	VLANs   [64]uint64 // bit set of the VLAN identifiers seen
	ARPs    uint64     // untagged ones that say where their sender is
	Subnets subnets    // of untagged ARP

	Cut          uint64 // frames that end before they should
	CutMin       int    // bytes that were there of a cut frame
	CutMax       int
	Mirrored     uint64 // in the tunnel of a mirror: ERSPAN
	Large        uint64 // longer than the interface's MTU allows
	Segments     uint64 // TCP with data
	Gaps         uint64 // stretches of TCP data that the capture missed
	Peak         uint64 // bytes of the busiest burstSpan
	Full         uint64 // times burstSpan in which the link was full
	Backwards    uint64 // times that packet time jumped back
	BackwardsMax int64  // nanoseconds

	Answers clockAnswers // of NTP servers

	OT     [4]uint64 // bit set of the protocols proved, by Checker.names
	OTs    int       // conversations that were proved to be OT
	Hinted int       // conversations on a port of OT, by the port alone

	OwnWith     [2]netip.Addr // ends of one conversation of this machine's
	OwnUplink   uint64        // frames between this machine and its collector
	Capture     capture.Stats // what the source counted in the window
	OTNames     []string      // of OT, sorted
	OverallFrom int64         // when the Checker began, packet time
}

// Span is how long the window is.
func (n *Counts) Span() time.Duration {
	if n.From == 0 || n.To < n.From {
		return 0
	}
	return time.Duration(n.To - n.From)
}

// Classes of conversations: what the mirror shows of them.
const (
	unclassed = iota // nothing tells yet: an unanswered opener, a group
	oneTCP           // one side, and it acknowledges what the other sends
	bothTCP
	oneOther // one side; that may be all there is
	bothOther
	classes
)

// difference is what was counted between two readings of a source.
func difference(now, before capture.Stats) capture.Stats {
	return capture.Stats{
		Packets: now.Packets - before.Packets, Bytes: now.Bytes - before.Bytes,
		Drops: now.Drops - before.Drops, Freezes: now.Freezes - before.Freezes, Downs: now.Downs - before.Downs,
	}
}
