package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "knxnet-ip",
		Over:     []string{"udp", "tcp"},
		Tier:     2,
		Ports:    append(UDP(3671), TCP(3671)...),
		Match:    matchKNX,
		New:      func() Dissector { return &knx{} },
		OT:       true,
		Reads:    "device name, serial number, individual address and medium of servers, protection, operations on the bus",
		Standard: "ISO 22510 (KNXnet/IP), EN 50090-4-3, KNX Standard 03_08 and 03_06_03 (cEMI)",
	})
}

// Attributes of KNX servers.
const (
	knxAddress ot.Attribute = "knx.individual_address"
	knxMAC     ot.Attribute = "knx.mac"
)

// Services, ISO 22510 clause 5 (KNX Standard 03_08_01 table 1).
const (
	knxSearch         = 0x0201
	knxSearched       = 0x0202
	knxDescribe       = 0x0203
	knxDescribed      = 0x0204
	knxConnect        = 0x0205
	knxConnected      = 0x0206
	knxState          = 0x0207
	knxStateIs        = 0x0208
	knxSearchMore     = 0x020b
	knxSearchedMore   = 0x020c
	knxConfigure      = 0x0310
	knxTunnel         = 0x0420
	knxFeatureGet     = 0x0422
	knxFeatureIs      = 0x0423
	knxFeatureSet     = 0x0424
	knxFeatureInfo    = 0x0425
	knxRouting        = 0x0530
	knxSecure         = 0x0950
	knxSessionRequest = 0x0951
	knxSessionAnswer  = 0x0952
	knxSessionLogon   = 0x0953
)

// knx reads KNXnet/IP, in datagrams and over TCP:
//
//	 0       1         2         4        6
//	+-------+---------+---------+--------+----------
//	| 6     | version | service | length | body ...
//	|       | 1.0     |         | of all |
//	+-------+---------+---------+--------+----------
type knx struct {
	claimed bool
	secure  bool
	text    scratch
}

const (
	knxHeader  = 6
	knxVersion = 0x10
	knxMost    = 2048
)

type knxFrame struct {
	service uint16
	size    int // 0 while the header is not whole
	body    []byte
}

func readKNX(b []byte) (f knxFrame, ok bool) {
	if len(b) > 0 && b[0] != knxHeader || len(b) > 1 && b[1] != knxVersion {
		return f, false
	}
	c := wire.New(b)
	c.Skip(2)
	f.service = c.U16()
	n := int(c.U16())
	if !c.OK() {
		return f, len(b) > 0
	}
	if !knxKnown(f.service) || n < knxHeader || n > knxMost {
		return f, false
	}
	f.size = n
	f.body = c.Bytes(min(n-knxHeader, c.Len()))
	return f, true
}

func knxKnown(service uint16) bool {
	switch service >> 4 {
	case 0x020, 0x031, 0x042, 0x053, 0x074, 0x095:
		n := service & 15
		return service>>4 != 0x020 && n <= 5 || service>>4 == 0x020 && n >= 1 && n <= 0x0c
	}
	return false
}

func matchKNX(b []byte) bool {
	f, ok := readKNX(b)
	return ok && f.size > 0 && len(b) >= f.size
}

func (d *knx) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	f, ok := readKNX(m.Data)
	whole := f.size > 0 && len(f.body) == f.size-knxHeader
	switch {
	case !ok, !m.Stream && !whole && !m.Cut, !m.Stream && f.size != len(m.Data) && !m.Cut:
		return 0, notMine(d.claimed)
	case !whole && (!m.Cut || f.size == 0):
		return 0, ErrShort
	}
	d.learn(&f, out)
	if !whole {
		return 0, ErrShort
	}
	d.protection(f.service, out)
	return f.size, nil
}

func (d *knx) protection(service uint16, out Out) {
	switch {
	case service == knxSecure && !d.secure:
		d.secure = true
		out.Security(ot.Security{Mode: ot.SignAndEncrypt})
	case !d.claimed && service < knxSecure:
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.claimed = true
}

// learn tells who speaks and what it asks for.
func (d *knx) learn(f *knxFrame, out Out) {
	c := wire.New(f.body)
	switch f.service {
	case knxSearch, knxSearchMore, knxDescribe, knxFeatureGet:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case knxFeatureSet:
		out.Sender(Client)
		out.Operation(ot.Configure, 1)
	case knxConnect, knxState:
		out.Sender(Client)
	case knxSessionRequest, knxSessionLogon:
		out.Sender(Client)
		out.Operation(ot.Authenticate, 1)
	case knxConnected, knxStateIs, knxFeatureIs, knxFeatureInfo, knxSessionAnswer:
		out.Sender(Server)
	case knxSearched, knxSearchedMore:
		out.Sender(Server)
		c.Skip(8) // control endpoint
		d.descriptions(&c, out)
	case knxDescribed:
		out.Sender(Server)
		d.descriptions(&c, out)
	case knxTunnel, knxConfigure:
		c.Skip(4) // connection header
		d.bus(&c, true, out)
	case knxRouting:
		d.bus(&c, false, out)
	}
}

// Resync finds the next message behind a gap.
func (d *knx) Resync(b []byte) int {
	for i := range b {
		if len(b)-i >= knxHeader && matchKNX(b[i:]) {
			return i
		}
	}
	return -1
}
