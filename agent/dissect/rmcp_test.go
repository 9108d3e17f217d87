package dissect

import "testing"

// ipmiSay is a message of IPMI 1.5 outside a session.
func ipmiSay(function, command byte, data string) []byte {
	sum := func(s string) (n byte) {
		for i := range len(s) {
			n -= s[i]
		}
		return n
	}
	head := "\x20" + string([]byte{function << 2})
	rest := "\x81\x04" + string([]byte{command}) + data
	m := head + string([]byte{sum(head)}) + rest + string([]byte{sum(rest)})
	return []byte("\x06\x00\xff\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00" + string([]byte{byte(len(m))}) + m)
}

const (
	asfPing  = "\x06\x00\xff\x06\x00\x00\x11\xbe\x80\x01\x00\x00"
	asfPong  = "\x06\x00\xff\x06\x00\x00\x11\xbe\x40\x01\x00\x10\x00\x00\x01\x57\x00\x00\x00\x00\x81\x00\x00\x00\x00\x00\x00\x00"
	ipmiIs   = "\x00\x20\x81\x02\x46\x02\xbf\xa2\x02\x00\x00\x01"
	rmcpOpen = "\x06\x00\xff\x07\x06\x10\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00ab"
	rmcpLock = "\x06\x00\xff\x07\x06\xc0\x01\x00\x00\x00\x01\x00\x00\x00\x04\x00abcd\xff\xff\x02\x07codecodecode"
)

func TestRMCP(t *testing.T) {
	for name, c := range map[string][2]string{
		"ping":     {asfPing, "client diagnose=1"},
		"pong":     {asfPong, `server rmcp.manufacturer_id="343"(rmcp.presence_pong.enterprise,identity) vendor="Intel"(rmcp.presence_pong.enterprise,identity)`},
		"reset":    {"\x06\x00\x01\x06\x00\x00\x11\xbe\x10\x01\x00\x00", "client control=1"},
		"who":      {string(ipmiSay(ipmiApp, ipmiDevice, "")), "client diagnose=1"},
		"power":    {string(ipmiSay(ipmiChassis, ipmiPower, "\x00")), "client control=1"},
		"password": {string(ipmiSay(ipmiApp, 0x47, "x")), "client configure=1"},
		"flash":    {string(ipmiSay(ipmiFirmware, 1, "x")), "client firmware=1"},
		"sensor":   {string(ipmiSay(ipmiSensor, 0x2d, "x")), "client read=1"},
		"session":  {string(ipmiSay(ipmiApp, ipmiActivate, "x")), "client authenticate=1"},
		"open":     {rmcpOpen, "client authenticate=1"},
		"locked":   {rmcpLock, ""},
		"ack":      {"\x06\x00\x01\x86", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&talk{t: t, d: &rmcp{}, port: 623}).say(0, []byte(c[0]))
			expectTold(t, got, c[1])
			if matchRMCP([]byte(c[0])) != (name != "ack") {
				t.Error("the signature is wrong about it")
			}
			for n := range len(c[0]) {
				if matchRMCP([]byte(c[0][:n])) {
					t.Errorf("claims %d octets", n)
				}
			}
		})
	}
	k := &talk{t: t, d: &rmcp{}, port: 623}
	expectTold(t, k.say(1, ipmiSay(ipmiApp+1, ipmiDevice, ipmiIs)), `server rmcp.manufacturer_id="674"(rmcp.get_device_id,identity) vendor="Dell"(rmcp.get_device_id,identity) rmcp.product_id="0x0100"(rmcp.get_device_id,identity) firmware="2.46"(rmcp.get_device_id,identity) rmcp.ipmi_version="2.0"(rmcp.get_device_id,identity)`)
	bad := ipmiSay(ipmiApp, ipmiDevice, "")
	bad[15]++
	k.refused(0, bad, ErrMalformed)
	k.refused(0, []byte("\x06\x00\xff\x08"), ErrMalformed)
}

func TestRMCPSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 40001), madeAddr(2, 623)
	r.udp(a, b, []byte(asfPing))
	r.udp(b, a, []byte(asfPong))
	r.udp(a, b, ipmiSay(ipmiApp, ipmiDevice, ""))
	r.udp(b, a, ipmiSay(ipmiApp+1, ipmiDevice, ipmiIs))
	r.udp(a, b, []byte(rmcpOpen))
	r.udp(a, b, []byte(rmcpLock))
	made(t, "rmcp", "controller", r)
}

func FuzzRMCP(f *testing.F) { fuzzDissector(f, "rmcp", false) }
