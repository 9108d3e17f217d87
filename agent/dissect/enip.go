package dissect

import (
	"encoding/binary"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "enip",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(TCP(enipPort), UDP(enipPort)...),
		Match:    matchENIP,
		New:      func() Dissector { return &enip{} },
		OT:       true,
		Reads:    "List Identity, CIP identity of devices and modules, host name, PCCC processor, services by class, announced I/O",
		Standard: "ODVA EtherNet/IP Adaptation of CIP (Vol 2) chapter 2; Common Industrial Protocol (Vol 1)",
	})
}

// enipPort is reserved by IANA for encapsulated messages over TCP and UDP (Vol 2, 2-2).
const enipPort = 44818

// The encapsulation header, Vol 2 2-3, little endian:
//
//	 0       2       4           8           12                      20          24
//	+-------+-------+-----------+-----------+-----------------------+-----------+------
//	|command| length|  session  |  status   |    sender context     | options=0 | data
//	+-------+-------+-----------+-----------+-----------------------+-----------+------
const enipHeaderSize = 24

// Encapsulation commands, Vol 2 2-3.2.
const (
	enipNOP               = 0x00
	enipListServices      = 0x04
	enipListIdentity      = 0x63
	enipListInterfaces    = 0x64
	enipRegisterSession   = 0x65
	enipUnRegisterSession = 0x66
	enipSendRRData        = 0x6f
	enipSendUnitData      = 0x70
	enipIndicateStatus    = 0x72
	enipCancel            = 0x73
)

type enipHeader struct {
	command uint16
	length  int
	session uint32
	status  uint32
	context uint64
	options uint32
}

// readENIP reads the header; ok is false when its 24 bytes are not there.
func readENIP(b []byte) (h enipHeader, ok bool) {
	c := wire.New(b)
	p := c.Bytes(enipHeaderSize)
	if p == nil {
		return h, false
	}
	le := binary.LittleEndian
	f := (*[enipHeaderSize]byte)(p) // one check for all fields: every message comes through here
	return enipHeader{le.Uint16(f[0:]), int(le.Uint16(f[2:])), le.Uint32(f[4:]), le.Uint32(f[8:]), le.Uint64(f[12:]), le.Uint32(f[20:])}, true
}

// enip reads one conversation.
type enip struct {
	sides       sides
	claimed     bool
	asked       bool // a CIP request was seen, so requests are counted, not replies
	connections cipConnections
	requests    cipRequests
	members     cipMembers
	text        scratch
}

// plausible holds a header against what the standard fixes for its command.
func (h *enipHeader) plausible() bool {
	if h.options != 0 || !enipStatus(h.status) {
		return false
	}
	failed := h.status != 0 && h.length == 0
	switch h.command {
	case enipNOP:
		return h.status == 0
	case enipListServices, enipListIdentity, enipListInterfaces:
		return h.length != 1
	case enipRegisterSession:
		return h.length == 4 || failed
	case enipUnRegisterSession:
		return h.length == 0 && h.session != 0
	case enipSendRRData, enipSendUnitData:
		return h.session != 0 && h.length >= 16 || failed
	case enipIndicateStatus, enipCancel:
		return true
	}
	return false
}

// enipStatus lists the codes of Vol 2 2-3.4 and table 2-3.3.
func enipStatus(s uint32) bool { return s <= 3 || s == 0x64 || s == 0x65 || s >= 0x69 && s <= 0x6a }

// believe decides the first message: its body must say EtherNet/IP too, to the
// last byte off the reserved port. What has no body to judge is believed on
// that port alone, and a NOP, which may be 24 zero bytes, never.
func (h *enipHeader) believe(body []byte, reserved bool) bool {
	c := wire.New(body)
	switch h.command {
	case enipRegisterSession:
		return h.status != 0 && reserved || c.U32LE() == 1 && c.OK() // version 1, no options
	case enipListServices, enipListIdentity, enipListInterfaces:
		if h.length == 0 {
			return reserved
		}
		return readCPF(&c, reserved, &cpf{})
	case enipUnRegisterSession:
		return reserved
	case enipSendRRData, enipSendUnitData:
		if h.length == 0 {
			return reserved
		}
		var p cpf
		return readData(body, reserved, &p) && p.dataType != 0
	}
	return false
}

