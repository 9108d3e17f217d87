package dissect

import (
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "radmin",
		Over:     []string{"tcp"},
		Tier:     3,
		Ports:    TCP(4899),
		Match:    func(b []byte) bool { f := readRadmin(b); return f.ok && f.whole },
		New:      func() Dissector { return &radmin{} },
		Reads:    "remote control by Radmin, who asks for it; what follows the greeting is encrypted",
		Standard: "no public text; the greeting as scanners know it, and public captures",
	})
}

// radmin knows the frames that open a session, numbers big endian:
//
//	 0    1        5          9
//	+----+--------+----------+---------
//	|  1 | length | checksum | data ...
//	+----+--------+----------+---------
//	The length is that of the data; the checksum is the sum of its words of 32
//	bits, little endian, the last one filled up with zeros.
type radmin struct{ greeted bool }

const (
	radminFrame   = 1
	radminGreet   = 8        // the data with which every client begins
	radminLongest = 16 << 10 // of a frame that is looked at
)

type radminHead struct {
	ok, whole bool
	size      int
	data      []byte
}

func readRadmin(b []byte) (f radminHead) {
	c := wire.New(b)
	kind, n, sum := c.U8(), int(c.U32()), c.U32()
	if !c.OK() {
		d := wire.New(b)
		f.ok = len(b) > 0 && kind == radminFrame && (len(b) < 3 || d.U24() == radminFrame<<16)
		return f
	}
	if kind != radminFrame || n == 0 || n > radminLongest {
		return f
	}
	f.size = c.Off() + n
	f.data = c.Bytes(min(n, c.Len()))
	f.whole = len(f.data) == n
	f.ok = !f.whole || radminSum(f.data) == sum
	return f
}

func radminSum(b []byte) (sum uint32) {
	for i, x := range b {
		sum += uint32(x) << (8 * (i & 3))
	}
	return sum
}

// Dissect reads frames to the first that the session's key protects.
func (d *radmin) Dissect(m *Message, out Out) (int, error) {
	f := readRadmin(m.Data)
	switch {
	case !m.Stream || !f.ok && !d.greeted:
		return 0, ErrNotMine
	case !f.ok:
		return 0, ErrDone
	case !f.whole:
		return 0, ErrShort
	}
	if !m.Trial {
		d.greeted = true
	}
	if len(f.data) == 1 && f.data[0] == radminGreet {
		out.Sender(Client)
	}
	return f.size, nil
}
