package probe

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"demarc/internal/ot"
	"demarc/internal/reading"
)

// registerRead is one planned read of registers. They are sent by the library,
// through the relay.
type registerRead struct {
	what   string
	when   string // in words; "" is always
	unit   byte
	input  bool
	first  uint16
	count  uint16
	attr   string            // of a name plate; "" is SunSpec's
	typ    string            // text, number, hex
	before int               // index of the read that decides on this one; -1 is none
	wanted func([]byte) bool // what that read must have told
}

// relayTID is the transaction identifier of every relayed read: the library
// counts up from 1 on each connection, and each read has one of its own.
const relayTID = 1

func (r *registerRead) adu() []byte {
	code := byte(fnHolding)
	if r.input {
		code = fnInput
	}
	pdu := binary.BigEndian.AppendUint16([]byte{code}, r.first)
	return modbusRead{unit: r.unit, tid: relayTID, pdu: binary.BigEndian.AppendUint16(pdu, r.count)}.adu()
}

// SunSpec, "SunSpec Device Information Model Specification" 1.1: a map begins
// with "SunS" at one of three places, and with the common model.
const (
	sunSpecMark   = "SunS"
	sunSpecCommon = 1
	sunSpecLength = 66 // registers behind identifier and length; 65 without the pad
)

var sunSpecBases = []uint16{40000, 50000, 0}

// sunSpecFields are texts of the common model: byte offset from the model's
// identifier, and length.
var sunSpecFields = []struct {
	attribute string
	at, n     int
	source    string
}{
	{string(ot.Vendor), 4, 32, "manufacturer"},
	{string(ot.Model), 36, 32, "model"},
	{"sunspec.options", 68, 16, "options"},
	{string(ot.FirmwareRev), 84, 16, "version"},
	{string(ot.Serial), 100, 32, "serial_number"},
}

// registerPlan lists the registers that are read, in their order.
func registerPlan(m *reading.Modbus) []registerRead {
	units, err := m.UnitList()
	if err != nil {
		return nil // config has refused it
	}
	var all []registerRead
	for _, u := range units {
		if m.SunSpec {
			all = append(all, sunSpecPlan(u, len(all))...)
		}
		for _, r := range m.Registers {
			if r.Unit != 0 && r.Unit != int(u) {
				continue
			}
			all = append(all, plateRead(r, u))
		}
	}
	for _, r := range m.Registers {
		if r.Unit != 0 && !contains(units, r.Unit) {
			all = append(all, plateRead(r, byte(r.Unit)))
		}
	}
	return all
}

func contains(units []byte, unit int) bool {
	for _, u := range units {
		if int(u) == unit {
			return true
		}
	}
	return false
}

func plateRead(r reading.Register, unit byte) registerRead {
	kind := "holding"
	if r.Input {
		kind = "input"
	}
	return registerRead{
		what: fmt.Sprintf("modbus read %s registers %d to %d, %s, unit %d", kind, r.Register, r.Register+r.Count-1, r.Attribute, unit),
		unit: unit, input: r.Input, first: uint16(r.Register), count: uint16(r.Count), attr: r.Attribute, typ: r.Type, before: -1, // config checks bounds
	}
}

// sunSpecPlan looks for the mark at each base until it is found, and reads the
// common model behind it.
func sunSpecPlan(unit byte, at int) []registerRead {
	var all []registerRead
	found := func(b []byte) bool { return string(b) == sunSpecMark }
	for i, base := range sunSpecBases {
		mark := registerRead{what: fmt.Sprintf("modbus read holding registers %d to %d, SunSpec mark, unit %d", base, base+1, unit), unit: unit, first: base, count: 2, before: -1}
		if i > 0 {
			mark.when, mark.before = "only if no mark was found before", at+len(all)-2
			mark.wanted = func(b []byte) bool { return !found(b) }
		}
		all = append(all, mark, registerRead{
			what: fmt.Sprintf("modbus read holding registers %d to %d, SunSpec common model, unit %d", base+2, base+3+sunSpecLength, unit),
			when: "only if the mark was found there", unit: unit, first: base + 2, count: 2 + sunSpecLength, before: at + len(all), wanted: found,
		})
	}
	return all
}

// registers sends the plan over one connection.
func (x *exchange) registers(ctx context.Context, m *reading.Modbus, plan []registerRead) error {
	if err := x.Gate.wait(ctx, x.addr, 1); err != nil {
		return err
	}
	l, err := x.dial(ctx, modbusPort(m), onlyReads)
	if err != nil {
		return err
	}
	defer l.close()
	units, _ := m.UnitList() // checked by registerPlan
	told := make([][]byte, len(plan))
	asked := make([]bool, len(plan))
	counted := true // by the wait above
	for i := range plan {
		r := &plan[i]
		if r.before >= 0 && (!asked[r.before] || !r.wanted(told[r.before])) {
			continue
		}
		if !counted {
			if err := x.Gate.wait(ctx, x.addr, 1); err != nil {
				return err
			}
		}
		counted, asked[i] = false, true
		b, err := x.relayed(ctx, l, r)
		var e exception
		switch {
		case errors.As(err, &e): // no such register: its own answer
		case err != nil:
			return err
		}
		told[i] = b
		part := ""
		if len(units) > 1 {
			part = fmt.Sprintf("unit/%d", r.unit)
		}
		x.registerFacts(r, part, b)
	}
	return nil
}

// registerFacts reads what registers hold.
func (x *exchange) registerFacts(r *registerRead, part string, b []byte) {
	switch {
	case len(b) != 2*int(r.count):
	case r.attr != "":
		x.fact(Fact{Part: part, Attribute: r.attr, Value: plateValue(r.typ, b), Source: fmt.Sprintf("probe.modbus.register_%d", r.first), Grade: ot.Identity})
	case r.count == 2+sunSpecLength && binary.BigEndian.Uint16(b) == sunSpecCommon:
		for _, f := range sunSpecFields {
			x.fact(Fact{Part: part, Attribute: f.attribute, Value: plateValue("text", b[f.at:f.at+f.n]), Source: "probe.sunspec.common." + f.source, Grade: ot.Identity})
		}
	}
}

// plateValue is what a name plate's registers say.
func plateValue(typ string, b []byte) string {
	switch typ {
	case "number":
		var n uint64
		for _, x := range b {
			n = n<<8 | uint64(x)
		}
		return strconv.FormatUint(n, 10)
	case "hex":
		return hex.EncodeToString(b)
	}
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	return string(b)
}
