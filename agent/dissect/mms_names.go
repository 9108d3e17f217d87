package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// mmsMaxNames bounds the objects of one PDU that are looked at.
const mmsMaxNames = 64

// mmsNames walks the objects that a service names, ISO 9506-2 clause 14.
type mmsNames struct {
	list wire.Cursor // of variables, or of one object name
	one  bool
	cut  bool
	left int
}

// names walks the objects of a PDU from the first.
func (p *mmsPDU) names() mmsNames { return p.objects }

// findNames finds the objects of a PDU.
func (p *mmsPDU) findNames() mmsNames {
	n := mmsNames{cut: p.cut, left: mmsMaxNames}
	c := p.body
	switch {
	case p.tag == mmsUnconfirmed && p.service == mmsReport, p.tag == mmsRequest && p.service == mmsWrite:
		n.access(c)
	case p.tag == mmsRequest && p.service == mmsRead, p.tag == mmsResponse && p.service == mmsRead:
		for c.Len() > 0 {
			tag, v := berNext(&c, p.cut)
			if want := uint16(0xa1); tag == want && p.tag == mmsRequest || tag == 0xa0 && p.tag == mmsResponse {
				n.access(v) // the specification, which a response may repeat
				break
			}
		}
	case p.tag == mmsRequest && p.service == mmsGetAttributes:
		if tag, v := berNext(&c, p.cut); tag == 0xa0 {
			n.list, n.one = v, true
		}
	case p.tag == mmsRequest && p.service == mmsListMembers:
		n.list, n.one = c, true
	case p.tag == mmsRequest && p.service == mmsDefineList:
		berNext(&c, p.cut) // the list's own name
		if tag, v := berNext(&c, p.cut); tag == 0xa0 {
			n.list = v
		}
	}
	return n
}

// access reads a variable access specification: a list of variables [0], or
// the name of a list [1].
func (n *mmsNames) access(c wire.Cursor) {
	switch tag, v := berNext(&c, n.cut); tag {
	case 0xa0:
		n.list = v
	case 0xa1:
		n.list, n.one = v, true
	}
}

// next is the next object; a name of the whole device or of the association
// has no domain.
func (n *mmsNames) next() (domain, item []byte, ok bool) {
	for n.left > 0 && n.list.Len() > 0 {
		n.left--
		name := n.list
		if n.one {
			n.left = 0
		} else {
			tag, variable := berNext(&n.list, n.cut)
			if tag != berSequence {
				return nil, nil, false
			}
			if tag, name = berNext(&variable, n.cut); tag != 0xa0 {
				continue // by address or description
			}
		}
		if domain, item, ok = objectName(name, n.cut); ok {
			return domain, item, true
		}
	}
	return nil, nil, false
}

// objectName reads an ObjectName: of the device [0], of a domain [1], of the
// association [2].
func objectName(c wire.Cursor, cut bool) (domain, item []byte, ok bool) {
	switch tag, v := berNext(&c, cut); tag {
	case 0x80, 0x82:
		item = v.Rest()
	case 0xa1:
		_, d := berNext(&v, cut)
		_, i := berNext(&v, cut)
		domain, item = d.Rest(), i.Rest()
	}
	return domain, item, len(item) > 0 && len(domain) <= 64 && len(item) <= 129
}

// constraint is the functional constraint of an IEC 61850 object, the part
// between the first two "$" (IEC 61850-8-1 7.3): "LLN0$CO$Mod$Oper" has CO.
func constraint(item []byte) string {
	from := bytes.IndexByte(item, '$')
	if from < 0 || len(item) < from+3 || (len(item) > from+3 && item[from+3] != '$') {
		return ""
	}
	switch string(item[from+1 : from+3]) {
	case "CO":
		return "CO"
	case "SP", "SG", "SE", "CF", "DC", "EX":
		return "CF"
	case "RP", "BR":
		return "RP"
	case "GO", "GS", "MS", "US", "LG":
		return "GO"
	}
	return ""
}

// written is the class of a write, the gravest of its objects: control
// objects, settings and configuration, control blocks of publishers, reports,
// then any other value.
func (n *mmsNames) written() ot.Operation {
	class := ot.Write
	for {
		_, item, ok := n.next()
		if !ok {
			return class
		}
		switch constraint(item) {
		case "CO":
			return ot.Control
		case "CF", "GO":
			class = ot.Configure
		case "RP":
			if class == ot.Write {
				class = ot.Subscribe
			}
		}
	}
}

// namesTASE2 reports whether one of the PDU's objects is of IEC 60870-6. An
// object of IEC 61850, with its "$", ends the search.
func (p *mmsPDU) namesTASE2() bool {
	names := p.names()
	for {
		_, item, ok := names.next()
		if !ok || bytes.IndexByte(item, '$') > 0 {
			return false
		}
		if tase2Name(item) {
			return true
		}
	}
}

// domains tells the domains of the PDU's objects, which in IEC 61850 are
// logical devices.
func (d *mms) domains(m *Message, p mmsPDU, of Subject, out Out) {
	names := p.names()
	var last []byte
	for {
		domain, _, ok := names.next()
		if !ok {
			return
		}
		if !bytes.Equal(domain, last) {
			d.domain(m, domain, of, "mms.object_name.domain", ot.Content, out)
		}
		last = domain
	}
}

func (d *mms) domain(m *Message, domain []byte, of Subject, source string, g ot.Grade, out Out) {
	if len(domain) == 0 || !printable(domain) || !d.recent.fresh(m.Time, hashOf(domain)^uint64(g)) {
		return
	}
	out.Fact(of, "mms.domain", domain, source, g)
}
