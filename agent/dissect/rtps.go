package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "rtps",
		Over:     []string{"udp"},
		Tier:     2,
		Ports:    UDP(7400, 7401, 7410, 7411, 7412, 7413),
		Match:    matchRTPS,
		New:      func() Dissector { return &rtps{} },
		OT:       true,
		Reads:    "participants: middleware and its version, host and participant name, domain, topics that are published and subscribed, protection",
		Standard: "OMG DDSI-RTPS 2.5 clauses 8.3, 9.4 and 9.6, DDS Security 1.1 clause 7.3.6",
	})
}

// Attributes of participants.
const (
	rtpsVendor      ot.Attribute = "rtps.vendor_id"
	rtpsVersion     ot.Attribute = "rtps.version"
	rtpsDomain      ot.Attribute = "rtps.domain"
	rtpsParticipant ot.Attribute = "rtps.participant"
	rtpsPublishes   ot.Attribute = "rtps.publishes"
	rtpsSubscribes  ot.Attribute = "rtps.subscribes"
)

// rtps reads the messages of DDS, clause 9.4.4:
//
//	 0      4          6         8                20
//	+------+----------+---------+----------------+---------------------
//	| RTPS | 2, minor | vendor  | GUID prefix    | submessages ...
//	+------+----------+---------+----------------+---------------------
//	submessage: kind 8, flags 8 (bit 0: little endian), length 16, body
type rtps struct {
	claimed bool
	mode    ot.SecurityMode
	text    scratch
	recent  recent
}

const (
	rtpsHeader    = 20
	maxRTPSParts  = 128
	maxRTPSLists  = 128
	rtpsPing      = "NDDSPING" // in place of a prefix: whether somebody is there
	rtpsBigEndian = 2          // encapsulation of a parameter list, clause 10.2
	rtpsLittle    = 3
)

// Kinds of submessage, tables 9.6 and 9.13, and of DDS Security table 35.
const (
	rtpsTimestamp    = 0x09
	rtpsPad          = 0x01
	rtpsData         = 0x15
	rtpsVendorOwn    = 0x80
	rtpsSecureBody   = 0x30
	rtpsSecurePrefix = 0x31
	rtpsSecureAll    = 0x33
)

func rtpsKind(k uint8) bool {
	switch k {
	case rtpsPad, 0x06, 0x07, 0x08, rtpsTimestamp, 0x0c, 0x0d, 0x0e, 0x0f, 0x12, 0x13, 0x14, rtpsData, 0x16:
		return true
	}
	return k >= rtpsSecureBody && k <= 0x34 || k >= rtpsVendorOwn
}

// rtpsPart is one submessage.
type rtpsPart struct {
	kind, flags uint8
	body        []byte
}

// next reads a submessage; a length of zero runs to the end of the message,
// but for those that may be empty (clause 8.3.3.2.3).
func (p *rtpsPart) next(c *wire.Cursor) bool {
	p.kind, p.flags = c.U8(), c.U8()
	n := int(rtps16(c, p.flags&1 != 0))
	if n == 0 && p.kind != rtpsPad && p.kind != rtpsTimestamp {
		n = c.Len()
	}
	p.body = c.Bytes(n)
	return c.OK() && rtpsKind(p.kind)
}

func rtps16(c *wire.Cursor, little bool) uint16 {
	if little {
		return c.U16LE()
	}
	return c.U16()
}

func rtps32(c *wire.Cursor, little bool) uint32 {
	if little {
		return c.U32LE()
	}
	return c.U32()
}

// rtpsHead reads the header; c is behind it.
func rtpsHead(c *wire.Cursor) (vendor uint16, ping, ok bool) {
	magic := c.Bytes(4)
	version := c.U16()
	vendor = c.U16()
	if !c.OK() || string(magic) != "RTPS" && string(magic) != "RTPX" || version>>8 < 1 || version>>8 > 2 || version&0xff > 9 {
		return 0, false, false
	}
	if string(c.Peek(8)) == rtpsPing {
		return vendor, true, c.Len() <= rtpsHeader
	}
	c.Skip(12)
	return vendor, false, c.OK()
}

// rtpsWhole reports submessages that fill the message.
func rtpsWhole(c wire.Cursor) bool {
	var p rtpsPart
	for range maxRTPSParts {
		if !p.next(&c) {
			return false
		}
		if c.Len() == 0 {
			return true
		}
	}
	return false
}

func matchRTPS(b []byte) bool {
	c := wire.New(b)
	_, ping, ok := rtpsHead(&c)
	return ok && (ping || rtpsWhole(c))
}

func (d *rtps) Dissect(m *Message, out Out) (int, error) {
	d.text.reset()
	c := wire.New(m.Data)
	vendor, ping, ok := rtpsHead(&c)
	if !ok || !ping && !m.Cut && !rtpsWhole(c) {
		return 0, notMine(d.claimed)
	}
	if d.recent.fresh(m.Time, uint64(vendor)) {
		d.sender(vendor, out)
	}
	if ping {
		d.claimed = true
		return len(m.Data), nil
	}
	mode := ot.SecurityNone
	var p rtpsPart
	for n := 0; n < maxRTPSParts && c.Len() > 0 && p.next(&c); n++ {
		switch p.kind {
		case rtpsSecurePrefix, rtpsSecureAll:
			mode = max(mode, rtpsProtection(p.body))
		case rtpsSecureBody:
			mode = ot.SignAndEncrypt
		case rtpsData:
			d.data(&p, out)
		}
	}
	if m.Cut {
		return 0, ErrShort
	}
	if mode > d.mode {
		d.mode = mode
		out.Security(ot.Security{Mode: mode})
	}
	d.claimed = true
	return len(m.Data), nil
}

// rtpsProtection is what the transformation that a crypto header names does,
// DDS Security clause 9.5.2.1: 1 and 3 sign, 2 and 4 encrypt as well.
func rtpsProtection(b []byte) ot.SecurityMode {
	c := wire.New(b)
	switch c.U32() {
	case 1, 3:
		return ot.Sign
	case 2, 4:
		return ot.SignAndEncrypt
	}
	return ot.SecurityNone
}

// Writers that tell of participants and what they write and read, table 9.3.
const (
	rtpsParticipants  = 0x000100c2
	rtpsPublications  = 0x000003c2
	rtpsSubscriptions = 0x000004c2
)

// data reads a DATA submessage, clause 9.4.5.4: flags 16, offset of what comes
// behind the sequence 16, reader 32, writer 32, sequence 64, parameters when
// flag 1 is set, data when flag 2 is.
func (d *rtps) data(p *rtpsPart, out Out) {
	little := p.flags&1 != 0
	c := wire.New(p.body)
	c.Skip(2)
	body := c.Sub(c.Len())
	skip := int(rtps16(&body, little))
	body.Skip(4)
	writer := body.U32()
	body.Skip(skip - 8)
	if skip < 16 || !body.OK() || p.flags&4 == 0 {
		return
	}
	if writer != rtpsParticipants && writer != rtpsPublications && writer != rtpsSubscriptions {
		return
	}
	if p.flags&2 != 0 {
		for n, ok := 0, true; n < maxRTPSLists && ok; n++ {
			_, _, ok = rtpsParameter(&body, little)
		}
	}
	kind := body.U16()
	body.Skip(2)
	if kind != rtpsBigEndian && kind != rtpsLittle {
		return
	}
	little = kind == rtpsLittle
	if writer == rtpsParticipants {
		d.participant(&body, little, out)
		return
	}
	d.endpoint(&body, little, writer == rtpsSubscriptions, out)
}
