package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Function codes that need a name, IEEE 1815 4.2.2.5.
const (
	dnp3Confirm       = 0
	dnp3Read          = 1
	dnp3Write         = 2
	dnp3FirstResponse = 128
	dnp3Unsolicited   = 130
	dnp3Challenge     = 131 // authentication response
)

// Object groups that need a name, IEEE 1815 annex A.
const (
	dnp3Attributes = 0
	dnp3TimeSync   = 50
	dnp3FileGroup  = 70
)

// dnp3App is the head of an application fragment.
type dnp3App struct {
	function byte
	response bool
	group    byte // of the first object header; valid iff objects
	objects  bool
}

// readDNP3App reads the head of a fragment out of its first segment.
func readDNP3App(segment []byte) (a dnp3App, ok bool) {
	c := wire.New(segment)
	head := c.Bytes(3)
	if head == nil {
		return a, false
	}
	h := (*[3]byte)(head) // transport, control, function
	a.function = h[2]
	a.response = a.function >= dnp3FirstResponse
	if h[0]&dnp3FIR == 0 || (a.response && (a.function == dnp3FirstResponse || a.function > dnp3Challenge)) {
		return a, false
	}
	if a.response {
		c.Skip(2)
	}
	a.objects = c.Len() > 0
	a.group = c.U8()
	return a, true
}

// attributes reports a response that begins with device attributes.
func (a dnp3App) attributes() bool { return a.response && a.objects && a.group == dnp3Attributes }

// count adds the operation of a fragment. A response counts only while the
// mirror has shown no request: then its objects tell what was asked.
func (d *dnp3) count(a dnp3App, out Out) {
	class, ok := a.request()
	switch {
	case a.function == dnp3Unsolicited:
		class, ok = ot.Alarm, true
	case a.function == dnp3Challenge:
		class, ok = ot.Authenticate, true
	case a.response:
		class, ok = a.answered()
		ok = ok && !d.asked
	case a.function != dnp3Confirm:
		d.asked = true
	}
	if ok {
		out.Operation(class, 1)
	}
}

// request is the class of a request, IEEE 1815 4.2.2.5 and 4.4.
func (a dnp3App) request() (ot.Operation, bool) {
	switch f := a.function; {
	case f == dnp3Read:
		return a.read(), true
	case f == dnp3Write:
		return a.write(), true
	case f >= 3 && f <= 12: // select, operate, direct operate, freezes
		return ot.Control, true
	case f == 13, f == 14, f >= 16 && f <= 18: // restarts; applications: initialise, start, stop
		return ot.Control, true
	case f == 20: // enable unsolicited responses
		return ot.Subscribe, true
	case f == 15, f == 19, f == 21, f == 22, f == 24, f == 31:
		// initialise data, save configuration, disable unsolicited responses,
		// assign class, record current time, activate configuration
		return ot.Configure, true
	case f == 23: // delay measurement
		return ot.Diagnose, true
	case f >= 25 && f <= 28, f == 30: // open, close, delete, information, abort
		return ot.Transfer, true
	case f == 29, f == 32, f == 33: // of a file; authentication requests
		return ot.Authenticate, true
	}
	return 0, false
}

func (a dnp3App) read() ot.Operation {
	switch {
	case a.objects && a.group == dnp3Attributes:
		return ot.Diagnose
	case a.objects && a.group == dnp3FileGroup:
		return ot.Transfer
	}
	return ot.Read
}

func (a dnp3App) write() ot.Operation {
	switch {
	case a.objects && (a.group == dnp3Attributes || a.group == dnp3TimeSync):
		return ot.Configure
	case a.objects && a.group == dnp3FileGroup:
		return ot.Transfer
	}
	return ot.Write
}

// answered is what must have been asked for a response to hold these objects,
// IEEE 1815 annex A.
func (a dnp3App) answered() (ot.Operation, bool) {
	switch g := a.group; {
	case !a.objects:
		return 0, false
	case g == dnp3Attributes, g == 52: // delay
		return ot.Diagnose, true
	case g == 12, g == 41: // commands are answered with their echo
		return ot.Control, true
	case g == dnp3FileGroup:
		return ot.Transfer, true
	case g >= 120 && g <= 122:
		return ot.Authenticate, true
	case g >= 1 && g <= 43, g >= 85 && g <= 115:
		return ot.Read, true
	}
	return 0, false
}

// dnp3Fragment is a response with device attributes that comes in several
// segments.
type dnp3Fragment struct {
	open bool
	src  uint16
	seq  byte
	buf  []byte // used again
}

// dnp3MaxFragment is twice what a master takes by default, IEEE 1815 4.2.2.
const dnp3MaxFragment = 4096

