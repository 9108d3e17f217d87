package dissect

import "testing"

const (
	atgInventory = "\x01\r\nI20100\r\nJAN 24, 2026  3:07 PM\r\n\r\nHARBOUR FUEL 3\r\n1 QUAY ROAD\r\n\r\n\r\nIN-TANK INVENTORY\r\n\r\nTANK PRODUCT   VOLUME\r\n  1  DIESEL      8372\r\n\r\n\x03"
	atgRevision  = "\x01\r\nI90200\r\nJAN 24, 2026  3:07 PM\r\n\r\nSOFTWARE REVISION LEVEL\r\nVERSION 131.01\r\nSOFTWARE# 346330-100-B\r\nCREATED - 10.05.19.16.55\r\n\r\n\x03"
)

func TestATG(t *testing.T) {
	k := &talk{t: t, d: &atg{}, port: 10001, stream: true}
	expectTold(t, k.say(0, []byte("\x01I20100\r\n")), "client read=1")
	expectTold(t, k.say(1, []byte(atgInventory)), `server name="HARBOUR FUEL 3"(atg.report.station,identity)`)
	expectTold(t, k.say(0, []byte("\x01I90200\n")), "client diagnose=1")
	expectTold(t, k.say(1, []byte(atgRevision)), `server firmware="131.01"(atg.i902.version,identity) atg.software_number="346330-100-B"(atg.i902.software_number,identity)`)
	expectTold(t, k.say(0, []byte("\x01123456S60201NEW NAME            \r\n")), "client authenticate=1 configure=1")
	expectTold(t, k.say(0, []byte("\x01S00300\r\n")), "client control=1")
	expectTold(t, k.say(1, []byte("\x01i902002601241507SOFTWARE# 346330-100-BCREATED - 10.05.19.16.55&&F0AA\x03")), `server atg.software_number="346330-100-B"(atg.i902.software_number,identity)`)
	expectTold(t, k.say(1, []byte("\x01i201002601241507&&F0AA\x03")), "server")
	expectTold(t, k.say(1, []byte("\x019999FF1B\x03")), "server")
	expectTold(t, k.say(1, []byte("\x01\r\nI20100\r\nJAN 24, 2026\r\n\r\nIN-TANK INVENTORY\r\n\x03")), "server")
	// Without a line end, the next command ends the one before.
	k.log.reset()
	if used, err := k.d.Dissect(k.message(0, []byte("\x01I20100\x01I20200\n")), &k.log); used != 7 || err != nil {
		t.Errorf("used %d, %v", used, err)
	}
}

func TestATGIsNotATG(t *testing.T) {
	for _, ok := range []string{"\x01I20100\r\n", atgInventory, "\x01123456S60201NEW NAME\r\n", "\x01i201002601241507&&F0AA\x03"} {
		if !matchATG([]byte(ok)) {
			t.Fatalf("the signature does not know %q", ok)
		}
		for n := 1; n < len(ok)-1; n++ {
			(&talk{t: t, d: &atg{}, stream: true}).refused(0, []byte(ok[:n]), ErrShort)
		}
	}
	for name, b := range map[string]string{
		"letter":         "\x01X20100\r\n",
		"digits":         "\x01I2O100\r\n",
		"short":          "\x01I201\r\n",
		"error first":    "\x019999FF1B\x03",
		"no checksum":    "\x01i20100260124\x03",
		"display, other": "\x01\r\nHELLO WORLD\r\n\x03",
		"CR alone":       "\x01\rI20100",
		"text":           "GET / HTTP/1.1\r\n",
		"binary":         "\x01\x03\x00\x00\x00\x0a",
		"long":           "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) { (&talk{t: t, d: &atg{}, stream: true}).refused(0, []byte(b), ErrNotMine) })
	}
	if at := (&atg{}).Resync([]byte("\x01x\x03\x01I20100\r\n")); at != 3 {
		t.Errorf("next message at %d", at)
	}
}

func TestATGSample(t *testing.T) {
	r := newReel()
	a, b := madeAddr(1, 50001), madeAddr(2, 10001)
	r.open(a, b)
	for _, x := range [][2]string{
		{"\x01I20100\r\n", atgInventory},
		{"\x01I90200\r\n", atgRevision},
		{"\x01123456S60201DIESEL              \r\n", "\x01\r\nS60201\r\nJAN 24, 2026  3:08 PM\r\n\r\nTANK PRODUCT LABEL\r\n\x03"},
		{"\x01i20200\r\n", "\x01i202002601241508&&F0AA\x03"},
	} {
		r.tcp(a, b, []byte(x[0]))
		r.tcp(b, a, []byte(x[1]))
	}
	made(t, "atg", "gauge", r)
}

func FuzzATG(f *testing.F) { fuzzDissector(f, "atg", true) }
