package dissect

import "testing"

// TestCRC: the check values of the catalogue of parametrised CRC algorithms,
// over "123456789": CRC-16/IBM-SDLC (FCS of HDLC), CRC-16/MCRF4XX, CRC-16/XMODEM.
func TestCRC(t *testing.T) {
	b := []byte("123456789")
	if got := ^crcLow(0xffff, b); got != 0x906e {
		t.Errorf("FCS of HDLC is %#x", got)
	}
	if got := crcLow(0xffff, b); got != 0x6f91 {
		t.Errorf("MCRF4XX is %#x", got)
	}
	if got := crcHigh(b); got != 0x31c3 {
		t.Errorf("XMODEM is %#x", got)
	}
}
