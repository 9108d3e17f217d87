package dissect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"demarc/agent/decode"
	"demarc/agent/flow"
)

// tpkt puts an RFC 1006 header before a TPDU.
func tpkt(tpdu ...byte) []byte {
	return append([]byte{3, 0, byte((len(tpdu) + 4) >> 8), byte(len(tpdu) + 4)}, tpdu...)
}

// dataTPDU is a DT in its TPKT.
func dataTPDU(last bool, data []byte) []byte {
	eot := byte(0)
	if last {
		eot = 0x80
	}
	return tpkt(append([]byte{2, 0xf0, eot}, data...)...)
}

// connectTPDU is a CR or CC with a variable part.
func connectTPDU(code byte, variable string) []byte {
	return tpkt(append([]byte{byte(6 + len(variable)), code, 0, 0, 0, 9, 0}, variable...)...)
}

func cotpTalk(t testing.TB) chat {
	tt, _ := t.(*testing.T)
	return chat{&talk{t: tt, d: &cotp{}, port: 102, stream: true}}
}

// chat is a talk that writes down, with each fact, whom it is about.
type chat struct{ *talk }

func (k chat) say(side int, b []byte) string {
	k.t.Helper()
	k.talk.say(side, b)
	return chatText(&k.log)
}

func chatText(l *log) string {
	var all []string
	for _, e := range l.all() {
		switch e.kind {
		case toldSender:
			all = append(all, map[Role]string{Client: "client", Server: "server"}[e.role])
		case toldOperation:
			all = append(all, fmt.Sprintf("%s=%d", e.operation, e.n))
		case toldFact:
			who := map[SubjectKind]string{BySender: "", ByReceiver: "receiver ", ByAddr: e.subject.Addr.String() + " "}[e.subject.Kind]
			all = append(all, fmt.Sprintf("%s%s=%q(%s,%s)", who, e.attribute, e.value, e.text, e.grade))
		case toldPayload:
			all = append(all, fmt.Sprintf("payload %d", e.tag))
		case toldSecurity, toldSwitch, toldExpect:
		}
	}
	return strings.Join(all, " ")
}

// payload is what the message carried: the last one told.
func payload(l *log) (tag uint64, b []byte) {
	for _, e := range l.all() {
		if e.kind == toldPayload {
			tag, b = e.tag, e.value
		}
	}
	return tag, b
}

func TestCOTPSignature(t *testing.T) {
	for _, c := range []struct {
		what string
		b    []byte
		want bool
	}{
		{"data", dataTPDU(true, []byte("x")), true},
		{"empty data", dataTPDU(false, nil), true},
		{"connect", connectTPDU(0xe0, "\xc2\x02\x01\x02"), true},
		{"connect with a cookie", connectTPDU(0xe0, "Cookie: mstshash=a\r\n"), true},
		{"header alone", []byte{3, 0, 0, 22}, true},
		{"disconnect", tpkt(6, 0x80, 0, 1, 0, 2, 0), true},
		{"version 2", append([]byte{2}, dataTPDU(true, nil)[1:]...), false},
		{"reserved octet", []byte{3, 1, 0, 7, 2, 0xf0, 0x80}, false},
		{"length too small", []byte{3, 0, 0, 6, 2, 0xf0, 0x80}, false},
		{"data with a number: not class 0", tpkt(2, 0xf0, 0x81), false},
		{"data with a longer header: not class 0", tpkt(4, 0xf0, 0x80, 0, 0), false},
		{"length indicator beyond the TPKT", tpkt(9, 0xe0, 0, 0, 0, 1, 0), false},
		{"connect for class 4", tpkt(6, 0xe0, 0, 0, 0, 1, 0x40), false},
		{"no such TPDU", tpkt(6, 0x90, 0, 0, 0, 1, 0), false},
		{"Q.931 over TPKT", tpkt(8, 2, 0, 5, 0x62, 0x1c, 0, 0x7e, 0), false},
	} {
		if got := matchCOTP(c.b); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
		if _, err := (&cotp{}).Dissect(&Message{Ends: &[2]Endpoint{}, Data: c.b, Stream: true}, &log{}); !c.want && !errors.Is(err, ErrNotMine) {
			t.Errorf("%s: %v, not ErrNotMine", c.what, err)
		}
	}
}

