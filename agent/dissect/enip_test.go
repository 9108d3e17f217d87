package dissect

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// encap puts an encapsulation header before a body.
func encap(command uint16, session uint32, context uint64, body []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, command)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(body)))
	b = binary.LittleEndian.AppendUint32(b, session)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, context)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return append(b, body...)
}

// items is a Common Packet Format list of (type, data) pairs.
func items(all ...any) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(all)/2))
	for i := 0; i < len(all); i += 2 {
		data := all[i+1].([]byte)
		b = binary.LittleEndian.AppendUint16(b, uint16(all[i].(int)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
		b = append(b, data...)
	}
	return b
}

// rr is a SendRRData with an unconnected message and further items.
func rr(context uint64, cip []byte, more ...any) []byte {
	all := append([]any{cpfNull, []byte{}, cpfUnconnectedData, cip}, more...)
	return encap(enipSendRRData, 7, context, append(make([]byte, 6), items(all...)...))
}

// unit is a SendUnitData on a connection.
func unit(connection uint32, sequence uint16, cip []byte) []byte {
	data := append(binary.LittleEndian.AppendUint16(nil, sequence), cip...)
	return encap(enipSendUnitData, 7, 0, append(make([]byte, 6), items(
		cpfConnectedAddress, binary.LittleEndian.AppendUint32(nil, connection), cpfConnectedData, data)...))
}

// ask is a request to a path given in hexadecimal.
func ask(service byte, path string, data ...byte) []byte {
	p := unhex(path)
	return append(append([]byte{service, byte(len(p) / 2)}, p...), data...)
}

// tell is a successful reply.
func tell(service byte, data ...byte) []byte {
	return append([]byte{service | cipReply, 0, 0, 0}, data...)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// wrapped is an Unconnected Send of a request along a route.
func wrapped(inner []byte, route string) []byte {
	r := unhex(route)
	b := ask(serviceUnconnectedSend, "20062401", 5, 157, byte(len(inner)), 0)
	b = append(b, inner...)
	if len(inner)%2 == 1 {
		b = append(b, 0)
	}
	return append(append(b, byte(len(r)/2), 0), r...)
}

const identityPath = "20012401"

var (
	identityData = append(unhex("0100 0e00 3600 1014 6031 3f825100"), "\x181756-L61/B LOGIX5561  \x00\x00"...)
	identityFact = func(who, grade string) string {
		var all []string
		for _, f := range []string{
			`cip.vendor_id="1"(cip.identity.vendor_id`, `vendor="Rockwell Automation"(cip.identity.vendor_id`,
			`cip.device_type="14"(cip.identity.device_type`, `device_type="Programmable Logic Controller"(cip.identity.device_type`,
			`cip.product_code="54"(cip.identity.product_code`, `firmware="16.20"(cip.identity.revision`, `cip.revision="0x1014"(cip.identity.revision`, `cip.status="3160"(cip.identity.status`,
			`serial="0051823F"(cip.identity.serial_number`, `product="1756-L61/B LOGIX5561"(cip.identity.product_name`,
		} {
			all = append(all, who+f+","+grade+")")
		}
		return strings.Join(all, " ")
	}
)

func enipTalk(t *testing.T) *talk { return &talk{t: t, d: &enip{}, port: 44818, stream: true} }

func TestENIPSession(t *testing.T) {
	k := enipTalk(t)
	k.port = 50000 // no hint
	version := []byte{1, 0, 0, 0}
	expectTold(t, k.say(0, encap(enipRegisterSession, 0, 0, version)), "client")
	expectTold(t, k.say(1, encap(enipRegisterSession, 7, 0, version)), "server")
	expectTold(t, k.say(0, rr(1, ask(serviceGetSingle, "20042465 3003"))), "client read=1")
	expectTold(t, k.say(1, rr(1, tell(serviceGetSingle, 1, 2))), "server")
	expectTold(t, k.say(0, encap(enipUnRegisterSession, 7, 0, nil)), "")
	expectTold(t, k.say(0, encap(enipNOP, 0, 0, nil)), "")
	k.refused(0, unhex("160301020001000100fc0303"+strings.Repeat("ab", 20)), ErrMalformed)
}

func TestENIPListIdentity(t *testing.T) {
	k := enipTalk(t)
	k.stream = false
	expectTold(t, k.say(0, encap(enipListIdentity, 0, 0, nil)), "client diagnose=1")
	item := append(unhex("0100 0002af120a0000020000000000000000"), identityData...)
	got := k.say(1, encap(enipListIdentity, 0, 0, items(cpfIdentity, append(item, 3))))
	want := strings.ReplaceAll(identityFact("", "identity"), "cip.identity", "enip.list_identity")
	expectTold(t, got, "server "+want+` cip.state="operational"(enip.list_identity.state,identity)`)
}

func TestENIPIdentityObject(t *testing.T) {
	k := enipTalk(t)
	expectTold(t, k.say(0, rr(9, ask(serviceGetAll, identityPath))), "client diagnose=1")
	expectTold(t, k.say(1, rr(8, tell(serviceGetAll, identityData...))), "server") // another's answer
	expectTold(t, k.say(1, rr(9, tell(serviceGetAll, identityData...))), "server "+identityFact("", "identity"))

	k.say(0, rr(9, ask(serviceGetSingle, identityPath+"3006")))
	expectTold(t, k.say(1, rr(9, tell(serviceGetSingle, 0x3f, 0x82, 0x51, 0))), `server serial="0051823F"(cip.identity.serial_number,identity)`)
	k.say(0, rr(9, ask(serviceGetSingle, "20042465 3007"))) // the same key, another object
	expectTold(t, k.say(1, rr(9, tell(serviceGetSingle, 0x3f, 0x82, 0x51, 0))), `server`)

	k.say(0, rr(9, ask(serviceGetList, identityPath, 3, 0, 1, 0, 99, 0, 7, 0)))
	expectTold(t, k.say(1, rr(9, tell(serviceGetList, unhex("0300 0100 0000 2f00 6300 0a00 0700 0000 03616263")...))),
		`server cip.vendor_id="47"(cip.identity.vendor_id,identity) vendor="Omron"(cip.identity.vendor_id,identity) product="abc"(cip.identity.product_name,identity)`)

	k.say(0, rr(9, ask(serviceGetAll, identityPath)))
	expectTold(t, k.say(1, rr(9, []byte{serviceGetAll | cipReply, 0, 8, 0})), "server") // not supported
}

func TestENIPRoutes(t *testing.T) {
	k := enipTalk(t)
	for route, part := range map[string]string{
		"0103":                           "slot/3 ",
		"0103 0205":                      "slot/3/port/2/5 ",
		"120b 31302e302e302e312e3233 00": "port/2/10.0.0.1.23 ",
		"1f02 0100 1234":                 "slot/0x1234 ",
	} {
		expectTold(t, k.say(0, rr(1, wrapped(ask(serviceGetAll, identityPath), route))), "client diagnose=1")
		expectTold(t, k.say(1, rr(1, tell(serviceGetAll, identityData...))), "server "+identityFact(strings.TrimSpace(part)+" ", "identity"))
	}
	far := "120e 31302e3130302e3130302e313030" // two of these are more than is kept
	k.say(0, rr(1, wrapped(ask(serviceGetAll, identityPath), far+far)))
	expectTold(t, k.say(1, rr(1, tell(serviceGetAll, identityData...))), "server "+identityFact("", "content"))
}

// openBody is a Forward Open to a path: transport class in trigger, type of
// the target's connection in kind (1 multicast, 2 point to point).
func openBody(trigger, kind byte, path string) []byte {
	o := unhex("0a0e 00000000 34120000 0100 4d00 78563412 00 000000 10270000 f443 10270000")
	o = append(o, 0xf4, kind<<5)
	p := unhex(path)
	return append(append(o, trigger, byte(len(p)/2)), p...)
}

var openReply = unhex("21430000 34120000 0100 4d00 78563412 10270000 10270000 00 00")

const originatorFacts = ` cip.originator_vendor_id="77"(cip.forward_open.originator_vendor_id,content) cip.originator_vendor="Rockwell Software"(cip.forward_open.originator_vendor_id,content) cip.originator_serial="12345678"(cip.forward_open.originator_serial_number,content)`

func TestENIPConnected(t *testing.T) {
	k := enipTalk(t)
	expectTold(t, k.say(0, rr(1, ask(serviceForwardOpen, "20062401", openBody(0xa3, 2, "0102 20022401")...))), "client"+originatorFacts)
	expectTold(t, k.say(1, rr(1, tell(serviceForwardOpen, openReply...))), "server")
	expectTold(t, k.say(0, unit(0x4321, 5, ask(serviceGetAll, identityPath))), "client diagnose=1")
	expectTold(t, k.say(1, unit(0x1234, 4, tell(serviceGetAll, identityData...))), "server")
	expectTold(t, k.say(1, unit(0x1234, 5, tell(serviceGetAll, identityData...))), "server "+identityFact("slot/2 ", "identity"))
	expectTold(t, k.say(0, unit(0x4321, 6, []byte{0xff, 0xfe, 0xfd, 0xfc})), "") // not for a router

	k = enipTalk(t) // opened before the capture: where it leads is not known
	expectTold(t, k.say(0, unit(0x4321, 5, ask(serviceGetAll, identityPath))), "client diagnose=1")
	expectTold(t, k.say(1, unit(0x1234, 5, tell(serviceGetAll, identityData...))), "server "+identityFact("", "content"))
}

func TestENIPAnnouncesIO(t *testing.T) {
	k := enipTalk(t)
	expectTold(t, k.say(0, rr(1, ask(serviceForwardOpen, "20062401", openBody(0x01, 2, "3404 0000 0000 0000 0000 2004 2466 2c64 2c65")...))), "client subscribe=1"+originatorFacts)
	expectTold(t, k.say(1, rr(1, tell(serviceForwardOpen, openReply...))),
		"server expect 10.0.0.1:0 10.0.0.2:2222 cip-io 432100001234 expect 10.0.0.1:2222 10.0.0.2:0 cip-io 432100001234")
	k.say(0, rr(1, ask(serviceForwardOpen, "20062401", openBody(0x01, 1, "2004 2466 2c64 2c65")...)))
	expectTold(t, k.say(1, rr(1, tell(serviceForwardOpen, openReply...), cpfSockaddrTO, unhex("0002 08ae efc00101 0000000000000000"))),
		"server expect 10.0.0.1:0 10.0.0.2:2222 cip-io 432100001234 expect 10.0.0.2:0 239.192.1.1:2222 cip-io 432100001234")
}

func TestENIPMultipleService(t *testing.T) {
	k := enipTalk(t)
	members := func(all ...[]byte) []byte {
		b := binary.LittleEndian.AppendUint16(nil, uint16(len(all)))
		at := 2 + 2*len(all)
		for _, m := range all {
			b = binary.LittleEndian.AppendUint16(b, uint16(at))
			at += len(m)
		}
		for _, m := range all {
			b = append(b, m...)
		}
		return b
	}
	expectTold(t, k.say(0, rr(1, ask(serviceMultiple, "20022401", members(
		ask(0x4c, "9103 616263 00", 1, 0), ask(0x4d, "9103 616263 00", 0xc3, 0, 1, 0, 7, 0), ask(serviceGetSingle, identityPath+"3007"))...))),
		"client read=1 write=1 diagnose=1")
	expectTold(t, k.say(1, rr(1, tell(serviceMultiple, members(tell(0x4c, 0xc3, 0, 1, 0), tell(0x4d), tell(serviceGetSingle, 3, 'P', 'L', 'C'))...))),
		`server product="PLC"(cip.identity.product_name,identity)`)
	expectTold(t, k.say(0, rr(1, ask(serviceMultiple, "20022401", 9, 0, 4, 0, 1))), "client") // a count that is not there
}

func TestENIPInterfaceAndProcessor(t *testing.T) {
	k := enipTalk(t)
	k.say(0, rr(1, ask(serviceGetSingle, "20f52401 3006")))
	expectTold(t, k.say(1, rr(1, tell(serviceGetSingle, append([]byte{5, 0}, "plc-4\x00"...)...))), `server name="plc-4"(cip.tcpip.host_name,identity)`)
	k.say(0, rr(1, ask(serviceGetAll, "20f52401")))
	all := append(unhex("01000000 14000000 02000000 0200 20f62401"), make([]byte, 20)...)
	all = append(all, "\x05\x00plant\x00\x05\x00plc-4"...)
	expectTold(t, k.say(1, rr(1, tell(serviceGetAll, all...))), `server name="plc-4"(cip.tcpip.host_name,identity)`)

	requestor := unhex("07 4d00 78563412")
	expectTold(t, k.say(0, rr(2, ask(serviceExecutePCCC, "20672401", append(requestor, 0x06, 0, 1, 0, 0x03)...))), "client diagnose=1")
	status := append(append(requestor[:7:7], 0x46, 0, 1, 0, 0, 0xee, 0x31, 0x5b, 0x22), "1747-L551  \x00\x00"...)
	expectTold(t, k.say(1, rr(2, tell(serviceExecutePCCC, status...))), `server model="1747-L551"(pccc.diagnostic_status.bulletin_name,identity)`)
	expectTold(t, k.say(0, rr(3, ask(serviceExecutePCCC, "20672401", append(requestor, 0x0f, 0, 2, 0, 0xaa, 2, 7, 0x89, 0, 0)...))), "client write=1")
}

func TestENIPOperations(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want string
	}{
		{ask(0x05, identityPath, 1), "control=1"},
		{ask(0x07, "208e2401"), "control=1"},
		{ask(0x10, "20f52401 3005"), "configure=1"},
		{ask(0x10, "2004246a 3003", 1, 2), "write=1"},
		{ask(0x52, "9103 616263 00"), "read=1"},
		{ask(0x4e, "206b 2500 3412"), "write=1"},
		{ask(0x55, "206b 2500 0000"), "diagnose=1"},
		{ask(0x4c, "206c 2500 3412"), "diagnose=1"},
		{ask(0x4e, "20062401"), ""}, // Forward Close
		{ask(0x57, "20062401"), "diagnose=1"},
		{ask(0x4b, "20372401"), "transfer=1"},
		{ask(0x4b, "20a12401"), "firmware=1"},
		{ask(0x08, "20682400"), "program=1"},
		{ask(0x4c, "20682401 206d2401"), "program=1"},    // a routine of a program
		{ask(0x4c, "20682401 206b2401", 1, 0), "read=1"}, // a tag of a program
		{ask(0x4f, "206a2401"), "program=1"},
		{ask(0x04, "206b2401"), "program=1"},
	} {
		want := strings.TrimSpace("client " + c.want)
		expectTold(t, enipTalk(t).say(0, rr(1, c.b)), want)
	}
}

func TestENIPRepliesOnly(t *testing.T) {
	k := enipTalk(t)
	expectTold(t, k.say(1, rr(1, tell(0x4c, 0xc3, 0, 1, 0))), "server read=1")
	expectTold(t, k.say(1, rr(1, tell(serviceGetAll, identityData...))), "server read=1 "+identityFact("", "content"))
	expectTold(t, k.say(1, rr(1, tell(serviceGetAll, make([]byte, 30)...))), "server read=1")
	expectTold(t, k.say(1, rr(1, tell(serviceMultiple, 2, 0, 6, 0, 10, 0, 0xcc, 0, 0, 0, 0xcd, 0, 0, 0))), "server read=1 write=1")
}

func TestENIPIsNotENIP(t *testing.T) {
	for name, b := range map[string][]byte{
		"dns":                   unhex("1a2b 0100 0001 0000 0000 0000 03777777 07 6578616d706c65 03636f6d 0000010001"),
		"tls":                   unhex("160301020001000100fc0303" + strings.Repeat("ab", 40)),
		"zeros":                 make([]byte, 64),
		"options":               append(encap(enipRegisterSession, 0, 0, []byte{1, 0, 0, 0})[:20], 1, 0, 0, 0, 1, 0, 0, 0),
		"version":               encap(enipRegisterSession, 0, 0, []byte{9, 0, 0, 0}),
		"items past the end":    encap(enipSendRRData, 7, 0, append(make([]byte, 6), 2, 0, 0, 0, 0, 0, 0xb2, 0, 99, 0)),
		"no session":            encap(enipSendRRData, 0, 0, append(make([]byte, 6), items(cpfNull, []byte{}, cpfUnconnectedData, ask(1, identityPath))...)),
		"interface is not cip":  encap(enipSendRRData, 7, 0, append([]byte{1, 0, 0, 0, 0, 0}, items(cpfNull, []byte{}, cpfUnconnectedData, ask(1, identityPath))...)),
		"list identity, silent": encap(enipListIdentity, 0, 0, nil),
	} {
		if matchENIP(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		k := enipTalk(t)
		k.port = 4000
		k.stream = false
		k.refused(0, b, ErrNotMine)
	}
}

func TestENIPCutAndShort(t *testing.T) {
	whole := rr(1, ask(serviceGetAll, identityPath))
	for n := 1; n < len(whole); n++ {
		enipTalk(t).refused(0, whole[:n], ErrShort)
		if !matchENIP(whole[:n]) {
			t.Fatalf("%d bytes of a message are not claimed", n)
		}
	}
	k := enipTalk(t)
	k.say(0, whole)
	m := k.message(0, rr(1, ask(0x4d, "9103 616263 00", make([]byte, 90)...))[:60])
	m.Cut = true
	k.log.reset()
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) || told2text(&k.log) != "client write=1" {
		t.Fatalf("cut: %v, %s", err, told2text(&k.log))
	}
}

func TestENIPResync(t *testing.T) {
	b := append([]byte("\x6f\x00 rubbish"), rr(1, ask(serviceGetAll, identityPath))...)
	if at := (&enip{}).Resync(b); at != 10 {
		t.Fatalf("next message at %d", at)
	}
	if at := (&enip{}).Resync(make([]byte, 200)); at != -1 {
		t.Fatalf("found one at %d", at)
	}
}

func TestENIPAllocatesNothing(t *testing.T) {
	k := enipTalk(t)
	ask, answer := k.message(0, rr(1, wrapped(ask(serviceGetAll, identityPath), "0103"))), k.message(1, rr(1, tell(serviceGetAll, identityData...)))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkENIP(b *testing.B) {
	k := &talk{d: &enip{}, port: 44818, stream: true}
	ask, answer := k.message(0, unit(1, 2, ask(0x4c, "9103 616263 00", 1, 0))), k.message(1, unit(3, 2, tell(0x4c, 0xc3, 0, 1, 0)))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}
}

func FuzzENIP(f *testing.F) { fuzzDissector(f, "enip", true) }

// TestENIPPollsReadAlike: what poll takes, read takes to the same end.
func TestENIPPollsReadAlike(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		k := &talk{t: t, d: &enip{}, port: enipPort, stream: true}
		k.say(0, unit(7, 1, ask(0x4c, "9104 54414731", 1, 0)))
		if rapid.Bool().Draw(r, "waiting") {
			k.say(0, unit(7, 2, ask(serviceGetAll, "2001 2401")))
		}
		d, _ := k.d.(*enip)
		if rapid.Bool().Draw(r, "open") {
			d.connections.add(cipConnection{ot: 7, to: 8})
		}
		word := func(of ...byte) byte { return rapid.SampledFrom(of).Draw(r, "byte") }
		b := unit(7+uint32(word(0, 1)), uint16(word(1, 2)), append([]byte{
			word(0x4c, 0x4d, 0xcc, 0x01, 0x81, 0x52, 0xd2, 0), word(0, 2, 3, 4), word(0x91, 0x20, 0), word(0, 2, 3, 4),
		}, make([]byte, rapid.IntRange(0, 8).Draw(r, "size"))...))
		if at := rapid.IntRange(0, 2*len(b)).Draw(r, "at"); at < len(b) {
			b[at] ^= word(1, 0x10, 0x80, 0xff)
		}
		b = append(b, make([]byte, rapid.IntRange(0, 2).Draw(r, "behind"))...)
		m := k.message(rapid.IntRange(0, 1).Draw(r, "side"), b)
		fast, slow := d.trial(), d.trial()
		var a, z log
		used := fast.poll(m, &a)
		if used == 0 {
			return
		}
		want, err := slow.read(m, &z)
		fast.text, slow.text = scratch{}, scratch{}
		if used != want || err != nil || !reflect.DeepEqual(fast, slow) || told2text(&a) != told2text(&z) {
			r.Fatalf("% x: poll used %d, read %d, %v; %q and %q; %+v and %+v", b, used, want, err, told2text(&a), told2text(&z), fast, slow)
		}
	})
	k := &talk{t: t, d: &enip{}, port: enipPort, stream: true}
	ask, answer := unit(7, 2, ask(0x4c, "9104 54414731", 1, 0)), unit(8, 2, tell(0x4c, 0xc4, 0, 1, 0, 0, 0))
	k.say(0, ask)
	d, _ := k.d.(*enip)
	if d.poll(k.message(0, ask), &log{}) != len(ask) || d.poll(k.message(1, answer), &log{}) != len(answer) {
		t.Error("poll does not read what is asked most")
	}
}
