package dissect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// bvlc puts a virtual link's header before what a function holds.
func bvlc(function byte, parts ...string) []byte {
	body := strings.Join(parts, "")
	b := binary.BigEndian.AppendUint16([]byte{bvlcIPv4, function}, uint16(4+len(body)))
	return append(b, body...)
}

// local is the NPDU header of stations on one link; behind is one with a source
// network and address.
const local = "\x01\x00"

func behind(network uint16, address string) string {
	return string(binary.BigEndian.AppendUint16([]byte{1, npduSNET}, network)) + string(rune(len(address))) + address
}

// ident is a tag with an object identifier: application tag 12, or a context tag.
func ident(tag string, kind uint16, instance uint32) string {
	return tag + string(binary.BigEndian.AppendUint32(nil, uint32(kind)<<22|instance))
}

// chars is a character string of a set.
func chars(set byte, s string) string {
	if n := len(s) + 1; n > 4 {
		return "\x75" + string([]byte{byte(n), set}) + s
	}
	return string([]byte{0x70 | byte(len(s)+1), set}) + s
}

func request(invoke, service byte, body string) string {
	return string([]byte{0x02, 0x05, invoke, service}) + body
}

func complexAck(invoke, service byte, body string) string {
	return string([]byte{0x30, invoke, service}) + body
}

func iAmDevice(instance uint32, vendor byte) string {
	return "\x10\x00" + ident("\xc4", objectDevice, instance) + "\x22\x05\xc4\x91\x00\x21" + string([]byte{vendor})
}

// propertyAck is a ReadProperty-ACK, listAck one object of a
// ReadPropertyMultiple-ACK.
func propertyAck(kind uint16, instance uint32, property byte, value string) string {
	return complexAck(1, confirmedReadProperty, ident("\x0c", kind, instance)+"\x19"+string([]byte{property})+"\x3e"+value+"\x3f")
}

func listAck(kind uint16, instance uint32, pairs ...string) string {
	s := ident("\x0c", kind, instance) + "\x1e"
	for i := 0; i < len(pairs); i += 2 {
		s += pairs[i] + "\x4e" + pairs[i+1] + "\x4f"
	}
	return s + "\x1f"
}

func bacnetTalk(t testing.TB) chat {
	tt, _ := t.(*testing.T)
	return chat{&talk{t: tt, d: &bacnet{}, port: bacnetPort}}
}

const iAmFacts = `bacnet.device_instance="4711"(bacnet.i_am.device_identifier,identity) bacnet.max_apdu="1476"(bacnet.i_am.max_apdu_length,identity) ` +
	`bacnet.segmentation="both"(bacnet.i_am.segmentation_supported,identity) bacnet.vendor_id="36"(bacnet.i_am.vendor_identifier,identity) vendor="Tridium Inc."(bacnet.i_am.vendor_identifier,content)`

func TestBACnetDiscovery(t *testing.T) {
	k := bacnetTalk(t)
	expectTold(t, k.say(0, bvlc(bvlcUnicast, local, "\x10\x08")), "client diagnose=1")
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, iAmDevice(4711, 36))), "server "+iAmFacts)
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x10\x01", ident("\xc4", 8, 9), ident("\xc4", 8, 9), chars(0, "AHU-3"))),
		`server bacnet.device_instance="9"(bacnet.i_have.device_identifier,identity) name="AHU-3"(bacnet.i_have.object_name,identity)`)
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x10\x01", ident("\xc4", 8, 9), ident("\xc4", 4, 2), chars(0, "FAN"))),
		`server bacnet.device_instance="9"(bacnet.i_have.device_identifier,identity) bacnet.object="binary-output,2 FAN"(bacnet.i_have.object_name,content)`)
}

