package dissect

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// ber is a value with a tag of one or two bytes.
func ber(tag int, parts ...string) string {
	v := strings.Join(parts, "")
	id := string([]byte{byte(tag)})
	if tag > 0xff {
		id = string([]byte{byte(tag >> 8), byte(tag)})
	}
	switch {
	case len(v) < 0x80:
		return id + string([]byte{byte(len(v))}) + v
	case len(v) < 0x100:
		return id + string([]byte{0x81, byte(len(v))}) + v
	}
	return id + string([]byte{0x82, byte(len(v) >> 8), byte(len(v))}) + v
}

// mmsData is an MMS PDU in presentation and session data.
func mmsData(pdu string) []byte {
	return []byte("\x01\x00\x01\x00" + ber(0x61, ber(0x30, ber(2, "\x03"), ber(0xa0, pdu))))
}

func mmsAsk(invoke byte, service string) []byte {
	return mmsData(ber(mmsRequest, ber(2, string([]byte{invoke})), service))
}

func mmsTell(invoke byte, service string) []byte {
	return mmsData(ber(mmsResponse, ber(2, string([]byte{invoke})), service))
}

// mmsName is an ObjectName; mmsVariable one in a list of variables.
func mmsName(domain, item string) string {
	if domain == "" {
		return ber(0x80, item)
	}
	return ber(0xa1, ber(0x1a, domain), ber(0x1a, item))
}

func mmsVariable(domain, item string) string { return ber(0x30, ber(0xa0, mmsName(domain, item))) }

func mmsReadOf(domain string, items ...string) string {
	var all string
	for _, i := range items {
		all += mmsVariable(domain, i)
	}
	return ber(0xa4, ber(0xa1, ber(0xa0, all)))
}

func mmsWriteOf(domain string, items ...string) string {
	var all string
	for _, i := range items {
		all += mmsVariable(domain, i)
	}
	return ber(0xa5, ber(0xa0, all), ber(0xa0, ber(0x83, "\x01")))
}

func mmsResults(values ...string) string { return ber(0xa4, ber(0xa1, values...)) }

// mmsConnect is a CONNECT or ACCEPT with an association for MMS.
func mmsConnect(spdu byte, apdu string) []byte {
	contexts := ber(0xa4, ber(0x30, ber(2, "\x01"), ber(6, "\x52\x01\x00\x01"), ber(0x30, ber(6, "\x51\x01"))), ber(0x30, ber(2, "\x03"), ber(6, oidMMS), ber(0x30, ber(6, "\x51\x01"))))
	if spdu == spduAccept {
		contexts = ber(0xa5, ber(0x30, ber(0x80, "\x00")))
	}
	cp := ber(0x31, ber(0xa0, ber(0x80, "\x01")), ber(0xa2, contexts, ber(0x61, ber(0x30, ber(2, "\x01"), ber(0xa0, apdu)))))
	body := "\x05\x06\x13\x01\x00\x16\x01\x02\x14\x02\x00\x02" + string([]byte{sessionUserData, byte(len(cp))}) + cp
	return append([]byte{spdu, byte(len(body))}, body...)
}

func initiate(pdu int) string {
	return ber(0xbe, ber(0x28, ber(6, "\x51\x01"), ber(2, "\x03"), ber(0xa0, ber(pdu, ber(0x80, "\x00\xfd\xe8")))))
}

func mmsTalk(t testing.TB) chat {
	tt, _ := t.(*testing.T)
	d := &mms{}
	d.recent.calls = recentTrials
	return chat{&talk{t: tt, d: &overCOTP{d}, port: 102}}
}

// overCOTP gives a dissector its messages as user data of ISO transport.
type overCOTP struct{ Dissector }

func (d *overCOTP) Dissect(m *Message, out Out) (int, error) {
	m.Tag = cotpDT
	return d.Dissector.Dissect(m, out)
}

