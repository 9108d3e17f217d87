package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

func amqp0(kind byte, channel uint16, body string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{kind}, channel)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(append(b, body...), amqpEnd)
}

func amqp0Method(channel, class, method uint16, body string) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, class), method)
	return amqp0(amqpMethod, channel, string(b)+body)
}

func amqpLong(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }

func amqpEntry(name, v string) string {
	return string([]byte{byte(len(name))}) + name + "S" + amqpLong(v)
}

func amqp1(kind byte, code byte, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+3+len(body)))
	return append(append(b, 2, kind, 0, 0, 0, 0x53, code), body...)
}

func amqp1List(items ...string) string {
	all := strings.Join(items, "")
	return string([]byte{0xc0, byte(len(all) + 1), byte(len(items))}) + all
}

func amqpSym(s string) string { return string([]byte{0xa3, byte(len(s))}) + s }
func amqpStr(s string) string { return string([]byte{0xa1, byte(len(s))}) + s }

var (
	amqpStarts = amqp0Method(0, 10, 10, "\x00\x09"+amqpLong("\x0ccapabilitiesF"+amqpLong("\x05basict\x01")+amqpEntry("cluster_name", "rabbit@mes")+amqpEntry("platform", "Erlang/OTP 25.3")+amqpEntry("product", "RabbitMQ")+amqpEntry("version", "3.12.1"))+amqpLong("PLAIN AMQPLAIN")+amqpLong("en_US"))
	amqpLogOn  = amqp0Method(0, 10, 11, amqpLong(amqpEntry("product", "Pika")+amqpEntry("version", "1.3.2"))+"\x05PLAIN"+amqpLong("\x00line4\x00secret")+"\x05en_US")
	amqpOpens  = amqp1(0, amqpOpen, amqp1List(amqpStr("press-4"), amqpStr("mes.test"), "\x70\x00\x01\x00\x00", "\x60\x00\xff", "\x40", "\x40", "\x40", "\x40", "\x40", "\xc1\x26\x04"+amqpSym("product")+amqpStr("qpid-proton")+amqpSym("version")+amqpStr("0.39")))
)

func amqpTalk(t *testing.T) *talk { return &talk{t: t, d: &amqp{}, port: amqpPort, stream: true} }

func TestAMQP0(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"header":  {[]byte("AMQP\x00\x00\x09\x01"), "client"},
		"start":   {amqpStarts, `server amqp.cluster="rabbit@mes"(amqp.properties.cluster_name,identity) amqp.platform="Erlang/OTP 25.3"(amqp.properties.platform,identity) amqp.version="3.12.1"(amqp.properties.version,identity) product="RabbitMQ 3.12.1"(amqp.start.product,identity)`},
		"log-on":  {amqpLogOn, `client authenticate=1 amqp.version="1.3.2"(amqp.properties.version,identity) product="Pika 1.3.2"(amqp.client.product,identity) amqp.user="line4"(amqp.sasl.plain,content)`},
		"declare": {amqp0Method(1, 50, 10, "\x00\x00\x01q\x00\x00\x00\x00\x00"), "client configure=1"},
		"consume": {amqp0Method(1, 60, 20, "\x00\x00\x01q\x00\x00\x00\x00\x00\x00"), "client subscribe=1"},
		"publish": {amqp0Method(1, 60, 40, "\x00\x00\x00\x01q\x00"), "client write=1"},
		"get":     {amqp0Method(1, 60, 70, "\x00\x00\x01q\x00"), "client read=1"},
		"deliver": {amqp0Method(1, 60, 60, "\x01c\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x01q"), "server"},
		"either":  {amqp0Method(1, 60, 80, "\x00\x00\x00\x00\x00\x00\x00\x01\x00"), ""},
		"beat":    {amqp0(amqpHeartbeat, 0, ""), ""},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, amqpTalk(t).say(0, c.b), c.want) })
	}
}

func TestAMQP1(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"header":     {[]byte("AMQP\x03\x01\x00\x00"), ""},
		"mechanisms": {amqp1(1, amqpMechanisms, amqp1List(amqpSym("PLAIN"))), "server"},
		"log-on":     {amqp1(1, amqpInit, amqp1List(amqpSym("PLAIN"), "\xa0\x0d\x00line4\x00secret")), `client authenticate=1 amqp.user="line4"(amqp.sasl.plain,content)`},
		"open":       {amqpOpens, `amqp.container="press-4"(amqp.open.container-id,content) amqp.version="0.39"(amqp.properties.version,identity) product="qpid-proton 0.39"(amqp.client.product,identity)`},
		"receiver":   {amqp1(0, amqpAttach, amqp1List(amqpStr("l"), "\x43", "\x41")), "subscribe=1"},
		"sender":     {amqp1(0, amqpAttach, amqp1List(amqpStr("l"), "\x43", "\x42")), ""},
		"transfer":   {amqp1(0, amqpTransfer, amqp1List("\x43")), "write=1"},
		"empty":      {[]byte("\x00\x00\x00\x08\x02\x00\x00\x00"), ""},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, amqpTalk(t).say(0, c.b), c.want) })
	}
	expectTold(t, amqpTalk(t).say(1, amqp1(0, amqpTransfer, amqp1List("\x43"))), "")
}

