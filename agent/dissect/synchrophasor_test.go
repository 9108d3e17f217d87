package dissect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// phasorOf is a frame with its size and CRC.
func phasorOf(kind byte, id uint16, data ...byte) []byte {
	b := []byte{0xaa, kind<<4 | 2}
	b = binary.BigEndian.AppendUint16(b, uint16(phasorHead+len(data)+2))
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, make([]byte, 8)...)
	b = append(b, data...)
	return binary.BigEndian.AppendUint16(b, phasorCRC(b))
}

// pmuOf is a unit of configuration 2 with one phasor and one digital.
func pmuOf(name string, id uint16) []byte {
	b := append([]byte(name), bytes.Repeat([]byte{' '}, 16-len(name))...)
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 1)
	return append(b, make([]byte, 16*17+4*2+4)...)
}

func configOf(kind byte, stream uint16, units ...[]byte) []byte {
	data := append([]byte{0, 0, 0, 1, 0, byte(len(units))}, bytes.Join(units, nil)...)
	return phasorOf(kind, stream, append(data, 0, 30)...)
}

func phasorTalk(t testing.TB, port uint16) *talk {
	tt, _ := t.(*testing.T)
	k := &talk{t: tt, d: &phasor{}, port: port, stream: true}
	k.d.(*phasor).recent.calls = recentTrials
	return k
}

// The check value of CRC-CCITT with a first value of FFFF.
func TestPhasorCRC(t *testing.T) {
	if got := phasorCRC([]byte("123456789")); got != 0x29b1 {
		t.Errorf("%04x", got)
	}
}

func TestPhasorSignature(t *testing.T) {
	good := phasorOf(phasorCommand, 7, 0, 2)
	wrong := bytes.Clone(good)
	wrong[len(wrong)-1] ^= 1
	for _, c := range []struct {
		what string
		b    []byte
		want bool
	}{
		{"command", good, true},
		{"its beginning", good[:3], true},
		{"its header", good[:14], true},
		{"data", phasorOf(phasorData, 7, 1, 2, 3, 4), true},
		{"CRC", wrong, false},
		{"no such type", phasorOf(6, 7, 0, 1), false},
		{"version 0", []byte{0xaa, 0x40, 0, 18}, false},
		{"too short", []byte{0xaa, 0x41, 0, 17}, false},
		{"other", []byte("GET /"), false},
	} {
		if got := matchPhasor(c.b); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
		if !c.want {
			phasorTalk(t, 4712).refused(0, c.b, ErrNotMine)
		}
	}
}

func TestPhasorRolesAndOperations(t *testing.T) {
	k := phasorTalk(t, 4000)
	stream := `synchrophasor.stream="7"(synchrophasor.idcode,content)`
	expectTold(t, k.say(1, phasorOf(phasorData, 7, 0, 0, 0, 0)), "server "+stream+" subscribe=1") // nobody asked
	expectTold(t, k.say(1, phasorOf(phasorHeader, 7, []byte("text")...)), "server diagnose=1")
	for command, want := range map[byte]string{1: "subscribe=1", 2: "subscribe=1", 3: "diagnose=1", 4: "diagnose=1", 5: "diagnose=1", 6: "diagnose=1", 8: "write=1", 9: ""} {
		expectTold(t, k.say(0, phasorOf(phasorCommand, 7, 0, command)), strings.TrimSpace("client "+want))
	}
	expectTold(t, k.say(1, phasorOf(phasorData, 7, 0, 0, 0, 0)), "server subscribe=1")
	expectTold(t, k.say(1, phasorOf(phasorHeader, 7, []byte("text")...)), "server")
}

func TestPhasorConfiguration(t *testing.T) {
	k := phasorTalk(t, 4712)
	k.say(0, phasorOf(phasorCommand, 7, 0, 5))
	expectTold(t, k.say(1, configOf(phasorConfig2, 7, pmuOf("North", 7))), `server synchrophasor.stream="7"(synchrophasor.idcode,content) synchrophasor.station_id="7"(synchrophasor.config.idcode,identity) synchrophasor.station="North"(synchrophasor.config.stn,identity) name="North"(synchrophasor.config.stn,identity)`)
	got := k.say(1, configOf(phasorConfig1, 7, pmuOf("North", 61), pmuOf("South", 62)))
	if !strings.Contains(got, `pmu/62 synchrophasor.station_id="62"`) || !strings.Contains(got, `pmu/62 name="South"`) || strings.Contains(got, ` name="North"(synchrophasor.config.stn,identity) name`) {
		t.Errorf("told %s", got)
	}
	three := []byte{0, 0, 0, 0, 0, 1, 0, 2} // not continued, time base, two units
	for _, name := range []string{"East", "West"} {
		three = append(three, byte(len(name)))
		three = append(three, name...)
		three = append(three, 0, name[0])
		three = append(three, make([]byte, 18)...)
		three = append(three, 0, 1, 0, 1, 0, 1)
		for range 18 {
			three = append(three, 2, 'c', 'h')
		}
		three = append(three, make([]byte, 12+8+4+12+1+8+4)...)
	}
	if got := k.say(1, phasorOf(phasorConfig3, 7, append(three, 0, 30)...)); !strings.Contains(got, `pmu/69 name="East"`) || !strings.Contains(got, `pmu/87 name="West"`) {
		t.Errorf("told %s", got)
	}
	many := configOf(phasorConfig2, 7, pmuOf("North", 7))
	many[18], many[19] = 0xff, 0xff // 65535 units, one of them there
	binary.BigEndian.PutUint16(many[len(many)-2:], phasorCRC(many[:len(many)-2]))
	if got := k.say(1, many); strings.Count(got, "pmu/") > 2 {
		t.Errorf("told %s", got)
	}
}

func TestPhasorStreamAndDatagram(t *testing.T) {
	two := append(phasorOf(phasorData, 7, 1, 2, 3, 4), phasorOf(phasorCommand, 7, 0, 2)...)
	k := phasorTalk(t, 4712)
	for n := range 20 {
		k.refused(0, two[:n], ErrShort)
	}
	if used, err := k.d.Dissect(k.message(0, two), &k.log); used != 20 || err != nil {
		t.Fatalf("two in one segment: %d, %v", used, err)
	}
	k.refused(0, []byte("\xaa\x92\x00\x10rubbish"), ErrMalformed)
	k = phasorTalk(t, 4713)
	k.stream = false
	k.refused(0, two[:19], ErrNotMine)
	m := k.message(1, two[:17])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) || !strings.Contains(told2text(&k.log), "server") {
		t.Errorf("cut by the capture: %v, told %s", err, told2text(&k.log))
	}
}

func TestPhasorResync(t *testing.T) {
	if at := (&phasor{}).Resync(append([]byte("\xaa\x42\x00\x12 and more than this \xaa"), phasorOf(phasorCommand, 7, 0, 2)...)); at != 25 {
		t.Errorf("found one at %d", at)
	}
	hostile := bytes.Repeat([]byte{0xaa, 0x01, 0x7f, 0xff}, 16<<10) // each a frame of 32 KiB, as it says
	if at := (&phasor{}).Resync(hostile); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func BenchmarkPhasor(b *testing.B) {
	k := phasorTalk(b, 4712)
	k.d.(*phasor).claimed = true
	m := k.message(1, phasorOf(phasorData, 7, make([]byte, 60)...))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

func FuzzPhasor(f *testing.F) { fuzzDissector(f, "synchrophasor", true) }
