package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Functions, T. Wiens.
const (
	s7plusExplore             = 0x04bb
	s7plusCreateObject        = 0x04ca
	s7plusDeleteObject        = 0x04d4
	s7plusSetVariable         = 0x04f2
	s7plusGetVariable         = 0x04fc
	s7plusAddLink             = 0x0506
	s7plusRemoveLink          = 0x051a
	s7plusGetLink             = 0x0524
	s7plusSetMultiVariables   = 0x0542
	s7plusGetMultiVariables   = 0x054c
	s7plusBeginSequence       = 0x0556
	s7plusEndSequence         = 0x0560
	s7plusInvoke              = 0x056b
	s7plusSetVarSubStreamed   = 0x057c
	s7plusGetVarSubStreamed   = 0x0586
	s7plusGetVariablesAddress = 0x0590
	s7plusAbort               = 0x059a
	s7plusError               = 0x05a9
	s7plusInitSSL             = 0x05b3
)

// Objects that say what a function is about, T. Wiens (Ids).
const (
	s7plusProgram   = 3          // thePLCProgram
	s7plusExecUnit  = 52         // theCPUexecUnit: its attribute is the operating state that is asked for
	s7plusSessions  = 285        // ServerSessionContainer
	s7plusSubscribe = 1001       // class of subscriptions
	s7plusBlocks    = 0x80000000 // identifiers from here on are blocks and types: DB n is 8A0E0000h + n
)

func s7plusKnown(function uint16) bool {
	switch function {
	case s7plusExplore, s7plusCreateObject, s7plusDeleteObject, s7plusSetVariable, s7plusGetVariable,
		s7plusAddLink, s7plusRemoveLink, s7plusGetLink, s7plusSetMultiVariables, s7plusGetMultiVariables,
		s7plusBeginSequence, s7plusEndSequence, s7plusInvoke, s7plusSetVarSubStreamed, s7plusGetVarSubStreamed,
		s7plusGetVariablesAddress, s7plusAbort, s7plusError, s7plusInitSSL:
		return true
	}
	return false
}

// s7plusClass tells what a function does; a request by the object that it is
// about, too.
func s7plusClass(p *s7plusPDU) (ot.Operation, bool) {
	request := p.opcode == s7plusRequest
	c := wire.New(p.body)
	object := uint32(0)
	if request {
		object = c.U32()
	}
	switch p.function {
	case s7plusExplore, s7plusGetVariablesAddress:
		return ot.Diagnose, true
	case s7plusGetVariable, s7plusGetMultiVariables, s7plusGetVarSubStreamed, s7plusGetLink:
		return ot.Read, true
	case s7plusSetVariable, s7plusSetMultiVariables, s7plusSetVarSubStreamed:
		switch {
		case request && object == s7plusExecUnit:
			return ot.Control, true
		case request && object == p.session:
			return ot.Authenticate, true // the session's own attributes: its version, the answer to a challenge
		}
		return ot.Write, true
	case s7plusInvoke:
		return ot.Control, true
	case s7plusDeleteObject:
		return ot.Program, object >= s7plusBlocks
	case s7plusCreateObject:
		return s7plusCreated(object, c)
	}
	return 0, false
}

// s7plusCreated tells what a request to create an object is for: a session is
// no operation, an object of the program is program, a subscription subscribe.
func s7plusCreated(parent uint32, c wire.Cursor) (ot.Operation, bool) {
	if parent == s7plusProgram || parent >= s7plusBlocks {
		return ot.Program, true
	}
	if parent == s7plusSessions || parent == 0 {
		return 0, false
	}
	if !s7plusObject(&c, true) {
		return 0, false
	}
	c.Skip(4)
	return ot.Subscribe, s7plusVLQ(&c) == s7plusSubscribe
}

// s7plusVLQ reads a number of seven bits an octet, the highest first.
func s7plusVLQ(c *wire.Cursor) (n uint64) {
	for range 9 {
		x := c.U8()
		n = n<<7 | uint64(x&0x7f)
		if x&0x80 == 0 || !c.OK() {
			return n
		}
	}
	c.Skip(c.Len() + 1) // no end: short
	return 0
}
