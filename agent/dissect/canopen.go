package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "canopen",
		Over:     []string{"can"},
		Tier:     1,
		New:      func() Dissector { return &canopen{} },
		OT:       true,
		Reads:    "nodes of a bus: vendor, product, revision and serial number (object 1018), state; reads and writes of objects, start and stop of nodes",
		Standard: "CiA 301 version 4.2 clauses 7.2 and 7.5; from the text alone",
	})
}

// canopenNode is the number of a node on its bus.
const canopenNode ot.Attribute = "canopen.node"

// canopen reads the frames of one bus. The identifier is function and node:
//
//	000 NMT  080 SYNC  081-0ff EMCY  100 TIME  180-57f PDO
//	580-5ff SDO of a server  600-67f SDO to it  701-77f state
//
// Transfers of objects prove it by their form; states and commands only look
// like it, and process data says nothing.
type canopen struct {
	proved bool
	recent recent
	nodes  numberedParts
	text   scratch
}

// Surmises reports that no object was transferred yet.
func (d *canopen) Surmises() bool { return !d.proved }

func (d *canopen) Dissect(m *Message, out Out) (int, error) {
	if m.Stream || m.Tag&(canExtended|canRemote) != 0 {
		return 0, ErrNotMine
	}
	d.text.reset()
	node, ok := uint8(m.Tag&0x7f), false
	switch function := m.Tag & 0x780; {
	case m.Tag == 0:
		ok = d.command(m.Data, out)
	case node == 0:
	case function == 0x580:
		ok = d.answer(m, node, out)
	case function == 0x600:
		ok = d.request(m.Data, out)
	case function == 0x700:
		ok = d.state(m, node, out)
	}
	if !ok {
		return 0, notMine(d.proved)
	}
	return len(m.Data), nil
}

// command reads NMT, CiA 301 clause 7.2.8.3: what, and to which node.
func (d *canopen) command(b []byte, out Out) bool {
	c := wire.New(b)
	what, node := c.U8(), c.U8()
	if !c.OK() || c.Len() != 0 || node > 127 {
		return false
	}
	switch what {
	case 1, 2, 128, 129, 130: // start, stop, pre-operational, reset node, reset communication
		out.Operation(ot.Control, 1)
		return true
	}
	return false
}

// state reads a heartbeat or a boot-up, clause 7.2.8.3.2.
func (d *canopen) state(m *Message, node uint8, out Out) bool {
	if len(m.Data) != 1 {
		return false
	}
	switch m.Data[0] {
	case 0, 4, 5, 127:
		d.node(m, node, out)
		return true
	}
	return false
}

func (d *canopen) node(m *Message, node uint8, out Out) {
	if d.recent.fresh(m.Time, uint64(node)) {
		out.Fact(d.part(node), canopenNode, d.text.uint(uint64(node)), "canopen.identifier", ot.Behaviour)
	}
}

// part is the node behind whoever carries its frames.
func (d *canopen) part(node uint8) Subject {
	return Part(Sender, d.nodes.path("node/", uint32(node)))
}

// sdo is the head of a transfer, clause 7.2.4.3: command, object, part of it.
type sdo struct {
	command uint8
	index   uint16
	sub     uint8
	data    uint32
}

func readSDO(b []byte) (x sdo, ok bool) {
	c := wire.New(b)
	x.command, x.index, x.sub, x.data = c.U8(), c.U16LE(), c.U8(), c.U32LE()
	return x, c.OK() && c.Len() == 0
}

// area reports whether an index is of an area that has objects, clause 7.4.1.
func (x *sdo) area() bool { return x.index >= 0x1000 && x.index <= 0xbfff }

// request reads what a client asks of a node: initiate download or upload, or abort.
func (d *canopen) request(b []byte, out Out) bool {
	x, ok := readSDO(b)
	if !ok {
		return false
	}
	switch {
	case x.command == 0x40 && x.area() && x.data == 0:
		out.Operation(ot.Read, 1)
	case x.command&0xe0 == 0x20 && x.command&0x10 == 0 && x.area():
		if x.index < 0x2000 {
			out.Operation(ot.Configure, 1)
		} else {
			out.Operation(ot.Write, 1)
		}
	case x.command == 0x80 && x.area():
	default:
		return d.proved // a segment
	}
	d.proved = true
	out.Sender(Client)
	return true
}

// answer reads what a node says: initiate upload or download, or abort.
func (d *canopen) answer(m *Message, node uint8, out Out) bool {
	x, ok := readSDO(m.Data)
	switch {
	case !ok:
		return false
	case x.command&0xf0 == 0x40 && x.area(), x.command == 0x60 && x.area() && x.data == 0, x.command == 0x80 && x.area():
	default:
		return d.proved
	}
	d.proved = true
	out.Sender(Server)
	d.node(m, node, out)
	if x.command != 0x43 { // not four octets at once
		return true
	}
	of, source := canopenIdentity(x.index, x.sub)
	if source == "" {
		return true
	}
	if !d.recent.fresh(m.Time, uint64(node)<<48^uint64(x.index)<<36^uint64(x.sub)<<32^uint64(x.data)) {
		return true
	}
	value := d.text.uint(uint64(x.data))
	if of != ot.Serial {
		value = d.text.hexNumber([]byte{byte(x.data >> 24), byte(x.data >> 16), byte(x.data >> 8), byte(x.data)})
	}
	out.Fact(d.part(node), of, value, source, ot.Identity)
	return true
}

// Identities that stand as numbers: CiA assigns the vendors, they the rest.
const (
	canopenVendor   ot.Attribute = "canopen.vendor_id"
	canopenProduct  ot.Attribute = "canopen.product_code"
	canopenRevision ot.Attribute = "canopen.revision"
)

// canopenIdentity names the parts of the objects that say who a node is,
// clauses 7.5.2.1 and 7.5.2.19.
func canopenIdentity(index uint16, sub uint8) (of ot.Attribute, source string) {
	switch {
	case index == 0x1000 && sub == 0:
		return ot.DeviceType, "canopen.1000.device_type"
	case index != 0x1018:
	case sub == 1:
		return canopenVendor, "canopen.1018.vendor_id"
	case sub == 2:
		return canopenProduct, "canopen.1018.product_code"
	case sub == 3:
		return canopenRevision, "canopen.1018.revision"
	case sub == 4:
		return ot.Serial, "canopen.1018.serial_number"
	}
	return "", ""
}