func TestMMSSignature(t *testing.T) {
	read := mmsAsk(1, mmsReadOf("LD0", "MMXU1$MX$A"))
	for _, c := range []struct {
		what string
		b    []byte
		want bool
	}{
		{"read", read, true},
		{"file open, a tag of two bytes", mmsAsk(2, ber(0xbf48, ber(0xa0, ber(0x19, "a")), ber(0x81, "\x00"))), true},
		{"identify", mmsAsk(3, "\x82\x00"), true},
		{"with modifiers", mmsData(ber(mmsRequest, ber(2, "\x01"), ber(0x30, ""), "\x82\x00")), true},
		{"with a companion standard's part", mmsData(ber(mmsRequest, ber(2, "\x01"), "\x82\x00", ber(0xbf4f, ""))), true},
		{"error", mmsData(ber(mmsError, ber(0x80, "\x01"), ber(0xa2, ber(0xa0, ber(0x87, "\x00"))))), true},
		{"report", mmsData(ber(mmsUnconfirmed, ber(0xa0, ber(0xa1, ber(0x80, "RPT")), ber(0xa0, "")))), true},
		{"connect", mmsConnect(spduConnect, ber(acseAARQ, initiate(mmsInitiate))), true},
		{"accept", mmsConnect(spduAccept, ber(acseAARE, initiate(mmsInitiated))), true},
		{"one octet more", append(bytes.Clone(read), 0), false},
		{"one octet less", read[:len(read)-1], false},
		{"S7", []byte("\x32\x01\x00\x00\x00\x01\x00\x02\x00\x00\x04\x01"), false},
		{"no tokens", read[2:], false},
		{"ROSE, as CMIP has it", mmsData(ber(0xa1, ber(2, "\x01"), ber(2, "\x03"), ber(0x30, ""))), false},
		{"FTAM initialise", mmsData(ber(0xa0, ber(0x80, "\x07\x80"), ber(0xa1, ""))), false},
		{"no such service", mmsData(ber(mmsRequest, ber(2, "\x01"), ber(0xbf50, ""))), false},
		{"no such PDU", mmsData(ber(0xae, ber(2, "\x01"), "\x82\x00")), false},
		{"another abstract syntax", bytes.ReplaceAll(mmsConnect(spduConnect, ber(acseAARQ, "")), []byte(oidMMS), []byte("\x28\xca\x22\x02\x09")), false},
		{"session disconnect", []byte{spduDisconnect, 0}, false},
		{"empty", nil, false},
	} {
		if got := matchMMS(c.b); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
		k := mmsTalk(t)
		if !c.want && len(c.b) > 0 {
			k.refused(0, c.b, ErrNotMine)
		}
	}
}

func TestMMSAssociation(t *testing.T) {
	k := mmsTalk(t)
	title := ber(0xa6, ber(6, "\x29\x01\x87\x67\x01")) + ber(0xa7, ber(2, "\x0c"))
	expectTold(t, k.say(0, mmsConnect(spduConnect, ber(acseAARQ, title, initiate(mmsInitiate)))), `client mms.ap_title="1.1.1.999.1/12"(mms.acse.ap_title,content)`)
	expectTold(t, k.say(1, mmsConnect(spduAccept, ber(acseAARE, ber(0xa2, ber(2, "\x00")), ber(0xa4, ber(6, "\x29\x02")), initiate(mmsInitiated)))), `server mms.ap_title="1.1.2"(mms.acse.ap_title,content)`)
	expectTold(t, k.say(0, mmsConnect(spduConnect, ber(acseAARQ, ber(0xac, ber(0x80, "secret")), initiate(mmsInitiate)))), "client authenticate=1")
	expectTold(t, k.say(0, []byte{spduFinish, 0}), "")
	expectTold(t, k.say(0, mmsData("\x8b\x00")), "client")
	expectTold(t, k.say(1, mmsData("\x8c\x00")), "server")
}

