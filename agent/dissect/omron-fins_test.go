package dissect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

// finsAsk is a command of node 1; finsTell the response of node 2.
func finsAsk(command uint16, text string) []byte {
	return append([]byte{0x80, 0, 2, 0, 2, 0, 0, 1, 0, 9, byte(command >> 8), byte(command)}, text...)
}

func finsTell(command uint16, text string) []byte {
	return append([]byte{0xc0, 0, 2, 0, 1, 0, 0, 2, 0, 9, byte(command >> 8), byte(command), 0, 0}, text...)
}

// finsFrom is a response of another node and unit.
func finsFrom(network, node, unit byte, command uint16, text string) []byte {
	b := finsTell(command, text)
	b[6], b[7], b[8] = network, node, unit
	return b
}

func finsOverTCP(command uint32, data []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("FINS"), uint32(8+len(data)))
	b = binary.BigEndian.AppendUint32(b, command)
	return append(append(b, 0, 0, 0, 0), data...)
}

func finsTalk(t testing.TB, stream bool) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &fins{}, port: finsPort, stream: stream}
}

const (
	finsData  = "RB2M-CPU33          04.10               "
	finsOne   = `omron-fins.address="0.1.0"(omron-fins.source_address,content)`
	finsTwo   = `omron-fins.address="0.2.0"(omron-fins.source_address,content)`
	finsModel = `model="RB2M-CPU33"(omron-fins.controller_data.model,identity) firmware="04.10"(omron-fins.controller_data.version,identity) vendor="OMRON"(omron-fins.controller_data,behaviour)`
)

func TestFINSIdentity(t *testing.T) {
	k := finsTalk(t, false)
	expectTold(t, k.say(0, finsAsk(finsControllerData, "")), "client diagnose=1 "+finsOne)
	expectTold(t, k.say(1, finsTell(finsControllerData, finsData)), "server "+finsTwo+" "+finsModel)
	failed := finsTell(finsControllerData, finsData)
	failed[12], failed[13] = 0x11, 0x0c
	expectTold(t, k.say(1, failed), "server "+finsTwo)
	k.say(0, finsAsk(finsConnectionData, "\x00"))
	expectTold(t, k.say(1, finsTell(finsConnectionData, "\x82\x10RB1W-ETN21          \x11RB1W-SCU41          \x12X")),
		"server "+finsTwo+` unit/16 model="RB1W-ETN21"(omron-fins.connection_data.model,identity) unit/17 model="RB1W-SCU41"(omron-fins.connection_data.model,identity)`)
}

func TestFINSBehindGateway(t *testing.T) {
	k := finsTalk(t, false)
	model := func(of string) string {
		return of + `model="RB2M-CPU33"(omron-fins.controller_data.model,identity) ` + of + `firmware="04.10"(omron-fins.controller_data.version,identity) ` + of + `vendor="OMRON"(omron-fins.controller_data,behaviour)`
	}
	at := func(of, address string) string {
		return of + `omron-fins.address="` + address + `"(omron-fins.source_address,content) `
	}
	k.say(0, finsAsk(finsControllerData, ""))
	// One node alone is the device, whatever number its network has.
	expectTold(t, k.say(1, finsFrom(3, 7, 0, finsControllerData, finsData)), "server "+at("", "3.7.0")+model(""))
	expectTold(t, k.say(1, finsFrom(4, 5, 0, finsControllerData, finsData)), "server "+at("network/4/node/5 ", "4.5.0")+model("network/4/node/5 "))
	expectTold(t, k.say(1, finsFrom(4, 5, 0x11, finsControllerData, finsData)), "server "+at("network/4/node/5/unit/17 ", "4.5.17")+model("network/4/node/5/unit/17 "))
	expectTold(t, k.say(1, finsFrom(0, 2, 0x11, finsControllerData, finsData)), "server "+at("unit/17 ", "0.2.17")+model("unit/17 "))
	// The node whose number its address ends in (10.0.0.2) is the gateway.
	expectTold(t, k.say(1, finsFrom(3, 2, 0, finsControllerData, finsData)), "server "+at("", "3.2.0")+model(""))
}

func TestFINSOperations(t *testing.T) {
	last := uint16(0)
	for _, c := range finsCommands {
		if c.code <= last {
			t.Errorf("%04x is out of order", c.code)
		}
		last = c.code
		k := finsTalk(t, false)
		want := fmt.Sprintf("client %s=1 %s", c.class, finsOne)
		expectTold(t, k.say(0, finsAsk(c.code, string(make([]byte, c.ask)))), want)
		k.say(1, finsTell(c.code, string(make([]byte, c.answered))))
		k = finsTalk(t, false) // answers alone
		want = fmt.Sprintf("server %s=1 %s", c.class, finsTwo)
		if got := k.say(1, finsTell(c.code, "")); got != want {
			t.Errorf("%04x answered: %s", c.code, got)
		}
	}
	k := finsTalk(t, false)
	expectTold(t, k.say(0, finsAsk(0x9999, "")), "client "+finsOne)
}

