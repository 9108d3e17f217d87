package dissect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"demarc/agent/flow"
)

// adu puts an MBAP header before a PDU.
func adu(transaction uint16, unit uint8, pdu ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, transaction)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(pdu)+1))
	return append(append(b, unit), pdu...)
}

// talk gives messages to one dissector as the engine would and writes down
// what they tell. Messages with the side 0 come from 10.0.0.1, others from
// 10.0.0.2, whose port is the given one.
type talk struct {
	t      *testing.T
	d      Dissector
	port   uint16
	stream bool
	known  bool // the direction is: side 0 is the client
	tag    uint64
	ends   [2]Endpoint
	log    log
}

func (k *talk) message(side int, b []byte) *Message {
	k.ends = [2]Endpoint{{Addr: netip.MustParseAddr("10.0.0.1"), Port: 50123}, {Addr: netip.MustParseAddr("10.0.0.2"), Port: k.port}}
	m := &Message{Ends: &k.ends, From: flow.Side(side), Data: b, Stream: k.stream, Tag: k.tag}
	if k.known {
		m.Direction = FromClient + Direction(side)
	}
	return m
}

// say is one message that must be read whole; it returns what was told.
func (k *talk) say(side int, b []byte) string {
	k.t.Helper()
	k.log.reset()
	used, err := k.d.Dissect(k.message(side, b), &k.log)
	if err != nil || used != len(b) {
		k.t.Fatalf("% x: used %d of %d, %v", b, used, len(b), err)
	}
	return told2text(&k.log)
}

// refused is one message that must not be read.
func (k *talk) refused(side int, b []byte, want error) {
	k.t.Helper()
	k.log.reset()
	if used, err := k.d.Dissect(k.message(side, b), &k.log); !errors.Is(err, want) {
		k.t.Fatalf("% x: used %d, %v, not %v", b, used, err, want)
	}
}

// all is everything that was told, in order.
func (l *log) all() []entry {
	var all []entry
	if l.sender != 0 {
		all = append(all, entry{kind: toldSender, role: l.sender})
	}
	if l.asks != 0 {
		all = append(all, entry{kind: toldOperation, operation: l.asked, n: l.asks})
	}
	return append(all, l.entries[:l.n]...)
}

func (l *log) last() entry {
	all := l.all()
	return all[len(all)-1]
}

func told2text(l *log) string {
	var all []string
	for _, e := range l.all() {
		switch e.kind {
		case toldSender:
			all = append(all, map[Role]string{Client: "client", Server: "server"}[e.role])
		case toldOperation:
			all = append(all, fmt.Sprintf("%s=%d", e.operation, e.n))
		case toldFact:
			who := e.subject.Path
			if who != "" {
				who += " "
			}
			if e.subject.Kind == ByReceiver {
				who = "receiver" + who
			}
			all = append(all, fmt.Sprintf("%s%s=%q(%s,%s)", who, e.attribute, e.value, e.text, e.grade))
		case toldExpect:
			all = append(all, fmt.Sprintf("expect %s %s %s %x", e.a, e.b, e.text, e.tag))
		case toldPayload:
			all = append(all, fmt.Sprintf("payload %d", e.tag))
		case toldSecurity, toldSwitch:
		}
	}
	return strings.Join(all, " ")
}

func expectTold(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("told  %s\nnot   %s", got, want)
	}
}

func modbusTalk(t *testing.T, port uint16) *talk {
	return &talk{t: t, d: &modbus{unit: -1}, port: port, stream: true}
}

func TestModbusRolesByShape(t *testing.T) {
	k := modbusTalk(t, 1502) // no port hint, no SYN
	expectTold(t, k.say(0, adu(1, 1, 3, 0, 16, 0, 2)), "client read=1")
	expectTold(t, k.say(1, adu(1, 1, 3, 4, 0, 1, 0, 2)), "server")
	expectTold(t, k.say(0, adu(2, 1, 16, 0, 0, 0, 1, 2, 0, 9)), "client write=1")
	expectTold(t, k.say(1, adu(2, 1, 16, 0, 0, 0, 1)), "server")
	expectTold(t, k.say(0, adu(3, 1, 6, 0, 1, 0, 3)), "client write=1")
	expectTold(t, k.say(1, adu(3, 1, 6, 0, 1, 0, 3)), "server")
	expectTold(t, k.say(0, adu(4, 1, 1, 3, 0, 0, 8)), "client read=1") // could be an answer with three bytes
	expectTold(t, k.say(1, adu(4, 1, 1, 1, 0xff)), "server")
}

