package dissect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// dnp3Link is a link frame: user data in blocks with their CRCs.
func dnp3Link(control byte, dst, src uint16, data ...byte) []byte {
	b := []byte{0x05, 0x64, byte(dnp3MinLEN + len(data)), control}
	b = binary.LittleEndian.AppendUint16(b, dst)
	b = binary.LittleEndian.AppendUint16(b, src)
	b = binary.LittleEndian.AppendUint16(b, dnp3CRC(b))
	for len(data) > 0 {
		n := min(dnp3Block, len(data))
		b = append(b, data[:n]...)
		b = binary.LittleEndian.AppendUint16(b, dnp3CRC(data[:n]))
		data = data[n:]
	}
	return b
}

// dnp3Ask and dnp3Answer are fragments of one segment; the master is 1.
func dnp3Ask(station uint16, function byte, objects ...byte) []byte {
	return dnp3Link(0xc4, station, 1, append([]byte{0xc0, 0xc1, function}, objects...)...)
}

func dnp3Answer(station uint16, function byte, objects ...byte) []byte {
	return dnp3Link(0x44, 1, station, append([]byte{0xc0, 0xc1, function, 0, 0}, objects...)...)
}

// dnp3Attribute is an object of group 0 with its header.
func dnp3Attribute(variation byte, text string) []byte {
	return append([]byte{0, variation, 0x00, 0, 0, dnp3VSTR, byte(len(text))}, text...)
}

func dnp3Talk(t *testing.T, port uint16) *talk {
	k := &talk{t: t, d: &dnp3{}, port: port, stream: true}
	k.d.(*dnp3).recent.calls = recentTrials
	return k
}

// IEEE 1815 annex E has this frame: a reset of the link, and its CRC.
func TestDNP3CRC(t *testing.T) {
	b := dnp3Link(0xc0, 1, 1024)
	if want := "\x05\x64\x05\xc0\x01\x00\x00\x04\xe9\x21"; string(b) != want {
		t.Errorf("% x", b)
	}
}

func TestDNP3Signature(t *testing.T) {
	good := dnp3Ask(10, dnp3Read, 60, 1, 6)
	for n := 1; n <= len(good); n++ {
		if !matchDNP3(good[:n]) {
			t.Errorf("the first %d octets are not claimed", n)
		}
	}
	for what, b := range map[string][]byte{
		"start":      append([]byte{0x05, 0x65}, good[2:]...),
		"length":     append([]byte{0x05, 0x64, 4}, good[3:]...),
		"header CRC": append(bytes.Clone(good[:8]), append([]byte{good[8] ^ 1}, good[9:]...)...),
		"socks":      []byte("\x05\x01\x00"),
	} {
		if matchDNP3(b) {
			t.Errorf("%s: the signature claims it", what)
		}
		dnp3Talk(t, dnp3Port).refused(0, b, ErrNotMine)
	}
}

func TestDNP3Roles(t *testing.T) {
	k := dnp3Talk(t, 4000)
	expectTold(t, k.say(0, dnp3Link(0xc9, 10, 1)), `client dnp3.address="1"(dnp3.link.source,content)`)
	expectTold(t, k.say(1, dnp3Link(0x0b, 1, 10)), `server dnp3.address="10"(dnp3.link.source,content)`)
	expectTold(t, k.say(0, dnp3Ask(10, dnp3Read, 60, 2, 6)), "client read=1")
	expectTold(t, k.say(1, dnp3Answer(10, 129, 1, 2, 0, 0, 0, 1)), "server")
	expectTold(t, k.say(1, dnp3Answer(10, dnp3Unsolicited, 2, 1, 0x17, 1, 0, 1)), "server alarm=1")
	expectTold(t, k.say(0, dnp3Ask(10, dnp3Confirm)), "client")
	wrong := dnp3Link(0xc4, 1, 10, 0xc0, 0xc1, 129, 0, 0) // DIR says master, the function response
	expectTold(t, k.say(1, wrong), "server")
	expectTold(t, k.say(0, dnp3Link(0xc4, 10, 0xfffe, 0xc0, 0xc1, 23)), "client diagnose=1") // nobody's own address
}

