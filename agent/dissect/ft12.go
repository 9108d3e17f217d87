package dissect

import "demarc/internal/wire"

// Frames of format class FT1.2, IEC 60870-5-1 clause 6.2.4.2, with the link
// services of IEC 60870-5-2; telecontrol, protection relays and meters share them:
//
//	single:   E5
//	fixed:    10 | control | link address 0..2 | sum | 16
//	variable: 68 | L | L | 68 | control | link address, data | sum | 16
//
// L counts from the control field to the data; the sum is of the same octets.
// The control field: bit 7 is the direction where both may begin, bit 6 says
// that the sender began, bits 0..3 are the function.
const (
	ft12Single   = 0xe5
	ft12Fixed    = 0x10
	ft12Variable = 0x68
	ft12End      = 0x16

	ft12Direction = 0x80
	ft12Primary   = 0x40
)

// Functions that need a name, IEC 60870-5-2 tables 1 to 4.
const (
	ft12SendConfirm  = 3
	ft12SendNoReply  = 4
	ft12RequestClass = 8 // who may be polled: access demand
	ft12Class1       = 10
	ft12Class2       = 11
	ft12Responds     = 8 // of a secondary station: user data
)

type ft12 struct {
	size    int
	single  bool
	control uint8
	body    []byte // of a variable frame: from the control field to the data
}

func (f *ft12) primary() bool { return f.control&ft12Primary != 0 }

// function is that of the primary or of the secondary station.
func (f *ft12) function() uint8 { return f.control & 0x0f }

// readFT12 reads one frame: ErrShort when it may go on. link is the size of the
// address in fixed frames, or -1: then the sum says it.
func readFT12(b []byte, link int) (f ft12, err error) {
	c := wire.New(b)
	switch start := c.U8(); {
	case !c.OK():
		return f, ErrShort
	case start == ft12Single:
		f.size, f.single = 1, true
		return f, nil
	case start == ft12Fixed:
		return readFT12Fixed(c, link)
	case start != ft12Variable:
		return f, ErrNotMine
	}
	const least = 3
	n, again, start := c.U8(), c.Peek(1), uint8(0)
	if c.OK() && n < least || again != nil && again[0] != n {
		return f, ErrNotMine
	}
	c.Skip(1)
	if start = c.U8(); c.OK() && start != ft12Variable {
		return f, ErrNotMine
	}
	if next := c.Peek(1); next != nil {
		if f.control = next[0]; !f.carries() {
			return f, ErrNotMine
		}
	}
	f.body = c.Bytes(int(n))
	sum, end := c.U8(), c.U8()
	switch {
	case !c.OK():
		return f, ErrShort
	case end != ft12End || sum != ft12Sum(f.body):
		return f, ErrNotMine
	}
	f.size = c.Off()
	return f, nil
}

func readFT12Fixed(c wire.Cursor, link int) (f ft12, err error) {
	f.control = c.U8()
	if c.OK() && !f.asks() {
		return f, ErrNotMine
	}
	for n := range 3 {
		if link >= 0 && n != link {
			continue
		}
		x := c
		address := x.Bytes(n)
		sum, end := x.U8(), x.U8()
		if !x.OK() {
			return f, ErrShort
		}
		if end == ft12End && sum == f.control+ft12Sum(address) {
			f.size = x.Off()
			return f, nil
		}
	}
	return f, ErrNotMine
}

func ft12Sum(b []byte) (sum uint8) {
	for _, x := range b {
		sum += x
	}
	return sum
}

// carries reports whether the function is one with user data.
func (f *ft12) carries() bool {
	if f.primary() {
		return f.function() == ft12SendConfirm || f.function() == ft12SendNoReply
	}
	return f.function() == ft12Responds
}

// asks reports whether the function is one without user data.
func (f *ft12) asks() bool {
	const primary, secondary = 1<<0 | 1<<1 | 1<<2 | 1<<8 | 1<<9 | 1<<10 | 1<<11, 1<<0 | 1<<1 | 1<<9 | 1<<11 | 1<<14 | 1<<15
	if f.primary() {
		return primary>>f.function()&1 != 0
	}
	return secondary>>f.function()&1 != 0
}

// nextFT12 reads the frame at the front of a message. Frames without user data
// are those of every protocol of this class: before the first claim a frame
// must prove it, or one behind it.
func nextFT12(m *Message, claimed bool, link int, proves func(f ft12) bool) (f ft12, err error) {
	f, err = readFT12(m.Data, link)
	if err == nil && !claimed && !proves(f) {
		err = ft12Behind(m.Data[f.size:], link, proves)
	}
	switch {
	case err == ErrShort && (m.Stream || m.Cut): //nolint:errorlint // of its own, never wrapped
		return f, ErrShort
	case err != nil:
		return f, notMine(claimed)
	}
	return f, nil
}

// ft12Behind reports by nil whether one of the next frames proves a protocol.
func ft12Behind(b []byte, link int, proves func(f ft12) bool) error {
	const most = 32
	for range most {
		f, err := readFT12(b, link)
		if err != nil {
			return err
		}
		if proves(f) {
			return nil
		}
		b = b[f.size:]
	}
	return ErrNotMine
}

// matchFT12 claims what a frame proves, and waits for what may be one.
func matchFT12(b []byte, proves func(f ft12) bool) bool {
	f, err := readFT12(b, -1)
	if err == nil && !proves(f) {
		err = ft12Behind(b[f.size:], -1, proves)
	}
	return err != ErrNotMine //nolint:errorlint // of its own, never wrapped
}

// resyncFT12 finds the next frame that proves a protocol.
func resyncFT12(b []byte, proves func(f ft12) bool) int {
	for i := range b {
		if b[i] != ft12Variable {
			continue
		}
		if f, err := readFT12(b[i:], -1); err == nil && proves(f) {
			return i
		}
	}
	return -1
}
