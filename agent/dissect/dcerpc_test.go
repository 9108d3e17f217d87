package dissect

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf16"

	"demarc/internal/ot"
	"demarc/internal/tables"
)

func FuzzDCERPC(f *testing.F) { fuzzDissector(f, "dcerpc", true) }

// FuzzDCERPCDatagram reads what comes over UDP.
func FuzzDCERPCDatagram(f *testing.F) { fuzzDissector(f, "dcerpc", false) }

const (
	uuidMapper    = "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
	uuidResolver  = "99fcfec4-5260-101b-bbcb-00aa0021347a"
	uuidActivator = "000001a0-0000-0000-c000-000000000046"
	uuidService   = "367abb81-9844-35f1-ad32-98f038001003"
	uuidPNIO      = "dea00001-6c97-11d1-8271-00a02442df7d"
)

// rpcBytes builds a fragment in little-endian order; a trailer is what follows
// the body with its eight bytes.
func rpcBytes(kind, flags byte, call uint32, body, trailer string) []byte {
	b := []byte{5, 0, kind, flags, 0x10, 0, 0, 0}
	b = binary.LittleEndian.AppendUint16(b, uint16(rpcHeader+len(body)+len(trailer)))
	b = binary.LittleEndian.AppendUint16(b, uint16(max(0, len(trailer)-rpcTrailer)))
	b = binary.LittleEndian.AppendUint32(b, call)
	return append(b, body+trailer...)
}

// wireUUID is the little-endian form of a UUID.
func wireUUID(text string) string {
	b, _ := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	for _, r := range [][2]int{{0, 3}, {1, 2}, {4, 5}, {6, 7}} {
		b[r[0]], b[r[1]] = b[r[1]], b[r[0]]
	}
	return string(b)
}

func le16(v ...uint16) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint16(b, x)
	}
	return string(b)
}

func le32(v ...uint32) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return string(b)
}

// utf16le is text with its NUL.
func utf16le(s string) string { return le16(utf16.Encode([]rune(s))...) }

func rpcBindBody(uuids ...string) string {
	body := le16(4280, 4280) + le32(0) + string([]byte{byte(len(uuids)), 0, 0, 0})
	for i, u := range uuids {
		body += le16(uint16(i)) + "\x01\x00" + wireUUID(u) + le32(1) + strings.Repeat("n", 20)
	}
	return body
}

func rpcAckBody(results ...uint16) string {
	body := le16(4280, 4280) + le32(77) + le16(4) + "135\x00" + "\x00\x00" + string([]byte{byte(len(results)), 0, 0, 0})
	for _, r := range results {
		body += le16(r, 0) + strings.Repeat("n", 20)
	}
	return body
}

func rpcAsk(call uint32, context, opnum uint16, stub string) []byte {
	return rpcBytes(rpcRequest, 3, call, le32(uint32(len(stub)))+le16(context, opnum)+stub, "")
}

func rpcTell(call uint32, context uint16, stub string) []byte {
	return rpcBytes(rpcResponse, 3, call, le32(uint32(len(stub)))+le16(context, 0)+stub, "")
}

// rpcDatagram builds a datagram, big endian.
func rpcDatagram(kind byte, uuid string, opnum uint16, stub string) []byte {
	b := append([]byte{4, kind, 0x20, 0, 0, 0, 0, 0}, make([]byte, 16)...)
	raw, _ := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	b = append(append(b, raw...), strings.Repeat("a", 16)...)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint16(b, opnum)
	b = append(b, 0xff, 0xff, 0xff, 0xff)
	b = binary.BigEndian.AppendUint16(b, uint16(len(stub)))
	return append(b, "\x00\x00\x00\x00"+stub...)
}