func TestDNP3ResponsesAlone(t *testing.T) {
	k := dnp3Talk(t, dnp3Port)
	k.say(1, dnp3Link(0x0b, 1, 10))
	expectTold(t, k.say(1, dnp3Answer(10, 129, 30, 5, 0, 0, 0, 1, 0, 0, 0, 0)), "server read=1")
	expectTold(t, k.say(1, dnp3Answer(10, 129, 12, 1, 0x28, 1, 0)), "server control=1")
	expectTold(t, k.say(1, dnp3Answer(10, 129)), "server")
	expectTold(t, k.say(1, dnp3Link(0x44, 1, 10, 0x81, 1, 2, 3)), "server") // a later segment
	k.say(0, dnp3Ask(10, dnp3Read, 60, 2, 6))
	expectTold(t, k.say(1, dnp3Answer(10, 129, 30, 5, 0, 0, 0, 1, 0, 0, 0, 0)), "server")
}

func TestDNP3Operations(t *testing.T) {
	for _, c := range []struct {
		want     string
		function byte
		objects  []byte
	}{
		{"read", 1, []byte{30, 0, 6}},
		{"diagnose", 1, []byte{0, 254, 0, 0, 0}},
		{"transfer", 1, []byte{70, 5, 0x5b, 1}},
		{"write", 2, []byte{80, 1, 0, 7, 7, 0}},
		{"configure", 2, []byte{50, 1, 7, 1}},
		{"configure", 2, []byte{0, 247, 0, 0, 0}},
		{"transfer", 2, []byte{70, 5, 0x5b, 1}},
		{"control", 3, []byte{12, 1, 0x28, 1, 0}},
		{"control", 4, []byte{12, 1}},
		{"control", 5, []byte{41, 2}},
		{"control", 6, nil},
		{"control", 7, nil},
		{"control", 12, nil},
		{"control", 13, nil},
		{"control", 14, nil},
		{"configure", 15, nil},
		{"control", 16, nil},
		{"control", 17, nil},
		{"control", 18, nil},
		{"configure", 19, nil},
		{"subscribe", 20, nil},
		{"configure", 21, nil},
		{"configure", 22, nil},
		{"diagnose", 23, nil},
		{"configure", 24, nil},
		{"transfer", 25, nil},
		{"transfer", 26, nil},
		{"transfer", 27, nil},
		{"transfer", 28, nil},
		{"authenticate", 29, nil},
		{"transfer", 30, nil},
		{"configure", 31, nil},
		{"authenticate", 32, nil},
		{"authenticate", 33, nil},
		{"", 0, nil},
		{"", 100, nil},
	} {
		k := dnp3Talk(t, dnp3Port)
		k.say(0, dnp3Link(0xc9, 10, 1))
		want := "client"
		if c.want != "" {
			want += " " + c.want + "=1"
		}
		expectTold(t, k.say(0, dnp3Ask(10, c.function, c.objects...)), want)
	}
	k := dnp3Talk(t, dnp3Port)
	k.say(1, dnp3Link(0x0b, 1, 10))
	expectTold(t, k.say(1, dnp3Answer(10, dnp3Challenge, 120, 1)), "server authenticate=1")
	expectTold(t, k.say(1, dnp3Link(0x44, 1, 10, 0xc0, 0xc1, 200, 0, 0, 0)), "server") // no such function
}