func TestBACnetProperties(t *testing.T) {
	instance := `bacnet.device_instance="4711"(bacnet.device.object_identifier,identity)`
	for _, c := range []struct {
		kind     uint16
		property byte
		value    string
		want     string
	}{
		{8, propertyVendor, chars(0, "Riverbank"), instance + ` vendor="Riverbank"(bacnet.device.vendor_name,identity)`},
		{8, propertyVendorID, "\x21\x23", instance + ` bacnet.vendor_id="35"(bacnet.device.vendor_identifier,identity) vendor="Reliable Controls Corporation"(bacnet.device.vendor_identifier,content)`},
		{8, propertyVendorID, "\x22\xff\xf0", instance + ` bacnet.vendor_id="65520"(bacnet.device.vendor_identifier,identity)`},
		{8, propertyModel, chars(charsLatin1, "R\xe4um 5"), instance + ` model="Räum 5"(bacnet.device.model_name,identity)`},
		{8, propertyFirmware, chars(charsUCS2, "\x00v\x002"), instance + ` firmware="v2"(bacnet.device.firmware_revision,identity)`},
		{8, propertySoftware, chars(charsUCS4, "\x00\x00\x00v\x00\x00\x00\xe4"), instance + ` bacnet.application_software="vä"(bacnet.device.application_software_version,identity)`},
		{8, propertyName, chars(0, "AHU\xff3"), instance + ` name="AHUÿ3"(bacnet.device.object_name,identity)`},
		{8, propertyName, chars(charsDBCS, "\x03\xa4AHU-3"), instance + ` name="AHU-3"(bacnet.device.object_name,identity)`},
		{8, propertyName, chars(charsDBCS, "\x03\xa4\x83\x65"), instance}, // sets that are not read
		{8, propertyName, chars(2, "\x83\x65"), instance},
		{8, propertyName, chars(0, ""), instance},
		{8, propertyLocation, chars(0, "Hall 3"), instance + ` bacnet.location="Hall 3"(bacnet.device.location,identity)`},
		{8, propertyRevision, "\x21\x18", instance + ` bacnet.protocol_revision="24"(bacnet.device.protocol_revision,identity)`},
		{8, 112, "\x91\x00", instance}, // system status: no identity
		{0, propertyName, chars(0, "ZONE"), `bacnet.object="analog-input,4711 ZONE"(bacnet.object_name,content)`},
		{700, propertyName, chars(0, "ZONE"), `bacnet.object="object-type-700,4711 ZONE"(bacnet.object_name,content)`},
		{0, propertyDescription, chars(0, "ZONE"), ""},
	} {
		k := bacnetTalk(t)
		k.say(0, bvlc(bvlcUnicast, local, request(1, confirmedReadProperty, ident("\x0c", c.kind, 1))))
		expectTold(t, k.say(1, bvlc(bvlcUnicast, local, propertyAck(c.kind, 4711, c.property, c.value))), strings.TrimSpace("server "+c.want))
	}
}

func TestBACnetPropertyLists(t *testing.T) {
	k := bacnetTalk(t)
	k.say(0, bvlc(bvlcUnicast, local, request(1, confirmedReadMultiple, "")))
	list := listAck(8, 4711, "\x29\x46", chars(0, "RBC-20"), "\x2a\x01\x74", chars(0, "SN-1")) +
		ident("\x0c", 0, 1) + "\x1e\x29\x4d\x4e" + chars(0, "TEMP") + "\x4f\x29\x55\x5e\x91\x02\x91\x20\x5f\x29\x57\x39\x02\x4e\x00\x4f\x1f" + listAck(4, 2, "\x29\x4d", chars(0, "FAN"))
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, complexAck(1, confirmedReadMultiple, list))),
		`server bacnet.device_instance="4711"(bacnet.device.object_identifier,identity) model="RBC-20"(bacnet.device.model_name,identity) `+
			`serial="SN-1"(bacnet.device.serial_number,identity) bacnet.object="analog-input,1 TEMP"(bacnet.object_name,content) bacnet.object="binary-output,2 FAN"(bacnet.object_name,content)`)
}

func TestBACnetObjectsAreBounded(t *testing.T) {
	k := bacnetTalk(t)
	told := map[string]bool{}
	for i := range uint32(400) {
		told[k.say(1, bvlc(bvlcUnicast, local, propertyAck(0, i, propertyName, chars(0, "POINT"))))] = true
	}
	if n := len(k.d.(*bacnet).objects.told); n != maxObjects {
		t.Errorf("%d objects are kept", n)
	}
	if len(told) != maxObjects+1 {
		t.Errorf("%d were told", len(told)-1)
	}
	k = bacnetTalk(t)
	for i := range uint32(400) {
		k.say(1, bvlc(bvlcUnicast, behind(2001, "\x05"), propertyAck(0, i, propertyName, chars(0, "POINT"))))
	}
	if n := len(k.d.(*bacnet).objects.told); n != maxObjectsBehind {
		t.Errorf("%d objects behind a router are kept", n)
	}
}

