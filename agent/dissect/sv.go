package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "sv",
		Tier:     1,
		Over:     []string{"ethernet"},
		Ports:    EtherType(0x88ba),
		New:      func() Dissector { return &sv{} },
		OT:       true,
		Reads:    "publisher: sampled value identifiers, data set, APPID, configuration revision, simulation",
		Standard: "IEC 61850-9-2:2011 clause 8 and annex A",
	})
}

// sv reads sampled values behind their EtherType, IEC 61850-9-2 annex A. The
// header is that of GOOSE:
//
//	| APPID | length | reserved1 | reserved2 | 60 len { 80 number of ASDUs
//	                                           [81 security]  A2 len { ASDU ... } }
//	ASDU: 30 len { 80 svID [81 datSet] 82 smpCnt 83 confRev [84 refrTm]
//	               85 smpSynch [86 smpRate] 87 samples [88 smpMod] }
//
// The publisher stands as the client: nobody asks it.
type sv struct {
	claimed bool
	recent  recent
	text    scratch
}

// svMaxASDUs bounds the ASDUs of one frame; profiles have 1 to 8.
const svMaxASDUs = 16

// svASDU are the elements of one ASDU that are told.
type svASDU struct{ id, dataSet, revision []byte }

// readSV finds the sequence of ASDUs.
func readSV(apdu wire.Cursor, cut bool) (list wire.Cursor, ok bool) {
	tag, number := berNext(&apdu, cut)
	if n := berUint(&number); tag != 0x80 || n == 0 || n > 0xffff {
		return list, false
	}
	tag, list = berNext(&apdu, cut)
	if tag == 0x81 || tag == 0xa1 { // security
		tag, list = berNext(&apdu, cut)
	}
	return list, tag == 0xa2 && apdu.OK() && list.Len() > 0
}

// next reads one ASDU, its elements in the order of their tags.
func (a *svASDU) next(list *wire.Cursor, cut bool) bool {
	*a = svASDU{}
	tag, v := berNext(list, cut)
	if tag != berSequence {
		return false
	}
	seen, last := uint32(0), -1
	for v.Len() > 0 {
		tag, x := berNext(&v, cut)
		number := int(tag & 0x1f)
		if tag&^0x1f != 0x80 || number <= last {
			return false
		}
		last = number
		seen |= 1 << number
		switch number {
		case 0:
			a.id = x.Rest()
		case 1:
			a.dataSet = x.Rest()
		case 3:
			a.revision = x.Rest()
		case 7:
			if x.Len() == 0 {
				return false
			}
		}
	}
	const needed = 1<<0 | 1<<2 | 1<<3 | 1<<5 | 1<<7
	return gseName(a.id) && len(a.dataSet) <= 255 && (seen&needed == needed || cut)
}

// Dissect implements Dissector: one frame.
func (d *sv) Dissect(m *Message, out Out) (int, error) {
	h, apdu, ok := readGSE(m.Data, 0x60, m.Cut)
	if !ok {
		return 0, notMine(d.claimed)
	}
	list, ok := readSV(apdu, m.Cut)
	if !ok {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	var a svASDU
	for n := 0; n < svMaxASDUs && list.Len() > 0; n++ {
		if !a.next(&list, m.Cut) {
			return 0, notMine(d.claimed)
		}
		d.publisher(m, h, a, out)
	}
	out.Sender(Client)
	out.Operation(ot.Subscribe, 1)
	if m.Cut {
		return 0, ErrShort
	}
	d.claimed = true
	return len(m.Data), nil
}

// publisher tells what one ASDU says of its sender.
func (d *sv) publisher(m *Message, h gseHeader, a svASDU, out Out) {
	key := hashOf(a.id) ^ hashOf(a.revision)<<1 ^ hashOf(h.appid)<<2
	if h.simulated {
		key ^= 1
	}
	if !d.recent.fresh(m.Time, key) {
		return
	}
	out.Security(ot.Security{Mode: ot.SecurityNone})
	out.Fact(Sender, "sv.id", a.id, "sv.svID", ot.Identity)
	if len(a.dataSet) > 0 {
		out.Fact(Sender, "sv.dataset", a.dataSet, "sv.datSet", ot.Identity)
	}
	out.Fact(Sender, "sv.appid", d.text.hexNumber(h.appid), "sv.appid", ot.Content)
	if len(a.revision) > 0 && len(a.revision) <= 5 {
		c := wire.New(a.revision)
		out.Fact(Sender, "sv.conf_rev", d.text.uint(berUint(&c)), "sv.confRev", ot.Content)
	}
	if h.simulated {
		out.Fact(Sender, "sv.simulated", a.id, "sv.simulation", ot.Content)
	}
}
