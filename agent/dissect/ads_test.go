package dissect

import (
	"encoding/binary"
	"testing"
)

// adsMessage is an AMS message of 192.0.2.N.1.1: a request goes to port 851,
// its answer comes from there.
func adsMessage(command, state uint16, data string) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte{0, 0}, uint32(32+len(data)))
	client, server := []byte{192, 0, 2, 1, 1, 1, 0, 0x80}, []byte{5, 13, 1, 2, 1, 1, 0x53, 3}
	if state&adsResponse != 0 && command != adsNotification || state&adsResponse == 0 && command == adsNotification {
		client, server = server, client
	}
	b = append(append(b, server...), client...)
	b = le.AppendUint16(b, command)
	b = le.AppendUint16(b, state)
	b = le.AppendUint32(b, uint32(len(data)))
	return append(append(b, 0, 0, 0, 0, 7, 0, 0, 0), data...)
}

func adsAsk(command uint16, data string) []byte  { return adsMessage(command, 4, data) }
func adsTell(command uint16, data string) []byte { return adsMessage(command, 5, data) }

// adsSystem is a request to the system service.
func adsSystem(command uint16, data string) []byte {
	b := adsAsk(command, data)
	b[12], b[13] = 0x10, 0x27
	return b
}

func adsRouter(service uint32, count byte, tags string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{3, 0x66, 0x14, 0x71, 0, 0, 0, 0}, service)
	id := []byte{192, 0, 2, 1, 1, 1}
	if service&adsAnswered != 0 {
		id = []byte{5, 13, 1, 2, 1, 1}
	}
	b = append(append(b, id...), 0x10, 0x27, count, 0, 0, 0)
	return append(b, tags...)
}

const (
	adsInfo    = "\x00\x00\x00\x00\x03\x01\xb8\x0fPlc30 App\x00\x00\x00\x00\x00\x00\x00"
	adsGroup   = "\x20\x40\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00"
	adsOne     = `ads.ams_net_id="192.0.2.1.1.1"(ads.source_net_id,content)`
	adsTwo     = `ads.ams_net_id="5.13.1.2.1.1"(ads.source_net_id,content)`
	adsOneRout = `ads.ams_net_id="192.0.2.1.1.1"(ads.datagram.net_id,content)`
	adsTwoRout = `ads.ams_net_id="5.13.1.2.1.1"(ads.datagram.net_id,content)`
	adsAbout   = "\x05\x00\x0a\x00CX-0D7560\x00\x04\x00\x14\x00\x14\x01\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x03\x00\x04\x00\x02\x0b\xf6\x07"
)

func adsTalk(t testing.TB, stream bool) *talk {
	tt, _ := t.(*testing.T)
	return &talk{t: tt, d: &ads{}, port: adsPort, stream: stream}
}

func TestADSIdentity(t *testing.T) {
	k := adsTalk(t, true)
	expectTold(t, k.say(0, adsAsk(adsDeviceInfo, "")), "client "+adsOne+" diagnose=1")
	expectTold(t, k.say(1, adsTell(adsDeviceInfo, adsInfo)), "server "+adsTwo+` port/851 product="Plc30 App"(ads.device_info.name,identity) port/851 firmware="3.1.4024"(ads.device_info.version,identity)`)
	expectTold(t, k.say(1, adsTell(adsDeviceInfo, "\x01\x07\x00\x00")), "server "+adsTwo)
	expectTold(t, k.say(1, adsMessage(adsNotification, 4, "\x04\x00\x00\x00\x00\x00\x00\x00")), "server "+adsTwo)
}

func TestADSOperations(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"read":            {adsAsk(adsRead, adsGroup), "read"},
		"write":           {adsAsk(adsWrite, adsGroup+"\x01\x00"), "write"},
		"state":           {adsAsk(adsReadState, ""), "diagnose"},
		"stop":            {adsAsk(adsWriteControl, "\x06\x00\x00\x00\x00\x00\x00\x00"), "control"},
		"subscribe":       {adsAsk(adsSubscribe, string(make([]byte, 40))), "subscribe"},
		"unsubscribe":     {adsAsk(adsUnsubscribe, "\x01\x00\x00\x00"), "subscribe"},
		"symbol by name":  {adsAsk(adsReadWrite, "\x03\xf0\x00\x00"+string(make([]byte, 12))), "read"},
		"many are read":   {adsAsk(adsReadWrite, "\x80\xf0\x00\x00"+string(make([]byte, 12))), "read"},
		"many written":    {adsAsk(adsReadWrite, "\x81\xf0\x00\x00"+string(make([]byte, 12))), "write"},
		"many subscribed": {adsAsk(adsReadWrite, "\x85\xf0\x00\x00"+string(make([]byte, 12))), "subscribe"},
		"file":            {adsSystem(adsReadWrite, "\x78\x00\x00\x00"+string(make([]byte, 12))), "transfer"},
		"program started": {adsSystem(adsWrite, "\xf4\x01\x00\x00"+string(make([]byte, 8))), "control"},
		"net id changed":  {adsSystem(adsWrite, "\x58\x02\x00\x00"+string(make([]byte, 8))), "configure"},
		"registry":        {adsSystem(adsReadWrite, "\xc8\x00\x00\x00"+string(make([]byte, 12))), "read"},
	} {
		t.Run(name, func(t *testing.T) {
			k := adsTalk(t, true)
			k.say(0, adsAsk(adsReadState, ""))
			expectTold(t, k.say(0, c.b), "client "+adsOne+" "+c.want+"=1")
		})
	}
	k := adsTalk(t, true) // answers alone
	expectTold(t, k.say(1, adsTell(adsWrite, "\x00\x00\x00\x00")), "server "+adsTwo+" write=1")
}

