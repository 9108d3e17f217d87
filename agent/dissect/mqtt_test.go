package dissect

import (
	"errors"
	"strings"
	"testing"
)

// mqttBytes is a control packet: first octet, then what follows its length.
func mqttBytes(first byte, parts ...string) []byte {
	body := strings.Join(parts, "")
	b := []byte{first}
	n := len(body)
	for ; n > 0x7f; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), body...)
}

// mqttString is text behind its length.
func mqttString(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

const mqttName = "\x00\x04MQTT"

func mqttTalk(t testing.TB, port uint16) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &mqtt{}, port: port, stream: true}
}

func TestMQTTConnect(t *testing.T) {
	version := func(v string) string { return `mqtt.version="` + v + `"(mqtt.connect.protocol_level,content)` }
	id := ` mqtt.client_id="press-4"(mqtt.connect.client_id,content)`
	user := ` mqtt.user="line4"(mqtt.connect.user_name,content) authenticate=1`
	for _, c := range []struct {
		body string
		want string
	}{
		{mqttName + "\x04\x02\x00\x3c" + mqttString("press-4"), version("3.1.1") + id},
		{"\x00\x06MQIsdp\x03\x02\x00\x3c" + mqttString("press-4"), version("3.1") + id},
		{mqttName + "\x05\x02\x00\x3c\x05\x11\x00\x00\x00\x0a" + mqttString("press-4"), version("5.0") + id},
		{mqttName + "\x04\xc2\x00\x3c" + mqttString("press-4") + mqttString("line4") + mqttString("secret"), version("3.1.1") + id + user},
		{mqttName + "\x05\xc6\x00\x3c\x00" + mqttString("press-4") + "\x02\x01\x00" + mqttString("gone") + mqttString("x") + mqttString("line4") + mqttString("secret"), version("5.0") + id + user},
		{mqttName + "\x04\x02\x00\x3c" + mqttString(""), version("3.1.1")},
		{mqttName + "\x04\x06\x00\x3c" + mqttString("gw") + mqttString("spBv1.0/a/NDEATH/gw") + mqttString("x"), version("3.1.1") + ` mqtt.client_id="gw"(mqtt.connect.client_id,content) payload 1`},
	} {
		k := mqttTalk(t, 9001)
		expectTold(t, k.say(0, mqttBytes(0x10, c.body)), "client "+c.want)
		if !matchMQTT(mqttBytes(0x10, c.body)) {
			t.Errorf("%q: not claimed", c.body)
		}
	}
	k := mqttTalk(t, mqttPort)
	expectTold(t, k.say(1, mqttBytes(0x20, "\x00\x00\x0c\x12"+mqttString("auto-7")+"\x21\x00\x0a")), `server receivermqtt.client_id="auto-7"(mqtt.connack.assigned_client_id,content)`)
	expectTold(t, k.say(1, mqttBytes(0x20, "\x00\x05")), "server")
}

func TestMQTTOperations(t *testing.T) {
	k := mqttTalk(t, mqttPort)
	expectTold(t, k.say(0, mqttBytes(0x82, "\x00\x01"+mqttString("line4/#")+"\x01")), "client subscribe=1")
	expectTold(t, k.say(1, mqttBytes(0x90, "\x00\x01\x01")), "server")
	expectTold(t, k.say(0, mqttBytes(0x30, mqttString("line4/speed"), "71")), "write=1")
	expectTold(t, k.say(0, mqttBytes(0x33, mqttString("line4/speed"), "\x00\x0271")), "write=1")
	expectTold(t, k.say(1, mqttBytes(0x40, "\x00\x02")), "")
	expectTold(t, k.say(1, mqttBytes(0x30, mqttString("line4/speed"), "71")), "")
	expectTold(t, k.say(0, mqttBytes(0x30, mqttString("spBv1.0/a/DCMD/gw/valve"), "x")), "control=1 payload 2")
	expectTold(t, k.say(1, mqttBytes(0x32, mqttString("spBv1.0/a/NCMD/gw"), "\x00\x03x")), "control=1 payload 4")
	expectTold(t, k.say(0, mqttBytes(0xa2, "\x00\x01"+mqttString("line4/#"))), "client")
	expectTold(t, k.say(0, mqttBytes(0xc0)), "client")
	expectTold(t, k.say(1, mqttBytes(0xd0)), "server")
	expectTold(t, k.say(1, mqttBytes(0x30, mqttString(mqttBrokerVersion), "broker 1.2")), `server product="broker 1.2"(mqtt.publish.$SYS/broker/version,identity)`)
	expectTold(t, k.say(0, mqttBytes(0xe0)), "")

	k = mqttTalk(t, mqttPort) // the broker's side alone
	expectTold(t, k.say(1, mqttBytes(0x90, "\x00\x01\x01")), "server subscribe=1")
	expectTold(t, k.say(1, mqttBytes(0x30, mqttString("a"), "1")), "")
	expectTold(t, k.say(1, mqttBytes(0x40, "\x00\x02")), "write=1")

	k = mqttTalk(t, mqttPort) // from the middle
	expectTold(t, k.say(1, mqttBytes(0x30, mqttString("a"), "1")), "subscribe=1")
	expectTold(t, k.say(1, mqttBytes(0x30, mqttString("a"), "1")), "")
}

