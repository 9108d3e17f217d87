package dissect

import (
	"demarc/internal/ot"
	"demarc/internal/wire"
)

// cdsV2 is a message of V2: BB BB, the length of what follows in the byte order
// of the controller, then service and data (codesys-v2-discover.nse).
type cdsV2 struct {
	size int // 0 while the head has not come
	data []byte
}

const (
	cdsV2Magic = 0xbbbb
	cdsV2Head  = 6
	cdsV2Login = 1 // the service that answers with what the controller is
)

// Offsets of texts of 32 octets from the front of the answer.
const (
	cdsV2OS      = 64
	cdsV2Type    = 96
	cdsV2Product = 128
	cdsV2Text    = 32
)

func readCodesysV2(b []byte) (v cdsV2, ok bool) {
	c := wire.New(b)
	magic := c.U16()
	length := c.Peek(4)
	if length == nil {
		return v, beginsWith(b[:min(len(b), 2)], cdsV2Magic<<16)
	}
	little, big := c, c
	n := min(little.U32LE(), big.U32()) // the other order makes it huge
	if magic != cdsV2Magic || n == 0 || n > cdsMax {
		return v, false
	}
	v.size = cdsV2Head + int(n)
	c.Skip(4)
	v.data = c.Bytes(min(int(n), c.Len()))
	return v, true
}

// v2 reads one message of V2.
func (d *codesys) v2(m *Message, out Out) (int, error) {
	v, ok := readCodesysV2(m.Data)
	if !ok {
		return 0, notMine(d.claimed)
	}
	if v.size == 0 || len(m.Data) < v.size {
		return 0, ErrShort
	}
	c := wire.New(v.data)
	if len(v.data) == 1 && c.U8() == cdsV2Login {
		out.Sender(Client)
		d.sides.counts(m, true)
		out.Operation(ot.Diagnose, 1)
	}
	d.v2Plate(v.data, out)
	d.claimed = true
	return v.size, nil
}

// v2Plate tells what a controller calls itself.
func (d *codesys) v2Plate(b []byte, out Out) {
	os, kind, product := cdsV2Field(b, cdsV2OS), cdsV2Field(b, cdsV2Type), cdsV2Field(b, cdsV2Product)
	if len(os) == 0 || len(product) == 0 {
		return
	}
	out.Sender(Server)
	at := d.text.mark()
	d.text.add(os)
	if len(kind) > 0 {
		d.text.byte(' ')
		d.text.add(kind)
	}
	out.Fact(Sender, ot.OS, d.text.since(at), "codesys.v2.login.os", ot.Identity)
	out.Fact(Sender, ot.Product, product, "codesys.v2.login.product", ot.Identity)
}

// cdsV2Field is a text of an answer, nil when there is none; offsets count from
// the front of the message.
func cdsV2Field(b []byte, at int) []byte {
	c := wire.New(b)
	c.Skip(at - cdsV2Head)
	v := trim(c.Bytes(min(cdsV2Text, c.Len())))
	if len(v) < 2 || !printable(v) {
		return nil
	}
	return v
}