func TestMMSOperations(t *testing.T) {
	for _, c := range []struct{ want, service string }{
		{"read", mmsReadOf("", "x")},
		{"diagnose", "\x82\x00"},
		{"diagnose", ber(0x80, "\xff")},
		{"diagnose", ber(0xa1, ber(0xa0, ber(0x80, "\x00")))},
		{"diagnose", ber(0xa6, ber(0xa0, mmsName("", "v")))},
		{"configure", ber(0xab, mmsName("", "l"), ber(0xa0, mmsVariable("", "v")))},
		{"diagnose", ber(0xac, mmsName("", "l"))},
		{"write", mmsWriteOf("", "v")},
		{"control", ber(0xbf28, "")},
		{"program", ber(0xba, "")},
		{"program", ber(0xbf27, "")},
		{"transfer", ber(0xbf48, "")},
		{"transfer", ber(0x9f4a, "\x01")},
		{"read", ber(0xbf41, "")},
		{"configure", ber(0xbf43, "")},
		{"subscribe", ber(0xbf39, "")},
		{"write", ber(0xbf3e, "")},
	} {
		k := mmsTalk(t)
		expectTold(t, k.say(0, mmsAsk(1, c.service)), "client "+c.want+"=1")
	}
	for item, want := range map[string]string{
		"GGIO1$CO$SPCSO1$Oper": "control", "GGIO1$SP$Lim$setMag": "configure", "LLN0$SG$x": "configure", "LLN0$SP$SGCB$ActSG": "configure", "GGIO1$CF$Mod$ctlModel": "configure", "GGIO1$DC$NamPlt$d": "configure",
		"LLN0$RP$rcb$RptEna": "subscribe", "LLN0$BR$rcb$RptEna": "subscribe", "LLN0$GO$gcb$GoEna": "configure", "LLN0$LG$l$LogEna": "configure", "GGIO1$SV$AnIn$subEna": "write", "plain": "write", "A$COX$b": "write", "A$C": "write",
	} {
		k := mmsTalk(t)
		expectTold(t, k.say(0, mmsAsk(1, mmsWriteOf("", item))), "client "+want+"=1")
	}
	k := mmsTalk(t)
	expectTold(t, k.say(0, mmsAsk(1, mmsWriteOf("", "LLN0$RP$r$TrgOps", "a", "GGIO1$CO$x$Oper"))), "client control=1") // the gravest
	expectTold(t, k.say(0, mmsAsk(2, mmsReadOf("", "GGIO1$CO$x$SBO"))), "client control=1")
	expectTold(t, k.say(1, mmsData(ber(mmsUnconfirmed, ber(0xa0, ber(0xa1, ber(0x80, "RPT")), ber(0xa0, ""))))), "server subscribe=1")
	expectTold(t, k.say(1, mmsData(ber(mmsUnconfirmed, ber(0xa2, "")))), "server alarm=1")
	expectTold(t, k.say(1, mmsTell(1, ber(0xa5, ber(0x81, "")))), "server")
	k = mmsTalk(t)
	expectTold(t, k.say(1, mmsTell(1, ber(0xa5, ber(0x81, "")))), "server write=1") // a response alone
}

func TestMMSIdentify(t *testing.T) {
	k := mmsTalk(t)
	k.say(0, mmsAsk(7, "\x82\x00"))
	expectTold(t, k.say(1, mmsTell(7, ber(0xa2, ber(0x80, "ACME"), ber(0x81, "R-1 "), ber(0x82, "")))), `server vendor="ACME"(mms.identify.vendor_name,identity) model="R-1"(mms.identify.model_name,identity)`)
}

func TestMMSDomains(t *testing.T) {
	k := mmsTalk(t)
	expectTold(t, k.say(0, mmsAsk(1, mmsReadOf("LD0", "a", "b"))), `client read=1 receiver mms.domain="LD0"(mms.object_name.domain,content)`)
	expectTold(t, k.say(0, mmsAsk(2, mmsReadOf("LD0", "a"))), "client read=1")
	names := ber(0xa1, ber(0xa0, ber(0x1a, "LD0"), ber(0x1a, "LD1")), ber(0x81, "\x00"))
	expectTold(t, k.say(1, mmsTell(9, names)), "server") // nobody asked for domains
	expectTold(t, k.say(0, mmsAsk(9, ber(0xa1, ber(0xa0, ber(0x80, "\x09")), ber(0xa1, ber(0x80, ""))))), "client diagnose=1")
	expectTold(t, k.say(1, mmsTell(9, names)), `server mms.domain="LD0"(mms.get_name_list.domain,identity) mms.domain="LD1"(mms.get_name_list.domain,identity)`)
	report := ber(mmsUnconfirmed, ber(0xa0, ber(0xa0, mmsVariable("LD2", "GGIO1$CO$x")), ber(0xa0, ber(0x83, "\x00"))))
	expectTold(t, k.say(1, mmsData(report)), `server subscribe=1 mms.domain="LD2"(mms.object_name.domain,content)`)
}

