package dissect

import (
	"encoding/binary"
	"testing"

	"demarc/internal/ot"
)

// hsmsSay is a message; stream 0 is one that keeps up the session.
func hsmsSay(kind, stream, function byte, system uint32, items string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(hsmsLeast+len(items)))
	if session := []byte{0, 1}; kind == hsmsData {
		b = append(b, session...)
	} else {
		b = append(b, 0xff, 0xff)
	}
	b = append(b, stream, function, 0, kind)
	return append(binary.BigEndian.AppendUint32(b, system), items...)
}

const (
	hsmsPlateItems = "\x01\x02A\x05ETCHRA\x064.2.07"
	hsmsAck        = "\x01\x02\x21\x01\x00"
)

func TestHSMS(t *testing.T) {
	k := &talk{t: t, d: &hsms{}, stream: true}
	expectTold(t, k.say(0, hsmsSay(1, 0, 0, 1, "")), "client")
	expectTold(t, k.say(1, hsmsSay(2, 0, 0, 1, "")), "server")
	plate := `model="ETCHR"(hsms.mdln,identity) firmware="4.2.07"(hsms.softrev,identity)`
	parts := ` hsms.part="equipment"(hsms.function,content) receiverhsms.part="host"(hsms.function,content)`
	expectTold(t, k.say(0, hsmsSay(0, 0x81, 13, 2, "\x01\x00")), "diagnose=1")
	expectTold(t, k.say(1, hsmsSay(0, 1, 14, 2, hsmsAck+hsmsPlateItems)), plate+parts)
	expectTold(t, k.say(1, hsmsSay(0, 0x81, 13, 2, hsmsPlateItems)), "diagnose=1 "+plate+parts)
	expectTold(t, k.say(0, hsmsSay(0, 1, 14, 2, hsmsAck+"\x01\x00")), "")
	expectTold(t, k.say(0, hsmsSay(0, 0x81, 1, 3, "")), "diagnose=1")
	expectTold(t, k.say(1, hsmsSay(0, 1, 2, 3, hsmsPlateItems)), plate+parts)
	expectTold(t, k.say(0, hsmsSay(0, 0x82, 41, 4, "\x01\x02A\x05START\x01\x00")), `control=1 receiverhsms.part="equipment"(hsms.function,content) hsms.part="host"(hsms.function,content)`)
	expectTold(t, k.say(1, hsmsSay(0, 0x86, 11, 5, "\x01\x00")), "alarm=1"+parts)
	expectTold(t, k.say(0, hsmsSay(0, 0x87, 3, 6, "\x01\x02A\x02P1\x21\x03abc")), "program=1")
	expectTold(t, k.say(0, hsmsSay(0, 99, 1, 6, "")), "")
	expectTold(t, k.say(0, hsmsSay(5, 0, 0, 7, "")), "")
	expectTold(t, k.say(0, hsmsSay(9, 0, 0, 8, "")), "")
	k.refused(0, []byte("GET / HTTP/1.1"), ErrMalformed)
	long := hsmsSay(0, 7, 3, 6, "\x23\x02\x00\x00"+string(make([]byte, 2<<16)))
	if used, err := k.d.Dissect(k.message(0, long[:600]), &k.log); used != len(long) || err != nil {
		t.Errorf("the rest of a long message is passed over: used %d, %v", used, err)
	}
}

