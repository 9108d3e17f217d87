package dissect

import (
	"strings"
	"testing"
)

const (
	hl7Order = "\x0bMSH|^~\\&|LIS^1|LAB 2|MES|HALL 4|202601010000||ORU^R01|77|P|2.5.1\r"
	hl7Rest  = "PID|1||x\rOBX|1|NM|y\r\x1c\r"
	hl7Ack   = "\x0bMSH|^~\\&|MES|HALL 4|LIS|LAB 2|202601010000||ACK|78|P|2.5.1\r"
)

func TestHL7(t *testing.T) {
	k := &talk{t: t, d: &hl7{}, stream: true}
	k.log.reset()
	used, err := k.d.Dissect(k.message(0, []byte(hl7Order+hl7Rest)), &k.log)
	if err != nil || used != len(hl7Order) {
		t.Fatalf("used %d, %v", used, err)
	}
	expectTold(t, told2text(&k.log), `client write=1 hl7.application="LIS"(hl7.msh.sending_application,content) hl7.facility="LAB 2"(hl7.msh.sending_facility,content) receiverhl7.application="MES"(hl7.msh.receiving_application,content) receiverhl7.facility="HALL 4"(hl7.msh.receiving_facility,content) hl7.version="2.5.1"(hl7.msh.version,content)`)
	expectTold(t, k.say(0, []byte("PID|1||x\r")), "")
	k.refused(0, []byte("\x1c"), ErrShort)
	expectTold(t, k.say(0, []byte("\x1c\r")), "")
	if got := k.say(1, []byte(hl7Ack)); !strings.HasPrefix(got, "server hl7.application") {
		t.Error(got)
	}
	k = &talk{t: t, d: &hl7{}, stream: true}
	if got := k.say(0, []byte(strings.Replace(hl7Order, "ORU^R01", "QBP^Q11", 1))); !strings.HasPrefix(got, "client read=1 ") {
		t.Error(got)
	}
	for n := 1; n < len(hl7Order); n++ {
		(&talk{t: t, d: &hl7{}, stream: true}).refused(0, []byte(hl7Order[:n]), ErrShort)
	}
	for name, b := range map[string]string{
		"no block": hl7Order[1:],
		"encoding": strings.Replace(hl7Order, "^~\\&", "^", 1),
		"no type":  strings.Replace(hl7Order, "ORU^R01", "", 1),
		"long":     "\x0bMSH|" + strings.Repeat("x", maxHL7MSH) + "\r",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &hl7{}, stream: true}).refused(0, []byte(b), ErrNotMine) })
	}
}

func TestHL7Sample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 2575)
	r.open(a, b)
	r.tcp(a, b, []byte(hl7Order+hl7Rest))
	r.tcp(b, a, []byte(hl7Ack+"MSA|AA|77\r\x1c\r"))
	r.tcp(a, b, []byte(hl7Order+hl7Rest))
	r.tcp(b, a, []byte(hl7Ack+"MSA|AA|77\r\x1c\r"))
	made(t, "hl7", "results", r)
}

func FuzzHL7(f *testing.F) { fuzzDissector(f, "hl7", true) }
