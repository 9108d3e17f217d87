package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/tables"
	"demarc/internal/wire"
)

// cipIdentity is the Identity object, Vol 1 5-2: attributes 1 to 7 as
// Get_Attributes_All sends them and as List Identity does.
//
//	+------+------+------+-----+-----+------+--------+-----+---------
//	|vendor| type | code |major|minor|status| serial | len | name ...
//	+------+------+------+-----+-----+------+--------+-----+---------
type cipIdentity struct {
	vendor, kind, code uint16
	major, minor       uint8
	status             uint16
	serial             uint32
	name               []byte
}

func readIdentity(c *wire.Cursor) (id cipIdentity, ok bool) {
	id = cipIdentity{vendor: c.U16LE(), kind: c.U16LE(), code: c.U16LE(), major: c.U8(), minor: c.U8(), status: c.U16LE(), serial: c.U32LE()}
	id.name = c.Bytes(int(c.U8()))
	return id, c.OK()
}

// identitySources names the fields of one message as sources of facts.
type identitySources struct {
	vendor, kind, code, revision, status, serial, name, state string
}

var (
	listSources = identitySources{
		"enip.list_identity.vendor_id", "enip.list_identity.device_type", "enip.list_identity.product_code", "enip.list_identity.revision",
		"enip.list_identity.status", "enip.list_identity.serial_number", "enip.list_identity.product_name", "enip.list_identity.state",
	}
	objectSources = identitySources{
		"cip.identity.vendor_id", "cip.identity.device_type", "cip.identity.product_code", "cip.identity.revision",
		"cip.identity.status", "cip.identity.serial_number", "cip.identity.product_name", "cip.identity.state",
	}
)

// cipTeller tells the attributes of an identity one by one.
type cipTeller struct {
	out   Out
	of    Subject
	from  *identitySources
	grade ot.Grade
	text  *scratch
}

func (t *cipTeller) fact(a ot.Attribute, value []byte, source string) {
	if len(value) > 0 {
		t.out.Fact(t.of, a, value, source, t.grade)
	}
}

func (t *cipTeller) vendor(v uint16) {
	t.fact("cip.vendor_id", t.text.uint(uint64(v)), t.from.vendor)
	t.fact(ot.Vendor, tables.CIPVendors.Number(uint64(v)), t.from.vendor)
}

func (t *cipTeller) kind(v uint16) {
	t.fact("cip.device_type", t.text.uint(uint64(v)), t.from.kind)
	t.fact(ot.DeviceType, tables.CIPDeviceTypes.Number(uint64(v)), t.from.kind)
}

func (t *cipTeller) code(v uint16) {
	t.fact("cip.product_code", t.text.uint(uint64(v)), t.from.code)
}

func (t *cipTeller) revision(major, minor uint8) {
	t.fact(ot.FirmwareRev, t.text.cipRevision(major, minor), t.from.revision)
	t.fact("cip.revision", t.text.word(uint16(major)<<8|uint16(minor)), t.from.revision)
}

func (t *cipTeller) status(v uint16) {
	t.fact("cip.status", t.text.upperHex(uint32(v), 4), t.from.status)
}

func (t *cipTeller) serial(v uint32) {
	if v != 0 {
		t.fact(ot.Serial, t.text.upperHex(v, 8), t.from.serial)
	}
}

func (t *cipTeller) name(b []byte) { t.fact(ot.Product, trim(b), t.from.name) }

func (t *cipTeller) state(v uint8) {
	if int(v) < len(cipStates) {
		t.fact("cip.state", cipStates[v], t.from.state)
	}
}

// cipStates is Identity attribute 8, Vol 1 table 5-2.2.
var cipStates = [][]byte{
	[]byte("nonexistent"), []byte("self testing"), []byte("standby"), []byte("operational"), []byte("major recoverable fault"), []byte("major unrecoverable fault"),
}

func (t *cipTeller) all(id *cipIdentity) {
	t.vendor(id.vendor)
	t.kind(id.kind)
	t.code(id.code)
	t.revision(id.major, id.minor)
	t.status(id.status)
	t.serial(id.serial)
	t.name(id.name)
}

// listIdentity reads the item of a List Identity reply, Vol 2 table 2-4.4:
// protocol version, socket address, identity, state.
func (d *enip) listIdentity(b []byte, out Out) {
	c := wire.New(b)
	c.Skip(2 + 16)
	id, ok := readIdentity(&c)
	if !ok {
		return
	}
	t := cipTeller{out, Sender, &listSources, ot.Identity, &d.text}
	t.all(&id)
	if c.Len() > 0 {
		t.state(c.U8())
	}
}

func (d *enip) identityAll(out Out, of Subject, c *wire.Cursor, g ot.Grade) {
	if id, ok := readIdentity(c); ok {
		t := cipTeller{out, of, &objectSources, g, &d.text}
		t.all(&id)
	}
}

