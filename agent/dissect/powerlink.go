package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "powerlink",
		Over:     []string{"ethernet"},
		Tier:     2,
		Ports:    EtherType(0x88ab, 0x3e3f),
		New:      func() Dissector { return &powerlink{} },
		OT:       true,
		Reads:    "node numbers, managing node, host name, vendor, product, revision and serial of nodes, commands to nodes, accesses to their objects",
		Standard: "EPSG DS 301 V1.5.1 (Ethernet POWERLINK communication profile)",
	})
}

// Attributes of nodes.
const (
	eplNode       ot.Attribute = "powerlink.node_id"
	eplRole       ot.Attribute = "powerlink.role"
	eplVendor     ot.Attribute = "powerlink.vendor_id"
	eplProduct    ot.Attribute = "powerlink.product_code"
	eplRevision   ot.Attribute = "powerlink.revision"
	eplDeviceType ot.Attribute = "powerlink.device_type"
	eplIP         ot.Attribute = "powerlink.ip"
)

// Message types, DS 301 table "Message type IDs". 2 ended the cycle of the
// first version.
const (
	eplSoC  = 1
	eplPReq = 3
	eplPRes = 4
	eplSoA  = 5
	eplASnd = 6
	eplAMNI = 7
	eplAInv = 0x0d
)

// Node numbers, DS 301 clause 4.5.
const (
	eplManager  = 240
	eplEveryone = 255
)

// Services of an asynchronous frame, DS 301 clause 4.6.1.2.5.
const (
	eplIdentResponse = 1
	eplCommand       = 4
	eplSDO           = 5
	eplServices      = 5
	eplVendorService = 0xa0
)

// powerlink reads frames of Ethernet POWERLINK, DS 301 clause 4.6.1:
//
//	 0      1             2        3
//	+------+-------------+--------+-----------------------------
//	| type | destination | source | status or service, data ...
//	|      | node        | node   |
//	+------+-------------+--------+-----------------------------
//
// Numbers are little endian. The first version, under an EtherType of its own,
// gives the manager node 0, which the second never uses.
type powerlink struct {
	sides  sides
	told   bool
	recent recent
	text   scratch
}

type eplFrame struct {
	kind, to, from uint8
	service        uint8 // of ASnd
	first          bool  // of the first version
	data           []byte
}

func readEPL(b []byte) (f eplFrame, ok bool) {
	c := wire.New(b)
	f.kind, f.to, f.from = c.U8(), c.U8(), c.U8()
	f.first = f.from == 0 || f.to == 0
	if f.kind == eplASnd {
		f.service = c.U8()
	}
	f.data = c.Rest()
	return f, c.OK() && f.fits()
}

// fits reports node numbers that belong to the message type.
func (f *eplFrame) fits() bool {
	if f.from == eplEveryone || f.from == f.to {
		return false
	}
	if f.first {
		return f.kind >= eplSoC && f.kind <= eplASnd && (f.kind == eplPRes) == (f.to == 0 && f.kind < eplSoA)
	}
	switch f.kind {
	case eplSoC, eplSoA:
		return f.from == eplManager && f.to == eplEveryone
	case eplPReq:
		return f.from == eplManager && f.to < eplManager
	case eplPRes:
		return f.to == eplEveryone
	case eplASnd:
		return f.service >= 1 && f.service <= eplServices || f.service >= eplVendorService
	}
	return f.kind == eplAMNI || f.kind == eplAInv
}

func (d *powerlink) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	f, ok := readEPL(m.Data)
	if !ok {
		return 0, notMine(d.told)
	}
	d.node(m.Time, &f, out)
	d.direction(m, &f, out)
	if f.kind == eplASnd && !f.first {
		d.service(m, &f, out)
	}
	if m.Cut {
		return 0, ErrShort
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil // the rest pads the frame
}

var (
	eplManaging   = []byte("managing-node")
	eplControlled = []byte("controlled-node")
)

// node tells the sender's number and part. Each frame repeats it.
func (d *powerlink) node(at int64, f *eplFrame, out Out) {
	if !d.recent.fresh(at, uint64(f.from)) {
		return
	}
	out.Fact(Sender, eplNode, d.text.uint(uint64(f.from)), "powerlink.source", ot.Content)
	switch {
	case f.from == eplManager || f.first && f.from == 0:
		out.Fact(Sender, eplRole, eplManaging, "powerlink.source", ot.Content)
	case f.from < eplManager:
		out.Fact(Sender, eplRole, eplControlled, "powerlink.source", ot.Content)
	}
}

// direction: the managing node polls one node, which answers to all.
func (d *powerlink) direction(m *Message, f *eplFrame, out Out) {
	manager := f.from == eplManager || f.first && f.from == 0
	switch {
	case f.kind == eplPReq:
		out.Sender(Client)
	case f.kind == eplPRes && !toGroup(m):
		out.Sender(Server)
	case manager && (f.kind == eplSoC || f.kind == eplSoA):
		out.Sender(Client)
	}
}

// service reads an asynchronous frame.
func (d *powerlink) service(m *Message, f *eplFrame, out Out) {
	c := wire.New(f.data)
	switch f.service {
	case eplIdentResponse:
		d.identity(&c, out)
	case eplCommand:
		if class, ok := eplClass(c.U8()); ok && c.OK() {
			out.Operation(class, 1)
		}
	case eplSDO:
		d.sdo(m, &c, out)
	}
}

// eplClass is what an NMT command asks for, DS 301 clause 7.3.1.2: states of
// nodes, the same for lists of nodes, then what is managed.
func eplClass(command uint8) (ot.Operation, bool) {
	switch {
	case command >= 0x20 && command < 0x60:
		return ot.Control, true
	case command >= 0x60 && command < 0x80:
		return ot.Configure, true
	}
	return 0, false
}
