package ingest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	demarcv1 "demarc/proto/demarc/v1"
)

func address(last byte) *demarcv1.Address {
	return &demarcv1.Address{Segment: "line4", Ip: []byte{10, 20, 4, last}}
}

// fullBody sets every field of sighting.proto.
func fullBody(n int) *demarcv1.Body {
	b := &demarcv1.Body{}
	for i := range n {
		c, s := address(byte(i)), address(byte(i+1))
		b.Endpoints = append(b.Endpoints,
			&demarcv1.EndpointDelta{Address: c, Mac: []byte{0, 14, 140, 18, 52, byte(i)}, Vlans: []uint32{104, 4095}, OwnLink: true, FirstNs: 1, LastNs: 2, Ttls: []uint32{64, 255}},
			&demarcv1.EndpointDelta{Address: &demarcv1.Address{Segment: "line4", Mac: []byte{0, 14, 140, 18, 52, byte(i)}, Vlan: 104}})
		b.Facts = append(b.Facts, &demarcv1.FactDelta{Of: s, Part: "slot/3", Attribute: "model", Value: "6ES7 315-2EH14-0AB0", Source: "s7comm.szl.0x001c", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: 1, LastNs: 2})
		b.Connections = append(b.Connections, &demarcv1.ConnectionDelta{
			Key: &demarcv1.ConnectionKey{Client: c, Server: s, Transport: "tcp", Port: 102}, Vlans: []uint32{104},
			Protocol: "s7comm", Grade: demarcv1.Grade_GRADE_CONTENT, DirectionBasis: "syn", OpenedBy: "client", Outcome: "exchanged",
			RelatedTo:     &demarcv1.ConnectionKey{Client: c, Server: s, Transport: "tcp", Port: 135},
			ClientPackets: 1, ServerPackets: 2, ClientBytes: 3, ServerBytes: 4, Sessions: 5, Operations: []uint64{8, 1},
			Security: "none", Tls: "1.2", Policy: "None", Subject: "CN=x", ServerName: "x", FirstNs: 1, LastNs: 1 << 60,
			ClientPayload: proto.Uint64(0), ServerPayload: proto.Uint64(1 << 40),
		})
		b.Moves = append(b.Moves, &demarcv1.ConnectionMove{
			From: &demarcv1.ConnectionKey{Client: c, Server: s}, To: &demarcv1.ConnectionKey{Client: s, Server: c},
		})
		b.Losses = append(b.Losses, &demarcv1.LossDelta{Reason: "kernel-drop", Segment: "line4", FirstNs: 1, LastNs: 2, Count: 3, Detail: "frames"})
	}
	return b
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFormsHoldTheContract: every field of what agents send has its form, so
// that none reaches the journal unchecked.
func TestFormsHoldTheContract(t *testing.T) {
	for m, f := range map[proto.Message]*form{
		&demarcv1.Body{}: &bodyForm, &demarcv1.Address{}: &addressForm, &demarcv1.EndpointDelta{}: &endpointForm, &demarcv1.FactDelta{}: &factForm,
		&demarcv1.ConnectionKey{}: &keyForm, &demarcv1.ConnectionDelta{}: &connectionForm, &demarcv1.ConnectionMove{}: &moveForm, &demarcv1.LossDelta{}: &lossForm,
	} {
		all := m.ProtoReflect().Descriptor().Fields()
		for i := range all.Len() {
			if n := int(all.Get(i).Number()); n >= len(f.fields) || f.fields[n].kind == unlisted {
				t.Errorf("%s of %s has no form", all.Get(i).Name(), f.name)
			}
		}
	}
}

// What only a collector writes is refused, and so is what would not decode.
func TestCheckBodyRefusesWhatCollectorsSave(t *testing.T) {
	for name, b := range map[string][]byte{
		"hours":                   marshal(t, &demarcv1.Body{Endpoints: []*demarcv1.EndpointDelta{{Address: address(1), Hours: []uint64{1, 2, 3}}}}),
		"hours that end too soon": []byte("\n \n\r2\x0500000\x12\x040000B\x06000000900000000"),
		"a hop limit of 256":      marshal(t, &demarcv1.Body{Endpoints: []*demarcv1.EndpointDelta{{Address: address(1), Ttls: []uint32{256}}}}),
	} {
		if err := CheckBody(b); !errors.Is(err, errBody) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckBodyTakesWhatAgentsSend(t *testing.T) {
	for _, b := range []*demarcv1.Body{{}, fullBody(1), fullBody(200)} {
		if err := CheckBody(marshal(t, b)); err != nil {
			t.Error(err)
		}
	}
}

// A newer agent's fields are skipped.
func TestCheckBodySkipsWhatItDoesNotKnow(t *testing.T) {
	b := protowire.AppendTag(nil, 99, protowire.BytesType)
	b = protowire.AppendBytes(b, []byte("new"))
	b = protowire.AppendTag(b, 98, protowire.VarintType)
	b = protowire.AppendVarint(b, 1<<63)
	b = protowire.AppendTag(b, 97, protowire.Fixed32Type)
	b = protowire.AppendFixed32(b, 1)
	b = protowire.AppendTag(b, 96, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, 1)
	if err := CheckBody(append(b, marshal(t, fullBody(1))...)); err != nil {
		t.Error(err)
	}
}

func TestCheckBodyRefuses(t *testing.T) {
	one := func(change func(*demarcv1.ConnectionDelta)) []byte {
		c := fullBody(1).Connections[0]
		change(c)
		return marshal(t, &demarcv1.Body{Connections: []*demarcv1.ConnectionDelta{c}})
	}
	group := protowire.AppendTag(nil, 99, protowire.StartGroupType)
	twice := marshal(t, address(1))
	twice = append(twice, marshal(t, &demarcv1.Address{Ip: []byte{1, 2, 3, 4}})...)
	merged := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), twice)
	merged = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), merged)
	for name, b := range map[string][]byte{
		"too large":         make([]byte, demarcv1.MaxBody+1),
		"no key":            one(func(c *demarcv1.ConnectionDelta) { c.Key = nil }),
		"no client":         one(func(c *demarcv1.ConnectionDelta) { c.Key.Client = nil }),
		"no address":        one(func(c *demarcv1.ConnectionDelta) { c.Key.Client.Ip = nil }),
		"ip and mac":        one(func(c *demarcv1.ConnectionDelta) { c.Key.Client.Mac = make([]byte, 6) }),
		"short ip":          one(func(c *demarcv1.ConnectionDelta) { c.Key.Client.Ip = make([]byte, 3) }),
		"odd ip":            one(func(c *demarcv1.ConnectionDelta) { c.Key.Client.Ip = make([]byte, 15) }),
		"port":              one(func(c *demarcv1.ConnectionDelta) { c.Key.Port = 65536 }),
		"vlan":              one(func(c *demarcv1.ConnectionDelta) { c.Vlans = []uint32{1, 4096} }),
		"long text":         one(func(c *demarcv1.ConnectionDelta) { c.Protocol = string(make([]byte, nameBytes+1)) }),
		"segment":           one(func(c *demarcv1.ConnectionDelta) { c.Key.Client.Segment = "line\n4" }),
		"comes twice":       merged,
		"group":             group,
		"cut":               one(func(*demarcv1.ConnectionDelta) {})[:40],
		"not UTF-8":         {0x2a, 3, 0x0a, 1, 0xff},
		"number as bytes":   {0x2a, 3, 0x2a, 1, 1},
		"many items":        bytes.Repeat([]byte{0x2a, 0}, demarcv1.MaxItems+1),
		"tag past the last": {0x80, 0x80, 0x80, 0x80, 0x30, 0x30}, // found by fuzzing
		"tag zero":          {0, 0},
		"endless varint":    bytes.Repeat([]byte{0xff}, 20),
	} {
		if err := CheckBody(b); !errors.Is(err, errBody) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckBodyAllocatesNothing(t *testing.T) {
	b := marshal(t, fullBody(50))
	if n := testing.AllocsPerRun(100, func() { _ = CheckBody(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzCheckBody: what passes decodes, and every address in it is one.
func FuzzCheckBody(f *testing.F) {
	f.Add(marshal(f, fullBody(2)))
	f.Add([]byte{})
	f.Add([]byte{0x2a, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if CheckBody(b) != nil {
			return
		}
		var body demarcv1.Body
		if err := proto.Unmarshal(b, &body); err != nil {
			t.Fatalf("passed and does not decode: %v", err)
		}
		for _, c := range body.Connections {
			for _, a := range []*demarcv1.Address{c.Key.Client, c.Key.Server} {
				if (len(a.Ip) == 0) == (len(a.Mac) == 0) {
					t.Fatalf("an address with ip %x and mac %x", a.Ip, a.Mac)
				}
			}
		}
	})
}

func BenchmarkCheckBody(b *testing.B) {
	body := marshal(b, fullBody(100))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckBody(body); err != nil {
			b.Fatal(err)
		}
	}
}

// TestProbeEntries: requests of any bytes are taken within their limits, and
// go to the audit log.
func TestProbeEntries(t *testing.T) {
	entry := func(change func(*demarcv1.ProbeEntry)) []byte {
		e := &demarcv1.ProbeEntry{TimeNs: 1, Target: "10.20.4.10:502", What: "modbus report server ID, unit 1", Sent: make([]byte, 11), Answer: make([]byte, 33), Received: 33, LatencyNs: 5}
		change(e)
		b, err := proto.Marshal(&demarcv1.Body{Probes: []*demarcv1.ProbeEntry{e}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := entry(func(*demarcv1.ProbeEntry) {})
	if err := CheckBody(good); err != nil {
		t.Error(err)
	}
	acts := probeActs("a1", good)
	if len(acts) != 1 || acts[0].Who != "agent a1" || acts[0].On != "10.20.4.10:502" {
		t.Errorf("%+v", acts)
	}
	long := probeActs("a1", entry(func(e *demarcv1.ProbeEntry) {
		e.Sent, e.Answer, e.Received, e.LatencyNs, e.Schedule, e.Error = bytes.Repeat([]byte{0xab}, 6000), bytes.Repeat([]byte{0xcd}, 2048), 9000, 1_234_567, "p-1", "no answer"
	}))
	want := "modbus report server ID, unit 1; schedule p-1; sent 6000 bytes: " + strings.Repeat("ab", 6000) +
		"; answer 9000 bytes, the first 2048: " + strings.Repeat("cd", 2048) + "; latency 1.234567ms; error: no answer"
	if len(long) != 1 || long[0].Detail != want {
		t.Errorf("the audit log has not every byte: %+v", long)
	}
	for name, change := range map[string]func(*demarcv1.ProbeEntry){
		"no target": func(e *demarcv1.ProbeEntry) { e.Target = "" }, "long answer": func(e *demarcv1.ProbeEntry) { e.Answer = make([]byte, 5000) },
		"two lines": func(e *demarcv1.ProbeEntry) { e.What = "a\nb" },
	} {
		if err := CheckBody(entry(change)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
