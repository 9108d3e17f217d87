package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "profinet-dcp",
		Over:     []string{"ethernet"},
		Tier:     1,
		Ports:    EtherType(profinetType),
		New:      func() Dissector { return &profinetDCP{} },
		OT:       true,
		Reads:    "name of station, type of station, vendor and device identifier, role, instance, IP suite, alias, OEM; settings of name, address and factory reset",
		Standard: "IEC 61158-6-10 clause 4.3 (DCP), IEC 61158-5-10",
	})
}

// profinetType is the EtherType of PROFINET real-time frames (IEC 61158-6-10
// clause 4.2.2). What follows begins with the frame identifier.
const profinetType = 0x8892

// Frame identifiers of DCP, IEC 61158-6-10 table "FrameID".
const (
	dcpHello        = 0xfefc
	dcpGetSet       = 0xfefd
	dcpIdentify     = 0xfefe
	dcpIdentifyBack = 0xfeff
)

// Services, IEC 61158-6-10 clause 4.3.1.3.
const (
	dcpServiceGet      = 3
	dcpServiceSet      = 4
	dcpServiceIdentify = 5
	dcpServiceHello    = 6
)

// dcpHeader is what stands before the blocks:
//
//	 0         2         3      4          8               10       12
//	+---------+---------+------+----------+---------------+--------+-----------
//	| frame   | service | type | exchange | delay factor  | length | blocks ...
//	| id      |         |      |          | or reserved   |        |
//	+---------+---------+------+----------+---------------+--------+-----------
//	type 0 request, 1 response, 5 response "not supported"
type dcpHeader struct {
	frame   uint16
	service uint8
	kind    uint8
	blocks  []byte
	size    int // of the blocks, as the header says
}

const (
	dcpHeaderSize = 12
	dcpRefused    = 5
)

func readDCP(b []byte) (h dcpHeader, ok bool) {
	c := wire.New(b)
	h.frame, h.service, h.kind = c.U16(), c.U8(), c.U8()
	c.Skip(6)
	h.size = int(c.U16())
	if !c.OK() || !h.fits() {
		return h, false
	}
	h.blocks = c.Bytes(min(h.size, c.Len()))
	return h, true
}

// fits reports a service that belongs to its frame identifier.
func (h *dcpHeader) fits() bool {
	switch h.frame {
	case dcpHello:
		return h.service == dcpServiceHello && h.kind == 0
	case dcpGetSet:
		return (h.service == dcpServiceGet || h.service == dcpServiceSet) && (h.kind <= 1 || h.kind == dcpRefused)
	case dcpIdentify:
		return h.service == dcpServiceIdentify && h.kind == 0
	case dcpIdentifyBack:
		return h.service == dcpServiceIdentify && h.kind == 1
	}
	return false
}

func (h *dcpHeader) request() bool { return h.kind == 0 }

// profinetDCP reads what two stations, or one and a group, say to each other
// under the EtherType of PROFINET. Cyclic data between the same two is handed
// on, for the conversation then is one of process data.
type profinetDCP struct {
	sides sides
	told  bool
	text  scratch
}

func (d *profinetDCP) Dissect(m *Message, out Out) (int, error) {
	h, ok := readDCP(m.Data)
	if !ok {
		if d.told && isRealTime(m.Data) {
			out.Payload(0, m.Data)
			return len(m.Data), nil
		}
		return 0, notMine(d.told)
	}
	if h.size > len(h.blocks) && !m.Cut {
		return 0, notMine(d.told)
	}
	d.read(m, &h, out)
	if h.size > len(h.blocks) {
		return 0, ErrShort
	}
	if !d.told {
		d.told = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return len(m.Data), nil // the rest pads the frame
}

func (d *profinetDCP) read(m *Message, h *dcpHeader, out Out) {
	d.text.reset()
	if h.service == dcpServiceHello {
		d.blocks(h, out)
		return
	}
	out.Sender(roleOf(h.request()))
	counts := d.sides.counts(m, h.request())
	switch {
	case h.service == dcpServiceSet && counts:
		h.count(out)
	case h.service == dcpServiceGet && counts, h.service == dcpServiceIdentify && h.request():
		// The answers to Identify go to another address than the question:
		// there they count nothing.
		out.Operation(ot.Diagnose, 1)
	}
	if h.kind == 1 && h.service != dcpServiceSet {
		d.blocks(h, out)
	}
}

// count adds what each block of a Set asks for, or had asked for.
func (h *dcpHeader) count(out Out) {
	c := wire.New(h.blocks)
	for range maxDCPBlocks {
		b, ok := readDCPBlock(&c)
		if !ok {
			return
		}
		if b.option == dcpControl && b.suboption == dcpResponse {
			b.option, b.suboption = b.answered()
		}
		if class, ok := b.class(); ok {
			out.Operation(class, 1)
		}
	}
}
