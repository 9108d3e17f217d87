package dissect

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// pnioObject is the object identifier of a device, as it stands in a call in
// network order: fixed part, instance, device, vendor.
const pnioObject = "\xde\xa0\x00\x00\x6c\x97\x11\xd1\x82\x71\x00\x01\x03\x13\x00\x2a"

// pnioCall is a call of the device interface with blocks, in network order.
func pnioCall(kind byte, opnum uint16, status uint32, blocks ...string) []byte {
	body := strings.Join(blocks, "")
	b := []byte{4, kind, 0x20, 0, 0, 0, 0, 0}
	b = append(b, pnioObject+"\xde\xa0\x00\x01\x6c\x97\x11\xd1\x82\x71\x00\xa0\x24\x42\xdf\x7d"...)
	b = append(b, make([]byte, 16+4)...)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 7)
	b = binary.BigEndian.AppendUint16(b, opnum)
	b = append(b, 0xff, 0xff, 0xff, 0xff)
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(body)))
	b = append(b, 0, 0, 0, 0)
	for _, v := range []uint32{status, uint32(len(body)), 4096, 0, uint32(len(body))} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return append(b, body...)
}

// pnioBlock is one block of version 1.0.
func pnioBlock(kind uint16, data string) string {
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(2+len(data)))
	return string(b) + "\x01\x00" + data
}

// pnioRecordBlock is the header of a read; size is of the record behind it.
func pnioRecordBlock(kind, slot, index uint16, size int) string {
	b := append(make([]byte, 2+16+4), byte(slot>>8), byte(slot), 0, 1, 0, 0)
	b = binary.BigEndian.AppendUint16(b, index)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	return pnioBlock(kind, string(b)+strings.Repeat("\x00", 24))
}

func padded(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }

func pnioRelation(kind byte, name string) string {
	return pnioBlock(pnioARRequest, "\x00"+string([]byte{kind})+strings.Repeat("u", 16)+"\x00\x01"+"\x00\x00\x5e\x00\x53\x01"+
		"\xde\xa0\x00\x00\x6c\x97\x11\xd1\x82\x71\x00\x01\x00\x3c\x00\xb0"+"\x00\x00\x00\x11\x00\x0a\x88\x92"+mqttString(name))
}

func pnioIdentification(prefix string) string {
	return pnioBlock(pnioIM0, "\x00\x2a"+padded("RB7 155-6AU00", 20)+padded("S C-7001", 16)+"\x00\x03"+prefix+"\x02\x01\x05"+"\x00\x00\x00\x00\x00\x05\x01\x01\x00\x0e")
}

const (
	pnioDeviceFacts = `profinet.vendor_id="0x002a"(profinet-io.object_uuid,content) profinet.device_id="0x0313"(profinet-io.object_uuid,content) vendor="Siemens"(profinet-io.object_uuid,content)`
	pnioIM0Facts    = `vendor="Siemens"(profinet-io.im0.vendor_id,identity) model="RB7 155-6AU00"(profinet-io.im0.order_id,identity) ` +
		`serial="S C-7001"(profinet-io.im0.serial_number,identity) hardware="3"(profinet-io.im0.hardware_revision,identity) firmware="V2.1.5"(profinet-io.im0.software_revision,identity)`
)

// pnioTalk speaks to the dissector as its carrier does.
func pnioTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &profinetIO{}, port: 34964, tag: profinetDeviceIface}
}