func TestCOTPConnect(t *testing.T) {
	k := cotpTalk(t)
	variable := "\xc0\x01\x0a\xc1\x02\x01\x00\xc2\x10SIMATIC-ROOT-HMI"
	expectTold(t, k.say(0, connectTPDU(0xe0, variable)), "client payload 224")
	if tag, b := payload(&k.log); tag != cotpCR || string(b) != variable {
		t.Errorf("a CR carries its variable part whole, not %x %q", tag, b)
	}
	expectTold(t, k.say(1, connectTPDU(0xd0, variable)), `server cotp.tsap="SIMATIC-ROOT-HMI"(cotp.cc.called_tsap,content) payload 208`)
	expectTold(t, k.say(1, connectTPDU(0xd0, "\xc2\x02\x01\x02")), `server cotp.tsap="0102"(cotp.cc.called_tsap,content) payload 208`)
	cookie := "Cookie: mstshash=operator\r\n\x01\x00\x08\x00\x03\x00\x00\x00"
	expectTold(t, k.say(0, connectTPDU(0xe0, cookie)), "client payload 224")
	if _, b := payload(&k.log); string(b) != cookie {
		t.Errorf("the cookie comes through whole, not %q", b)
	}
	k.refused(0, []byte("GET / HTTP/1.1\r\n"), ErrMalformed)
}

func TestCOTPJoinsFragments(t *testing.T) {
	k := cotpTalk(t)
	b := bytes.Join([][]byte{dataTPDU(false, []byte("one ")), dataTPDU(false, nil), dataTPDU(false, []byte("two ")), dataTPDU(true, []byte("three"))}, nil)
	for cut := 1; cut < len(b); cut++ {
		k.refused(0, b[:cut], ErrShort)
	}
	expectTold(t, k.say(0, b), "payload 240")
	if _, got := payload(&k.log); string(got) != "one two three" {
		t.Errorf("joined to %q", got)
	}
	expectTold(t, k.say(0, dataTPDU(false, nil)), "") // an S7 acknowledgement: waits for nothing
}

func TestCOTPFragmentsThatDoNotEnd(t *testing.T) {
	k := cotpTalk(t)
	broken := append(dataTPDU(false, []byte("half")), tpkt(6, 0x80, 0, 1, 0, 2, 0)...)
	used, err := k.d.Dissect(k.message(0, broken), &k.log)
	if err != nil || used != len(dataTPDU(false, []byte("half"))) {
		t.Errorf("a disconnect between fragments: used %d, %v", used, err)
	}
	var long []byte
	for len(long) < 2*cotpMax {
		long = append(long, dataTPDU(false, make([]byte, 1000))...)
	}
	whole, err := k.d.Dissect(k.message(0, long), &k.log)
	if err != nil || whole <= cotpMax || whole > cotpMax+2000 {
		t.Fatalf("a TSDU without end: used %d, %v", whole, err)
	}
	for _, n := range []int{cotpMax, whole - 500, whole - 1, whole + 1} {
		used, err := k.d.Dissect(k.message(0, long[:n]), &k.log)
		if (n < whole-1000 && !errors.Is(err, ErrShort)) || (n >= whole-1000 && (err != nil || used != whole)) {
			t.Errorf("with %d octets: used %d, %v", n, used, err)
		}
	}
	if c := cap(k.d.(*cotp).joined); c > cotpRetain {
		t.Errorf("%d octets are kept", c)
	}
}

// A trial leaves nothing behind, the values told before it least of all.
func TestCOTPTrialKeepsNothing(t *testing.T) {
	k := cotpTalk(t)
	two := bytes.Join([][]byte{dataTPDU(false, []byte("one ")), dataTPDU(true, []byte("two"))}, nil)
	for range 3 {
		k.say(0, two)
		_, told := payload(&k.log)
		for range 3 {
			m := k.message(0, bytes.ReplaceAll(two, []byte("one"), []byte("ONE")))
			m.Trial = true
			if _, err := k.d.Dissect(m, &log{}); err != nil {
				t.Fatal(err)
			}
		}
		if string(told) != "one two" {
			t.Fatalf("a trial made %q of what was told", told)
		}
	}
}

