package capture

import "fmt"

// CorruptError is a capture file that cannot be read further. Everything
// before the place that it names has been delivered.
type CorruptError struct {
	Path   string
	Offset int64  // byte of the file, or of the unpacked stream, where the bad record starts
	Packet uint64 // number of the packet that would have come, from 1
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: corrupt at byte %d, at packet %d: %s; what stands before is good, capture the rest again", e.Path, e.Offset, e.Packet, e.Reason)
}

// TruncatedError is the end of a capture file whose last record is cut, as it
// is when the program that wrote it was killed or the disk was full. The
// packets before count: this is a loss, not a failure.
type TruncatedError struct {
	Path   string
	Offset int64  // byte where the cut record starts
	Packet uint64 // its number, from 1
	Want   int64  // bytes that the record should have
	Have   int64  // bytes that it has
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%s: ends inside packet %d at byte %d: %d of its %d bytes are there", e.Path, e.Packet, e.Offset, e.Have, e.Want)
}
