package probe

import (
	"encoding/binary"
	"fmt"
)

// readFunctions is every Modbus function that can leave this program, a bit by
// its code: read holding registers (3), read input registers (4), report
// server ID (17), and encapsulated transport (43) for reading the device
// identification. It is a constant: no setting and no peer can add to it.
const readFunctions uint64 = 1<<3 | 1<<4 | 1<<17 | 1<<43

// Modbus codes, Application Protocol V1.1b3.
const (
	fnHolding   = 3
	fnInput     = 4
	fnServerID  = 17
	fnTransport = 43
	meiDeviceID = 14
	maxRead     = 125 // registers of one request, 6.3
	mbap        = 7   // bytes before the function code
	maxADU      = 260
)

// onlyReads refuses bytes that are not exactly one Modbus request of
// readFunctions. It parses what is about to leave, whoever made it.
func onlyReads(b []byte) error {
	if len(b) < mbap+1 || len(b) > maxADU {
		return fmt.Errorf("modbus: %d bytes are no request", len(b))
	}
	code, body := b[mbap], b[mbap+1:]
	switch {
	case binary.BigEndian.Uint16(b[2:]) != 0 || int(binary.BigEndian.Uint16(b[4:])) != len(b)-mbap+1:
		return fmt.Errorf("modbus: %d bytes are not one request", len(b))
	case code > 63 || readFunctions&(1<<code) == 0:
		return fmt.Errorf("modbus: function %d is no read", code)
	}
	ok := false
	switch code {
	case fnHolding, fnInput:
		if ok = len(body) == 4; ok {
			n := binary.BigEndian.Uint16(body[2:])
			ok = n >= 1 && n <= maxRead
		}
	case fnServerID:
		ok = len(body) == 0
	case fnTransport: // other MEI types carry CANopen, which can write
		ok = len(body) == 3 && body[0] == meiDeviceID && body[1] >= 1 && body[1] <= 4
	}
	if !ok {
		return fmt.Errorf("modbus: function %d with %d bytes is not the read that is known", code, len(body))
	}
	return nil
}
