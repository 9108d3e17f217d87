package dissect

import (
	"math/bits"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "iec101",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Match:    func(b []byte) bool { return matchFT12(b, provesIEC101) },
		New:      func() Dissector { return &iec101{} },
		OT:       true,
		Reads:    "link and common addresses, operations by type and cause",
		Standard: "IEC 60870-5-101:2003 behind serial gateways, frames of IEC 60870-5-1 clause 6.2.4.2 and IEC 60870-5-2; from the text alone",
	})
}

const (
	iec101Link    ot.Attribute = "iec101.link_address"
	iec101Station ot.Attribute = "iec101.common_address"
)

// iec101 reads one line between a controlling station, the client, and
// controlled ones. The sizes of link address, cause, common address and object
// address are agreed for each line and not told in frames: what fits all of
// them is kept.
type iec101 struct {
	claimed bool
	fits    iec101Sizes
	asduTally
	recent recent
	text   scratch
}

// iec101Sizes is a set of agreements, a bit each.
type iec101Sizes uint64

// iec101Size is one agreement, in octets.
type iec101Size struct{ link, cause, common, object int }

const iec101Agreements = 3 * 2 * 2 * 3

func iec101SizeOf(bit int) iec101Size {
	return iec101Size{bit / 12, 1 + bit/6%2, 1 + bit/3%2, 1 + bit%3}
}

// withLink are those of the set with a link address of n octets.
func (s iec101Sizes) withLink(n int) iec101Sizes { return s & ((1<<12 - 1) << (12 * n)) }

// link is the size of the link address where all agree, or -1.
func (s iec101Sizes) link() int {
	for n := range 3 {
		if s != 0 && s.withLink(n) == s {
			return n
		}
	}
	return -1
}

// first is an agreement of the set, with the most usual link address.
func (s iec101Sizes) first() iec101Size {
	for _, n := range [...]int{1, 2} {
		if some := s.withLink(n); some != 0 {
			s = some
			break
		}
	}
	return iec101SizeOf(bits.TrailingZeros64(uint64(s)))
}

// readASDU101 reads the data unit identifier of a frame's body, IEC
// 60870-5-101, 7.2.
func readASDU101(body []byte, size iec101Size) (x asdu, c wire.Cursor) {
	c = wire.New(body)
	c.Skip(1 + size.link)
	x.kind = c.U8()
	vsq, cause := c.U8(), c.U8()
	x.sequence, x.number = vsq&0x80 != 0, int(vsq&0x7f)
	x.cause, x.negative = cause&0x3f, cause&0x40 != 0
	if cause&0x80 != 0 { // a test
		x.kind = 0
	}
	if size.cause == 2 {
		x.originator = c.U8()
	}
	x.address = littleEndian(c.Bytes(size.common))
	if !c.OK() {
		x.kind = 0
	}
	return x, c
}

func littleEndian(b []byte) (n uint16) {
	for i := range b {
		n |= uint16(b[i]) << (8 * i)
	}
	return n
}

// iec101Fit is the set of agreements under which a body is an ASDU of a defined
// type whose cause, number and size agree.
func iec101Fit(body []byte) (s iec101Sizes) {
	for bit := range iec101Agreements {
		size := iec101SizeOf(bit)
		x, c := readASDU101(body, size)
		if x.usual() && x.fills(&c, size.object) {
			s |= 1 << bit
		}
	}
	return s
}

// usual reports whether type, cause and number go together, IEC 60870-5-101,
// 7.2.3 and table 14. The common address 0 is not used (7.2.4).
func (x asdu) usual() bool {
	if x.kind == 0 || x.kind > 127 || elementSizes[x.kind] == 0 || x.number == 0 || x.address == 0 {
		return false
	}
	switch {
	case x.kind == 70:
		return x.number == 1 && x.cause == causeInitialized
	case x.monitored():
		const sequences = 1<<1 | 1<<3 | 1<<5 | 1<<7 | 1<<9 | 1<<11 | 1<<13 | 1<<15 | 1<<20 | 1<<21
		return (!x.sequence || sequences>>x.kind&1 != 0) && x.reports()
	case x.file():
		return x.cause == causeRequest || x.cause == causeFile || x.cause >= causeUnknownType && sensible(x.cause)
	}
	return !x.sequence && x.number == 1 && x.ordered()
}

