package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "hart-ip",
		Over:     []string{"tcp", "udp"},
		Tier:     2,
		Ports:    append(TCP(5094), UDP(5094)...),
		Match:    matchHART,
		New:      func() Dissector { return &hart{} },
		OT:       true,
		Reads:    "tag, descriptor, message, manufacturer, device type and profile, identifier, serial numbers and revisions of field devices, devices behind gateways, operations",
		Standard: "FieldComm HCF_SPEC-085 (TDMA and HART-IP network management), HCF_SPEC-081 clause 7, HCF_SPEC-127, HCF_SPEC-151",
	})
}

// hart reads HART-IP messages, HCF_SPEC-085 clause 10:
//
//	 0         1      2    3        4          6        8
//	+---------+------+----+--------+----------+--------+----------
//	| version | type | id | status | sequence | length | body ...
//	|         |      |    |        |          | of all |
//	+---------+------+----+--------+----------+--------+----------
//	type 0 request, 1 response, 2 published, 15 refused
//	id 0 session initiate, 1 close, 2 keep alive, 3 token-passing PDU,
//	4 direct PDU, 5 audit log
type hart struct {
	sides   sides
	claimed bool
	first   uint64 // unique address of the device that answered first
	paths   paths
	text    scratch
}

const (
	hartHeader   = 8
	hartMost     = 2048
	hartAsk      = 0
	hartAnswer   = 1
	hartPublish  = 2
	hartRefused  = 15
	hartInitiate = 0
	hartToken    = 3
	hartDirect   = 4
	hartAudit    = 5
)

type hartFrame struct {
	kind, id, status uint8
	size             int // 0 while the header is not whole
	body             []byte
}

func readHART(b []byte) (f hartFrame, ok bool) {
	c := wire.New(b)
	version := c.U8()
	f.kind, f.id, f.status = c.U8(), c.U8(), c.U8()
	c.Skip(2)
	n := int(c.U16())
	if version != 1 && version != 2 || f.kind > hartPublish && f.kind != hartRefused || f.id > hartAudit || f.kind == hartPublish && f.id < hartToken {
		return f, false
	}
	if !c.OK() {
		return f, len(b) > 0
	}
	if n < hartHeader || n > hartMost || !f.fits(n-hartHeader) {
		return f, false
	}
	f.size = n
	f.body = c.Bytes(min(n-hartHeader, c.Len()))
	return f, true
}

// fits reports a length that the message may have.
func (f *hartFrame) fits(n int) bool {
	switch {
	case f.kind == hartRefused:
		return true
	case f.id == hartInitiate:
		return n == 5 || n == 0 && f.kind == hartAnswer
	case f.id == hartToken:
		return n >= 5
	case f.id < hartToken:
		return n == 0
	}
	return true
}

// matchHART claims messages anywhere by a token-passing PDU whose check byte
// is right.
func matchHART(b []byte) bool {
	f, ok := readHART(b)
	if !ok || f.size == 0 || f.id != hartToken || len(f.body) < f.size-hartHeader {
		return false
	}
	_, ok = readHARTToken(f.body)
	return ok
}

func (d *hart) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	d.text.reset()
	f, ok := readHART(m.Data)
	whole := f.size > 0 && len(f.body) == f.size-hartHeader
	switch {
	case !ok, !m.Stream && !whole && !m.Cut, !m.Stream && !m.Cut && f.size != len(m.Data):
		return 0, notMine(d.claimed)
	case !whole && (!m.Cut || f.size == 0):
		return 0, ErrShort
	}
	switch f.kind {
	case hartAsk:
		out.Sender(Client)
	case hartAnswer, hartPublish, hartRefused:
		out.Sender(Server)
	}
	if !whole {
		return 0, ErrShort
	}
	switch f.id {
	case hartToken:
		if p, ok := readHARTToken(f.body); ok {
			d.learn(m, &f, &p, out)
		}
	case hartDirect:
		d.direct(m, &f, out)
	}
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return f.size, nil
}

// hartPDU is a token-passing PDU, HCF_SPEC-081 clause 7:
//
//	delimiter 8, address 8 or 40, expansion 0 to 3 octets, command 8, length 8,
//	data (of a response: status 16 first), check 8
//	delimiter: bit 7 unique address, bits 6 and 5 expansion, bits 2 to 0 type
type hartPDU struct {
	address  uint64 // unique address without the master's bits; 0: polled
	command  uint16
	response bool
	status   uint8
	data     []byte
}

// Types of a frame.
const (
	hartBurst = 1
	hartSTX   = 2
	hartACK   = 6
)

func readHARTToken(b []byte) (p hartPDU, ok bool) {
	check := uint8(0)
	for _, x := range b {
		check ^= x
	}
	c := wire.New(b)
	delimiter := c.U8()
	kind := delimiter & 7
	if check != 0 || kind != hartBurst && kind != hartSTX && kind != hartACK {
		return p, false
	}
	p.response = kind != hartSTX
	if delimiter&0x80 != 0 {
		p.address = uint64(c.U8()&0x3f)<<32 | uint64(c.U32())
	} else {
		c.Skip(1)
	}
	c.Skip(int(delimiter >> 5 & 3))
	p.command = uint16(c.U8())
	v := c.Sub(int(c.U8()))
	ok = c.OK() && c.Len() == 1
	p.take(&v)
	return p, ok
}

// take reads status and data of a command; 31 holds one of 16 bits.
func (p *hartPDU) take(v *wire.Cursor) {
	if p.response {
		p.status = v.U8()
		v.Skip(1)
	}
	if p.command == 31 && v.Len() >= 2 {
		p.command = v.U16()
	}
	p.data = v.Rest()
}

// direct reads a direct PDU: two octets of status, then commands one behind
// the other: number 16, length 8, data (of a response: its code first).
func (d *hart) direct(m *Message, f *hartFrame, out Out) {
	c := wire.New(f.body)
	c.Skip(2)
	for c.Len() >= 3 {
		p := hartPDU{command: c.U16(), response: f.kind != hartAsk}
		v := c.Sub(int(c.U8()))
		if !c.OK() {
			return
		}
		if p.response {
			p.status = v.U8()
		}
		p.data = v.Rest()
		d.learn(m, f, &p, out)
	}
}

// Resync finds the next message behind a gap.
func (d *hart) Resync(b []byte) int {
	for i := range b {
		if len(b)-i >= hartHeader && matchHART(b[i:]) {
			return i
		}
	}
	return -1
}
