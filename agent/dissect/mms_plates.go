package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// The name plates of IEC 61850-7-4: of the physical device, node LPHD, and of
// the logical device, node LLN0.
const (
	plateNone = iota
	platePhyNam
	plateNamPlt
)

// How much of a name plate an object is.
const (
	formLeaf   = iota // one attribute
	formPlate         // the data object
	formDC            // all of the node's functional constraint DC
	formNode          // the node: its type only
	noField    = 0xff
	maxColumns = 24
)

// plate is a name plate, or a part of one, that an object name stands for.
type plate struct {
	what  uint8
	form  uint8
	field uint8 // of plateFields; valid iff form is formLeaf
}

// plateOf tells the name plate that an item of a domain is: LPHD1,
// LPHD1$DC, LPHD1$DC$PhyNam or LPHD1$DC$PhyNam$vendor.
func plateOf(item []byte) (p plate) {
	if len(item) < 4 || item[0] != 'L' {
		return p
	}
	node, rest, more := bytes.Cut(item, []byte("$"))
	object := ""
	switch {
	case bytes.HasPrefix(node, []byte("LPHD")) && len(node) <= 7:
		p.what, object = platePhyNam, "PhyNam"
	case string(node) == "LLN0":
		p.what, object = plateNamPlt, "NamPlt"
	default:
		return p
	}
	if !more {
		p.form = formNode
		return p
	}
	dc, rest, more := bytes.Cut(rest, []byte("$"))
	if string(dc) != "DC" {
		return plate{}
	}
	if !more {
		p.form = formDC
		return p
	}
	name, rest, more := bytes.Cut(rest, []byte("$"))
	if string(name) != object {
		return plate{}
	}
	p.form = formPlate
	if more {
		p.form, p.field = formLeaf, plateField(p.what, rest)
	}
	return p
}

// plateFields are the attributes of DPL and LPL that are told, IEC 61850-7-3
// 7.9.2 and 7.9.3.
var plateFields = [...]struct {
	what      uint8
	name      string
	attribute ot.Attribute
	source    string
}{
	{platePhyNam, "vendor", ot.Vendor, "iec61850.phynam.vendor"},
	{platePhyNam, "hwRev", ot.Hardware, "iec61850.phynam.hwRev"},
	{platePhyNam, "swRev", ot.FirmwareRev, "iec61850.phynam.swRev"},
	{platePhyNam, "serNum", ot.Serial, "iec61850.phynam.serNum"},
	{platePhyNam, "model", ot.Model, "iec61850.phynam.model"},
	{platePhyNam, "location", "iec61850.location", "iec61850.phynam.location"},
	{platePhyNam, "name", ot.Name, "iec61850.phynam.name"},
	{platePhyNam, "owner", "iec61850.owner", "iec61850.phynam.owner"},
	{plateNamPlt, "vendor", ot.Vendor, "iec61850.namplt.vendor"},
	{plateNamPlt, "swRev", ot.FirmwareRev, "iec61850.namplt.swRev"},
	{plateNamPlt, "d", "iec61850.description", "iec61850.namplt.d"},
	{plateNamPlt, "configRev", "iec61850.configuration_revision", "iec61850.namplt.configRev"},
}

func plateField(what uint8, name []byte) uint8 {
	for i := range plateFields {
		if plateFields[i].what == what && plateFields[i].name == string(name) {
			return uint8(i)
		}
	}
	return noField
}

// plateLayout is the order of a name plate's attributes, as the server's type
// description gives it.
type plateLayout struct {
	key    uint64 // of logical device and node; 0: none
	index  uint8  // place of the data object within DC
	n      uint8
	fields [maxColumns]uint8
}

// Where the type is not known: only what comes first in every name plate,
// since the others may be missing (IEC 61850-7-3 7.9.2, 7.9.3).
var (
	phyNamBegins = plateLayout{n: 1, fields: [maxColumns]uint8{0}}
	namPltBegins = plateLayout{n: 2, fields: [maxColumns]uint8{8, 9}}
)

func (d *mms) layout(x askedPlate) *plateLayout {
	for i := range d.layouts {
		if d.layouts[i].key == x.key {
			return &d.layouts[i]
		}
	}
	if x.what == platePhyNam {
		return &phyNamBegins
	}
	return &namPltBegins
}