func TestPROFINETIO(t *testing.T) {
	k := pnioTalk(t)
	expectTold(t, k.say(0, pnioCall(rpcRequest, pnioConnect, 4096, pnioRelation(1, "line-4"), pnioBlock(0x0102, "x"))),
		`subscribe=1 profinet.role="io-controller"(profinet-io.ar_block_req,content) profinet.station_name="line-4"(profinet-io.ar_block_req,identity) `+
			`name="line-4"(profinet-io.ar_block_req,identity) profinet.vendor_id="0x00b0"(profinet-io.ar_block_req,content) `+
			`profinet.device_id="0x003c"(profinet-io.ar_block_req,content) vendor="Phoenix Contact"(profinet-io.ar_block_req,content)`)
	expectTold(t, k.say(1, pnioCall(rpcResponse, pnioConnect, 0, pnioBlock(pnioARResponse, strings.Repeat("u", 28)), pnioBlock(pnioARServer, mqttString("belt-7")))),
		pnioDeviceFacts+` profinet.role="io-device"(profinet-io.ar_block_res,content) profinet.station_name="belt-7"(profinet-io.ar_server_block,identity) name="belt-7"(profinet-io.ar_server_block,identity)`)
	expectTold(t, k.say(0, pnioCall(rpcRequest, pnioReadImplicit, 4096, pnioRecordBlock(pnioReadRequest, 0, pnioFirstIM, 0))), "diagnose=1")
	expectTold(t, k.say(1, pnioCall(rpcResponse, pnioReadImplicit, 0, pnioRecordBlock(pnioReadResponse, 0, pnioFirstIM, 60), pnioIdentification("V"))), pnioDeviceFacts+" "+pnioIM0Facts)
	expectTold(t, k.say(1, pnioCall(rpcResponse, pnioReadImplicit, 0, pnioRecordBlock(pnioReadResponse, 2, pnioFirstIM, 60), pnioBlock(pnioIM1, padded("mixer", 32)+padded("hall 3", 22)))),
		pnioDeviceFacts+` slot/2 profinet.tag_function="mixer"(profinet-io.im1.tag_function,identity) slot/2 profinet.tag_location="hall 3"(profinet-io.im1.tag_location,identity)`)
	expectTold(t, k.say(0, pnioCall(rpcRequest, pnioRead, 4096, pnioRecordBlock(pnioReadRequest, 2, 0x0040, 0))), "read=1")
	expectTold(t, k.say(0, pnioCall(rpcRequest, pnioWrite, 4096)), "configure=1")
	expectTold(t, k.say(0, pnioCall(rpcRequest, pnioControl, 4096)), "")
	expectTold(t, k.say(1, pnioCall(rpcResponse, pnioConnect, 0xdb814005)), "") // refused
	// A record of the device's own form may look like blocks.
	expectTold(t, k.say(1, pnioCall(rpcResponse, pnioRead, 0, pnioRecordBlock(pnioReadResponse, 0, 0x0040, 60), pnioIdentification("V"))), pnioDeviceFacts)
	// What is written is wanted, not told.
	expectTold(t, k.say(0, pnioCall(rpcRequest, pnioWrite, 4096, pnioBlock(pnioIM1, padded("mixer", 32)+padded("hall 3", 22)))), "configure=1")

	k = pnioTalk(t) // the device's side alone
	if got := k.say(1, pnioCall(rpcResponse, pnioConnect, 0)); !strings.HasPrefix(got, "subscribe=1") {
		t.Error(got)
	}
	if got := k.say(1, pnioCall(rpcResponse, pnioReadImplicit, 0, pnioRecordBlock(pnioReadResponse, 0, pnioFirstIM, 60), pnioIdentification("\x00"))); strings.Contains(got, "firmware") || !strings.Contains(got, "diagnose=1") {
		t.Error(got)
	}
	supervisor := k.say(0, pnioCall(rpcRequest, pnioConnect, 4096, pnioRelation(pnioSupervisorAR, "")))
	if !strings.Contains(supervisor, "io-supervisor") || strings.Contains(supervisor, "station_name") {
		t.Error(supervisor)
	}
	// A controller that its device calls to say that it is ready answers to its own object.
	ready := bytes.Replace(pnioCall(rpcResponse, pnioControl, 0), []byte("\xde\xa0\x00\x01\x6c"), []byte("\xde\xa0\x00\x02\x6c"), 1)
	expectTold(t, (&talk{t: t, d: &profinetIO{}, port: 34964, tag: profinetControllerIface}).say(1, ready), pnioDeviceFacts)
	for n := range 60 {
		k.say(1, pnioCall(rpcResponse, pnioReadImplicit, 0, (pnioRecordBlock(pnioReadResponse, 0, pnioFirstIM, 60) + pnioIdentification("V"))[:n]))
	}
}

