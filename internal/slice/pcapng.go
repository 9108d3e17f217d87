package slice

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Blocks and options of pcapng (IETF draft-ietf-opsawg-pcapng, sections 3.5, 4).
const (
	sectionBlock   = 0x0a0d0d0a
	interfaceBlock = 1
	packetBlock    = 6
	byteOrder      = 0x1a2b3c4d

	optionEnd     = 0
	optionComment = 1
	optionName    = 2 // of an interface
	optionAppl    = 4 // of a section: the program
	optionResol   = 9 // of an interface: its timestamps
	nanoseconds   = 9 // 10^-9
	maxInterfaces = 16
)

// Frame is one frame to be written.
type Frame struct {
	Time   int64 // Unix nanoseconds
	Length int   // bytes on the wire
	Data   []byte
}

// Header says what stands before the frames.
type Header struct {
	Program   string
	Comment   string
	Interface string
	Link      uint16 // LINKTYPE_ value
}

// Append adds the beginning of a pcapng file to b. What it adds depends on h
// alone: the same frames give the same file.
func (h Header) Append(b []byte) []byte {
	b, at := begin(b, sectionBlock)
	b = binary.LittleEndian.AppendUint32(b, byteOrder)
	b = binary.LittleEndian.AppendUint32(b, 1)          // version 1.0
	b = binary.LittleEndian.AppendUint64(b, ^uint64(0)) // length not told
	b = option(b, optionComment, h.Comment)
	b = option(b, optionAppl, h.Program)
	b = option(b, optionEnd, "")
	b = end(b, at)
	b, at = begin(b, interfaceBlock)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Link)) // and two reserved bytes
	b = binary.LittleEndian.AppendUint32(b, 0)              // no snap length
	b = option(b, optionName, h.Interface)
	b = option(b, optionResol, string([]byte{nanoseconds}))
	b = option(b, optionEnd, "")
	return end(b, at)
}

// FrameSize is how many bytes AppendFrame adds for a frame of n captured bytes.
func FrameSize(n int) int { return 32 + (n+3)&^3 }

// Append adds a frame to b.
func (f Frame) Append(b []byte) []byte {
	b, at := begin(b, packetBlock)
	b = binary.LittleEndian.AppendUint32(b, 0) // the interface
	b = binary.LittleEndian.AppendUint32(b, uint32(uint64(f.Time)>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(f.Time)) // the low half
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(f.Length))
	b = pad(append(b, f.Data...), len(f.Data))
	return end(b, at)
}

func begin(b []byte, kind uint32) (to []byte, at int) {
	at = len(b)
	b = binary.LittleEndian.AppendUint32(b, kind)
	return binary.LittleEndian.AppendUint32(b, 0), at
}

func end(b []byte, at int) []byte {
	n := uint32(len(b) + 4 - at) // a block is small
	binary.LittleEndian.PutUint32(b[at+4:], n)
	return binary.LittleEndian.AppendUint32(b, n)
}

func option(b []byte, code uint16, value string) []byte {
	value = value[:min(len(value), 1<<10)]
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...), len(value))
}

func pad(b []byte, n int) []byte {
	for ; n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b
}

// Count walks a pcapng file of the form that Append gives, and counts its
// frames: one section, little-endian, every block whole, and nothing else.
func Count(b []byte) (frames int, err error) {
	interfaces := uint32(0)
	for at := 0; at < len(b); {
		kind, body, n, err := block(b[at:])
		if err != nil {
			return 0, fmt.Errorf("byte %d: %w", at, err)
		}
		switch {
		case (kind == sectionBlock) != (at == 0):
			return 0, fmt.Errorf("byte %d: a file has one section, which begins it", at)
		case kind == sectionBlock:
			if len(body) < 16 || binary.LittleEndian.Uint32(body) != byteOrder {
				return 0, errors.New("byte 0: no section of little-endian order")
			}
		case kind == interfaceBlock:
			if interfaces++; len(body) < 8 || interfaces > maxInterfaces {
				return 0, fmt.Errorf("byte %d: an interface too short, or one too many", at)
			}
		case kind == packetBlock:
			if err := packet(body, interfaces); err != nil {
				return 0, fmt.Errorf("byte %d: %w", at, err)
			}
			frames++
		default:
			return 0, fmt.Errorf("byte %d: a block of kind %d, which no slice has", at, kind)
		}
		at += n
	}
	if interfaces == 0 {
		return 0, errors.New("it is no pcapng file with an interface")
	}
	return frames, nil
}

var errShort = errors.New("a block that is cut")

func block(b []byte) (kind uint32, body []byte, n int, err error) {
	if len(b) < 12 {
		return 0, nil, 0, errShort
	}
	kind = binary.LittleEndian.Uint32(b)
	size := binary.LittleEndian.Uint32(b[4:])
	if size < 12 || size%4 != 0 || uint64(size) > uint64(len(b)) {
		return 0, nil, 0, errShort
	}
	n = int(size)
	if binary.LittleEndian.Uint32(b[n-4:]) != size {
		return 0, nil, 0, errors.New("a block whose two lengths differ")
	}
	return kind, b[8 : n-4], n, nil
}

func packet(body []byte, interfaces uint32) error {
	if len(body) < 20 {
		return errShort
	}
	if binary.LittleEndian.Uint32(body) >= interfaces {
		return errors.New("a frame of an interface that is not there")
	}
	if n := binary.LittleEndian.Uint32(body[12:]); uint64(n) > uint64(len(body)-20) {
		return errors.New("a frame that is longer than its block")
	}
	return nil
}