// tower builds a protocol tower over IP.
func tower(uuid string, over byte, port uint16) string {
	floor := func(left, right string) string {
		return le16(uint16(len(left))) + left + le16(uint16(len(right))) + right
	}
	return le16(5) + floor("\x0d"+wireUUID(uuid)+le16(2), le16(0)) + floor("\x0d"+strings.Repeat("n", 18), le16(0)) +
		floor("\x0b", le16(0)) + floor(string([]byte{over}), string([]byte{byte(port >> 8), byte(port)})) + floor("\x09", "\x00\x00\x00\x00")
}

func rpcTalk(t *testing.T, port uint16) *talk {
	return &talk{t: t, d: &dcerpc{}, port: port, stream: true}
}

func TestRPCInterfacesAreToldWhenAccepted(t *testing.T) {
	k := rpcTalk(t, 49152)
	expectTold(t, k.say(0, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidService, uuidActivator), "")), "client")
	expectTold(t, k.say(1, rpcBytes(rpcBindAck, 3, 1, rpcAckBody(0, 2), "")),
		`server dcerpc.interface="MS-SCMR (service control)"(dcerpc.bind_ack,content)`)
	expectTold(t, k.say(0, rpcBytes(rpcAlter, 3, 2, le16(4280, 4280)+le32(0)+"\x01\x00\x00\x00"+le16(9)+"\x01\x00"+wireUUID(uuidResolver)+le32(0)+strings.Repeat("n", 20), "")), "client")
	expectTold(t, k.say(1, rpcBytes(rpcAlterAck, 3, 2, rpcAckBody(0), "")),
		`server dcerpc.interface="MS-DCOM (object exporter)"(dcerpc.bind_ack,content)`)
}

func TestRPCCarriesItsInterface(t *testing.T) {
	k := chat{rpcTalk(t, 49152)}
	k.talk.say(0, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidService), ""))
	ask := rpcAsk(2, 0, 15, "stub")
	k.talk.say(0, ask)
	if tag, b := payload(&k.log); tag != rpcUUID(uuidService) || string(b) != string(ask) {
		t.Errorf("carried %x % x", tag, b)
	}
	k.talk.say(1, rpcTell(2, 0, "answer"))
	tag, b := payload(&k.log)
	if p, ok := readRPC(b); tag != rpcUUID(uuidService) || !ok || string(p.stub) != "answer" {
		t.Errorf("carried %x % x", tag, b)
	}
	k.talk.say(0, rpcAsk(3, 7, 15, "no such context"))
	if _, b := payload(&k.log); b != nil {
		t.Errorf("an unknown context carries % x", b)
	}
}

func TestRPCFromTheMiddleKnowsTheAnnouncedInterface(t *testing.T) {
	k := rpcTalk(t, 49152)
	m := k.message(0, rpcAsk(2, 0, 15, "stub"))
	m.Tag = 4711
	if _, err := k.d.Dissect(m, &k.log); err != nil {
		t.Fatal(err)
	}
	if tag, _ := payload(&k.log); tag != 4711 {
		t.Errorf("carried %x", tag)
	}
}

func TestRPCSealedIsNotCarried(t *testing.T) {
	trailer := func(level byte) string { return "\x0a" + string([]byte{level}) + "\x00\x00" + le32(1) + "NTLMSSP\x00" }
	for level, want := range map[byte]ot.SecurityMode{2: ot.SecurityNone, rpcLevelSign: ot.Sign, rpcLevelSealed: ot.SignAndEncrypt} {
		k := rpcTalk(t, 49152)
		expectTold(t, k.say(0, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidMapper), trailer(level))), "client authenticate=1")
		if got, ok := security(&k.log); !ok || got.Mode != want {
			t.Errorf("level %d: %v", level, got.Mode)
		}
		k.say(0, rpcAsk(2, 0, 3, "ciphertext?"))
		if tag, _ := payload(&k.log); (tag != 0) == (want == ot.SignAndEncrypt) {
			t.Errorf("level %d: carried %x", level, tag)
		}
	}
}

