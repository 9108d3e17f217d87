package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "hsrp",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(1985, 2029),
		New:      func() Dissector { return &hsrp{} },
		Reads:    "virtual routers: their address and MAC address, who stands for them now and who would",
		Standard: "RFC 2281 section 5; version 2 from public descriptions",
	})
}

var (
	virtualStandby = []byte("standby")
	virtualOther   = []byte("listening")
)

// hsrp reads both versions:
//
//	1: 0, opcode, state, hello, hold, priority, group, 0, text 64, address 32
//	2: TLVs of 8 and 8 bits; 1: 2, opcode, state, IP version, group 16,
//	   identifier 48, priority 32, hello 32, hold 32, address 128
type hsrp struct {
	told   bool
	text   scratch
	recent recent
}

const (
	hsrpSize   = 20
	hsrpGroup  = 1 // TLV of a group's state
	hsrpLength = 40
)

type hsrpHello struct {
	opcode, state uint8
	group         uint16
	version       uint8 // 1 or 2
	six           bool
	address       []byte
}

func readHSRP(b []byte) (h hsrpHello, ok bool) {
	c := wire.New(b)
	if first := c.Peek(1); first == nil || first[0] != 0 {
		return readHSRP2(&c)
	}
	c.Skip(1)
	h.version, h.opcode, h.state = 1, c.U8(), c.U8()
	c.Skip(3)
	h.group = uint16(c.U8())
	reserved := c.U8()
	c.Skip(8)
	h.address = c.Bytes(4)
	state := h.state == 0 || h.state == 1 || h.state == 2 || h.state == 4 || h.state == 8 || h.state == 16
	return h, c.OK() && reserved == 0 && h.opcode <= 2 && state && len(b) >= hsrpSize
}

func readHSRP2(c *wire.Cursor) (h hsrpHello, ok bool) {
	kind, length, version := c.U8(), c.U8(), c.U8()
	h.version, h.opcode, h.state = 2, c.U8(), c.U8()
	ip := c.U8()
	h.group = c.U16()
	c.Skip(6 + 4 + 4 + 4)
	h.address = c.Bytes(16)
	if h.six = ip == 6; !h.six && c.OK() {
		v := wire.New(h.address)
		h.address = v.Bytes(4)
	}
	return h, c.OK() && kind == hsrpGroup && length == hsrpLength && version == 2 && h.opcode <= 2 && h.state <= 6 && (ip == 4 || ip == 6) && h.group < 4096
}

// stands is what the sender is to the group: states 16 and 8 of version 1,
// 6 and 5 of version 2.
func (h *hsrpHello) stands() []byte {
	switch {
	case h.opcode == 2:
		return virtualLeaving
	case h.version == 1 && h.state == 16, h.version == 2 && h.state == 6:
		return virtualActive
	case h.version == 1 && h.state == 8, h.version == 2 && h.state == 5:
		return virtualStandby
	}
	return virtualOther
}

// mac is the address that the active router answers with.
func (h *hsrpHello) mac() [6]byte {
	low := byte(h.group)
	switch {
	case h.six:
		return [...]byte{0, 5, 0x73, 0xa0, byte(h.group >> 8), low}
	case h.version == 2:
		return [...]byte{0, 0, 0x0c, 0x9f, 0xf0 | byte(h.group>>8), low}
	}
	return [...]byte{0, 0, 0x0c, 7, 0xac, low}
}

func (d *hsrp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	h, ok := readHSRP(m.Data)
	if !ok || m.Stream || !onPort(m, 1985) && !onPort(m, 2029) {
		return 0, notMine(d.told)
	}
	d.told = true
	if !d.recent.fresh(m.Time, uint64(h.group)<<16|uint64(h.state)<<8|uint64(h.opcode)) {
		return len(m.Data), nil
	}
	out.Fact(Sender, virtualID, d.text.uint(uint64(h.group)), "hsrp.group", ot.Content)
	out.Fact(Sender, virtualState, h.stands(), "hsrp.state", ot.Content)
	mac := h.mac()
	out.Fact(Sender, virtualMAC, d.text.hex(mac[:], ':'), "hsrp.group", ot.Content)
	if !zero(h.address) {
		out.Fact(Sender, virtualIP, d.text.addr(addrOf(h.address)), "hsrp.virtual_ip", ot.Content)
	}
	return len(m.Data), nil
}