// matchENIP claims a message, or the beginning of one, off the reserved port.
func matchENIP(b []byte) bool {
	h, ok := readENIP(b)
	if !ok {
		return len(b) > 0 && len(b) < enipHeaderSize && mayBeENIP(b)
	}
	body := b[enipHeaderSize:]
	return h.plausible() && (len(body) < h.length || h.believe(body[:h.length], false))
}

// mayBeENIP looks at the fields of a header that have come.
func mayBeENIP(b []byte) bool {
	c := wire.New(b)
	command := uint16(c.U8()) | uint16(c.U8())<<8
	c.Skip(6)
	status := c.U32LE()
	switch command {
	case enipListServices, enipListIdentity, enipListInterfaces, enipRegisterSession, enipSendRRData, enipSendUnitData:
		return !c.OK() || enipStatus(status)
	}
	return false
}

func (d *enip) Dissect(m *Message, out Out) (int, error) {
	if used := d.poll(m, out); used > 0 {
		return used, nil
	}
	return d.read(m, out)
}

// read reads a message of any kind.
func (d *enip) read(m *Message, out Out) (int, error) {
	if m.Trial {
		d = d.trial()
	}
	b := m.Data
	h, ok := readENIP(b)
	if !ok {
		return 0, d.short(m, d.claimed || mayBeENIP(b))
	}
	if !h.plausible() && (!d.claimed || h.options != 0 || !enipStatus(h.status)) {
		return 0, d.refuse()
	}
	body := b[enipHeaderSize:]
	whole := len(body) >= h.length
	if !whole && !m.Cut {
		return 0, d.short(m, true)
	}
	body = body[:min(len(body), h.length)]
	if !d.claimed && (!whole || !h.believe(body, m.Src().Port == enipPort || m.Dst().Port == enipPort)) {
		return 0, ErrNotMine
	}
	d.text.reset()
	d.learn(m, &h, body, out)
	if !whole {
		return 0, ErrShort
	}
	d.claim(out)
	return enipHeaderSize + h.length, nil
}

// trial is a copy that may be spoilt.
func (d *enip) trial() *enip {
	t := *d
	if t.connections.ring != nil {
		ring := *t.connections.ring
		t.connections.ring = &ring
	}
	if t.requests.ring != nil {
		ring := *t.requests.ring
		t.requests.ring = &ring
	}
	return &t
}

// claim tells once what holds for the whole conversation.
func (d *enip) claim(out Out) {
	if !d.claimed {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
}

func (d *enip) refuse() error {
	if d.claimed {
		return ErrMalformed
	}
	return ErrNotMine
}

// short is the answer to a message that has not come whole: in a datagram it
// never will.
func (d *enip) short(m *Message, plausible bool) error {
	if plausible && (m.Stream || m.Cut) {
		return ErrShort
	}
	return d.refuse()
}

// learn tells what one message says.
func (d *enip) learn(m *Message, h *enipHeader, body []byte, out Out) {
	switch h.command {
	case enipRegisterSession:
		// A session is asked for with handle 0 and granted with another (2-4.4).
		out.Sender(roleOf(h.session == 0 && h.status == 0))
	case enipListServices, enipListIdentity, enipListInterfaces:
		d.list(h, body, out)
	case enipSendRRData, enipSendUnitData:
		d.data(m, h, body, out)
	}
}

// list reads the three commands that need no session: the request is empty.
func (d *enip) list(h *enipHeader, body []byte, out Out) {
	if h.length == 0 && h.status == 0 {
		d.asked = true
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
		return
	}
	out.Sender(Server)
	if !d.asked {
		out.Operation(ot.Diagnose, 1)
	}
	if h.command == enipListIdentity {
		c := wire.New(body)
		if p := (cpf{}); readCPF(&c, true, &p) && p.identity != nil {
			d.listIdentity(p.identity, out)
		}
	}
}

// Resync finds the next plausible header behind a gap.
func (d *enip) Resync(b []byte) int {
	for i := range b {
		h, ok := readENIP(b[i:])
		if !ok {
			return -1
		}
		if h.plausible() && h.believe(b[i+enipHeaderSize:], false) {
			return i
		}
	}
	return -1
}
