package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "profinet-rt",
		Over:     []string{"ethernet", "profinet-dcp"},
		Tier:     2,
		Ports:    EtherType(profinetType),
		New:      func() Dissector { return &profinetRT{} },
		OT:       true,
		Reads:    "cyclic process data, alarms, stations that also speak DCP",
		Standard: "IEC 61158-6-10 clause 4.2 (RTC, RTA)",
	})
}

// Ranges of frame identifiers, IEC 61158-6-10 table "FrameID".
const (
	rtClass3From  = 0x0100
	rtClass3To    = 0x7fff
	rtClass1From  = 0x8000
	rtClassUDPTo  = 0xfbff
	rtAlarmHigh   = 0xfc01
	rtAlarmLow    = 0xfe01
	rtaData       = 1      // RTA: PDU type in the low half of the octet
	rtaVersion    = 1      // in the high half
	alarmHigh     = 0x0001 // block types of an alarm notification
	alarmLow      = 0x0002
	rtaHeaderSize = 12
)

// profinetRT reads process data between two stations:
//
//	 0         2                                        -4        -2      -1
//	+---------+----------------------------------------+---------+-------+--------+
//	| frame   | data, 40 to 1440 octets                | cycle   | data  |transfer|
//	| id      |                                        | counter | status| status |
//	+---------+----------------------------------------+---------+-------+--------+
//
// What the data mean stands in the connection that a controller opened over
// PROFINET IO, so who commands whom does not show here.
type profinetRT struct {
	dcp  profinetDCP
	told bool
}

// rtMinimum is the shortest cyclic frame behind the EtherType, IEC 61158-6-10
// clause 4.2.2.4; one without a VLAN tag is longer.
const rtMinimum = 2 + 40 + 4

// isRealTime reports whether the EtherType's payload is a cyclic frame or an
// alarm.
func isRealTime(b []byte) bool {
	c := wire.New(b)
	frame := c.U16()
	switch {
	case !c.OK():
		return false
	case frame >= rtClass3From && frame <= rtClass3To, frame >= rtClass1From && frame <= rtClassUDPTo:
		return len(b) >= rtMinimum-4 // with two tags 4 octets less fill a frame
	case frame == rtAlarmHigh, frame == rtAlarmLow:
		c.Skip(4)
		kind := c.U8()
		return c.OK() && kind>>4 == rtaVersion && kind&15 >= rtaData && kind&15 <= 4
	}
	return false
}

func (d *profinetRT) Dissect(m *Message, out Out) (int, error) {
	if !isRealTime(m.Data) {
		if d.told {
			if h, ok := readDCP(m.Data); ok && h.size == len(h.blocks) {
				d.dcp.read(m, &h, out)
				return len(m.Data), nil
			}
		}
		return 0, notMine(d.told)
	}
	if isAlarm(m.Data) {
		out.Operation(ot.Alarm, 1)
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil
}

// isAlarm reports an alarm notification, IEC 61158-6-10 clause 4.7: an RTA-PDU
// with data whose block is one. Its acknowledgement is another block.
//
//	+-------+-------------+--------+------+-------+------+-----+--------+-------
//	| frame | destination | source | type | flags | send | ack | length | block
//	+-------+-------------+--------+------+-------+------+-----+--------+-------
func isAlarm(b []byte) bool {
	c := wire.New(b)
	if frame := c.U16(); frame != rtAlarmHigh && frame != rtAlarmLow {
		return false
	}
	c.Skip(4)
	kind := c.U8() & 15
	c.Skip(rtaHeaderSize - 5)
	block := c.U16()
	return c.OK() && kind == rtaData && (block == alarmHigh || block == alarmLow)
}