func TestCOTPResync(t *testing.T) {
	d := &cotp{}
	if at := d.Resync(append([]byte{9, 3, 0, 0, 3, 0, 1}, dataTPDU(true, []byte("x"))...)); at != 7 {
		t.Errorf("found one at %d, not 7", at)
	}
	if at := d.Resync(bytes.Repeat([]byte{3, 0}, 50)); at != -1 {
		t.Errorf("found one at %d in noise", at)
	}
}

// A capture with a snap length cuts the TPKT and so what it carries: the kind
// of operation still shows.
func TestCOTPCutByTheCapture(t *testing.T) {
	r := newRig(t, Protocols())
	job := func(ref byte) []byte {
		return dataTPDU(true, s7Bytes(s7Job, ref, "\x05\x01\x12\x0a\x10\x02\x00\x40\x00\x01\x84\x00\x00\x00", strings.Repeat("\x00", 68)))
	}
	r.send(0, string(job(1)))
	b := job(2)
	p := &decode.Packet{Time: r.now, Length: 200, Has: decode.HasIP | decode.HasPort, Protocol: 6, Payload: b[:40], PayloadLen: len(b), CutShort: true, Flags: decode.ACK, Seq: r.seq[0]}
	var c *flow.Conversation
	r.tab.All(func(x *flow.Conversation) { c = x })
	p.Src, p.Dst, p.SrcPort, p.DstPort = c.Ends[0].Addr, c.Ends[1].Addr, c.Ends[0].Port, c.Ends[1].Port
	r.tab.Add(p, 0)
	if got := r.result(); !strings.Contains(got, "s7comm directed [write=2]") {
		t.Errorf("told %s", got)
	}
}

func FuzzCOTP(f *testing.F) { fuzzDissector(f, "cotp", true) }

func BenchmarkCOTP(b *testing.B) {
	k := cotpTalk(b)
	m := k.message(0, dataTPDU(true, s7Bytes(s7Job, 1, "\x04\x01\x12\x0a\x10\x02\x00\x01\x00\x01\x84\x00\x00\x00", "")))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

// s7Bytes is an S7 PDU.
func s7Bytes(rosctr, ref byte, param, data string) []byte {
	b := []byte{0x32, rosctr, 0, 0, 0, ref}
	b = binary.BigEndian.AppendUint16(b, uint16(len(param)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	if rosctr == s7Ack || rosctr == s7AckData {
		b = append(b, 0, 0)
	}
	return append(append(b, param...), data...)
}

// TestCOTPWholeReadsAlike: what whole takes, read takes to the same end.
func TestCOTPWholeReadsAlike(t *testing.T) {
	data := dataTPDU(true, []byte("abc"))
	rapid.Check(t, func(r *rapid.T) {
		d := &cotp{claimed: rapid.Bool().Draw(r, "claimed"), tsapLen: rapid.SampledFrom([]int{0, 2}).Draw(r, "tsap")}
		b := append(bytes.Clone(data), make([]byte, rapid.IntRange(0, 3).Draw(r, "behind"))...)
		for range rapid.IntRange(0, 2).Draw(r, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(r, "at")] ^= rapid.SampledFrom([]byte{1, 2, 4, 8, 0x20, 0x80}).Draw(r, "by")
		}
		m := &Message{Ends: &[2]Endpoint{}, Stream: true, Data: b[:rapid.IntRange(0, len(b)).Draw(r, "to")]}
		m.Cut, m.Trial = rapid.Bool().Draw(r, "cut"), rapid.Bool().Draw(r, "trial")
		used := d.whole(m.Data)
		if used == 0 {
			return
		}
		slow := *d
		var a, z log
		want, err := slow.read(m, &z)
		got, _ := d.Dissect(m, &a)
		if got != used || used != want || err != nil || !reflect.DeepEqual(*d, slow) || told2text(&a) != told2text(&z) {
			r.Fatalf("% x: whole used %d, read %d, %v; %q and %q", m.Data, used, want, err, told2text(&a), told2text(&z))
		}
	})
	if d := (&cotp{claimed: true}); d.whole(data) != len(data) {
		t.Error("whole does not read what comes most")
	}
}