func TestBACnetOperations(t *testing.T) {
	read := ident("\x0c", 8, 1) + "\x19\x4d"
	many := ident("\x0c", 8, 1) + "\x1e\x09\x4d\x1f"
	for _, c := range []struct {
		service byte
		body    string
		want    string
	}{
		{confirmedReadProperty, read, "diagnose"},
		{confirmedReadProperty, ident("\x0c", 0, 1) + "\x19\x55", "read"},
		{confirmedReadMultiple, many, "diagnose"},
		{confirmedReadMultiple, many + ident("\x0c", 0, 1) + "\x1e\x09\x55\x1f", "read"},
		{confirmedReadMultiple, "", "read"},
		{confirmedWrite, ident("\x0c", 4, 1) + "\x19\x55\x3e\x91\x01\x3f", "write"},
		{confirmedWrite, ident("\x0c", 7, 1) + "\x19\x55\x3e\x21\x01\x3f", "control"},
		{confirmedWrite, ident("\x0c", 7, 1) + "\x19\x4d\x3e\x21\x01\x3f", "write"},
		{confirmedWrite, ident("\x0c", 16, 1) + "\x19\x5a\x3e\x91\x03\x3f", "control"},
		{confirmedWriteMultiple, ident("\x0c", 4, 1) + "\x1e\x09\x55\x2e\x91\x01\x2f\x1f" + ident("\x0c", 7, 1) + "\x1e\x09\x55\x2e\x21\x01\x2f\x1f", "control"},
		{confirmedWriteMultiple, ident("\x0c", 4, 1) + "\x1e\x09\x55\x2e\x91\x01\x2f\x1f", "write"},
		{5, "", "subscribe"},
		{6, "", "transfer"},
		{17, "", "control"},
		{20, "", "control"},
		{24, "", "authenticate"},
		{26, "", "read"},
	} {
		k := bacnetTalk(t)
		expectTold(t, k.say(0, bvlc(bvlcUnicast, local, request(1, c.service, c.body))), "client "+c.want+"=1")
		expectTold(t, k.say(1, bvlc(bvlcUnicast, local, string([]byte{0x20, 1, c.service}))), "server")
	}
	k := bacnetTalk(t)
	expectTold(t, k.say(0, bvlc(bvlcUnicast, local, request(1, 90, ""))), "client") // no such service yet
}

// A mirror that shows the device's side alone tells the same operations.
func TestBACnetAnswersOnly(t *testing.T) {
	k := bacnetTalk(t)
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x20\x01\x0f")), "server write=1")
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x50\x01\x0c\x91\x02\x91\x20")), "server read=1")
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, propertyAck(8, 7, 112, "\x91\x00"))), `server diagnose=1 bacnet.device_instance="7"(bacnet.device.object_identifier,identity)`)
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x71\x01\x00")), "server")
	expectTold(t, k.say(0, bvlc(bvlcUnicast, local, "\x70\x01\x00")), "client")
	expectTold(t, k.say(0, bvlc(bvlcUnicast, local, "\x40\x01\x00\x04")), "client")
	// What the device itself asks for does not hide what it answers.
	k.say(1, bvlc(bvlcUnicast, local, request(1, 8, "")))
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x20\x01\x0f")), "server write=1")
}

func TestBACnetNotifications(t *testing.T) {
	k := bacnetTalk(t)
	from := "\x09\x07" + ident("\x1c", 8, 4711) + ident("\x2c", 0, 1)
	told := `alarm=1 bacnet.device_instance="4711"(bacnet.notification.initiating_device,content)`
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, request(1, confirmedCOV, from))), told)
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x10\x02"+from)), told)
	expectTold(t, k.say(1, bvlc(bvlcUnicast, local, "\x10\x03"+from)), told)
	expectTold(t, k.say(0, bvlc(bvlcUnicast, local, "\x20\x01\x01")), "") // acknowledged: no proof of direction
	expectTold(t, k.say(0, bvlc(bvlcUnicast, local, "\x10\x06\xa4\x7e\x01\x01\x04\xb4\x0c\x00\x00\x00")), "client configure=1")
}

