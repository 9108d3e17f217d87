package dissect

import (
	"encoding/binary"
	"strings"
	"testing"

	"demarc/internal/ot"
)

// s7plusFrame puts data into a frame, with the trailer where it is the last.
func s7plusFrame(version byte, data string, last bool) []byte {
	b := binary.BigEndian.AppendUint16([]byte{s7plusID, version}, uint16(len(data)))
	b = append(b, data...)
	if last {
		b = append(b, s7plusID, version, 0, 0)
	}
	return b
}

func s7plusAsk(version byte, function uint16, session uint32, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{s7plusRequest, 0, 0}, function)
	b = binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 1), session)
	return s7plusFrame(version, string(b)+"\x34"+body, true)
}

func s7plusTell(version byte, function uint16, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{s7plusResponse, 0, 0}, function)
	return s7plusFrame(version, string(append(b, 0, 0, 0, 1, 0x34))+body, true)
}

const (
	s7plusSession  = 0x3be
	s7plusMe       = "\x00\x00\x03\xbe"
	s7plusRunState = "\x00\x00\x00\x34\x01\x90\x77\x00\x08\x01"

	// A session as a client asks for it, and as it is given.
	s7plusWanted = "\x00\x00\x01\x1d\x00\x04\x00\x00\x00\x00\x00\xa1\x00\x00\x00\xd3\x82\x1f\x00\x00" +
		"\xa3\x81\x69\x00\x15\x0aServerSess" + "\xa3\x82\x21\x00\x15\x071:::6.0" + "\xa3\x82\x28\x00\x15\x08operator" +
		"\xa3\x82\x29\x00\x15\x05Panel" + "\xa3\x82\x2a\x00\x15\x04op-1" + "\xa3\x82\x2b\x00\x04\x02" + "\xa3\x82\x2c\x00\x12\x00\x00\x00\x2a" +
		"\xa1\x00\x00\x00\xd3\x81\x7f\x00\x00\xa3\x81\x69\x00\x15\x03Sub\xa2\xa2\x00\x00\x00\x00"
	s7plusGiven = "\x00\x02\x87\x3e\x87\x23\xa1\x00\x00\x01\x20\x82\x1f\x00\x00\xa3\x81\x69\x00\x15\x00\xa3\x82\x2b\x00\x04\x82\x80\x80\x80\x00" +
		"\xa3\x82\x2f\x10\x02\x04\x01\x02\x03\x04" + "\xa3\x82\x32\x00\x17\x00\x00\x01\x3a" + "\x82\x3b\x00\x04\x82\x40" +
		"\x82\x3f\x00\x15\x1a1;6ES7 511-1AK00-0AB0;V2.8" + "\x82\x40\x00\x15\x012" + "\x82\x41\x00\x03\x00\x03\x00" + "\xa2\x00\x00\x00\x00"
)

func s7plusTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: tagged{&s7plus{}}, port: 102}
}

// tagged gives messages as a COTP data unit carries them.
type tagged struct{ *s7plus }

func (d tagged) Dissect(m *Message, out Out) (int, error) {
	m.Tag = cotpDT
	return d.s7plus.Dissect(m, out)
}

func TestS7PlusSession(t *testing.T) {
	k := s7plusTalk(t)
	expectTold(t, k.say(0, s7plusAsk(1, s7plusCreateObject, 288, s7plusWanted)), `client s7comm-plus.session_user="operator"(s7comm-plus.session.user,content)`+
		` s7comm-plus.session_application="Panel"(s7comm-plus.session.application,content) s7comm-plus.session_host="op-1"(s7comm-plus.session.host,content)`)
	expectTold(t, k.say(1, s7plusTell(1, s7plusCreateObject, s7plusGiven)), `server vendor="Siemens"(s7comm-plus.session.version,behaviour)`+
		` model="6ES7 511-1AK00-0AB0"(s7comm-plus.session.version,identity) firmware="V2.8"(s7comm-plus.session.version,identity)`)
}