func TestHSMSIsNotHSMS(t *testing.T) {
	for name, b := range map[string][]byte{
		"length":            []byte("\x00\x00\x00\x09\xff\xff\x00\x00\x00\x01\x00\x00\x00\x01"),
		"too long":          []byte("\x05\x00\x00\x0a\xff\xff\x00\x00\x00\x01\x00\x00\x00\x01"),
		"PType":             []byte("\x00\x00\x00\x0a\xff\xff\x00\x00\x01\x01\x00\x00\x00\x01"),
		"SType":             hsmsSay(8, 0, 0, 1, ""),
		"select with text":  hsmsSay(1, 0, 0, 1, "x"),
		"stream in select":  hsmsSay(1, 1, 0, 1, ""),
		"stream 0":          hsmsSay(0, 0, 1, 1, ""),
		"answer that asks":  hsmsSay(0, 0x81, 2, 1, ""),
		"items":             hsmsSay(0, 0x81, 13, 1, "\xff\xff"),
		"length of nothing": hsmsSay(0, 0x81, 13, 1, "A"),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &hsms{}, stream: true}).refused(0, b, ErrNotMine) })
		if matchHSMS(b) {
			t.Errorf("%s is claimed", name)
		}
	}
	for name, b := range map[string][]byte{
		"header alone":     hsmsSay(0, 0x81, 1, 1, ""),
		"unknown function": hsmsSay(0, 0x81, 99, 1, "\x01\x00"),
		"too many items":   hsmsSay(0, 0x81, 13, 1, "\x01\x00\x01\x00"),
		"too few items":    hsmsSay(0, 0x81, 13, 1, "\x01\x02\x01\x00"),
		"odd numbers":      hsmsSay(0, 0x81, 13, 1, "\xb1\x03abc"),
		"cut":              hsmsSay(0, 0x81, 13, 1, hsmsPlateItems)[:20],
	} {
		if hsmsProves(b) {
			t.Errorf("%s is claimed", name)
		}
	}
	if at := (&hsms{}).Resync(append([]byte("\x00x\x00"), hsmsSay(6, 0, 0, 1, "")...)); at != 3 {
		t.Errorf("next message at %d", at)
	}
	if at := (&hsms{}).Resync(make([]byte, 40)); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestHSMSFunctions(t *testing.T) {
	for _, x := range []struct {
		stream, function uint8
		of               ot.Operation
		known            bool
	}{
		{1, 3, ot.Read, true},
		{1, 4, 0, false},
		{2, 15, ot.Write, true},
		{2, 21, ot.Control, true},
		{2, 35, ot.Subscribe, true},
		{5, 1, ot.Alarm, true},
		{6, 5, 0, false},
		{6, 19, ot.Read, true},
		{7, 19, ot.Diagnose, true},
		{15, 53, ot.Program, true},
		{9, 1, 0, false},
	} {
		if of, known := hsmsOperation(x.stream, x.function); of != x.of || known != x.known {
			t.Errorf("S%dF%d is %v, %v", x.stream, x.function, of, known)
		}
	}
	for s := range uint8(128) {
		for f := range uint8(255) {
			if hsmsOfHost(s, f) && hsmsOfEquipment(s, f) {
				t.Errorf("S%dF%d is of both", s, f)
			}
		}
	}
}

func TestHSMSSample(t *testing.T) {
	r := newReel()
	host, tool := madeAddr(1, 40001), madeAddr(2, 5000)
	r.open(host, tool)
	for i, x := range []struct {
		fromTool               bool
		kind, stream, function byte
		items                  string
	}{
		{false, 1, 0, 0, ""},
		{true, 2, 0, 0, ""},
		{false, 0, 0x81, 13, "\x01\x00"},
		{true, 0, 1, 14, hsmsAck + hsmsPlateItems},
		{false, 0, 0x81, 3, "\x01\x01\xb1\x04\x00\x00\x04\x01"},
		{true, 0, 1, 4, "\x01\x01\xb1\x04\x00\x00\x00\x07"},
		{false, 0, 0x82, 33, "\x01\x02\xb1\x04\x00\x00\x00\x00\x01\x00"},
		{true, 0, 2, 34, "\x21\x01\x00"},
		{false, 0, 0x87, 1, "\x01\x02A\x05RCP-1\xb1\x04\x00\x00\x00\x08"},
		{true, 0, 7, 2, "\x21\x01\x00"},
		{false, 0, 0x87, 3, "\x01\x02A\x05RCP-1\x21\x0812345678"},
		{true, 0, 7, 4, "\x21\x01\x00"},
		{false, 0, 0x82, 41, "\x01\x02A\x05START\x01\x00"},
		{true, 0, 2, 42, "\x01\x02\x21\x01\x00\x01\x00"},
		{true, 0, 0x86, 11, "\x01\x03\xb1\x04\x00\x00\x00\x01\xb1\x04\x00\x00\x00\x05\x01\x00"},
		{false, 0, 6, 12, "\x21\x01\x00"},
		{true, 5, 0, 0, ""},
		{false, 6, 0, 0, ""},
		{false, 9, 0, 0, ""},
	} {
		from, to := host, tool
		if x.fromTool {
			from, to = tool, host
		}
		r.tcp(from, to, hsmsSay(x.kind, x.stream, x.function, uint32(i/2+1), x.items))
	}
	made(t, "hsms", "equipment", r)
}

// From its middle on a session shows its data first.
func TestHSMSMiddleSample(t *testing.T) {
	r := newReel()
	host, tool := madeAddr(1, 5000), madeAddr(2, 40001)
	r.tcp(tool, host, hsmsSay(0, 0x81, 1, 40, ""))
	r.tcp(host, tool, hsmsSay(0, 1, 2, 40, "\x01\x00"))
	r.tcp(host, tool, hsmsSay(0, 0x81, 1, 41, ""))
	r.tcp(tool, host, hsmsSay(0, 1, 2, 41, hsmsPlateItems))
	r.tcp(tool, host, hsmsSay(0, 0x85, 1, 42, "\x01\x03\x21\x01\x84\xb1\x04\x00\x00\x00\x09A\x08PRESSURE"))
	r.tcp(host, tool, hsmsSay(0, 5, 2, 42, "\x21\x01\x00"))
	made(t, "hsms", "middle", r)
}

func FuzzHSMS(f *testing.F) { fuzzDissector(f, "hsms", true) }
