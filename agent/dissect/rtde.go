package dissect

import (
	"strconv"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "rtde",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(rtdePort),
		Match:    matchRTDE,
		New:      func() Dissector { return &rtde{} },
		OT:       true,
		Reads:    "software version of Universal Robots controllers, who takes their outputs and who writes their inputs",
		Standard: "Universal Robots, Real-Time Data Exchange (RTDE) Guide; " + FromText,
	})
}

const rtdePort = 30004

// rtde reads the packages of a robot's controller and of its clients:
//
//	 0      2      3
//	+------+------+-----
//	| size | type | body
//	+------+------+-----
//
// The size counts everything. Requests and answers have the same type and
// differ in their bodies.
type rtde struct {
	proved bool
	seen   bool
	text   scratch
}

const (
	rtdeHeader = 3
	rtdeMost   = 16 << 10

	rtdeProtocol = 'V'
	rtdeVersion  = 'v'
	rtdeText     = 'M'
	rtdeData     = 'U'
	rtdeOutputs  = 'O'
	rtdeInputs   = 'I'
	rtdeStart    = 'S'
	rtdePause    = 'P'
)

// rtdePackage is one package, and what part its sender plays, 0 where its form
// does not tell.
type rtdePackage struct {
	size int // 0 while the header is not whole
	kind uint8
	role Role
	body []byte // as far as it has come
}

// readRTDE reads the front of a package: !ok for what is none, as early as that
// shows.
func readRTDE(b []byte) (x rtdePackage, ok bool) {
	c := wire.New(b)
	n, kind := int(c.U16()), c.U8()
	if !c.OK() {
		return x, len(b) < 2 && (len(b) == 0 || b[0] < rtdeMost>>8) || len(b) == 2 && n >= rtdeHeader && n <= rtdeMost
	}
	if n < rtdeHeader || n > rtdeMost {
		return x, false
	}
	x = rtdePackage{size: n, kind: kind, body: c.Bytes(min(n-rtdeHeader, c.Len()))}
	return x, x.formed()
}

// formed checks the form that each type has, and finds who sends such.
func (x *rtdePackage) formed() bool {
	whole := len(x.body) == x.size-rtdeHeader
	switch size := x.size; x.kind {
	case rtdeProtocol: // a version of two octets is asked for, one octet says whether it is taken
		x.role = roleOf(size == 5)
		c := wire.New(x.body)
		return size == 5 && (!whole || c.U16() < 16) || size == 4 && (!whole || c.U8() < 2)
	case rtdeVersion:
		x.role = roleOf(size == rtdeHeader)
		return size == rtdeHeader || size == rtdeHeader+16
	case rtdeStart, rtdePause:
		x.role = roleOf(size == rtdeHeader)
		return size <= rtdeHeader+1
	case rtdeInputs, rtdeOutputs:
		if size < rtdeHeader+2 {
			return false
		}
		if whole {
			x.role = rtdeNames(x.body)
		}
		return !whole || x.role != 0
	case rtdeText:
		return size > rtdeHeader+1
	case rtdeData:
		return size > rtdeHeader
	}
	return false
}

// rtdeNames says who sends a body of names of variables, in small letters, or
// of their types, in large ones. A frequency may stand before names, the number
// of a recipe before types.
func rtdeNames(b []byte) Role {
	c := wire.New(b)
	recipe := c.U8()
	types := c.Rest()
	c = wire.New(b)
	c.Skip(8)
	names := c.Rest()
	switch {
	case rtdeList(b, 'a', 'z'), rtdeList(names, 'a', 'z'):
		return Client
	case rtdeList(b, 'A', 'Z'), recipe > 0 && rtdeList(types, 'A', 'Z'):
		return Server
	}
	return 0
}

// rtdeList reports words of letters of one case, digits and underscores,
// between commas.
func rtdeList(b []byte, first, last byte) bool {
	for _, x := range b {
		if (x < first || x > last) && (x < '0' || x > '9') && x != '_' && x != ',' {
			return false
		}
	}
	return len(b) >= 4 && b[0] >= first && b[0] <= last
}

// matchRTDE claims names of variables, their types, and a version: all else is
// too short for a signature.
func matchRTDE(b []byte) bool {
	x, ok := readRTDE(b)
	return ok && x.size > 0 && len(x.body) == x.size-rtdeHeader && x.proves()
}

func (x *rtdePackage) proves() bool {
	if x.kind == rtdeVersion && x.role == Server {
		c := wire.New(x.body)
		major := c.U32()
		return major > 0 && major < 100 && c.U32() < 1000 && c.U32() < 1000
	}
	return (x.kind == rtdeInputs || x.kind == rtdeOutputs) && len(x.body) >= 5
}

func (d *rtde) Dissect(m *Message, out Out) (int, error) {
	x, ok := readRTDE(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.seen)
	case x.size == 0, len(m.Data) < x.size:
		return 0, ErrShort
	case !d.seen && !x.proves() && !(rtdeOwn(m) && (x.kind == rtdeProtocol || x.kind == rtdeData)):
		return 0, ErrNotMine
	}
	if m.Trial {
		return x.size, nil
	}
	d.text.reset()
	d.proved = d.proved || x.kind != rtdeData
	if !d.seen {
		d.seen = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if x.role != 0 {
		out.Sender(x.role)
	}
	switch {
	case x.kind == rtdeVersion && x.role == Client:
		out.Operation(ot.Diagnose, 1)
	case x.kind == rtdeVersion:
		d.version(x.body, out)
	case x.kind == rtdeOutputs && x.role == Client:
		out.Operation(ot.Subscribe, 1)
	case x.kind == rtdeData && m.likelyFromClient(rtdePort):
		out.Operation(ot.Write, 1) // of inputs
	}
	return x.size, nil
}

func rtdeOwn(m *Message) bool { return m.Src().Port == rtdePort || m.Dst().Port == rtdePort }

// Surmises reports that nothing but data was seen yet, which could be another's.
func (d *rtde) Surmises() bool { return !d.proved }

var rtdeVendor = []byte("Universal Robots")

// version reads four numbers: major, minor, bug fix, build.
func (d *rtde) version(b []byte, out Out) {
	c := wire.New(b)
	at := d.text.mark()
	for i := range 4 {
		if i > 0 {
			d.text.byte('.')
		}
		var digits [10]byte
		d.text.add(strconv.AppendUint(digits[:0], uint64(c.U32()), 10))
	}
	out.Fact(Sender, ot.Vendor, rtdeVendor, "rtde.urcontrol_version", ot.Behaviour)
	out.Fact(Sender, ot.FirmwareRev, d.text.since(at), "rtde.urcontrol_version", ot.Identity)
}

// Resync finds the next package that proves itself behind a gap.
func (d *rtde) Resync(b []byte) int {
	for i := 0; i+rtdeHeader <= len(b); i++ {
		if matchRTDE(b[i:]) {
			return i
		}
	}
	return -1
}
