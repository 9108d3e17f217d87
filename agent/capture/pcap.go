package capture

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// The pcap format: draft-ietf-opsawg-pcap. Magic numbers as they stand in a
// file of our byte order.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // Kuznetzov's patch of 1999: eight more bytes a record

	pcapHeader = 24
	pcapRecord = 16
	// maxSnap is the most bytes that a frame may hold, as in libpcap.
	maxSnap = 256 << 10
)

// pcapSource reads a pcap file.
type pcapSource struct {
	file
	swap   bool // the file has the other byte order than little endian
	unit   int64
	header int // bytes of a record header
	link   LinkType
}

// u32 reads a little endian number, or with swap a big endian one.
func u32(b []byte, swap bool) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if swap {
		v = bits.ReverseBytes32(v)
	}
	return v
}

// length is a number of bytes that a file states, small enough for an int on
// every machine.
func length(v uint32) int { return int(min(v, math.MaxInt32)) }

func u16(b []byte, swap bool) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if swap {
		v = bits.ReverseBytes16(v)
	}
	return v
}

// isPcap reports whether b starts a pcap file, and its byte order.
func isPcap(b []byte) (swap, ok bool) {
	if len(b) < 4 {
		return false, false
	}
	for _, swap := range []bool{false, true} {
		switch u32(b, swap) {
		case magicMicro, magicNano, magicModified:
			return swap, true
		}
	}
	return false, false
}

// newPcap reads the file header: magic, version (two 16-bit numbers), time
// zone, accuracy, snap length, link type.
func newPcap(base file, swap bool) (Source, error) {
	s := &pcapSource{file: base, swap: swap, unit: 1000, header: pcapRecord}
	h, err := s.in.ahead(pcapHeader)
	if err != nil {
		return nil, fmt.Errorf("%s: ends inside the file header, after %d of %d bytes: capture again", s.path, len(h), pcapHeader)
	}
	switch u32(h, swap) {
	case magicNano:
		s.unit = 1
	case magicModified:
		s.header = pcapRecord + 8
	}
	if major, minor := u16(h[4:], swap), u16(h[6:], swap); major != 2 {
		return nil, fmt.Errorf("%s: pcap version %d.%d is not read, 2.4 is: convert it with editcap -F pcapng", s.path, major, minor)
	}
	s.link = LinkType(u32(h[20:], swap) & 0xffff) // the upper half tells of checksums at the frame's end
	s.ifaces = []Interface{{Link: s.link, Snap: length(u32(h[16:], swap))}}
	s.in.skip(pcapHeader)
	return s, nil
}

// Next reads one record.
func (s *pcapSource) Next(f *Frame) error {
	if s.take(f) {
		return nil
	}
	return s.refill(f)
}

// Batch implements Batcher.
func (s *pcapSource) Batch(frames []Frame) int {
	for i := range frames {
		if !s.take(&frames[i]) {
			return i
		}
	}
	return len(frames)
}

// take reads the next record when the buffer holds it whole: seconds, fraction,
// captured and original length, data.
func (s *pcapSource) take(f *Frame) bool {
	b := s.in.b[s.in.lo:s.in.hi]
	if len(b) < pcapRecord {
		return false
	}
	h := (*[pcapRecord]byte)(b)
	le := binary.LittleEndian
	seconds, fraction, size, onWire := le.Uint32(h[0:]), le.Uint32(h[4:]), le.Uint32(h[8:]), le.Uint32(h[12:])
	if s.swap {
		seconds, fraction, size, onWire = bits.ReverseBytes32(seconds), bits.ReverseBytes32(fraction), bits.ReverseBytes32(size), bits.ReverseBytes32(onWire)
	}
	end := s.header + int(size)
	if size > maxSnap || end > len(b) {
		return false
	}
	s.in.lo += end
	f.Time = int64(seconds)*1e9 + int64(fraction)*s.unit
	f.Link, f.Interface, f.Length = s.link, 0, length(max(onWire, size))
	f.Data = b[s.header:end:end]
	f.TPID, f.TCI = 0, 0
	s.stats.Packets++
	s.stats.Bytes += uint64(f.Length) // not negative
	return true
}

// refill brings the next record into the buffer whole, or tells why it cannot.
func (s *pcapSource) refill(f *Frame) error {
	if s.err != nil {
		return s.err
	}
	h, err := s.in.ahead(s.header)
	if err != nil {
		return s.end(err, s.header, len(h))
	}
	size := u32(h[8:], s.swap)
	if size > maxSnap {
		return s.corrupt("the record says %d bytes, more than %d", size, maxSnap)
	}
	want := s.header + int(size)
	if b, err := s.in.ahead(want); err != nil {
		return s.end(err, want, len(b))
	}
	return s.Next(f)
}
