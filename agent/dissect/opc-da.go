package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "opc-da",
		Over:     []string{"dcerpc"},
		Tier:     2,
		Match:    matchORPC,
		New:      func() Dissector { return &opcDA{} },
		OT:       true,
		Reads:    "OPC Classic (DA, HDA, A&E): product and version of servers, names of clients, operations",
		Standard: "OPC Foundation: Data Access 2.05a and 3.00, Historical Data Access 1.20, Alarms and Events 1.10, Common 1.10; MS-DCOM",
	})
}

const opcClient ot.Attribute = "opc-da.client_name"

// opcDA reads the calls of OPC Classic, which are DCOM: each interface of an
// object is an interface of DCE/RPC (its UUID folded is the tag, rpcUUID),
// whose first three operations are those of IUnknown. Before the parameters
// stand what DCOM adds to a request (32 octets) or an answer (8).
//
// Servers call their clients back over a connection of their own, whose server
// is thus the client of OPC: such a connection alone is left to its carrier.
type opcDA struct {
	claimed bool
	calls   [8]opcCall
	next    uint8
	text    scratch
}

// opcCall is a request whose answer is wanted.
type opcCall struct {
	id    uint32
	iface uint64
	opnum uint16
}

// Operations that are read further.
const (
	opcGroupOfIUnknown = 3
	opcDAStatus        = 6 // IOPCServer::GetStatus
	opcAEStatus        = 3 // IOPCEventServer::GetStatus
	opcSetClientName   = 7 // IOPCCommon::SetClientName
	opcThis            = 32
	opcThat            = 8
)

// matchORPC knows a request of DCOM by what stands before its parameters:
// version 5, flags and a reserved word that are zero (MS-DCOM 2.2.13.3). Whose
// it is the interface tells.
func matchORPC(b []byte) bool {
	p, ok := readRPC(b)
	if !ok || p.size == 0 || p.kind != rpcRequest || len(p.stub) < opcThis {
		return false
	}
	c := rpcCursor{wire.New(p.stub), p.little}
	major, minor, flags, reserved := c.u16(), c.u16(), c.u32(), c.u32()
	return major == 5 && minor <= 7 && flags <= 1 && reserved == 0
}

// Dissect implements Dissector.
func (d *opcDA) Dissect(m *Message, out Out) (int, error) {
	face, known := opcFaces[m.Tag]
	p, ok := readRPC(m.Data)
	switch {
	case !known || !ok || p.size == 0 || p.size > len(m.Data), p.kind != rpcRequest && p.kind != rpcResponse:
		return 0, notMine(d.claimed)
	case face.callback && !d.claimed:
		return 0, ErrNotMine
	}
	d.claimed = true
	d.text.reset()
	if p.flags&rpcFirst == 0 && p.version == 5 {
		return len(m.Data), nil
	}
	if p.kind == rpcRequest {
		d.request(m.Tag, &face, &p, out)
	} else {
		d.response(m.Tag, &p, out)
	}
	return len(m.Data), nil
}

// request counts an operation and reads what a client calls itself.
func (d *opcDA) request(tag uint64, face *opcFace, p *rpcPDU, out Out) {
	d.calls[d.next%8] = opcCall{p.call, tag, p.opnum}
	d.next++
	if class, ok := face.class(p.opnum); ok {
		out.Operation(class, 1)
	}
	if tag != opcCommon || p.opnum != opcSetClientName {
		return
	}
	c := rpcCursor{wire.New(p.stub), p.little}
	c.Skip(opcThis - 4)
	if extension := c.u32(); extension != 0 {
		return
	}
	if v := d.wide(&c); len(v) > 0 {
		out.Fact(Sender, opcClient, v, "opc-da.set_client_name", ot.Content)
	}
}

// response reads the answer to GetStatus: times, state, counts, version and
// the vendor's words.
func (d *opcDA) response(tag uint64, p *rpcPDU, out Out) {
	opnum, ok := d.asked(p.call, tag)
	counts := 0 // words between the state and the version
	switch {
	case !ok:
		return
	case tag == opcServer && opnum == opcDAStatus:
		counts = 2
	case tag == opcEvents && opnum == opcAEStatus:
	default:
		return
	}
	c := rpcCursor{wire.New(p.stub), p.little}
	c.Skip(opcThat - 4)
	extension, status := c.u32(), c.u32()
	c.Skip(24 + 4 + 4*counts)
	major, minor, build := c.u16(), c.u16(), c.u16()
	c.Skip(2)
	if words := c.u32(); !c.OK() || extension != 0 || status == 0 || words == 0 {
		return
	}
	v := d.wide(&c)
	if len(v) == 0 {
		return
	}
	out.Fact(Sender, ot.Product, v, "opc-da.get_status.vendor_info", ot.Identity)
	at := d.text.mark()
	d.text.uint(uint64(major))
	d.text.byte('.')
	d.text.uint(uint64(minor))
	d.text.byte('.')
	d.text.uint(uint64(build))
	out.Fact(Sender, ot.FirmwareRev, d.text.since(at), "opc-da.get_status.version", ot.Identity)
}

// asked finds the operation that an answer belongs to.
func (d *opcDA) asked(call uint32, tag uint64) (opnum uint16, ok bool) {
	for _, x := range d.calls {
		if x.id == call && x.iface == tag && x.opnum >= opcGroupOfIUnknown {
			return x.opnum, true
		}
	}
	return 0, false
}

// wide reads a conformant varying string of UTF-16 (C706 14.3.4); a server of
// the other byte order is not known to exist.
func (d *opcDA) wide(c *rpcCursor) []byte {
	c.Skip(8) // its room, and where it begins
	n := int(c.u32() & 0xffff)
	b := c.Bytes(2 * n)
	if !c.OK() || !c.little || n > 512 {
		return nil
	}
	v := trim(d.text.utf16(b))
	if !printable(v) {
		return nil
	}
	return v
}
