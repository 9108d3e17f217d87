package dissect

import (
	"slices"
	"strings"
	"testing"

	"demarc/agent/decode"
)

const (
	uuidOPCServer   = "39c13a4d-011e-11d0-9675-0020afd8adb3"
	uuidOPCSyncIO   = "39c13a52-011e-11d0-9675-0020afd8adb3"
	uuidOPCItems    = "39c13a54-011e-11d0-9675-0020afd8adb3"
	uuidOPCCallback = "39c13a70-011e-11d0-9675-0020afd8adb3"
	uuidOPCCommon   = "f31dfde2-07b6-11d2-b2d8-0060083ba1fb"
	uuidOPCEvents   = "65168851-5783-11d1-84a0-00608cb8a7e9"
)

func opcText(s string) string {
	n := uint32(len(s) + 1)
	return le32(n, 0, n) + utf16le(s+"\x00")
}

// opcStatus is the answer to GetStatus.
func opcStatus(counts int, words string) string {
	return strings.Repeat("\x00", opcThat) + le32(0x20000) + strings.Repeat("t", 24) + le32(1) + strings.Repeat("\x01\x00\x00\x00", counts) +
		le16(6, 9, 572, 0) + le32(0x20004) + opcText(words)
}

// opcTalk gives fragments as the carrier does, all of one interface.
type opcTalk struct { // with the carrier's tag
	*talk
	tag uint64
}

func newOPCTalk(t testing.TB, uuid string) opcTalk {
	tt, _ := t.(*testing.T)
	k := opcTalk{&talk{t: tt, port: 49700}, rpcUUID(uuid)}
	d := &opcDA{}
	k.d = does2(func(m *Message, out Out) (int, error) { m.Tag = k.tag; return d.Dissect(m, out) })
	return k
}

// does2 is a dissector made of a function.
type does2 func(m *Message, out Out) (int, error)

func (f does2) Dissect(m *Message, out Out) (int, error) { return f(m, out) }

func TestOPCIdentity(t *testing.T) {
	facts := `product="ACME OPC Server"(opc-da.get_status.vendor_info,identity) firmware="6.9.572"(opc-da.get_status.version,identity)`
	k := newOPCTalk(t, uuidOPCServer)
	expectTold(t, k.say(1, rpcTell(1, 0, opcStatus(2, "ACME OPC Server"))), "") // nobody asked
	expectTold(t, k.say(0, rpcAsk(1, 0, opcDAStatus, strings.Repeat("\x00", opcThis))), "diagnose=1")
	expectTold(t, k.say(1, rpcTell(1, 0, opcStatus(2, "ACME OPC Server"))), facts)
	expectTold(t, k.say(1, rpcTell(1, 0, opcStatus(2, "ACME OPC Server")[:60])), "")
	k = newOPCTalk(t, uuidOPCEvents)
	expectTold(t, k.say(0, rpcAsk(1, 0, opcAEStatus, strings.Repeat("\x00", opcThis))), "diagnose=1")
	expectTold(t, k.say(1, rpcTell(1, 0, opcStatus(0, "ACME OPC Server"))), facts)
	k = newOPCTalk(t, uuidOPCCommon)
	expectTold(t, k.say(0, rpcAsk(1, 0, opcSetClientName, strings.Repeat("\x00", opcThis)+opcText("historian-4"))), `opc-da.client_name="historian-4"(opc-da.set_client_name,content)`)
}

func TestOPCOperations(t *testing.T) {
	for _, c := range []struct {
		uuid  string
		opnum uint16
		want  string
	}{
		{uuidOPCSyncIO, 3, "read=1"},
		{uuidOPCSyncIO, 4, "write=1"},
		{uuidOPCItems, 3, "subscribe=1"},
		{uuidOPCItems, 99, "diagnose=1"},
		{uuidOPCServer, 3, "subscribe=1"},
		{uuidOPCServer, 7, ""},
		{uuidOPCServer, 1, ""},
		{uuidOPCCommon, 3, "configure=1"},
	} {
		expectTold(t, newOPCTalk(t, c.uuid).say(0, rpcAsk(1, 0, c.opnum, "")), c.want)
	}
	for tag, f := range opcFaces {
		if tag == 0 || f.operations == "" || strings.Trim(f.operations, "rwcsad-") != "" {
			t.Errorf("interface %x: %q", tag, f.operations)
		}
	}
}

