package dissect

import (
	"errors"
	"strings"
	"testing"
)

// svOne is an ASDU; its elements in place of the usual ones if given.
func svOne(id string, elements ...string) string {
	if elements == nil {
		elements = []string{ber(0x80, id), ber(0x82, "\x00\x01"), ber(0x83, "\x00\x00\x00\x02"), ber(0x85, "\x01"), ber(0x87, "12345678")}
	}
	return ber(0x30, elements...)
}

func svOf(asdus ...string) string {
	return ber(0x60, ber(0x80, string([]byte{byte(len(asdus))})), ber(0xa2, asdus...))
}

func svTalk(t testing.TB) chat {
	d := &sv{}
	d.recent.calls = recentTrials
	return frameTalk(t, d)
}

func TestSV(t *testing.T) {
	k := svTalk(t)
	fact := func(id string) string {
		return `sv.id="` + id + `"(sv.svID,identity) sv.appid="0x4000"(sv.appid,content) sv.conf_rev="2"(sv.confRev,content) `
	}
	expectTold(t, k.say(0, gse(0x4000, 0, svOf(svOne("MU1"), svOne("MU2")))), fact("MU1")+fact("MU2")+"client subscribe=1")
	expectTold(t, k.say(0, gse(0x4000, 0, svOf(svOne("MU1"), svOne("MU2")))), "client subscribe=1")
	full := svOne("", ber(0x80, "MU3"), ber(0x81, "LD0/LLN0$ds"), ber(0x82, "\x00\x01"), ber(0x83, "\x01"), ber(0x84, "12345678"), ber(0x85, "\x02"), ber(0x86, "\x00\x50"), ber(0x87, "1234"), ber(0x88, "\x00\x01"))
	if got := k.say(0, gse(0x4000, 0x8000, ber(0x60, ber(0x80, "\x01"), ber(0x81, "sec"), ber(0xa2, full)))); !strings.Contains(got, `sv.dataset="LD0/LLN0$ds"(sv.datSet,identity)`) || !strings.Contains(got, `sv.simulated="MU3"(sv.simulation,content)`) {
		t.Errorf("told %s", got)
	}
}

func TestSVIsNotSV(t *testing.T) {
	for what, b := range map[string][]byte{
		"GOOSE":             gse(1, 0, gooseWith("\x01")),
		"no ASDU":           gse(1, 0, ber(0x60, ber(0x80, "\x01"), ber(0xa2, ""))),
		"number is 0":       gse(1, 0, ber(0x60, ber(0x80, "\x00"), ber(0xa2, svOne("a")))),
		"no list":           gse(1, 0, ber(0x60, ber(0x80, "\x01"))),
		"no identifier":     gse(1, 0, svOf(svOne("", ber(0x82, "\x00\x01"), ber(0x83, "\x01"), ber(0x85, "\x01"), ber(0x87, "1")))),
		"no samples":        gse(1, 0, svOf(svOne("", ber(0x80, "a"), ber(0x82, "\x00\x01"), ber(0x83, "\x01"), ber(0x85, "\x01")))),
		"empty samples":     gse(1, 0, svOf(svOne("", ber(0x80, "a"), ber(0x82, "\x00\x01"), ber(0x83, "\x01"), ber(0x85, "\x01"), ber(0x87, "")))),
		"tags out of order": gse(1, 0, svOf(svOne("", ber(0x82, "\x00\x01"), ber(0x80, "a")))),
		"not an ASDU":       gse(1, 0, svOf(ber(0x31, ber(0x80, "a")))),
	} {
		k := svTalk(t)
		k.refused(0, b, ErrNotMine)
		k.say(0, gse(0x4000, 0, svOf(svOne("MU1"))))
		if k.refused(0, b, ErrMalformed); t.Failed() {
			t.Fatal(what)
		}
	}
}

func TestSVCutByTheCapture(t *testing.T) {
	k := svTalk(t)
	m := k.message(0, gse(0x4000, 0, svOf(svOne("MU1"), svOne("MU2")))[:50])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) || !strings.Contains(chatText(&k.log), `sv.id="MU1"`) {
		t.Errorf("%v, told %s", err, chatText(&k.log))
	}
}

func BenchmarkSV(b *testing.B) {
	k := svTalk(b)
	m := k.message(0, gse(0x4000, 0, svOf(svOne("MU1"))))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

func FuzzSV(f *testing.F) { fuzzDissector(f, "sv", false) }
