package dissect

import (
	"encoding/binary"
	"strconv"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "modbus",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(TCP(modbusPort), UDP(modbusPort)...),
		Match:    matchModbus,
		New:      func() Dissector { return &modbus{unit: -1} },
		OT:       true,
		Reads:    "device identification, server id, function classes, exceptions, units behind gateways; serial frames over TCP and UDP",
		Standard: "MODBUS Application Protocol V1.1b3; MODBUS Messaging on TCP/IP V1.0b; MODBUS over Serial Line V1.02",
	})
}

// modbusPort is reserved by IANA for the protocol (Messaging on TCP/IP, 3.1.3).
const modbusPort = 502

// The MBAP header, Messaging on TCP/IP V1.0b 3.1.3, big endian. The length
// counts the unit identifier and the PDU, whose largest size is 253 bytes
// (Application Protocol V1.1b3 4.1):
//
//	 0       2       4       6    7    8
//	+-------+-------+-------+----+----+----------
//	| trans | proto | length|unit| fc | data ...
//	|       |  = 0  | 2..254|    |    |
//	+-------+-------+-------+----+----+----------
const (
	mbapSize      = 7
	mbapPrefix    = 6 // what the length field does not count
	mbapMinLength = 2
	mbapMaxLength = 254
	umasMaxLength = 2047 // a vendor's protocol in function 90 keeps to a limit of its own
)

// modbus reads one conversation. A device is behind its unit identifiers:
// 0 and 255 mean the device itself (Messaging on TCP/IP 4.4.1.2), and so does
// the only unit that ever answers; more units stand behind a gateway.
type modbus struct {
	sides   sides
	client  side // side proved to ask
	claimed bool
	line    bool  // frames as on a serial line
	asked   bool  // a request was seen, so requests are counted, not responses
	many    bool  // several units answer: this is a gateway
	steady  bool  // both ends have shown which part they play: poll may look first
	unit    int16 // the first unit that answered, -1 before
	echoes  modbusEchoes
}

// modbusFrame is one ADU. pdu may be cut; size is what the header promises.
type modbusFrame struct {
	transaction uint16
	unit        uint8
	pdu         []byte
	size        int // of the PDU, 1..253; UMAS has longer ones
}

// readModbus reads the header. ok is false when it cannot be MBAP; a header
// that is not all there has ok and no pdu.
func readModbus(b []byte) (f modbusFrame, ok bool) {
	if len(b) < mbapSize {
		return f, mayBeMBAP(b)
	}
	h, rest := (*[mbapSize]byte)(b), b[mbapSize:]
	protocol, length := binary.BigEndian.Uint16(h[2:]), int(binary.BigEndian.Uint16(h[4:]))
	f.transaction, f.unit = binary.BigEndian.Uint16(h[0:]), h[6]
	if protocol != 0 || length < mbapMinLength || length > umasMaxLength {
		return f, false
	}
	if length > mbapMaxLength && len(rest) > 0 && rest[0]&^modbusException != modbusUMAS {
		return f, false
	}
	f.size = length - 1
	n := min(f.size, len(rest))
	f.pdu = rest[:n:n]
	return f, true
}

// mayBeMBAP looks at the fixed bytes of a header that has not come whole.
func mayBeMBAP(b []byte) bool {
	c := wire.New(b)
	c.Skip(2)
	high, low := c.U8(), c.U8()
	return high|low == 0 && c.U8() <= umasMaxLength>>8
}

// matchModbus claims what cannot be told from Modbus by header, shape and
// values; the beginning of a header it claims too, for want of evidence.
func matchModbus(b []byte) bool {
	return isMBAP(b) || matchSerial(b)
}

func isMBAP(b []byte) bool {
	f, ok := readModbus(b)
	return ok && (len(f.pdu) == 0 || f.shape() != 0 && f.sane())
}

func (d *modbus) Dissect(m *Message, out Out) (int, error) {
	if used := d.poll(m, out); used > 0 {
		return used, nil
	}
	used, err := d.read(m, out)
	d.steady = d.asked && d.claimed && !d.line && d.client != sideNone
	return used, err
}

