package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "iec103",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Match:    func(b []byte) bool { return matchFT12(b, provesIEC103) },
		New:      func() Dissector { return &iec103{} },
		OT:       true,
		Reads:    "identification and address of protection relays, operations by type and cause",
		Standard: "IEC 60870-5-103:1997 behind serial gateways, clause 7, frames of IEC 60870-5-1 clause 6.2.4.2 and IEC 60870-5-2; from the text alone",
	})
}

// iec103Address is a relay's common address, which is its link address.
const iec103Address ot.Attribute = "iec103.common_address"

// iec103 reads the interface of protection relays. The control system begins
// every exchange; a data unit stands behind the link address:
//
//	type | structure | cause | common address | function | information | ...
type iec103 struct {
	claimed bool
	asked   bool // a request was seen: answers then count nothing of their own
	recent  recent
	text    scratch
}

// Types, clause 7.2.1.
const (
	iec103Message    = 1
	iec103Relative   = 2
	iec103Measurands = 3
	iec103Fault      = 4 // measurands of a fault
	iec103Identifies = 5
	iec103Clock      = 6
	iec103Interro    = 7
	iec103Ended      = 8
	iec103Second     = 9 // measurands II
	iec103Generic    = 10
	iec103GenericID  = 11
	iec103Command    = 20
	iec103GenericAsk = 21
	iec103Recorded   = 23 // to 31: disturbances
	iec103Order      = 24
	iec103OrderAck   = 25
	iec103Tags       = 29
	iec103Values     = 30
)

// Causes of transmission that need a name, clause 7.2.3.
const (
	iec103Spontaneous   = 1
	iec103Cyclic        = 2
	iec103Sync          = 8
	iec103Interrogation = 9
	iec103Termination   = 10
	iec103LocalDone     = 11
	iec103RemoteDone    = 12
	iec103Positive      = 20 // of a relay; a general command of the control system
	iec103Negative      = 21
	iec103Disturbance   = 31
	iec103GenericWrite  = 40
	iec103GenericRead   = 42
)

// Functions that are no relay's own, clause 7.2.5.1.
const (
	iec103ToGeneric = 254
	iec103ToAll     = 255
)

// iec103Causes are the causes that a type has, and iec103Sizes what stands
// behind its information number; 0 is a type of no fixed size.
var (
	iec103Causes = [32]uint64{
		iec103Message:    1<<1 | 1<<7 | 1<<9 | 1<<11 | 1<<12 | 1<<20 | 1<<21,
		iec103Relative:   1<<1 | 1<<7 | 1<<9 | 1<<11 | 1<<12,
		iec103Measurands: 1<<2 | 1<<7,
		iec103Fault:      1<<1 | 1<<7,
		iec103Identifies: 1<<3 | 1<<4 | 1<<5 | 1<<6,
		iec103Clock:      1 << iec103Sync,
		iec103Interro:    1 << iec103Interrogation,
		iec103Ended:      1 << iec103Termination,
		iec103Second:     1<<2 | 1<<7,
		iec103Generic:    1<<1 | 1<<2 | 1<<7 | 1<<9 | 1<<11 | 1<<12 | 31<<40,
		iec103GenericID:  1<<42 | 1<<43,
		iec103Command:    1 << iec103Positive,
		iec103GenericAsk: 1<<9 | 1<<40 | 1<<42,
		iec103Recorded:   1 << iec103Disturbance, 24: 1 << 31, 25: 1 << 31, 26: 1 << 31, 27: 1 << 31,
		28: 1 << 31, iec103Tags: 1 << 31, iec103Values: 1 << 31, 31: 1 << 31,
	}
	iec103Sizes = [32]int{
		iec103Message: 6, iec103Relative: 10, iec103Fault: 12, iec103Identifies: 13, iec103Clock: 7, iec103Interro: 1, iec103Ended: 1,
		iec103Command: 2, iec103Order: 5, iec103OrderAck: 5, 26: 15, 27: 17, 28: 4, 31: 5,
	}
)

type iec103Unit struct {
	kind, number, cause, address, function, information uint8
	rest                                                wire.Cursor
}

func readIEC103(f *ft12) (x iec103Unit, ok bool) {
	c := wire.New(f.body)
	c.Skip(2)
	x.kind = c.U8()
	x.number = c.U8() & 0x7f
	x.cause, x.address, x.function, x.information = c.U8(), c.U8(), c.U8(), c.U8()
	x.rest = c
	return x, c.OK()
}

