package dissect

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func FuzzTNS(f *testing.F) { fuzzDissector(f, "tns", true) }

func tnsBytes(large bool, kind byte, body string) []byte {
	n := tnsHead + len(body)
	b := binary.BigEndian.AppendUint32(nil, uint32(n))
	if !large {
		b = append(binary.BigEndian.AppendUint16(nil, uint16(n)), 0, 0)
	}
	return append(append(b, kind, 0, 0, 0), body...)
}

const tnsAsked = "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=10.0.0.2)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=batch)(CID=(PROGRAM=C:\\lims\\lims.exe)(HOST=LIMS-1)(USER=ops))))"

// tnsConnectBytes asks with a descriptor; its length is told, its bytes may
// come later.
func tnsConnectBytes(told int, descriptor string) []byte {
	return tnsBytes(false, tnsConnect, be16(319, 300, 0, 8192, 65535, 0x4f98, 0, 1, uint16(told), 70)+strings.Repeat("\x00", 42)+descriptor)
}

func tnsAcceptBytes(version uint16) []byte {
	return tnsBytes(false, tnsAccept, be16(version, 0, 8192, 65535, 1, 0, 45)+strings.Repeat("\x00", 23))
}

func tnsDataBytes(body string) []byte { return tnsBytes(true, tnsData, "\x00\x00"+body) }

// tnsCall is an execute with its text behind the usual dozens of small numbers.
func tnsCall(sql string) string {
	return "\x03\x5e\x07\x02\x80\x61\x00\x01\x01" + strings.Repeat("\x01\x00", 20) + string([]byte{byte(len(sql))}) + sql + "\x01\x01\x00"
}

func tnsKV(key, value string) string {
	return string([]byte{1, byte(len(key)), byte(len(key))}) + key + string([]byte{1, byte(len(value)), byte(len(value))}) + value + "\x00"
}

func tnsTalk(t *testing.T) *talk { return &talk{t: t, d: &tns{}, port: 1600, stream: true} }

func TestTNSConnect(t *testing.T) {
	facts := `receivertns.service_name="batch"(tns.connect_data.service_name,content) tns.program="C:\\lims\\lims.exe"(tns.connect_data.program,content) name="LIMS-1"(tns.connect_data.host,identity)`
	k := tnsTalk(t)
	expectTold(t, k.say(0, tnsConnectBytes(len(tnsAsked), tnsAsked)), `client tns.version="319"(tns.connect.version,content) `+facts)
	expectTold(t, k.say(1, tnsBytes(false, tnsResend, "")), "server")
	expectTold(t, k.say(0, tnsConnectBytes(len(tnsAsked), "")), `client tns.version="319"(tns.connect.version,content)`)
	expectTold(t, k.say(0, tnsBytes(false, tnsData, "\x00\x00"+tnsAsked)), facts)
	expectTold(t, k.say(1, tnsAcceptBytes(318)), `server tns.version="318"(tns.accept.version,content)`)
	expectTold(t, k.say(0, tnsDataBytes("\x01\x06\x05\x00Linux x\x00")), `tns.driver="Linux x"(tns.protocol.driver,content)`)
	expectTold(t, k.say(1, tnsDataBytes("\x01\x06\x00x86_64/Linux 2.4.xx\x00\x01")), `tns.banner="x86_64/Linux 2.4.xx"(tns.protocol.banner,identity)`)
	expectTold(t, k.say(0, tnsDataBytes("\x03\x76\x01"+tnsKV("AUTH_MACHINE", `PLANT\LIMS-1`))), `authenticate=1 name="LIMS-1"(tns.auth.machine,identity)`)
	four := "AUTH_SC_INSTANCE_NAME" + le32(5) + "\x05BATCH"
	expectTold(t, k.say(1, tnsDataBytes("\x08\x01\x10"+tnsKV("AUTH_SC_SERVER_HOST", "ora-l4")+tnsKV("AUTH_VERSION_NO", "318767104")+four)),
		`name="ora-l4"(tns.auth.server_host,identity) tns.instance="BATCH"(tns.auth.instance,identity) tns.server_version="19.0.0.0.0"(tns.auth.version,identity)`)
	expectTold(t, k.say(0, tnsDataBytes(tnsCall("update lots set done = 1"))), "write=1")
	expectTold(t, k.say(0, tnsDataBytes("\x11\x69\x08\x01\x01\x01\x01\x02"+tnsCall("SELECT * FROM lots"))), "read=1")
	expectTold(t, k.say(0, tnsDataBytes("\x03\x4e\x09\x01\x01")), "read=1")
	expectTold(t, k.say(0, tnsDataBytes("\x03\x0e\x0a")), "") // commit
	expectTold(t, k.say(1, tnsBytes(true, tnsMarker, "\x01\x00\x02")), "")
}