// poll reads a message as nearly all are then: a whole request to read bits or
// registers, or its answer. What it leaves alone, with 0, read reads; of the rest
// both say the same.
func (d *modbus) poll(m *Message, out Out) (used int) {
	b := m.Data
	if !d.steady || len(b) <= mbapSize+1 {
		return 0
	}
	h := binary.BigEndian.Uint64(b)
	length, unit, fc := int(h>>16&0xffff), uint8(h>>8), uint8(h)
	if h>>32&0xffff != 0 || length > mbapMaxLength || length > len(b)-mbapPrefix || fc-1 > 3 {
		return 0
	}
	asks := sideA+side(m.From^d.sides.first) == d.client
	// Behind the function are address and quantity, or a count of bytes and these.
	// Which of the two, no processor foresees: both are worked out.
	count, answers := int(b[mbapSize+1]), bit(!asks)
	rest := 4 + int(answers)*(count-3)
	foreign := bit(unit-1 < 254) & bit(d.unit != int16(unit)) // the device itself is unit 0 or 255
	odd := bit(fc > 2) & uint16(count)
	if rest != length-2 || answers&(foreign|odd) != 0 {
		return 0
	}
	out.Sender(roleOf(asks))
	out.Operation(ot.Read, int(bit(asks)))
	return mbapPrefix + length
}

// read reads a message of any kind.
func (d *modbus) read(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	if d.line || !d.claimed && d.onLine(m) {
		return d.serial(m, out)
	}
	f, ok := readModbus(m.Data)
	if !ok {
		return 0, d.refuse()
	}
	whole := len(f.pdu) == f.size && f.size > 0
	switch {
	case whole:
	case !m.Stream && !m.Cut:
		return 0, d.refuse()
	case !m.Cut || len(f.pdu) == 0:
		return 0, ErrShort
	}
	shape := f.shape()
	if !d.claimed && !d.believe(m, &f, shape) {
		return 0, ErrNotMine
	}
	d.learn(m, &f, shape, out)
	if !whole {
		return 0, ErrShort
	}
	d.claim(out)
	return mbapPrefix + 1 + f.size, nil
}

// onLine decides, before the first success, for frames as on a serial line: they
// are no MBAP, or are whole where MBAP would wait for more.
func (d *modbus) onLine(m *Message) bool {
	f, ok := readModbus(m.Data)
	if !ok {
		return true
	}
	if len(f.pdu) == f.size && f.size > 0 && f.shape() != 0 && f.sane() {
		return false
	}
	_, _, ok = readSerial(m.Data)
	return ok
}