func TestS7PlusOperations(t *testing.T) {
	for _, c := range []struct {
		function uint16
		body     string
		want     string
	}{
		{s7plusExplore, "\x00\x00\x00\x00", "client diagnose=1"},
		{s7plusGetMultiVariables, "\x00\x00\x00\x00", "client read=1"},
		{s7plusSetMultiVariables, "\x00\x00\x00\x00", "client write=1"},
		{s7plusSetMultiVariables, s7plusMe, "client authenticate=1"},
		{s7plusSetVariable, s7plusRunState, "client control=1"},
		{s7plusInvoke, "\x00\x00\x00\x00", "client control=1"},
		{s7plusCreateObject, "\x00\x00\x00\x03\x00\x04\x00\x00\x00\x00\x00", "client program=1"},
		{s7plusCreateObject, s7plusMe + "\x00\x04\x00\x00\x00\x00\x00\xa1\x70\x00\x00\x01\x87\x69\x00\x00", "client subscribe=1"},
		{s7plusCreateObject, s7plusMe + "\x00\x04\x00\x00\x00\x00\x00\xa1\x70\x00\x00\x01\x87\x6a\x00\x00", "client"},
		{s7plusDeleteObject, "\x8a\x0e\x00\x01", "client program=1"},
		{s7plusDeleteObject, s7plusMe, "client"},
	} {
		expectTold(t, s7plusTalk(t).say(0, s7plusAsk(2, c.function, s7plusSession, c.body)), c.want)
	}
	expectTold(t, s7plusTalk(t).say(1, s7plusTell(2, s7plusGetVarSubStreamed, "\x00")), "server read=1") // answers alone
}

func TestS7PlusPartsAndEvents(t *testing.T) {
	k := s7plusTalk(t)
	k.refused(1, s7plusFrame(2, "further part", true), ErrNotMine)
	k.refused(1, s7plusFrame(s7plusEvent, "\x01\x02", false), ErrNotMine)
	first := s7plusAsk(2, s7plusSetMultiVariables, s7plusSession, "\x00\x00\x00\x00 and so on")
	expectTold(t, k.say(0, first[:len(first)-4]), "client write=1") // without the trailer
	expectTold(t, k.say(0, s7plusFrame(2, "further part", true)), "")
	expectTold(t, k.say(1, s7plusFrame(s7plusEvent, "\x01\x02", false)), "")
	expectTold(t, k.say(1, s7plusFrame(2, "\x33\x70\x00\x00\x01\x00\x00", true)), "server")
	k.refused(0, []byte("\x32\x01"), ErrMalformed)
	digest := "\x20" + strings.Repeat("d", s7plusDigest)
	ask := s7plusAsk(3, s7plusGetMultiVariables, s7plusSession, "\x00\x00\x00\x00")
	expectTold(t, s7plusTalk(t).say(0, s7plusFrame(3, digest+string(ask[4:len(ask)-4]), true)), "client read=1")
}