// TestFINSAnswersFromTheWrongPort: an answer that a server gives comes from the
// servers' port; one that goes there proves no direction.
func TestFINSAnswersFromTheWrongPort(t *testing.T) {
	k := finsTalk(t, false)
	expectTold(t, k.say(0, finsTell(0x0102, "")), "write=1 "+finsTwo)
}

func TestFINSIsNotFINS(t *testing.T) {
	ok := finsAsk(0x0101, "\x82\x00\x64\x00\x00\x02")
	if !matchFINS(ok) || !matchFINS(finsTell(0x0102, "")) {
		t.Fatal("the signature does not know FINS")
	}
	for name, change := range map[string]func(b []byte){
		"reserved bit":      func(b []byte) { b[0] |= 2 },
		"reserved octet":    func(b []byte) { b[1] = 1 },
		"hops":              func(b []byte) { b[2] = 8 },
		"network":           func(b []byte) { b[3] = 200 },
		"source network":    func(b []byte) { b[6] = 200 },
		"unit":              func(b []byte) { b[5] = 0x40 },
		"unknown command":   func(b []byte) { b[10] = 0x99 },
		"without gateway":   func(b []byte) { b[0] = 0 },
		"response too long": func(b []byte) { b[0], b[10], b[11], b[12], b[13] = 0xc0, 1, 1, 4, 1 },
	} {
		b := append([]byte{}, ok...)
		change(b)
		if matchFINS(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		k := finsTalk(t, false)
		k.port = 5000
		k.refused(0, b, ErrNotMine)
	}
	if matchFINS(ok[:len(ok)-1]) {
		t.Error("a command without its parameters was claimed")
	}
	finsTalk(t, true).refused(0, []byte("FINISHED"), ErrNotMine)
	finsTalk(t, true).refused(0, finsOverTCP(9, nil), ErrNotMine)
	finsTalk(t, true).refused(0, []byte("FINS\x00\x01\x00\x00"), ErrNotMine)
	finsTalk(t, true).refused(0, finsOverTCP(2, []byte("no frame at all")), ErrNotMine)
}

func TestFINSOverTCP(t *testing.T) {
	k := finsTalk(t, true)
	expectTold(t, k.say(0, finsOverTCP(finsClientNode, []byte{0, 0, 0, 0})), "client")
	expectTold(t, k.say(1, finsOverTCP(finsServerNode, []byte{0, 0, 0, 1, 0, 0, 0, 2})), "server")
	ask := finsOverTCP(finsFrameSend, finsAsk(finsControllerData, ""))
	for n := 1; n < len(ask); n++ {
		k.refused(0, ask[:n], ErrShort)
	}
	expectTold(t, k.say(0, ask), "client diagnose=1 "+finsOne)
	expectTold(t, k.say(1, finsOverTCP(finsFrameSend, finsTell(finsControllerData, finsData))), "server "+finsTwo+" "+finsModel)
	k.refused(0, []byte("GET / HTTP/1.1"), ErrMalformed)

	m := k.message(1, finsOverTCP(finsFrameSend, finsTell(finsControllerData, finsData))[:16+14+30])
	m.Cut = true
	if k.log.reset(); true {
		if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) {
			t.Fatal(err)
		}
	}
	expectTold(t, told2text(&k.log), "server "+finsTwo+` model="RB2M-CPU33"(omron-fins.controller_data.model,identity)`)

	if at := (&fins{}).Resync(append([]byte("xxFINSyy"), ask...)); at != 8 {
		t.Errorf("next message at %d", at)
	}
	if at := (&fins{}).Resync([]byte("FINS")); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestFINSTrialKeepsNothing(t *testing.T) {
	k := finsTalk(t, true)
	m := k.message(0, finsOverTCP(finsFrameSend, finsAsk(0x0101, "\x82\x00\x64\x00\x00\x02")))
	m.Trial = true
	if _, err := k.d.Dissect(m, &k.log); err != nil {
		t.Fatal(err)
	}
	if d := k.d.(*fins); d.claimed || d.sides.set || d.seen {
		t.Error("a trial left something behind")
	}
}

func TestFINSAllocatesNothing(t *testing.T) {
	k := finsTalk(t, false)
	ask, answer := k.message(0, finsAsk(finsConnectionData, "\x00")), k.message(1, finsTell(finsConnectionData, "\x82\x10RB1W-ETN21          \x11RB1W-SCU41          "))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkFINS(b *testing.B) {
	k := finsTalk(b, false)
	ask, answer := k.message(0, finsAsk(0x0101, "\x82\x00\x64\x00\x00\x02")), k.message(1, finsTell(0x0101, "\x00\x01\x00\x02"))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}
}

func FuzzFINS(f *testing.F) { fuzzDissector(f, "omron-fins", false) }

func FuzzFINSOverTCP(f *testing.F) { fuzzDissector(f, "omron-fins", true) }
