package dissect

import (
	"encoding/binary"
	"testing"
)

// cyclic is a frame of process data, all of it good and from a running sender.
func cyclic(frame uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, frame)
	return append(append(b, make([]byte, 40)...), 0x12, 0x34, 0x35, 0)
}

// alarmFrame is an RTA-PDU with data.
func alarmFrame(frame, block uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, frame)
	b = append(b, 0, 1, 0, 2, 0x11, 0x11, 0xff, 0xff, 0xff, 0xfe, 0, 26)
	b = binary.BigEndian.AppendUint16(b, block)
	return append(b, make([]byte, 24)...)
}

func TestRealTime(t *testing.T) {
	k := &talk{t: t, d: &profinetRT{}}
	expectTold(t, k.say(0, cyclic(0x8000)), "")
	expectTold(t, k.say(1, cyclic(0x8001)), "")
	expectTold(t, k.say(1, alarmFrame(rtAlarmHigh, alarmHigh)), "alarm=1")
	expectTold(t, k.say(0, alarmFrame(rtAlarmHigh, 0x8001)), "")
	expectTold(t, k.say(1, alarmFrame(rtAlarmLow, alarmLow)), "alarm=1")
	// A station is asked for its name while it exchanges data.
	expectTold(t, k.say(0, dcpFrame(dcpGetSet, dcpServiceGet, 0, []byte{2, 2})), "client diagnose=1")
	k.refused(0, []byte{0xff, 0x40, 0, 0}, ErrMalformed)

	for name, b := range map[string][]byte{
		"reserved frame identifier": cyclic(0x0010),
		"clock":                     cyclic(0xff40),
		"short":                     cyclic(0x8000)[:20],
		"alarm of no kind":          {0xfc, 1, 0, 1, 0, 2, 0x17, 0, 0, 0},
		"DCP":                       dcpFrame(dcpGetSet, dcpServiceGet, 0, []byte{2, 2}),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &profinetRT{}}).refused(0, b, ErrNotMine) })
	}
}

func TestRealTimeSample(t *testing.T) {
	r := newReel()
	// The controller finds its device first: the conversation is of process
	// data all the same.
	r.ether(5, madeMAC(1), profinetType, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1, station("belt-7")...))
	for i := range 4 {
		r.ether(1, madeMAC(5), profinetType, cyclic(0x8000))
		r.ether(5, madeMAC(1), profinetType, cyclic(0x8001))
		if i == 2 {
			r.ether(5, madeMAC(1), profinetType, alarmFrame(rtAlarmHigh, alarmHigh))
			r.ether(1, madeMAC(5), profinetType, alarmFrame(rtAlarmHigh, 0x8001))
		}
	}
	r.ether(1, madeMAC(6), profinetType, cyclic(0xbffe))
	made(t, "profinet-rt", "cyclic", r)
}

func FuzzRealTime(f *testing.F) { fuzzDissector(f, "profinet-rt", false) }
