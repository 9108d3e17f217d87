package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "snmp",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(161, 162),
		Match:    func(b []byte) bool { _, ok := readSNMP(b); return ok },
		New:      func() Dissector { return &snmp{} },
		Reads:    "system description, name, location and object identifier, inventory of parts (ENTITY-MIB), reads, writes, traps",
		Standard: "RFC 3416, RFC 1157, RFC 3412, RFC 3418, RFC 6933",
	})
}

// Attributes of SNMP agents.
const (
	snmpDescription ot.Attribute = "snmp.sys_descr"
	snmpObjectID    ot.Attribute = "snmp.sys_object_id"
	snmpLocation    ot.Attribute = "snmp.sys_location"
)

// PDU tags (RFC 3416 section 3, RFC 1157 section 4.1).
const (
	snmpGet      = 0xa0
	snmpGetNext  = 0xa1
	snmpResponse = 0xa2
	snmpSet      = 0xa3
	snmpTrapV1   = 0xa4
	snmpGetBulk  = 0xa5
	snmpInform   = 0xa6
	snmpTrap     = 0xa7
	snmpReport   = 0xa8
)

// maxVarbinds bounds the variables of one message that are looked at.
const maxVarbinds = 128

type snmp struct{ text scratch }

// snmpMessage is one message with its PDU, when that is in clear.
type snmpMessage struct {
	version uint64
	flags   uint8 // version 3: msgFlags
	tag     uint8 // of the PDU, 0 when encrypted
	pdu     wire.Cursor
}

// readSNMP reads a message that must fill b (RFC 3416 section 3, RFC 3412
// section 6).
func readSNMP(b []byte) (x snmpMessage, ok bool) {
	c := wire.New(b)
	body := berExpect(&c, berSequence)
	version := berExpect(&body, berInteger)
	n := version.Len()
	x.version = berUint(&version)
	if !c.OK() || !body.OK() || c.Len() != 0 || n != 1 || x.version > 3 || x.version == 2 {
		return x, false
	}
	if x.version == 3 {
		return x, x.readV3(&body)
	}
	berExpect(&body, berOctetString) // community
	x.tag, x.pdu = berValue(&body)
	return x, body.OK() && body.Len() == 0 && x.tag >= snmpGet && x.tag <= snmpReport
}

func (x *snmpMessage) readV3(body *wire.Cursor) bool {
	header := berExpect(body, berSequence)
	berExpect(&header, berInteger) // message id
	berExpect(&header, berInteger) // size
	flags := berExpect(&header, berOctetString)
	model := berExpect(&header, berInteger)
	if flags.Len() != 1 || model.Len() < 1 {
		return false
	}
	x.flags = flags.U8()
	berExpect(body, berOctetString) // security parameters
	tag, scoped := berValue(body)
	if !header.OK() || !body.OK() || body.Len() != 0 {
		return false
	}
	if tag == berOctetString {
		return true // encrypted
	}
	berExpect(&scoped, berOctetString) // context engine
	berExpect(&scoped, berOctetString) // context name
	x.tag, x.pdu = berValue(&scoped)
	return tag == berSequence && scoped.OK() && x.tag >= snmpGet && x.tag <= snmpReport
}

// Dissect reads one message.
func (d *snmp) Dissect(m *Message, out Out) (int, error) {
	x, ok := readSNMP(m.Data)
	if !ok || m.Stream {
		return 0, ErrNotMine
	}
	d.text.reset()
	x.security(out)
	switch x.tag {
	case snmpGet, snmpGetNext, snmpGetBulk:
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	case snmpSet:
		out.Sender(Client)
		out.Operation(ot.Write, 1)
	case snmpTrapV1, snmpTrap, snmpInform:
		out.Sender(Client)
		out.Operation(ot.Alarm, 1)
	case snmpResponse:
		out.Sender(Server)
		d.response(&x.pdu, out)
	case snmpReport:
		out.Sender(Server)
	case 0: // only what expects an answer may be reported on (RFC 3412 section 6.4)
		if x.flags&4 != 0 {
			out.Sender(Client)
		}
	}
	return len(m.Data), nil
}

// security tells the protection of a message (RFC 3412 section 6.4).
func (x *snmpMessage) security(out Out) {
	mode := ot.SecurityNone
	switch x.flags & 3 {
	case 1:
		mode = ot.Sign
	case 3:
		mode = ot.SignAndEncrypt
	}
	// The discovery of an engine goes in clear before a protected session.
	if x.version != 3 || mode != ot.SecurityNone {
		out.Security(ot.Security{Mode: mode})
	}
}

