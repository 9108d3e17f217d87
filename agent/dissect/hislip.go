package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "hislip",
		Over:     []string{"tcp"},
		Tier:     3,
		Ports:    TCP(hislipPort),
		Match:    matchHiSLIP,
		New:      func() Dissector { return &hislip{} },
		OT:       true,
		Reads:    "vendor, model, serial number and firmware that an instrument answers to *IDN?; what it is asked and told, triggers, service requests",
		Standard: "IVI-6.1 clauses 2 to 6, IEEE 488.2 clause 10.14",
	})
}

const hislipPort = 4880

// hislip reads messages of the synchronous and of the asynchronous channel:
//
//	 0      2      3         4           8          16
//	+------+------+---------+-----------+----------+---------
//	| "HS" | type | control | parameter | length   | payload
//	+------+------+---------+-----------+----------+---------
type hislip struct {
	told bool
	asks bool // the last text of the client was *IDN?
	text scratch
}

const (
	hislipHeader = 16
	hislipText   = 512 // a payload longer than that is not looked at
	hislipMost   = 1 << 32
	hislipLast   = 37
)

// Types of messages, IVI-6.1 table 4.
const (
	hislipData    = 6
	hislipDataEnd = 7
	hislipTrigger = 12
	hislipClear   = 19
	hislipService = 20
	hislipStatus  = 21
)

// Who sends which type, as bits; data and errors come from both.
const (
	hislipClients = 1<<0 | 1<<4 | 1<<8 | 1<<10 | 1<<12 | 1<<15 | 1<<17 | 1<<19 | 1<<21 | 1<<24 | 1<<26
	hislipServers = 1<<1 | 1<<5 | 1<<9 | 1<<11 | 1<<13 | 1<<14 | 1<<16 | 1<<18 | 1<<20 | 1<<22 | 1<<23 | 1<<25 | 1<<27
)

type hislipMessage struct {
	kind uint8
	size int    // 0 while the header is not whole
	text []byte // of a short payload
}

func readHiSLIP(b []byte) (g hislipMessage, ok bool) {
	if !startsLike(b, "HS") {
		return g, false
	}
	c := wire.New(b)
	c.Skip(2)
	g.kind = c.U8()
	c.Skip(5)
	n := c.U64()
	if !c.OK() {
		return g, g.kind <= hislipLast || g.kind >= 128
	}
	if g.kind > hislipLast && g.kind < 128 || n > hislipMost || g.kind != hislipData && g.kind != hislipDataEnd && n > hislipText {
		return g, false
	}
	g.size = hislipHeader + int(n)
	if n <= hislipText {
		g.text = c.Bytes(min(int(n), c.Len()))
	}
	return g, true
}

func matchHiSLIP(b []byte) bool {
	g, ok := readHiSLIP(b)
	return ok && g.size > 0
}

func (d *hislip) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	g, ok := readHiSLIP(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.told)
	case g.size == 0, g.size <= hislipHeader+hislipText && len(m.Data) < g.size:
		return 0, ErrShort
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.learn(&g, m, out)
	return g.size, nil
}

func (d *hislip) learn(g *hislipMessage, m *Message, out Out) {
	if g.kind < 32 && hislipClients>>g.kind&1 != 0 {
		out.Sender(Client)
	}
	if g.kind < 32 && hislipServers>>g.kind&1 != 0 {
		out.Sender(Server)
	}
	switch g.kind {
	case hislipTrigger, hislipClear:
		out.Operation(ot.Control, 1)
	case hislipService:
		out.Operation(ot.Alarm, 1)
	case hislipStatus:
		out.Operation(ot.Diagnose, 1)
	case hislipData, hislipDataEnd:
		if m.likelyFromClient(hislipPort) {
			d.asked(g.text, out)
		} else {
			d.answered(g.text, out)
		}
	}
}

var hislipIdentify = []byte("*IDN?")

// asked tells what a program message wants: a query ends in a question mark
// (IEEE 488.2 clause 7.3.3).
func (d *hislip) asked(text []byte, out Out) {
	text = bytes.TrimRight(text, " \r\n;")
	d.asks = len(text) == len(hislipIdentify) && bytes.EqualFold(text, hislipIdentify)
	switch {
	case d.asks:
		out.Operation(ot.Diagnose, 1)
	case bytes.IndexByte(text, '?') >= 0:
		out.Operation(ot.Read, 1)
	default:
		out.Operation(ot.Write, 1)
	}
}

// answered reads the four fields of an identification, IEEE 488.2 clause
// 10.14.3: manufacturer, model, serial number, firmware; 0 where there is none.
func (d *hislip) answered(text []byte, out Out) {
	if !d.asks {
		return
	}
	d.asks = false
	text = bytes.TrimRight(text, " \r\n")
	if bytes.Count(text, []byte{','}) != 3 || !printable(text) {
		return
	}
	const source = "hislip.idn"
	for _, a := range [...]ot.Attribute{ot.Vendor, ot.Model, ot.Serial, ot.FirmwareRev} {
		var v []byte
		v, text, _ = bytes.Cut(text, []byte{','})
		if v = trim(v); len(v) > 0 && string(v) != "0" {
			out.Fact(Sender, a, v, source, ot.Identity)
		}
	}
}

// Resync finds the next message behind a gap.
func (d *hislip) Resync(b []byte) int {
	for i := 0; i+hislipHeader <= len(b); i++ {
		c := wire.New(b)
		c.Skip(i)
		if matchHiSLIP(c.Rest()) {
			return i
		}
	}
	return -1
}
