// Package capture is the first stage of the agent: it brings frames in, from a
// live interface or from capture files, and can do nothing else. There is no
// write method here and none may be added: being passive is a property of this
// package, checked by internal/arch.
package capture

import (
	"errors"
	"time"
)

// LinkType is a LINKTYPE_ value of the pcap registry
// (https://www.tcpdump.org/linktypes.html).
type LinkType uint16

// Frame is one captured frame.
type Frame struct {
	Time      int64    // Unix nanoseconds, packet time
	Link      LinkType // of the interface that it came from
	Interface int      // index into Source.Interfaces
	Length    int      // bytes on the wire, with the tag that the card stripped
	Data      []byte   // the source's until its next Next
	TPID      uint16   // tag that the card stripped (802.1Q TPID); 0 for none
	TCI       uint16   // its tag control information, valid iff TPID != 0
}

// tagLength is the bytes of an 802.1Q tag.
const tagLength = 4

// Missing is the number of bytes that the capture cut off the frame's end.
func (f *Frame) Missing() int {
	n := f.Length - len(f.Data)
	if f.TPID != 0 {
		n -= tagLength
	}
	return max(0, n)
}

// Interface describes one interface of a source.
type Interface struct {
	Name string
	Link LinkType
	Snap int // snap length in bytes, 0 for none
}

// Stats counts what a source saw and lost since it was opened.
type Stats struct {
	Packets uint64
	Bytes   uint64 // on the wire
	Drops   uint64 // frames that the kernel or the card dropped before we saw them
	Freezes uint64 // times that the ring was full
	Downs   uint64 // times that the interface went down
}

// Source delivers frames in capture order.
type Source interface {
	// Next fills f with the next frame. io.EOF ends a file. ErrTick means that
	// no frame came for a while: f.Time alone is set, to the time now. A
	// *TruncatedError is the end of a file whose last record is cut; a
	// *CorruptError is a file that cannot be read further.
	Next(f *Frame) error
	// Interfaces may grow while a pcapng file is read.
	Interfaces() []Interface
	Stats() Stats
	Close() error
}

// Batcher is an optional power of a Source: it delivers frames that it holds
// already, several at once, so that the stages behind can look ahead.
type Batcher interface {
	// Batch fills frames from the front with those that Next would deliver
	// without reading or waiting, and returns how many. After 0 Next must be
	// asked. Their Data is the source's until its next Batch or Next.
	Batch(frames []Frame) int
}

// ErrTick tells that a live source is silent; f.Time holds the time now.
var ErrTick = errors.New("capture: no frame")

// TickInterval is the longest that a live source stays silent before ErrTick.
const TickInterval = 50 * time.Millisecond
