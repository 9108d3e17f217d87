package dissect

import (
	"encoding/binary"
	"testing"
)

func FuzzTeamViewer(f *testing.F) { fuzzDissector(f, "teamviewer", true) }

func teamViewerSay(command byte, n int) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0x17, 0x24, command}, uint16(n))
	return append(b, noise(n)...)
}

func TestTeamViewer(t *testing.T) {
	identify := teamViewerSay(10, 32)
	if len(identify) != 37 || identify[3] != 0x20 {
		t.Fatalf("% x", identify)
	}
	k := &talk{t: t, d: &teamViewer{}, port: 5938, stream: true}
	expectTold(t, k.say(0, identify), "authenticate=1")
	expectTold(t, k.say(0, teamViewerSay(11, 8)), "client")
	k.refused(0, []byte{0x11, 0x30, 4, 46, 0, 0}, ErrDone)
	for n := 1; n < len(identify); n++ {
		(&talk{t: t, d: &teamViewer{}, port: 5938, stream: true}).refused(0, identify[:n], ErrShort)
	}
	if !matchTeamViewer(identify) || !matchTeamViewer(append(identify, teamViewerSay(16, 0)...)) || matchTeamViewer(append(identify, "and text"...)) {
		t.Error("the signature wants commands that end where their lengths say")
	}
	for name, b := range map[string][]byte{
		"magic":   {0x17, 0x25, 10, 0, 0},
		"command": {0x17, 0x24, 200, 0, 0},
		"second":  {0x11, 0x30, 4, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			(&talk{t: t, d: &teamViewer{}, port: 5938, stream: true}).refused(0, b, ErrNotMine)
		})
	}
	(&talk{t: t, d: &teamViewer{}, port: 443, stream: true}).refused(0, []byte{0x11, 0x30, 4, 46, 0, 0}, ErrNotMine)
}

func TestTeamViewerDatagram(t *testing.T) {
	b := append(make([]byte, teamViewerBefore), teamViewerSay(70, 20)...)
	k := &talk{t: t, d: &teamViewer{}, port: 5938}
	expectTold(t, k.say(0, b), "client")
	(&talk{t: t, d: &teamViewer{}, port: 5000}).refused(0, b, ErrNotMine)
	(&talk{t: t, d: &teamViewer{}, port: 5938}).refused(0, noise(40), ErrNotMine)
}

// TestTeamViewerSample builds a session with a router, one on another port,
// one of the second form and one by datagrams.
func TestTeamViewerSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(9, 5938)
	r.open(a, b)
	r.tcp(a, b, teamViewerSay(10, 32))
	r.tcp(b, a, teamViewerSay(10, 32))
	r.tcp(a, b, teamViewerSay(18, 200))
	r.tcp(b, a, teamViewerSay(19, 40))
	a, b = madeAddr(1, 50002), madeAddr(9, 443)
	r.open(a, b)
	r.tcp(a, b, teamViewerSay(11, 60))
	r.tcp(b, a, teamViewerSay(36, 0))
	a, b = madeAddr(2, 50003), madeAddr(9, 5938)
	r.open(a, b)
	r.tcp(a, b, append([]byte{0x11, 0x30, 4, 46}, noise(90)...))
	r.tcp(b, a, append([]byte{0x11, 0x30, 4, 46}, noise(40)...))
	a, b = madeAddr(3, 50004), madeAddr(9, 5938)
	r.udp(a, b, append(make([]byte, teamViewerBefore), teamViewerSay(70, 48)...))
	r.udp(b, a, append(make([]byte, teamViewerBefore), teamViewerSay(71, 16)...))
	made(t, "teamviewer", "sessions", r)
}
