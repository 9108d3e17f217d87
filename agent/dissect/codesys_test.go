package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

// cdsFrame puts a datagram into a TCP frame.
func cdsFrame(datagram []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, cdsMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(cdsHead+len(datagram)))
	return append(b, datagram...)
}

// cdsSend is a datagram between two nodes with addresses of one word.
func cdsSend(service byte, data string) []byte {
	return append([]byte{cdsDatagram, 0x6b, 0x40, service, 0, 0x11, 0, 1, 0, 2, 0, 0}, data...)
}

func cdsWide(s string) string {
	b := make([]byte, 0, 2*len(s)+2)
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return string(append(b, 0, 0))
}

// cdsPlate is the identification of a node.
func cdsPlate() string {
	b := []byte{0x80, 0xc2, 0, 4, 7, 0, 0, 0}
	b = append(b, 4, 0, 1, 0, 0, 0, 6, 0, 8, 0, 4, 0)
	b = append(b, 0, 0x10, 0, 0, 1, 0, 0, 0, 40, 16, 5, 3, 0, 0, 0, 0)
	b = append(b, 5, 0, 0)
	b = append(b, make([]byte, 9)...)
	return string(b) + cdsWide("line-4") + cdsWide("Ctl 2000") + cdsWide("ACME") + "00042\x00"
}

// cdsServe is the first block of a service message.
func cdsServe(flags byte, group, service uint16) string {
	b := append([]byte{cdsBlock, flags | cdsFirst, 1, 0}, make([]byte, 16)...)
	b = binary.LittleEndian.AppendUint16(b, cdsPlain)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = binary.LittleEndian.AppendUint16(b, group)
	b = binary.LittleEndian.AppendUint16(b, service)
	return string(append(b, make([]byte, 12)...))
}

const (
	cdsWho   = "\x02\xc2\x00\x04\x07\x00\x00\x00"
	cdsFacts = `name="line-4"(codesys.node_info.node_name,identity) product="Ctl 2000"(codesys.node_info.device_name,identity)` +
		` vendor="ACME"(codesys.node_info.vendor_name,identity) firmware="3.5.16.40"(codesys.node_info.target_version,identity)` +
		` serial="00042"(codesys.node_info.serial,identity)`
)

// cdsV2Answer is the answer to the log-in of V2.
func cdsV2Answer() []byte {
	b := make([]byte, 160)
	copy(b, "\xbb\xbb\x9a")
	copy(b[cdsV2OS:], "Nucleus PLUS")
	copy(b[cdsV2Type:], "1.13")
	copy(b[cdsV2Product:], "ACME Ctl 100")
	return b
}

func codesysTalk(t testing.TB, stream bool) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &codesys{}, port: 11740, stream: stream}
}

func TestCodesysIdentity(t *testing.T) {
	k := codesysTalk(t, true)
	expectTold(t, k.say(0, cdsFrame(cdsSend(cdsAsk, cdsWho))), "client diagnose=1")
	expectTold(t, k.say(1, cdsFrame(cdsSend(cdsTell, cdsPlate()))), "server "+cdsFacts)
	k = codesysTalk(t, false)
	expectTold(t, k.say(0, cdsSend(cdsAsk, cdsWho)), "client diagnose=1")
	expectTold(t, k.say(1, cdsSend(cdsTell, cdsPlate())), "server "+cdsFacts)
	k = codesysTalk(t, true)
	expectTold(t, k.say(0, []byte("\xbb\xbb\x01\x00\x00\x00\x01")), "client diagnose=1")
	expectTold(t, k.say(1, cdsV2Answer()), `server os="Nucleus PLUS 1.13"(codesys.v2.login.os,identity) product="ACME Ctl 100"(codesys.v2.login.product,identity)`)
	expectTold(t, k.say(0, []byte("\xbb\xbb\x00\x00\x00\x02\x07\x07")), "") // the other byte order
}

func TestCodesysOperations(t *testing.T) {
	for _, c := range []struct {
		group, service uint16
		want           string
	}{
		{1, 1, " diagnose=1"},
		{1, 2, " authenticate=1"},
		{1, 5, " control=1"},
		{2, 5, " program=1"},
		{2, 0x11, " control=1"},
		{2, 0x14, " diagnose=1"},
		{2, 1, " authenticate=1"},
		{4, 1, " read=1"},
		{6, 1, " configure=1"},
		{8, 1, " transfer=1"},
		{0x12, 1, " program=1"},
		{0x13, 1, " control=1"},
		{0x18, 1, " alarm=1"},
		{0x1b, 1, " read=1"},
		{0x1b, 2, " write=1"},
		{0x77, 1, ""},
	} {
		expectTold(t, codesysTalk(t, true).say(0, cdsFrame(cdsSend(cdsChannel, cdsServe(cdsFromClient, c.group, c.service)))), "client"+c.want)
		expectTold(t, codesysTalk(t, true).say(1, cdsFrame(cdsSend(cdsChannel, cdsServe(0, c.group|cdsReply, c.service)))), "server"+c.want)
	}
	k := codesysTalk(t, true)
	expectTold(t, k.say(0, cdsFrame(cdsSend(cdsChannel, "\xc3\x00"))), "client")
	expectTold(t, k.say(1, cdsFrame(cdsSend(cdsChannel, "\x83\x00"))), "server")
	expectTold(t, k.say(1, cdsFrame(cdsSend(cdsChannel, "\x02\x00"))), "")
	expectTold(t, k.say(1, cdsFrame([]byte("no datagram"))), "")
}