func TestModbusServerFirst(t *testing.T) {
	k := modbusTalk(t, 50124) // from the middle, both ports high, answers alone
	expectTold(t, k.say(0, adu(1, 1, 3, 4, 0, 1, 0, 2)), "server read=1")
	expectTold(t, k.say(0, adu(2, 1, 0x83, 2)), "server read=1")
	expectTold(t, k.say(1, adu(3, 1, 3, 0, 0, 0, 2)), "client read=1")
	expectTold(t, k.say(0, adu(3, 1, 3, 4, 0, 1, 0, 2)), "server") // now requests are counted
}

func TestModbusEchoesProveDirection(t *testing.T) {
	k := modbusTalk(t, 50124)
	w := func(tid uint16) []byte { return adu(tid, 1, 6, 0, 1, 0, 3) }
	k.say(1, w(7)) // the answer to a request before the capture
	k.say(0, w(8))
	k.say(1, w(8))
	k.say(0, w(9))
	expectTold(t, k.say(1, w(9)), "server")
	expectTold(t, k.say(0, w(10)), "client write=1")

	k = modbusTalk(t, 50124) // one identifier for ever proves nothing
	for range 9 {
		for _, side := range []int{1, 0} {
			if s := k.say(side, w(0)); strings.Contains(s, "client") || strings.Contains(s, "server") {
				t.Fatalf("side %d was told: %s", side, s)
			}
		}
	}
}

func TestModbusDeviceID(t *testing.T) {
	k := modbusTalk(t, 502)
	expectTold(t, k.say(0, adu(1, 255, 0x2b, 0x0e, 1, 0)), "client diagnose=1")
	answer := append([]byte{0x2b, 0x0e, 1, 0x81, 0, 0, 4}, "\x00\x04ACME\x01\x06PX-7\x00\x00\x02\x04v1.2\x80\x03lab"...)
	expectTold(t, k.say(1, adu(1, 255, answer...)), `server vendor="ACME"(modbus.device_id.vendor_name,identity) `+
		`model="PX-7"(modbus.device_id.product_code,identity) firmware="v1.2"(modbus.device_id.major_minor_revision,identity) `+
		`modbus.object_0x80="lab"(modbus.device_id.object_0x80,identity)`)
	cut := append([]byte{0x2b, 0x0e, 1, 1, 0, 0, 2}, "\x00\x04ACME\x01\x60PX"...)
	expectTold(t, k.say(1, adu(1, 255, cut...)), `server vendor="ACME"(modbus.device_id.vendor_name,identity)`)
}

func TestModbusUnits(t *testing.T) {
	k := modbusTalk(t, 502)
	id := append([]byte{0x2b, 0x0e, 1, 1, 0, 0, 1}, "\x00\x04ACME"...)
	fact := `vendor="ACME"(modbus.device_id.vendor_name,identity)`
	expectTold(t, k.say(1, adu(1, 17, id...)), "server diagnose=1 "+fact)
	expectTold(t, k.say(1, adu(1, 255, id...)), "server diagnose=1 "+fact)
	expectTold(t, k.say(1, adu(2, 18, id...)), "server diagnose=1 unit/18 "+fact)
	expectTold(t, k.say(1, adu(3, 17, id...)), "server diagnose=1 unit/17 "+fact)
	expectTold(t, k.say(1, adu(3, 0, id...)), "server diagnose=1 "+fact)

	k = modbusTalk(t, 502) // a gateway says that nobody is behind it there
	k.say(1, adu(1, 5, 0x83, gatewayTargetFailed))
	expectTold(t, k.say(1, adu(2, 6, id...)), "server diagnose=1 unit/6 "+fact)
}