func bacnetPath(l *log) (all []string) {
	for _, e := range l.all() {
		if e.kind == toldFact {
			who := map[SubjectKind]string{BySender: "sender", ByAddr: e.subject.Addr.String()}[e.subject.Kind]
			all = append(all, fmt.Sprintf("%s %s %s=%s", who, e.subject.Path, e.attribute, e.value))
		}
	}
	return all
}

func TestBACnetNetworks(t *testing.T) {
	for _, c := range []struct {
		what string
		b    []byte
		want string
	}{
		{"MS/TP station", bvlc(bvlcUnicast, behind(2001, "\x11"), iAmDevice(4711, 1)), "sender network/2001/17 bacnet.device_instance=4711|sender  bacnet.role=router|sender  bacnet.routes_network=2001"},
		{"B/IP station", bvlc(bvlcUnicast, behind(5, "\x0a\x01\x02\x03\xba\xc0"), iAmDevice(4711, 1)), "sender network/5/10.1.2.3 bacnet.device_instance=4711|sender  bacnet.role=router|sender  bacnet.routes_network=5"},
		{"B/IP station on another port", bvlc(bvlcUnicast, behind(5, "\x0a\x01\x02\x03\xba\xc1"), iAmDevice(4711, 1)), "sender network/5/10.1.2.3:47809 bacnet.device_instance=4711|sender  bacnet.role=router|sender  bacnet.routes_network=5"},
		{"Ethernet station", bvlc(bvlcUnicast, behind(6, "\x00\x00\x5e\x00\x53\x09"), iAmDevice(4711, 1)), "sender network/6/00:00:5e:00:53:09 bacnet.device_instance=4711|sender  bacnet.role=router|sender  bacnet.routes_network=6"},
		{"forwarded", bvlc(bvlcForwarded, "\xc0\x00\x02\x09\xba\xc0", local, iAmDevice(4711, 1)), "192.0.2.9  bacnet.device_instance=4711|sender  bacnet.role=bbmd"},
		{"forwarded from behind a router", bvlc(bvlcForwarded, "\xc0\x00\x02\x09\xba\xc0", behind(3, "\x05"), iAmDevice(4711, 1)), "192.0.2.9 network/3/5 bacnet.device_instance=4711|sender  bacnet.role=bbmd|192.0.2.9  bacnet.role=router|192.0.2.9  bacnet.routes_network=3"},
		{"I-Am-Router", bvlc(bvlcBroadcast, "\x01\x80\x01\x07\xd1\x07\xd2"), "sender  bacnet.role=router|sender  bacnet.routes_network=2001|sender  bacnet.routes_network=2002"},
		{"routing table", bvlc(bvlcUnicast, "\x01\x80\x07\x02\x00\x01\x01\x00\x07\xd1\x02\x01\xff"), "sender  bacnet.role=router|sender  bacnet.routes_network=1|sender  bacnet.role=router|sender  bacnet.routes_network=2001"},
		{"number of the network", bvlc(bvlcBroadcast, "\x01\x80\x13\x00\x07\x01"), "sender  bacnet.network=7"},
		{"broadcast table", bvlc(bvlcReadBDTAck, "\xc0\x00\x02\x09\xba\xc0\xff\xff\xff\xff", "\xc0\x00\x02\x0a\xba\xc1\xff\xff\xff\xff"), "sender  bacnet.role=bbmd|sender  bacnet.broadcast_peer=192.0.2.9|sender  bacnet.broadcast_peer=192.0.2.10:47809"},
		{"foreign devices", bvlc(bvlcReadFDTAck, "\xc0\x00\x02\x09\xba\xc0\x00\x3c\x00\x10"), "sender  bacnet.role=bbmd|sender  bacnet.foreign_device=192.0.2.9"},
		{"registers", bvlc(bvlcRegister, "\x00\x3c"), "sender  bacnet.role=foreign-device"},
		{"asks for the broadcast table", bvlc(bvlcReadBDT), ""},
		{"over IPv6", append([]byte{bvlcIPv6, bvlc6Broadcast, 0, 23, 0, 0, 9}, local+iAmDevice(4711, 1)...), "sender  bacnet.device_instance=4711"},
		{"forwarded over IPv6", append([]byte{bvlcIPv6, bvlc6Forwarded, 0, 41, 0, 0, 9, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0xba, 0xc0}, local+iAmDevice(4711, 1)...), "2001:db8::9  bacnet.device_instance=4711|sender  bacnet.role=bbmd"},
		{"over ISO 8802-3", append([]byte{0x82, 0x82, 3}, local+iAmDevice(4711, 1)...), "sender  bacnet.device_instance=4711"},
	} {
		k := bacnetTalk(t)
		k.talk.say(1, c.b)
		var got []string
		for _, f := range bacnetPath(&k.log) {
			if strings.Contains(f, "instance") || !strings.Contains(f, "vendor") && !strings.Contains(f, "apdu") && !strings.Contains(f, "segm") {
				got = append(got, f)
			}
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s:\n%s\nnot\n%s", c.what, s, c.want)
		}
	}
}

