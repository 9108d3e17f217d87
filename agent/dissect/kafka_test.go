package dissect

import (
	"encoding/binary"
	"strings"
	"testing"
)

func kafkaAsk(key, version uint16, correlation uint32, id, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(10+len(id)+len(body)))
	b = binary.BigEndian.AppendUint16(b, key)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, correlation)
	b = binary.BigEndian.AppendUint16(b, uint16(len(id)))
	return append(append(b, id...), body...)
}

func kafkaSay(correlation uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	return append(binary.BigEndian.AppendUint32(b, correlation), body...)
}

const kafkaSoftware = "\x00\x12apache-kafka-java\x063.6.1\x00"

func kafkaTalk(t *testing.T) *talk { return &talk{t: t, d: &kafka{}, port: 9999, stream: true} }

func TestKafka(t *testing.T) {
	id := ` kafka.client_id="line4"(kafka.request.client_id,content)`
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"produce":  {kafkaAsk(0, 9, 4, "line4", strings.Repeat("x", 50)), "client write=1" + id},
		"fetch":    {kafkaAsk(1, 12, 5, "line4", "x"), "client read=1" + id},
		"metadata": {kafkaAsk(3, 9, 6, "line4", "x"), "client diagnose=1" + id},
		"topics":   {kafkaAsk(19, 5, 7, "line4", "x"), "client configure=1" + id},
		"log-on":   {kafkaAsk(36, 2, 7, "line4", "x"), "client authenticate=1" + id},
		"beat":     {kafkaAsk(12, 4, 7, "line4", "x"), "client" + id},
		"versions": {kafkaAsk(18, 3, 0, "line4", kafkaSoftware), `client diagnose=1` + id + ` kafka.client_version="3.6.1"(kafka.api_versions.client_software_version,identity) product="apache-kafka-java 3.6.1"(kafka.api_versions.client_software_name,identity)`},
		"old":      {kafkaAsk(18, 0, 0, "", ""), "client diagnose=1"},
	} {
		t.Run(name, func(t *testing.T) {
			k := kafkaTalk(t)
			expectTold(t, k.say(0, c.b), c.want)
			expectTold(t, k.say(1, kafkaSay(binary.BigEndian.Uint32(c.b[8:]), "\x00\x00")), "server")
			if !matchKafka(c.b) {
				t.Error("the signature does not know it")
			}
		})
	}
}

func TestKafkaIsNotKafka(t *testing.T) {
	for name, b := range map[string][]byte{
		"key":              kafkaAsk(93, 0, 1, "line4", ""),
		"version":          kafkaAsk(0, 21, 1, "line4", ""),
		"correlation":      kafkaAsk(0, 1, 1<<31, "line4", ""),
		"shorter than it":  append([]byte("\x00\x00\x00\x09"), kafkaAsk(0, 1, 1, "", "")[4:]...),
		"identifier":       kafkaAsk(0, 1, 1, "li\x01e4", ""),
		"identifier > all": []byte("\x00\x00\x00\x0c\x00\x00\x00\x01\x00\x00\x00\x01\x00\x05line4"),
		"an answer alone":  kafkaSay(1, "\x00\x00\x00\x00\x00\x00\x00\x00"),
		"nameless":         kafkaAsk(3, 0, 1, "", "\x00\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			kafkaTalk(t).refused(0, b, ErrNotMine)
			if matchKafka(b) {
				t.Error("the signature claims it")
			}
		})
	}
	k := kafkaTalk(t)
	k.say(0, kafkaAsk(0, 1, 9, "line4", ""))
	k.refused(1, kafkaSay(1<<31, "x"), ErrMalformed)
	k.refused(1, []byte("\x00\x00\x00\x02\x00\x00\x00\x01"), ErrMalformed)
	k.refused(1, kafkaSay(9, "")[:6], ErrShort)
	if at := (&kafka{}).Resync(append([]byte("abc"), kafkaAsk(0, 1, 9, "line4", "")...)); at != 3 {
		t.Errorf("next request at %d", at)
	}
}

func TestKafkaSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 9092)
	r.open(a, b)
	r.tcp(a, b, kafkaAsk(18, 3, 0, "press-4", kafkaSoftware))
	r.tcp(b, a, kafkaSay(0, "\x00\x00\x02\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00"))
	r.tcp(a, b, kafkaAsk(3, 9, 1, "press-4", "\x00\x02\x06line4\x00\x01\x00\x00\x00"))
	r.tcp(b, a, kafkaSay(1, strings.Repeat("m", 60)))
	r.tcp(a, b, kafkaAsk(0, 9, 2, "press-4", strings.Repeat("p", 90)))
	r.tcp(b, a, kafkaSay(2, strings.Repeat("a", 30)))
	r.tcp(a, b, kafkaAsk(1, 12, 3, "press-4", strings.Repeat("f", 50)))
	r.tcp(b, a, kafkaSay(3, strings.Repeat("r", 200)))
	made(t, "kafka", "producer", r)
}

func FuzzKafka(f *testing.F) { fuzzDissector(f, "kafka", true) }