func TestModbusServerID(t *testing.T) {
	k := modbusTalk(t, 502)
	expectTold(t, k.say(0, adu(1, 1, 17)), "client diagnose=1")
	expectTold(t, k.say(1, adu(1, 1, append([]byte{17, 11, 2, 0xff}, "ACME PX-7"...)...)), `server modbus.server_id="ACME PX-7"(modbus.server_id,identity)`)
	expectTold(t, k.say(1, adu(1, 1, 17, 3, 2, 0xff, 'x')), "server")
}

func TestModbusOperations(t *testing.T) {
	for _, c := range []struct {
		pdu  []byte
		want string
	}{
		{[]byte{8, 0, 0, 1, 2}, "diagnose"},
		{[]byte{8, 0, 4, 0, 0}, "control"},
		{[]byte{8, 0, 1, 0xff, 0}, "control"},
		{[]byte{22, 0, 4, 0, 0xf2, 0, 0x25}, "write"},
		{[]byte{23, 0, 3, 0, 6, 0, 14, 0, 1, 2, 0, 255}, "write"},
		{[]byte{24, 4, 0xde}, "read"},
		{[]byte{20, 7, 6, 0, 4, 0, 1, 0, 2}, "read"},
		{[]byte{21, 9, 6, 0, 4, 0, 7, 0, 1, 6, 0xaf}, "write"},
		{[]byte{7}, "diagnose"},
		{[]byte{11}, "diagnose"},
		{[]byte{12}, "diagnose"},
		{[]byte{0x2b, 0x0d, 1, 2}, ""},
		{[]byte{100, 1}, ""},
	} {
		k := modbusTalk(t, 502)
		k.known = true
		got := k.say(0, adu(1, 1, c.pdu...))
		if c.want != "" && !strings.Contains(got, c.want+"=1") || c.want == "" && strings.Contains(got, "=") {
			t.Errorf("% x: %q, want %q", c.pdu, got, c.want)
		}
	}
}

func TestModbusIsNotModbus(t *testing.T) {
	for name, b := range map[string]string{
		"dicom association":  "\x01\x00\x00\x00\x00\x06\x00\x01\x00\x00\x41\x45",
		"all zero":           strings.Repeat("\x00", 12),
		"protocol id":        "\x00\x01\x00\x01\x00\x06\x01\x03\x00\x00\x00\x01",
		"length":             "\x00\x01\x00\x00\x00\x07\x01\x03\x00\x00\x00\x01\x00",
		"quantity":           "\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x7e",
		"past the last":      "\x00\x01\x00\x00\x00\x06\x01\x03\xff\xff\x00\x02",
		"coil value":         "\x00\x01\x00\x00\x00\x06\x01\x05\x00\x01\x00\x02",
		"exception code":     "\x00\x01\x00\x00\x00\x03\x01\x83\x77",
		"user defined":       "\x00\x01\x00\x00\x00\x03\x01\x64\x01",
		"tns connect":        "\x00\x3a\x00\x00\x01\x00\x00\x00\x01\x36",
		"longer than an adu": "\x00\x01\x00\x00\x01\x06\x01\x03\x00\x00\x00\x01",
	} {
		if matchModbus([]byte(b)) {
			t.Errorf("%s: the signature claims it", name)
		}
		modbusTalk(t, 4000).refused(0, []byte(b), ErrNotMine)
	}
	modbusTalk(t, 502).refused(0, []byte("GET / HTTP/1.1\r\n"), ErrNotMine)
}

func TestModbusStreamAndDatagram(t *testing.T) {
	two := append(adu(1, 1, 3, 0, 0, 0, 1), adu(2, 1, 4, 0, 0, 0, 1)...)
	k := modbusTalk(t, 502)
	for n := range 12 {
		k.refused(0, two[:n], ErrShort)
	}
	used, err := k.d.Dissect(k.message(0, two), &k.log)
	if used != 12 || err != nil {
		t.Fatalf("two in one segment: %d, %v", used, err)
	}
	k.refused(0, []byte{0, 1, 0, 9, 0, 6, 1, 3}, ErrMalformed)

	k = modbusTalk(t, 502)
	k.stream = false
	k.refused(0, two[:11], ErrNotMine) // a datagram has no rest to wait for
	k.refused(0, two, ErrNotMine)      // nor more than one message
	expectTold(t, k.say(0, two[:12]), "client read=1")
}