func TestEndpointMapperAnnouncesPorts(t *testing.T) {
	k := rpcTalk(t, 135)
	k.say(0, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidMapper), ""))
	expectTold(t, k.say(0, rpcAsk(2, 0, 3, "which port?")), "client diagnose=1 payload "+utoa(rpcMapper))
	stub := strings.Repeat("h", 20) + le32(2, 4, 0, 2, 3, 4, 75, 75) + tower(uuidService, rpcOverTCP, 49664) + "\x00" + le32(75, 75) + tower(uuidService, 0x0f, 1) + le32(0)
	expectTold(t, k.say(1, rpcTell(2, 0, stub)),
		"server expect 10.0.0.2:49664 10.0.0.1:0 dcerpc "+hex64(rpcUUID(uuidService))+" payload "+utoa(rpcMapper))
}

func utoa(v uint64) string { var s scratch; return string(s.uint(v)) }

func hex64(v uint64) string {
	return strings.TrimLeft(hex.EncodeToString(binary.BigEndian.AppendUint64(nil, v)), "0")
}

func TestDCOMBindings(t *testing.T) {
	k := rpcTalk(t, 135)
	k.say(0, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidResolver, uuidActivator), ""))
	k.say(0, rpcAsk(2, 0, rpcServerAlive2, ""))
	array := func(bindings ...string) string {
		all := ""
		for _, b := range bindings {
			all += le16(rpcOverTCP) + utf16le(b+"\x00")
		}
		return le32(0x20000, 100) + le16(60, 50) + all + le16(0, 10, 0xffff, 0, 0)
	}
	suffix := " payload " + utoa(rpcResolver)
	expectTold(t, k.say(1, rpcTell(2, 0, le16(5, 7)+array("OPC-L4", "10.20.4.40", "fe80::1"))), `server name="OPC-L4"(dcom.server_alive2,identity)`+suffix)
	k.say(0, rpcAsk(3, 1, 4, "activate"))
	suffix = " payload " + utoa(rpcActivator)
	expectTold(t, k.say(1, rpcTell(3, 1, array("OPC-L4[49700]", "10.20.4.40[49700]", "broken[70000]", "[1"))),
		"server expect 10.0.0.2:49700 10.0.0.1:0 dcerpc 0 expect 10.0.0.2:49700 10.0.0.1:0 dcerpc 0"+suffix)
}

func TestRPCDatagrams(t *testing.T) {
	k := &talk{t: t, d: &dcerpc{}, port: 34964}
	carried := " payload " + utoa(rpcUUID(uuidPNIO))
	expectTold(t, k.say(0, rpcDatagram(rpcRequest, uuidPNIO, 2, "read")), "client"+carried)
	expectTold(t, k.say(1, rpcDatagram(rpcResponse, uuidPNIO, 2, "answer")),
		`server dcerpc.interface="PROFINET (IO device)"(dcerpc.response,content)`+carried)
	expectTold(t, k.say(1, rpcDatagram(rpcRequest, "333a2276-0000-0000-0d00-00809c000000", 0, "who")), "payload "+utoa(rpcConversation)) // a server asks back
	p, ok := readRPC(rpcDatagram(rpcRequest, uuidPNIO, 2, "read"))
	if !ok || p.opnum != 2 || string(p.stub) != "read" || p.little {
		t.Errorf("%+v", p)
	}
	k.refused(0, rpcDatagram(rpcRequest, uuidPNIO, 2, "read")[:82], ErrMalformed)
}

func TestRPCRefuses(t *testing.T) {
	good := rpcAsk(1, 0, 0, "stub")
	for name, change := range map[string]func(b []byte) []byte{
		"version 6":           func(b []byte) []byte { b[0] = 6; return b },
		"minor version 2":     func(b []byte) []byte { b[1] = 2; return b },
		"a datagram's type":   func(b []byte) []byte { b[2] = rpcPing; return b },
		"no byte order":       func(b []byte) []byte { b[4] = 0x20; return b },
		"reserved":            func(b []byte) []byte { b[6] = 1; return b },
		"shorter than itself": func(b []byte) []byte { b[8] = 15; return b },
		"a token too long":    func(b []byte) []byte { b[10] = 200; return b },
		"SOCKS":               func([]byte) []byte { return []byte("\x05\x01\x00\x05\x01\x00\x03\x0bexample.org") },
	} {
		b := change(append([]byte{}, good...))
		k := rpcTalk(t, 1080)
		t.Run(name, func(t *testing.T) { k.t = t; k.refused(0, b, ErrNotMine) })
		if matchRPC(b) {
			t.Errorf("%s: matches", name)
		}
	}
}

