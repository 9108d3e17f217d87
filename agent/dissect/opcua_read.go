package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// uaReads remembers which Read requests asked for nodes that identify the
// server, until their answer comes; the oldest place is used again.
type uaReads struct {
	any   bool  // a Read request was seen
	used  uint8 // of table
	next  uint8
	table *[8]uaAsked // nil before the first
}

// uaAsked is one request: where in its list which node stood.
type uaAsked struct {
	request uint32
	n       uint8
	item    [8]struct{ index, node uint16 }
}

// Nodes of the Server object, OPC 10000-5 section 6.3.1, ids of OPC 10000-6
// annex A.
const (
	uaServerStatus     = 2256
	uaBuildInfo        = 2260
	uaProductName      = 2261
	uaProductURI       = 2262
	uaManufacturerName = 2263
	uaSoftwareVersion  = 2264
	uaBuildNumber      = 2265
)

// Types of the structures that hold them: data type and binary encoding.
const (
	uaBuildInfoType   = 338
	uaBuildInfoBinary = 340
	uaStatusType      = 862
	uaStatusBinary    = 864
	uaAttributeValue  = 13
	uaMaxNodes        = 64 // of a Read that are looked at
)

func (r *uaReads) find(request uint32) *uaAsked {
	for i := range r.used {
		if q := &r.table[i]; q.request == request {
			return q
		}
	}
	return nil
}

func (r *uaReads) asked(request uint32) bool { return r.find(request) != nil }

// readRequest reads the nodes of a Read, OPC 10000-4 section 5.10.2, and
// classes it: nodes of the OPC UA namespace alone are the server's own state
// and types, not the plant's values.
func (d *opcua) readRequest(c *wire.Cursor, request uint32) int8 {
	d.reads.any = true
	c.Skip(12) // maxAge, timestampsToReturn
	n := uaCount(c)
	if n == 0 {
		return int8(ot.Read)
	}
	var q uaAsked
	class := int8(ot.Diagnose)
	for i := range n {
		node := uaNodeID(c)
		attribute := c.U32LE()
		uaString(c) // indexRange
		uaQualified(c)
		if !c.OK() {
			return int8(ot.Read)
		}
		if !node.standard() {
			class = int8(ot.Read)
		}
		if i < uaMaxNodes && attribute == uaAttributeValue && uaIdentifies(node) && int(q.n) < len(q.item) {
			q.item[q.n].index, q.item[q.n].node = uint16(i), uint16(node.id)
			q.n++
		}
		if class == int8(ot.Read) && i >= uaMaxNodes && !d.modeUnknown() {
			break
		}
	}
	if q.n > 0 {
		q.request = request
		d.reads.put(q)
	}
	return class
}

// put remembers a request, in its own place when it is looked at again.
func (r *uaReads) put(q uaAsked) {
	if again := r.find(q.request); again != nil {
		*again = q
		return
	}
	if r.table == nil {
		r.table = &[8]uaAsked{}
	}
	r.table[r.next] = q
	r.next = (r.next + 1) % uint8(len(r.table))
	r.used = min(r.used+1, uint8(len(r.table)))
}

func uaIdentifies(n uaID) bool {
	return n.is(uaServerStatus) || (n.standard() && n.id >= uaBuildInfo && n.id <= uaBuildNumber)
}

// readResponse reads the values that were asked for. Where the request came
// before the capture did, a build information that stands in it is still the
// sender's, but content, not identity.
func (d *opcua) readResponse(c *wire.Cursor, request uint32, out Out) {
	q := d.reads.find(request)
	n := min(uaCount(c), uaMaxNodes)
	for i := 0; i < n && c.OK(); i++ {
		v := uaDataValue(c, 0)
		if !c.OK() {
			return
		}
		if q == nil {
			v.structure(ot.Content, out)
			continue
		}
		for _, x := range q.item[:q.n] {
			if int(x.index) == i {
				v.tell(x.node, out)
			}
		}
	}
}

// tell tells one node of the Server object.
func (v *uaValue) tell(node uint16, out Out) {
	switch node {
	case uaServerStatus, uaBuildInfo:
		v.structure(ot.Identity, out)
	case uaProductName:
		uaTell(Sender, ot.Product, v.text, "opcua.build_info.product_name", ot.Identity, out)
	case uaProductURI:
		uaTell(Sender, "opcua.product_uri", v.text, "opcua.build_info.product_uri", ot.Identity, out)
	case uaManufacturerName:
		uaTell(Sender, ot.Vendor, v.text, "opcua.build_info.manufacturer_name", ot.Identity, out)
	case uaSoftwareVersion:
		uaTell(Sender, ot.FirmwareRev, v.text, "opcua.build_info.software_version", ot.Identity, out)
	case uaBuildNumber:
		uaTell(Sender, "opcua.build_number", v.text, "opcua.build_info.build_number", ot.Identity, out)
	}
}

// structure tells a ServerStatusDataType or BuildInfo, OPC 10000-5 sections
// 12.10 and 12.4: start and current time 16, state 4, then the build
// information, whose texts come in this order.
func (v *uaValue) structure(g ot.Grade, out Out) {
	c := v.body
	switch {
	case v.typ.is(uaStatusBinary), v.typ.is(uaStatusType):
		c.Skip(20)
	case v.typ.is(uaBuildInfoBinary), v.typ.is(uaBuildInfoType):
	default:
		return
	}
	uri, maker, name, version, build := uaString(&c), uaString(&c), uaString(&c), uaString(&c), uaString(&c)
	if !c.OK() {
		return
	}
	uaTell(Sender, "opcua.product_uri", uri, "opcua.build_info.product_uri", g, out)
	uaTell(Sender, ot.Vendor, maker, "opcua.build_info.manufacturer_name", g, out)
	uaTell(Sender, ot.Product, name, "opcua.build_info.product_name", g, out)
	uaTell(Sender, ot.FirmwareRev, version, "opcua.build_info.software_version", g, out)
	uaTell(Sender, "opcua.build_number", build, "opcua.build_info.build_number", g, out)
}

// Resync implements Resyncer: the next header of a chunk.
func (d *opcua) Resync(b []byte) int {
	for i := 0; i+8 <= len(b); i++ {
		switch b[i] {
		case 'M', 'O', 'H', 'A', 'E', 'R', 'C':
			if _, whole, ok := readUA(b[i:]); whole && ok {
				return i
			}
		}
	}
	return -1
}