// TestBACnetBehind: a router is told what stands behind it.
func TestBACnetBehind(t *testing.T) {
	k := bacnetTalk(t)
	k.talk.say(1, bvlc(bvlcUnicast, local, iAmDevice(4712, 1)))
	k.talk.say(1, bvlc(bvlcUnicast, behind(2001, "\x11"), iAmDevice(4711, 1)))
	var got []string
	for _, f := range bacnetPath(&k.log) {
		if strings.Contains(f, "device_behind") {
			got = append(got, f)
		}
	}
	if s := strings.Join(got, "|"); s != "sender  bacnet.device_behind=network/2001/17 is device 4711, vendor 1" {
		t.Error(s)
	}
}

func TestBACnetSegments(t *testing.T) {
	whole := listAck(8, 4711, "\x29\x46", chars(0, "RBC-20"), "\x29\x2c", chars(0, "2.4.1"), "\x29\x3a", chars(0, "Hall 3"))
	segment := func(invoke, sequence byte, more bool, part string) []byte {
		kind := byte(0x38)
		if more {
			kind = 0x3c
		}
		return bvlc(bvlcUnicast, local, string([]byte{kind, invoke, sequence, 4, confirmedReadMultiple})+part)
	}
	last := `model="RBC-20"(bacnet.device.model_name,identity) firmware="2.4.1"(bacnet.device.firmware_revision,identity) bacnet.location="Hall 3"(bacnet.device.location,identity)`
	told := func(cuts ...int) string {
		k := bacnetTalk(t)
		var got string
		for i, from := 0, 0; i <= len(cuts); i++ {
			to := len(whole)
			if i < len(cuts) {
				to = cuts[i]
			}
			got = k.say(1, segment(9, byte(i), i < len(cuts), whole[from:to]))
			if again := k.say(1, segment(9, byte(i), i < len(cuts), whole[from:to])); i > 0 && i < len(cuts) && again != "server" {
				t.Errorf("a repeated segment told %s", again)
			}
			from = to
		}
		return got
	}
	for a := 1; a < len(whole)-1; a++ {
		if got := told(a, a+1); !strings.Contains(got, last) {
			t.Fatalf("cut at %d: %s", a, got)
		}
	}

	k := bacnetTalk(t) // the second segment is missing
	k.say(1, segment(9, 0, true, whole[:30]))
	if got := k.say(1, segment(9, 2, false, whole[40:])); !strings.Contains(got, `model="RBC-20"`) || strings.Contains(got, "Hall") {
		t.Errorf("with a gap: %s", got)
	}
	if got := k.say(1, segment(9, 3, false, whole[40:])); got != "server" {
		t.Errorf("after a gap: %s", got)
	}
	k.say(1, segment(1, 0, true, whole[:30]))
	k.say(1, segment(2, 0, true, whole[:30])) // takes its place
	if got := k.say(1, segment(1, 1, false, whole[30:])); got != "server" {
		t.Errorf("an answer without its beginning: %s", got)
	}
	big := strings.Repeat("x", 1400)
	for i := range 100 {
		k.say(1, segment(3, byte(i), true, big))
	}
	if n := len(k.d.(*bacnet).joined.buf); n != maxJoin {
		t.Errorf("%d octets are kept", n)
	}
	k.say(1, segment(4, 0, true, "x"))
	if n := cap(k.d.(*bacnet).joined.buf); n > joinRetain {
		t.Errorf("%d octets are retained", n)
	}
}

