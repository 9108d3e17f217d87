package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "iccp",
		Tier:     1,
		Over:     []string{"mms"},
		Match:    matchICCP,
		New:      func() Dissector { return &iccp{} },
		OT:       true,
		Reads:    "bilateral table, version, supported blocks, operations",
		Standard: "IEC 60870-6-503:2014 (TASE.2 services and protocol), IEC 60870-6-802 (object models)",
	})
}

// iccp reads the Inter-Control Center Communications Protocol, TASE.2, which
// is MMS with objects of fixed names: mms hands over its PDUs, from the first
// that names one of these on.
type iccp struct {
	claimed bool
	asked   bool // a request was seen: responses then count nothing of their own
	ring    [8]iccpAsked
	next    uint8
	sets    [8]uint64 // names of transfer sets that the server gave out
	nextSet uint8
	text    scratch
}

// iccpAsked is a read whose response holds something to tell.
type iccpAsked struct {
	used   bool
	invoke uint32
	what   [4]iccpObject // of the first variables
}

// iccpObject is what an object's name stands for.
type iccpObject uint8

const (
	iccpOther iccpObject = iota
	iccpVersion
	iccpFeatures
	iccpTable
	iccpNextSet
	iccpReport   // what comes with a report of a transfer set
	iccpReceived // what acknowledges one
)

// tase2Names are the objects of fixed name, IEC 60870-6-503 clause 8.
var tase2Names = []struct {
	name string
	is   iccpObject
}{
	{"TASE2_Version", iccpVersion},
	{"Supported_Features", iccpFeatures},
	{"Bilateral_Table_ID", iccpTable},
	{"Next_DSTransfer_Set", iccpNextSet},
	{"Next_TSTransfer_Set", iccpNextSet},
	{"Transfer_Set_Name", iccpReport},
	{"Transfer_Set_Time_Stamp", iccpReport},
	{"DSConditions_Detected", iccpReport},
	{"Event_Code_Detected", iccpReport},
	{"Transfer_Report_ACK", iccpReceived},
	{"Transfer_Report_NACK", iccpReceived},
}

func tase2Object(item []byte) iccpObject {
	if len(item) < 13 {
		return iccpOther
	}
	for i := range tase2Names {
		if tase2Names[i].name == string(item) {
			return tase2Names[i].is
		}
	}
	return iccpOther
}

// tase2Name reports whether an object's name is one of TASE.2.
func tase2Name(item []byte) bool { return tase2Object(item) != iccpOther }

func matchICCP(b []byte) bool {
	p, ok := readMMS(b, false)
	return ok && p.namesTASE2()
}