// A large body is passed over, not awaited.
func TestAMQPBulk(t *testing.T) {
	for _, b := range [][]byte{amqp0(amqpBody, 1, strings.Repeat("x", 90_000)), amqp1(0, amqpTransfer, strings.Repeat("x", 90_000))} {
		k := amqpTalk(t)
		if u, err := k.d.Dissect(k.message(0, b[:40]), &k.log); err != nil || u != len(b) {
			t.Errorf("used %d of %d, %v", u, len(b), err)
		}
	}
}

func TestAMQPIsNotAMQP(t *testing.T) {
	for name, b := range map[string][]byte{
		"version 2":          []byte("AMQP\x00\x02\x00\x00"),
		"no such method":     amqp0Method(1, 60, 13, ""),
		"no such class":      amqp0Method(1, 61, 10, ""),
		"log-on elsewhere":   amqp0Method(1, 10, 11, ""),
		"without its end":    append(amqp0Method(1, 60, 20, "")[:11], 0),
		"no such kind":       amqp0(4, 1, "abcdefgh"),
		"no performative":    amqp1(0, 0x20, "\x45"),
		"SASL in the open":   amqp1(0, amqpInit, "\x45"),
		"offset behind it":   []byte("\x00\x00\x00\x0b\x09\x00\x00\x00\x00\x53\x10"),
		"larger than agreed": []byte("\x7f\x00\x00\x0b\x02\x00\x00\x00\x00\x53\x10"),
	} {
		t.Run(name, func(t *testing.T) { amqpTalk(t).refused(0, b, ErrNotMine) })
		if matchAMQP(b) {
			t.Errorf("%s: the signature claims it", name)
		}
	}
	if at := (&amqp{generation: 9}).Resync(append([]byte("\x01\x00xyz"), amqpLogOn...)); at != 5 {
		t.Errorf("next frame at %d", at)
	}
}

func TestAMQPSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, amqpPort)
	r.open(a, b)
	r.tcp(a, b, []byte("AMQP\x00\x00\x09\x01"))
	r.tcp(b, a, amqpStarts)
	r.tcp(a, b, amqpLogOn)
	r.tcp(b, a, amqp0Method(0, 10, 30, "\x00\x00\x00\x02\x00\x00\x00\x3c"))
	r.tcp(a, b, append(amqp0Method(0, 10, 31, "\x00\x00\x00\x02\x00\x00\x00\x3c"), amqp0Method(0, 10, 40, "\x01/\x00\x00")...))
	r.tcp(b, a, amqp0Method(0, 10, 41, "\x00"))
	r.tcp(a, b, amqp0Method(1, 20, 10, "\x00"))
	r.tcp(b, a, amqp0Method(1, 20, 11, "\x00\x00\x00\x00"))
	r.tcp(a, b, amqp0Method(1, 60, 20, "\x00\x00\x05line4\x00\x00\x00\x00\x00\x00"))
	r.tcp(b, a, amqp0Method(1, 60, 21, "\x03tag"))
	body := amqp0(amqpContent, 1, "\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00")
	r.tcp(a, b, append(append(amqp0Method(1, 60, 40, "\x00\x00\x00\x05line4\x00"), body...), amqp0(amqpBody, 1, "run")...))
	r.tcp(b, a, append(append(amqp0Method(1, 60, 60, "\x03tag\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x05line4"), body...), amqp0(amqpBody, 1, "run")...))
	r.tcp(a, b, amqp0(amqpHeartbeat, 0, ""))
	a = madeAddr(3, 40002)
	r.open(a, b)
	r.tcp(a, b, []byte("AMQP\x03\x01\x00\x00"))
	r.tcp(b, a, append([]byte("AMQP\x03\x01\x00\x00"), amqp1(1, amqpMechanisms, amqp1List(amqpSym("PLAIN")))...))
	r.tcp(a, b, amqp1(1, amqpInit, amqp1List(amqpSym("PLAIN"), "\xa0\x0d\x00line4\x00secret")))
	r.tcp(b, a, amqp1(1, amqpOutcome, amqp1List("\x50\x00")))
	r.tcp(a, b, append([]byte("AMQP\x00\x01\x00\x00"), amqpOpens...))
	r.tcp(b, a, append([]byte("AMQP\x00\x01\x00\x00"), amqp1(0, amqpOpen, amqp1List(amqpStr("broker")))...))
	r.tcp(a, b, amqp1(0, 0x11, amqp1List("\x40", "\x43", "\x52\x08", "\x52\x08")))
	r.tcp(a, b, amqp1(0, amqpAttach, amqp1List(amqpStr("l"), "\x43", "\x42")))
	r.tcp(a, b, amqp1(0, amqpTransfer, amqp1List("\x43")+strings.Repeat("x", 40)))
	made(t, "amqp", "brokers", r)
}

func FuzzAMQP(f *testing.F) { fuzzDissector(f, "amqp", true) }
