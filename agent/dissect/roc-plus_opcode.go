package dissect

import "demarc/internal/ot"

// Opcodes that are read further, D301180X012 table 2-1.
const (
	rocSystem         = 6
	rocReadPoint      = 167
	rocReadParameters = 180
	rocSignal         = 224
)

// How a request is told from its answer.
const (
	rocUnknown   = iota // no such opcode
	rocEither           // nothing tells
	rocAsksBy           // a request has this many octets of data (or one more where newer firmware has more)
	rocAnswersBy        // an answer has no data
	rocLogin            // an answer has no data, or a session key
	rocTags             // a request is a list of history points
	rocList             // a request is a list of parameters
	rocFromRTU          // always from the device
)

type rocClass struct {
	of     ot.Operation
	counts bool
}

type rocOpcode struct {
	kind  uint8
	size  int
	class rocClass
}

func rocDoes(of ot.Operation) rocClass { return rocClass{of, true} }

// rocOpcodes are the opcodes of D301180X012 chapter 2.
var rocOpcodes = [256]rocOpcode{
	rocSystem:         {rocAsksBy, 0, rocDoes(ot.Diagnose)},
	7:                 {rocAsksBy, 0, rocDoes(ot.Read)},         // clock
	8:                 {rocAnswersBy, 0, rocDoes(ot.Configure)}, // clock
	10:                {rocAsksBy, 3, rocDoes(ot.Read)},         // configurable opcode table
	11:                {rocAnswersBy, 0, rocDoes(ot.Write)},
	17:                {rocLogin, 0, rocDoes(ot.Authenticate)},
	24:                {rocAnswersBy, 0, rocClass{}}, // store and forward: what is in it is somebody else's
	50:                {rocAsksBy, 1, rocDoes(ot.Diagnose)},
	100:               {rocAsksBy, 3, rocDoes(ot.Read)},
	105:               {rocAsksBy, 2, rocDoes(ot.Read)},
	108:               {rocTags, 0, rocDoes(ot.Read)},
	118:               {rocAsksBy, 3, rocDoes(ot.Read)},
	119:               {rocAsksBy, 3, rocDoes(ot.Read)},
	135:               {rocAsksBy, 6, rocDoes(ot.Read)},
	136:               {rocAsksBy, 7, rocDoes(ot.Read)},
	137:               {rocAsksBy, 3, rocDoes(ot.Read)},
	138:               {rocAsksBy, 4, rocDoes(ot.Read)},
	139:               {rocEither, 0, rocDoes(ot.Read)},
	166:               {rocAnswersBy, 0, rocDoes(ot.Write)},
	rocReadPoint:      {rocAsksBy, 4, rocDoes(ot.Read)},
	rocReadParameters: {rocList, 0, rocDoes(ot.Read)},
	181:               {rocAnswersBy, 0, rocDoes(ot.Write)},
	203:               {rocEither, 0, rocDoes(ot.Transfer)},
	205:               {rocEither, 0, rocClass{}}, // from peer to peer
	206:               {rocEither, 0, rocDoes(ot.Read)},
	rocSignal:         {rocFromRTU, 0, rocDoes(ot.Alarm)}, // spontaneous report by exception
	225:               {rocAsksBy, 2, rocClass{}},         // and its acknowledgement
	255:               {rocFromRTU, 0, rocClass{}},        // errors
}

// request tells a request from an answer, as far as that shows.
func (o rocOpcode) request(data []byte) (request, known bool) {
	n := len(data)
	switch o.kind {
	case rocAsksBy:
		return n == o.size, true
	case rocAnswersBy:
		return n > 0, true
	case rocLogin:
		const sessionKey = 24
		return n > 0 && n != sessionKey, true
	case rocTags:
		return n > 1 && n == 2+int(data[1]), true
	case rocList:
		return n > 0 && n == 1+3*int(data[0]), true
	case rocFromRTU:
		return false, true
	}
	return false, false
}