func TestTNSRefusalAndRedirect(t *testing.T) {
	refusal := func(number string) []byte {
		text := "(DESCRIPTION=(TMP=)(VSNNUM=" + number + ")(ERR=12514))"
		return tnsBytes(false, tnsRefuse, "\x22\x00"+be16(uint16(len(text)))+text)
	}
	for number, want := range map[string]string{"186647552": "11.2.0.4.0", "352321536": "21.0.0.0.0", "0": "", "99999999999": "", "x": ""} {
		if want != "" {
			want = ` tns.server_version="` + want + `"(tns.refuse.vsnnum,identity)`
		}
		expectTold(t, tnsTalk(t).say(1, refusal(number)), "server"+want)
	}
	to := "(ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.7)(PORT=1622))"
	expectTold(t, tnsTalk(t).say(1, tnsBytes(false, tnsRedirect, be16(uint16(len(to)))+to)), "server expect 10.0.0.7:1622 10.0.0.1:0 tns 0")
	k := tnsTalk(t)
	expectTold(t, k.say(1, tnsBytes(false, tnsRedirect, be16(uint16(len(to))))), "server")
	expectTold(t, k.say(1, tnsBytes(false, tnsData, "\x00\x00(ADDRESS=(HOST=rac1)(PORT=1622))")), "expect 10.0.0.2:1622 10.0.0.1:0 tns 0")
}

func TestTNSNativeEncryption(t *testing.T) {
	field := func(kind uint16, v string) string { return be16(uint16(len(v)), kind) + v }
	services := func(encryption, integrity string) string {
		all := ""
		for i, s := range []string{encryption, integrity} {
			all += be16(uint16(tnsEncryption+i), 2) + be32(0) + field(5, be32(0x13000000)) + field(tnsChoice, s)
		}
		return be32(tnsMagic) + be16(uint16(13+len(all))) + be32(0x13000000) + be16(2) + "\x00" + all
	}
	for name, c := range map[string]struct {
		encryption, integrity string
		want                  ot.SecurityMode
		err                   error
	}{
		"none":       {"\x00", "\x00", ot.SecurityNone, nil},
		"integrity":  {"\x00", "\x06", ot.Sign, ErrDone},
		"encryption": {"\x11", "\x00", ot.SignAndEncrypt, ErrDone},
	} {
		k := tnsTalk(t)
		k.say(0, tnsConnectBytes(len(tnsAsked), tnsAsked))
		k.say(1, tnsAcceptBytes(318))
		k.say(0, tnsDataBytes(services("\x11", "\x06")))
		if got, told := security(&k.log); told {
			t.Errorf("%s: what a client can do is told as %v", name, got.Mode)
		}
		k.say(1, tnsDataBytes(services(c.encryption, c.integrity)))
		if got, _ := security(&k.log); got.Mode != c.want {
			t.Errorf("%s: %v", name, got.Mode)
		}
		if _, err := k.d.Dissect(k.message(0, tnsDataBytes(tnsCall("select 1 from dual"))), &k.log); !errors.Is(err, c.err) {
			t.Errorf("%s: then %v", name, err)
		}
	}
}

