package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Outcome says what became of an agent's record.
type Outcome uint8

// Outcomes of Append.
const (
	Taken  Outcome = iota // it is in the journal
	Again                 // it was there before: acknowledge it again
	Forked                // the same sequence has other content
	Gap                   // it lies past the next sequence
)

func (o Outcome) String() string {
	return [...]string{"taken", "again", "forked", "gap"}[o&3]
}

// Answer is what Append says of one record.
type Answer struct {
	Outcome  Outcome
	Position uint64 // of a record that was taken
	Through  uint64 // the agent's cursor after it
}

// Remembered is how many of an agent's last sequences a cursor can compare:
// twice what may be in flight.
const Remembered = 128

// MaxEpochs is how many epochs of one agent a store remembers; the one used
// longest ago is forgotten first.
const MaxEpochs = 64

// Cursor is how far an agent's epoch is committed. It decides, for every
// store alike, what becomes of the next record.
type Cursor struct {
	Site    string
	Through uint64 // highest sequence committed
	Lost    uint64 // sequences that came as Lost
	Used    time.Time
	recent  [][16]byte // first halves of the digests of the last sequences, the newest last
}

// Take answers for the record with sequences from..to, and moves the cursor
// when it is taken. A Lost never forks: an agent may shed what it had sent and
// whose acknowledgement it never saw, so of a Lost only the part past Through
// counts.
func (c *Cursor) Take(lost bool, from, to uint64, digest Digest) Outcome {
	switch {
	case to == 0 || from == 0 || from > to:
		return Gap
	case to <= c.Through:
		if lost || c.same(to, digest) {
			return Again
		}
		return Forked
	case from > c.Through+1:
		return Gap
	}
	if lost {
		c.Lost += to - c.Through
		// What was told lost equals nothing that comes later.
		for range min(to-c.Through, Remembered) {
			c.remember(Digest{})
		}
	} else {
		c.remember(digest)
	}
	c.Through = to
	return Taken
}

func (c *Cursor) remember(d Digest) {
	if len(c.recent) == Remembered {
		copy(c.recent, c.recent[1:])
		c.recent = c.recent[:Remembered-1]
	}
	c.recent = append(c.recent, [16]byte(d[:16]))
}

// same reports whether a committed sequence had this digest; a sequence too old
// to compare, or one told lost, has not: no honest agent sends it again.
func (c *Cursor) same(sequence uint64, d Digest) bool {
	age := c.Through - sequence
	if age >= uint64(len(c.recent)) {
		return false
	}
	return c.recent[uint64(len(c.recent))-1-age] == [16]byte(d[:16])
}

// Clone returns a copy that shares nothing.
func (c *Cursor) Clone() Cursor {
	d := *c
	d.recent = append([][16]byte(nil), c.recent...)
	return d
}

// AppendTo writes the cursor behind b, as ReadCursor reads it.
func (c *Cursor) AppendTo(b []byte) []byte {
	b = append(b, 1) // layout
	b = binary.BigEndian.AppendUint64(b, c.Through)
	b = binary.BigEndian.AppendUint64(b, c.Lost)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Used.UnixNano()))
	b = append(b, byte(len(c.Site)))
	b = append(b, c.Site...)
	for i := range c.recent {
		b = append(b, c.recent[i][:]...)
	}
	return b
}

// ReadCursor reads what AppendTo wrote; ErrCorrupt when it is not that.
func ReadCursor(b []byte) (Cursor, error) {
	const head = 1 + 3*8 + 1
	if len(b) < head || b[0] != 1 {
		return Cursor{}, fmt.Errorf("%w: an agent's cursor of %d bytes", ErrCorrupt, len(b))
	}
	c := Cursor{
		Through: binary.BigEndian.Uint64(b[1:]),
		Lost:    binary.BigEndian.Uint64(b[9:]),
		Used:    time.Unix(0, int64(binary.BigEndian.Uint64(b[17:]))).UTC(),
	}
	site, rest := int(b[25]), b[head:]
	if len(rest) < site || (len(rest)-site)%16 != 0 || (len(rest)-site)/16 > Remembered {
		return Cursor{}, fmt.Errorf("%w: an agent's cursor of %d bytes", ErrCorrupt, len(b))
	}
	c.Site = string(rest[:site])
	for rest = rest[site:]; len(rest) > 0; rest = rest[16:] {
		c.recent = append(c.recent, [16]byte(rest[:16]))
	}
	return c, nil
}
