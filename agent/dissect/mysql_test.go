package dissect

import (
	"errors"
	"strings"
	"testing"
)

func FuzzMySQL(f *testing.F) { fuzzDissector(f, "mysql", true) }

func mysqlBytes(seq byte, payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, payload...)
}

func mysqlHello(version string) []byte {
	return mysqlBytes(0, "\x0a"+version+"\x00"+le32(7)+"12345678\x00\xff\xf7\x21\x02\x00\xff\x81\x15"+strings.Repeat("\x00", 10)+"123456789012\x00mysql_native_password\x00")
}

func mysqlLogonBytes(flags uint32, rest string) []byte {
	return mysqlBytes(1, le32(flags|mysqlNew, 1<<24)+"\x21"+strings.Repeat("\x00", 23)+rest)
}

func mysqlTalk(t *testing.T, port uint16) *talk {
	return &talk{t: t, d: &mysql{}, port: port, stream: true}
}

func TestMySQLLogon(t *testing.T) {
	lenenc := func(s ...string) (all string) {
		for _, x := range s {
			all += string([]byte{byte(len(x))}) + x
		}
		return all
	}
	attributes := lenenc("_os", "Win64", "_client_name", "libmysql", "_client_version", "8.0.36", "program_name", "lims.exe", "odd", "\x01")
	k := mysqlTalk(t, 33060)
	expectTold(t, k.say(1, mysqlHello("8.0.36")), `server mysql.server_version="8.0.36"(mysql.greeting,identity)`)
	expectTold(t, k.say(0, mysqlLogonBytes(mysqlWithDB|mysqlPlugin|mysqlAttributes|mysqlLenAuth, "lims\x00"+lenenc("secret")+"batch\x00caching_sha2_password\x00"+lenenc(attributes))),
		`client authenticate=1 receivermysql.database="batch"(mysql.handshake_response,content) os="Win64"(mysql.connect_attrs._os,content) `+
			`mysql.program_name="lims.exe"(mysql.connect_attrs.program_name,content) mysql.client="libmysql 8.0.36"(mysql.connect_attrs._client_name,content)`)
	expectTold(t, k.say(1, mysqlBytes(2, "\x00\x00\x00\x02\x00\x00\x00")), "server")
	expectTold(t, k.say(0, mysqlBytes(0, "\x02other")), `client receivermysql.database="other"(mysql.init_db,content)`)
	for payload, want := range map[string]string{
		"\x03update t set a = 1": "write=1", "\x03set autocommit=0": "", "\x08": "control=1", "\x0c\x01\x00\x00\x00": "control=1",
		"\x09": "diagnose=1", "\x05x": "configure=1", "\x0e": "", "\x12....": "subscribe=1", "\x01": "",
	} {
		expectTold(t, k.say(0, mysqlBytes(0, payload)), strings.TrimSpace("client "+want))
	}
}

func TestMySQLGoesOverToTLS(t *testing.T) {
	k := mysqlTalk(t, mysqlPort)
	k.say(1, mysqlHello("10.11.4-MariaDB"))
	k.say(0, mysqlLogonBytes(mysqlSSL, ""))
	if e := k.log.last(); e.kind != toldSwitch || e.text != "tls" {
		t.Errorf("told %+v", e)
	}
}

func TestMySQLCompressedIsNotRead(t *testing.T) {
	k := mysqlTalk(t, mysqlPort)
	k.say(1, mysqlHello("8.0.36"))
	k.say(0, mysqlLogonBytes(mysqlCompress|mysqlSecure, "lims\x00\x01x"))
	k.say(1, mysqlBytes(2, "\xfemysql_native_password\x00"))
	k.refused(1, mysqlBytes(4, "\x00\x00\x00\x02\x00\x00\x00"), ErrDone)
}

func TestMySQLPrepared(t *testing.T) {
	k := mysqlTalk(t, mysqlPort)
	number := func(id uint32) []byte { return mysqlBytes(1, "\x00"+le32(id)+le16(1, 1)+"\x00\x00\x00") }
	execute := func(id uint32) []byte { return mysqlBytes(0, "\x17"+le32(id)+"\x00"+le32(1)) }
	k.say(0, mysqlBytes(0, "\x16insert into t values (?)"))
	k.say(1, number(5))
	k.say(0, mysqlBytes(0, "\x16select ?"))
	expectTold(t, k.say(0, execute(0xffffffff)), "client read=1")
	k.say(0, mysqlBytes(0, "\x16select ?"))
	k.say(1, number(6))
	expectTold(t, k.say(0, execute(5)), "client write=1")
	expectTold(t, k.say(0, execute(6)), "client read=1")
	expectTold(t, k.say(0, execute(7)), "client")
}

func TestMySQLFirstPacket(t *testing.T) {
	columns := string(mysqlBytes(1, "\x02")) + string(mysqlBytes(2, "\x03def\x04lims\x01t\x01t\x02id\x02id\x0c"))
	long := mysqlBytes(0, "\x03select '"+strings.Repeat("x", mysqlMaxFirst)+"'")
	for name, c := range map[string]struct {
		b    []byte
		port uint16
		want error
	}{
		"a greeting":                  {mysqlHello("8.0.36"), 33060, nil},
		"a greeting that's no":        {mysqlHello("release"), 33060, ErrNotMine},
		"a statement":                 {mysqlBytes(0, "\x03select 1"), 33060, nil},
		"half of it":                  {mysqlBytes(0, "\x03select 1")[:9], 33060, ErrShort},
		"no statement":                {mysqlBytes(0, "\x03hello, world"), 33060, ErrNotMine},
		"columns":                     {[]byte(columns), 33060, nil},
		"half of them":                {[]byte(columns)[:11], 33060, ErrShort},
		"a count, no columns":         {append(mysqlBytes(1, "\x02"), "12345678"...), 33060, ErrNotMine},
		"a refusal on its port":       {mysqlBytes(0, "\xff\x6a\x04Host '10.0.0.1' is not allowed"), mysqlPort, nil},
		"a refusal on another":        {mysqlBytes(0, "\xff\x6a\x04Host '10.0.0.1' is not allowed"), 33060, ErrNotMine},
		"a statement beyond all size": {long[:20], 33060, ErrNotMine},
		"an OK":                       {mysqlBytes(1, "\x00\x00\x00\x02\x00\x00\x00"), 33060, ErrNotMine},
		"Modbus":                      {adu(0, 1, 3, 0, 0, 0, 1), 33060, ErrNotMine},
	} {
		k := mysqlTalk(t, c.port)
		used, err := k.d.Dissect(k.message(0, c.b), &k.log)
		if !errors.Is(err, c.want) || err == nil && used > len(c.b) {
			t.Errorf("%s: used %d, %v, not %v", name, used, err, c.want)
		}
	}
}

// What an attribute list promises is not what it holds.
func TestMySQLBrokenLogon(t *testing.T) {
	for _, rest := range []string{"", "user", "user\x00\xff", "user\x00\xfc", "user\x00\x02ab\xfe", "user\x00\x00\x64\x04name\xfd"} {
		k := mysqlTalk(t, mysqlPort)
		k.say(1, mysqlHello("8.0.36"))
		expectTold(t, k.say(0, mysqlLogonBytes(mysqlAttributes|mysqlLenAuth, rest)), "client authenticate=1")
	}
}
