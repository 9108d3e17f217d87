package dissect

import (
	"errors"
	"strings"
	"testing"
)

func FuzzVNC(f *testing.F) { fuzzDissector(f, "vnc", true) }

func TestVNCPasswordInVersion33(t *testing.T) {
	k := &talk{t: t, d: &vnc{}, port: 5900, stream: true}
	expectTold(t, k.say(1, []byte("RFB 003.008\n")), `vnc.version="003.008"(vnc.protocol_version,content)`)
	expectTold(t, k.say(0, []byte("RFB 003.003\n")), `vnc.version="003.003"(vnc.protocol_version,content) client`)
	expectTold(t, k.say(1, []byte{0, 0, 0, vncPassword}), `vnc.security_type="vnc password"(vnc.security_type,content)`)
	k.say(1, []byte(strings.Repeat("c", 16)))
	expectTold(t, k.say(0, []byte(strings.Repeat("r", 16))), "authenticate=1")
	k.say(1, []byte{0, 0, 0, 0})
	k.say(0, []byte{1})
	k.log.reset()
	last := strings.Repeat("\x00", 20) + "\x00\x00\x00\x05hmi-1"
	if _, err := k.d.Dissect(k.message(1, []byte(last)), &k.log); !errors.Is(err, ErrDone) {
		t.Fatal(err)
	}
	expectTold(t, told2text(&k.log), `vnc.desktop_name="hmi-1"(vnc.server_init,identity)`)
}

func TestVNCOutOfTurnWaits(t *testing.T) {
	k := &talk{t: t, d: &vnc{}, port: 5900, stream: true}
	k.say(1, []byte("RFB 003.008\n"))
	k.refused(1, []byte{1, 1}, ErrShort) // the client's version comes first
	k.refused(0, []byte("RFB 0x3.008\n"), ErrMalformed)
}

func TestVNCRefuses(t *testing.T) {
	for _, s := range []string{"RFB 002.000\n", "RFB 003.00a\n", "RFC 003.008\n", "SSH-2.0-x\r\nabcdef"} {
		k := &talk{t: t, d: &vnc{}, port: 5900, stream: true}
		k.refused(1, []byte(s), ErrNotMine)
	}
}