// response reads the variables of an answer without error.
func (d *snmp) response(c *wire.Cursor, out Out) {
	berExpect(c, berInteger) // request id
	status := berExpect(c, berInteger)
	berExpect(c, berInteger) // error index
	list := berExpect(c, berSequence)
	if !c.OK() || berUint(&status) != 0 {
		return
	}
	for i := 0; list.Len() > 0 && i < maxVarbinds; i++ {
		pair := berExpect(&list, berSequence)
		id := berExpect(&pair, berOID)
		tag, v := berValue(&pair)
		if !list.OK() || !pair.OK() {
			return
		}
		d.variable(id.Rest(), tag, v.Rest(), out)
	}
}

// The system group (RFC 3418) and the table of physical parts (RFC 6933), as
// the prefix of an object identifier in BER.
var (
	snmpSystem = []byte{0x2b, 6, 1, 2, 1, 1}
	snmpEntity = []byte{0x2b, 6, 1, 2, 1, 47, 1, 1, 1, 1}
)

func (d *snmp) variable(id []byte, tag uint8, v []byte, out Out) {
	switch {
	case len(v) == 0:
	case bytes.HasPrefix(id, snmpSystem) && len(id) == len(snmpSystem)+2 && id[len(id)-1] == 0:
		d.system(id[len(snmpSystem)], tag, v, out)
	case bytes.HasPrefix(id, snmpEntity) && len(id) > len(snmpEntity)+1 && tag == berOctetString:
		d.entity(id[len(snmpEntity)], id[len(snmpEntity)+1:], v, out)
	}
}

func (d *snmp) system(column, tag uint8, v []byte, out Out) {
	switch {
	case column == 2 && tag == berOID:
		from := d.text.mark()
		d.text.oid(v)
		out.Fact(Sender, snmpObjectID, d.text.since(from), "snmp.sysObjectID", ot.Identity)
		enterprise(v, out)
	case tag != berOctetString || !printable(trim(v)):
	case column == 1:
		out.Fact(Sender, snmpDescription, trim(v), "snmp.sysDescr", ot.Identity)
	case column == 5:
		out.Fact(Sender, ot.Name, trim(v), "snmp.sysName", ot.Identity)
	case column == 6:
		out.Fact(Sender, snmpLocation, trim(v), "snmp.sysLocation", ot.Identity)
	}
}

// snmpPrivate is 1.3.6.1.4.1 in BER, where enterprises have their numbers.
var snmpPrivate = []byte{0x2b, 6, 1, 4, 1}

// enterprise tells the maker by the number behind snmpPrivate. Two are of
// software that many makers build on, and tell none.
func enterprise(id []byte, out Out) {
	const ucdSNMP, netSNMP = 2021, 8072
	rest, ok := bytes.CutPrefix(id, snmpPrivate)
	if !ok {
		return
	}
	n := uint64(0)
	for i, x := range rest { // one number (X.690 section 8.19.2)
		n = n<<7 | uint64(x&0x7f)
		if x < 0x80 {
			break
		}
		if i == 4 {
			return
		}
	}
	if name := tables.SNMPEnterprises.Number(n); name != nil && n != ucdSNMP && n != netSNMP {
		out.Fact(Sender, ot.Vendor, name, "snmp.sysObjectID", ot.Content)
	}
}

// entity reads a column of entPhysicalTable: a part of the device.
func (d *snmp) entity(column uint8, index, v []byte, out Out) {
	var a ot.Attribute
	switch column {
	case 2:
		a = ot.Product
	case 7:
		a = ot.Name
	case 8:
		a = ot.Hardware
	case 9, 10:
		a = ot.FirmwareRev
	case 11:
		a = ot.Serial
	case 12:
		a = ot.Vendor
	case 13:
		a = ot.Model
	default:
		return
	}
	if v = trim(v); len(v) == 0 || !printable(v) {
		return
	}
	n := uint64(0)
	for _, x := range index { // one number (X.690 section 8.19.2)
		n = n<<7 | uint64(x&0x7f)
	}
	part := Part(Sender, "entity/"+string(d.text.uint(n)))
	out.Fact(part, a, v, "snmp.entPhysicalTable", ot.Identity)
}