// pnioLookup is an answer of the endpoint mapper for a device.
func pnioLookup(annotation string) []byte {
	stub := strings.Repeat("h", 20) + "\x00\x00\x00\x01" + strings.Repeat("\x00", 12) + pnioObject + "\x00\x00\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x40" + annotation
	b := pnioCall(rpcResponse, 2, 0)
	copy(b[24:40], "\xe1\xaf\x83\x08\x5d\x1f\x11\xc9\x91\xa4\x08\x00\x2b\x14\xa0\xfa")
	binary.BigEndian.PutUint16(b[74:], uint16(len(stub)))
	return append(b[:rpcDatagramHeader], stub...)
}

func TestPROFINETAnnotation(t *testing.T) {
	good := padded("RB-155", 25) + " " + padded("RB7 155-6AU00", 20) + " " + "    3" + " " + "V  2  1  5" + "\x00"
	k := &talk{t: t, d: &dcerpc{}, port: 34964}
	got := k.say(1, pnioLookup(good))
	want := `product="RB-155"(profinet-io.annotation,identity) model="RB7 155-6AU00"(profinet-io.annotation,identity) hardware="3"(profinet-io.annotation,identity) firmware="V2.1.5"(profinet-io.annotation,identity)`
	if !strings.HasSuffix(got, want) {
		t.Errorf("told %s", got)
	}
	for _, bad := range []string{strings.ReplaceAll(good, " ", "_"), good[:40], ""} {
		if got := k.say(1, pnioLookup(bad)); strings.Contains(got, "annotation") {
			t.Errorf("%q told %s", bad, got)
		}
	}
}

func TestPROFINETIOSample(t *testing.T) {
	at, device, called := madeAddr(1, 49155), madeAddr(7, 34964), madeAddr(7, 49152)
	r := newReel()
	r.udp(at, device, pnioCall(rpcRequest, pnioConnect, 4096, pnioRelation(1, "line-4")))
	r.udp(called, at, pnioCall(rpcResponse, pnioConnect, 0, pnioBlock(pnioARResponse, strings.Repeat("u", 28)), pnioBlock(pnioARServer, mqttString("belt-7"))))
	for slot := range uint16(2) {
		r.udp(at, called, pnioCall(rpcRequest, pnioReadImplicit, 4096, pnioRecordBlock(pnioReadRequest, slot, pnioFirstIM, 0)))
		r.udp(called, at, pnioCall(rpcResponse, pnioReadImplicit, 0, pnioRecordBlock(pnioReadResponse, slot, pnioFirstIM, 60), pnioIdentification("V")))
	}
	r.udp(at, called, pnioCall(rpcRequest, pnioWrite, 4096))
	r.udp(called, at, pnioCall(rpcResponse, pnioWrite, 0))
	made(t, "profinet-io", "connect", r)
}

func TestPROFINETIOAllocatesNothing(t *testing.T) {
	k := pnioTalk(t)
	ask := k.message(0, pnioCall(rpcRequest, pnioConnect, 4096, pnioRelation(1, "line-4")))
	answer := k.message(1, pnioCall(rpcResponse, pnioReadImplicit, 0, pnioRecordBlock(pnioReadResponse, 2, pnioFirstIM, 60), pnioIdentification("V")))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestPROFINETIOIsNotPROFINET(t *testing.T) {
	k := pnioTalk(t)
	k.refused(0, []byte("\x04\x00 nothing of the kind"), ErrNotMine)
	k.tag = rpcMapper
	k.refused(0, pnioCall(rpcRequest, pnioConnect, 4096, pnioRelation(1, "line-4")), ErrNotMine)
}

func FuzzPROFINETIO(f *testing.F) {
	f.Add(profinetDeviceIface, pnioCall(rpcRequest, pnioConnect, 4096, pnioRelation(1, "line-4")))
	f.Add(profinetDeviceIface, pnioCall(rpcResponse, pnioReadImplicit, 0, pnioRecordBlock(pnioReadResponse, 0, pnioFirstIM, 60), pnioIdentification("V")))
	f.Fuzz(func(t *testing.T, tag uint64, b []byte) {
		d, l := &profinetIO{}, &log{}
		for range 2 {
			l.reset()
			if used, err := d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: b, Tag: tag}, l); err == nil && used != len(b) {
				t.Fatalf("used %d of %d", used, len(b))
			}
		}
	})
}