func TestOPCIsNotOPC(t *testing.T) {
	for stub, want := range map[string]bool{opcThisZero: true, opcThisZero[:31]: false, strings.Repeat("p", 40): false} {
		if matchORPC(rpcAsk(1, 0, 3, stub)) != want {
			t.Errorf("%q: the signature says otherwise than %v", stub, want)
		}
	}
	newOPCTalk(t, uuidMapper).refused(0, rpcAsk(1, 0, 3, ""), ErrNotMine)
	newOPCTalk(t, uuidOPCServer).refused(0, []byte("no fragment"), ErrNotMine)
	newOPCTalk(t, uuidOPCServer).refused(0, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidOPCServer), ""), ErrNotMine)
	newOPCTalk(t, uuidOPCCallback).refused(0, rpcAsk(1, 0, 3, ""), ErrNotMine) // the client of OPC would pass for its server
}

// opcDatagram is a call over the connectionless protocol, in little-endian
// order (C706 12.5.1).
func opcDatagram(kind byte, uuid string, seq uint32, opnum uint16, stub string) []byte {
	b := []byte{4, kind, 0x08, 0, 0x10, 0, 0, 0}
	b = append(b, make([]byte, 16)...)
	return append(b, wireUUID(uuid)+strings.Repeat("a", 16)+le32(1, 0, seq)+le16(opnum, 0xffff, 0xffff, uint16(len(stub)), 0, 0)+stub...)
}

// opcSession is what a client of OPC says: interface, operation, parameters,
// answer.
var opcSession = []struct {
	uuid      string
	opnum     uint16
	ask, tell string
}{
	{uuidOPCCommon, opcSetClientName, opcThisZero + opcText("historian-4"), strings.Repeat("\x00", 12)},
	{uuidOPCServer, opcDAStatus, opcThisZero, opcStatus(2, "ACME OPC Server")},
	{uuidOPCServer, 3, opcThisZero, strings.Repeat("\x00", 40)},
	{uuidOPCItems, 3, opcThisZero, strings.Repeat("\x00", 40)},
	{uuidOPCSyncIO, 3, opcThisZero, strings.Repeat("\x00", 40)},
	{uuidOPCSyncIO, 4, opcThisZero, strings.Repeat("\x00", 40)},
}

var opcThisZero = le16(5, 7) + strings.Repeat("\x00", opcThis-4)

// Over TCP the interfaces are in the bind, and what is known without it is only
// that it is DCE/RPC; each datagram names its own.
func TestOPCSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 1050), madeAddr(2, 1051)
	for i, x := range opcSession {
		r.udp(a, b, opcDatagram(rpcRequest, x.uuid, uint32(i), x.opnum, x.ask))
		r.udp(b, a, opcDatagram(rpcResponse, x.uuid, uint32(i), x.opnum, x.tell))
	}
	made(t, "opc-da", "datagrams", r)
}

func TestOPCOverTCP(t *testing.T) {
	r := newRig(t, Protocols())
	r.packet(0, decode.SYN, r.seq[0]-1, nil)
	r.packet(1, decode.SYN|decode.ACK, r.seq[1]-1, nil)
	contexts := []string{uuidOPCServer, uuidOPCCommon, uuidOPCItems, uuidOPCSyncIO}
	r.send(0, string(rpcBytes(rpcBind, 3, 1, rpcBindBody(contexts...), "")))
	r.send(1, string(rpcBytes(rpcBindAck, 3, 1, rpcAckBody(0, 0, 0, 0), "")))
	for i, x := range opcSession {
		context := uint16(slices.Index(contexts, x.uuid))
		r.send(0, string(rpcAsk(uint32(i+2), context, x.opnum, x.ask)))
		r.send(1, string(rpcTell(uint32(i+2), context, x.tell)))
	}
	got := r.result()
	for _, want := range []string{
		"tcp/7 opc-da directed [read=1 write=1 subscribe=2 diagnose=1]", `fact 10.0.0.2 product="ACME OPC Server"`, `fact 10.0.0.1 opc-da.client_name="historian-4"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
}

func TestOPCAllocatesNothing(t *testing.T) {
	d := &opcDA{}
	k := &talk{d: d, port: 49700}
	ask, answer := k.message(0, rpcAsk(1, 0, opcDAStatus, "")), k.message(1, rpcTell(1, 0, opcStatus(2, "ACME OPC Server")))
	ask.Tag, answer.Tag = opcServer, opcServer
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = d.Dissect(ask, &k.log)
		_, _ = d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzOPC(f *testing.F) {
	f.Add(rpcTell(1, 0, opcStatus(2, "ACME OPC Server")))
	f.Add(rpcAsk(1, 0, opcSetClientName, strings.Repeat("\x00", opcThis)+opcText("historian-4")))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, tag := range []uint64{opcServer, opcCommon, opcEvents} {
			d := &opcDA{calls: [8]opcCall{{1, tag, opcDAStatus}, {1, tag, opcAEStatus}}}
			walk(t, does2(func(m *Message, out Out) (int, error) { m.Tag = tag; return d.Dissect(m, out) }), b, 49700, false)
		}
	})
}
