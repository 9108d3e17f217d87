package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// MMS PDUs, ISO 9506-2 clause 7, by their context tags.
const (
	mmsRequest       = 0xa0 // confirmed
	mmsResponse      = 0xa1
	mmsError         = 0xa2
	mmsUnconfirmed   = 0xa3
	mmsReject        = 0xa4
	mmsCancel        = 0x85
	mmsCancelled     = 0x86
	mmsCancelError   = 0xa7
	mmsInitiate      = 0xa8
	mmsInitiated     = 0xa9
	mmsInitiateError = 0xaa
	mmsConclude      = 0x8b
	mmsConcluded     = 0x8c
	mmsConcludeError = 0xad
)

// Confirmed services that need a name, ISO 9506-2 clause 7, by tag number.
const (
	mmsGetNameList   = 1
	mmsIdentify      = 2
	mmsRead          = 4
	mmsWrite         = 5
	mmsGetAttributes = 6
	mmsDefineList    = 11
	mmsListMembers   = 12
	mmsDeleteList    = 13
	mmsLastService   = 78
)

// Unconfirmed services, by tag number.
const (
	mmsReport = 0 // information report
	mmsStatus = 1 // unsolicited status
	mmsEvent  = 2 // event notification
)

// mmsPDU is one PDU. service and body are valid for requests, responses and
// unconfirmed PDUs; body is the content of the service.
type mmsPDU struct {
	tag     byte
	invoke  uint32
	service int
	body    wire.Cursor
	objects mmsNames
	exact   bool // nothing is left behind the service; some stacks count wrongly
	cut     bool
}

// readMMS reads an MMS PDU at the front of b: its kind and, where it has one,
// its service.
func readMMS(b []byte, cut bool) (p mmsPDU, ok bool) {
	c := wire.New(b)
	tag, v := berNext(&c, cut)
	if tag > 0xff {
		return p, false
	}
	p.tag, p.cut, p.exact = byte(tag), cut, true
	ok = p.content(v)
	p.exact = p.exact && (c.Len() == 0 || cut)
	if ok {
		p.objects = p.findNames()
	}
	return p, ok
}

// content reads what a PDU holds, as far as it tells one from another.
func (p *mmsPDU) content(v wire.Cursor) bool {
	switch p.tag {
	case mmsRequest, mmsResponse:
		return p.confirmed(v)
	case mmsUnconfirmed:
		return p.choice(&v) && p.service <= mmsEvent
	case mmsError:
		tag, id := berNext(&v, p.cut)
		return tag == 0x80 && id.Len() >= 1 && id.Len() <= 5
	case mmsReject:
		tag, _ := berNext(&v, p.cut)
		return tag >= 0x80 && tag <= 0x8b
	case mmsInitiate, mmsInitiated:
		tag, _ := berNext(&v, p.cut)
		return tag == 0x80 || tag == 0x81 // local detail calling is optional
	case mmsCancel, mmsCancelled:
		return v.Len() >= 1 && v.Len() <= 5
	case mmsConclude, mmsConcluded:
		return v.Len() == 0
	case mmsCancelError, mmsInitiateError, mmsConcludeError:
		return v.Len() > 0
	}
	return false
}

// confirmed reads the content of a confirmed request or response: invoke
// identifier, modifiers, service.
func (p *mmsPDU) confirmed(v wire.Cursor) bool {
	tag, id := berNext(&v, p.cut)
	if tag != berInteger || id.Len() < 1 || id.Len() > 5 {
		return false
	}
	p.invoke = uint32(berUint(&id))
	if next := v.Peek(1); p.tag == mmsRequest && next != nil && next[0] == berSequence {
		berNext(&v, p.cut)
	}
	return p.choice(&v) && p.service <= mmsLastService
}

// choice reads a service: a context tag, and behind it nothing but what a
// companion standard adds (tag 79).
func (p *mmsPDU) choice(v *wire.Cursor) bool {
	tag, body := berNext(v, p.cut)
	first := tag
	p.service = int(tag & 0x1f)
	if tag > 0xff {
		first, p.service = tag>>8, int(tag&0xff)
	}
	if first&0xc0 != 0x80 || !v.OK() {
		return false
	}
	p.body = body
	p.exact = v.Len() == 0 || p.cut
	if !p.exact {
		extra, _ := berNext(v, false)
		p.exact = extra&0x9fff == 0x9f4f && v.Len() == 0
	}
	return true
}

// sender tells who sends this: the client asks, the server answers and
// reports (ISO 9506-1 clause 6).
func (p *mmsPDU) sender() (Role, bool) {
	switch p.tag {
	case mmsRequest, mmsInitiate, mmsConclude, mmsCancel:
		return Client, true
	case mmsResponse, mmsError, mmsUnconfirmed, mmsInitiated, mmsInitiateError, mmsConcluded, mmsConcludeError, mmsCancelled, mmsCancelError:
		return Server, true
	}
	return 0, false
}

// count adds the operation of a PDU: a response counts only while no request
// has been seen.
func (p *mmsPDU) count(asked *bool, out Out) {
	switch p.tag {
	case mmsRequest:
		*asked = true
		if class, ok := p.requested(); ok {
			out.Operation(class, 1)
		}
	case mmsResponse:
		if class, ok := mmsClass(p.service); ok && !*asked {
			out.Operation(class, 1)
		}
	case mmsUnconfirmed:
		if p.service == mmsReport {
			out.Operation(ot.Subscribe, 1)
		} else {
			out.Operation(ot.Alarm, 1)
		}
	}
}

// requested is the class of a request; of a write and a read the objects tell.
func (p *mmsPDU) requested() (ot.Operation, bool) {
	names := p.names()
	switch p.service {
	case mmsWrite:
		return names.written(), true
	case mmsRead:
		switch _, item, _ := names.next(); {
		case plateOf(item).what != plateNone:
			return ot.Diagnose, true
		case bytes.HasSuffix(item, []byte("$SBO")) && constraint(item) == "CO":
			return ot.Control, true // IEC 61850-8-1 20.2: to read it selects
		}
	}
	return mmsClass(p.service)
}

// mmsClass is the class of a confirmed service, ISO 9506-2 clause 7, by tag
// number.
func mmsClass(service int) (ot.Operation, bool) {
	switch service {
	case 4, 17, 63, 64, 65: // read, input, alarm summaries, read journal
		return ot.Read, true
	case 5, 18, 62, 66: // write, output, acknowledge event, write journal
		return ot.Write, true
	case 0, 1, 2, 6, 9, 12, 15, 23, 24, 25, 37, 45, 49, 50, 55, 56, 60, 61, 68, 71:
		// status, identify, names, capabilities; attributes and states of objects
		return ot.Diagnose, true
	case 3, 7, 8, 10, 11, 13, 14, 16, 21, 22, 47, 48, 51, 53, 54, 58, 59, 67, 69, 70:
		// rename; variables, lists, types, semaphores, conditions, actions,
		// enrolments, journals: define, alter, delete
		return ot.Configure, true
	case 19, 20, 40, 41, 42, 43, 44, 52: // take and relinquish control; start to kill; trigger event
		return ot.Control, true
	case 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 38, 39: // domains, program invocations
		return ot.Program, true
	case 46, 72, 73, 74, 75, 76, 77: // files
		return ot.Transfer, true
	case 57: // enrol for an event
		return ot.Subscribe, true
	}
	return 0, false
}
