package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "profinet-io",
		Tier:     2,
		Over:     []string{"dcerpc"},
		New:      func() Dissector { return &profinetIO{} },
		OT:       true,
		Reads:    "station names, identification and maintenance (I&M) of devices and their modules, vendor and device numbers, who controls whom, operations",
		Standard: "IEC 61158-6-10 clauses 4.10.3 and 5.2",
	})
}

// Interfaces by which PROFINET IO sets up its connections, IEC 61158-6-10 clause
// 4.10.3.2.
var (
	profinetDeviceIface     = rpcUUID("dea00001-6c97-11d1-8271-00a02442df7d")
	profinetControllerIface = rpcUUID("dea00002-6c97-11d1-8271-00a02442df7d")
	profinetSupervisorIface = rpcUUID("dea00003-6c97-11d1-8271-00a02442df7d")
	profinetParameterIface  = rpcUUID("dea00004-6c97-11d1-8271-00a02442df7d")
)

// Operations, IEC 61158-6-10 clause 4.10.3.2.
const (
	pnioConnect      = 0
	pnioRelease      = 1
	pnioRead         = 2
	pnioWrite        = 3
	pnioControl      = 4
	pnioReadImplicit = 5
)

// Attributes that identification and maintenance adds (IEC 61158-6-10 clause 5.2.26).
const (
	profinetFunction   ot.Attribute = "profinet.tag_function"
	profinetLocation   ot.Attribute = "profinet.tag_location"
	profinetDescriptor ot.Attribute = "profinet.descriptor"
)

// profinetIO reads how a controller sets up and reads its devices, in calls of
// DCE/RPC: its interface is the tag (rpcUUID). An argument is five numbers, in the byte order of the call, and blocks:
//
//	+---------+--------+---------+--------+--------+--------------------------
//	| maximum | length | maximum | offset | length | type 16, length 16,
//	| /status |        | (array) |   0    |        | version 16, ... and so on
//	+---------+--------+---------+--------+--------+--------------------------
type profinetIO struct {
	claimed bool
	sides   sides
	paths   paths
	text    scratch
}

// isPNIO reports an interface of PROFINET IO.
func isPNIO(iface uint64) bool {
	return iface == profinetDeviceIface || iface == profinetControllerIface || iface == profinetSupervisorIface || iface == profinetParameterIface
}