// reports is whether the cause is one of process information.
func (x asdu) reports() bool {
	switch x.cause {
	case causePeriodic, causeBackground, causeSpontaneous, causeRequest, causeRemote, causeLocal:
		return true
	}
	return x.interrogated() && sensible(x.cause)
}

// ordered is whether the cause is one of a command.
func (x asdu) ordered() bool {
	switch {
	case x.cause >= causeActivation && x.cause <= causeTermination, x.cause >= causeUnknownType && sensible(x.cause):
		return true
	case x.kind == 102:
		return x.cause == causeRequest
	case x.kind == 103:
		return x.cause == causeSpontaneous
	}
	return x.parameter() && x.cause == causeInterrogated
}

// fills reports whether the objects take exactly what is left.
func (x asdu) fills(c *wire.Cursor, object int) bool {
	rest, element := c.Len(), int(elementSizes[x.kind])
	switch {
	case element == anyElement: // a segment of a file: name 2, section 1, length 1
		c.Skip(object + 3)
		n := int(c.U8())
		return c.OK() && c.Len() == n
	case element == noElement:
		element = 0
	}
	if x.system() && x.kind != 102 && !zero(c.Peek(object)) { // it has no object
		return false
	}
	if x.sequence {
		return rest == object+x.number*element
	}
	return rest == x.number*(object+element)
}

// provesIEC101 reports whether a frame is one of IEC 101 and of no other
// protocol of its class.
func provesIEC101(f ft12) bool {
	return f.body != nil && iec101Fit(f.body) != 0 && !iec103Fits(&f) && !mbusFits(&f)
}

func (d *iec101) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	f, err := nextFT12(m, d.claimed, d.fits.link(), provesIEC101)
	if err != nil {
		return 0, err
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if f.body == nil {
		ft12Direct(&f, out)
		return f.size, nil
	}
	d.asdu(m, &f, out)
	return f.size, nil
}

// ft12Direct tells what a frame says of who is who, IEC 60870-5-2: the
// direction bit is set by the controlling station where both may begin, and
// only it polls.
func ft12Direct(f *ft12, out Out) {
	switch fn := f.function(); {
	case f.single:
	case f.control&ft12Direction != 0:
		out.Sender(Client)
	case f.primary() && (fn == ft12RequestClass || fn == ft12Class1 || fn == ft12Class2):
		out.Sender(Client)
	}
}

// asdu reads a frame with user data.
func (d *iec101) asdu(m *Message, f *ft12, out Out) {
	fit := iec101Fit(f.body)
	if fit == 0 {
		ft12Direct(f, out) // a maker's own type
		return
	}
	if both := fit & d.fits; both != 0 {
		fit = both
	}
	d.fits = fit
	x, common := d.agreed(fit, f.body)
	from, known := x.sender()
	if known {
		out.Sender(from)
	} else {
		ft12Direct(f, out)
	}
	if known && from == Server {
		d.station(m, f, x, common, out)
	}
	d.count(x, out)
}

// agreed reads an ASDU as the first agreement has it, and reports whether all
// read the same common address.
func (d *iec101) agreed(fit iec101Sizes, body []byte) (x asdu, common bool) {
	x, _ = readASDU101(body, fit.first())
	for common = true; fit != 0; fit &= fit - 1 {
		other, _ := readASDU101(body, iec101SizeOf(bits.TrailingZeros64(uint64(fit))))
		common = common && other.address == x.address
	}
	return x, common
}

// station tells the addresses of a controlled station that reports.
func (d *iec101) station(m *Message, f *ft12, x asdu, common bool, out Out) {
	if common && x.address != 0xff && x.address != 0xffff && x.cause < causeUnknownType && d.recent.fresh(m.Time, uint64(x.address)) {
		out.Fact(Sender, iec101Station, d.text.uint(uint64(x.address)), "iec101.asdu.common_address", ot.Content)
	}
	if link := d.fits.link(); link > 0 {
		c := wire.New(f.body)
		c.Skip(1)
		if address := littleEndian(c.Bytes(link)); d.recent.fresh(m.Time, 1<<16|uint64(address)) {
			out.Fact(Sender, iec101Link, d.text.uint(uint64(address)), "iec101.link_address", ot.Content)
		}
	}
}

// Resync finds the next frame that is one of IEC 101.
func (d *iec101) Resync(b []byte) int { return resyncFT12(b, provesIEC101) }
