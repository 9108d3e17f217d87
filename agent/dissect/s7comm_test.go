package dissect

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"demarc/internal/ot"
)

func s7Talk(t testing.TB) chat {
	tt, _ := t.(*testing.T)
	return chat{&talk{t: tt, d: &s7comm{}, port: 102}}
}

// s7UDBytes is a userdata PDU: a request without, an answer with data unit
// fields.
func s7UDBytes(kind, group, function, unit byte, more bool, data string) []byte {
	param := "\x00\x01\x12\x04\x11" + string([]byte{kind<<6 | group, function, 0})
	if kind != udRequest || unit != 0 {
		next := "\x00"
		if more {
			next = "\x01"
		}
		param = "\x00\x01\x12\x08\x12" + string([]byte{kind<<6 | group, function, 1, unit}) + next + "\x00\x00"
	}
	return s7Bytes(s7Userdata, 7, param, data)
}

// szlData is the data of an answer to Read SZL.
func szlData(b string) string {
	return "\xff\x09" + string(binary.BigEndian.AppendUint16(nil, uint16(len(b)))) + b
}

// szlRecords is a list with its header.
func szlRecords(id uint16, size int, records ...string) string {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = binary.BigEndian.AppendUint16(b, uint16(len(records)))
	for _, r := range records {
		b = append(b, r...)
		b = append(b, make([]byte, size-len(r))...)
	}
	return string(b)
}

func TestS7Signature(t *testing.T) {
	read := s7Bytes(s7Job, 1, "\x04\x01", "")
	plus := append([]byte{0x72}, read[1:]...)
	redundant := append([]byte(nil), read...)
	redundant[2] = 1
	for _, c := range []struct {
		what string
		b    []byte
		want bool
	}{
		{"job", read, true},
		{"ack without parameter", s7Bytes(s7Ack, 1, "", ""), true},
		{"job without parameter", s7Bytes(s7Job, 1, "", ""), false},
		{"S7comm-plus", plus, false},
		{"no such ROSCTR", s7Bytes(4, 1, "\x04\x01", ""), false},
		{"redundancy identification", redundant, false},
		{"longer than it says", append(read, 0), false},
		{"shorter than it says", read[:len(read)-1], false},
		{"variable part of a CR", []byte("\xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02"), false},
	} {
		if got := matchS7(c.b); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
		if !c.want {
			s7Talk(t).refused(0, c.b, ErrNotMine)
		}
	}
	k := s7Talk(t)
	k.say(0, read)
	k.refused(0, plus, ErrMalformed)
}

func TestS7Jobs(t *testing.T) {
	pi := func(arg, name string) string {
		return "\x28\x00\x00\x00\x00\x00\x00\xfd\x00" + string([]byte{byte(len(arg))}) + arg + string([]byte{byte(len(name))}) + name
	}
	for _, c := range []struct{ what, param, want string }{
		{"set up", "\xf0\x00\x00\x01\x00\x01\x01\xe0", "client"},
		{"read", "\x04\x01", "client read=1"},
		{"write", "\x05\x01", "client write=1"},
		{"request download", "\x1a\x00", "client program=1"},
		{"download block: the controller asks", "\x1b\x00", "server program=1"},
		{"download ended: the controller asks", "\x1c\x00", "server program=1"},
		{"start upload", "\x1d\x00", "client program=1"},
		{"stop", "\x29\x00\x00\x00\x00\x00\x09P_PROGRAM", "client control=1"},
		{"start", pi("", "P_PROGRAM"), "client control=1"},
		{"activate a block", pi("\x01\x000A00001P", "_INSE"), "client program=1"},
		{"copy to ROM", pi("EP", "_MODU"), "client program=1"},
		{"delete a file of a numeric control", pi("", "_N_F_DELE"), "client transfer=1"},
		{"argument longer than the PDU", "\x28\x00\x00\x00\x00\x00\x00\xfd\xff\xff", "client"},
		{"no such function", "\x77", ""},
	} {
		k := s7Talk(t)
		if got := k.say(0, s7Bytes(s7Job, 1, c.param, "")); got != c.want {
			t.Errorf("%s: told %q, not %q", c.what, got, c.want)
		}
	}
}

