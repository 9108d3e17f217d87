package dissect

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func FuzzPostgreSQL(f *testing.F) { fuzzDissector(f, "postgresql", true) }

// pgBytes builds a message; kind 0 is what a client opens with.
func pgBytes(kind byte, body string) []byte {
	var b []byte
	if kind != 0 {
		b = []byte{kind}
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(4+len(body))), body...)
}

func be16(v ...uint16) string {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint16(b, x)
	}
	return string(b)
}

func be32(v ...uint32) string {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return string(b)
}

func pgTalk(t *testing.T) *talk {
	return &talk{t: t, d: &postgresql{}, port: 6543, stream: true}
}

func TestPostgreSQLStartup(t *testing.T) {
	k := pgTalk(t)
	expectTold(t, k.say(0, pgBytes(0, be32(3<<16)+"user\x00mes\x00database\x00batch\x00application_name\x00\x01\x00options\x00-c x\x00\x00")),
		`client postgresql.user="mes"(postgresql.startup.user,identity) receiverpostgresql.database="batch"(postgresql.startup.database,content) authenticate=1`)
	expectTold(t, k.say(1, pgBytes('S', "server_version\x0016.2\x00")), `server postgresql.server_version="16.2"(postgresql.parameter_status,identity)`)
	expectTold(t, k.say(1, pgBytes('E', "SFATAL\x00C28000\x00\x00")), "server")
	expectTold(t, k.say(0, pgBytes(0, be32(pgCancel, 1, 2))), "client")
}

func TestPostgreSQLEncryption(t *testing.T) {
	for name, c := range map[string]struct {
		ask    uint32
		answer string
		err    error
		want   string // what Switch names
		mode   ot.SecurityMode
	}{
		"TLS":            {pgSSL, "S", nil, "tls", 0},
		"no TLS":         {pgSSL, "N", nil, "", 0},
		"GSSAPI":         {pgGSS, "G", ErrDone, "", ot.SignAndEncrypt},
		"no GSSAPI":      {pgGSS, "N", nil, "", 0},
		"what is that":   {pgSSL, "G", ErrMalformed, "", 0},
		"an old server":  {pgSSL, string(pgBytes('E', "SFATAL\x00")), nil, "", 0},
		"not asked that": {pgGSS, "S", ErrMalformed, "", 0},
	} {
		k := pgTalk(t)
		k.say(0, pgBytes(0, be32(c.ask)))
		k.log.reset()
		used, err := k.d.Dissect(k.message(1, []byte(c.answer)), &k.log)
		if !errors.Is(err, c.err) || (err == nil && used != len(c.answer)) {
			t.Errorf("%s: used %d, %v", name, used, err)
		}
		to := ""
		for _, e := range k.log.all() {
			if e.kind == toldSwitch {
				to = e.text
			}
		}
		if got, _ := security(&k.log); to != c.want || got.Mode != c.mode {
			t.Errorf("%s: switch to %q, security %v", name, to, got.Mode)
		}
	}
}

// The server alone was mirrored: its one byte stands before a message.
func TestPostgreSQLAnswerAlone(t *testing.T) {
	k := pgTalk(t)
	b := append([]byte("N"), pgBytes('R', be32(5)+"salt")...)
	if used, err := k.d.Dissect(k.message(1, b), &k.log); used != 1 || err != nil {
		t.Fatalf("used %d, %v", used, err)
	}
	expectTold(t, k.say(1, b[1:]), "server")
	expectTold(t, k.say(1, pgBytes('C', "INSERT 0 1\x00")), "server write=1")
	expectTold(t, k.say(1, pgBytes('C', "COPY 7\x00")), "server")
}