func TestBACnetIsNotBACnet(t *testing.T) {
	for name, b := range map[string][]byte{
		"type":                 append([]byte{0x83}, bvlc(bvlcUnicast, local, "\x10\x08")[1:]...),
		"function":             bvlc(0x0d, local, "\x10\x08"),
		"length":               bvlc(bvlcUnicast, local, "\x10\x08")[:7],
		"version":              bvlc(bvlcUnicast, "\x02\x00", "\x10\x08"),
		"reserved bit":         bvlc(bvlcUnicast, "\x01\x40", "\x10\x08"),
		"result of two":        bvlc(bvlcResult, "\x00"),
		"table entry":          bvlc(bvlcReadBDTAck, "\x00\x00\x00"),
		"nothing in it":        bvlc(bvlcUnicast),
		"LLC of another":       {0x42, 0x42, 3, 0, 0},
		"LLC with information": {0x82, 0x82, 0, 1, 0, 0x10, 8},
		"empty":                nil,
	} {
		if matchBACnet(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		bacnetTalk(t).refused(0, b, ErrNotMine)
	}
	for name, b := range map[string][]byte{
		"network 0":            bvlc(bvlcUnicast, "\x01\x08\x00\x00\x01\x05", "\x10\x08"),
		"no source address":    bvlc(bvlcUnicast, "\x01\x08\x00\x01\x00", "\x10\x08"),
		"long address":         bvlc(bvlcUnicast, "\x01\x20\x00\x01\x09123456789\xff", "\x10\x08"),
		"PDU type":             bvlc(bvlcUnicast, local, "\x90\x08"),
		"reserved bit of APDU": bvlc(bvlcUnicast, local, "\x21\x08\x00"),
		"unconfirmed service":  bvlc(bvlcUnicast, local, "\x10\x7f"),
		"I-Am of no device":    bvlc(bvlcUnicast, local, "\x10\x00", ident("\xc4", 0, 1), "\x22\x05\xc4\x91\x00\x21\x01"),
		"short I-Am":           bvlc(bvlcUnicast, local, "\x10\x00", ident("\xc4", 8, 1)),
		"network message":      bvlc(bvlcUnicast, "\x01\x80\x30"),
	} {
		t.Run(name, func(t *testing.T) { bacnetTalk(t).refused(0, b, ErrNotMine) })
	}
	k := bacnetTalk(t)
	k.say(0, bvlc(bvlcUnicast, local, "\x10\x08"))
	k.refused(0, []byte("GET / HTTP"), ErrMalformed)
	used, err := k.d.Dissect(k.message(0, append(bvlc(bvlcUnicast, local, "\x10\x08"), "trailer"...)), &k.log)
	if used != 8 || err != nil {
		t.Errorf("with a trailer: used %d, %v", used, err)
	}
}

// What the capture cut tells as much as is there.
func TestBACnetCut(t *testing.T) {
	k := bacnetTalk(t)
	b := bvlc(bvlcUnicast, local, complexAck(1, confirmedReadMultiple, listAck(8, 4711, "\x29\x46", chars(0, "RBC-20"), "\x29\x2c", chars(0, "2.4.1"))))
	k.log.reset()
	m := k.message(1, b[:40])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); !errors.Is(err, ErrShort) {
		t.Fatal(err)
	}
	if got := chatText(&k.log); !strings.Contains(got, `model="RBC-20"`) {
		t.Error(got)
	}
}

// bip sends a BACnet/IP message between the usual ports; 255 is broadcast.
func (r *reel) bip(from, to int, b []byte) {
	r.udp(madeAddr(from, bacnetPort), madeAddr(to, bacnetPort), b)
}

