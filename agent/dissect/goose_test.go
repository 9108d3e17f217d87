package dissect

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"demarc/agent/decode"
)

// gse is a header before an APDU, and padding behind.
func gse(appid, reserved uint16, apdu string) []byte {
	n := 8 + len(apdu)
	return []byte(string([]byte{byte(appid >> 8), byte(appid), byte(n >> 8), byte(n), byte(reserved >> 8), byte(reserved), 0, 0}) + apdu + "\x00\x00\x00")
}

// gooseWith has the given sequence number and changes made to its elements.
func gooseWith(sequence string, change ...string) string {
	elements := []string{
		ber(0x80, "IED1LD0/LLN0$GO$gcb1"), ber(0x81, "\x07\xd0"), ber(0x82, "IED1LD0/LLN0$ds1"), ber(0x83, "IED1_1"), ber(0x84, "12345678"),
		ber(0x85, "\x01"), ber(0x86, sequence), ber(0x87, "\x00"), ber(0x88, "\x04"), ber(0x89, "\x00"), ber(0x8a, "\x01"), ber(0xab, ber(0x83, "\x01")),
	}
	for _, c := range change { // the element with the same tag, or none of it
		for i := range elements {
			if strings.HasPrefix(elements[i], c[:1]) {
				elements[i] = c
				if len(c) == 1 {
					elements[i] = ""
				}
			}
		}
	}
	return ber(0x61, elements...)
}

// frameTalk gives frames to a dissector as the engine would.
func frameTalk(t testing.TB, d Dissector) chat {
	tt, _ := t.(*testing.T)
	return chat{&talk{t: tt, d: &onLink{d}}}
}

var (
	stationEnd = Endpoint{MAC: decode.MAC{0, 1, 2, 3, 4, 5}}
	groupEnd   = Endpoint{MAC: decode.MAC{1, 0x0c, 0xcd, 1, 0, 1}}
	linkEnds   = [2][2]Endpoint{{stationEnd, groupEnd}, {groupEnd, stationEnd}} // by who sends, who is the station
)

// onLink takes addresses and ports away and leaves MAC addresses.
type onLink struct{ Dissector }

func (d *onLink) Dissect(m *Message, out Out) (int, error) {
	m.Ends = &linkEnds[m.From]
	return d.Dissector.Dissect(m, out)
}

func gooseTalk(t testing.TB) chat {
	d := &goose{}
	d.recent.calls = recentTrials
	return frameTalk(t, d)
}

func TestGOOSE(t *testing.T) {
	k := gooseTalk(t)
	facts := `goose.gocb_ref="IED1LD0/LLN0$GO$gcb1"(goose.gocbRef,identity) goose.dataset="IED1LD0/LLN0$ds1"(goose.datSet,identity) goose.id="IED1_1"(goose.goID,identity) goose.appid="0x0011"(goose.appid,content) goose.conf_rev="4"(goose.confRev,content)`
	expectTold(t, k.say(0, gse(0x11, 0, gooseWith("\x00"))), "client alarm=1 "+facts)
	expectTold(t, k.say(0, gse(0x11, 0, gooseWith("\x07"))), "client subscribe=1")
	simulated := ` goose.simulated="IED1LD0/LLN0$GO$gcb1"(goose.simulation,content)`
	expectTold(t, k.say(0, gse(0x11, 0x8000, gooseWith("\x08"))), "client subscribe=1 "+facts+simulated)
	expectTold(t, k.say(0, gse(0x11, 0, gooseWith("\x09", ber(0x87, "\x01")))), "client subscribe=1") // said already
	if got := k.say(0, gse(0x11, 0, gooseWith("\x01", ber(0x88, "\x05")))); !strings.Contains(got, `goose.conf_rev="5"`) {
		t.Errorf("a new revision: told %s", got)
	}
}

func TestGOOSEIsNotGOOSE(t *testing.T) {
	good := gooseWith("\x01")
	for what, b := range map[string][]byte{
		"empty":              gse(1, 0, ""),
		"management":         gse(1, 0, "\x60"+good[1:]),
		"length beyond":      append(gse(1, 0, good)[:2], append([]byte{9, 0}, gse(1, 0, good)[4:]...)...),
		"length short":       append(gse(1, 0, good)[:2], append([]byte{0, 40}, gse(1, 0, good)[4:]...)...),
		"without reference":  gse(1, 0, gooseWith("\x01", "\x80")),
		"without data set":   gse(1, 0, gooseWith("\x01", "\x82")),
		"without numbers":    gse(1, 0, gooseWith("\x01", "\x86")),
		"without data":       gse(1, 0, gooseWith("\x01", "\xab")),
		"unprintable name":   gse(1, 0, gooseWith("\x01", ber(0x80, "a\x01b"))),
		"another first tag":  gse(1, 0, gooseWith("\x01", "\x80")+"\x1f\x05a"),
		"tags out of order":  gse(1, 0, ber(0x61, ber(0x82, "a"), ber(0x80, "b"))),
		"universal elements": gse(1, 0, ber(0x61, ber(0x30, "a"))),
	} {
		gooseTalk(t).refused(0, b, ErrNotMine)
		if what == "empty" {
			continue
		}
		k := gooseTalk(t)
		k.say(0, gse(1, 0, good))
		k.refused(0, b, ErrMalformed)
	}
	gooseTalk(t).say(0, gse(1, 0, gooseWith("\x01", "\x83", "\x88"))) // what real publishers leave out
}

func TestGOOSECutByTheCapture(t *testing.T) {
	b := gse(0x11, 0, gooseWith("\x00"))
	k := gooseTalk(t)
	m := k.message(0, b[:90])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) || !strings.Contains(chatText(&k.log), "goose.gocb_ref") {
		t.Errorf("%v, told %s", err, chatText(&k.log))
	}
}

func TestGOOSEAllocatesNothing(t *testing.T) {
	k := gooseTalk(t)
	var all []*Message
	for n := range 40 { // more control blocks than are remembered
		all = append(all, k.message(0, gse(uint16(n), 0, gooseWith("\x01", ber(0x80, fmt.Sprint("gcb", n))))))
	}
	if n := testing.AllocsPerRun(20, func() {
		for _, m := range all {
			k.log.reset()
			_, _ = k.d.Dissect(m, &k.log)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGOOSE(b *testing.B) {
	k := gooseTalk(b)
	m := k.message(0, gse(0x11, 0, gooseWith("\x07")))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

func FuzzGOOSE(f *testing.F) { fuzzDissector(f, "goose", false) }
