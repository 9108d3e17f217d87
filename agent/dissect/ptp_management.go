package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// What a management message wants, IEEE 1588-2019 table 57, and identifiers of
// what it holds, table 59.
const (
	ptpGet         = 0
	ptpSet         = 1
	ptpAnswered    = 2
	ptpCommand     = 3
	ptpDone        = 4
	ptpManageTLV   = 0x0001
	ptpDescription = 0x0001 // of the clock
	ptpUserText    = 0x0002
)

// management reads a management message, clause 15.4: target 80, hops 16,
// action 4 bits of 8, 8, then a TLV: type 16, length 16, identifier 16, data.
func (d *ptp) management(g *ptpMessage, m *Message, out Out) {
	c := g.body
	c.Skip(10 + 2)
	action := c.U8() & 15
	c.Skip(1)
	kind := c.U16()
	v := c.Sub(int(c.U16()))
	id := v.U16()
	switch action {
	case ptpGet:
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
	case ptpSet:
		out.Sender(Client)
		out.Operation(ot.Configure, 1)
	case ptpCommand:
		out.Sender(Client)
		out.Operation(ot.Control, 1)
	case ptpAnswered, ptpDone:
		if !toGroup(m) {
			out.Sender(Server)
		}
	}
	if action != ptpAnswered || kind != ptpManageTLV || !v.OK() {
		return
	}
	switch id {
	case ptpDescription:
		d.description(&v, out)
	case ptpUserText:
		d.user(ptpText(&v), out)
	}
}

// description reads what a clock says of itself, clause 15.5.3.1.2: clock type
// 16, physical layer, physical address, protocol address, manufacturer 24, 8,
// product, revisions, user description, profile 48.
func (d *ptp) description(v *wire.Cursor, out Out) {
	v.Skip(2)
	ptpText(v)
	v.Skip(int(v.U16()))
	v.Skip(2)
	v.Skip(int(v.U16()))
	maker := v.Bytes(3)
	v.Skip(1)
	product, revision, user, profile := ptpText(v), ptpText(v), ptpText(v), v.Bytes(6)
	if !v.OK() {
		return
	}
	const block = "ptp.clock_description"
	if !zero(maker) {
		out.Fact(Sender, ptpMaker, d.text.hex(maker, '-'), block+".manufacturer_identity", ot.Identity)
	}
	vendor, product, _ := bytes.Cut(product, []byte{';'})
	model, serial, _ := bytes.Cut(product, []byte{';'})
	ptpFact(ot.Vendor, vendor, block+".product_description", out)
	ptpFact(ot.Model, model, block+".product_description", out)
	ptpFact(ot.Serial, serial, block+".product_description", out)
	hardware, revision, _ := bytes.Cut(revision, []byte{';'})
	firmware, software, _ := bytes.Cut(revision, []byte{';'})
	if len(trim(firmware)) == 0 {
		firmware = software
	}
	ptpFact(ot.Hardware, hardware, block+".revision_data", out)
	ptpFact(ot.FirmwareRev, firmware, block+".revision_data", out)
	d.user(user, out)
	if name := ptpProfileName(profile); name != "" {
		out.Fact(Sender, ptpProfile, d.text.string(name), block+".profile_identity", ot.Identity)
	} else if !zero(profile) {
		out.Fact(Sender, ptpProfile, d.text.hex(profile, '-'), block+".profile_identity", ot.Identity)
	}
}

// user reads the text of the person who set the clock up: its name, then where
// it is (clause 15.5.3.1.2.12).
func (d *ptp) user(text []byte, out Out) {
	name, place, _ := bytes.Cut(text, []byte{';'})
	ptpFact(ot.Name, name, "ptp.user_description", out)
	ptpFact(ptpLocation, place, "ptp.user_description", out)
}

func ptpFact(a ot.Attribute, v []byte, source string, out Out) {
	if v = trim(v); len(v) > 0 && printable(v) {
		out.Fact(Sender, a, v, source, ot.Identity)
	}
}

// ptpText reads text behind its length, clause 5.3.9.
func ptpText(c *wire.Cursor) []byte { return c.Bytes(int(c.U8())) }

// ptpProfileName names the profiles that standards give an identifier.
func ptpProfileName(id []byte) string {
	switch string(id) {
	case "\x00\x1b\x19\x00\x01\x00", "\x00\x1b\x19\x01\x01\x00":
		return "IEEE 1588 default, end to end"
	case "\x00\x1b\x19\x00\x02\x00", "\x00\x1b\x19\x01\x02\x00":
		return "IEEE 1588 default, peer to peer"
	case "\x00\x80\xc2\x00\x01\x00":
		return "IEEE 802.1AS"
	case "\x1c\x12\x9d\x00\x00\x00":
		return "IEEE C37.238"
	}
	return ""
}
