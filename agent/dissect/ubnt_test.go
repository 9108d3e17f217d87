package dissect

import "testing"

func ubntSay(version byte, fields string) []byte {
	return append([]byte{version, 0, 0, byte(len(fields))}, fields...)
}

const ubntFacts = "\x02\x00\x0a\x00\x00\x5e\x00\x53\x02\xc0\x00\x02\x02" + "\x03\x00\x06v6.3.2" + "\x0b\x00\x04roof" + "\x0c\x00\x02R5" + "\x14\x00\x09Rocket M5" + "\x13\x00\x06\x00\x00\x5e\x00\x53\x02"

func TestUbnt(t *testing.T) {
	const facts = `vendor="Ubiquiti"(ubnt.discovery,content) firmware="v6.3.2"(ubnt.discovery.firmware,identity) name="roof"(ubnt.discovery.name,identity) model="R5"(ubnt.discovery.platform,identity) product="Rocket M5"(ubnt.discovery.model,identity) serial="00005e005302"(ubnt.discovery.serial,identity)`
	for _, version := range []byte{1, 2} {
		b := ubntSay(version, ubntFacts)
		expectTold(t, (&talk{t: t, d: &ubnt{}}).say(1, b), facts)
		if !matchUbnt(b) || nearUbnt(b) {
			t.Error("the signature does not know it")
		}
		for n := range b {
			if n > 0 {
				(&talk{t: t, d: &ubnt{}}).refused(1, b[:n], ErrNotMine)
			}
		}
	}
	search := ubntSay(1, "")
	expectTold(t, (&talk{t: t, d: &ubnt{}, port: 10001}).say(0, search), "client read=1")
	if matchUbnt(search) || !nearUbnt(search) {
		t.Error("a search proves nothing beyond its port")
	}
	(&talk{t: t, d: &ubnt{}, port: 9}).refused(0, search, ErrNotMine)
	for name, b := range map[string][]byte{
		"version":       ubntSay(3, ubntFacts),
		"a field ends":  ubntSay(1, "\x02\x00\x0a\x00"),
		"nothing known": ubntSay(1, "\x77\x00\x01x"),
		"longer":        append(ubntSay(1, ubntFacts), 0),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &ubnt{}}).refused(0, b, ErrNotMine) })
	}
}

func TestUbntSample(t *testing.T) {
	r := newReel()
	r.udp(madeAddr(1, 50001), madeAddr(255, 10001), ubntSay(1, ""))
	r.udp(madeAddr(2, 10001), madeAddr(1, 50001), ubntSay(1, ubntFacts))
	r.udp(madeAddr(3, 40001), madeAddr(255, 10001), ubntSay(2, "\x01\x00\x06\x00\x00\x5e\x00\x53\x03"+"\x0b\x00\x04door"+"\x15\x00\x04UGW3"+"\x16\x00\x064.3.33"))
	made(t, "ubnt", "discovery", r)
}

func FuzzUbnt(f *testing.F) { fuzzDissector(f, "ubnt", false) }
