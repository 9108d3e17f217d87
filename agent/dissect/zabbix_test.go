package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

func zabbixSay(text string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("ZBXD\x01"), uint32(len(text)))
	return append(append(b, 0, 0, 0, 0), text...)
}

const zabbixChecks = `{"request":"active checks","host":"mes-1","version":"7.0"}`

func TestZabbix(t *testing.T) {
	for name, c := range map[string][2]string{
		"checks":  {zabbixChecks, `client read=1 zabbix.host="mes-1"(zabbix.active_checks.host,content) name="mes-1"(zabbix.active_checks.host,content)`},
		"data":    {`{"request": "agent data","data":[{"host":"x"}]}`, "client write=1"},
		"other":   {`{"request":"proxy config"}`, "client"},
		"answer":  {`{"response":"success","data":[]}`, "server"},
		"passive": {"agent.ping", ""},
		"escaped": {`{"request":"active checks","host":"a\"b"}`, "client read=1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := zabbixSay(c[0])
			expectTold(t, (&talk{t: t, d: &zabbix{}, stream: true}).say(0, b), c[1])
			for n := 1; n < len(b); n++ {
				(&talk{t: t, d: &zabbix{}, stream: true}).refused(0, b[:n], ErrShort)
			}
			if !matchZabbix(b) {
				t.Error("the signature does not know it")
			}
		})
	}
	for name, b := range map[string]string{"flags": "ZBXD\x02abcdefgh", "magic": "ZBXE\x01", "length": "ZBXD\x01\xff\xff\xff\xff\x00\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &zabbix{}, stream: true}).refused(0, []byte(b), ErrNotMine) })
	}
	k := &talk{t: t, d: &zabbix{}, stream: true}
	b := zabbixSay(strings.Repeat("x", 70_000))
	if u, err := k.d.Dissect(k.message(0, b[:40]), &k.log); err != nil || u != len(b) {
		t.Errorf("a long text is passed over: used %d, %v", u, err)
	}
	large := append(binary.LittleEndian.AppendUint64([]byte("ZBXD\x05"), 4), "\x00\x00\x00\x00\x00\x00\x00\x00ping"...)
	expectTold(t, k.say(0, large), "")
}

func TestZabbixSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 10051)
	r.open(a, b)
	r.tcp(a, b, zabbixSay(zabbixChecks))
	r.tcp(b, a, zabbixSay(`{"response":"success","data":[{"key":"system.cpu.load","delay":"1m"}]}`))
	a, b = madeAddr(2, 40002), madeAddr(3, 10050)
	r.open(a, b)
	r.tcp(a, b, zabbixSay("agent.ping"))
	r.tcp(b, a, zabbixSay("1"))
	made(t, "zabbix", "agents", r)
}

func FuzzZabbix(f *testing.F) { fuzzDissector(f, "zabbix", true) }