func TestADSDatagram(t *testing.T) {
	k := adsTalk(t, false)
	k.port = adsDiscoveryPort
	expectTold(t, k.say(0, adsRouter(adsIdentify, 0, "")), "client "+adsOneRout+" diagnose=1")
	expectTold(t, k.say(1, adsRouter(adsIdentify|adsAnswered, 3, adsAbout)), "server "+adsTwoRout+
		` name="CX-0D7560"(ads.datagram.host_name,identity) os="Windows CE 6.0.0"(ads.datagram.os_version,identity) ads.twincat_version="2.11.2038"(ads.datagram.version,identity)`)
	expectTold(t, k.say(0, adsRouter(adsAddRoute, 1, "\x0c\x00\x02\x00a\x00")), "client "+adsOneRout+" configure=1")
	k.refused(0, []byte("\x03\x66\x14\x72"+string(make([]byte, 20))), ErrMalformed)
	k.refused(0, adsRouter(77, 0, ""), ErrMalformed)
}

func TestADSIsNotADS(t *testing.T) {
	ok := adsAsk(adsRead, adsGroup)
	if !matchADS(ok) || !matchADS(adsRouter(adsIdentify, 0, "")) {
		t.Fatal("the signature does not know ADS")
	}
	for name, change := range map[string]func(b []byte){
		"reserved":          func(b []byte) { b[0] = 9 },
		"lengths differ":    func(b []byte) { b[26]++ },
		"too short":         func(b []byte) { b[2] = 3 },
		"unknown command":   func(b []byte) { b[22] = 12 },
		"no ADS command":    func(b []byte) { b[24] = 1 },
		"unknown flag":      func(b []byte) { b[25] = 1 },
		"size of a command": func(b []byte) { b[22] = adsSubscribe },
		"error of an ask":   func(b []byte) { b[30] = 1 },
	} {
		b := append([]byte{}, ok...)
		change(b)
		if matchADS(b) {
			t.Errorf("%s: the signature claims it", name)
		}
		adsTalk(t, true).refused(0, b, ErrNotMine)
	}
	for n := 1; n < len(ok); n++ {
		adsTalk(t, true).refused(0, ok[:n], ErrShort)
	}
	k := adsTalk(t, true)
	k.refused(0, []byte("\x00\x10\x02\x00\x00\x00\x00\x00"), ErrNotMine)
	k.say(0, ok)
	expectTold(t, k.say(0, []byte("\x00\x10\x02\x00\x00\x00\x00\x00")), "")
	if at := (&ads{}).Resync(append([]byte("xxx"), ok...)); at != 3 {
		t.Errorf("next message at %d", at)
	}
	if at := (&ads{}).Resync(ok[:30]); at != -1 {
		t.Errorf("found one at %d", at)
	}
}

func TestADSSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 48899), madeAddr(2, adsDiscoveryPort)
	r.udp(a, b, adsRouter(adsIdentify, 0, ""))
	r.udp(b, a, adsRouter(adsIdentify|adsAnswered, 3, adsAbout))
	r.udp(a, b, adsRouter(adsAddRoute, 1, "\x0c\x00\x06\x00ROUTE\x00"))
	r.udp(b, a, adsRouter(adsAddRoute|adsAnswered, 1, "\x01\x00\x04\x00\x00\x00\x00\x00"))
	a, b = madeAddr(1, 50001), madeAddr(2, adsPort)
	r.open(a, b)
	for _, x := range [][2][]byte{
		{adsAsk(adsDeviceInfo, ""), adsTell(adsDeviceInfo, adsInfo)},
		{adsAsk(adsReadState, ""), adsTell(adsReadState, "\x00\x00\x00\x00\x05\x00\x00\x00")},
		{adsAsk(adsRead, adsGroup), adsTell(adsRead, "\x00\x00\x00\x00\x02\x00\x00\x00\x34\x12")},
		{adsAsk(adsWrite, adsGroup+"\x34\x12"), adsTell(adsWrite, "\x00\x00\x00\x00")},
		{adsAsk(adsReadWrite, "\x03\xf0\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x07\x00\x00\x00MAIN.x\x00"), adsTell(adsReadWrite, "\x00\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00")},
		{adsAsk(adsSubscribe, adsGroup+string(make([]byte, 28))), adsTell(adsSubscribe, "\x00\x00\x00\x00\x01\x00\x00\x00")},
		{adsAsk(adsWriteControl, "\x06\x00\x00\x00\x00\x00\x00\x00"), adsTell(adsWriteControl, "\x00\x00\x00\x00")},
	} {
		r.tcp(a, b, x[0])
		r.tcp(b, a, x[1])
	}
	r.tcp(b, a, adsMessage(adsNotification, 4, "\x04\x00\x00\x00\x00\x00\x00\x00"))
	made(t, "ads", "session", r)

	r = newReel() // from the middle, answers alone
	r.tcp(b, a, adsTell(adsRead, "\x00\x00\x00\x00\x02\x00\x00\x00\x34\x12"))
	r.tcp(b, a, adsTell(adsDeviceInfo, adsInfo))
	made(t, "ads", "one-sided", r)
}

func FuzzADS(f *testing.F) { fuzzDissector(f, "ads", true) }

func FuzzADSDatagram(f *testing.F) { fuzzDissector(f, "ads", false) }
