package dissect

import (
	"errors"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func FuzzTDS(f *testing.F) { fuzzDissector(f, "tds", true) }

// FuzzTDSBrowser reads what comes over UDP.
func FuzzTDSBrowser(f *testing.F) { fuzzDissector(f, "tds", false) }

func tdsBytes(kind, status, number byte, body string) []byte {
	n := tdsHead + len(body)
	return append([]byte{kind, status, byte(n >> 8), byte(n), 0, 51, number, 0}, body...)
}

func tdsTalk(t *testing.T) *talk { return &talk{t: t, d: &tds{}, port: 14330, stream: true} }

// utf16raw is text without a NUL.
func utf16raw(s string) string { return strings.TrimSuffix(utf16le(s+"\x00"), "\x00\x00") }

func tdsBText(s string) string { return string([]byte{byte(len(s))}) + utf16raw(s) }

// tdsStatement is text behind the headers of a transaction.
func tdsHeaders(s string) string {
	return le32(22, 18) + le16(2) + strings.Repeat("\x00", 8) + le32(1) + s
}

func tdsHello(kind byte, encryption byte) []byte {
	return tdsBytes(kind, 1, 1, "\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"+"\x10\x00\x10\x37\x00\x02"+string([]byte{encryption}))
}

func tdsLoginBytes(version uint32, texts map[int]string) []byte {
	head := make([]byte, 94)
	data := ""
	for at, s := range texts {
		off := len(head) + len(data)
		copy(head[at:], le16(uint16(off), uint16(len(s))))
		data += utf16raw(s)
	}
	copy(head, le32(uint32(len(head)+len(data)), version))
	return tdsBytes(tdsLogin, 1, 1, string(head)+data)
}

func TestTDSLogin(t *testing.T) {
	k := tdsTalk(t)
	expectTold(t, k.say(0, tdsHello(tdsPrelogin, tdsEncryptNone)), "client")
	expectTold(t, k.say(1, tdsHello(tdsResult, tdsEncryptNone)), `server tds.server_version="16.0.4151"(tds.prelogin.version,identity)`)
	expectTold(t, k.say(0, tdsLoginBytes(0x74000004, map[int]string{36: "MES-L4", 40: "sa", 48: "orders", 52: "10.0.0.2", 68: "batch"})),
		`client authenticate=1 name="MES-L4"(tds.login7.client_name,identity) tds.application="orders"(tds.login7.application_name,content) `+
			`receivertds.database="batch"(tds.login7.database,content)`)
	ack := "\x01" + le32(0x74) + tdsBText("Microsoft SQL Server") + "\x10\x00\x10\x37"
	failed := le32(18456) + "\x01\x0e" + le16(2) + utf16raw("no") + tdsBText(`SQL-L4\BATCH`) + tdsBText("") + le32(1)
	token := func(kind byte, v string) string { return string([]byte{kind}) + le16(uint16(len(v))) + v }
	expectTold(t, k.say(1, tdsBytes(tdsResult, 1, 1, token(tdsTokenError, failed)+token(tdsTokenLoginAck, ack)+"\xfd"+strings.Repeat("\x00", 12))),
		`server tds.server_name="SQL-L4\\BATCH"(tds.info.server_name,identity) name="SQL-L4"(tds.info.server_name,content) `+
			`tds.server_program="Microsoft SQL Server"(tds.loginack.program,identity) tds.server_version="16.0.4151"(tds.loginack.version,identity)`)
	// The second packet of a message holds no tokens at its front.
	k.say(1, tdsBytes(tdsResult, 0, 1, "\x81"+le16(1)+strings.Repeat("\x00", 8)))
	expectTold(t, k.say(1, tdsBytes(tdsResult, 1, 2, token(tdsTokenLoginAck, ack))), "server")
}

func TestTDSProcedures(t *testing.T) {
	text := func(s string) string {
		return "\x00\x00\xe7" + le16(8000) + "\x09\x04\xd0\x00\x34" + le16(uint16(2*len(s))) + utf16raw(s)
	}
	longText := func(s string) string {
		return "\x00\x00\xe7" + le16(0xffff) + "\x09\x04\xd0\x00\x34" + le32(uint32(2*len(s)), 0, uint32(2*len(s))) + utf16raw(s) + le32(0)
	}
	handle := "\x00\x01\x26\x04\x00"
	for name, c := range map[string]struct{ body, want string }{
		"executesql":            {le16(0xffff, tdsExecuteSQL, 0) + text("select 1"), "read=1"},
		"executesql by name":    {le16(13) + utf16raw("sp_executesql") + le16(0) + longText("delete from t"), "write=1"},
		"executesql, ntext":     {le16(0xffff, tdsExecuteSQL, 0) + "\x00\x00\x63" + le32(16) + "\x09\x04\xd0\x00\x34" + le32(16) + utf16raw("select 1"), "read=1"},
		"prepexec":              {le16(0xffff, tdsPrepExec, 0) + handle + text("@a int") + text("update t set a = @a"), "write=1"},
		"a cursor":              {le16(0xffff, tdsCursorOpen, 0) + handle + text("select 1"), "read=1"},
		"a procedure":           {le16(6) + utf16raw("orders") + le16(0) + text("select 1"), ""},
		"no text":               {le16(0xffff, tdsExecuteSQL, 0) + "\x00\x00\x30", ""},
		"a length past its end": {le16(0xffff, tdsExecuteSQL, 0) + "\x00\x00\xe7" + le16(8000) + "\x09\x04\xd0\x00\x34" + le16(9000) + utf16raw("select"), "read=1"},
	} {
		k := tdsTalk(t)
		t.Run(name, func(t *testing.T) {
			k.t = t
			expectTold(t, k.say(0, tdsBytes(tdsRPC, 1, 1, tdsHeaders(c.body))), strings.TrimSpace("client "+c.want))
		})
	}
	// What is executed by its handle is known while all that was prepared is alike.
	k := tdsTalk(t)
	prepare := func(s string) []byte {
		return tdsBytes(tdsRPC, 1, 1, tdsHeaders(le16(0xffff, tdsPrepare, 0)+handle+text("@a int")+text(s)))
	}
	execute := tdsBytes(tdsRPC, 1, 1, tdsHeaders(le16(0xffff, tdsExecute, 0)+"\x00\x00\x26\x04\x04"+le32(1)))
	expectTold(t, k.say(0, execute), "client")
	k.say(0, prepare("select @a"))
	expectTold(t, k.say(0, execute), "client read=1")
	k.say(0, prepare("insert into t values (@a)"))
	expectTold(t, k.say(0, execute), "client")
}

func TestTDSBatches(t *testing.T) {
	k := tdsTalk(t)
	expectTold(t, k.say(0, tdsBytes(tdsBatch, 0, 1, tdsHeaders(utf16raw("insert into t values ('")))), "client write=1")
	expectTold(t, k.say(0, tdsBytes(tdsBatch, 1, 2, utf16raw("select')"))), "client") // the rest of the same
	expectTold(t, k.say(0, tdsBytes(tdsBatch, 1, 1, utf16raw("select 1"))), "client read=1")
	expectTold(t, k.say(0, tdsBytes(tdsBulk, 1, 1, "\x81")), "client write=1")
	if got, _ := security(&k.log); got.Mode != ot.SecurityUnknown {
		t.Errorf("told twice: %v", got.Mode)
	}
}

func TestTDSEncryption(t *testing.T) {
	record := "\x17\x03\x03\x00\x04abcd"
	k := tdsTalk(t)
	k.say(0, tdsHello(tdsPrelogin, 1))
	k.say(1, tdsHello(tdsResult, 1))
	k.say(0, []byte(record))
	if e := k.log.last(); e.kind != toldSwitch {
		t.Errorf("told %+v", e)
	}
	if got, _ := security(&k.log); got.Mode != ot.SignAndEncrypt {
		t.Errorf("everything: %v", got.Mode)
	}
	k = tdsTalk(t)
	k.known = true
	k.say(0, tdsHello(tdsPrelogin, 0))
	k.say(1, tdsHello(tdsResult, 0))
	if got, _ := security(&k.log); got.Mode != ot.SecurityNone {
		t.Errorf("the log-on alone: %v", got.Mode)
	}
	expectTold(t, k.say(0, []byte(record)), "authenticate=1")
	expectTold(t, k.say(0, tdsBytes(tdsBatch, 1, 1, tdsHeaders(utf16raw("select 1")))), "client read=1")
	k.say(1, []byte(record)) // the server did not keep to it
	if got, _ := security(&k.log); got.Mode != ot.SignAndEncrypt {
		t.Errorf("records of a server: %v", got.Mode)
	}
}

func TestTDSHandshakeOverPackets(t *testing.T) {
	hello := firstPayloads(t, "../../testdata/tls/tls12.pcap")[0]
	k := tdsTalk(t)
	k.say(0, tdsHello(tdsPrelogin, 1))
	whole := string(tdsBytes(tdsPrelogin, 1, 1, string(hello)))
	want := k.say(0, []byte(whole))
	if !strings.Contains(want, `tls.server_name="hmi-l4.example.test"`) {
		t.Fatalf("told %s", want)
	}
	cut := string(tdsBytes(tdsPrelogin, 0, 1, string(hello[:100]))) + string(tdsBytes(tdsPrelogin, 1, 2, string(hello[100:])))
	k = tdsTalk(t)
	k.say(0, tdsHello(tdsPrelogin, 1))
	k.refused(0, []byte(cut)[:200], ErrShort)
	expectTold(t, k.say(0, []byte(cut)), want)
}

func TestTDSBrowser(t *testing.T) {
	k := &talk{t: t, d: &tds{}, port: tdsBrowserPort}
	answer := func(s string) []byte { return append([]byte{tdsAnswer, byte(len(s)), byte(len(s) >> 8)}, s...) }
	expectTold(t, k.say(0, []byte{tdsUnicast}), "client diagnose=1")
	expectTold(t, k.say(0, []byte("\x04BATCH\x00")), "client diagnose=1")
	expectTold(t, k.say(1, answer("ServerName;SQL-L4;InstanceName;BATCH;IsClustered;No;Version;15.0.2000.5;tcp;49800;;ServerName;SQL-L4;InstanceName;;tcp;0;;")),
		`server name="SQL-L4"(sqlr.server_name,identity) tds.instance="BATCH"(sqlr.instance_name,identity) tds.server_version="15.0.2000.5"(sqlr.version,identity) `+
			`expect 10.0.0.2:49800 10.0.0.1:0 tds 0 name="SQL-L4"(sqlr.server_name,identity)`)
	for name, b := range map[string][]byte{
		"too short": answer("ServerName;x;")[:8], "a question with more": {tdsUnicast, 1}, "no instance": {tdsOne, 0}, "no message": {9},
	} {
		if _, err := k.d.Dissect(k.message(0, b), &k.log); !errors.Is(err, ErrNotMine) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k.port = 5353
	k.refused(0, []byte{tdsUnicast}, ErrNotMine)
}

func TestTDSRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"a window":        append(tdsBytes(tdsPrelogin, 1, 1, "")[:7], 1),
		"no options":      tdsBytes(tdsPrelogin, 1, 1, strings.Repeat("\x01", 40)),
		"an odd version":  tdsLoginBytes(0x50000000, nil),
		"a long log-on":   tdsBytes(tdsLogin, 1, 1, le32(9999, 0x74000004)+strings.Repeat("\x00", 90)),
		"no headers":      tdsBytes(tdsRPC, 1, 1, "call"),
		"no SQL":          tdsBytes(tdsBatch, 1, 1, utf16raw("hello")),
		"no token":        tdsBytes(tdsResult, 1, 1, "\x01\x02\x03"),
		"a DONE too long": tdsBytes(tdsResult, 1, 1, "\xfd"+strings.Repeat("\x00", 30)),
		"TLS alone":       []byte("\x17\x03\x03\x00\x04abcd"),
	} {
		k := tdsTalk(t)
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(0, b, ErrNotMine) })
	}
}

func TestTDSBrowserSample(t *testing.T) {
	r := newReel()
	client, browser := madeAddr(1, 50000), madeAddr(2, tdsBrowserPort)
	r.udp(client, browser, []byte("\x04BATCH\x00"))
	s := "ServerName;SQL-L4;InstanceName;BATCH;IsClustered;No;Version;15.0.2000.5;tcp;49800;;"
	r.udp(browser, client, append([]byte{tdsAnswer, byte(len(s)), 0}, s...))
	from, to := madeAddr(1, 50001), madeAddr(2, 49800)
	r.tcp(from, to, tdsBytes(tdsBatch, 1, 1, tdsHeaders(utf16raw("select * from orders"))))
	r.tcp(to, from, tdsBytes(tdsResult, 1, 1, "\xfd\x10\x00\xc1\x00"+strings.Repeat("\x00", 8)))
	r.tcp(from, to, tdsBytes(tdsBatch, 1, 1, tdsHeaders(utf16raw("update orders set done = 1"))))
	made(t, "tds", "browser", r)
}
