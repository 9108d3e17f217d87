package dissect

import (
	"strings"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ls-fenet",
		Over:     []string{"tcp", "udp"},
		Tier:     2,
		Ports:    append(TCP(2004), UDP(2005)...),
		Match:    matchFEnet,
		New:      func() Dissector { return &fenet{} },
		OT:       true,
		Reads:    "series of LS Electric's controllers, who asks, operations",
		Standard: "LS Electric, XGT FEnet I/F Module User's Manual, chapter XGT server (frame structure of the dedicated service); from the text alone",
	})
}

// fenet reads the dedicated service of XGT and GLOFA controllers, numbers
// little endian:
//
//	 0          10         12    13       14        16       18         19    20
//	+----------+----------+-----+--------+---------+--------+----------+-----+------
//	| LSIS-XGT | state of | CPU | 33 ask | invoke  | length | base and | sum | command 16 ...
//	| 00 00    | the PLC  |     | 11 tell|         |        | slot     |     |
//	+----------+----------+-----+--------+---------+--------+----------+-----+------
type fenet struct {
	claimed bool
	sides   sides
}

const (
	fenetXGT    = "LSIS-XGT\x00\x00"
	fenetGLOFA  = "LGIS-GLOFA"
	fenetHead   = 20
	fenetMost   = 2048
	fenetAsk    = 0x33
	fenetTell   = 0x11
	fenetRead   = 0x54 // an answer has the next number
	fenetWrite  = 0x58
	fenetStatus = 0xb0
)

// fenetFrame is the head of a message.
type fenetFrame struct {
	size    int // 0 while it has not come
	cpu     uint8
	asks    bool
	command uint16
}

func readFEnet(b []byte) (f fenetFrame, ok bool) {
	id := string(b[:min(len(b), len(fenetXGT))])
	if !strings.HasPrefix(fenetXGT, id) && !strings.HasPrefix(fenetGLOFA, id) {
		return f, false
	}
	c := wire.New(b)
	c.Skip(len(fenetXGT) + 2)
	f.cpu = c.U8()
	way := c.U8()
	c.Skip(2)
	n := int(c.U16LE())
	c.Skip(2)
	f.command = c.U16LE()
	if !c.OK() {
		return f, len(b) <= fenetHead-7 || way == fenetAsk || way == fenetTell
	}
	f.asks = way == fenetAsk
	if way != fenetAsk && way != fenetTell || n < 2 || n > fenetMost || f.command > 0xff || f.asks == (f.command&1 != 0) {
		return f, false
	}
	f.size = fenetHead + n
	return f, true
}

func matchFEnet(b []byte) bool {
	f, ok := readFEnet(b)
	return ok && f.size > 0
}

func (d *fenet) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	f, ok := readFEnet(m.Data)
	switch {
	case !ok, !m.Stream && !m.Cut && f.size != len(m.Data):
		return 0, notMine(d.claimed)
	case f.size == 0 || f.size > len(m.Data):
		return 0, ErrShort
	}
	out.Sender(roleOf(f.asks))
	if d.sides.counts(m, f.asks) {
		if class, ok := fenetClass(f.command &^ 1); ok {
			out.Operation(class, 1)
		}
	}
	if !f.asks {
		out.Fact(Sender, ot.Vendor, fenetVendor, "ls-fenet.header", ot.Content)
		if series := fenetSeries[f.cpu]; series != nil {
			out.Fact(Sender, ot.Product, series, "ls-fenet.header.cpu", ot.Content)
		}
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return f.size, nil
}

var fenetVendor = []byte("LS Electric")

// fenetSeries are the series that a head tells.
var fenetSeries = [256][]byte{0xa0: []byte("XGK"), 0xa4: []byte("XGI"), 0xa8: []byte("XGR"), 0xb0: []byte("XGB"), 0xb4: []byte("XGB (IEC)")}

func fenetClass(command uint16) (ot.Operation, bool) {
	switch command {
	case fenetRead:
		return ot.Read, true
	case fenetWrite:
		return ot.Write, true
	case fenetStatus:
		return ot.Diagnose, true
	}
	return 0, false
}

// Resync finds the next message behind a gap.
func (d *fenet) Resync(b []byte) int {
	for i := range b {
		if b[i] == 'L' && matchFEnet(b[i:]) {
			return i
		}
	}
	return -1
}