// collect reads the device attributes of a response, once it is whole. Of all
// other fragments the first segment says enough.
func (d *dnp3) collect(src uint16, segment []byte, a dnp3App, first bool, of Subject, out Out) {
	f := &d.fragment
	if len(segment) == 0 {
		return
	}
	head, body := segment[0], segment[1:]
	switch {
	case first:
		f.open = false
		if !a.attributes() {
			return
		}
		if head&dnp3FIN != 0 {
			d.attributes(body, of, out)
			return
		}
		f.open, f.src, f.seq, f.buf = true, src, head&0x3f, append(f.buf[:0], body...)
	case !f.open || src != f.src || head&dnp3FIR != 0 || head&0x3f == f.seq:
		// nothing that is collected, or the last segment again
	case head&0x3f != (f.seq+1)&0x3f || len(f.buf)+len(body) > dnp3MaxFragment:
		f.open = false
	default:
		f.seq, f.buf = head&0x3f, append(f.buf, body...)
		if head&dnp3FIN != 0 {
			f.open = false
			d.attributes(f.buf, of, out)
		}
	}
}

// dnp3AttributeFacts are the device attributes of set 0 that identify a
// device, by variation: IEEE 1815 annex A.2, group 0.
var dnp3AttributeFacts = [256]struct {
	attribute ot.Attribute
	source    string
}{
	196: {"dnp3.configuration_id", "dnp3.g0.v196"},
	197: {"dnp3.configuration_version", "dnp3.g0.v197"},
	206: {"dnp3.secondary_operator", "dnp3.g0.v206"},
	207: {"dnp3.primary_operator", "dnp3.g0.v207"},
	208: {"dnp3.system_name", "dnp3.g0.v208"},
	209: {"dnp3.authentication_version", "dnp3.g0.v209"},
	242: {ot.FirmwareRev, "dnp3.g0.v242"},
	243: {ot.Hardware, "dnp3.g0.v243"},
	244: {"dnp3.owner", "dnp3.g0.v244"},
	245: {"dnp3.location", "dnp3.g0.v245"},
	246: {"dnp3.device_id", "dnp3.g0.v246"},
	247: {ot.Name, "dnp3.g0.v247"},
	248: {ot.Serial, "dnp3.g0.v248"},
	249: {"dnp3.subset", "dnp3.g0.v249"},
	250: {ot.Product, "dnp3.g0.v250"},
	252: {ot.Vendor, "dnp3.g0.v252"},
}

// Data type codes of an attribute, IEEE 1815 annex A.1.
const (
	dnp3VSTR = 1
	dnp3UINT = 2
)

// attributes reads the objects of group 0 in a response, behind its head:
//
//	+---+-----------+-----------+-------------+  +------+--------+-------
//	| 0 | variation | qualifier | range       |  | type | length | value ...
//	|   |           | 00 01 17 28 of the set  |  |      |        |
//	+---+-----------+-----------+-------------+  +------+--------+-------
func (d *dnp3) attributes(fragment []byte, of Subject, out Out) {
	c := wire.New(fragment)
	c.Skip(4) // control, function, IIN
	for c.Len() > 0 {
		group, variation, qualifier := c.U8(), c.U8(), c.U8()
		set, n, prefix := dnp3Range(&c, qualifier)
		if !c.OK() || group != dnp3Attributes || n < 1 || n > 16 {
			return
		}
		for range n {
			if prefix > 0 {
				set = int(c.U8())
				c.Skip(prefix - 1)
			}
			kind := c.U8()
			value := c.Bytes(int(c.U8()))
			if !c.OK() {
				return
			}
			if set == 0 {
				d.attribute(variation, kind, value, of, out)
			}
			set++
		}
	}
}

// dnp3Range reads the range field of an object header, IEEE 1815 4.2.2.7: the
// first index and how many follow; with prefix each object has its own index
// of so many octets before it.
func dnp3Range(c *wire.Cursor, qualifier byte) (first, n, prefix int) {
	switch qualifier {
	case 0x00:
		first, last := int(c.U8()), int(c.U8())
		return first, last - first + 1, 0
	case 0x01:
		first, last := int(c.U16LE()), int(c.U16LE())
		return first, last - first + 1, 0
	case 0x17:
		return 0, int(c.U8()), 1
	case 0x28:
		return 0, int(c.U16LE()), 2
	}
	return 0, 0, 0
}

func (d *dnp3) attribute(variation, kind byte, value []byte, of Subject, out Out) {
	x := &dnp3AttributeFacts[variation]
	switch {
	case x.attribute == "":
	case kind == dnp3VSTR:
		if value = trim(value); len(value) > 0 {
			out.Fact(of, x.attribute, value, x.source, ot.Identity)
		}
	case kind == dnp3UINT && len(value) <= 4:
		n := uint64(0)
		for i, b := range value {
			n |= uint64(b) << (8 * i)
		}
		out.Fact(of, x.attribute, d.text.uint(n), x.source, ot.Identity)
	}
}