// Two interfaces whose folded UUIDs are the same could not be told apart.
func TestRPCNames(t *testing.T) {
	n := 0
	for uuid := range tables.RPCInterfaces.Rows {
		n++
		if rpcUUID(uuid) == 0 {
			t.Errorf("%s is no UUID", uuid)
		}
	}
	if n < 50 || len(rpcNames()) != n || string(rpcNames()[rpcUUID(uuidMapper)]) != "C706 (endpoint mapper)" {
		t.Errorf("%d names of %d interfaces", len(rpcNames()), n)
	}
}

func TestRPCSamples(t *testing.T) {
	client, server := madeAddr(1, 49800), madeAddr(2, 135)
	r := newReel()
	r.open(client, server)
	r.tcp(client, server, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidResolver), ""))
	r.tcp(server, client, rpcBytes(rpcBindAck, 3, 1, rpcAckBody(0), ""))
	r.tcp(client, server, rpcAsk(1, 0, rpcServerAlive2, ""))
	bindings := func(port string) string {
		return le32(0x20000, 40) + le16(40, 34) + le16(7) + utf16le("OPC-L4"+port+"\x00") + le16(7) + utf16le("192.0.2.2"+port+"\x00") + le16(0, 10, 0xffff, 0, 0)
	}
	r.tcp(server, client, rpcTell(1, 0, le16(5, 7)+bindings("")+le32(0, 0)))
	r.tcp(client, server, rpcBytes(rpcAlter, 3, 2, le16(4280, 4280)+le32(0)+"\x01\x00\x00\x00"+le16(1)+"\x01\x00"+wireUUID(uuidActivator)+le32(0)+strings.Repeat("n", 20), ""))
	r.tcp(server, client, rpcBytes(rpcAlterAck, 3, 2, rpcAckBody(0), ""))
	r.tcp(client, server, rpcAsk(2, 1, 4, strings.Repeat("p", 60)))
	r.tcp(server, client, rpcTell(2, 1, strings.Repeat("\x00", 16)+bindings("[49700]")+le32(0)))
	from, to := madeAddr(1, 49801), madeAddr(2, 49700)
	const uuidRemUnknown = "00000131-0000-0000-c000-000000000046"
	r.open(from, to)
	r.tcp(from, to, rpcBytes(rpcBind, 3, 1, rpcBindBody(uuidRemUnknown), ""))
	r.tcp(to, from, rpcBytes(rpcBindAck, 3, 1, rpcAckBody(0), ""))
	r.tcp(from, to, rpcBytes(rpcRequest, 0x83, 2, le32(40)+le16(0, 3)+wireUUID(uuidRemUnknown)+strings.Repeat("q", 40), ""))
	r.tcp(to, from, rpcTell(2, 0, strings.Repeat("v", 48)))
	made(t, "dcerpc", "dcom", r)

	r = newReel()
	ask, answer := netip.AddrPortFrom(madeAddr(1, 0).Addr(), 49900), madeAddr(2, 135)
	r.udp(ask, answer, rpcDatagram(rpcRequest, uuidMapper, 2, strings.Repeat("l", 76)))
	r.udp(answer, ask, rpcDatagram(rpcResponse, uuidMapper, 2, strings.Repeat("h", 20)+le32(1, 0, 0, 1)+tower(uuidPNIO, rpcOverUDP, 34964)+le32(0)))
	made(t, "dcerpc", "datagram", r)
}
