package dissect

import (
	"encoding/binary"
	"testing"
)

// dcpFrame is what follows the EtherType.
func dcpFrame(frame uint16, service, kind byte, blocks ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, frame)
	b = append(b, service, kind, 0, 0, 0, 7, 0, 0)
	var all []byte
	for _, x := range blocks {
		all = append(all, x...)
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(all))), all...)
}

// dcpAnswer is a block with its information; dcpAsk is one of a request, which
// has a qualifier in its place.
func dcpAnswer(option, suboption byte, info uint16, data string) []byte {
	b := []byte{option, suboption}
	b = binary.BigEndian.AppendUint16(b, uint16(2+len(data)))
	b = append(binary.BigEndian.AppendUint16(b, info), data...)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

var dcpAsk = dcpAnswer

// dcpDone is the answer to a Set.
func dcpDone(option, suboption byte) []byte {
	return []byte{dcpControl, dcpResponse, 0, 3, option, suboption, 0, 0}
}

func dcpTalk(t testing.TB) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &profinetDCP{}, port: 1}
}

func station(name string) [][]byte {
	return [][]byte{
		dcpAnswer(2, 1, 0, "IM155-6PN"), dcpAnswer(2, 2, 0, name), dcpAnswer(2, 3, 0, "\x00\x2a\x03\x13"), dcpAnswer(2, 4, 0, "\x01\x00"),
		dcpAnswer(2, 7, 0, "\x00\x64"), dcpAnswer(1, 2, 1, "\xc0\x00\x02\x15\xff\xff\xff\x00\xc0\x00\x02\x01"),
	}
}

const stationFacts = `product="IM155-6PN"(profinet-dcp.identify.type_of_station,identity) ` +
	`profinet.station_name="belt-7"(profinet-dcp.identify.name_of_station,identity) name="belt-7"(profinet-dcp.identify.name_of_station,identity) ` +
	`profinet.vendor_id="0x002a"(profinet-dcp.identify.device_id,identity) profinet.device_id="0x0313"(profinet-dcp.identify.device_id,identity) ` +
	`vendor="Siemens"(profinet-dcp.identify.device_id,identity) profinet.role="io-device"(profinet-dcp.identify.device_role,identity) ` +
	`profinet.instance="0.100"(profinet-dcp.identify.device_instance,identity) profinet.ip="192.0.2.21"(profinet-dcp.identify.ip_suite,identity) ` +
	`profinet.netmask="255.255.255.0"(profinet-dcp.identify.ip_suite,identity) profinet.gateway="192.0.2.1"(profinet-dcp.identify.ip_suite,identity)`

func TestDCPIdentify(t *testing.T) {
	k := dcpTalk(t)
	expectTold(t, k.say(0, dcpFrame(dcpIdentify, dcpServiceIdentify, 0, []byte{2, 2, 0, 6}, []byte("belt-7"))), "client diagnose=1")
	expectTold(t, k.say(1, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1, station("belt-7")...)), "server "+stationFacts)
}

func TestDCPSet(t *testing.T) {
	for _, c := range []struct {
		block []byte
		want  string
	}{
		{dcpAsk(2, 2, 1, "belt-8"), "configure=1"},
		{dcpAsk(1, 2, 0, "\xc0\x00\x02\x16\xff\xff\xff\x00\x00\x00\x00\x00"), "configure=1"},
		{dcpAsk(dcpControl, dcpSignal, 0, "\x01\x00"), "configure=1"},
		{dcpAsk(dcpControl, dcpFactoryReset, 0, ""), "control=1"},
		{dcpAsk(dcpControl, dcpReset, 4, ""), "control=1"},
		{dcpAsk(dcpControl, dcpStart, 0, ""), ""},
	} {
		want := "client"
		if c.want != "" {
			want += " " + c.want
		}
		k := dcpTalk(t)
		expectTold(t, k.say(0, dcpFrame(dcpGetSet, dcpServiceSet, 0, c.block)), want)
		expectTold(t, k.say(1, dcpFrame(dcpGetSet, dcpServiceSet, 1, dcpDone(c.block[0], c.block[1]))), "server")
		k = dcpTalk(t) // a mirror that shows the answers alone
		want = "server" + want[len("client"):]
		expectTold(t, k.say(1, dcpFrame(dcpGetSet, dcpServiceSet, 1, dcpDone(c.block[0], c.block[1]))), want)
	}
}

func TestDCPGetAndHello(t *testing.T) {
	k := dcpTalk(t)
	expectTold(t, k.say(0, dcpFrame(dcpGetSet, dcpServiceGet, 0, []byte{2, 2})), "client diagnose=1")
	expectTold(t, k.say(1, dcpFrame(dcpGetSet, dcpServiceGet, 1, dcpAnswer(2, 2, 0, "belt-7"), dcpAnswer(2, 6, 0, "port-001.x"), dcpAnswer(2, 8, 0, "\x01\x23\x00\x01"))),
		`server profinet.station_name="belt-7"(profinet-dcp.get.name_of_station,identity) name="belt-7"(profinet-dcp.get.name_of_station,identity) `+
			`profinet.alias="port-001.x"(profinet-dcp.get.alias_name,identity) profinet.oem_id="01230001"(profinet-dcp.get.oem_device_id,identity)`)
	expectTold(t, k.say(1, dcpFrame(dcpGetSet, dcpServiceGet, dcpRefused)), "server")
	expectTold(t, k.say(1, dcpFrame(dcpHello, dcpServiceHello, 0, dcpAnswer(2, 2, 0, "x"), dcpAnswer(1, 2, 0, "\xc0\x00\x02\x16\xff\xff\xff\x00\x00\x00\x00\x00"))),
		`profinet.station_name="x"(profinet-dcp.hello.name_of_station,identity) name="x"(profinet-dcp.hello.name_of_station,identity)`)
}