func TestCodesysLies(t *testing.T) {
	plate := cdsPlate()
	for at, x := range map[int]byte{12: 0xff, 14: 0xff, 16: 0xff, 18: 0xff} { // lengths longer than the message
		b := []byte(plate)
		b[at], b[at+1] = x, x
		if got := codesysTalk(t, true).say(1, cdsFrame(cdsSend(cdsTell, string(b)))); strings.Contains(got, "serial") {
			t.Errorf("length at %d: %s", at, got)
		}
	}
	expectTold(t, codesysTalk(t, true).say(1, cdsFrame(cdsSend(cdsTell, "\x80\xc2\x03\x01\x07\x00\x00\x00"))), "server")
}

func TestCodesysIsNotCodesys(t *testing.T) {
	frame, datagram, old := cdsFrame(cdsSend(cdsAsk, cdsWho)), cdsSend(cdsAsk, cdsWho), []byte("\xbb\xbb\x01\x00\x00\x00\x01")
	for name, b := range map[string][]byte{"frame": frame, "datagram": datagram, "V2": old} {
		if !matchCodesys(b) {
			t.Errorf("%s: the signature does not know it", name)
		}
	}
	for n := 1; n < len(frame); n++ {
		codesysTalk(t, true).refused(0, frame[:n], ErrShort)
	}
	for n := 1; n < len(datagram)-4; n++ {
		codesysTalk(t, false).refused(0, datagram[:n], ErrNotMine)
	}
	for name, b := range map[string][]byte{
		"magic":    append([]byte{0, 1, 0x17, 0xe9}, frame[4:]...),
		"length":   append(append([]byte{}, frame[:4]...), 4, 0, 0, 0),
		"long":     append(append([]byte{}, frame[:4]...), 0, 0, 1, 0),
		"V2 empty": []byte("\xbb\xbb\x00\x00\x00\x00\x01"),
		"V2 long":  []byte("\xbb\xbb\x00\x01\x01\x00\x01"),
		"text":     []byte("GET / HTTP/1.1\r\n"),
	} {
		if matchCodesys(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		codesysTalk(t, true).refused(0, b, ErrNotMine)
	}
	for name, change := range map[string]func(b []byte){
		"magic":   func(b []byte) { b[0] = 0xc6 },
		"header":  func(b []byte) { b[1] = 0x68 },
		"service": func(b []byte) { b[3] = 9 },
		"kind":    func(b []byte) { b[12] = 9 },
		"version": func(b []byte) { b[15] = 9 },
	} {
		b := append([]byte{}, datagram...)
		change(b)
		if matchCodesys(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		codesysTalk(t, false).refused(0, b, ErrNotMine)
	}
	if at := (&codesys{}).Resync(append([]byte("\x00\x01xx"), frame...)); at != 4 {
		t.Errorf("next message at %d", at)
	}
	if at := (&codesys{}).Resync([]byte("nothing at all")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestCodesysSamples(t *testing.T) {
	r := newReel()
	u, v := madeAddr(1, 1743), madeAddr(2, 1740)
	r.udp(u, madeAddr(255, 1740), cdsSend(cdsAsk, cdsWho))
	r.udp(v, u, cdsSend(cdsTell, cdsPlate()))
	a, b := madeAddr(1, 50001), madeAddr(2, 11740)
	r.open(a, b)
	say := func(client bool, datagram []byte) {
		if client {
			r.tcp(a, b, cdsFrame(datagram))
		} else {
			r.tcp(b, a, cdsFrame(datagram))
		}
	}
	say(true, cdsSend(cdsAsk, cdsWho))
	say(false, cdsSend(cdsTell, cdsPlate()))
	say(true, cdsSend(cdsChannel, "\xc3\x00\x01\x01"))
	say(false, cdsSend(cdsChannel, "\x83\x00\x01\x01"))
	for _, x := range [][2]uint16{{1, 2}, {2, 5}, {2, 0x10}, {0x1b, 1}, {0x1b, 2}} {
		say(true, cdsSend(cdsChannel, cdsServe(cdsFromClient, x[0], x[1])))
		say(false, cdsSend(cdsChannel, cdsServe(0, x[0]|cdsReply, x[1])))
	}
	made(t, "codesys", "v3", r)

	r = newReel()
	b = madeAddr(3, 2455)
	r.open(a, b)
	r.tcp(a, b, []byte("\xbb\xbb\x01\x00\x00\x00\x01"))
	r.tcp(b, a, cdsV2Answer())
	made(t, "codesys", "v2", r)
}

func TestCodesysAllocatesNothing(t *testing.T) {
	k := codesysTalk(t, true)
	ask, answer := k.message(0, cdsFrame(cdsSend(cdsAsk, cdsWho))), k.message(1, cdsFrame(cdsSend(cdsTell, cdsPlate())))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzCodesys(f *testing.F) { fuzzDissector(f, "codesys", true) }

func FuzzCodesysDatagram(f *testing.F) { fuzzDissector(f, "codesys", false) }
