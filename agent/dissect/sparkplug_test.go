package dissect

import (
	"strings"
	"testing"
)

// protoText is a length-delimited field.
func protoText(field byte, s string) string {
	if len(s) > 0x7f {
		return string([]byte{field<<3 | 2, byte(len(s)) | 0x80, byte(len(s) >> 7)}) + s
	}
	return string([]byte{field<<3 | 2, byte(len(s))}) + s
}

// metric is one of a birth; each has a time (3), a data type (4) and a value (15).
func metric(name, value string) string {
	return protoText(sparkplugMetrics, protoText(metricName, name)+"\x18\x80\x01\x20\x0c"+protoText(metricString, value))
}

// sparkplugPublication is what MQTT hands on: topic, payload.
func sparkplugPublication(topic string, payload ...string) []byte {
	return []byte(mqttString(topic) + strings.Join(payload, ""))
}

func sparkplugTell(t *testing.T, tag uint64, b []byte) string {
	t.Helper()
	d := &sparkplug{}
	var l log
	if _, err := d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: b, Tag: tag}, &l); err != nil {
		t.Fatal(err)
	}
	return told2text(&l)
}

func TestSparkplugBirths(t *testing.T) {
	birth := "\x08\x80\x01" + metric("bdSeq", "") + metric("Node Control/Rebirth", "") + metric("Properties/Hardware Make", "Riverbank") +
		metric("properties/Hardware Model", "no") + metric("Properties/Hardware Model", "RG-8") + metric("Properties/OS", "Linux") +
		metric("Properties/Colour", "grey") + "\x18\x00"
	node := `sparkplug.group="a"(sparkplug.topic.group_id,content) sparkplug.edge_node="gw"(sparkplug.topic.edge_node_id,content) name="gw"(sparkplug.topic.edge_node_id,content)`
	self := ` sparkplug.node_control="Rebirth"(sparkplug.birth.node_control,content) vendor="Riverbank"(sparkplug.birth.hardware_make,identity) ` +
		`model="RG-8"(sparkplug.birth.hardware_model,identity) os="Linux"(sparkplug.birth.os,identity)`
	for _, v := range []uint8{0, 3, 4} {
		expectTold(t, sparkplugTell(t, sparkplugTag(true, false, v), sparkplugPublication("spBv1.0/a/NBIRTH/gw", birth)), node+self)
		expectTold(t, sparkplugTell(t, sparkplugTag(true, true, v), sparkplugPublication("spBv1.0/a/NBIRTH/gw", "\x00\x07", birth)), node+self)
	}
	for _, v := range []uint8{0, 5} {
		expectTold(t, sparkplugTell(t, sparkplugTag(true, false, v), sparkplugPublication("spBv1.0/a/NBIRTH/gw", "\x00", birth)), node+self)
	}
	expectTold(t, sparkplugTell(t, sparkplugTag(true, false, 5), sparkplugPublication("spBv1.0/a/NBIRTH/gw", "\x05\x02\x00\x00\x00\x09", birth)), node+self)
	expectTold(t, sparkplugTell(t, sparkplugTag(true, false, 4), sparkplugPublication("spBv1.0/a/DBIRTH/gw/flow 7", metric("Properties/Serial Number", "S-1"))),
		node+` device/flow 7 sparkplug.device="flow 7"(sparkplug.topic.device_id,content) device/flow 7 name="flow 7"(sparkplug.topic.device_id,content) device/flow 7 serial="S-1"(sparkplug.birth.serial_number,identity)`)
	expectTold(t, sparkplugTell(t, sparkplugTag(true, false, 4), sparkplugPublication("spBv1.0/a/NDATA/gw", birth)), node)
	// Who passes a birth on is not who was born.
	expectTold(t, sparkplugTell(t, sparkplugTag(false, false, 4), sparkplugPublication("spBv1.0/a/NBIRTH/gw", birth)), "")
	// A command says nothing of its sender.
	expectTold(t, sparkplugTell(t, sparkplugTag(true, false, 4), sparkplugPublication("spBv1.0/a/NCMD/gw", birth)), "")
	expectTold(t, sparkplugTell(t, sparkplugWill, []byte("spBv1.0/a/NDEATH/gw")), node)
	host := `sparkplug.host_application="scada-1"(sparkplug.topic.host_id,content)`
	expectTold(t, sparkplugTell(t, sparkplugWill, []byte("spBv1.0/STATE/scada-1")), host)
	expectTold(t, sparkplugTell(t, sparkplugTag(true, false, 4), sparkplugPublication("spBv1.0/STATE/scada-1", "{}")), host)
}

func TestSparkplugIsNotSparkplug(t *testing.T) {
	for _, topic := range []string{
		"spBv1.0/", "spBv1.0/a", "spBv1.0/a/NBIRTH", "spBv1.0/a/NBIRTH/", "spBv1.0//NBIRTH/gw", "spBv1.0/a/XBIRTH/gw", "spBv1.0/a/NOTHING/gw",
		"spBv1.0/a/NBIRTH/gw/device", "spBv1.0/a/DBIRTH/gw", "spBv1.0/a/DBIRTH/gw/", "spBv1.0/a/DBIRTH/gw/x/y", "spBv1.0/STATE/", "spBv1.0/STATE/a/b", "spAv1.0/a/NBIRTH/gw",
	} {
		d := &sparkplug{}
		if _, err := d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: sparkplugPublication(topic), Tag: sparkplugFromClient}, &log{}); err == nil {
			t.Errorf("%q was read", topic)
		}
		if sparkplugCommands([]byte(topic)) {
			t.Errorf("%q commands", topic)
		}
	}
}

// A payload that lies tells as much as is sound.
func TestSparkplugHostilePayloads(t *testing.T) {
	good := metric("Properties/Hardware Make", "Riverbank")
	for name, bad := range map[string]string{
		"length beyond the end": "\x12\xff\xff\xff\xff\x0f",
		"endless number":        strings.Repeat("\xff", 40),
		"field 0":               "\x00\x01",
		"group":                 "\x13\x01",
		"nested lie":            protoText(sparkplugMetrics, "\x0a\x7f"),
	} {
		if got := sparkplugTell(t, sparkplugTag(true, false, 4), sparkplugPublication("spBv1.0/a/NBIRTH/gw", good, bad)); !strings.Contains(got, "Riverbank") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSparkplugAllocatesNothing(t *testing.T) {
	d := &sparkplug{}
	var l log
	m := &Message{Ends: &[2]Endpoint{}, Data: sparkplugPublication("spBv1.0/a/DBIRTH/gw/flow", metric("Properties/Hardware Make", "Riverbank")), Tag: sparkplugTag(true, false, 4)}
	if n := testing.AllocsPerRun(100, func() {
		l.reset()
		_, _ = d.Dissect(m, &l)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzSparkplug(f *testing.F) {
	f.Add([]byte(metric("Properties/Hardware Make", "Riverbank")), uint64(2), "spBv1.0/a/NBIRTH/gw")
	f.Add([]byte("\x00"), uint64(7), "spBv1.0/STATE/x")
	f.Fuzz(func(t *testing.T, payload []byte, tag uint64, topic string) {
		d := &sparkplug{}
		for _, b := range [][]byte{payload, sparkplugPublication(topic, string(payload)), []byte(topic)} {
			if used, err := d.Dissect(&Message{Ends: &[2]Endpoint{}, Data: b, Tag: tag}, &log{}); err == nil && used != len(b) {
				t.Fatalf("used %d of %d", used, len(b))
			}
		}
	})
}