// identityOne tells one attribute; it reports whether it knew how long it is.
func (d *enip) identityOne(out Out, of Subject, attribute uint16, c *wire.Cursor, g ot.Grade) bool {
	t := cipTeller{out, of, &objectSources, g, &d.text}
	k := *c
	switch attribute {
	case 1:
		if v := c.U16LE(); c.OK() {
			t.vendor(v)
		}
	case 2:
		if v := c.U16LE(); c.OK() {
			t.kind(v)
		}
	case 3:
		if v := c.U16LE(); c.OK() {
			t.code(v)
		}
	case 4:
		if major, minor := c.U8(), c.U8(); c.OK() {
			t.revision(major, minor)
		}
	case 5:
		if v := c.U16LE(); c.OK() {
			t.status(v)
		}
	case 6:
		if v := c.U32LE(); c.OK() {
			t.serial(v)
		}
	case 7:
		if b := c.Bytes(int(c.U8())); c.OK() {
			t.name(b)
		}
	case 8:
		if v := c.U8(); c.OK() {
			t.state(v)
		}
	case 9: // configuration consistency value
		c.Skip(2)
	case 10: // heartbeat interval
		c.Skip(1)
	default:
		*c = k
		return false
	}
	return c.OK()
}

// identityList reads a Get_Attribute_List reply, Vol 1: a count, then
// attribute, status and value. A value follows a good status only, and one of
// unknown length ends the reading.
func (d *enip) identityList(out Out, of Subject, c *wire.Cursor, g ot.Grade) {
	for n := c.U16LE(); n > 0 && c.OK(); n-- {
		attribute, status := c.U16LE(), c.U16LE()
		if status != 0 {
			continue
		}
		if !d.identityOne(out, of, attribute, c, g) {
			return
		}
	}
}

// originator tells who opens a connection: vendor and serial number of the
// Forward Open triad (Vol 1 3-5.5.1.5), which software may make up.
func (d *enip) originator(out Out, vendor uint16, serial uint32) {
	t := cipTeller{out: out, of: Sender, grade: ot.Content, text: &d.text}
	t.fact("cip.originator_vendor_id", d.text.uint(uint64(vendor)), "cip.forward_open.originator_vendor_id")
	t.fact("cip.originator_vendor", tables.CIPVendors.Number(uint64(vendor)), "cip.forward_open.originator_vendor_id")
	t.fact("cip.originator_serial", d.text.upperHex(serial, 8), "cip.forward_open.originator_serial_number")
}

// hostName reads attribute 6 of the TCP/IP Interface object, Vol 2 5-4.3.2.6.
func hostName(out Out, of Subject, c *wire.Cursor, g ot.Grade) {
	if b := trim(c.Bytes(int(c.U16LE()))); c.OK() && len(b) > 0 {
		out.Fact(of, ot.Name, b, "cip.tcpip.host_name", g)
	}
}

// interfaceAll reads attributes 1 to 6 of the same object: status, capability,
// control, physical link path, addresses with the domain name, host name.
func interfaceAll(out Out, of Subject, c *wire.Cursor, g ot.Grade) {
	c.Skip(12)
	c.Skip(2 * int(c.U16LE()))
	c.Skip(20)
	domain := int(c.U16LE())
	c.Skip(domain + domain%2)
	hostName(out, of, c, g)
}

// looksLikeIdentity is for a reply whose request was not seen: every field of
// the Identity object must make sense.
func looksLikeIdentity(c wire.Cursor) bool {
	id, ok := readIdentity(&c)
	if !ok || id.vendor == 0 || id.serial == 0 || len(id.name) < minText || c.Len() > 16 {
		return false
	}
	return tables.CIPVendors.Number(uint64(id.vendor)) != nil && len(longestText(id.name)) == len(trim(id.name))
}

// cipRevision keeps a revision as "major.minor".
func (s *scratch) cipRevision(major, minor uint8) []byte {
	from := s.mark()
	s.uint(uint64(major))
	s.adds(".")
	s.uint(uint64(minor))
	return s.since(from)
}

// word keeps a word in hexadecimal.
func (s *scratch) word(v uint16) []byte {
	from := s.mark()
	s.adds("0x")
	s.upperHex(uint32(v), 4)
	return s.since(from)
}

// upperHex keeps v in so many upper-case digits, as labels print serial numbers.
func (s *scratch) upperHex(v uint32, digits int) []byte {
	const upper = "0123456789ABCDEF"
	from := s.mark()
	for i := digits - 1; i >= 0; i-- {
		d := v >> (4 * i) & 15
		s.adds(upper[d : d+1])
	}
	return s.since(from)
}
