package dissect

import (
	"encoding/binary"
	"testing"
)

func eplIdent(name string) []byte {
	b := append([]byte{eplASnd, eplEveryone, 5, eplIdentResponse}, make([]byte, 22)...)
	for _, v := range []uint32{0x000d0191, 0x0100006c, 7735, 0x10002, 990123} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = append(b, make([]byte, 24)...)
	b = append(b, 192, 168, 100, 5, 255, 255, 255, 0, 192, 168, 100, 254)
	b = append(b, name...)
	return append(b, make([]byte, 32-len(name)+48)...)
}

func eplAccess(from, to, flags, command byte) []byte {
	return []byte{eplASnd, to, from, eplSDO, 2, 2, 0, 0, 0, 7, flags, command, 4, 0, 0, 0, 0, 0x10, 0, 0}
}

func eplTalk(t *testing.T) *talk { return &talk{t: t, d: &powerlink{}} }

const (
	eplFive = `powerlink.node_id="5"(powerlink.source,content) powerlink.role="controlled-node"(powerlink.source,content)`
	eplMain = `powerlink.node_id="240"(powerlink.source,content) powerlink.role="managing-node"(powerlink.source,content)`
)

func TestPowerlink(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"cycle": {[]byte{eplSoC, 255, 240, 0}, eplMain + " client"},
		"poll":  {[]byte{eplPReq, 5, 240, 0, 0, 0}, eplMain + " client"},
		"identity": {eplIdent("press-5"), eplFive + ` powerlink.device_type="852369"(powerlink.ident_response.device_type,identity)` +
			` powerlink.vendor_id="16777324"(powerlink.ident_response.vendor_id,identity) powerlink.product_code="7735"(powerlink.ident_response.product_code,identity)` +
			` powerlink.revision="65538"(powerlink.ident_response.revision_number,identity) serial="990123"(powerlink.ident_response.serial_number,identity)` +
			` powerlink.ip="192.168.100.5"(powerlink.ident_response.ip_address,identity) name="press-5"(powerlink.ident_response.host_name,identity)`},
		"reset":             {[]byte{eplASnd, 5, 240, eplCommand, 0x28, 0}, eplMain + " control=1"},
		"host name set":     {[]byte{eplASnd, 5, 240, eplCommand, 0x62, 0}, eplMain + " configure=1"},
		"published":         {[]byte{eplASnd, 255, 240, eplCommand, 0x90, 0}, eplMain},
		"object read":       {eplAccess(240, 5, 0, sdoReadIndex), eplMain + " client read=1"},
		"object written":    {eplAccess(240, 5, sdoInitiates, sdoWriteIndex), eplMain + " client write=1"},
		"further segment":   {eplAccess(240, 5, 0x20, sdoWriteIndex), eplMain + " client"},
		"file":              {eplAccess(240, 5, 0, sdoFileWrite), eplMain + " client transfer=1"},
		"answer alone":      {eplAccess(5, 240, sdoResponse, sdoReadIndex), eplFive + " server read=1"},
		"answer of version": {[]byte{eplPRes, 0, 5, 0}, eplFive + " server"},
		"first version":     {[]byte{eplPReq, 5, 0, 1}, `powerlink.node_id="0"(powerlink.source,content) powerlink.role="managing-node"(powerlink.source,content) client`},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, eplTalk(t).say(0, c.b), c.want) })
	}
}

func TestPowerlinkIsNotPowerlink(t *testing.T) {
	for name, b := range map[string][]byte{
		"cycle of a node":     {eplSoC, 255, 5, 0},
		"poll of all":         {eplPReq, 255, 240, 0},
		"answer to one":       {eplPRes, 7, 5, 0},
		"unknown service":     {eplASnd, 255, 5, 9, 0},
		"unknown type":        {0x20, 255, 240, 0},
		"from everyone":       {eplASnd, 5, 255, 1, 0},
		"to itself":           {eplAInv, 5, 5, 0},
		"first, unknown type": {9, 5, 0, 0},
		"short":               {eplSoC, 255},
	} {
		t.Run(name, func(t *testing.T) { eplTalk(t).refused(0, b, ErrNotMine) })
	}
}

func TestPowerlinkSample(t *testing.T) {
	group := func(n byte) []byte { return []byte{1, 0x11, 0x1e, 0, 0, n} }
	r := newReel()
	for range 3 {
		r.ether(1, group(1), 0x88ab, []byte{eplSoC, 255, 240, 0})
		r.ether(1, madeMAC(5), 0x88ab, []byte{eplPReq, 5, 240, 0, 1, 0, 0, 0, 2, 0, 1, 2})
		r.ether(5, group(2), 0x88ab, []byte{eplPRes, 255, 5, 0xfd, 1, 0, 0, 0, 2, 0, 3, 4})
		r.ether(1, group(3), 0x88ab, []byte{eplSoA, 255, 240, 0xfd, 0, 0, 1, 5, 0x20})
	}
	r.ether(5, group(4), 0x88ab, eplIdent("press-5"))
	r.ether(1, madeMAC(5), 0x88ab, eplAccess(240, 5, 0, sdoReadIndex))
	r.ether(5, madeMAC(1), 0x88ab, eplAccess(5, 240, sdoResponse, sdoReadIndex))
	r.ether(1, madeMAC(5), 0x88ab, eplAccess(240, 5, 0, sdoWriteIndex))
	r.ether(5, madeMAC(1), 0x88ab, eplAccess(5, 240, sdoResponse, sdoWriteIndex))
	r.ether(1, group(4), 0x88ab, []byte{eplASnd, 5, 240, eplCommand, 0x28, 0})
	r.ether(1, madeMAC(6), 0x3e3f, []byte{eplPReq, 6, 0, 1, 0, 0})
	made(t, "powerlink", "cycle", r)
}

func FuzzPowerlink(f *testing.F) { fuzzDissector(f, "powerlink", false) }
