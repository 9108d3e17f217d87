package dissect

import (
	"demarc/internal/wire"
)

// Serial frames are sent over TCP by gateways that only pass octets on:
// MODBUS over Serial Line V1.02 2.5.1, without the silence between frames.
//
//	 0      1                    n       n+2
//	+------+--------------------+---------+
//	| unit | function, data ... | CRC, low|
//	|      |                    | first   |
//	+------+--------------------+---------+
const (
	serialOverhead = 3 // unit and CRC
	serialMin      = 4
	serialMax      = 256
	serialLastUnit = 247 // 2.2: above it none, 0 is to all
)

// readSerial finds the frame at the front of b: of the two sizes that its
// function allows, as request and as response, the CRC chooses. short: it may
// be one that has not come whole.
func readSerial(b []byte) (f modbusFrame, short, ok bool) {
	if len(b) == 0 {
		return f, true, false
	}
	if b[0] > serialLastUnit {
		return f, false, false
	}
	ask, answer, short := serialSizes(b)
	for _, n := range [...]int{min(ask, answer), max(ask, answer)} {
		switch {
		case n < serialMin || n > serialMax:
		case n > len(b):
			short = true
		case serialCRC(b[:n-2]) == uint16(b[n-2])|uint16(b[n-1])<<8:
			f = modbusFrame{unit: b[0], pdu: b[1 : n-2 : n-2], size: n - serialOverhead}
			if f.shape() != 0 && f.sane() {
				return f, false, true
			}
		}
	}
	return f, short, false
}

// serialSizes are the sizes of a frame as request and as response, 0 for none.
// short: there are not octets enough to tell one of them.
func serialSizes(b []byte) (ask, answer int, short bool) {
	c := wire.New(b)
	c.Skip(1)
	fc := c.U8()
	if !c.OK() {
		return 0, 0, true
	}
	if fc&modbusException != 0 {
		_, known := modbusOperation([]byte{fc &^ modbusException, 0, 0})
		return 0, 5 * one(known), false
	}
	at := func(i, plus int) int { // the size by the octet that counts
		if i >= len(b) {
			short = true
			return 0
		}
		return plus + int(b[i])
	}
	switch fc {
	case 1, 2:
		return 8, at(2, 5), short
	case 3, 4:
		if len(b) > 2 && b[2]%2 == 1 { // half a register
			return 8, 0, false
		}
		return 8, at(2, 5), short
	case 5, 6, 8:
		return 8, 8, false
	case 7:
		return 4, 5, false
	case 11:
		return 4, 8, false
	case 12, modbusReportServerID:
		return 4, at(2, 5), short
	case 15, 16:
		return at(6, 9), 8, short
	case 20, 21:
		return at(2, 5), at(2, 5), short
	case 22:
		return 10, 10, false
	case 23:
		return at(10, 13), at(2, 5), short
	case 24:
		return 6, at(3, 6), short
	case modbusEncapsulated:
		return serialIdentity(b)
	}
	return 0, 0, false
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// serialIdentity is the size of Read Device Identification, Application
// Protocol 6.21: three octets of parameters, or a list of objects.
func serialIdentity(b []byte) (ask, answer int, short bool) {
	c := wire.New(b)
	c.Skip(2)
	if mei := c.U8(); c.OK() && mei != meiDeviceID {
		return 0, 0, false
	}
	c.Skip(4)
	for n := c.U8(); n > 0 && c.OK(); n-- {
		c.Skip(1)
		c.Skip(int(c.U8()))
	}
	if !c.OK() {
		return 7, 0, true
	}
	return 7, c.Off() + 2, false
}

// serialTable is the CRC of each octet, Serial Line 2.5.1.2: polynomial A001.
var serialTable = func() (t [256]uint16) {
	for i := range t {
		v := uint16(i)
		for range 8 {
			low := v & 1
			v >>= 1
			v ^= 0xa001 * low
		}
		t[i] = v
	}
	return t
}()

func serialCRC(b []byte) uint16 {
	crc := uint16(0xffff)
	for _, x := range b {
		crc = crc>>8 ^ serialTable[byte(crc)^x]
	}
	return crc
}

// matchSerial claims a frame whose CRC is right, and whose neighbour is one too
// when there is any; what may become a frame it claims for want of evidence.
func matchSerial(b []byte) bool {
	f, short, ok := readSerial(b)
	if !ok {
		return short
	}
	rest := b[f.size+serialOverhead:]
	if len(rest) == 0 {
		return true
	}
	_, short, ok = readSerial(rest)
	return ok || short
}

// orROC reports whether a read of bits, in the frame b, is a request of ROC Plus
// without data, too: then the next message tells.
func (f *modbusFrame) orROC(b []byte) bool { return f.pdu[0] <= 2 && nearROC(b) }

// serial reads one frame of a serial line.
func (d *modbus) serial(m *Message, out Out) (int, error) {
	f, short, ok := readSerial(m.Data)
	size := f.size + serialOverhead
	switch {
	case ok && !d.claimed && (!matchSerial(m.Data) || f.orROC(m.Data[:size])), ok && !m.Stream && size != len(m.Data):
		return 0, d.refuse()
	case ok:
		d.line = true
		d.learn(m, &f, f.shape(), out)
		d.claim(out)
		return size, nil
	case short && (m.Stream || m.Cut):
		return 0, ErrShort
	}
	return 0, d.refuse()
}
