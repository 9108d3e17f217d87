package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Causes of transmission that need a name, IEC 60870-5-101 table 14.
const (
	causePeriodic      = 1
	causeBackground    = 2
	causeSpontaneous   = 3
	causeInitialized   = 4
	causeRequest       = 5
	causeActivation    = 6
	causeConfirmation  = 7
	causeDeactivation  = 8
	causeDeactivated   = 9
	causeTermination   = 10
	causeRemote        = 11 // return information caused by a remote command
	causeLocal         = 12 // by a local one
	causeFile          = 13
	causeInterrogated  = 20 // to 36, by station or group
	causeCounters      = 37 // to 41, counters by request
	causeUnknownType   = 44
	causeUnknownObject = 47
)

// asdu is the data unit identifier of an ASDU and how large it is.
type asdu struct {
	kind       byte // type identification; 0 is none
	number     int  // of objects or elements
	sequence   bool // SQ: one object address, then elements alone
	cause      byte
	negative   bool
	originator byte
	address    uint16
}

// readASDU reads the data unit identifier, IEC 60870-5-101, 7.2.
func readASDU(b []byte) (x asdu) {
	c := wire.New(b)
	x.kind = c.U8()
	vsq := c.U8()
	x.sequence, x.number = vsq&0x80 != 0, int(vsq&0x7f)
	cause := c.U8()
	x.cause, x.negative = cause&0x3f, cause&0x40 != 0
	x.originator, x.address = c.U8(), c.U16LE()
	return x
}

// elementSizes are the octets of one information element set by type, without
// its address, IEC 60870-5-101, 7.3; 0 is a type that is not defined.
var elementSizes = [128]byte{
	1: 1, 4, 1, 4, 2, 5, 5, 8, 3, 6, 3, 6, 5, 8, 5, 8, 6, 7, 7, 5, 2,
	30: 8, 8, 9, 12, 10, 10, 12, 12, 10, 11, 11,
	45: 1, 1, 1, 3, 3, 5, 4,
	58: 8, 8, 8, 10, 10, 12, 11,
	70:  1,
	100: 1, 1, noElement, 7, 2, 1, 2, 9,
	110: 3, 3, 5, 1,
	120: 6, 7, 4, 5, 4, anyElement, 13, 16,
}

const (
	noElement  = 0xfe // the object address alone
	anyElement = 0xff // a segment of a file, its length in itself
)

// sane reports whether type, cause and size agree, for an ASDU of n octets.
func (x asdu) sane(n int) bool {
	if x.kind == 0 || x.kind > 127 || x.number == 0 || !sensible(x.cause) {
		return false
	}
	element := int(elementSizes[x.kind])
	rest := n - iec104Head
	switch element {
	case 0:
		return x.kind == 41 || x.kind >= 81 && x.kind <= 95 // authentication, IEC TS 62351-5
	case anyElement:
		return rest >= 3+4
	case noElement:
		return rest == 3
	}
	if x.sequence {
		return rest == 3+x.number*element
	}
	return rest == x.number*(3+element)
}

// sensible reports whether a cause is defined, IEC 60870-5-101 table 14.
func sensible(cause byte) bool {
	return cause >= 1 && cause <= 16 || cause >= causeInterrogated && cause <= 41 || cause >= causeUnknownType && cause <= causeUnknownObject
}

// Ranges of types, IEC 60870-5-101, 7.2.1.1.
func (x asdu) monitored() bool { return x.kind >= 1 && x.kind <= 41 || x.kind == 70 }

func (x asdu) command() bool {
	return x.kind >= 45 && x.kind <= 51 || x.kind >= 58 && x.kind <= 64
}
func (x asdu) system() bool    { return x.kind >= 100 && x.kind <= 107 }
func (x asdu) parameter() bool { return x.kind >= 110 && x.kind <= 113 }
func (x asdu) file() bool      { return x.kind >= 120 && x.kind <= 127 }

// sender tells which station sends this: process information comes from the
// controlled station, commands are activated by the controlling one and
// confirmed by the other (IEC 60870-5-101, 7.4).
func (x asdu) sender() (Role, bool) {
	switch {
	case x.monitored():
		return Server, true
	case x.command(), x.system(), x.parameter():
		switch x.cause {
		case causeActivation, causeDeactivation:
			return Client, true
		case causeRequest:
			return Client, x.kind == 102
		case causeSpontaneous:
			return Server, x.kind == 103 // the clock's hour
		case causeConfirmation, causeDeactivated, causeTermination:
			return Server, true
		}
		return Server, x.cause >= causeInterrogated
	case x.file() && x.cause >= causeUnknownType:
		return 0, false
	}
	return Server, x.kind == 126 // a directory
}

// requests reports whether this asks for something.
func (x asdu) requests() bool {
	return (x.cause == causeActivation || x.cause == causeDeactivation || x.cause == causeRequest) && !x.monitored()
}

// confirms reports whether this is the first answer to a request, a refusal
// too.
func (x asdu) confirms() bool {
	switch x.cause {
	case causeRequest, causeConfirmation, causeDeactivated:
		return true
	}
	return x.cause >= causeUnknownType
}

// ends reports whether this is the last answer to a request.
func (x asdu) ends() bool { return x.cause == causeTermination }

// interrogated reports whether this is process information that was asked for:
// the confirmation before it counts, or the end behind it.
func (x asdu) interrogated() bool {
	return x.cause >= causeInterrogated && x.cause < causeUnknownType
}

// operation is the class of an ASDU: of a command what it does, whether it
// selects or executes; of process information how it came.
func (x asdu) operation() (ot.Operation, bool) {
	switch {
	case x.command():
		return ot.Control, true
	case x.kind == 100, x.kind == 101, x.kind == 102: // interrogations, read
		return ot.Read, true
	case x.kind == 103: // clock
		return ot.Configure, true
	case x.kind == 105: // reset process
		return ot.Control, true
	case x.system(): // tests, delay
		return ot.Diagnose, true
	case x.parameter():
		return ot.Configure, true
	case x.file():
		return ot.Transfer, true
	case x.kind == 41, x.kind >= 81 && x.kind <= 95:
		return ot.Authenticate, true
	case x.monitored():
		return x.reported(), true
	}
	return 0, false
}

// reported is the class of process information. A change of state, a
// protection event and a restart are alarms; values are read, on whatever
// occasion they are sent.
func (x asdu) reported() ot.Operation {
	switch x.cause {
	case causeSpontaneous, causeInitialized, causeRemote, causeLocal:
	default:
		return ot.Read
	}
	switch {
	case x.kind <= 4, x.kind >= 17 && x.kind <= 20, x.kind == 30, x.kind == 31, x.kind >= 38 && x.kind <= 40, x.kind == 70:
		return ot.Alarm
	}
	return ot.Read
}

// asduTally counts what ASDUs ask for.
type asduTally struct {
	asked bool // a request was seen: confirmations then count nothing of their own
	heard bool // a request or confirmation was: nor does what follows one
}

// count adds the operation of an ASDU. What only answers a request counts
// while the mirror has shown no request.
func (d *asduTally) count(x asdu, out Out) {
	class, ok := x.operation()
	switch {
	case x.requests():
		d.asked, d.heard = true, true
	case x.confirms():
		ok, d.heard = ok && !d.asked, true
	case x.ends():
		ok = ok && !d.heard
	case x.interrogated():
		ok = false
	}
	if ok {
		out.Operation(class, 1)
	}
}
