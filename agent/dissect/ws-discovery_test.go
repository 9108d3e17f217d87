package dissect

import (
	"net/netip"
	"strings"
	"testing"
)

func FuzzWSDiscovery(f *testing.F) { fuzzDissector(f, "ws-discovery", false) }

// wsdMade is an envelope of the 2005 draft around a body.
func wsdMade(body string) []byte {
	return []byte(`<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" ` +
		`xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">` +
		`<s:Body>` + body + `</s:Body></s:Envelope>`)
}

func wsdCamera(address string) string {
	return `<d:ProbeMatches><d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types>` +
		`<d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/hardware/CAM-100 ` +
		`onvif://www.onvif.org/name/Gate%202 onvif://www.onvif.org/location/hall%2F3</d:Scopes>` +
		`<d:XAddrs>http://` + address + `/onvif/device_service</d:XAddrs></d:ProbeMatch></d:ProbeMatches>`
}

const wsdProbe = `<d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe>`

func TestWSDiscovery(t *testing.T) {
	k := &talk{t: t, d: &wsDiscovery{}, port: 3702}
	expectTold(t, k.say(0, wsdMade(wsdProbe)), "client diagnose=1")
	got := k.say(1, wsdMade(wsdCamera("10.0.0.2")))
	for _, want := range []string{"server", `model="CAM-100"(ws-discovery.scopes.hardware,identity)`, `name="Gate 2"`, `location="hall/3"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	if got := k.say(1, wsdMade(wsdCamera("10.9.9.9"))); got != "server" {
		t.Errorf("what a proxy says of others is told of it: %s", got)
	}
	for _, address := range []string{"10.0.0.2:8080", "camera.example", "10.0.0.2:80/x"} {
		if got := k.say(1, wsdMade(wsdCamera(address))); !strings.Contains(got, "CAM-100") {
			t.Errorf("%s is not the sender's own: %s", address, got)
		}
	}
	for name, b := range map[string]string{"html": "<html></html>", "text": "hello", "empty": string(wsdMade("")), "other": "M-SEARCH * HTTP/1.1\r\n"} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &wsDiscovery{}, port: 3702}).refused(0, []byte(b), ErrNotMine) })
	}
}

// TestWSDiscoverySample builds a search that a camera answers, and a computer
// that announces itself and goes.
func TestWSDiscoverySample(t *testing.T) {
	r := newReel()
	group := netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 255, 255, 250}), 3702)
	a, b := madeAddr(1, 50001), madeAddr(2, 3702)
	r.udp(a, group, wsdMade(wsdProbe))
	r.udp(b, a, wsdMade(wsdCamera("192.0.2.2")))
	c := madeAddr(3, 3702)
	hello := `<d:Hello><d:Types>wsdp:Device pub:Computer</d:Types><d:XAddrs>http://192.0.2.3:5357/5c0f/</d:XAddrs></d:Hello>`
	r.udp(c, group, []byte(strings.ReplaceAll(string(wsdMade(hello)), string(wsdSpaces[0]), string(wsdSpaces[1]))))
	r.udp(c, group, wsdMade(`<d:Bye></d:Bye>`))
	made(t, "ws-discovery", "camera", r)
}
