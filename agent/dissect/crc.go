package dissect

// The 16-bit checks of the serial world. Both work on the polynomial
// x^16+x^12+x^5+1 of ITU-T V.41; one shifts towards the lowest bit, as HDLC
// does, the other towards the highest. CRC-16 of Modbus is serialCRC.

var lowTable, highTable = func() (low, high [256]uint16) {
	for i := range low {
		l, h := uint16(i), uint16(i)<<8
		for range 8 {
			l = l>>1 ^ 0x8408*(l&1)
			h = h<<1 ^ 0x1021*(h>>15)
		}
		low[i], high[i] = l, h
	}
	return low, high
}()

// crcLow goes on with a check that is sent with its lowest bit first.
func crcLow(crc uint16, b []byte) uint16 {
	for _, x := range b {
		crc = crcLowByte(crc, x)
	}
	return crc
}

func crcLowByte(crc uint16, x byte) uint16 { return crc>>8 ^ lowTable[byte(crc)^x] }

// crcHigh is the check that shifts towards the highest bit, from 0 on.
func crcHigh(b []byte) (crc uint16) {
	for _, x := range b {
		crc = crc<<8 ^ highTable[byte(crc>>8)^x]
	}
	return crc
}