// mmsComponent is a component of a type description, mmsStructure a structure.
func mmsComponent(name, typ string) string { return ber(0x30, ber(0x80, name), ber(0xa1, typ)) }

func mmsStructure(components ...string) string { return ber(0xa2, ber(0xa1, components...)) }

func TestMMSNamePlates(t *testing.T) {
	text := ber(0x8a, "\x80")
	lphd := mmsStructure(
		mmsComponent("ST", mmsStructure(mmsComponent("PhyHealth", text))),
		mmsComponent("DC", mmsStructure(mmsComponent("Other", text), mmsComponent("PhyNam", mmsStructure(mmsComponent("vendor", text), mmsComponent("serNum", text), mmsComponent("cdcNs", text), mmsComponent("model", text))))))
	plate := ber(0xa2, ber(0x8a, "ACME"), ber(0x8a, "S9"), ber(0x8a, "ns"), ber(0x90, "X-1"))
	full := `vendor="ACME"(iec61850.phynam.vendor,identity) serial="S9"(iec61850.phynam.serNum,identity) model="X-1"(iec61850.phynam.model,identity)`
	k := mmsTalk(t)
	ask := func(invoke byte, domain string, items ...string) {
		t.Helper()
		if got := k.say(0, mmsAsk(invoke, mmsReadOf(domain, items...))); !strings.Contains(got, "client ") {
			t.Errorf("told %s", got)
		}
	}
	ask(1, "LD0", "LPHD1$DC$PhyNam") // the type is not known: only what must come first
	expectTold(t, k.say(1, mmsTell(1, mmsResults(plate))), `server vendor="ACME"(iec61850.phynam.vendor,identity)`)
	k.say(0, mmsAsk(2, ber(0xa6, ber(0xa0, mmsName("LD0", "LPHD1")))))
	k.say(1, mmsTell(2, ber(0xa6, ber(0x80, "\x00"), ber(0xa2, lphd))))
	ask(3, "LD0", "LPHD1$DC$PhyNam")
	expectTold(t, k.say(1, mmsTell(3, mmsResults(plate))), "server "+full)
	ask(4, "LD0", "GGIO1$ST$x", "LPHD1$DC", "LPHD1$DC$PhyNam$serNum", "LPHD1$DC$PhyNam$cdcNs")
	expectTold(t, k.say(1, mmsTell(4, mmsResults(ber(0x80, "\x0a"), ber(0xa2, ber(0x8a, "o"), plate), ber(0x8a, "S10"), ber(0x8a, "n")))), "server "+full+` serial="S10"(iec61850.phynam.serNum,identity)`)
	ask(5, "LD7", "LPHD1$DC$PhyNam$serNum") // behind a gateway: another device
	expectTold(t, k.say(1, mmsTell(5, mmsResults(ber(0x8a, "S11")))), "server")
	ask(6, "LD0", "LLN0$DC$NamPlt", "LLN0$DC$NamPlt$configRev")
	expectTold(t, k.say(1, mmsTell(6, mmsResults(ber(0xa2, ber(0x8a, "ACME"), ber(0x8a, "2.1"), ber(0x8a, "what")), ber(0x8a, "r7")))),
		`server vendor="ACME"(iec61850.namplt.vendor,identity) firmware="2.1"(iec61850.namplt.swRev,identity) iec61850.configuration_revision="r7"(iec61850.namplt.configRev,identity)`)
	expectTold(t, k.say(1, mmsTell(6, mmsResults(plate))), "server") // answered already
	ask(8, "LD0", "LPHD1$DC$PhyNam$model")
	expectTold(t, k.say(1, mmsTell(8, mmsResults(ber(0x80, "\x0a")))), "server")
}

// A stack that is much in use counts the outer lengths of some reports too
// large: once the connection is known, they are read.
func TestMMSLengthTooLarge(t *testing.T) {
	report := mmsData(ber(mmsUnconfirmed, ber(0xa0, ber(0xa0, mmsVariable("LD0", "x")), ber(0xa0, ber(0x83, "\x00")))) + "\x00\x00\x00\x00")
	mmsTalk(t).refused(1, report, ErrNotMine)
	k := mmsTalk(t)
	k.say(0, mmsAsk(1, "\x82\x00"))
	expectTold(t, k.say(1, report), `server subscribe=1 mms.domain="LD0"(mms.object_name.domain,content)`)
}

