package dissect

import (
	"strings"
	"testing"
)

// remote is a session of the given version around a payload.
func remote(version byte, security, payload, signature string) []byte {
	return []byte("\x01\x40\xa1\x18\x80\x12\x00\x00\x00\x7d\x00\x00\x00\x01\x00" + string([]byte{version}) + "\x00\x00\x00\x00\x00\x00" + security +
		"\x00\x00" + string([]byte{byte(len(payload) >> 8), byte(len(payload))}) + payload + signature)
}

func rgooseElementOf(simulation byte, pdu string) string {
	return "\x81" + string([]byte{simulation}) + "\x40\x11\x00\x65" + pdu
}

const (
	plainV1 = "\x00\x00\x00\x00\x00\x00"
	plainV2 = "\x00\x00\x00\x00\x00"
)

func rgooseTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	d := &rgoose{}
	d.recent.calls = recentTrials
	return &talk{t: tt, d: d, port: 102}
}

func TestRGOOSE(t *testing.T) {
	event := rgooseElementOf(0, gooseWith("\x00"))
	for version, security := range map[byte]string{1: plainV1, 2: plainV2} {
		k := rgooseTalk(t)
		got := k.say(0, remote(version, security, event+rgooseElementOf(1, gooseWith("\x01")), ""))
		if !strings.HasPrefix(got, `client alarm=1 goose.gocb_ref="IED1LD0/LLN0$GO$gcb1"`) || !strings.Contains(got, "client subscribe=1") || !strings.Contains(got, `goose.appid="0x4011"`) || !strings.Contains(got, "goose.simulated") {
			t.Errorf("version %d: told %s", version, got)
		}
		if d := k.d.(*rgoose); d.security.Mode.String() != "none" {
			t.Errorf("version %d: %s", version, d.security.Mode)
		}
	}
	k := rgooseTalk(t)
	k.say(0, remote(1, "\x00\x02\x00\x00\x00\x01", event, "\x85\x10"+strings.Repeat("s", 16)))
	if d := k.d.(*rgoose); d.security.Mode.String() != "sign" {
		t.Errorf("signed: %s", d.security.Mode)
	}
	k = rgooseTalk(t)
	expectTold(t, k.say(0, remote(2, "\x00\x00\x00\x01\x0c"+strings.Repeat("v", 12), strings.Repeat("c", 90), "\x85\x10"+strings.Repeat("s", 16))), "client subscribe=1")
	if d := k.d.(*rgoose); d.security.Mode.String() != "sign-and-encrypt" {
		t.Errorf("encrypted: %s", d.security.Mode)
	}
}

func TestRGOOSEIsNotRGOOSE(t *testing.T) {
	event := rgooseElementOf(0, gooseWith("\x00"))
	good := string(remote(2, plainV2, event, ""))
	for what, b := range map[string]string{
		"transport":      "\x02" + good[1:],
		"sampled values": good[:2] + "\xa2" + good[3:],
		"common header":  good[:4] + "\x81" + good[5:],
		"version 3":      string(remote(3, plainV2, event, "")),
		"cut":            good[:len(good)-1],
		"more behind":    good + "\x00",
		"empty":          string(remote(2, plainV2, "", "")),
		"other element":  string(remote(2, plainV2, "\x82"+event[1:], "")),
		"not GOOSE":      string(remote(2, plainV2, rgooseElementOf(0, svOf(svOne("a"))), "")),
		"broken GOOSE":   string(remote(2, plainV2, rgooseElementOf(0, gooseWith("\x00", "\x80")), "")),
		"length":         string(remote(2, plainV2, "", "")[:27]) + "\x7f\xff\xff\xff" + event,
	} {
		k := rgooseTalk(t)
		k.refused(0, []byte(b), ErrNotMine)
		if k.say(0, []byte(good)); t.Failed() {
			t.Fatal(what)
		}
		k.refused(0, []byte(b), ErrMalformed)
	}
}

func FuzzRGOOSE(f *testing.F) { fuzzDissector(f, "r-goose", false) }
