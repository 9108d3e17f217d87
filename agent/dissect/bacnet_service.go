package dissect

import (
	"encoding/binary"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Confirmed services that need a name, clause 21 BACnetConfirmedServiceChoice.
const (
	confirmedCOV           = 1
	confirmedEvent         = 2
	confirmedReadProperty  = 12
	confirmedReadMultiple  = 14
	confirmedWrite         = 15
	confirmedWriteMultiple = 16
	confirmedCOVMultiple   = 31
	confirmedAudit         = 32
	lastConfirmed          = 33
)

// bacnetClasses is the class of each confirmed service, by its number.
var bacnetClasses = [lastConfirmed + 1]ot.Operation{
	ot.Alarm,        // 0 acknowledge alarm
	ot.Alarm,        // change of value
	ot.Alarm,        // event
	ot.Read,         // alarm summary
	ot.Read,         // enrolment summary
	ot.Subscribe,    // 5 change of value
	ot.Transfer,     // read file
	ot.Transfer,     // write file
	ot.Write,        // add list element
	ot.Write,        // remove list element
	ot.Configure,    // 10 create object
	ot.Configure,    // delete object
	ot.Read,         // property
	ot.Read,         // property, conditional
	ot.Read,         // properties
	ot.Write,        // 15 property
	ot.Write,        // properties
	ot.Control,      // device communication
	ot.Transfer,     // private
	ot.Alarm,        // text message
	ot.Control,      // 20 reinitialize device
	ot.Configure,    // virtual terminal open
	ot.Configure,    // virtual terminal close
	ot.Configure,    // virtual terminal data
	ot.Authenticate, // authenticate
	ot.Authenticate, // 25 request key
	ot.Read,         // range
	ot.Control,      // life safety operation
	ot.Subscribe,    // change of value of a property
	ot.Read,         // event information
	ot.Subscribe,    // 30 changes of values of properties
	ot.Alarm,        // changes of values
	ot.Alarm,        // audit notification
	ot.Read,         // audit log
}

// poll reads a message as most are once the protocol is proved: ReadProperty of
// the present value of an object on this link, and its acknowledgement when the
// request was seen. What it leaves alone, with 0, read reads; of the rest both say
// the same.
func (d *bacnet) poll(m *Message, out Out) (used int) {
	const link = bvlcHeader + 2 // and network
	b, be := m.Data, binary.BigEndian
	if !d.secured || m.Cut || len(b) < link+10 || be.Uint16(b) != bvlcIPv4<<8|bvlcUnicast ||
		b[4] != npduVersion || b[5]&(npduMessage|npduDNET|npduSNET|npduReserved) != 0 {
		return 0
	}
	from := d.sides.of(m)
	asks, at := b[link]&^2 == apduConfirmed<<4 && b[link+1]&0x80 == 0, link+2
	if asks {
		at++
	} else if b[link] != apduComplexAck<<4 || !d.sides.asked[from.other()] {
		return 0
	}
	used = int(be.Uint16(b[2:]))
	if used > len(b) || used < at+8 {
		return 0
	}
	// service, object [0], property [1]
	v := be.Uint64(b[at:])
	if v>>48 != confirmedReadProperty<<8|0x0c || v&0xffff != 0x19<<8|propertyPresentValue || v>>38&0x3ff == objectDevice {
		return 0
	}
	out.Sender(roleOf(asks))
	if asks {
		d.sides.asked[from] = true
		out.Operation(ot.Read, 1)
	}
	return used
}

// bacnetNotifies reports the services by which a device tells its subscribers.
func bacnetNotifies(service uint8) bool {
	return service == confirmedCOV || service == confirmedEvent || service == confirmedCOVMultiple || service == confirmedAudit
}

// bacnetClass is the class of a confirmed request with its parameters.
func bacnetClass(service uint8, body []byte) (ot.Operation, bool) {
	if service > lastConfirmed {
		return 0, false
	}
	class := bacnetClasses[service]
	c := wire.New(body)
	switch service {
	case confirmedReadProperty:
		if id, ok := contextObject(&c, 0); ok && id.kind == objectDevice {
			class = ot.Diagnose
		}
	case confirmedReadMultiple:
		if onlyDevice(&c) {
			class = ot.Diagnose
		}
	case confirmedWrite:
		if commands(&c) {
			class = ot.Control
		}
	case confirmedWriteMultiple:
		if commandsMany(&c) {
			class = ot.Control
		}
	}
	return class, true
}

// bacnetAnswerClass is the class of the request that an answer belongs to; the
// acknowledgements of reads begin as their requests do.
func bacnetAnswerClass(service uint8, body []byte) (ot.Operation, bool) {
	if service == confirmedReadProperty || service == confirmedReadMultiple {
		return bacnetClass(service, body)
	}
	return bacnetClass(service, nil)
}

func contextObject(c *wire.Cursor, number uint8) (bacnetID, bool) {
	t := readTag(c)
	if !c.OK() || !t.at(number) {
		return bacnetID{}, false
	}
	return t.object()
}

// onlyDevice reports a list of properties, asked for or told, that are all of
// the device itself (clauses 15.7.1 and 15.7.2: object [0], list [1]).
func onlyDevice(c *wire.Cursor) bool {
	n := 0
	for ; c.Len() > 0 && n < maxBACnetTable; n++ {
		id, ok := contextObject(c, 0)
		if !ok {
			return n > 0 && !c.OK() // cut, or the first of several segments
		}
		if id.kind != objectDevice {
			return false
		}
		if t := readTag(c); !t.opens(1) {
			return n > 0 || !c.OK()
		}
		skipValue(c)
	}
	return n > 0
}

// commands reports a Write-Property that makes something run: the present value
// of a command object, the change of a program's state (clauses 12.10, 12.22,
// 15.9.1: object [0], property [1]).
func commands(c *wire.Cursor) bool {
	id, ok := contextObject(c, 0)
	t := readTag(c)
	return ok && c.OK() && t.at(1) && isCommand(id, t.uint())
}

func isCommand(id bacnetID, property uint64) bool {
	return id.kind == objectCommand && property == propertyPresentValue ||
		id.kind == objectProgram && property == propertyProgramChange
}

// commandsMany is commands of a Write-Property-Multiple (clause 15.10.1:
// object [0], list [1] of property [0], index [1], value [2], priority [3]).
func commandsMany(c *wire.Cursor) bool {
	for n := 0; c.Len() > 0 && n < maxBACnetTable; n++ {
		id, ok := contextObject(c, 0)
		if open := readTag(c); !ok || !open.opens(1) {
			return false
		}
		for c.Len() > 0 {
			t := readTag(c)
			if t.closes(1) {
				break
			}
			if t.at(0) && isCommand(id, t.uint()) {
				return true
			}
			if t.kind == tagOpen {
				skipValue(c)
			}
		}
	}
	return false
}

// Unconfirmed services that need a name, clause 21 BACnetUnconfirmedServiceChoice.
const (
	unconfirmedIAm         = 0
	unconfirmedIHave       = 1
	unconfirmedCOV         = 2
	unconfirmedEvent       = 3
	unconfirmedCOVMultiple = 11
)

// unconfirmedService is what an unconfirmed service means. sender is its part
// when it goes to one station, 0 when that does not tell.
type unconfirmedService struct {
	class  ot.Operation
	counts bool
	sender Role
}

var unconfirmedServices = [...]unconfirmedService{
	{0, false, Server},           // 0 I-Am
	{0, false, Server},           // I-Have
	{ot.Alarm, true, 0},          // change of value
	{ot.Alarm, true, 0},          // event
	{ot.Transfer, true, 0},       // private
	{ot.Alarm, true, 0},          // 5 text message
	{ot.Configure, true, Client}, // time synchronization
	{ot.Diagnose, true, Client},  // Who-Has
	{ot.Diagnose, true, Client},  // Who-Is
	{ot.Configure, true, Client}, // UTC time synchronization
	{ot.Write, true, Client},     // 10 write group
	{ot.Alarm, true, 0},          // changes of values
	{ot.Alarm, true, 0},          // audit notification
	{ot.Diagnose, true, 0},       // Who-Am-I
	{ot.Configure, true, Client}, // You-Are
}

func bacnetUnconfirmed(service uint8) (s unconfirmedService, ok bool) {
	if int(service) >= len(unconfirmedServices) {
		return s, false
	}
	return unconfirmedServices[service], true
}