// iec103Fits reports whether a frame holds a data unit of a defined type whose
// sender, cause, function and size agree.
func iec103Fits(f *ft12) bool {
	x, ok := readIEC103(f)
	if !ok || x.kind >= 32 || x.cause >= 64 || iec103Causes[x.kind]>>x.cause&1 == 0 || !x.sentBy(f.primary()) || !x.toFunction() {
		return false
	}
	n := x.rest.Len()
	if size := iec103Sizes[x.kind]; size != 0 {
		return n == size && x.number == 1
	}
	switch x.kind {
	case iec103Measurands, iec103Second:
		return x.number > 0 && n == 2*int(x.number)
	case iec103Recorded:
		return n == 10*int(x.number)
	case iec103Tags:
		return n >= 5 && (n-5)%3 == 0
	case iec103Values:
		return n >= 8 && n%2 == 0
	}
	return n >= 2 // generic
}

// sentBy reports whether that station sends such a type.
func (x *iec103Unit) sentBy(primary bool) bool {
	switch x.kind {
	case iec103Clock, iec103Generic:
		return true
	case iec103Interro, iec103Command, iec103GenericAsk, iec103Order, iec103OrderAck:
		return primary
	}
	return !primary
}

// toFunction reports whether a type that is of all functions or of none says so.
func (x *iec103Unit) toFunction() bool {
	switch x.kind {
	case iec103Clock, iec103Interro, iec103Ended:
		return x.function == iec103ToAll && x.information == 0
	case iec103Identifies:
		return x.information >= 2 && x.information <= 5
	case iec103Generic, iec103GenericID, iec103GenericAsk:
		return x.function == iec103ToGeneric && x.information >= 240
	}
	return true
}

// provesIEC103 reports whether a frame is one of IEC 103 and of no other
// protocol of its class: some with few measurands may be of IEC 101.
func provesIEC103(f ft12) bool {
	return f.body != nil && iec103Fits(&f) && iec101Fit(f.body) == 0 && !mbusFits(&f)
}

func (d *iec103) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	f, err := nextFT12(m, d.claimed, 1, provesIEC103)
	if err != nil {
		return 0, err
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	asks := !f.single && f.primary()
	out.Sender(roleOf(asks))
	if f.body == nil || !iec103Fits(&f) {
		return f.size, nil // a poll, or a maker's own type
	}
	x, _ := readIEC103(&f)
	switch {
	case asks:
		d.asked = true
		out.Operation(x.asks(), 1)
	default:
		d.relay(m, &x, out)
	}
	return f.size, nil
}

// asks is the class of what the control system sends.
func (x *iec103Unit) asks() ot.Operation {
	switch x.kind {
	case iec103Clock:
		return ot.Configure
	case iec103Command:
		return ot.Control
	case iec103Generic:
		return ot.Configure
	case iec103Order, iec103OrderAck:
		return ot.Transfer
	}
	return ot.Read
}

// relay reads what a relay says.
func (d *iec103) relay(m *Message, x *iec103Unit, out Out) {
	if x.address != 0xff && d.recent.fresh(m.Time, uint64(x.address)) {
		out.Fact(Sender, iec103Address, d.text.uint(uint64(x.address)), "iec103.asdu.common_address", ot.Content)
	}
	if x.kind == iec103Identifies {
		x.rest.Skip(1) // compatibility level
		if text := trim(x.rest.Bytes(8)); len(text) > 1 && printable(text) {
			out.Fact(Sender, ot.Product, text, "iec103.identification.ascii", ot.Identity)
		}
		return
	}
	if of, ok := x.tells(d.asked); ok {
		out.Operation(of, 1)
	}
}

// tells is the class of what a relay says by itself, or of what was asked for
// while the mirror has shown no request.
func (x *iec103Unit) tells(asked bool) (ot.Operation, bool) {
	switch x.cause {
	case iec103Spontaneous, iec103LocalDone, iec103RemoteDone:
		return ot.Alarm, true
	case iec103Cyclic:
		return ot.Read, true
	case iec103Positive, iec103Negative:
		return ot.Control, !asked && x.kind == iec103Message
	case iec103Termination:
		return ot.Read, !asked
	case iec103Sync:
		return ot.Configure, !asked
	}
	return 0, false
}

// Resync finds the next frame that is one of IEC 103.
func (d *iec103) Resync(b []byte) int { return resyncFT12(b, provesIEC103) }
