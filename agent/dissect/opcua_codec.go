package dissect

import (
	"math"

	"demarc/internal/wire"
)

// The built-in types of OPC 10000-6 section 5.2.2, read through the cursor.
// Every length comes from the wire: it moves the cursor, never sizes memory.
// Reading stops at the first short read, so that a length of two thousand
// million costs one comparison.

// uaDepth bounds Variants in DataValues in Variants (5.1.8 asks for at least 100).
const uaDepth = 16

// uaID is a NodeId with a numeric identifier; other forms have ok false.
type uaID struct {
	ns uint16
	id uint32
	ok bool
}

// is reports whether the node is id of the OPC UA namespace.
func (n uaID) is(id uint32) bool { return n.ok && n.ns == 0 && n.id == id }

// standard reports whether the node is one of the OPC UA namespace.
func (n uaID) standard() bool { return n.ok && n.ns == 0 }

// uaNodeID reads a NodeId or ExpandedNodeId, 5.2.2.9 and 5.2.2.10.
func uaNodeID(c *wire.Cursor) (n uaID) {
	if b := c.Peek(4); b != nil && b[0] == 1 { // as the type of nearly every message
		c.Skip(4)
		return uaID{uint16(b[1]), uint32(b[2]) | uint32(b[3])<<8, true}
	}
	form := c.U8()
	switch form & 0x3f {
	case 0: // two octets
		n = uaID{0, uint32(c.U8()), true}
	case 1: // four octets
		n.ns = uint16(c.U8())
		n.id, n.ok = uint32(c.U16LE()), true
	case 2: // numeric
		n.ns = c.U16LE()
		n.id, n.ok = c.U32LE(), true
	case 3, 5: // string, opaque
		n.ns = c.U16LE()
		uaString(c)
	case 4: // GUID
		n.ns = c.U16LE()
		c.Skip(16)
	default:
		c.Skip(math.MaxInt)
	}
	if form&0x80 != 0 {
		uaString(c)
		n.ok = false // the namespace is the one named here
	}
	if form&0x40 != 0 {
		c.Skip(4)
	}
	n.ok = n.ok && c.OK()
	return n
}

// uaString reads a String, ByteString or XmlElement, 5.2.2.4; a null one is nil.
func uaString(c *wire.Cursor) []byte {
	n := int32(c.U32LE())
	if n <= 0 {
		return nil
	}
	return c.Bytes(int(n))
}

// uaCount reads an array's length, 5.2.5; a null array has none.
func uaCount(c *wire.Cursor) int { return max(0, int(int32(c.U32LE()))) }

// uaStrings skips an array of strings.
func uaStrings(c *wire.Cursor) {
	for n := uaCount(c); n > 0 && c.OK(); n-- {
		uaString(c)
	}
}

// uaLocalized reads a LocalizedText, 5.2.2.14, and returns its text.
func uaLocalized(c *wire.Cursor) (text []byte) {
	mask := c.U8()
	if mask&1 != 0 {
		uaString(c)
	}
	if mask&2 != 0 {
		text = uaString(c)
	}
	return text
}

// uaQualified skips a QualifiedName, 5.2.2.13.
func uaQualified(c *wire.Cursor) {
	c.Skip(2)
	uaString(c)
}

// uaObject reads an ExtensionObject, 5.2.2.15: its type and a cursor over its
// body, empty when that is absent.
func uaObject(c *wire.Cursor) (typ uaID, body wire.Cursor) {
	typ = uaNodeID(c)
	switch c.U8() {
	case 1, 2:
		body = wire.New(uaString(c))
	}
	return typ, body
}

// uaDiagnostic skips a DiagnosticInfo, 5.2.2.12. An inner one stands last, so
// nesting is a loop and each level takes bytes.
func uaDiagnostic(c *wire.Cursor) {
	for c.OK() {
		mask := c.U8()
		for bit := uint8(1); bit <= 8; bit <<= 1 {
			if mask&bit != 0 {
				c.Skip(4) // indexes into the string table
			}
		}
		if mask&0x10 != 0 {
			uaString(c)
		}
		if mask&0x20 != 0 {
			c.Skip(4)
		}
		if mask&0x40 == 0 {
			return
		}
	}
}

// uaValue is what a Variant holds, when it is a single value of the kinds that
// tell an identity: text, or a structure.
type uaValue struct {
	text []byte
	typ  uaID        // of a structure
	body wire.Cursor // of a structure
}

// uaVariant reads a Variant, 5.2.2.16: type, or array of type.
func uaVariant(c *wire.Cursor, depth int) (v uaValue) {
	form := c.U8()
	kind := form & 0x3f
	if form&0x80 == 0 {
		return uaSingle(c, kind, depth)
	}
	n := uaCount(c)
	switch size := uaFixed(kind); {
	case size > 0:
		c.Skip(n * size)
	case kind == 0:
		c.Skip(math.MaxInt) // an array of nothing: not allowed, and would not end
	default:
		for ; n > 0 && c.OK(); n-- {
			uaSingle(c, kind, depth)
		}
	}
	if form&0x40 != 0 {
		c.Skip(4 * uaCount(c)) // dimensions
	}
	return v
}

// uaFixed is the size of the built-in types that have one, 5.1.2 table 1.
func uaFixed(kind byte) int {
	sizes := [...]uint8{1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: 16, 19: 4, 25: 0}
	if int(kind) < len(sizes) {
		return int(sizes[kind])
	}
	return 0
}

// uaSingle reads one value of a built-in type.
func uaSingle(c *wire.Cursor, kind byte, depth int) (v uaValue) {
	if size := uaFixed(kind); size > 0 {
		c.Skip(size)
		return v
	}
	switch kind {
	case 0: // null
	case 12:
		v.text = uaString(c)
	case 17, 18:
		uaNodeID(c)
	case 20:
		uaQualified(c)
	case 21:
		v.text = uaLocalized(c)
	case 22:
		v.typ, v.body = uaObject(c)
	case 23, 24:
		if depth >= uaDepth {
			c.Skip(math.MaxInt)
			return v
		}
		if kind == 23 {
			return uaDataValue(c, depth+1)
		}
		return uaVariant(c, depth+1)
	case 25:
		uaDiagnostic(c)
	default: // 15, 16, and 26 to 31, which are read as ByteString
		uaString(c)
	}
	return v
}

// uaDataValue reads a DataValue, 5.2.2.17.
func uaDataValue(c *wire.Cursor, depth int) (v uaValue) {
	mask := c.U8()
	if mask&0x01 != 0 {
		v = uaVariant(c, depth)
	}
	for _, f := range [...]struct{ bit, size uint8 }{{0x02, 4}, {0x04, 8}, {0x10, 2}, {0x08, 8}, {0x20, 2}} {
		if mask&f.bit != 0 {
			c.Skip(int(f.size))
		}
	}
	return v
}

// uaRequestHeader skips a RequestHeader, OPC 10000-4 section 7.33.
func uaRequestHeader(c *wire.Cursor) {
	uaNodeID(c)        // authenticationToken
	c.Skip(16)         // timestamp, requestHandle, returnDiagnostics
	uaString(c)        // auditEntryId
	c.Skip(4)          // timeoutHint
	_, _ = uaObject(c) // additionalHeader
}

// uaResponseHeader skips a ResponseHeader, OPC 10000-4 section 7.34, and
// reports whether the service succeeded.
func uaResponseHeader(c *wire.Cursor) bool {
	c.Skip(12) // timestamp, requestHandle
	result := c.U32LE()
	uaDiagnostic(c)
	uaStrings(c)
	_, _ = uaObject(c)
	return c.OK() && result>>31 == 0
}
