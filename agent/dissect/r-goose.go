package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "r-goose",
		Tier:     1,
		Over:     []string{"udp"},
		Ports:    UDP(102),
		Match:    matchRGOOSE,
		New:      func() Dissector { return &rgoose{} },
		OT:       true,
		Reads:    "publisher as of GOOSE, events apart from repeats, whether signed or encrypted",
		Standard: "IEC 61850-8-1:2011 with amendment 1:2020, IEC TR 61850-90-5:2012",
	})
}

// rgoose reads routable GOOSE: events in the session of IEC TR 61850-90-5
// clause 8 and annex G over UDP, big endian.
//
//	 0    1    2    3    4    5    6      10     14      16     20     22
//	+----+----+----+----+----+----+------+------+-------+------+------+-----
//	| 01 | 40 | SI | LI | 80 | LI | SPDU | SPDU |version| key  | next | ...
//	|    |    |    |    |    |    | size |number| 1, 2  | time | key  |
//	+----+----+----+----+----+----+------+------+-------+------+------+-----
//	version 1: encryption 1, signature 1, key identifier 4
//	version 2: key identifier 4, length of the initialization vector 1, that vector
//	then the payload: length 4, elements, behind it a signature 85
//
//	element: type 81 | simulation 1 | APPID 2 | length 2 | goosePdu
//
// SI A1 is GOOSE. Sampled values, A2, are another protocol.
type rgoose struct{ goose }

const (
	rgooseSI       = 0xa1
	rgooseElement  = 0x81
	rgooseFixed    = 22 // of the header, to the end of the time to the next key
	rgooseElements = 16 // of one message that are read
)

// rgooseHeader is what the session says of its payload.
type rgooseHeader struct {
	signed, encrypted bool
	payload           wire.Cursor
}

// readRGOOSE reads the session header: what follows its fixed part differs by
// version, and is right when the payload ends with the datagram or before a
// signature.
func readRGOOSE(b []byte) (h rgooseHeader, ok bool) {
	c := wire.New(b)
	si := c.U24()
	c.Skip(1)
	common := c.U16() >> 8
	c.Skip(8)
	version := c.U16()
	c.Skip(6)
	if !c.OK() || si != 0x014000|rgooseSI || common != 0x80 {
		return h, false
	}
	switch version {
	case 1:
		h.encrypted, h.signed = c.U8() != 0, c.U8() != 0
		c.Skip(4)
	case 2:
		c.Skip(4)
		vector := int(c.U8())
		c.Skip(vector)
		h.encrypted = vector > 0
	default:
		return h, false
	}
	size := int(c.U32())
	if size > 1<<16 {
		return h, false
	}
	h.payload = c.Sub(size)
	if !c.OK() || size < 8 {
		return h, false
	}
	h.signed = h.signed || c.Len() > 0
	return h, c.Len() == 0 || c.U8() == 0x85
}

func matchRGOOSE(b []byte) bool {
	_, ok := readRGOOSE(b)
	return ok
}

// Dissect implements Dissector: one datagram.
func (d *rgoose) Dissect(m *Message, out Out) (int, error) {
	h, ok := readRGOOSE(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	d.text.reset()
	d.security.Mode = ot.SecurityNone
	switch {
	case h.encrypted:
		d.security.Mode = ot.SignAndEncrypt
	case h.signed:
		d.security.Mode = ot.Sign
	}
	if h.encrypted {
		out.Sender(Client)
		out.Operation(ot.Subscribe, 1)
		out.Security(d.security)
	} else if !d.elements(m, h.payload, out) {
		return 0, notMine(d.claimed)
	}
	d.claimed = true
	return len(m.Data), nil
}

// elements reads the events of a payload.
func (d *rgoose) elements(m *Message, c wire.Cursor, out Out) bool {
	for n := 0; n < rgooseElements && c.Len() > 0; n++ {
		kind := c.U8()
		h := gseHeader{simulated: c.U8() != 0, appid: c.Bytes(2)}
		c.Skip(2) // the length: implementations differ in what it counts
		tag, apdu := berNext(&c, false)
		if kind != rgooseElement || tag != 0x61 {
			return false
		}
		p, ok := readGOOSE(apdu, false)
		if !ok {
			return false
		}
		d.tell(m, h, p, out)
	}
	return true
}
