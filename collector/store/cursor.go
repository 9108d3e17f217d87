package store

import (
	"encoding/binary"
	"fmt"
	"slices"
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

// blockSize is how many digests a cursor lets go of at once; it holds up to
// twice as many.
const blockSize = 64

// Block is the digests of sequences that a cursor lets go of. A store keeps
// them as long as the journal, so that a copied spool shows however far behind
// it is.
type Block struct {
	First   uint64     // sequence of the first
	Digests [][16]byte // halves of the digests of sequences that follow each other
}

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
	blocks  []Block    // let go of, for the store to keep
}

// Take answers for the record with sequences from..to, and moves the cursor
// when it is taken. A Lost never forks: an agent may shed what it had sent and
// whose acknowledgement it never saw, so of a Lost only the part past Through
// counts. older finds what Blocks said of a sequence.
func (c *Cursor) Take(lost bool, from, to uint64, digest Digest, older func(sequence uint64) ([16]byte, bool)) Outcome {
	switch {
	case to == 0 || from == 0 || from > to:
		return Gap
	case to <= c.Through:
		if lost || c.same(to, digest, older) {
			return Again
		}
		return Forked
	case from > c.Through+1:
		return Gap
	}
	if lost {
		// What was told lost equals nothing that comes later.
		c.Lost += to - c.Through
		c.letGo(len(c.recent))
	} else {
		c.recent = append(c.recent, [16]byte(digest[:16]))
	}
	c.Through = to
	if len(c.recent) == 2*blockSize {
		c.letGo(blockSize)
	}
	return Taken
}

// letGo moves the first n digests to blocks. Through is the last one's
// sequence.
func (c *Cursor) letGo(n int) {
	if n == 0 {
		return
	}
	first := c.Through - uint64(len(c.recent)) + 1
	c.blocks = append(c.blocks, Block{First: first, Digests: slices.Clone(c.recent[:n])})
	c.recent = slices.Delete(c.recent, 0, n)
}

// Blocks returns what the cursor let go of since the last call.
func (c *Cursor) Blocks() []Block {
	b := c.blocks
	c.blocks = nil
	return b
}

// same reports whether a committed sequence had this digest; one that nothing
// is known of, or that was told lost, has not: no honest agent sends it again.
func (c *Cursor) same(sequence uint64, d Digest, older func(uint64) ([16]byte, bool)) bool {
	known, ok := [16]byte{}, false
	if age := c.Through - sequence; age < uint64(len(c.recent)) {
		known, ok = c.recent[uint64(len(c.recent))-1-age], true
	} else if older != nil {
		known, ok = older(sequence)
	}
	return ok && known == [16]byte(d[:16])
}

// Clone returns a copy that shares nothing.
func (c *Cursor) Clone() Cursor {
	d := *c
	d.recent, d.blocks = slices.Clone(c.recent), nil
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
	if len(rest) < site || (len(rest)-site)%16 != 0 || (len(rest)-site)/16 > 2*blockSize {
		return Cursor{}, fmt.Errorf("%w: an agent's cursor of %d bytes", ErrCorrupt, len(b))
	}
	c.Site = string(rest[:site])
	for rest = rest[site:]; len(rest) > 0; rest = rest[16:] {
		c.recent = append(c.recent, [16]byte(rest[:16]))
	}
	return c, nil
}