func TestS7AnswersCountOnlyWithoutRequests(t *testing.T) {
	k := s7Talk(t)
	answer := s7Bytes(s7AckData, 1, "\x04\x01", "\xff")
	expectTold(t, k.say(1, answer), "server read=1") // the mirror shows one side
	expectTold(t, k.say(0, s7Bytes(s7Job, 1, "\x04\x01", "")), "client read=1")
	expectTold(t, k.say(1, answer), "server")
	expectTold(t, k.say(0, s7Bytes(s7AckData, 1, "\x1b\x00", "")), "client") // to a block that the controller fetched
}

func TestS7Userdata(t *testing.T) {
	for _, c := range []struct {
		group, function byte
		want            string
	}{
		{udProgrammer, 0x02, "read=1"},
		{udProgrammer, 0x08, "write=1"},
		{udProgrammer, 0x0c, "control=1"},
		{udProgrammer, 0x0e, "program=1"},
		{udProgrammer, 0x16, "diagnose=1"},
		{udCyclic, 0x01, "subscribe=1"},
		{udBlocks, 0x03, "diagnose=1"},
		{udCPU, udReadSZL, "diagnose=1"},
		{udCPU, 0x02, "subscribe=1"},
		{udCPU, 0x0b, "alarm=1"},
		{udSecurity, 0x01, "authenticate=1"},
		{udTime, 0x01, "diagnose=1"},
		{udTime, 0x02, "configure=1"},
		{udNCProgram, 0x01, "program=1"},
	} {
		k := s7Talk(t)
		if got := k.say(0, s7UDBytes(udRequest, c.group, c.function, 0, false, "")); got != "client "+c.want {
			t.Errorf("group %#x function %#x: told %q, not %q", c.group, c.function, got, c.want)
		}
	}
	k := s7Talk(t)
	expectTold(t, k.say(0, s7UDBytes(udRequest, udBSend, 1, 0, false, "x")), "write=1") // either partner sends
	expectTold(t, k.say(1, s7UDBytes(udIndication, udCPU, 0x05, 0, false, "x")), "server alarm=1")
	expectTold(t, k.say(1, s7UDBytes(udIndication, udCyclic, 0x01, 0, false, "x")), "server")
	expectTold(t, k.say(0, s7UDBytes(udRequest, udCPU, udReadSZL, 9, false, "\x0a\x00\x00\x00")), "client") // the next data unit
}

func TestSZLModules(t *testing.T) {
	order := "6GK7 343-1EX30-0XE0 "
	k := s7Talk(t)
	k.say(0, s7UDBytes(udRequest, udCPU, udReadSZL, 0, false, szlData("\x00\x11\x00\x00")))
	got := k.say(1, s7UDBytes(2, udCPU, udReadSZL, 0, false, szlData(szlRecords(0x0011, 28,
		"\x00\x01"+order+"\x00\xc0\x00\x02\x00\x01", "\x00\x06"+order+"\x00\xc0\x00\x02\x00\x01", "\x00\x07"+strings.Repeat(" ", 20)+"\x00\xc0V\x02\x05\x11", "\x00\x81Boot Loader         \x00\x00A\x20\x09\x09"))))
	expectTold(t, got, `server model="6GK7 343-1EX30-0XE0"(s7comm.szl.0x0011.order_number,identity) vendor="Siemens"(s7comm.szl.0x0011.order_number,identity) `+
		`hardware="2"(s7comm.szl.0x0011.hardware,identity) firmware="V2.5.17"(s7comm.szl.0x0011.firmware,identity)`)
	got = k.say(1, s7UDBytes(2, udCPU, udReadSZL, 0, false, szlData(szlRecords(0x0111, 28, "\x00\x01VIPA 315-4NE12      \x00\x00\x00\x01\x00\x00"))))
	expectTold(t, got, `server model="VIPA 315-4NE12"(s7comm.szl.0x0011.order_number,identity)`)
}

