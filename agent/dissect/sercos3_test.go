package dissect

import (
	"strings"
	"testing"

	"demarc/agent/decode"
)

func sercosSay(kind, phase byte) []byte {
	return []byte(string([]byte{kind, phase}) + "\x11\x22\x33\x44" + strings.Repeat("\x00", 40))
}

func sercosMessage(b []byte) *Message {
	return &Message{Ends: &[2]Endpoint{{MAC: decode.MAC{0, 0, 0x5e, 0, 0x53, 1}}, {MAC: decode.MAC{255, 255, 255, 255, 255, 255}}}, Data: b}
}

func TestSercos3(t *testing.T) {
	const master = `client sercos3.role="master"(sercos3.telegram,behaviour)`
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"running":   {sercosSay(0x20, 0x34), master + ` sercos3.phase="4"(sercos3.telegram.phase,content) write=1`},
		"slaves'":   {sercosSay(0x40, 0x04), master + ` sercos3.phase="4"(sercos3.telegram.phase,content) read=1`},
		"second":    {sercosSay(0x41, 0x04), master + ` sercos3.phase="4"(sercos3.telegram.phase,content)`},
		"starting":  {sercosSay(0x20, 0x02), master + ` sercos3.phase="2"(sercos3.telegram.phase,content)`},
		"new phase": {sercosSay(0x00, 0x83), master + " control=1"},
	} {
		t.Run(name, func(t *testing.T) {
			var l log
			if used, err := (&sercos3{}).Dissect(sercosMessage(c.b), &l); err != nil || used != len(c.b) {
				t.Fatalf("used %d, %v", used, err)
			}
			expectTold(t, told2text(&l), c.want)
		})
	}
	(&talk{t: t, d: &sercos3{}}).refused(0, sercosSay(0x20, 4), ErrNotMine) // to one station
	for name, b := range map[string][]byte{"number": sercosSay(4, 4), "phase": sercosSay(0, 5), "reserved": sercosSay(0x10, 4), "no CRC": append([]byte{0, 4, 0, 0, 0, 0}, make([]byte, 40)...), "short": sercosSay(0, 4)[:30]} {
		t.Run(name, func(t *testing.T) {
			var l log
			if _, err := (&sercos3{}).Dissect(sercosMessage(b), &l); err == nil {
				t.Error("read")
			}
		})
	}
}

func TestSercos3Sample(t *testing.T) {
	r := newReel()
	all := []byte{255, 255, 255, 255, 255, 255}
	r.ether(1, all, 0x88cd, sercosSay(0x00, 0x84))
	r.ether(1, all, 0x88cd, sercosSay(0x20, 0x14))
	r.ether(1, all, 0x88cd, sercosSay(0x60, 0x14))
	made(t, "sercos3", "ring", r)
}

func FuzzSercos3(f *testing.F) { fuzzDissector(f, "sercos3", false) }