func TestDNP3Attributes(t *testing.T) {
	k := dnp3Talk(t, dnp3Port)
	k.say(1, dnp3Link(0x0b, 1, 10))
	var all []byte
	for v, s := range []string{242: "3.1", 243: "B", 244: "Grid Co", 245: "North\x00", 246: "", 247: "RTU 7", 248: "S-9", 249: "2:2012", 250: "Model X", 251: "unused", 252: "ACME"} {
		if v >= 242 {
			all = append(all, dnp3Attribute(byte(v), s)...)
		}
	}
	all = append(all, 0, 209, 0x17, 1, 0, dnp3UINT, 1, 5)   // by index, a number
	all = append(all, 0, 252, 0x00, 1, 1, dnp3VSTR, 1, 'x') // a set of the vendor's own
	all = append(all, 0, 200, 0x00, 0, 0, 5, 2, 1, 2)
	b := k.say(1, dnp3Answer(10, 129, all...))
	for _, want := range []string{
		`firmware="3.1"(dnp3.g0.v242,identity)`, `hardware="B"(dnp3.g0.v243,identity)`, `dnp3.owner="Grid Co"`, `dnp3.location="North"`, `name="RTU 7"`,
		`serial="S-9"`, `dnp3.subset="2:2012"`, `product="Model X"`, `vendor="ACME"`, `dnp3.authentication_version="5"`,
	} {
		if !strings.Contains(b, want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if n := strings.Count(b, "identity"); n != 10 {
		t.Errorf("%d facts: %s", n, b)
	}
	expectTold(t, k.say(1, dnp3Answer(10, 129, 0, 252, 0, 0, 0, dnp3VSTR, 200, 'x')), "server diagnose=1") // longer than the fragment
	expectTold(t, k.say(1, dnp3Answer(10, 129, 0, 252, 0x5b, 1)), "server diagnose=1")
}

// segments cuts a response into transport segments.
func segments(station uint16, seq byte, size int, fragment []byte) (frames [][]byte) {
	for at := 0; at < len(fragment); at += size {
		head := seq & 0x3f
		if at == 0 {
			head |= dnp3FIR
		}
		if at+size >= len(fragment) {
			head |= dnp3FIN
		}
		frames = append(frames, dnp3Link(0x44, 1, station, append([]byte{head}, fragment[at:min(at+size, len(fragment))]...)...))
		seq++
	}
	return frames
}

func TestDNP3FragmentOfSegments(t *testing.T) {
	fragment := append([]byte{0xc1, 129, 0, 0}, dnp3Attribute(250, strings.Repeat("long ", 40)+"end")...)
	fragment = append(fragment, dnp3Attribute(252, "ACME")...)
	frames := segments(10, 62, 100, fragment)
	play := func(order ...int) string {
		k := dnp3Talk(t, dnp3Port)
		k.say(1, dnp3Link(0x0b, 1, 10))
		said := ""
		for _, i := range order {
			said += k.say(1, frames[i]) + ";"
		}
		return said
	}
	if got := play(0, 1, 1, 2); !strings.Contains(got, `end"(dnp3.g0.v250,identity) vendor="ACME"`) {
		t.Errorf("told %s", got)
	}
	for _, order := range [][]int{{0, 2}, {1, 2}, {0, 1, 0, 2}} {
		if got := play(order...); strings.Contains(got, "identity") {
			t.Errorf("order %v told %s", order, got)
		}
	}
	endless := append(fragment, make([]byte, 3*dnp3MaxFragment)...)
	k := dnp3Talk(t, dnp3Port)
	for _, b := range segments(10, 0, 249, endless) {
		k.say(1, b)
	}
	if d := k.d.(*dnp3); d.fragment.open || cap(d.fragment.buf) > 2*dnp3MaxFragment {
		t.Errorf("a fragment without end is kept: %d octets", cap(d.fragment.buf))
	}
}

func TestDNP3Stations(t *testing.T) {
	k := dnp3Talk(t, dnp3Port)
	k.say(1, dnp3Link(0x0b, 1, 10))
	fact := `vendor="ACME"(dnp3.g0.v252,identity)`
	expectTold(t, k.say(1, dnp3Answer(10, 129, dnp3Attribute(252, "ACME")...)), "server diagnose=1 "+fact)
	address := `dnp3.address="11"(dnp3.link.source,content)`
	expectTold(t, k.say(1, dnp3Answer(11, 129, dnp3Attribute(252, "ACME")...)), "server "+address+" outstation/11 "+address+" diagnose=1 outstation/11 "+fact)
	address = `dnp3.address="10"(dnp3.link.source,content)`
	expectTold(t, k.say(1, dnp3Answer(10, 129, dnp3Attribute(252, "ACME")...)), "server "+address+" outstation/10 "+address+" diagnose=1 outstation/10 "+fact)
	for n := range uint16(2000) {
		k.say(1, dnp3Link(0x0b, 1, n))
	}
	if n := len(k.d.(*dnp3).stations.parts.paths); n > maxNumberedParts {
		t.Errorf("%d stations are kept", n)
	}
}

func TestDNP3BlockCRC(t *testing.T) {
	k := dnp3Talk(t, dnp3Port)
	k.say(0, dnp3Link(0xc9, 10, 1))
	b := dnp3Ask(10, 5, bytes.Repeat([]byte{1}, 40)...)
	b[len(b)-1] ^= 1
	expectTold(t, k.say(0, b), "client") // the station throws it away
}

func TestDNP3StreamAndDatagram(t *testing.T) {
	two := append(dnp3Ask(10, 1, 60, 2, 6), dnp3Ask(10, 5, 12, 1)...)
	k := dnp3Talk(t, dnp3Port)
	first := len(dnp3Ask(10, 1, 60, 2, 6))
	for n := range first {
		k.refused(0, two[:n], ErrShort)
	}
	if used, err := k.d.Dissect(k.message(0, two), &k.log); used != first || err != nil {
		t.Fatalf("two in one segment: %d, %v", used, err)
	}
	k.refused(0, []byte("GET / HTTP/1.1\r\n"), ErrMalformed)
	k = dnp3Talk(t, dnp3Port)
	k.stream = false
	k.refused(0, two[:first-1], ErrNotMine)
	k.refused(0, two[:5], ErrNotMine)
	m := k.message(0, two[first:][:14])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) || !strings.Contains(told2text(&k.log), "client") {
		t.Errorf("cut by the capture: %v, told %s", err, told2text(&k.log))
	}
}

func TestDNP3Resync(t *testing.T) {
	good := dnp3Ask(10, 1, 60, 2, 6)
	if at := (&dnp3{}).Resync(append([]byte("ab\x05\x64\x05\x00\x00\x00\x00\x00"), good...)); at != 10 {
		t.Errorf("found one at %d", at)
	}
	if at := (&dnp3{}).Resync(bytes.Repeat([]byte{5, 0x64}, 40)); at != -1 {
		t.Errorf("found one at %d in noise", at)
	}
}

func TestDNP3AllocatesNothing(t *testing.T) {
	k := dnp3Talk(t, dnp3Port)
	var all []*Message
	for n := range 40 { // more stations than are remembered
		all = append(all, k.message(0, dnp3Ask(uint16(n), 1, 60, 2, 6)), k.message(1, dnp3Answer(uint16(n), 129, dnp3Attribute(252, fmt.Sprint(n))...)))
	}
	if n := testing.AllocsPerRun(20, func() {
		for _, m := range all {
			k.log.reset()
			_, _ = k.d.Dissect(m, &k.log)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDNP3(b *testing.B) {
	k := &talk{d: &dnp3{}, port: dnp3Port, stream: true}
	ask, answer := k.message(0, dnp3Ask(10, 1, 60, 2, 6)), k.message(1, dnp3Answer(10, 129, bytes.Repeat([]byte{30}, 100)...))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}
}

func FuzzDNP3(f *testing.F) { fuzzDissector(f, "dnp3", true) }