func TestDCPIsNotDCP(t *testing.T) {
	for name, b := range map[string][]byte{
		"service of another frame": dcpFrame(dcpIdentify, dcpServiceGet, 0),
		"identify that is set":     dcpFrame(dcpGetSet, dcpServiceIdentify, 0),
		"unknown type":             dcpFrame(dcpGetSet, dcpServiceGet, 9),
		"cyclic data":              append([]byte{0x80, 0}, make([]byte, 44)...),
		"longer than the frame":    dcpFrame(dcpGetSet, dcpServiceGet, 0, []byte{2, 2})[:13],
		"empty":                    nil,
	} {
		t.Run(name, func(t *testing.T) { dcpTalk(t).refused(0, b, ErrNotMine) })
	}
	k := dcpTalk(t)
	m := k.message(0, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1, station("belt-7")...)[:40])
	m.Cut = true
	if _, err := k.d.Dissect(m, &k.log); err == nil {
		t.Error("a cut frame was read whole")
	}
}

// A station that first is found and then exchanges data is one conversation,
// known by what matters most.
func TestDCPHandsDataOn(t *testing.T) {
	k := dcpTalk(t)
	k.say(1, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1, station("belt-7")...))
	expectTold(t, k.say(1, cyclic(0x8001)), "payload 0")
	k.refused(1, []byte{0xff, 0x40, 0, 0}, ErrMalformed)
}

func TestDCPSample(t *testing.T) {
	group := []byte{1, 0x0e, 0xcf, 0, 0, 0}
	r := newReel()
	r.ether(1, group, profinetType, dcpFrame(dcpIdentify, dcpServiceIdentify, 0, []byte{0xff, 0xff, 0, 0}))
	r.ether(2, madeMAC(1), profinetType, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1, station("belt-7")...))
	r.ether(3, madeMAC(1), profinetType, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1,
		dcpAnswer(2, 1, 0, "FL SWITCH 2208"), dcpAnswer(2, 2, 0, ""), dcpAnswer(2, 3, 0, "\x00\xb0\x01\x8c"), dcpAnswer(2, 4, 0, "\x01\x00"), dcpAnswer(1, 2, 0, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")))
	r.ether(1, madeMAC(3), profinetType, dcpFrame(dcpGetSet, dcpServiceSet, 0, dcpAsk(dcpControl, dcpSignal, 0, "\x01\x00")))
	r.ether(3, madeMAC(1), profinetType, dcpFrame(dcpGetSet, dcpServiceSet, 1, dcpDone(dcpControl, dcpSignal)))
	r.ether(1, madeMAC(3), profinetType, dcpFrame(dcpGetSet, dcpServiceSet, 0, dcpAsk(2, 2, 1, "switch-7"), dcpAsk(1, 2, 1, "\xc0\x00\x02\x16\xff\xff\xff\x00\x00\x00\x00\x00")))
	r.ether(3, madeMAC(1), profinetType, dcpFrame(dcpGetSet, dcpServiceSet, 1, dcpDone(2, 2), dcpDone(1, 2)))
	r.ether(1, madeMAC(3), profinetType, dcpFrame(dcpGetSet, dcpServiceGet, 0, []byte{2, 2, 1, 2}))
	r.ether(3, madeMAC(1), profinetType, dcpFrame(dcpGetSet, dcpServiceGet, 1, dcpAnswer(2, 2, 0, "switch-7"), dcpAnswer(1, 2, 1, "\xc0\x00\x02\x16\xff\xff\xff\x00\x00\x00\x00\x00")))
	r.ether(1, madeMAC(4), profinetType, dcpFrame(dcpGetSet, dcpServiceSet, 0, dcpAsk(dcpControl, dcpReset, 4, "")))
	r.ether(4, madeMAC(1), profinetType, dcpFrame(dcpGetSet, dcpServiceSet, 1, dcpDone(dcpControl, dcpReset)))
	r.ether(4, group, profinetType, dcpFrame(dcpHello, dcpServiceHello, 0, dcpAnswer(2, 2, 0, "drive-2"), dcpAnswer(2, 3, 0, "\x00\x2a\x05\x01"), dcpAnswer(1, 2, 1, "\xc0\x00\x02\x17\xff\xff\xff\x00\xc0\x00\x02\x17")))
	made(t, "profinet-dcp", "commission", r)

	r = newReel() // from the middle, answers alone
	r.ether(3, madeMAC(1), profinetType, dcpFrame(dcpGetSet, dcpServiceSet, 1, dcpDone(2, 2)))
	r.ether(3, madeMAC(1), profinetType, dcpFrame(dcpGetSet, dcpServiceGet, 1, dcpAnswer(2, 2, 0, "switch-7")))
	made(t, "profinet-dcp", "one-sided", r)
}

func TestDCPAllocatesNothing(t *testing.T) {
	k := dcpTalk(t)
	m := k.message(1, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1, station("belt-7")...))
	if n := testing.AllocsPerRun(100, func() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkDCP(b *testing.B) {
	k := dcpTalk(b)
	m := k.message(1, dcpFrame(dcpIdentifyBack, dcpServiceIdentify, 1, station("belt-7")...))
	b.ReportAllocs()
	for b.Loop() {
		k.log.reset()
		_, _ = k.d.Dissect(m, &k.log)
	}
}

func FuzzDCP(f *testing.F) { fuzzDissector(f, "profinet-dcp", false) }