// A list over several data units tells the same however it is divided.
func TestSZLOverDataUnits(t *testing.T) {
	list := szlRecords(0x001c, 34, "\x00\x01line 4", "\x00\x04Original Siemens Equipment", "\x00\x05S C-X4U421302009", "\x00\x08MMC 1F2E3D4C", "\x00\x09\x00\x2a", "\x00\x00ignored", "\x00\x0bhall 2")
	want := `name="line 4"(s7comm.szl.0x001c.as_name,identity) s7comm.copyright="Original Siemens Equipment"(s7comm.szl.0x001c.copyright,identity) vendor="Siemens"(s7comm.szl.0x001c.copyright,identity) ` +
		`serial="S C-X4U421302009"(s7comm.szl.0x001c.serial,identity) s7comm.memory_card_serial="MMC 1F2E3D4C"(s7comm.szl.0x001c.memory_card_serial,identity) ` +
		`s7comm.manufacturer_id="0x002a"(s7comm.szl.0x001c.manufacturer,identity) vendor="Siemens"(s7comm.szl.0x001c.manufacturer,identity) s7comm.location="hall 2"(s7comm.szl.0x001c.location,identity)`
	for _, size := range []int{8, 9, 41, 42, 43, 100, len(list)} {
		k := s7Talk(t)
		k.say(0, s7UDBytes(udRequest, udCPU, udReadSZL, 0, false, ""))
		var told []string
		for rest := list; rest != ""; {
			n := min(size, len(rest))
			got := k.say(1, s7UDBytes(2, udCPU, udReadSZL, 0xd5, n < len(rest), szlData(rest[:n])))
			told = append(told, strings.TrimPrefix(strings.TrimPrefix(got, "server"), " "))
			rest = rest[n:]
		}
		if got := strings.Join(strings.Fields(strings.Join(told, " ")), " "); got != want {
			t.Errorf("in units of %d: told %s", size, got)
		}
	}
}

func TestSZLHostile(t *testing.T) {
	for what, data := range map[string]string{
		"data longer than the PDU": "\xff\x09\xff\xff\x00\x1c",
		"refused":                  "\x0a\x00\x00\x00",
		"record size of another":   szlData(szlRecords(0x001c, 35, "\x00\x01x")),
		"more records than come":   szlData("\x00\x1c\x00\x00\x00\x22\x00\x40\x00\x01half"),
		"65535 records":            szlData("\x00\x1c\x00\x00\x00\x22\xff\xff"),
		"another list":             szlData(szlRecords(0x0424, 20, "\x00\x01x")),
		"blank text":               szlData(szlRecords(0x001c, 34, "\x00\x05"+strings.Repeat(" ", 24))),
	} {
		k := s7Talk(t)
		k.d.(*s7comm).requests = true
		if got := k.say(1, s7UDBytes(2, udCPU, udReadSZL, 0, false, data)); got != "server" {
			t.Errorf("%s: told %s", what, got)
		}
	}
	k := s7Talk(t) // more lists at a time than are kept
	for unit := byte(1); unit < 40; unit++ {
		k.say(1, s7UDBytes(2, udCPU, udReadSZL, unit, true, szlData(szlRecords(0x001c, 34, "\x00\x05A", "\x00\x05B")[:50])))
	}
}

func TestS7Slot(t *testing.T) {
	k := cotpTalk(t)
	setUp := dataTPDU(true, s7Bytes(s7Job, 1, "\xf0\x00\x00\x01\x00\x01\x01\xe0", ""))
	k.say(0, connectTPDU(0xe0, "\xc1\x02\x01\x00\xc2\x02\x03\x43"))
	expectTold(t, k.say(0, setUp), `receiver s7comm.cpu_slot="rack 2 slot 3"(cotp.cr.called_tsap,content) payload 240`)
	expectTold(t, k.say(0, setUp), "payload 240")
	k = cotpTalk(t)
	k.say(0, connectTPDU(0xe0, "\xc2\x02\x00\x01"))
	expectTold(t, k.say(0, setUp), "payload 240") // the selector that MMS uses
	k = cotpTalk(t)
	k.say(0, connectTPDU(0xe0, "\xc2\x02\x01\x02"))
	expectTold(t, k.say(0, dataTPDU(true, []byte("not S7"))), "payload 240")
}

func TestS7Security(t *testing.T) {
	d := &s7comm{}
	for want := 1; want >= 0; want-- {
		l := &log{}
		_, _ = d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: s7Bytes(s7Job, 1, "\x04\x01", "")}, l)
		n := 0
		for _, e := range l.all() {
			if e.kind == toldSecurity && e.security.Mode == ot.SecurityNone {
				n++
			}
		}
		if n != want {
			t.Errorf("told %d times, not %d", n, want)
		}
	}
}