func TestBACnetSample(t *testing.T) {
	r := newReel()
	r.bip(1, 255, bvlc(bvlcBroadcast, "\x01\x80\x00"))
	r.bip(9, 255, bvlc(bvlcBroadcast, "\x01\x80\x01\x07\xd1\x07\xd2"))
	r.bip(1, 255, bvlc(bvlcBroadcast, "\x01\x20\xff\xff\x00\xff\x10\x08"))
	for station := range byte(3) {
		r.bip(9, 255, bvlc(bvlcBroadcast, behind(2001, string(rune(station+4))), iAmDevice(2001000+uint32(station), 36)))
	}
	r.bip(1, 9, bvlc(bvlcUnicast, "\x01\x24\x07\xd1\x01\x04\xff", request(7, confirmedReadMultiple, ident("\x0c", 8, 2001000)+"\x1e\x09\x46\x09\x2c\x1f")))
	r.bip(9, 1, bvlc(bvlcUnicast, behind(2001, "\x04"), complexAck(7, confirmedReadMultiple, listAck(8, 2001000, "\x29\x46", chars(0, "VAV-2"), "\x29\x2c", chars(0, "1.9")))))
	r.bip(1, 9, bvlc(bvlcUnicast, "\x01\x24\x07\xd1\x01\x05\xff", request(8, confirmedWrite, ident("\x0c", 1, 3)+"\x19\x55\x3e\x44\x41\xa0\x00\x00\x3f\x49\x08")))
	r.bip(9, 1, bvlc(bvlcUnicast, behind(2001, "\x05"), "\x20\x08\x0f"))
	made(t, "bacnet", "router", r)

	r = newReel()
	r.bip(1, 10, bvlc(bvlcRegister, "\x00\x3c"))
	r.bip(10, 1, bvlc(bvlcResult, "\x00\x00"))
	r.bip(1, 10, bvlc(bvlcDistribute, local, "\x10\x08"))
	r.bip(10, 255, bvlc(bvlcForwarded, "\xc0\x00\x02\x01\xba\xc0", local, "\x10\x08"))
	r.bip(10, 1, bvlc(bvlcForwarded, "\xc0\x00\x02\x0b\xba\xc0", local, iAmDevice(11, 24)))
	r.bip(1, 10, bvlc(bvlcReadBDT))
	r.bip(10, 1, bvlc(bvlcReadBDTAck, "\xc0\x00\x02\x0a\xba\xc0\xff\xff\xff\xff", "\xc6\x33\x64\x0a\xba\xc0\xff\xff\xff\xff"))
	r.bip(1, 10, bvlc(bvlcReadFDT))
	r.bip(10, 1, bvlc(bvlcReadFDTAck, "\xc0\x00\x02\x01\xba\xc0\x00\x3c\x00\x3a"))
	made(t, "bacnet", "bbmd", r)

	r = newReel() // on another port
	at, device := madeAddr(1, 52000), madeAddr(12, 47900)
	list := listAck(8, 12, "\x29\x46", chars(0, "RBC-20"), "\x29\x2c", chars(0, "2.4.1")) + listAck(0, 1, "\x29\x4d", chars(0, "SUPPLY AIR TEMP")) + listAck(4, 2, "\x29\x4d", chars(0, "SUPPLY FAN"))
	r.udp(at, device, bvlc(bvlcUnicast, local, request(3, confirmedReadMultiple, ident("\x0c", 8, 12)+"\x1e\x09\x46\x09\x2c\x1f"+ident("\x0c", 0, 1)+"\x1e\x09\x4d\x1f"+ident("\x0c", 4, 2)+"\x1e\x09\x4d\x1f")))
	for i, from := byte(0), 0; from < len(list); i, from = i+1, from+25 {
		kind := byte(0x3c)
		if from+25 >= len(list) {
			kind = 0x38
		}
		r.udp(device, at, bvlc(bvlcUnicast, local, string([]byte{kind, 3, i, 1, confirmedReadMultiple})+list[from:min(from+25, len(list))]))
		r.udp(at, device, bvlc(bvlcUnicast, local, string([]byte{0x40, 3, i, 1})))
	}
	made(t, "bacnet", "segmented", r)

	r = newReel()
	llc := func(from int, to []byte, body string) {
		r.ether(from, to, uint16(3+len(body)), []byte("\x82\x82\x03"+body))
	}
	all := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	llc(1, all, local+"\x10\x08")
	llc(13, all, local+iAmDevice(13, 8))
	llc(1, madeMAC(13), "\x01\x04"+request(4, confirmedReadProperty, ident("\x0c", 8, 13)+"\x19\x4d"))
	llc(13, madeMAC(1), local+complexAck(4, confirmedReadProperty, ident("\x0c", 8, 13)+"\x19\x4d\x3e"+chars(0, "LAB-13")+"\x3f"))
	made(t, "bacnet", "ethernet", r)
}

