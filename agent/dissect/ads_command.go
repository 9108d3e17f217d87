package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// Commands of ADS ("ADS Commands").
const (
	adsDeviceInfo   = 1
	adsRead         = 2
	adsWrite        = 3
	adsReadState    = 4
	adsWriteControl = 5
	adsSubscribe    = 6
	adsUnsubscribe  = 7
	adsNotification = 8
	adsReadWrite    = 9
)

// adsShapes is by command the data's length of a request and of a response.
// Those that are not exact are the least.
var adsShapes = [...]struct {
	ask, answered  int
	exact, settled bool
}{
	adsDeviceInfo:   {0, 24, true, true},
	adsRead:         {12, 8, true, false},
	adsWrite:        {12, 4, false, true},
	adsReadState:    {0, 8, true, true},
	adsWriteControl: {8, 4, false, true},
	adsSubscribe:    {40, 8, true, true},
	adsUnsubscribe:  {4, 4, true, true},
	adsNotification: {8, 0, false, true},
	adsReadWrite:    {16, 8, false, false},
}

// plausible reports a known command of its size. An answer that failed may be
// shorter: its result alone, or nothing.
func (f *adsFrame) plausible() bool {
	if f.command < adsDeviceInfo || f.command > adsReadWrite {
		return false
	}
	s := &adsShapes[f.command]
	switch {
	case !f.response():
		return f.code == 0 && (f.length == s.ask || !s.exact && f.length > s.ask)
	case f.length == s.answered, !s.settled && f.length > s.answered:
		return true
	}
	return f.length == 4 || f.length == 0 && f.code != 0
}

// System service, its port and index groups (AdsDef.h).
const (
	adsSystemService = 10000
	adsGroupFiles    = 100 // open, create, read, write, find, delete: to 139
	adsGroupFilesEnd = 139
	adsGroupProcess  = 500
	adsGroupNetID    = 600
	adsGroupSumWrite = 0xf081
	adsGroupSumBoth  = 0xf082
	adsGroupSumAdd   = 0xf085
	adsGroupSumEnd   = 0xf086
)

// class is what a message asks for. Of an answer whose request was not seen
// the index group is not known.
func (f *adsFrame) class() ot.Operation {
	switch f.command {
	case adsDeviceInfo, adsReadState:
		return ot.Diagnose
	case adsWriteControl:
		return ot.Control
	case adsSubscribe, adsUnsubscribe:
		return ot.Subscribe
	}
	var group uint32
	if !f.response() {
		c := wire.New(f.data)
		group = c.U32LE()
	}
	if f.target == adsSystemService && !f.response() {
		if class, ok := adsService(group); ok {
			return class
		}
	}
	switch {
	case f.command == adsWrite, group == adsGroupSumWrite, group == adsGroupSumBoth:
		return ot.Write
	case group == adsGroupSumAdd, group == adsGroupSumEnd:
		return ot.Subscribe
	}
	return ot.Read
}

// adsService is the class of an index group of the system service.
func adsService(group uint32) (ot.Operation, bool) {
	switch {
	case group >= adsGroupFiles && group <= adsGroupFilesEnd:
		return ot.Transfer, true
	case group == adsGroupProcess:
		return ot.Control, true
	case group == adsGroupNetID:
		return ot.Configure, true
	}
	return 0, false
}
