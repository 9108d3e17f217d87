package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ubnt",
		Over:     []string{"udp"},
		Tier:     1,
		Ports:    UDP(10001),
		Match:    matchUbnt,
		Near:     nearUbnt,
		New:      func() Dissector { return &ubnt{} },
		Reads:    "name, model, firmware and serial number of Ubiquiti's radios, switches and gateways; who looks for them",
		Standard: "no public one: the fields as ubiquiti-discovery.nse (T. Sellers), python-ubnt-discovery and Wireshark's dissector name them",
	})
}

// ubnt reads the discovery of Ubiquiti's devices, numbers big endian:
//
//	0         1         2        4
//	+---------+---------+--------+------ and of each field:  type 1, length 2, value
//	| version | command | length | fields
//	+---------+---------+--------+------
type ubnt struct{ text scratch }

const (
	ubntHead   = 4
	ubntFields = 64

	ubntMAC      = 0x01
	ubntMACIP    = 0x02
	ubntFirmware = 0x03
	ubntName     = 0x0b
	ubntPlatform = 0x0c
	ubntSerial   = 0x13
	ubntModel    = 0x14
	ubntShort    = 0x15
	ubntVersion  = 0x16
)

// readUbnt walks the fields of a message and hands each to see. ok: it is one,
// whole; proof: a field has the form that only it has.
func readUbnt(b []byte, see func(kind uint8, v []byte)) (proof, ok bool) {
	c := wire.New(b)
	version := c.U8()
	c.Skip(1)
	n := int(c.U16())
	if !c.OK() || version < 1 || version > 2 || n != c.Len() {
		return false, false
	}
	for i := 0; c.Len() > 0; i++ {
		kind := c.U8()
		v := c.Bytes(int(c.U16()))
		if !c.OK() || i == ubntFields {
			return false, false
		}
		proof = proof || kind == ubntMAC && len(v) == 6 || kind == ubntMACIP && len(v) == 10
		see(kind, v)
	}
	return proof, true
}

func matchUbnt(b []byte) bool {
	proof, ok := readUbnt(b, func(uint8, []byte) {})
	return ok && proof
}

// nearUbnt claims a search, which has no fields.
func nearUbnt(b []byte) bool {
	_, ok := readUbnt(b, func(uint8, []byte) {})
	return ok && len(b) == ubntHead
}

func (d *ubnt) Dissect(m *Message, out Out) (int, error) {
	if m.Stream || !matchUbnt(m.Data) && !(nearUbnt(m.Data) && onPort(m, 10001)) {
		return 0, ErrNotMine
	}
	if len(m.Data) == ubntHead {
		out.Sender(Client)
		out.Operation(ot.Read, 1)
		return ubntHead, nil
	}
	d.text.reset()
	out.Fact(Sender, ot.Vendor, d.text.string("Ubiquiti"), "ubnt.discovery", ot.Content)
	_, _ = readUbnt(m.Data, func(kind uint8, v []byte) {
		if len(v) == 0 {
			return
		}
		if kind == ubntSerial {
			if len(v) == 6 {
				out.Fact(Sender, ot.Serial, d.text.hex(v, 0), "ubnt.discovery.serial", ot.Identity)
			}
			return
		}
		if of, source := ubntField(kind); source != "" && printable(v) {
			out.Fact(Sender, of, v, source, ot.Identity)
		}
	})
	return len(m.Data), nil
}

func ubntField(kind uint8) (of ot.Attribute, source string) {
	switch kind {
	case ubntFirmware:
		return ot.FirmwareRev, "ubnt.discovery.firmware"
	case ubntVersion:
		return ot.FirmwareRev, "ubnt.discovery.version"
	case ubntName:
		return ot.Name, "ubnt.discovery.name"
	case ubntPlatform, ubntShort:
		return ot.Model, "ubnt.discovery.platform"
	case ubntModel:
		return ot.Product, "ubnt.discovery.model"
	}
	return "", ""
}
