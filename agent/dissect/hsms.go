package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "hsms",
		Over:     []string{"tcp"},
		Tier:     1,
		Match:    matchHSMS, // no port: each plant gives its own
		New:      func() Dissector { return &hsms{} },
		OT:       true,
		Reads:    "model and software revision of semiconductor equipment, who is equipment and who its host, operations",
		Standard: "SEMI E37 and E37.1 (HSMS, HSMS-SS), SEMI E5 (SECS-II), as manuals of equipment have them; " + FromText,
	})
}

// hsmsPart says what an end is: equipment, or its host.
const hsmsPart ot.Attribute = "hsms.part"

// hsms reads messages of both ends:
//
//	0        4         6        7          8       9       10       14
//	+--------+---------+--------+----------+-------+-------+--------+------
//	| length | session | stream | function | PType | SType | system | items
//	+--------+---------+--------+----------+-------+-------+--------+------
//
// The high bit of the stream asks for an answer. SType 0 is data, all else
// keeps up the session and has the header alone.
type hsms struct {
	claimed bool
	recent  recent
}

const (
	hsmsHeader = 14
	hsmsLeast  = hsmsHeader - 4 // of a length
	hsmsMost   = 64 << 20
	hsmsRead   = 512 // octets of a message that are looked at

	hsmsData   = 0
	hsmsSelect = 1
	hsmsReject = 7
	hsmsLast   = 9
)

type hsmsMessage struct {
	size             int // 0 while the header is not whole
	session          uint16
	kind             uint8
	stream, function uint8
	asks             bool
	items            []byte // as far as they are looked at
}

// readHSMS reads the header: !ok for what is none, as early as that shows.
func readHSMS(b []byte) (x hsmsMessage, ok bool) {
	c := wire.New(b)
	n := c.U32()
	if !c.OK() {
		return x, len(b) == 0 || b[0] <= hsmsMost>>24
	}
	if n < hsmsLeast || n > hsmsMost {
		return x, false
	}
	x.session = c.U16()
	stream, function := c.U8(), c.U8()
	if c.OK() && n > hsmsLeast && (x.session >= 0x8000 || stream&0x7f == 0 || function == 0) {
		return x, false // data has all of these, unless it aborts
	}
	form, kind := c.U8(), c.U8()
	c.Skip(4)
	if !c.OK() {
		return x, len(b) <= 8 || form == 0 && hsmsIsKind(kind)
	}
	x.size, x.kind, x.function = 4+int(n), kind, function
	x.stream, x.asks = stream&0x7f, stream&0x80 != 0
	x.items = c.Bytes(min(int(n)-hsmsLeast, hsmsRead, c.Len()))
	switch {
	case form != 0 || !hsmsIsKind(kind):
		return x, false
	case kind == hsmsData:
		// An answer is even and asks for none; function 0 aborts.
		return x, x.stream > 0 && x.session < 0x8000 && (function%2 == 1 || !x.asks)
	case kind == hsmsReject:
		return x, n == hsmsLeast
	}
	return x, n == hsmsLeast && stream == 0
}

// hsmsIsKind reports an SType of E37 table 4; 8 is not used.
func hsmsIsKind(kind uint8) bool { return kind <= hsmsLast && kind != 8 }

// wanted is how much of the message must have come before it is read.
func (x *hsmsMessage) wanted() int { return min(x.size, hsmsHeader+hsmsRead) }

// matchHSMS claims what hsmsProves, and what may become that: no port says
// where to wait for the rest of a message.
func matchHSMS(b []byte) bool {
	x, ok := readHSMS(b)
	if len(b) > 0 && ok && (x.size == 0 || len(b) < x.wanted()) {
		return b[0] == 0 && (len(b) < 2 || b[1] == 0) && (x.size == 0 || x.proving())
	}
	return hsmsProves(b)
}

// proving reports what keeps up a session, under the number that E37.1 gives
// it, and data of a known function.
func (x *hsmsMessage) proving() bool {
	if x.kind != hsmsData {
		return x.kind != hsmsReject && x.session == 0xffff && x.function == 0
	}
	_, known := hsmsOperation(x.stream, x.function|1)
	return known && x.function > 0 && x.size >= hsmsHeader+2
}

// hsmsProves reports a whole message whose items, if it has any, fill it.
func hsmsProves(b []byte) bool {
	x, ok := readHSMS(b)
	if !ok || x.size == 0 || x.size > len(b) || !x.proving() {
		return false
	}
	return x.kind != hsmsData || x.size <= hsmsHeader+hsmsRead && secsFills(x.items)
}

func (d *hsms) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	x, ok := readHSMS(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case x.size == 0, len(m.Data) < x.wanted():
		return 0, ErrShort
	case !d.claimed && !hsmsProves(m.Data), len(x.items) > 0 && x.kind == hsmsData && !secsBegins(x.items):
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	switch x.kind {
	case hsmsData:
		d.data(m, &x, out)
	case hsmsSelect: // E37.1 clause 7.2: of the active entity, which connected
		out.Sender(Client)
	case hsmsSelect + 1:
		out.Sender(Server)
	}
	return x.size, nil
}

// data tells what a message of SECS-II asks for, and what its sender is.
func (d *hsms) data(m *Message, x *hsmsMessage, out Out) {
	if of, known := hsmsOperation(x.stream, x.function); known {
		out.Operation(of, 1)
	}
	switch model, software := hsmsPlate(x); {
	case len(model) > 0:
		out.Fact(Sender, ot.Model, model, "hsms.mdln", ot.Identity)
		if len(software) > 0 {
			out.Fact(Sender, ot.FirmwareRev, software, "hsms.softrev", ot.Identity)
		}
		d.parts(m, Sender, Receiver, out)
	case hsmsOfHost(x.stream, x.function):
		d.parts(m, Receiver, Sender, out)
	case hsmsOfEquipment(x.stream, x.function):
		d.parts(m, Sender, Receiver, out)
	}
}

var hsmsEquipment, hsmsHost = []byte("equipment"), []byte("host")

func (d *hsms) parts(m *Message, equipment, host Subject, out Out) {
	if d.recent.fresh(m.Time, uint64(equipment.Kind)<<1|uint64(m.From)) {
		out.Fact(equipment, hsmsPart, hsmsEquipment, "hsms.function", ot.Content)
		out.Fact(host, hsmsPart, hsmsHost, "hsms.function", ot.Content)
	}
}

// hsmsPlate is the model and the software revision in S1F2, S1F13 and S1F14,
// which a host sends with an empty list in their place.
func hsmsPlate(x *hsmsMessage) (model, software []byte) {
	if x.stream != 1 || x.function != 2 && x.function != 13 && x.function != 14 {
		return nil, nil
	}
	c := wire.New(x.items)
	if x.function == 14 { // COMMACK comes first
		if kind, n := secsItem(&c); kind != secsList || n != 2 {
			return nil, nil
		}
		_, n := secsItem(&c)
		c.Skip(n)
	}
	if kind, n := secsItem(&c); kind != secsList || n != 2 {
		return nil, nil
	}
	model, software = secsText(&c), secsText(&c)
	if !c.OK() {
		return nil, nil
	}
	return model, software
}

// Resync finds the next message behind a gap, or what may be the front of one.
func (d *hsms) Resync(b []byte) int {
	for i := 0; i+6 <= len(b); i++ {
		if matchHSMS(b[i:]) {
			return i
		}
	}
	return -1
}
