package dissect

import (
	"fmt"
	"strings"
	"testing"
)

// mewtocolSay is a line with its check; one that ends in ** has it.
func mewtocolSay(line string) []byte {
	switch {
	case strings.HasSuffix(line, "**"):
	case line[0] == '>':
		line += "3F2A"
	default:
		x := byte(0)
		for i := range len(line) {
			x ^= line[i]
		}
		line += fmt.Sprintf("%02X", x)
	}
	return []byte(line + "\r")
}

func TestMewtocol(t *testing.T) {
	k := &talk{t: t, d: &mewtocol{}, port: 9094, stream: true}
	say := func(from int, line, want string) {
		t.Helper()
		expectTold(t, k.say(from, mewtocolSay(line)), want)
	}
	say(0, "%01#RCSX000A**", "client read=1")
	say(1, "%01$RC0", "server")
	say(0, "%EE#RT", "client diagnose=1")
	say(1, "%EE$RT20251680002D0000", `server vendor="Panasonic"(mewtocol.rt,identity) firmware="2.5"(mewtocol.rt.version,identity)`)
	say(0, "%EE#EX00RT00", "client diagnose=1")
	say(1, "%EE$EX00RT003270001680002D0000", `server product="FP-X"(mewtocol.exrt.machine,identity) model="C14R"(mewtocol.exrt.machine,identity)`)
	say(1, "%EE$EX00RT003277001680002D0000", `server product="FP-X"(mewtocol.exrt.machine,identity)`)
	say(1, "%EE$EX00RT0032FF001680002D0000", "server")
	say(0, "<01#WDD0000000001ABCD1234", "client write=1")
	say(1, "<01$WD", "server")
	say(1, "%01!61", "server")
	say(0, "%01#RMP", "client control=1")
	say(0, "%01#WR0010001", "client configure=1")
	say(0, "%01#RP00000", "client program=1")
	say(0, "%01#MDD0000000001", "client subscribe=1")
	say(1, "%EE$RT0000000100000000", "server") // of 7: no model
	say(0, ">@EEE00#30STRD00", "client diagnose=1")
	say(1, ">@EEE00$30STRD0007030000045304530453010000000000", `server vendor="Panasonic"(mewtocol.strd,identity) product="FP7"(mewtocol.strd.series,identity)`+
		` model="CPS41E"(mewtocol.strd.model,identity) firmware="4.53"(mewtocol.strd.version,identity)`)
	say(0, ">@EEE00#00MMRDD000000000010001", "client read=1")
	k.refused(0, []byte("%01#RCSX000A00\r"), ErrMalformed)
	if at := (&mewtocol{}).Resync([]byte("CSX0001D\r%01$RC0")); at != 9 {
		t.Errorf("next line at %d", at)
	}
}

func TestMewtocolIsNotMewtocol(t *testing.T) {
	for name, line := range map[string]string{
		"check": "%01#RD0100000\r", "command": "%01#QQ**\r", "station": "%0G#RD**\r", "mark": "%01:RD**\r", "answer without check": "%01$RC0**\r",
		"refusal first": string(mewtocolSay("%01!61")), "no ASCII": "%01#RD\x01**\r", "short": "%01#\r", "7": ">AEEE00#30STRD00****\r",
	} {
		t.Run(name, func(t *testing.T) {
			(&talk{t: t, d: &mewtocol{}, stream: true}).refused(0, []byte(line), ErrNotMine)
		})
	}
}

func TestMewtocolSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 9094)
	r.open(a, b)
	for _, x := range [][2]string{
		{"%EE#RT", "%EE$RT20161681000000000"[:22]},
		{"%EE#EX00RT00", "%EE$EX00RT0032A0001681006000005002041001600160496230000004000004"},
		{"%01#RDD0000000010**", "%01$RD" + strings.Repeat("0102", 11)},
		{"%01#WDD000000000100AB", "%01$WD"},
		{"%01#RDD9999999999**", "%01!61"},
	} {
		r.tcp(a, b, mewtocolSay(x[0]))
		r.tcp(b, a, mewtocolSay(x[1]))
	}
	made(t, "mewtocol", "plc", r)
}

func FuzzMewtocol(f *testing.F) { fuzzDissector(f, "mewtocol", true) }
