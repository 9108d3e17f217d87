package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// What MELSOFT tools (GX Works) say to a CPU, as far as public facts go; all
// numbers little endian but the command:
//
//	 0      1    3    5                    19         21    22   23     24
//	+------+----+----+--------------------+----------+-----+----+------+-----------+------------------
//	|57, D7| no | 0  | route: 11 11 ...   | length   |1C,9C|    | head | ... route | command 2 | no ...
//	+------+----+----+--------------------+----------+-----+----+------+-----------+------------------
//	57h ask, D7h tell; length counts from 21; head counts from 23 to the command
//
// The commands have the numbers of SLMP's groups: 01 type name, 04 read, 10
// remote operation, 14 write, 18 files. In an answer three octets and the data
// stand behind command and number.
const (
	melsoftAsk      = 0x57
	melsoftTell     = 0xd7
	melsoftHead     = 24
	melsoftMax      = 4 << 10
	melsoftNameR    = 0x0121 // type name of iQ-R and iQ-F
	melsoftFirstAsk = 0x1c
)

func readMELSOFT(b []byte) (f melsecFrame, ok bool) {
	c := wire.New(b)
	f.response = c.U8() == melsoftTell
	f.class = -1
	c.Skip(2)
	zero, route := c.U16(), c.U16()
	c.Skip(12)
	n := int(c.U16LE())
	first := c.U8()
	c.Skip(1)
	head := c.U8()
	if !c.OK() {
		return f, true
	}
	marker := uint8(melsoftFirstAsk)
	if f.response {
		marker |= 0x80
	}
	if zero != 0 || route != 0x1111 || first != marker || head < 10 || head > 40 || n < int(head)+5 || n > melsoftMax {
		return f, false
	}
	size := 21 + n
	c.Skip(int(head) - 1) // it counts itself
	f.command = c.U16()
	c.Skip(1)
	if !c.OK() {
		return f, true
	}
	f.size, f.framed = size, true
	f.class = melsoftClass(f.command)
	if f.response {
		c.Skip(3)
		f.named = f.command == slmpTypeName || f.command == melsoftNameR
	}
	f.data = c.Rest()
	return f, true
}

func melsoftClass(command uint16) int {
	switch command >> 8 {
	case 0x01, 0x06:
		return int(ot.Diagnose)
	case 0x04:
		return int(ot.Read)
	case 0x10:
		return int(ot.Control)
	case 0x14:
		return int(ot.Write)
	case 0x16:
		return int(ot.Authenticate)
	case 0x18:
		return int(ot.Transfer)
	}
	return -1
}

// The search for CPUs on a link: four octets to port 5560, an answer that
// begins with the same number and says more than they do.
const (
	melsoftSearchPort = 5560
	melsoftSearchAsk  = 4
	melsoftSearchMax  = 64
)

// melsoftSearch reports a message of the search. Its form is weak, so the port
// must say it too.
func melsoftSearch(m *Message) bool {
	c := wire.New(m.Data)
	kind, zero := c.U8(), c.U16()
	c.Skip(1)
	if !c.OK() || zero != 0 {
		return false
	}
	switch kind {
	case 0x5a:
		return m.Dst().Port == melsoftSearchPort && len(m.Data) == melsoftSearchAsk
	case 0xda:
		return m.Src().Port == melsoftSearchPort && len(m.Data) > melsoftSearchAsk && len(m.Data) <= melsoftSearchMax
	}
	return false
}