func TestS7PlusIsNotS7Plus(t *testing.T) {
	ok := s7plusAsk(1, s7plusCreateObject, 288, s7plusWanted)
	if !matchS7Plus(ok) {
		t.Fatal("the signature does not know S7comm-plus")
	}
	for name, change := range map[string]func(b []byte){
		"id":       func(b []byte) { b[0] = 0x32 },
		"version":  func(b []byte) { b[1] = 4 },
		"length":   func(b []byte) { b[3]++ },
		"opcode":   func(b []byte) { b[4] = 0x34 },
		"reserved": func(b []byte) { b[5] = 1 },
		"function": func(b []byte) { b[8]++ },
		"flags":    func(b []byte) { b[17] = 0x80 },
		"trailer":  func(b []byte) { b[len(b)-4] = 0 },
	} {
		b := append([]byte{}, ok...)
		change(b)
		if matchS7Plus(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		s7plusTalk(t).refused(0, b, ErrNotMine)
	}
}

// Values that lie about themselves end the reading and nothing else.
func TestS7PlusLyingValues(t *testing.T) {
	for _, attribute := range []string{
		"\xa3\x82\x2f\x10\x02\xff\xff\xff\xff\x7f", // an array longer than anything
		"\xa3\x82\x2f\x40\x02\x00",                 // a form that is not known
		"\xa3\x82\x2f\x00\x99\x00",                 // a kind that is not known
		"\xa3\x82\x28\x00\x15\xff\x7fshort",        // a text longer than the PDU
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff",     // no element
		"\xa3\xff\xff\xff\xff\xff\xff\xff\xff\xff", // a number without an end
	} {
		body := "\x00\x01\x87\x3e\xa1\x00\x00\x01\x20\x82\x1f\x00\x00" + attribute + s7plusGiven[15:]
		expectTold(t, s7plusTalk(t).say(1, s7plusTell(1, s7plusCreateObject, body)), "server")
	}
}

// tlsHelloRecord is a small hello in its record.
func tlsHelloRecord(kind byte, rest string) []byte {
	body := "\x03\x03" + strings.Repeat("r", 32) + "\x00" + rest
	return []byte("\x16\x03\x03\x00" + string([]byte{byte(len(body) + 4), kind, 0, 0, byte(len(body))}) + body)
}

func s7plusSealedTalk() (messages []struct {
	side int
	b    []byte
},
) {
	add := func(side int, b []byte) {
		messages = append(messages, struct {
			side int
			b    []byte
		}{side, b})
	}
	add(0, s7plusAsk(1, s7plusInitSSL, 0, "\x00\x00\x00\x00"))
	add(1, s7plusTell(1, s7plusInitSSL, "\x00\x00\x00\x00"))
	add(0, tlsHelloRecord(tlsClientHello, "\x00\x02\x13\x02\x01\x00"))
	add(1, tlsHelloRecord(tlsServerHello, "\x13\x02\x00\x00\x06\x00\x2b\x00\x02\x03\x04"))
	add(1, []byte("\x17\x03\x03\x00\x08encrypte"))
	add(0, []byte("\x17\x03\x03\x00\x08encrypte"))
	add(0, []byte("the rest of a record"))
	return messages
}

func TestS7PlusInsideTLS(t *testing.T) {
	k := s7plusTalk(t)
	var last ot.Security
	for _, x := range s7plusSealedTalk() {
		k.say(x.side, x.b)
		for _, e := range k.log.all() {
			if e.kind == toldSecurity {
				last = e.security
			}
		}
	}
	if last.Mode != ot.SignAndEncrypt || last.TLS != "1.3" {
		t.Errorf("security %+v", last)
	}
}

func TestS7PlusSamples(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 102)
	say := func(side int, pdu []byte) {
		if side == 0 {
			r.tcp(a, b, dataTPDU(true, pdu))
		} else {
			r.tcp(b, a, dataTPDU(true, pdu))
		}
	}
	r.open(a, b)
	r.tcp(a, b, connectTPDU(cotpCR, "\xc1\x02\x06\x00\xc2\x10SIMATIC-ROOT-HMI"))
	r.tcp(b, a, connectTPDU(cotpCC, "\xc1\x02\x06\x00\xc2\x10SIMATIC-ROOT-HMI"))
	say(0, s7plusAsk(1, s7plusCreateObject, 288, s7plusWanted))
	say(1, s7plusTell(1, s7plusCreateObject, s7plusGiven))
	for _, x := range []struct {
		function uint16
		body     string
	}{
		{s7plusSetMultiVariables, s7plusMe + "\x01"},
		{s7plusGetMultiVariables, "\x00\x00\x00\x00\x01"},
		{s7plusExplore, "\x00\x00\x00\x03"},
		{s7plusSetMultiVariables, "\x00\x00\x00\x00\x01"},
		{s7plusSetVariable, s7plusRunState},
		{s7plusCreateObject, "\x00\x00\x00\x03\x00\x04\x00\x00\x00\x00\x00\xa1\x8a\x0e\x00\x01"},
	} {
		say(0, s7plusAsk(2, x.function, s7plusSession, x.body))
		say(1, s7plusTell(2, x.function, "\x00"))
	}
	say(1, s7plusFrame(2, "\x33\x70\x00\x00\x01\x00\x00", true))
	made(t, "s7comm-plus", "session", r)

	r = newReel()
	r.open(a, b)
	r.tcp(a, b, connectTPDU(cotpCR, "\xc1\x02\x06\x00\xc2\x0fSIMATIC-ROOT-ES"))
	r.tcp(b, a, connectTPDU(cotpCC, "\xc1\x02\x06\x00\xc2\x0fSIMATIC-ROOT-ES"))
	for _, x := range s7plusSealedTalk() {
		say(x.side, x.b)
	}
	made(t, "s7comm-plus", "tls", r)
}

func TestS7PlusAllocatesNothing(t *testing.T) {
	k := s7plusTalk(t)
	ask, answer := k.message(0, s7plusAsk(1, s7plusCreateObject, 288, s7plusWanted)), k.message(1, s7plusTell(1, s7plusCreateObject, s7plusGiven))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzS7Plus(f *testing.F) {
	f.Add(s7plusAsk(1, s7plusCreateObject, 288, s7plusWanted))
	f.Add(s7plusTell(1, s7plusCreateObject, s7plusGiven))
	f.Fuzz(func(t *testing.T, b []byte) {
		matchS7Plus(b)
		walk(t, tagged{&s7plus{}}, b, 102, false)
	})
}
