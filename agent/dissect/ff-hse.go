package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ff-hse",
		Over:     []string{"udp", "tcp"},
		Tier:     1,
		Ports:    append(UDP(1089, 1090, 1091, 3622), TCP(1089, 1090, 1091, 3622)...),
		Match:    matchHSE,
		New:      func() Dissector { return &ffHSE{} },
		OT:       true,
		Reads:    "device identifiers and tags, who asks whom, operations",
		Standard: "Fieldbus Foundation FF-588 (HSE field device access) and FF-589 (HSE system management), IEC 61158 type 5; from the text alone",
	})
}

// hseDevice is the identifier of a device: maker, type and serial number.
const hseDevice ot.Attribute = "ff-hse.device_id"

// ffHSE reads Foundation Fieldbus over high-speed Ethernet:
//
//	0         1         2              3         4         8        12
//	+---------+---------+--------------+---------+---------+--------+------
//	| version | options | protocol 6,  | service | address | length | ...
//	|    1    |         | message 2    |         |         | of all |
//	+---------+---------+--------------+---------+---------+--------+------
type ffHSE struct {
	claimed bool
	text    scratch
}

// Protocols of messages, shifted; messages; the bit of services that are
// confirmed.
const (
	hseSession    = 1
	hseManagement = 2
	hseFMS        = 3
	hseRedundancy = 4

	hseAsks      = 0
	hseAnswers   = 1
	hseError     = 2
	hseConfirmed = 0x80

	hseHead = 12
	hseMost = 64 << 10
)

// Services that are read further.
const (
	hseIdentify   = hseConfirmed | 3
	hseAnnounces  = 16
	hseFindTag    = 1
	hseFindTagIs  = 2
	hseEvent      = 2
	hseDiagnostic = 1
)

type hseMessage struct {
	size     int
	protocol uint8
	kind     uint8
	service  uint8
	body     wire.Cursor
}

// readHSE reads one message: ErrShort when it may go on.
func readHSE(b []byte) (x hseMessage, err error) {
	c := wire.New(b)
	version := c.U8()
	if c.OK() && version != 1 {
		return x, ErrNotMine
	}
	c.Skip(1)
	kind := c.U8()
	x.protocol, x.kind, x.service = kind>>2, kind&3, c.U8()
	if c.OK() && !x.known() {
		return x, ErrNotMine
	}
	c.Skip(4)
	n := c.U32()
	if c.OK() && (n < hseHead || n > hseMost) {
		return x, ErrNotMine
	}
	x.size = int(n)
	x.body = c.Sub(x.size - hseHead)
	if !c.OK() {
		return x, ErrShort
	}
	return x, nil
}

// known reports whether the protocol has such a service.
func (x *hseMessage) known() bool {
	s, confirmed := x.service&^hseConfirmed, x.service&hseConfirmed != 0
	if x.kind > hseError || !confirmed && x.kind != hseAsks {
		return false
	}
	switch x.protocol {
	case hseSession:
		return confirmed && (s == 1 || s == 3)
	case hseManagement:
		return confirmed && (s == 3 || s == 12 || s == 14 || s == 15) || !confirmed && (s == hseFindTag || s == hseFindTagIs || s == hseAnnounces)
	case hseFMS:
		return confirmed && (s <= 33 || s == 82 || s == 83 || s == 96) || !confirmed && (s <= 2 || s >= 16 && s <= 18 || s == 112)
	case hseRedundancy:
		return confirmed && s >= 1 && s <= 3 || !confirmed && s == hseDiagnostic
	}
	return false
}

// matchHSE claims whole messages that fill what is there.
func matchHSE(b []byte) bool {
	x, err := readHSE(b)
	return err == nil && x.size == len(b)
}

func (d *ffHSE) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	x, err := readHSE(m.Data)
	switch {
	case err == ErrShort && (m.Stream || m.Cut): //nolint:errorlint // of its own, never wrapped
		return 0, ErrShort
	case err != nil:
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if x.service&hseConfirmed != 0 {
		out.Sender(roleOf(x.kind == hseAsks))
	}
	if of, ok := x.operation(); ok && x.kind == hseAsks {
		out.Operation(of, 1)
	}
	if x.protocol == hseManagement && (x.service == hseIdentify && x.kind == hseAnswers || x.service == hseAnnounces) {
		d.identity(&x.body, out)
	}
	return x.size, nil
}

// identity reads what a device says of itself: states 4, index 2, highest
// index 2, address 16, identifier 32, tag 32.
func (d *ffHSE) identity(c *wire.Cursor, out Out) {
	c.Skip(4 + 2 + 2 + 16)
	id, tag := trim(c.Bytes(32)), trim(c.Bytes(32))
	if !c.OK() || !printable(id) || !printable(tag) {
		return
	}
	if len(id) > 0 {
		out.Fact(Sender, hseDevice, id, "ff-hse.sm.device_id", ot.Identity)
		out.Fact(Sender, ot.Serial, id, "ff-hse.sm.device_id", ot.Identity)
	}
	if len(tag) > 0 {
		out.Fact(Sender, ot.Name, tag, "ff-hse.sm.pd_tag", ot.Identity)
	}
}

// operation is the class of a request or report.
func (x *hseMessage) operation() (ot.Operation, bool) {
	s, confirmed := x.service&^hseConfirmed, x.service&hseConfirmed != 0
	switch {
	case x.protocol == hseFMS && confirmed:
		return hseRequest(s)
	case x.protocol == hseFMS:
		return ot.Alarm, s == hseEvent
	case x.protocol == hseManagement && confirmed && s != hseIdentify&^hseConfirmed:
		return ot.Configure, true // addresses and assignments
	case x.protocol == hseManagement:
		return ot.Diagnose, s != hseAnnounces && s != hseFindTagIs
	case x.protocol == hseRedundancy && s == 2 && confirmed:
		return ot.Configure, true
	case x.protocol == hseRedundancy:
		return ot.Diagnose, confirmed
	}
	return 0, false
}

// hseRequest is the class of a confirmed service of FMS.
func hseRequest(s uint8) (ot.Operation, bool) {
	switch {
	case s == 0, s == 1, s == 4:
		return ot.Diagnose, true
	case s == 2, s == 82:
		return ot.Read, true
	case s == 3, s == 83:
		return ot.Write, true
	case s == 7, s == 8, s == 24, s >= 28 && s <= 30:
		return ot.Configure, true
	case s >= 9 && s <= 18, s >= 31 && s <= 33:
		return ot.Program, true
	case s >= 19 && s <= 23:
		return ot.Control, true
	case s == 25:
		return ot.Alarm, true
	}
	return 0, false
}

// Resync finds the next message of a stream.
func (d *ffHSE) Resync(b []byte) int {
	for i := range b {
		if b[i] == 1 && matchHSE(b[i:]) {
			return i
		}
	}
	return -1
}
