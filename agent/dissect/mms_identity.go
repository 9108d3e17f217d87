package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

// mmsPending remembers requests whose responses do not say what they are
// about.
type mmsPending struct {
	ring [8]mmsAsked
	next uint8
}

// mmsAsked is one such request.
type mmsAsked struct {
	service int8 // 0: free
	invoke  uint32
	n       uint8
	plates  [6]askedPlate
}

// askedPlate is one name plate in a read request.
type askedPlate struct {
	plate
	at  uint8  // its place among the variables
	key uint64 // of its logical device and node
	ld  uint64 // of its logical device
}

func (p *mmsPending) add(a mmsAsked) {
	p.ring[p.next%uint8(len(p.ring))] = a
	p.next++
}

// take finds a request and forgets it.
func (p *mmsPending) take(invoke uint32, service int) (a mmsAsked, ok bool) {
	for i := range p.ring {
		if x := &p.ring[i]; x.service != 0 && int(x.service) == service && x.invoke == invoke {
			a, x.service = *x, 0
			return a, true
		}
	}
	return a, false
}

// request reads what a request says of the server, and remembers what its
// response is about.
func (d *mms) request(m *Message, p mmsPDU, out Out) {
	d.domains(m, p, Receiver, out)
	switch p.service {
	case mmsGetNameList:
		c := p.body
		class := berExpect(&c, 0xa0)
		if kind := berInner(class, 0x80); len(kind) == 1 && kind[0] == 9 { // domains
			d.pending.add(mmsAsked{service: mmsGetNameList, invoke: p.invoke})
		}
	case mmsRead, mmsGetAttributes:
		d.rememberPlates(p)
	}
}

// rememberPlates keeps a request that names name plates.
func (d *mms) rememberPlates(p mmsPDU) {
	a := mmsAsked{service: int8(p.service), invoke: p.invoke}
	names := p.names()
	for at := range uint8(mmsMaxNames) {
		domain, item, ok := names.next()
		if !ok || int(a.n) == len(a.plates) {
			break
		}
		x := plateOf(item)
		if x.what == plateNone {
			continue
		}
		node, _, _ := bytes.Cut(item, []byte("$"))
		ld := hashOf(domain)
		a.plates[a.n] = askedPlate{x, at, ld ^ hashOf(node), ld}
		a.n++
	}
	if a.n > 0 {
		d.pending.add(a)
	}
}

// response reads what the server says of itself.
func (d *mms) response(m *Message, p mmsPDU, out Out) {
	switch p.service {
	case mmsIdentify:
		d.identify(p, out)
	case mmsRead:
		d.domains(m, p, Sender, out)
		if a, ok := d.pending.take(p.invoke, mmsRead); ok {
			d.values(p, a, out)
		}
	case mmsGetAttributes:
		if a, ok := d.pending.take(p.invoke, mmsGetAttributes); ok {
			d.learnLayout(p, a.plates[0])
		}
	case mmsGetNameList:
		if _, ok := d.pending.take(p.invoke, mmsGetNameList); ok {
			c := p.body
			_, list := berNext(&c, p.cut)
			for n := 0; n < mmsMaxNames && list.Len() > 0; n++ {
				_, name := berNext(&list, p.cut)
				if p.cut && list.Len() == 0 {
					return // the capture may have cut the name
				}
				d.domain(m, name.Rest(), Sender, "mms.get_name_list.domain", ot.Identity, out)
			}
		}
	}
}

// identify reads the response of clause 10.5: vendor [0], model [1],
// revision [2].
func (d *mms) identify(p mmsPDU, out Out) {
	c := p.body
	for c.Len() > 0 {
		tag, v := berNext(&c, false)
		value := bytes.TrimSpace(v.Rest())
		switch {
		case !c.OK() || len(value) == 0:
		case tag == 0x80:
			out.Fact(Sender, ot.Vendor, value, "mms.identify.vendor_name", ot.Identity)
		case tag == 0x81:
			out.Fact(Sender, ot.Model, value, "mms.identify.model_name", ot.Identity)
		case tag == 0x82:
			out.Fact(Sender, ot.FirmwareRev, value, "mms.identify.revision", ot.Identity)
		}
	}
}
