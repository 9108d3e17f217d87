package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "open-protocol",
		Over:     []string{"tcp"},
		Tier:     1,
		Ports:    TCP(4545),
		Match:    matchOpenProtocol,
		New:      func() Dissector { return &openProtocol{} },
		OT:       true,
		Reads:    "name, supplier, serial number and software of tightening controllers, cell and channel, serial number of their tools, operations",
		Standard: "Atlas Copco Open Protocol Specification R 2.16.0 chapters 4 and 5; " + FromText,
	})
}

// Attributes of tightening controllers.
const (
	openProtocolSupplier ot.Attribute = "open-protocol.supplier"
	openProtocolVersion  ot.Attribute = "open-protocol.version"
	openProtocolCell     ot.Attribute = "open-protocol.cell"
	openProtocolChannel  ot.Attribute = "open-protocol.channel"
	openProtocolTool     ot.Attribute = "open-protocol.tool_software"
)

// openProtocol reads the messages of tightening controllers and of the
// integrators that connect to them. All of the header is digits or spaces:
//
//	 0        4     8          11        20
//	+--------+-----+----------+---------+------+-----
//	| length | MID | revision | 9 other | data | NUL
//	+--------+-----+----------+---------+------+-----
//
// The length counts what is before NUL.
type openProtocol struct{ claimed bool }

const openProtocolHeader = 20

type openProtocolMessage struct {
	size     int // with NUL; 0 while the header is not whole
	mid      int
	revision int
	data     []byte
}

// readOpenProtocol reads the front of a message: !ok for what is none, as
// early as that shows.
func readOpenProtocol(b []byte) (x openProtocolMessage, ok bool) {
	for i, v := range b[:min(len(b), openProtocolHeader)] {
		if (v < '0' || v > '9') && (v != ' ' || i < 8) {
			return x, false
		}
	}
	c := wire.New(b)
	length, mid, revision := openProtocolNumber(c.Bytes(4)), openProtocolNumber(c.Bytes(4)), c.Bytes(3)
	c.Skip(openProtocolHeader - 11)
	switch {
	case !c.OK():
		return x, len(b) < 4 || length >= openProtocolHeader
	case length < openProtocolHeader || mid == 0:
		return x, false
	}
	x = openProtocolMessage{size: length + 1, mid: mid, revision: max(1, openProtocolNumber(trim(revision))), data: c.Peek(length - openProtocolHeader)}
	return x, len(b) <= length || b[length] == 0
}

// openProtocolNumber is the number that digits write; 0 for what is none.
func openProtocolNumber(b []byte) (n int) {
	for _, v := range b {
		if v < '0' || v > '9' {
			return 0
		}
		n = n*10 + int(v-'0')
	}
	return n
}

func matchOpenProtocol(b []byte) bool {
	x, ok := readOpenProtocol(b)
	return ok && x.size > 0 && len(b) >= x.size
}