// values reads the results of a read: failure [0] or data, in the order of
// the request.
func (d *mms) values(p mmsPDU, a mmsAsked, out Out) {
	c := p.body
	tag, list := berNext(&c, p.cut)
	if tag == 0xa0 { // the specification, repeated
		tag, list = berNext(&c, p.cut)
	}
	if tag != 0xa1 {
		return
	}
	for at, i := uint8(0), uint8(0); i < a.n && list.Len() > 0; at++ {
		tag, v := berNext(&list, p.cut)
		if p.cut && list.Len() == 0 {
			return // the capture may have cut the value
		}
		if at == a.plates[i].at {
			d.plate(a.plates[i], tag, v, out)
			i++
		}
	}
}

// plate reads one name plate. A server may show those of several devices, as
// a gateway does: only the first logical device's is taken as its own.
func (d *mms) plate(x askedPlate, tag uint16, v wire.Cursor, out Out) {
	own := &d.plates[x.what-platePhyNam]
	if *own != 0 && *own != x.ld {
		return
	}
	if x.form == formLeaf {
		d.attribute(x, x.field, tag, v, out)
		return
	}
	l := d.layout(x)
	if x.form == formDC && tag == 0xa2 {
		for range l.index {
			berNext(&v, false)
		}
		tag, v = berNext(&v, false)
	}
	if tag != 0xa2 || x.form == formNode {
		return
	}
	for i := 0; i < int(l.n) && v.Len() > 0; i++ {
		tag, field := berNext(&v, false)
		d.attribute(x, l.fields[i], tag, field, out)
	}
}

// attribute tells one text of a name plate: visible [10] or MMS string [16].
func (d *mms) attribute(x askedPlate, field uint8, tag uint16, v wire.Cursor, out Out) {
	value := trim(v.Rest())
	if (tag != 0x8a && tag != 0x90) || field == noField || len(value) == 0 {
		return
	}
	d.plates[x.what-platePhyNam] = x.ld
	f := &plateFields[field]
	out.Fact(Sender, f.attribute, value, f.source, ot.Identity)
}

// learnLayout reads a type description (ISO 9506-2 clause 14.4.2): deletable
// [0], address [1], type [2].
func (d *mms) learnLayout(p mmsPDU, x askedPlate) {
	c := p.body
	for c.Len() > 0 {
		tag, v := berNext(&c, false)
		if tag != 0xa2 || !c.OK() {
			continue
		}
		l := plateLayout{key: x.key}
		if l.read(x, v) {
			d.layouts[d.next%uint8(len(d.layouts))] = l
			d.next++
		}
		return
	}
}

// read walks from the described node down to its name plate.
func (l *plateLayout) read(x askedPlate, description wire.Cursor) bool {
	object := "PhyNam"
	if x.what == plateNamPlt {
		object = "NamPlt"
	}
	ok := true
	if x.form == formNode {
		_, description, ok = component(description, "DC")
	}
	if ok && (x.form == formNode || x.form == formDC) {
		l.index, description, ok = component(description, object)
	}
	if !ok || x.form == formLeaf {
		return false
	}
	list := components(description)
	for list.Len() > 0 && int(l.n) < len(l.fields) {
		name, _ := nextComponent(&list)
		l.fields[l.n] = plateField(x.what, name)
		l.n++
	}
	return l.n > 0
}

// component finds a component of a structure type: its place and its type.
func component(description wire.Cursor, want string) (index uint8, typ wire.Cursor, ok bool) {
	list := components(description)
	for ; list.Len() > 0 && index < 255; index++ {
		name, typ := nextComponent(&list)
		if string(name) == want {
			return index, typ, true
		}
	}
	return 0, typ, false
}

// components are those of a structure type [2]: packed [0], components [1].
func components(description wire.Cursor) wire.Cursor {
	tag, structure := berNext(&description, false)
	if tag != 0xa2 {
		return wire.Cursor{}
	}
	for structure.Len() > 0 {
		if tag, list := berNext(&structure, false); tag == 0xa1 {
			return list
		}
	}
	return wire.Cursor{}
}

// nextComponent reads one: name [0], type [1].
func nextComponent(list *wire.Cursor) (name []byte, typ wire.Cursor) {
	_, v := berNext(list, false)
	for v.Len() > 0 {
		switch tag, x := berNext(&v, false); tag {
		case 0x80:
			name = x.Rest()
		case 0xa1:
			typ = x
		}
	}
	return name, typ
}
