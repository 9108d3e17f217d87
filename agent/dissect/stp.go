package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "stp",
		Over:     []string{"ethernet"},
		Tier:     1,
		Match:    stpMatch,
		New:      func() Dissector { return &stp{} },
		Reads:    "bridge and root of the spanning tree",
		Standard: "IEEE 802.1D-2004 clause 9, IEEE 802.1Q clause 14",
	})
}

// Attributes of bridges: priority and MAC address.
const (
	stpBridge ot.Attribute = "stp.bridge_id"
	stpRoot   ot.Attribute = "stp.root_id"
)

const (
	stpLLC  = "\x42\x42\x03"                     // IEEE 802.1D-2004 table 7-8
	pvstLLC = "\xaa\xaa\x03\x00\x00\x0c\x01\x0b" // Cisco's, one tree a VLAN
)

// stpBody is what follows the LLC header; nil when b is no BPDU.
func stpBody(b []byte) []byte {
	for _, llc := range [...]string{stpLLC, pvstLLC} {
		if n := len(llc); len(b) >= n+4 && string(b[:n]) == llc && b[n] == 0 && b[n+1] == 0 {
			return b[n:]
		}
	}
	return nil
}

func stpMatch(b []byte) bool {
	b = stpBody(b)
	return b != nil && stpKind(b[2], b[3])
}

// stpKind reports a protocol version and BPDU type that fit (802.1D-2004
// clause 9.3, 802.1Q clause 14.4).
func stpKind(version, kind uint8) bool {
	switch kind {
	case 0x00:
		return version <= 4
	case 0x02:
		return version >= 2 && version <= 4
	case 0x80: // topology change
		return version == 0
	}
	return false
}

type stp struct{ text scratch }

// Dissect reads one BPDU.
func (d *stp) Dissect(m *Message, out Out) (int, error) {
	if !stpMatch(m.Data) {
		return 0, ErrNotMine
	}
	d.text.reset()
	c := wire.New(stpBody(m.Data))
	c.Skip(3)
	if c.U8() == 0x80 {
		return len(m.Data), nil
	}
	c.Skip(1)
	root := c.Bytes(8)
	c.Skip(4)
	bridge := c.Bytes(8)
	if !c.OK() {
		return 0, cutShort(m)
	}
	out.Fact(Sender, stpBridge, d.identifier(bridge), "stp.bpdu", ot.Content)
	out.Fact(Sender, stpRoot, d.identifier(root), "stp.bpdu", ot.Content)
	return len(m.Data), nil
}

// identifier is priority and MAC address (802.1D-2004 clause 9.2.5).
func (d *stp) identifier(v []byte) []byte {
	c := wire.New(v)
	from := d.text.mark()
	d.text.uint(uint64(c.U16()))
	d.text.adds("/")
	d.text.hex(c.Rest(), ':')
	return d.text.since(from)
}