// Dissect implements Dissector: one MMS PDU.
func (d *iccp) Dissect(m *Message, out Out) (int, error) {
	p, ok := readMMS(m.Data, m.Cut)
	if !ok || (!d.claimed && !p.namesTASE2()) {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	d.count(p, out)
	switch {
	case p.tag == mmsRequest && p.service == mmsRead:
		d.remember(p)
	case p.tag == mmsResponse && p.service == mmsRead:
		d.answer(p, out)
	}
	if m.Cut {
		return 0, ErrShort
	}
	d.claimed = true
	return len(m.Data), nil
}

// count adds the operation of a PDU: of reads and writes by their objects, of
// other services as MMS has them.
func (d *iccp) count(p mmsPDU, out Out) {
	names := p.names()
	switch {
	case p.tag == mmsRequest && p.service == mmsRead:
		d.asked = true
		_, item, _ := names.next()
		out.Operation(readClass(item), 1)
	case p.tag == mmsRequest && p.service == mmsWrite:
		d.asked = true
		_, item, _ := names.next()
		out.Operation(d.writeClass(item, p), 1)
	case p.acknowledges():
		// the client's word on a report that is counted already
	default:
		p.count(&d.asked, out)
	}
}

// acknowledges reports whether this is the acknowledgement of a report, which
// the client sends as a report of its own (IEC 60870-6-503 clause 7.1.5).
func (p *mmsPDU) acknowledges() bool {
	if p.tag != mmsUnconfirmed || p.service != mmsReport {
		return false
	}
	names := p.names()
	_, item, _ := names.next()
	return tase2Object(item) == iccpReceived
}

// readClass is the class of a read: to read a device's _SBO selects it
// (IEC 60870-6-503 clause 7.1.4), to read the next transfer set begins to
// subscribe.
func readClass(item []byte) ot.Operation {
	switch tase2Object(item) {
	case iccpVersion, iccpFeatures, iccpTable:
		return ot.Diagnose
	case iccpNextSet:
		return ot.Subscribe
	}
	if bytes.HasSuffix(item, []byte("_SBO")) {
		return ot.Control
	}
	return ot.Read
}

// writeClass is the class of a write: to a transfer set it starts or stops
// reports, to anything else it operates or tags a device. A transfer set has a
// name of its server's choice; the server gave it out, or a structure is
// written, which no device takes.
func (d *iccp) writeClass(item []byte, p mmsPDU) ot.Operation {
	name, _, _ := bytes.Cut(item, []byte("$"))
	hash := hashOf(name)
	for _, set := range d.sets {
		if set == hash {
			return ot.Subscribe
		}
	}
	if bytes.Contains(name, []byte("Transfer_Set")) || bytes.Contains(name, []byte("DSTrans")) {
		return ot.Subscribe
	}
	c := p.body
	berNext(&c, p.cut) // the specification
	if _, values := berNext(&c, p.cut); values.Len() > 0 {
		if tag, _ := berNext(&values, p.cut); tag == 0xa2 {
			return ot.Subscribe
		}
	}
	return ot.Control
}

// remember keeps a read whose response will be told.
func (d *iccp) remember(p mmsPDU) {
	a := iccpAsked{used: true, invoke: p.invoke}
	any, names := false, p.names()
	for i := range a.what {
		_, item, ok := names.next()
		if !ok {
			break
		}
		a.what[i] = tase2Object(item)
		any = any || a.what[i] >= iccpVersion && a.what[i] <= iccpNextSet
	}
	if any {
		d.ring[d.next%uint8(len(d.ring))] = a
		d.next++
	}
}

// answer reads the results of a read that was kept.
func (d *iccp) answer(p mmsPDU, out Out) {
	for i := range d.ring {
		a := &d.ring[i]
		if !a.used || a.invoke != p.invoke {
			continue
		}
		a.used = false
		c := p.body
		tag, list := berNext(&c, false)
		if tag == 0xa0 {
			tag, list = berNext(&c, false)
		}
		for i := 0; tag == 0xa1 && i < len(a.what) && list.Len() > 0; i++ {
			kind, v := berNext(&list, false)
			d.value(a.what[i], kind, v, out)
		}
		return
	}
}

// value tells one object of the server.
func (d *iccp) value(what iccpObject, tag uint16, v wire.Cursor, out Out) {
	switch {
	case what == iccpTable && tag == 0x8a:
		if table := trim(v.Rest()); len(table) > 0 {
			out.Fact(Sender, "iccp.bilateral_table", table, "iccp.bilateral_table_id", ot.Identity)
		}
	case what == iccpVersion && tag == 0xa2:
		from := d.text.mark()
		for n := 0; n < 2 && v.Len() > 0; n++ { // major, minor
			if n > 0 {
				d.text.adds(".")
			}
			_, number := berNext(&v, false)
			d.text.uint(berUint(&number))
		}
		out.Fact(Sender, "iccp.version", d.text.since(from), "iccp.tase2_version", ot.Identity)
	case what == iccpFeatures && tag == 0x84:
		d.features(v, out)
	case what == iccpNextSet && tag == 0xa2:
		d.transferSet(v)
	}
}

// features tells the conformance blocks that a server has: a bit string whose
// first bit is block 1 (IEC 60870-6-503 clause 8.1).
func (d *iccp) features(v wire.Cursor, out Out) {
	v.Skip(1) // unused bits
	bits := uint32(v.U8())<<8 | uint32(v.U8())
	from := d.text.mark()
	for block := range uint64(9) {
		if bits&(0x8000>>block) == 0 {
			continue
		}
		if d.text.mark() > from {
			d.text.adds(" ")
		}
		d.text.uint(block + 1)
	}
	if d.text.mark() > from {
		out.Fact(Sender, "iccp.blocks", d.text.since(from), "iccp.supported_features", ot.Identity)
	}
}

// transferSet keeps the name of a transfer set that the server gives out: a
// structure of scope, domain and name.
func (d *iccp) transferSet(v wire.Cursor) {
	for v.Len() > 0 {
		tag, x := berNext(&v, false)
		if name := x.Rest(); v.Len() == 0 && tag == 0x8a && len(name) > 0 {
			d.sets[d.nextSet%uint8(len(d.sets))] = hashOf(name)
			d.nextSet++
		}
	}
}
