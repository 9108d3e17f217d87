package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"demarc/collector/store"
)

// A segment is several records under one key: bbolt writes few large values
// many times faster than many small ones.
//
//	layout 1 | CRC-32C 4 of what follows | records
//	record: kind 1 | recorded 8 | from 8 | sequence 8 | epoch 16 | digest 32 |
//	        site, agent, body: length uvarint, bytes
const (
	segmentLayout = 1
	segmentHead   = 1 + 4
	segmentFull   = 256 << 10 // begin another one past this many bytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func beginSegment(b []byte) []byte { return append(b[:0], segmentLayout, 0, 0, 0, 0) }

func endSegment(b []byte) {
	binary.BigEndian.PutUint32(b[1:], crc32.Checksum(b[segmentHead:], castagnoli))
}

// openSegment checks a segment and returns what follows its head.
func openSegment(key uint64, b []byte) ([]byte, error) {
	if len(b) < segmentHead || b[0] != segmentLayout ||
		binary.BigEndian.Uint32(b[1:]) != crc32.Checksum(b[segmentHead:], castagnoli) {
		return nil, fmt.Errorf("%w: segment %d: its checksum does not fit", store.ErrCorrupt, key)
	}
	return b[segmentHead:], nil
}

func appendRecord(b []byte, r *store.Record) []byte {
	b = append(b, byte(r.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Recorded.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, r.From)
	b = binary.BigEndian.AppendUint64(b, r.Sequence)
	b = append(b, r.Epoch[:]...)
	b = append(b, r.Digest[:]...)
	b = appendBytes(b, r.Site)
	b = appendBytes(b, r.Agent)
	return appendBytes(b, r.Body)
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// readRecord reads the record at the front of b into r, unless keep is false,
// and returns the rest. The record shares no memory with b.
func readRecord(b []byte, r *store.Record, keep bool) (rest []byte, err error) {
	const fixed = 1 + 3*8 + 16 + 32
	if len(b) < fixed {
		return nil, fmt.Errorf("%w: a record is cut", store.ErrCorrupt)
	}
	rest = b[fixed:]
	var field [3][]byte // site, agent, body
	for i := range field {
		if field[i], rest, err = readBytes(rest); err != nil {
			return nil, err
		}
	}
	if !keep {
		return rest, nil
	}
	*r = store.Record{
		Kind:     store.Kind(b[0]),
		Recorded: time.Unix(0, int64(binary.BigEndian.Uint64(b[1:]))).UTC(),
		From:     binary.BigEndian.Uint64(b[9:]),
		Sequence: binary.BigEndian.Uint64(b[17:]),
		Epoch:    store.Epoch(b[25:41]),
		Digest:   store.Digest(b[41:73]),
		Site:     string(field[0]),
		Agent:    string(field[1]),
		Body:     bytes.Clone(field[2]),
	}
	return rest, nil
}

func readBytes(b []byte) (s, rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, fmt.Errorf("%w: a length does not fit", store.ErrCorrupt)
	}
	end := used + int(n)
	return b[used:end:end], b[end:], nil
}