// claim tells once what holds for the whole conversation.
func (d *modbus) claim(out Out) {
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

func (d *modbus) refuse() error {
	if d.claimed {
		return ErrMalformed
	}
	return ErrNotMine
}

// believe decides the first message. Elsewhere than on the reserved port it
// must look like Modbus in every field that the standard fixes; there, a
// message that is wrong behind its function may pass, and a function that the
// standard leaves to users. A port is a hint: what has neither may be another
// protocol's message.
func (d *modbus) believe(m *Message, f *modbusFrame, shape modbusShape) bool {
	switch {
	case !m.Stream && len(m.Data) > mbapPrefix+1+f.size: // a datagram holds one
		return false
	case onPort(m, modbusPort):
		return shape != 0 || f.public() || f.usersOwn()
	}
	return shape != 0 && f.sane()
}

// public reports a function of the standard (clause 6), or an exception to it.
func (f *modbusFrame) public() bool {
	fc := f.pdu[0] &^ modbusException
	return fc >= 1 && fc <= 8 || fc == 11 || fc == 12 || fc >= 15 && fc <= 17 || fc >= 20 && fc <= 24 || fc == 43
}

// usersOwn reports a function that the standard leaves to users (clause 5), or
// the vendor's protocol in function 90; an exception to it is two octets.
func (f *modbusFrame) usersOwn() bool {
	fc := f.pdu[0] &^ modbusException
	return fc >= 65 && fc <= 72 || fc >= 100 && fc <= 110 || fc == modbusUMAS
}

// learn tells what one frame says.
func (d *modbus) learn(m *Message, f *modbusFrame, shape modbusShape, out Out) {
	from := d.sides.of(m)
	request, certain := d.isRequest(m, f, shape, from)
	if certain {
		d.client = from
		if !request {
			d.client = from.other()
		}
	}
	if d.client != sideNone {
		out.Sender(roleOf(from == d.client))
	}
	d.asked = d.asked || request
	if request || !d.asked {
		f.count(out)
	}
	if !request {
		d.answer(f, out)
	}
	if f.pdu[0] == modbusUMAS {
		out.Payload(uint64(f.transaction)<<8|uint64(f.unit), f.pdu)
	}
}

// isRequest tells who asks. The shape of most functions says so; the others
// are echoed, and there the order of two equal messages does.
func (d *modbus) isRequest(m *Message, f *modbusFrame, shape modbusShape, from side) (request, certain bool) {
	switch shape {
	case modbusAsks:
		return true, true
	case modbusAnswers:
		return false, true
	}
	if d.client == sideNone {
		paired, proof := d.echoes.pairs(f, from)
		if proof || paired && m.Direction == Unknown && m.Src().Port != modbusPort && m.Dst().Port != modbusPort {
			return false, proof
		}
		return m.likelyFromClient(modbusPort), false
	}
	return from == d.client, false
}

// count adds the operation that the frame asks for, or had asked for.
func (f *modbusFrame) count(out Out) {
	if c, ok := modbusOperation(f.pdu); ok {
		out.Operation(c, 1)
	}
}

// answer reads what a response says of its unit.
func (d *modbus) answer(f *modbusFrame, out Out) {
	c := wire.New(f.pdu)
	fc := c.U8()
	if fc&modbusException != 0 {
		if code := c.U8(); code == gatewayPathUnavailable || code == gatewayTargetFailed {
			d.many = true
			return
		}
	}
	if f.unit != 0 && f.unit != 255 {
		d.many = d.many || d.unit >= 0 && d.unit != int16(f.unit)
		d.unit = int16(f.unit)
	}
	switch fc {
	case modbusEncapsulated:
		d.deviceID(f, &c, out)
	case modbusReportServerID:
		d.serverID(f, &c, out)
	}
}

// subject is the asset that a unit's answer is about.
func (d *modbus) subject(unit uint8) Subject {
	if unit == 0 || unit == 255 || !d.many {
		return Sender
	}
	return Part(Sender, unitPaths[unit])
}

// unitPaths saves building a path each time that a unit identifies itself.
var unitPaths = numbered("unit/")

// numbered is prefix with each number of a byte.
func numbered(prefix string) (t [256]string) {
	for i := range t {
		t[i] = prefix + strconv.Itoa(i)
	}
	return t
}

// Resync finds the next plausible header behind a gap.
func (d *modbus) Resync(b []byte) int {
	for i := range b {
		if d.line {
			if _, _, ok := readSerial(b[i:]); ok {
				return i
			}
		} else if len(b)-i > mbapSize && isMBAP(b[i:]) {
			return i
		}
	}
	return -1
}

// modbusClasses is the class of each function code, Application Protocol
// V1.1b3 clause 6; -1 for none.
var modbusClasses = func() (t [modbusException]int8) {
	for i := range t {
		t[i] = noClass
	}
	for class, codes := range map[ot.Operation][]int{
		ot.Read:     {1, 2, 3, 4, 20, 24},
		ot.Write:    {5, 6, 15, 16, 21, 22, 23},
		ot.Diagnose: {7, modbusDiagnostics, 11, 12, modbusReportServerID, modbusEncapsulated},
	} {
		for _, code := range codes {
			t[code] = int8(class)
		}
	}
	return t
}()

// modbusOperation is the class of a PDU; an exception is classed as the
// function it answers.
func modbusOperation(pdu []byte) (ot.Operation, bool) {
	c := wire.New(pdu)
	fc := c.U8()
	asked := fc &^ modbusException
	class := modbusClasses[asked]
	if fc == asked {
		switch asked {
		case modbusDiagnostics:
			// 6.8.1: 01 restarts the device's communications, 04 silences it.
			if sub := c.U16(); sub == 1 || sub == 4 {
				return ot.Control, true
			}
		case modbusEncapsulated:
			return ot.Diagnose, c.U8() == meiDeviceID
		}
	}
	return ot.Operation(class), class >= 0
}