func TestS7AllocatesNothing(t *testing.T) {
	k := s7Talk(t)
	szl := k.message(1, s7UDBytes(2, udCPU, udReadSZL, 0, false, szlData(szlRecords(0x001c, 34, "\x00\x01line 4", "\x00\x05S C-X4U421302009"))))
	job := k.message(0, s7Bytes(s7Job, 1, "\x04\x01", ""))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(job, &k.log)
		_, _ = k.d.Dissect(szl, &k.log)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A conversation from the middle, the answers of a download among it, names
// the right client.
func TestS7MidStreamDownload(t *testing.T) {
	r := newRig(t, Protocols())
	r.send(1, string(dataTPDU(true, s7Bytes(s7Job, 1, "\x1b\x00", ""))))
	r.send(0, string(dataTPDU(true, s7Bytes(s7AckData, 1, "\x1b\x00", "block"))))
	if got := r.result(); !strings.HasPrefix(got, "conversation 10.0.0.1 > 10.0.0.2 tcp/7 s7comm directed [program=1]") {
		t.Errorf("told %s", got)
	}
}

func FuzzS7(f *testing.F) {
	f.Add(s7UDBytes(2, udCPU, udReadSZL, 3, true, szlData(szlRecords(0x001c, 34, "\x00\x01line 4"))))
	p := registry["s7comm"]
	for _, file := range samples(f, p) {
		for _, packet := range load(f, file) {
			if t, err := readTPDU(packet.Payload); err == nil && t.code == cotpDT {
				f.Add(packet.Payload[cotpHead+1:])
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p.Match(b)
		walk(t, p.New(), b, 102, false)
	})
}

func BenchmarkS7(b *testing.B) {
	k := s7Talk(b)
	m := k.message(0, s7Bytes(s7Job, 1, "\x04\x01\x12\x0a\x10\x02\x00\x01\x00\x01\x84\x00\x00\x00", ""))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

// TestS7PollsReadAlike: what poll takes, read takes to the same end.
func TestS7PollsReadAlike(t *testing.T) {
	ask, answer := s7Bytes(s7Job, 7, "\x04\x01\x12\x0a\x10\x02\x00\x02\x00\x01\x84\x00\x00\x00", ""), s7Bytes(s7AckData, 7, "\x04\x01", "\xff\x04\x00\x10ab")
	none := s7Bytes(s7AckData, 7, "", "\x04\x01") // its data look like a parameter
	rapid.Check(t, func(r *rapid.T) {
		k := s7Talk(t)
		k.tag = cotpDT
		k.say(0, ask)
		d, _ := k.d.(*s7comm)
		d.steady = rapid.Bool().Draw(r, "steady")
		b := bytes.Clone(rapid.SampledFrom([][]byte{ask, answer, none}).Draw(r, "message"))
		for range rapid.IntRange(0, 2).Draw(r, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(r, "at")] ^= rapid.SampledFrom([]byte{1, 2, 4, 8, 0x20, 0x80}).Draw(r, "by")
		}
		m := k.message(rapid.IntRange(0, 1).Draw(r, "side"), b[:rapid.IntRange(0, len(b)).Draw(r, "to")])
		m.Cut, m.Tag = rapid.Bool().Draw(r, "cut"), rapid.SampledFrom([]uint64{cotpDT, cotpCR}).Draw(r, "tag")
		fast, slow := *d, *d
		var a, z log
		if !fast.poll(m, &a) {
			return
		}
		used, err := slow.read(m, &z)
		if used != len(m.Data) || err != nil || !reflect.DeepEqual(fast, slow) || told2text(&a) != told2text(&z) {
			r.Fatalf("% x: read %d of %d, %v; %q and %q; %+v and %+v", b, used, len(m.Data), err, told2text(&a), told2text(&z), fast, slow)
		}
	})
	k := s7Talk(t)
	k.tag = cotpDT
	k.say(0, ask)
	d, _ := k.d.(*s7comm)
	if !d.poll(k.message(0, ask), &log{}) || !d.poll(k.message(1, answer), &log{}) {
		t.Error("poll does not read what is asked most")
	}
}
