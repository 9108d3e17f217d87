package probe

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"demarc/internal/reading"
)

// FuzzOnlyReads: whatever passes is a read, exactly one, and nothing else.
func FuzzOnlyReads(f *testing.F) {
	for _, r := range modbusPlan(everything(502)) {
		f.Add(r.adu())
	}
	for _, r := range registerPlan(everything(502)) {
		f.Add(r.adu())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if onlyReads(b) != nil {
			return
		}
		switch n := int(binary.BigEndian.Uint16(b[4:])); {
		case n != len(b)-6:
			t.Errorf("%x: more than one request", b)
		case b[7] != 3 && b[7] != 4 && b[7] != 17 && (b[7] != 43 || b[8] != 14):
			t.Errorf("%x is no read", b)
		}
	})
}

// FuzzSettingsCannotWiden: whatever settings or a schedule of the collector say,
// and pass for reads, plans requests of the constant set alone.
func FuzzSettingsCannotWiden(f *testing.F) {
	f.Add("1-32", "extended", "serial", "text", true, true, true, 502, 17, 1000, 4)
	f.Add("255", "none", "write", "number", false, true, false, 0, 0, 65535, 1)
	f.Add("6,16", "6", "serial\x06", "hex", false, false, false, -1, 262, 1<<16|6, 0x10001)
	f.Fuzz(func(t *testing.T, units, identification, attribute, typ string, serverID, sunSpec, input bool, port, unit, register, count int) {
		target := reading.Target{Address: "127.0.0.1", Modbus: &reading.Modbus{
			Port: port, Units: units, Identification: identification, ServerID: serverID, SunSpec: sunSpec,
			Registers: []reading.Register{{Attribute: attribute, Unit: unit, Register: register, Count: count, Type: typ, Input: input}},
		}}
		if target.Check() != nil {
			return
		}
		var all [][]byte
		for _, r := range modbusPlan(target.Modbus) {
			all = append(all, r.adu())
		}
		for _, r := range registerPlan(target.Modbus) {
			all = append(all, r.adu())
		}
		if len(all) == 0 {
			t.Errorf("%+v plans nothing", target.Modbus)
		}
		for _, b := range all {
			if err := onlyReads(b); err != nil || !slices.Contains([]byte{3, 4, 17, 43}, b[mbap]) {
				t.Errorf("%+v plans %x: %v", target.Modbus, b, err)
			}
		}
	})
}

// FuzzReadADU: a device's bytes cost no more than one message.
func FuzzReadADU(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x05\x01\x2b\x0e\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := readADU(strings.NewReader(string(b))); err == nil && (len(a) > maxADU || !strings.HasPrefix(string(b), string(a))) {
			t.Errorf("%x of %x", a, b)
		}
	})
}

// FuzzUAGuard: a message that passes is of the list, in its turn.
func FuzzUAGuard(f *testing.F) {
	f.Add(append([]byte("MSGF\x1c\x00\x00\x00"), append(make([]byte, 16), 1, 0, 0x77, 2)...), false)
	f.Add(uaHello("opc.tcp://127.0.0.1:4840"), true)
	f.Fuzz(func(t *testing.T, b []byte, encrypted bool) {
		g := &uaGuard{policy: uaNone, encrypted: encrypted, left: 1, hello: true, open: true}
		if g.check(b) != nil {
			return
		}
		kind := string(b[:3])
		if kind != "MSG" && kind != "CLO" {
			t.Errorf("%x left", b)
		}
		if kind == "MSG" && !encrypted {
			if _, ok := uaService(binary.LittleEndian.Uint16(b[26:])); !ok {
				t.Errorf("%x is no read", b)
			}
		}
		if kind == "MSG" && g.check(b) == nil {
			t.Error("one more left than was planned")
		}
	})
}

// FuzzTold: what a child says is read within limits, and makes facts that are
// one line each.
func FuzzTold(f *testing.F) {
	f.Add(`{"Attribute":"vendor","Value":"ACME","Source":"opcua.build_info.manufacturer_name"}` + "\n" + `{"Done":true}`)
	f.Fuzz(func(t *testing.T, said string) {
		x := &exchange{}
		_ = readTold(strings.NewReader(said), x.take) // an error is fine
		for _, fact := range x.facts {
			if strings.ContainsAny(fact.Value+fact.Part, "\n\r\x00") || len(fact.Value) > 512 {
				t.Errorf("%+v", fact)
			}
		}
	})
}

// FuzzIdentification: an answer of any bytes is read without harm.
func FuzzIdentification(f *testing.F) {
	f.Add(plc([]byte{fnTransport, meiDeviceID, 1, 0}))
	f.Fuzz(func(t *testing.T, pdu []byte) {
		x := &exchange{}
		h := newHearer(x, "modbus", false)
		r := modbusRead{unit: 255, tid: 1, pdu: []byte{fnTransport, meiDeviceID, 1, 0}}
		if len(pdu) > 250 {
			return
		}
		answer := modbusRead{unit: 255, tid: 1, pdu: pdu}.adu()
		moreFollows(r.pdu, answer)
		h.hear(r.adu(), answer)
	})
}