func TestMMSPendingIsBounded(t *testing.T) {
	k := mmsTalk(t)
	for n := range 100 {
		k.say(0, mmsAsk(byte(n), mmsReadOf("LD0", "LPHD1$DC$PhyNam$serNum")))
	}
	expectTold(t, k.say(1, mmsTell(10, mmsResults(ber(0x8a, "old")))), "server")
	expectTold(t, k.say(1, mmsTell(99, mmsResults(ber(0x8a, "new")))), `server serial="new"(iec61850.phynam.serNum,identity)`)
}

// TestMMSSurmise: reports alone, without the association, look like MMS; who asks
// or answers proves it.
func TestMMSSurmise(t *testing.T) {
	report := mmsData(ber(mmsUnconfirmed, ber(0xa0, ber(0xa1, ber(0x80, "RPT")), ber(0xa0, ber(0x83, "\x01")))))
	for name, c := range map[string]struct {
		messages [][]byte
		want     bool
	}{
		"reports":     {[][]byte{report, report}, true},
		"a request":   {[][]byte{report, mmsAsk(1, mmsReadOf("LD0", "LLN0"))}, false},
		"an answer":   {[][]byte{report, mmsTell(1, mmsResults(ber(0x83, "\x01")))}, false},
		"association": {[][]byte{mmsConnect(spduConnect, initiate(mmsInitiate)), report}, false},
	} {
		d, l := &mms{}, &log{}
		for _, b := range c.messages {
			if _, err := d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: b, Tag: cotpDT}, l); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if d.Surmises() != c.want {
			t.Errorf("%s: surmised %t", name, d.Surmises())
		}
	}
}

func TestMMSCutByTheCapture(t *testing.T) {
	b := mmsAsk(1, mmsWriteOf("LD0", "GGIO1$CO$SPCSO1$Oper"))
	for n := 20; n < len(b); n++ {
		k := mmsTalk(t)
		m := k.message(0, b[:n])
		m.Cut = true
		if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) && !errors.Is(err, ErrNotMine) {
			t.Fatalf("%d octets: %v", n, err)
		}
	}
	k := mmsTalk(t)
	m := k.message(0, b[:len(b)-4])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) || !strings.Contains(chatText(&k.log), "client control=1") {
		t.Errorf("%v, told %s", err, chatText(&k.log))
	}
}

func TestMMSAllocatesNothing(t *testing.T) {
	k := mmsTalk(t)
	ask, answer := k.message(0, mmsAsk(1, mmsReadOf("LD0", "LPHD1$DC$PhyNam"))), k.message(1, mmsTell(1, mmsResults(ber(0xa2, ber(0x8a, "ACME")))))
	if n := testing.AllocsPerRun(50, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMMS(b *testing.B) {
	k := mmsTalk(b)
	ask, answer := k.message(0, mmsAsk(1, mmsReadOf("LD0", "MMXU1$MX$A$phsA$cVal$mag$f"))), k.message(1, mmsTell(1, mmsResults(ber(0x87, "\x08abcd"))))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}
}

func FuzzMMS(f *testing.F) {
	for _, b := range [][]byte{mmsAsk(1, mmsReadOf("LD0", "a")), mmsAsk(1, mmsWriteOf("LD0", "LLN0$CO$a")), mmsTell(1, mmsResults(ber(0x8a, "x"))), mmsConnect(spduConnect, ber(acseAARQ, initiate(mmsInitiate)))} {
		f.Add(b)
	}
	for _, file := range samples(f, registry["mms"]) {
		for _, p := range load(f, file) {
			if t, err := readTPDU(p.Payload); err == nil && t.code == cotpDT && t.last {
				f.Add(p.Payload[cotpHead+1:])
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		matchMMS(b)
		walk(t, &overCOTP{&mms{}}, b, 102, false)
		walk(t, &overCOTP{&mms{tase2: true, claimed: true}}, b, 102, false)
	})
}