// Dissect implements Dissector: one call or answer.
func (d *profinetIO) Dissect(m *Message, out Out) (int, error) {
	p, ok := readRPC(m.Data)
	if !isPNIO(m.Tag) || !ok || p.size == 0 || p.size > len(m.Data) || p.version != 4 || p.kind != rpcRequest && p.kind != rpcResponse {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	d.text.reset()
	d.call(m, &p, d.sides.counts(m, p.kind == rpcRequest), out)
	return len(m.Data), nil
}

// Surmises implements Surmiser: a call has no mark of its own. What names it is
// the interface in its carrier's header, and that is an inference.
func (d *profinetIO) Surmises() bool { return true }

// call reads a request or a response. counts: its operation is counted.
func (d *profinetIO) call(m *Message, p *rpcPDU, counts bool, out Out) {
	c := rpcCursor{wire.New(p.stub), p.little}
	status := c.u32() // of a request: how much may come back
	c.Skip(16)
	blocks := wire.New(c.Rest())
	if counts {
		if class, ok := pnioClass(p.opnum, blocks); ok {
			out.Operation(class, 1)
		}
	}
	switch {
	case p.kind == rpcRequest:
		d.blocks(&blocks, Sender, false, out)
	case status == 0:
		if p.iface == profinetDeviceIface || p.iface == profinetControllerIface {
			d.object(m.Data, out)
		}
		d.blocks(&blocks, Sender, true, out)
	}
}

// pnioClass is the class of a call. To connect asks for cyclic data; what is
// read from index 8000h on is the device's own: identity, diagnosis, topology.
func pnioClass(opnum uint16, blocks wire.Cursor) (ot.Operation, bool) {
	switch opnum {
	case pnioConnect:
		return ot.Subscribe, true
	case pnioWrite:
		return ot.Configure, true
	case pnioRead, pnioReadImplicit:
		r, ok := readPNIORecord(&blocks)
		if r.index < 0x8000 {
			return ot.Read, ok
		}
		return ot.Diagnose, ok
	}
	return 0, false // release and control end and confirm a connection
}

// object reads the object identifier of a call, IEC 61158-6-10 clause
// 4.10.3.2.8: a fixed beginning, then instance, device and vendor of the device
// that is called, or of the controller that is told by its device that it is
// ready. One that answers to it is that device.
func (d *profinetIO) object(b []byte, out Out) {
	c := wire.New(b)
	c.Skip(8 + 10 + 2)
	device, vendor := c.U16(), c.U16()
	if !c.OK() || vendor == 0 {
		return
	}
	d.identifiers(vendor, device, "profinet-io.object_uuid", out)
}

func (d *profinetIO) identifiers(vendor, device uint16, source string, out Out) {
	out.Fact(Sender, profinetVendor, d.text.word16(vendor), source, ot.Content)
	out.Fact(Sender, profinetDevice, d.text.word16(device), source, ot.Content)
	if name := tables.PROFINETVendors.Number(uint64(vendor)); name != nil {
		out.Fact(Sender, ot.Vendor, name, source, ot.Content)
	}
}

// Fields of an annotation, IEC 61158-6-10 clause 4.10.3.2.14: texts of fixed
// width with a blank between them.
const (
	annotationDevice = 25
	annotationOrder  = 20
	annotationHW     = 5
	annotationSW     = 1 + 3*3
)

// annotation reads what an endpoint mapper says of its first endpoint, C706
// appendix O (ept_lookup), when that is a PROFINET interface:
//
//	handle 20, count 32, array 3 x 32, object 128, reference 32, then the
//	annotation: offset 32, length 32, text; behind it the tower
func annotation(text *scratch, stub []byte, out Out) {
	c := wire.New(stub)
	c.Skip(20 + 4 + 12)
	object := c.Bytes(10)
	c.Skip(6 + 4 + 8)
	if string(object) != string(pnioObjectBE) && string(object) != string(pnioObjectLE) {
		return
	}
	device, b1 := c.Bytes(annotationDevice), c.U8()
	order, b2 := c.Bytes(annotationOrder), c.U8()
	hardware, b3 := c.Bytes(annotationHW), c.U8()
	software := c.Bytes(annotationSW)
	if !c.OK() || b1 != ' ' || b2 != ' ' || b3 != ' ' {
		return
	}
	const source = "profinet-io.annotation"
	pnioText(Sender, ot.Product, device, source, out)
	pnioText(Sender, ot.Model, order, source, out)
	pnioText(Sender, ot.Hardware, hardware, source, out)
	pnioText(Sender, ot.FirmwareRev, pnioRevision(text, software), source, out)
}

// The beginning of every PROFINET object identifier, in either byte order.
var (
	pnioObjectBE = []byte{0xde, 0xa0, 0, 0, 0x6c, 0x97, 0x11, 0xd1, 0x82, 0x71}
	pnioObjectLE = []byte{0, 0, 0xa0, 0xde, 0x97, 0x6c, 0xd1, 0x11, 0x82, 0x71}
)

// pnioRevision keeps a prefix and three numbers of three characters, padded with
// blanks, as "V2.1.5".
func pnioRevision(text *scratch, v []byte) []byte {
	at := text.mark()
	c := wire.New(v)
	text.byte(c.U8())
	for i := range 3 {
		if i > 0 {
			text.byte('.')
		}
		text.add(trim(c.Bytes(3)))
	}
	return text.since(at)
}

func pnioText(of Subject, a ot.Attribute, v []byte, source string, out Out) {
	if v = trim(v); len(v) > 0 && printable(v) {
		out.Fact(of, a, v, source, ot.Identity)
	}
}