func TestBACnetAllocatesNothing(t *testing.T) {
	k := bacnetTalk(t)
	var all []*Message
	for _, b := range [][]byte{
		bvlc(bvlcUnicast, local, request(1, confirmedReadProperty, ident("\x0c", 0, 1)+"\x19\x55")),
		bvlc(bvlcUnicast, local, propertyAck(0, 1, propertyPresentValue, "\x44\x41\xa0\x00\x00")),
		bvlc(bvlcUnicast, behind(2001, "\x11"), propertyAck(8, 4711, propertyModel, chars(0, "RBC-20"))),
		bvlc(bvlcUnicast, behind(2002, "\x12"), propertyAck(0, 4711, propertyName, chars(0, "TEMP"))),
		bvlc(bvlcUnicast, local, "\x3c\x07\x00\x01\x0e"+listAck(8, 4711, "\x29\x46", chars(0, "RBC-20"))),
		bvlc(bvlcUnicast, local, "\x38\x07\x01\x01\x0e"+listAck(0, 1, "\x29\x4d", chars(0, "TEMP"))),
	} {
		all = append(all, k.message(1, b))
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

func BenchmarkBACnet(b *testing.B) {
	k := bacnetTalk(b)
	ask := k.message(0, bvlc(bvlcUnicast, local, request(1, confirmedReadProperty, ident("\x0c", 0, 1)+"\x19\x55")))
	answer := k.message(1, bvlc(bvlcUnicast, local, propertyAck(0, 1, propertyPresentValue, "\x44\x41\xa0\x00\x00")))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(ask, &k.log)
		_, _ = k.d.Dissect(answer, &k.log)
	}
}

func FuzzBACnet(f *testing.F) { fuzzDissector(f, "bacnet", false) }

// TestBACnetPollsReadAlike: what poll takes, read takes to the same end.
func TestBACnetPollsReadAlike(t *testing.T) {
	ask, ack := "\x81\x0a\x00\x11\x01\x04\x00\x05\x07\x0c\x0c\x00\x00\x00\x05\x19\x55", "\x81\x0a\x00\x17\x01\x00\x30\x07\x0c\x0c\x00\x00\x00\x05\x19\x55\x3e\x44\x41\x00\x00\x00\x3f"
	rapid.Check(t, func(r *rapid.T) {
		k := &talk{t: t, d: &bacnet{}, port: bacnetPort}
		k.say(0, []byte(ask))
		if rapid.Bool().Draw(r, "answered") {
			k.say(1, []byte(ack))
		}
		d, _ := k.d.(*bacnet)
		b := []byte(rapid.SampledFrom([]string{ask, ack}).Draw(r, "message"))
		for range rapid.IntRange(0, 2).Draw(r, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(r, "at")] ^= rapid.SampledFrom([]byte{1, 2, 4, 8, 0x20, 0x80}).Draw(r, "by")
		}
		m := k.message(rapid.IntRange(0, 1).Draw(r, "side"), b[:rapid.IntRange(12, len(b)).Draw(r, "to")])
		m.Cut = rapid.Bool().Draw(r, "cut")
		fast, slow := *d, *d
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
	k := &talk{t: t, d: &bacnet{}, port: bacnetPort}
	k.say(0, []byte(ask))
	d, _ := k.d.(*bacnet)
	if d.poll(k.message(0, []byte(ask)), &log{}) != len(ask) || d.poll(k.message(1, []byte(ack)), &log{}) != len(ack) {
		t.Error("poll does not read what is asked most")
	}
}
