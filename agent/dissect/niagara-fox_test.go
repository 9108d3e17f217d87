package dissect

import (
	"strings"
	"testing"
)

const (
	foxWorkbench = "fox a 0 -1 fox hello\n{\nfox.version=s:1.0.1\nid=i:1\nhostName=s:eng-4\nhostAddress=s:192.0.2.1\napp.name=s:Workbench\n" +
		"app.version=s:4.9.0.198\nos.name=s:Windows 10\nbrandId=s:vykon\nhostId=s:Win-0001-0002-0003-0004\n};;\n"
	foxJACE = "fox a 0 -1 fox hello\n{\nfox.version=s:1.0.1\nid=i:7\nhostName=s:jace-4\nhostAddress=s:192.0.2.2\napp.name=s:Station\n" +
		"app.version=s:4.9.0.198\nvm.name=s:Java HotSpot(TM) Embedded Client VM\nvm.version=s:25.141-b15\nos.name=s:QNX\nos.version=s:7.0.0\n" +
		"station.name=s:Line4\nlang=s:en\ntimeZone=s:UTC;0;0;null;null\nhostId=s:Qnx-TITAN-0001-0002-0003-0004\nbrandId=s:vykon\n" +
		"sysInfo=o:bog 61[<bog version=\"1.0\">\n<p m=\"b=baja\" t=\"b:Facets\" v=\"\"/>\n</bog>\n]\nauthAgentTypeSpecs=s:fox:FoxUsernamePasswordAuthAgent\n};;\n"
	foxChallenge = "fox a 1 -1 fox challenge\n{\nsalt=s:0011\n};;\n"
	foxAnswer    = "fox a 1 -1 fox authenticate\n{\nuser=s:engineer\nhash=s:2233\n};;\n"
	foxWelcome   = "fox a 2 -1 fox welcome\n{\n};;\n"
	foxOther     = "fox s 3 -1 station load\n{\nord=s:slot:/\n};;\n"
)

func foxTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &fox{}, port: 1911, stream: true}
}

func TestFoxSession(t *testing.T) {
	k := foxTalk(t)
	expectTold(t, k.say(0, []byte(foxWorkbench)), `client name="eng-4"(niagara-fox.hello.host_name,identity)`+
		` niagara-fox.host_address="192.0.2.1"(niagara-fox.hello.host_address,identity) firmware="4.9.0.198"(niagara-fox.hello.app_version,identity)`+
		` niagara-fox.brand="vykon"(niagara-fox.hello.brand_id,identity) serial="Win-0001-0002-0003-0004"(niagara-fox.hello.host_id,identity)`+
		` niagara-fox.version="1.0.1"(niagara-fox.hello.fox_version,identity) os="Windows 10"(niagara-fox.hello.os,identity)`+
		` product="Niagara Workbench"(niagara-fox.hello.app_name,identity) vendor="Tridium"(niagara-fox.hello,behaviour)`)
	got := k.say(1, []byte(foxJACE))
	for _, want := range []string{
		"server ", `name="jace-4"`, `niagara-fox.station="Line4"`, `os="QNX 7.0.0"`, `product="Niagara Station"`,
		`niagara-fox.vm="Java HotSpot(TM) Embedded Client VM 25.141-b15"`, `serial="Qnx-TITAN-0001-0002-0003-0004"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	expectTold(t, k.say(1, []byte(foxChallenge)), "server")
	expectTold(t, k.say(0, []byte(foxAnswer)), "client authenticate=1")
	expectTold(t, k.say(1, []byte(foxWelcome)), "server")
	expectTold(t, k.say(0, []byte(foxOther)), "")
	expectTold(t, k.say(0, []byte(strings.ReplaceAll(foxAnswer, "\n", "\r\n"))), "client authenticate=1")
	k.refused(0, []byte("GET / HTTP/1.1\r\n"), ErrMalformed)
}

// Stations call each other: without the port nobody is named server.
func TestFoxStationToStation(t *testing.T) {
	k := foxTalk(t)
	k.port = 5000
	if got := k.say(0, []byte(foxJACE)); strings.HasPrefix(got, "client") || strings.HasPrefix(got, "server") {
		t.Errorf("told %s", got)
	}
}

func TestFoxIsNotFox(t *testing.T) {
	for n := 1; n < len(foxChallenge); n++ {
		foxTalk(t).refused(1, []byte(foxChallenge[:n]), ErrShort)
	}
	for _, text := range []string{
		"foxes are not stations\n", "fox ab 0 -1 fox hello\n{\n};;\n", "fox a x -1 fox hello\n", "fox a 0 1\n", "fox a 0 -1 fox\n",
		"fox a 0 -1 fox \x01\n", "fox a 0 -1 fox " + strings.Repeat("long", 40) + "\n", "\n", "EHLO fox\r\n",
	} {
		if matchFox([]byte(text)) {
			t.Errorf("%q is claimed", text)
		}
		foxTalk(t).refused(0, []byte(text), ErrNotMine)
	}
	foxTalk(t).refused(0, []byte("fox a 0 -1 fox hello\n{\n"+strings.Repeat("x=s:y\n", 4000)), ErrNotMine)
	if at := (&fox{}).Resync([]byte("a fox xx\nfox a 1 -1 fox challenge\n")); at != 9 {
		t.Errorf("next message at %d", at)
	}
	if at := (&fox{}).Resync([]byte("a fox xx\nfox ")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestFoxSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 1911)
	r.open(a, b)
	r.tcp(a, b, []byte(foxWorkbench))
	r.tcp(b, a, []byte(foxJACE))
	r.tcp(b, a, []byte(foxChallenge))
	r.tcp(a, b, []byte(foxAnswer))
	r.tcp(b, a, []byte(foxWelcome))
	r.tcp(a, b, []byte(foxOther))
	made(t, "niagara-fox", "session", r)
}

func TestFoxAllocatesNothing(t *testing.T) {
	k := foxTalk(t)
	ask, answer := k.message(0, []byte(foxWorkbench)), k.message(1, []byte(foxJACE))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzFox(f *testing.F) { fuzzDissector(f, "niagara-fox", true) }
