package dissect

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func nmeaCheck(s string) string {
	sum := byte(0)
	for i := range len(s) {
		sum ^= s[i]
	}
	return fmt.Sprintf("%s*%02X", s, sum)
}

func nmeaSay(s string) string { return "$" + nmeaCheck(s) + "\r\n" }

func TestNMEA(t *testing.T) {
	for name, c := range map[string][2]string{
		"position": {nmeaSay("GPGGA,120000,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"), `nmea.talker="GP"(nmea.sentence.talker,content)`},
		"ships":    {"!" + nmeaCheck("AIVDM,1,1,,A,15M67F,0") + "\r\n", `nmea.talker="AI"(nmea.sentence.talker,content)`},
		"query":    {nmeaSay("CCGPQ,GGA"), "client read=1"},
		"own":      {nmeaSay("PABC,1,2"), ""},
		"tagged":   {`\` + nmeaCheck("s:GP0001,n:7") + `\` + nmeaSay("GPHDT,271.1,T"), `nmea.source="GP0001"(nmea.tag.source,content) nmea.talker="GP"(nmea.sentence.talker,content)`},
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, d: &nmea{}, stream: true}
			expectTold(t, k.say(0, []byte(c[0])), c[1])
			for n := 1; n < len(c[0]); n++ {
				(&talk{t: t, d: &nmea{}, stream: true}).refused(0, []byte(c[0][:n]), ErrShort)
			}
			expectTold(t, (&talk{t: t, d: &nmea{}}).say(0, []byte(nmeaToken+c[0])), c[1])
			if !matchNMEA([]byte(c[0])) || !matchNMEA([]byte(nmeaToken+c[0])) {
				t.Error("the signature does not know it")
			}
		})
	}
	for name, s := range map[string]string{
		"check":      "$GPGGA,1*00\r\n",
		"no check":   "$GPGGA,1\r\n",
		"address":    nmeaSay("gpgga,1"),
		"short":      nmeaSay("GPG,1"),
		"control":    nmeaSay("GPGGA,\x01"),
		"bad tags":   `\s:GP0001*00\` + nmeaSay("GPHDT,1,T"),
		"other text": "hello\r\n",
		"long":       nmeaSay("GPGGA," + strings.Repeat("1", nmeaMost)),
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &nmea{}, stream: true}).refused(0, []byte(s), ErrNotMine) })
	}
	if at := (&nmea{}).Resync([]byte("9,N*00\r\n$GP")); at != 8 {
		t.Errorf("next line at %d", at)
	}
}

func TestNMEASample(t *testing.T) {
	r := newReel()
	hdt := nmeaSay("HEHDT,271.1,T")
	r.udp(madeAddr(1, 40001), netip.MustParseAddrPort("239.192.0.1:60001"), []byte(nmeaToken+`\`+nmeaCheck("s:HE0001,n:7")+`\`+hdt))
	r.udp(madeAddr(3, 40003), madeAddr(255, 10110), []byte(hdt+nmeaSay("WIMWV,045.0,R,12.1,N,A")))
	a, b := madeAddr(2, 40002), madeAddr(1, 10110)
	r.open(a, b)
	r.tcp(b, a, []byte(nmeaSay("GPGLL,4916.45,N,12311.12,W,225444,A,")+hdt))
	r.tcp(a, b, []byte(nmeaSay("CCGPQ,GGA")))
	r.tcp(b, a, []byte(nmeaSay("GPGGA,120000,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")))
	made(t, "nmea", "bridge", r)
}

func FuzzNMEA(f *testing.F) { fuzzDissector(f, "nmea", true) }