func TestTNSStatements(t *testing.T) {
	long := "insert into lots values ('" + strings.Repeat("x", 400) + "')"
	for name, c := range map[string]struct {
		b    string
		want bool
	}{
		"a statement":        {tnsCall("select 1 from dual"), true},
		"in parts":           {"\x03\x5e\x01\x01\xfe\x02\x7f\xff" + long, true},
		"in parts of 64":     {"\x03\x5e\x01\x01\xfe\x40" + long[:64] + "\x40" + long[64:128], true},
		"no keyword":         {tnsCall("hello, world"), false},
		"another function":   {"\x03\x05" + tnsCall("select 1 from dual")[2:], false},
		"counted too long":   {"\x03\x5e\x01\xffselect 1", false},
		"an answer":          {"\x08" + tnsCall("select 1 from dual")[1:], false},
		"beyond what's read": {"\x03\x5e" + strings.Repeat("\x00", tnsLook) + "\x08select 1", false},
	} {
		if got := tnsStatement([]byte(c.b)) != nil; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTNSFromTheMiddle(t *testing.T) {
	k := tnsTalk(t)
	b := tnsDataBytes(tnsCall("select 1 from dual"))
	k.refused(0, b[:20], ErrShort)
	expectTold(t, k.say(0, b), "client read=1")
	expectTold(t, k.say(1, tnsDataBytes("\x06\x22")), "")
	if !tnsMatch(b) || tnsMatch(tnsDataBytes("\x06\x22")) {
		t.Error("a statement makes the difference")
	}
}

func TestTNSRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"a version":    tnsBytes(false, tnsConnect, be16(100, 100, 0, 8192, 65535, 0, 0, 1, 0, 70)+strings.Repeat("\x00", 50)),
		"a checksum":   {0, 60, 0, 1, 1, 0, 0, 0},
		"a flag":       {0, 60, 0, 0, 1, 0x40, 0, 0},
		"a type":       tnsBytes(false, 8, "x"),
		"too short":    {0, 0, 0, 7, 6, 0, 0, 0},
		"a refusal":    tnsBytes(false, tnsRefuse, "\x22\x00"+be16(4)+"nope"),
		"Modbus":       adu(1, 1, 3, 0, 0, 0, 1),
		"bare data":    tnsDataBytes("\x06\x22"),
		"half a value": tnsBytes(false, tnsAccept, "\x01"),
	} {
		k := tnsTalk(t)
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(0, b, ErrNotMine) })
	}
}

func TestTNSValue(t *testing.T) {
	for key, want := range map[string]string{"a": "1", "b": "(C=2)(D=(E=3))", "c": "2", "e": "3", "f": "4 5", "g": "", "x": ""} {
		if got := string(tnsValue([]byte("(A=1)(B=(C=2)(D=(E=3)))(f =4 5)(G=)(AB=9)(X=never ends"), key)); got != want {
			t.Errorf("%s: %q, not %q", key, got, want)
		}
	}
}

func TestTNSSample(t *testing.T) {
	r := newReel()
	client, server := madeAddr(1, 50000), madeAddr(2, tnsPort)
	r.open(client, server)
	r.tcp(client, server, tnsConnectBytes(len(tnsAsked), tnsAsked))
	r.tcp(server, client, tnsAcceptBytes(318))
	r.tcp(client, server, tnsDataBytes("\x01\x06\x05\x04\x03\x02\x01\x00Linuxi386/Linux-2.0.34-8.1.0\x00"))
	r.tcp(server, client, tnsDataBytes("\x01\x06\x00x86_64/Linux 2.4.xx\x00\x69\x03\x01"))
	r.tcp(client, server, tnsDataBytes("\x03\x76\x01"+tnsKV("AUTH_MACHINE", `PLANT\LIMS-1`)+tnsKV("AUTH_PROGRAM_NM", "lims.exe")))
	r.tcp(server, client, tnsDataBytes("\x08\x01\x10"+tnsKV("AUTH_SC_SERVER_HOST", "ora-l4")+tnsKV("AUTH_VERSION_NO", "318767104")+tnsKV("AUTH_SC_INSTANCE_NAME", "BATCH")))
	for _, sql := range []string{"select * from lots", "insert into lots values (:1)", "begin close_lot(:1); end;", "select * from lots"} {
		r.tcp(client, server, tnsDataBytes(tnsCall(sql)))
		r.tcp(server, client, tnsDataBytes("\x08\x01\x02"))
	}
	made(t, "tns", "session", r)
}
