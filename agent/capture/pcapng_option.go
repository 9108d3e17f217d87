package capture

import (
	"math"
	"math/bits"

	"demarc/internal/wire"
)

// option reads one option (section 3.5): code and length of 16 bits, value,
// padding to 32 bits. It reports false at the end of options and when one is
// cut: what options say is extra, so a bad one ends them and not the file.
func option(c *wire.Cursor, swap bool) (code uint16, value []byte, ok bool) {
	h := c.Bytes(4)
	if h == nil {
		return 0, nil, false
	}
	code = u16(h, swap)
	n := int(u16(h[2:], swap))
	value = c.Bytes(n)
	c.Skip(min(-n&3, c.Len()))
	return code, value, code != 0 && c.OK()
}

// u64 reads a number of 64 bits: whole in the section's byte order, unlike the
// two halves of a packet's time.
func u64(b []byte, swap bool) uint64 {
	lo, hi := uint64(u32(b, swap)), uint64(u32(b[4:], swap))
	if swap {
		lo, hi = hi, lo
	}
	return hi<<32 | lo
}

// clock is how an interface counts time: if_tsresol and if_tsoffset.
type clock struct {
	resolution uint8 // ticks a second: 10^r, or 2^(r&127) with the top bit
	offset     int64 // seconds to add
}

var microseconds = clock{resolution: 6}

// valid bounds what can be counted in 64-bit nanoseconds.
func (k clock) valid() bool {
	limit := uint8(19)
	if k.resolution&0x80 != 0 {
		limit = 0x80 | 63
	}
	return k.resolution <= limit && k.offset > -9e9 && k.offset < 9e9
}

var powers = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// nanoseconds converts ticks to Unix time, saturating at the year 2262.
func (k clock) nanoseconds(ticks uint64) int64 {
	if k.resolution == 6 && k.offset == 0 && ticks < math.MaxInt64/1000 {
		return int64(ticks) * 1000
	}
	var n uint64
	switch r := k.resolution; {
	case r&0x80 != 0:
		r &= 0x7f
		hi, lo := bits.Mul64(ticks, 1e9)
		n = lo>>r | hi<<(64-r)
		if hi>>r != 0 {
			n = math.MaxInt64
		}
	case r > 9:
		n = ticks / powers[r-9]
	default:
		hi, lo := bits.Mul64(ticks, powers[9-r])
		n = lo
		if hi != 0 {
			n = math.MaxInt64
		}
	}
	n = min(n, math.MaxInt64)
	shift := k.offset * 1e9
	if shift > 0 && int64(n) > math.MaxInt64-shift {
		return math.MaxInt64
	}
	return int64(n) + shift
}