func TestModbusCut(t *testing.T) {
	k := modbusTalk(t, 502)
	answer := adu(1, 1, append([]byte{3, 250}, make([]byte, 250)...)...)
	m := k.message(1, answer[:40])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) {
		t.Fatal(err)
	}
	expectTold(t, told2text(&k.log), "server read=1")
}

func TestModbusResync(t *testing.T) {
	b := append([]byte("rubbish\x00\x00"), adu(5, 1, 3, 0, 0, 0, 1)...)
	if at := (&modbus{}).Resync(b); at != 9 {
		t.Fatalf("next message at %d", at)
	}
	if at := (&modbus{}).Resync([]byte("nothing here at all")); at != -1 {
		t.Fatalf("found one at %d", at)
	}
}

func TestModbusAllocatesNothing(t *testing.T) {
	k := modbusTalk(t, 502)
	ask, answer := k.message(0, adu(1, 1, 3, 0, 0, 0, 1)), k.message(1, adu(1, 9, append([]byte{0x2b, 0x0e, 1, 1, 0, 0, 1}, "\x00\x04ACME"...)...))
	d := k.d.(*modbus)
	d.many = true
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = d.Dissect(ask, &k.log)
		_, _ = d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkModbus(b *testing.B) {
	k := &talk{d: &modbus{unit: -1}, port: 502, stream: true}
	ask, answer := k.message(0, adu(1, 1, 3, 0, 0, 0, 1)), k.message(1, adu(1, 1, 3, 2, 0, 1))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}
}

func FuzzModbus(f *testing.F) { fuzzDissector(f, "modbus", true) }

// TestModbusPollsReadAlike: what poll takes, read takes to the same end.
func TestModbusPollsReadAlike(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		k := &talk{t: t, d: &modbus{unit: -1}, port: 502, stream: true}
		k.say(0, adu(1, 3, 3, 0, 0, 0, 1))
		k.say(1, adu(1, 3, 3, 2, 0, 7))
		d, _ := k.d.(*modbus)
		d.many = rapid.Bool().Draw(r, "many")
		size := rapid.IntRange(0, 6).Draw(r, "size")
		b := adu(2, rapid.SampledFrom([]byte{0, 3, 4, 255}).Draw(r, "unit"), append([]byte{
			rapid.SampledFrom([]byte{1, 2, 3, 4, 5, 16, 0x83}).Draw(r, "function"), byte(size + rapid.IntRange(-1, 1).Draw(r, "off")),
		}, make([]byte, size)...)...)
		b = append(b, make([]byte, rapid.IntRange(0, 2).Draw(r, "behind"))...)
		m := k.message(rapid.IntRange(0, 1).Draw(r, "side"), b)
		fast, slow := *d, *d
		var a, z log
		used := fast.poll(m, &a)
		if used == 0 {
			return
		}
		want, err := slow.read(m, &z)
		if used != want || err != nil || fast != slow || told2text(&a) != told2text(&z) {
			r.Fatalf("% x: poll used %d, read %d, %v; %q and %q; %+v and %+v", b, used, want, err, told2text(&a), told2text(&z), fast, slow)
		}
	})
	k := &talk{t: t, d: &modbus{unit: -1}, port: 502, stream: true}
	ask, answer := adu(1, 3, 3, 0, 0, 0, 1), adu(1, 3, 3, 2, 0, 7)
	k.say(0, ask)
	k.say(1, answer)
	d, _ := k.d.(*modbus)
	if d.poll(k.message(0, ask), &log{}) != len(ask) || d.poll(k.message(1, answer), &log{}) != len(answer) {
		t.Error("poll does not read what is asked most")
	}
}
