package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "bjnp",
		Over:     []string{"udp", "tcp"},
		Tier:     2,
		Ports:    append(UDP(8611, 8612, 8613, 8614), TCP(8611, 8612)...),
		Match:    matchBJNP,
		New:      func() Dissector { return &bjnp{} },
		Reads:    "maker, model and firmware of printers and scanners, who looks for them and prints",
		Standard: "no public one: the headers as cups-bjnp (L. Lagendijk) and Wireshark's dissector name them; IEEE 1284 clause 7.6 (device identifier)",
	})
}

// bjnp reads the protocol of Canon's printers, numbers big endian:
//
//	 0        4      5      6       8          10        12       16
//	+--------+------+------+-------+----------+---------+--------+------
//	| "BJNP" | kind | code | error | sequence | session | length | data
//	+--------+------+------+-------+----------+---------+--------+------
//	kind: 1 printer, 2 scanner; with bit 7 set it answers
type bjnp struct{ claimed bool }

const (
	bjnpMagic  = "BJNP"
	bjnpAnswer = 0x80
	bjnpHead   = 16
	bjnpMost   = 1 << 20

	bjnpDiscover = 0x01
	bjnpJob      = 0x10
	bjnpClose    = 0x11
	bjnpStatus   = 0x20
	bjnpPrint    = 0x21
	bjnpID       = 0x30
	bjnpScanJob  = 0x32
)

type bjnpMessage struct {
	kind, code uint8
	size       int // with its data; 0 while the header is not whole
	data       []byte
}

func readBJNP(b []byte) (x bjnpMessage, ok bool) {
	if !startsLike(b, bjnpMagic) {
		return x, false
	}
	c := wire.New(b)
	c.Skip(4)
	x.kind, x.code = c.U8(), c.U8()
	c.Skip(6)
	n := c.U32()
	if len(b) > 4 && (x.kind&^bjnpAnswer < 1 || x.kind&^bjnpAnswer > 2) {
		return x, false
	}
	if !c.OK() {
		return x, true
	}
	if n > bjnpMost {
		return x, false
	}
	x.size = bjnpHead + int(n)
	x.data = c.Bytes(min(int(n), c.Len()))
	return x, true
}

func matchBJNP(b []byte) bool {
	x, ok := readBJNP(b)
	return ok && len(b) >= 5 && (x.size == 0 || len(b) >= bjnpHead)
}

func (d *bjnp) Dissect(m *Message, out Out) (int, error) {
	x, ok := readBJNP(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case x.size == 0, x.code != bjnpPrint && len(m.Data) < x.size:
		if m.Stream || m.Cut {
			return 0, ErrShort
		}
		return 0, notMine(d.claimed)
	}
	if !d.claimed {
		d.claimed = !m.Trial
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	if x.kind&bjnpAnswer == 0 {
		out.Sender(Client)
		if class, ok := bjnpClass(x.code); ok {
			out.Operation(class, 1)
		}
		return x.size, nil
	}
	out.Sender(Server)
	if x.code == bjnpID {
		bjnpIdentity(x.data, out)
	}
	return x.size, nil
}

func bjnpClass(code uint8) (ot.Operation, bool) {
	switch code {
	case bjnpDiscover, bjnpStatus, bjnpID:
		return ot.Read, true
	case bjnpJob, bjnpPrint, bjnpScanJob:
		return ot.Transfer, true
	}
	return 0, false // bjnpClose and what has no name
}

// bjnpIdentity reads a device identifier: its length, then "KEY:value;" pairs.
func bjnpIdentity(b []byte, out Out) {
	c := wire.New(b)
	n := int(c.U16())
	text := c.Bytes(min(max(n-2, 0), c.Len()))
	for range 32 {
		pair, rest, more := bytes.Cut(text, []byte{';'})
		key, value, ok := bytes.Cut(pair, []byte{':'})
		if ok && len(value) > 0 && printable(value) {
			switch string(key) {
			case "MFG":
				out.Fact(Sender, ot.Vendor, value, "bjnp.identity.mfg", ot.Identity)
			case "MDL":
				out.Fact(Sender, ot.Model, value, "bjnp.identity.mdl", ot.Identity)
			case "VER":
				out.Fact(Sender, ot.FirmwareRev, value, "bjnp.identity.ver", ot.Identity)
			}
		}
		if text = rest; !more {
			return
		}
	}
}

// Resync finds the next message behind a gap.
func (d *bjnp) Resync(b []byte) int { return bytes.Index(b, []byte(bjnpMagic)) }