// Of a publication what is read does not depend on how it comes.
func TestMQTTPublicationsInPieces(t *testing.T) {
	for _, b := range [][]byte{
		mqttBytes(0x30, mqttString("line4/recipe"), strings.Repeat("x", 100_000)),
		mqttBytes(0x30, mqttString("spBv1.0/a/NBIRTH/gw"), strings.Repeat("x", 40_000)),
		mqttBytes(0x30, mqttString("spBv1.0/a/NBIRTH/gw"), strings.Repeat("x", 300)),
	} {
		var want string
		var used int
		for n := len(b); n > 0; n = n - 1 - n/50 {
			k := mqttTalk(t, mqttPort)
			k.log.reset()
			u, err := k.d.Dissect(k.message(0, b[:n]), &k.log)
			switch {
			case n == len(b):
				want, used = told2text(&k.log), u
				if err != nil || u != len(b) {
					t.Fatalf("used %d of %d, %v", u, len(b), err)
				}
			case errors.Is(err, ErrShort):
			case err != nil || u != used || told2text(&k.log) != want:
				t.Fatalf("with %d octets: used %d, %v, told %s", n, u, err, told2text(&k.log))
			}
		}
	}
	k := mqttTalk(t, mqttPort)
	if u, err := k.d.Dissect(k.message(0, mqttBytes(0x30, mqttString("line4/recipe"), strings.Repeat("x", 100_000))[:40]), &k.log); err != nil || u != 100_018 {
		t.Errorf("a bulk payload is passed over, not awaited: used %d, %v", u, err)
	}
}

func TestMQTTIsNotMQTT(t *testing.T) {
	for name, b := range map[string][]byte{
		"type 0":                   {0, 0},
		"flags of a CONNECT":       mqttBytes(0x11, mqttName+"\x04\x02\x00\x3c\x00\x00"),
		"another name":             mqttBytes(0x10, "\x00\x04MQTX\x04\x02\x00\x3c\x00\x00"),
		"version 9":                mqttBytes(0x10, mqttName+"\x09\x02\x00\x3c\x00\x00"),
		"reserved connect flag":    mqttBytes(0x10, mqttName+"\x04\x03\x00\x3c\x00\x00"),
		"quality 3":                mqttBytes(0x36, mqttString("a"), "x"),
		"wild card in a topic":     mqttBytes(0x30, mqttString("a/#"), "x"),
		"control octet in a topic": mqttBytes(0x30, mqttString("a\x00"), "x"),
		"topic longer than it":     mqttBytes(0x30, "\x00\x09abc"),
		"ping with a body":         mqttBytes(0xc0, "x"),
		"subscription to nothing":  mqttBytes(0x82, "\x00\x01\x00\x00\x01\x00\x00"),
		"subscription with no id":  mqttBytes(0x82, "\x00\x00"+mqttString("a")+"\x01"),
		"refused for reason 9":     mqttBytes(0x20, "\x00\x09"),
		"length of five octets":    {0x30, 0xff, 0xff, 0xff, 0xff, 0x01},
		"TLS":                      []byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
		"longer than can be read":  {0x82, 0xff, 0xff, 0xff, 0x7f, 0, 1},
	} {
		t.Run(name, func(t *testing.T) { mqttTalk(t, mqttPort).refused(0, b, ErrNotMine) })
		if matchMQTT(b) && b[0] != 0x10 {
			t.Errorf("%s: the signature claims it", name)
		}
	}
	// What could be much else is not claimed elsewhere than on the port.
	mqttTalk(t, 5000).refused(0, mqttBytes(0x30, mqttString("a"), "x"), ErrNotMine)
	k := mqttTalk(t, mqttPort)
	k.say(0, mqttBytes(0xc0))
	k.refused(0, []byte("GET / HTTP/1.1\r\n\r\n"), ErrMalformed)
}

func TestMQTTPrefixes(t *testing.T) {
	for _, b := range [][]byte{
		mqttBytes(0x10, mqttName+"\x04\xc2\x00\x3c"+mqttString("press-4")+mqttString("line4")+mqttString("secret")),
		mqttBytes(0x82, "\x00\x01"+mqttString("line4/#")+"\x01"),
		mqttBytes(0x20, "\x00\x00"),
	} {
		for n := range b {
			mqttTalk(t, mqttPort).refused(0, b[:n], ErrShort)
		}
	}
}

func TestMQTTCut(t *testing.T) {
	k := mqttTalk(t, mqttPort)
	m := k.message(0, mqttBytes(0x10, mqttName+"\x04\xc2\x00\x3c"+mqttString("press-4")+mqttString("line4"))[:22])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) {
		t.Fatal(err)
	}
	if got := told2text(&k.log); !strings.Contains(got, `mqtt.client_id="press-4"`) {
		t.Error(got)
	}
}

func TestMQTTAllocatesNothing(t *testing.T) {
	k := mqttTalk(t, mqttPort)
	all := []*Message{
		k.message(0, mqttBytes(0x10, mqttName+"\x04\xc2\x00\x3c"+mqttString("press-4")+mqttString("line4"))),
		k.message(0, mqttBytes(0x30, mqttString("line4/speed"), "71")),
		k.message(0, mqttBytes(0x30, mqttString("spBv1.0/a/DDATA/gw/valve"), "x")),
		k.message(0, mqttBytes(0x82, "\x00\x01"+mqttString("line4/#")+"\x01")),
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, m := range all {
			k.log.reset()
			_, _ = k.d.Dissect(m, &k.log)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkMQTT(b *testing.B) {
	k := mqttTalk(b, mqttPort)
	m := k.message(0, mqttBytes(0x30, mqttString("line4/press/speed"), "71.5"))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

func FuzzMQTT(f *testing.F) { fuzzDissector(f, "mqtt", true) }