func TestPostgreSQLPrepared(t *testing.T) {
	k := pgTalk(t)
	parse := func(name, query string) []byte { return pgBytes('P', name+"\x00"+query+"\x00"+be16(1)+be32(23)) }
	bind := func(name string) []byte { return pgBytes('B', "\x00"+name+"\x00"+be16(0, 1)+be32(1)+"7"+be16(0)) }
	execute := pgBytes('E', "\x00"+be32(0))
	expectTold(t, k.say(0, parse("in", "insert into t values ($1)")), "client")
	k.say(0, parse("", "select 1"))
	k.say(0, bind("in"))
	expectTold(t, k.say(0, execute), "client write=1")
	k.say(0, bind(""))
	expectTold(t, k.say(0, execute), "client read=1")
	k.say(0, parse("", "begin"))
	k.say(0, bind(""))
	expectTold(t, k.say(0, execute), "client")
	k.say(0, bind("prepared before the capture"))
	expectTold(t, k.say(0, execute), "client")
	expectTold(t, k.say(0, pgBytes('S', "")), "client")
	expectTold(t, k.say(1, pgBytes('C', "SELECT 1\x00")), "server")
}

func TestPostgreSQLFromTheMiddle(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		side int
		want string
	}{
		"a query":       {pgBytes('Q', "select 1\x00"), 0, "client read=1"},
		"a row":         {pgBytes('D', be16(2)+be32(1)+"7"+be32(0xffffffff)), 1, "server"},
		"its columns":   {pgBytes('T', be16(1)+"id\x00"+strings.Repeat("\x00", 18)), 1, "server"},
		"ready":         {pgBytes('Z', "I"), 1, "server"},
		"done":          {pgBytes('C', "UPDATE 1\x00"), 1, "server write=1"},
		"an error":      {pgBytes('E', "SERROR\x00C42P01\x00\x00"), 1, "server"},
		"bind":          {pgBytes('B', "\x00s1\x00"+be16(0, 0, 0)), 0, "client"},
		"parse":         {pgBytes('P', "s1\x00update t set a = 1\x00"+be16(0)), 0, "client"},
		"a parameter":   {pgBytes('S', "TimeZone\x00UTC\x00"), 1, "server"},
		"authenticated": {pgBytes('R', be32(0)), 1, "server"},
	} {
		k := pgTalk(t)
		if !pgMatch(c.b) {
			t.Errorf("%s does not match", name)
		}
		t.Run(name, func(t *testing.T) {
			k.t = t
			k.refused(c.side, c.b[:len(c.b)-1], ErrShort)
			expectTold(t, k.say(c.side, c.b), c.want)
		})
	}
}

func TestPostgreSQLRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"HTTP":              []byte("GET / HTTP/1.1\r\n\r\n"),
		"a query that's no": pgBytes('Q', "hello\x00"),
		"two queries":       pgBytes('Q', "select 1\x00select 2\x00"),
		"a row too long":    pgBytes('D', be16(1)+be32(9)+"7"),
		"an odd state":      pgBytes('Z', "x"),
		"version 2":         pgBytes(0, be32(2<<16)+"user"),
		"Modbus":            adu(1, 1, 3, 0, 0, 0, 1),
		"sync alone":        pgBytes('S', ""),
	} {
		if pgMatch(b) {
			t.Errorf("%s: matches", name)
		}
		k := pgTalk(t)
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(0, b, ErrNotMine) })
	}
}

func TestSQLOperations(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1":                                "read",
		"  -- why\n/* a; b */ (select 1) union":   "read",
		"begin; insert into t values (';')":       "write",
		"set nocount on\nupdate t set a = 1":      "write",
		"set search_path = 'insert'":              "",
		"with x as (select 1) delete from t":      "write",
		"with x as (delete from t) select 1":      "read",
		"copy t (a, b) from stdin":                "write",
		"copy (select a from t) to stdout":        "read",
		"copy t":                                  "",
		"CREATE TABLE t ()":                       "configure",
		"exec dbo.p 1":                            "",
		"listen x":                                "subscribe",
		"":                                        "",
		"selection of words":                      "",
		"'select' \"x\" `y`":                      "",
		"/* never ends select 1":                  "",
		"with recursive x(n) as (values (1))":     "read",
		"START_REPLICATION SLOT s LOGICAL 0/0":    "subscribe",
		"explain analyze delete from t":           "read",
		"declare @a int\nexec p\nmerge t using s": "write",
	} {
		op, ok := sqlOperation([]byte(text))
		if got := op.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %v, not %s", text, got, ok, want)
		}
	}
}
