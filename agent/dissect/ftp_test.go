package dissect

import (
	"errors"
	"strings"
	"testing"

	"demarc/internal/ot"
)

func FuzzFTP(f *testing.F) { fuzzDissector(f, "ftp", true) }

func ftpTalk(t *testing.T, port uint16) *talk {
	return &talk{t: t, d: &ftp{}, port: port, stream: true}
}

func TestFTPSession(t *testing.T) {
	k := ftpTalk(t, ftpPort)
	for _, x := range []struct {
		side       int
		line, want string
	}{
		{1, "220-Welcome to line 4", `server ftp.banner="Welcome to line 4"(ftp.greeting,content)`},
		{1, "331 is not what this line is about", ""},
		{1, "220 FTP ready", ""}, // ends what 220- began
		{0, "user ops", "client"},
		{1, "331 Password required", "server"},
		{0, "PASS Secret-1", "client authenticate=1"},
		{1, "230 In", "server"},
		{0, "SYST", "client diagnose=1"},
		{1, "215 UNIX Type: L8", `server ftp.system="UNIX Type: L8"(ftp.system,content)`},
		{0, "CLNT WinSCP-6", `client ftp.client="WinSCP-6"(ftp.clnt,content)`},
		{0, "PASV", "client"},
		{1, "227 Entering Passive Mode (10,0,0,2,160,1).", "server expect 10.0.0.2:40961 10.0.0.1:0 ftp 1"},
		{1, "227 Entering Passive Mode 192,0,2,7,160,1", "server expect 10.0.0.2:40961 10.0.0.1:0 ftp 1 expect 192.0.2.7:40961 10.0.0.1:0 ftp 1"},
		{1, "229 Entering Extended Passive Mode (|||6446|)", "server expect 10.0.0.2:6446 10.0.0.1:0 ftp 1"},
		{0, "PORT 10,0,0,1,4,1", "client expect 10.0.0.1:1025 10.0.0.2:0 ftp 1"},
		{0, "EPRT |2|1080::8:800:200C:417A|5282|", "client expect 10.0.0.1:5282 10.0.0.2:0 ftp 1"},
		{0, "EPRT |1|broken", "client"},
		{0, "STOR recipe.csv", "client transfer=1"},
		{0, "mlsd", "client read=1"},
		{0, "RNTO new", "client write=1"},
		{0, "\xff\xf4\xff\xf2ABOR", "client"},
		{0, "XYZZY", "client"},
	} {
		expectTold(t, k.say(x.side, []byte(x.line+"\r\n")), x.want)
	}
}

func TestFTPGoesOverToTLS(t *testing.T) {
	k := ftpTalk(t, ftpPort)
	k.say(1, []byte("220 x\r\n"))
	k.say(1, []byte("234 not asked\r\n"))
	for _, e := range k.log.all() {
		if e.kind == toldSwitch {
			t.Error("TLS that nobody asked for")
		}
	}
	k.say(0, []byte("AUTH TLS\r\n"))
	k.say(1, []byte("234 go on\r\n"))
	if e := k.log.last(); e.kind != toldSwitch || e.text != "tls" {
		t.Errorf("told %+v", e)
	}
}

func TestFTPDataChannel(t *testing.T) {
	k := ftpTalk(t, 40000)
	m := k.message(1, []byte("220 ftp of a file that holds a log of FTP\r\n"))
	m.Tag = ftpData
	if used, err := k.d.Dissect(m, &k.log); used != len(m.Data) || !errors.Is(err, ErrDone) || k.log.n != 0 {
		t.Errorf("used %d, %v, told %s", used, err, told2text(&k.log))
	}
}

func TestFTPIsKnownByWhatOnlyItSays(t *testing.T) {
	for line, want := range map[string]bool{
		"220 ProFTPD Server ready":                true,
		"220 mail.example.test ESMTP Postfix":     false,
		"220 relay: ftp and smtp":                 false,
		"331 Please specify the password.":        true,
		"331 ok":                                  false,
		"227 Entering Passive Mode (1,2,3,4,5,6)": true,
		"227 no":                   false,
		"229 Extended (|||99999|)": false,
		"AUTH TLS":                 true,
		"AUTH LOGIN":               false,
		"PASV":                     true,
		"TYPE I":                   true,
		"SYST":                     true,
		"PORT 1,2,3,4,5,6":         true,
		"PORT 8080":                false,
		"USER bob":                 false, // mail has it, too
		"RETR 1":                   false,
		"HTTP/1.1 200 OK":          false,
		"":                         false,
	} {
		b := []byte(line + "\r\n")
		if got := ftpMatch(b); got != want {
			t.Errorf("%q: matches %v", line, got)
		}
		k := ftpTalk(t, 2525)
		if _, err := k.d.Dissect(k.message(0, b), &k.log); (err == nil) != want {
			t.Errorf("%q: %v", line, err)
		}
	}
	for line, want := range map[string]bool{"220 hello": true, "250 hello": false, "120 wait": true} {
		k := ftpTalk(t, ftpPort)
		if _, err := k.d.Dissect(k.message(1, []byte(line+"\r\n")), &k.log); (err == nil) != want {
			t.Errorf("%q on its port: %v", line, err)
		}
	}
	k := ftpTalk(t, ftpPort)
	expectTold(t, k.say(0, []byte("DELE x\r\n")), "client write=1")
	k.refused(0, []byte("no line\x00\r\n"), ErrMalformed)
	k.refused(0, []byte(strings.Repeat("x", maxFTPLine)), ErrMalformed)
}

func TestFTPSecurityIsToldOnce(t *testing.T) {
	k := ftpTalk(t, ftpPort)
	for i, want := range []ot.SecurityMode{ot.SecurityNone, ot.SecurityUnknown} {
		k.say(0, []byte("USER ops\r\n"))
		if got, _ := security(&k.log); got.Mode != want {
			t.Errorf("time %d: %v", i, got.Mode)
		}
	}
}

func TestFTPSample(t *testing.T) {
	r := newReel()
	client, server := madeAddr(1, 50000), madeAddr(2, 2121)
	say := func(client2 bool, lines string) {
		if client2 {
			r.tcp(client, server, []byte(lines))
		} else {
			r.tcp(server, client, []byte(lines))
		}
	}
	r.open(client, server)
	say(false, "220-Line 4 FTP service\r\n220 ready\r\n")
	say(true, "USER ops\r\n")
	say(false, "331 Password required for ops\r\n")
	say(true, "PASS x\r\n")
	say(false, "230 Logged in\r\n")
	say(true, "PASV\r\n")
	say(false, "227 Entering Passive Mode (192,0,2,2,160,1)\r\n")
	from, to := madeAddr(1, 50001), madeAddr(2, 40961)
	r.open(from, to)
	say(true, "STOR batch17.csv\r\n")
	say(false, "150 Go on\r\n")
	r.tcp(from, to, []byte("lot;weight\r\n17;210.4\r\n"))
	r.segment(from, to, 0x11, nil)
	say(false, "226 Done\r\n")
	made(t, "ftp", "passive", r)
}
