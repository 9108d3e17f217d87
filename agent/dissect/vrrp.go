package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "vrrp",
		Over:     []string{"ip"},
		Tier:     2,
		Ports:    []Port{{"ip", 112}},
		New:      func() Dissector { return &vrrp{} },
		Reads:    "virtual routers: their addresses and MAC address, who stands for them now",
		Standard: "RFC 3768 section 5, RFC 5798 sections 5 and 7.3",
	})
}

// Attributes of those who stand for a virtual router.
const (
	virtualIP    ot.Attribute = "virtual_router.ip"
	virtualMAC   ot.Attribute = "virtual_router.mac"
	virtualID    ot.Attribute = "virtual_router.id"
	virtualState ot.Attribute = "virtual_router.state"
)

var (
	virtualActive  = []byte("active")
	virtualLeaving = []byte("leaving")
)

const maxVirtualIPs = 32

// vrrp reads advertisements:
//
//	 0            1    2          3       4              6          8
//	+------------+----+----------+-------+--------------+----------+--------------
//	| 2 or 3, 1  | id | priority | count | interval     | checksum | addresses ...
//	+------------+----+----------+-------+--------------+----------+--------------
//	In version 2 eight octets of authentication follow the addresses. CARP has
//	the same first octet, and a length that does not fit its count.
type vrrp struct {
	told   bool
	text   scratch
	recent recent
}

func (d *vrrp) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	first, id, priority, count := c.U8(), c.U8(), c.U8(), int(c.U8())
	c.Skip(4)
	size := 4
	if m.Src().Addr.Is6() {
		size = 16
	}
	want := count * size
	if first == 0x21 {
		want += 8
	}
	if !c.OK() || first != 0x21 && first != 0x31 || id == 0 || count == 0 || first == 0x21 && size == 16 || c.Len() != want && !m.Cut || !toGroup(m) && first == 0x21 {
		return 0, notMine(d.told)
	}
	if c.Len() < want {
		return 0, ErrShort
	}
	d.told = true
	state, kind := virtualActive, byte(1)
	if priority == 0 {
		state = virtualLeaving
	}
	if size == 16 {
		kind = 2
	}
	if !d.recent.fresh(m.Time, uint64(id)<<16|uint64(priority)<<8|uint64(count)) {
		return len(m.Data), nil
	}
	out.Fact(Sender, virtualID, d.text.uint(uint64(id)), "vrrp.advertisement.vrid", ot.Content)
	out.Fact(Sender, virtualState, state, "vrrp.advertisement.priority", ot.Content)
	mac := [...]byte{0, 0, 0x5e, 0, kind, id}
	out.Fact(Sender, virtualMAC, d.text.hex(mac[:], ':'), "vrrp.advertisement.vrid", ot.Content)
	for range min(count, maxVirtualIPs) {
		out.Fact(Sender, virtualIP, d.text.addr(addrOf(c.Bytes(size))), "vrrp.advertisement.address", ot.Content)
	}
	return len(m.Data), nil
}
