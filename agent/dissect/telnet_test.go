package dissect

import "testing"

func FuzzTelnet(f *testing.F) { fuzzDissector(f, "telnet", true) }

func TestTelnetOpening(t *testing.T) {
	for name, c := range map[string]struct {
		b    string
		port uint16
		want error
	}{
		"text":                   {"login: ", 23, ErrNotMine},
		"half a command":         {"\xff\xfd", 2323, ErrShort},
		"one command elsewhere":  {"\xff\xfd\x18", 2323, ErrShort},
		"a command, then noise":  {"\xff\xfd\x18abc", 2323, ErrNotMine},
		"no such option":         {"\xff\xfd\x99", 23, ErrNotMine},
		"a run of bytes of ones": {"\xff\xff\xff\xff", 23, ErrNotMine},
	} {
		k := &talk{t: t, d: &telnet{}, port: c.port, stream: true}
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(1, []byte(c.b), c.want) })
	}
}

func TestTelnetRoles(t *testing.T) {
	k := &talk{t: t, d: &telnet{}, port: 23, stream: true}
	expectTold(t, k.say(1, []byte("\xff\xfd\x18")), "server")
	expectTold(t, k.say(0, []byte("\xff\xfb\x1f")), "client")
	expectTold(t, k.say(0, []byte("\xff\xfa\x18\x00VT100\xff\xf0")), `client telnet.terminal="VT100"(telnet.terminal_type,content)`)
	expectTold(t, k.say(1, []byte("login: ")), "")
}