func (d *openProtocol) Dissect(m *Message, out Out) (int, error) {
	x, ok := readOpenProtocol(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case x.size == 0, len(m.Data) < x.size:
		return 0, ErrShort
	}
	if !d.claimed {
		d.claimed = !m.Trial
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if of, asks := openProtocolRequest(x.mid); asks {
		out.Sender(Client)
		if of != openProtocolNothing {
			out.Operation(of, 1)
		}
	} else if openProtocolAnswer(x.mid) {
		out.Sender(Server)
	}
	switch x.mid {
	case 2:
		openProtocolStarted(&x, out)
	case 41:
		openProtocolTools(&x, out)
	case 71, 1000:
		out.Operation(ot.Alarm, 1)
	}
	return x.size, nil
}

// openProtocolNothing is what acknowledges.
const openProtocolNothing = ot.Operation(ot.NumOperations)

// openProtocolRequests are the messages of an integrator, by MID from the
// first to the last.
var openProtocolRequests = [...]struct {
	first, last int
	of          ot.Operation
}{
	{1, 1, openProtocolNothing}, // start
	{3, 3, openProtocolNothing}, // stop
	{6, 6, ot.Read},
	{8, 9, ot.Subscribe},
	{10, 10, ot.Read}, // parameter sets
	{12, 12, ot.Read},
	{14, 14, ot.Subscribe},
	{16, 16, openProtocolNothing},
	{17, 17, ot.Subscribe},
	{18, 18, ot.Control},
	{19, 19, ot.Write},
	{20, 20, ot.Control},
	{21, 21, ot.Subscribe},
	{23, 23, openProtocolNothing},
	{24, 24, ot.Subscribe},
	{25, 25, ot.Configure},
	{30, 30, ot.Read}, // jobs
	{32, 32, ot.Read},
	{34, 34, ot.Subscribe},
	{36, 36, openProtocolNothing},
	{37, 37, ot.Subscribe},
	{38, 39, ot.Control},
	{40, 40, ot.Diagnose}, // tools
	{42, 44, ot.Control},
	{45, 45, ot.Configure},
	{46, 47, ot.Control},
	{50, 50, ot.Write}, // vehicle identification
	{51, 51, ot.Subscribe},
	{53, 53, openProtocolNothing},
	{54, 54, ot.Subscribe},
	{60, 60, ot.Subscribe}, // results
	{62, 62, openProtocolNothing},
	{63, 63, ot.Subscribe},
	{64, 64, ot.Read},
	{70, 70, ot.Subscribe}, // alarms
	{72, 72, openProtocolNothing},
	{73, 73, ot.Subscribe},
	{75, 75, openProtocolNothing},
	{77, 77, openProtocolNothing},
	{78, 78, ot.Control},
	{80, 80, ot.Read}, // time
	{82, 82, ot.Configure},
	{90, 90, ot.Subscribe}, // several spindles
	{92, 92, openProtocolNothing},
	{93, 93, ot.Subscribe},
	{100, 100, ot.Subscribe},
	{102, 102, openProtocolNothing},
	{103, 103, ot.Subscribe},
	{105, 105, ot.Subscribe},
	{108, 108, openProtocolNothing},
	{109, 109, ot.Subscribe},
	{110, 111, ot.Write}, // user's text
	{113, 113, ot.Control},
	{120, 120, ot.Subscribe}, // line control
	{125, 125, openProtocolNothing},
	{126, 126, ot.Subscribe},
	{127, 133, ot.Control},
	{140, 140, ot.Control},
	{150, 150, ot.Write}, // identifiers
	{151, 151, ot.Subscribe},
	{153, 153, openProtocolNothing},
	{154, 154, ot.Subscribe},
	{155, 157, ot.Control},
	{200, 200, ot.Control}, // inputs and outputs
	{210, 210, ot.Subscribe},
	{212, 212, openProtocolNothing},
	{213, 213, ot.Subscribe},
	{214, 214, ot.Read},
	{216, 216, ot.Subscribe},
	{218, 218, openProtocolNothing},
	{219, 220, ot.Subscribe},
	{222, 222, openProtocolNothing},
	{223, 223, ot.Subscribe},
	{224, 225, ot.Control},
	{240, 240, ot.Write}, // user's data
	{241, 241, ot.Subscribe},
	{243, 243, openProtocolNothing},
	{244, 244, ot.Subscribe},
	{245, 245, ot.Write},
	{250, 250, ot.Subscribe}, // selectors
	{252, 252, openProtocolNothing},
	{253, 253, ot.Subscribe},
	{254, 255, ot.Control},
	{260, 260, ot.Read},
	{261, 261, ot.Subscribe},
	{263, 263, openProtocolNothing},
	{264, 264, ot.Subscribe},
	{265, 265, ot.Write},
	{270, 270, ot.Control}, // starts the controller again
	{300, 300, ot.Read},
	{400, 400, ot.Subscribe},
	{402, 402, openProtocolNothing},
	{403, 403, ot.Subscribe},
	{410, 410, ot.Read},
	{420, 420, ot.Subscribe},
	{422, 422, openProtocolNothing},
	{423, 423, ot.Subscribe},
	{500, 500, ot.Subscribe},
	{502, 502, openProtocolNothing},
	{503, 503, ot.Subscribe},
	{504, 504, ot.Control},
	{1001, 1001, openProtocolNothing},
	{1203, 1203, openProtocolNothing},
	{1602, 1602, openProtocolNothing},
	{1901, 1901, ot.Control},
	{2100, 2100, ot.Control},
	{2500, 2500, ot.Program},
	{2504, 2504, ot.Control},
	{2505, 2505, ot.Program},
	{2600, 2600, ot.Read},
	{2602, 2602, ot.Read},
	{2605, 2605, openProtocolNothing},
	{2606, 2606, ot.Control},
}

func openProtocolRequest(mid int) (of ot.Operation, asks bool) {
	for i := range openProtocolRequests {
		if r := &openProtocolRequests[i]; r.first <= mid && mid <= r.last {
			return r.of, true
		}
	}
	return 0, false
}

// openProtocolAnswer reports what controllers alone send: start and its kin,
// data that was asked for, data that was subscribed to.
func openProtocolAnswer(mid int) bool {
	switch mid {
	case 2, 4, 5, 11, 13, 15, 22, 31, 33, 35, 41, 48, 52, 61, 65, 66, 67, 71, 74, 76, 81, 91, 101, 106, 107, 121, 122, 123, 124, 152, 211, 215, 217, 221, 242, 251, 262, 301, 401, 411, 421, 501, 900, 901, 1000, 1201, 1202, 1601, 1900, 2601, 2603, 2604:
		return true
	}
	return false
}

// openProtocolField is one of the numbered fields of a message: its number in
// two digits stands before it.
type openProtocolField struct {
	size      int
	revision  int // that brought it
	attribute ot.Attribute
	source    string
}

// openProtocolStart are the fields of MID 0002.
var openProtocolStart = [...]openProtocolField{
	{4, 1, openProtocolCell, "open-protocol.0002.cell_id"},
	{2, 1, openProtocolChannel, "open-protocol.0002.channel_id"},
	{25, 1, ot.Name, "open-protocol.0002.controller_name"},
	{3, 2, openProtocolSupplier, "open-protocol.0002.supplier_code"},
	{19, 3, openProtocolVersion, "open-protocol.0002.open_protocol_version"},
	{19, 3, ot.FirmwareRev, "open-protocol.0002.controller_software_version"},
	{19, 3, openProtocolTool, "open-protocol.0002.tool_software_version"},
	{24, 4, "", "RBU type"},
	{10, 4, ot.Serial, "open-protocol.0002.controller_serial_number"},
}

// openProtocolToolData are the fields of MID 0041; the first is of the tool.
var openProtocolToolData = [...]openProtocolField{
	{14, 1, ot.Serial, "open-protocol.0041.tool_serial_number"},
	{10, 1, "", "tightenings"},
	{19, 1, "", "calibration"},
	{10, 1, ot.Serial, "open-protocol.0041.controller_serial_number"},
	{6, 2, "", "calibration value"},
	{19, 2, "", "service"},
	{10, 2, "", "tightenings since service"},
	{2, 2, "", "tool type"},
	{2, 2, "", "motor size"},
	{3, 2, "", "open end"},
	{19, 2, ot.FirmwareRev, "open-protocol.0041.controller_software_version"},
}

var openProtocolAtlas = []byte("Atlas Copco")

func openProtocolStarted(x *openProtocolMessage, out Out) {
	openProtocolEach(x, openProtocolStart[:], func(f *openProtocolField, _ int, v []byte) {
		out.Fact(Sender, f.attribute, v, f.source, ot.Identity)
		if f.attribute == openProtocolSupplier && string(v) == "ACT" { // the one code that the specification names
			out.Fact(Sender, ot.Vendor, openProtocolAtlas, f.source, ot.Identity)
		}
	})
}

func openProtocolTools(x *openProtocolMessage, out Out) {
	openProtocolEach(x, openProtocolToolData[:], func(f *openProtocolField, i int, v []byte) {
		of := Sender
		if i == 0 {
			of = Part(Sender, "tool")
		}
		out.Fact(of, f.attribute, v, f.source, ot.Identity)
	})
}

// openProtocolEach calls each with the fields that have an attribute, up to the first that is
// not where it belongs.
func openProtocolEach(x *openProtocolMessage, fields []openProtocolField, each func(f *openProtocolField, i int, v []byte)) {
	c := wire.New(x.data)
	for i := range fields {
		f := &fields[i]
		number, v := openProtocolNumber(c.Bytes(2)), c.Bytes(f.size)
		if !c.OK() || f.revision > x.revision || number != i+1 || !printable(v) {
			return
		}
		if v = trim(v); f.attribute != "" && !allZeros(v) {
			each(f, i, v)
		}
	}
}

// allZeros reports a field that is not set.
func allZeros(v []byte) bool {
	for _, x := range v {
		if x != '0' {
			return false
		}
	}
	return true
}

// Resync finds the next message behind a gap.
func (d *openProtocol) Resync(b []byte) int {
	for i := 0; i+openProtocolHeader < len(b); i++ {
		if matchOpenProtocol(b[i:]) {
			return i
		}
	}
	return -1
}
