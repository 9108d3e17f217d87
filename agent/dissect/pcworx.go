package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "pcworx",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(pcworxPort),
		Match:    matchPCWorx,
		New:      func() Dissector { return &pcworx{} },
		OT:       true,
		Reads:    "type, order number, firmware and its date of controllers, who asks",
		Standard: "no public one; " + FromText + ": pcworx-info.nse (Digital Bond Redpoint)",
	})
}

const pcworxPort = 1962

const pcworxBuilt ot.Attribute = "pcworx.firmware_built"

// pcworx reads what PC Worx and AX Software Suite say to Phoenix Contact's
// controllers, as far as is public:
//
//	 0      1      2        4        6
//	+------+------+--------+--------+------
//	|01,81 | kind | length | number | ...        big endian; length counts from 0
//	+------+------+--------+--------+------
//	01h ask, 81h tell; kind 1 opens a session by the name IBETH01N0_M, 5 sets it
//	up, 6 asks what the controller is
type pcworx struct {
	sides   sides
	claimed bool
	asked   uint8 // kind of the last request
	text    scratch
}

const (
	pcworxAsk    = 0x01
	pcworxTell   = 0x81
	pcworxOpen   = 1
	pcworxAbout  = 6
	pcworxLeast  = 6
	pcworxMost   = 4 << 10
	pcworxKinds  = 0x20
	pcworxHello  = "IBETH01N0_M"
	pcworxHelloN = 26
)

// pcworxFrame is the head of a message.
type pcworxFrame struct {
	size int // 0 while it has not come
	tell bool
	kind uint8
}

func readPCWorx(b []byte) (f pcworxFrame, ok bool) {
	c := wire.New(b)
	way := c.U8()
	f.tell = way == pcworxTell
	f.kind = c.U8()
	n := int(c.U16())
	if way != pcworxAsk && way != pcworxTell {
		return f, false
	}
	if !c.OK() {
		return f, len(b) < 2 || f.kind > 0 && f.kind < pcworxKinds
	}
	if f.kind == 0 || f.kind >= pcworxKinds || n < pcworxLeast || n > pcworxMost {
		return f, false
	}
	f.size = n
	return f, true
}

// matchPCWorx claims the opening of a session, by its name, and an answer that
// says what a controller is.
func matchPCWorx(b []byte) bool {
	f, ok := readPCWorx(b)
	if !ok || f.size == 0 || f.size > len(b) {
		return false
	}
	if f.tell {
		return f.size == len(b) && f.kind == pcworxAbout && len(pcworxField(b, pcworxType)) > 0 && len(pcworxField(b, pcworxOrder)) > 0
	}
	c := wire.New(b)
	c.Skip(14)
	return f.kind == pcworxOpen && f.size == pcworxHelloN && string(c.Bytes(len(pcworxHello))) == pcworxHello
}

func (d *pcworx) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	f, ok := readPCWorx(m.Data)
	known := d.claimed || m.Src().Port == pcworxPort || m.Dst().Port == pcworxPort
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case f.size == 0 || f.size > len(m.Data):
		return 0, ErrShort
	case !known && !matchPCWorx(m.Data):
		return 0, ErrNotMine
	}
	d.text.reset()
	out.Sender(roleOf(!f.tell))
	counts := d.sides.counts(m, !f.tell)
	switch {
	case !f.tell:
		if d.asked = f.kind; f.kind == pcworxAbout {
			out.Operation(ot.Diagnose, 1)
		}
	case d.asked == pcworxAbout || counts && f.kind == pcworxAbout:
		d.plate(m.Data[:f.size], out)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return f.size, nil
}

// Offsets of texts in the answer that says what a controller is.
const (
	pcworxType     = 30
	pcworxFirmware = 66
	pcworxDate     = 79
	pcworxTime     = 91
	pcworxOrder    = 152
)

var pcworxVendor = []byte("Phoenix Contact")

// plate tells what a controller is.
func (d *pcworx) plate(b []byte, out Out) {
	product, order := pcworxField(b, pcworxType), pcworxField(b, pcworxOrder)
	if len(product) == 0 || len(order) == 0 {
		return
	}
	out.Fact(Sender, ot.Vendor, pcworxVendor, "pcworx.about", ot.Behaviour)
	out.Fact(Sender, ot.Product, product, "pcworx.about.type", ot.Identity)
	out.Fact(Sender, ot.Model, order, "pcworx.about.order_number", ot.Identity)
	if v := pcworxField(b, pcworxFirmware); len(v) > 0 {
		out.Fact(Sender, ot.FirmwareRev, v, "pcworx.about.firmware", ot.Identity)
	}
	date, at := pcworxField(b, pcworxDate), d.text.mark()
	if len(date) == 0 {
		return
	}
	d.text.add(date)
	if v := pcworxField(b, pcworxTime); len(v) > 0 {
		d.text.byte(' ')
		d.text.add(v)
	}
	out.Fact(Sender, pcworxBuilt, d.text.since(at), "pcworx.about.firmware_date", ot.Identity)
}

// pcworxField is the text at an offset, up to its NUL; nil when there is none.
func pcworxField(b []byte, at int) []byte {
	c := wire.New(b)
	c.Skip(at)
	v := trim(c.Bytes(min(32, c.Len())))
	if len(v) < 2 || !printable(v) {
		return nil
	}
	return v
}

// Resync implements Resyncer.
func (d *pcworx) Resync(b []byte) int {
	for i := 0; i+pcworxLeast <= len(b); i++ {
		if matchPCWorx(b[i:]) {
			return i
		}
	}
	return -1
}
