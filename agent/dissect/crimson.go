package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "crimson",
		Over:     []string{"tcp"},
		Tier:     2,
		Ports:    TCP(crimsonPort),
		Match:    matchCrimson,
		New:      func() Dissector { return &crimson{} },
		OT:       true,
		Reads:    "vendor and model of panels, what is written to them",
		Standard: "no public one; " + FromText + ": cr3-fingerprint.nse and cr3.lua (internetofallthethings)",
	})
}

const crimsonPort = 789

// crimson reads the link by which Red Lion's Crimson 3 loads and asks its
// panels, as far as is public, all numbers big endian:
//
//	 0        2          4      6
//	+--------+----------+------+------
//	| length | register | type | data        length counts from 2
//	+--------+----------+------+------
//
// A request to read a register of texts has no data; its answer has the text
// with a NUL.
type crimson struct{ claimed bool }

const (
	crimsonLeast  = 2 // a register alone
	crimsonMost   = 8 << 10
	crimsonModel  = 0x012a
	crimsonVendor = 0x012b
	crimsonValue  = 0x1300 // type of a value that is written
	crimsonChunk  = 0x1500 // type of a part of what is loaded
)

// crimsonFrame is one message.
type crimsonFrame struct {
	size     int // 0 while it has not come
	register uint16
	kind     uint16
	data     []byte
}

// readCrimson reads a message; a beginning of one, for which nothing speaks
// against it, is ok and has no size.
func readCrimson(b []byte) (f crimsonFrame, ok bool) {
	c := wire.New(b)
	n := int(c.U16())
	if !c.OK() {
		return f, true
	}
	if n < crimsonLeast || n > crimsonMost {
		return f, false
	}
	if c.Len() >= 2 {
		peek := c
		if f.register = peek.U16(); f.register > 0x0fff {
			return f, false
		}
	}
	body := c.Sub(min(n, c.Len()))
	if body.Len() < n {
		return f, true
	}
	f.size = 2 + n
	body.Skip(2)
	f.kind = body.U16()
	f.data = body.Rest()
	return f, true
}

// text is the answer to a read of the vendor's name or the model; nil for
// anything else.
func (f *crimsonFrame) text() []byte {
	v, rest, ended := bytes.Cut(f.data, []byte{0})
	if f.register != crimsonModel && f.register != crimsonVendor || !ended || len(rest) > 0 || len(v) < 2 || !printable(v) {
		return nil
	}
	return v
}

// asks reports a request for the vendor's name or the model.
func (f *crimsonFrame) asks() bool {
	return f.size == 6 && (f.register == crimsonModel && f.kind == 0x1a00 || f.register == crimsonVendor && f.kind == 0x1b00)
}

// matchCrimson claims what panels are asked and answer about themselves; the
// frame alone is no signature.
func matchCrimson(b []byte) bool {
	f, ok := readCrimson(b)
	return ok && f.size == len(b) && (f.asks() || f.text() != nil)
}

func (d *crimson) Dissect(m *Message, out Out) (int, error) {
	f, ok := readCrimson(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.claimed)
	case f.size == 0:
		return 0, ErrShort
	case !d.claimed && !f.asks() && f.text() == nil:
		return 0, ErrNotMine
	}
	d.learn(m, &f, out)
	if !d.claimed && !m.Trial {
		d.claimed = true
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	return f.size, nil
}

// learn tells what one message says.
func (d *crimson) learn(m *Message, f *crimsonFrame, out Out) {
	if f.asks() {
		out.Sender(Client)
		out.Operation(ot.Diagnose, 1)
		return
	}
	if v := f.text(); v != nil {
		out.Sender(Server)
		if f.register == crimsonModel {
			out.Fact(Sender, ot.Model, v, "crimson.model", ot.Identity)
		} else {
			out.Fact(Sender, ot.Vendor, v, "crimson.manufacturer", ot.Identity)
		}
		return
	}
	if m.Src().Port == crimsonPort || len(f.data) == 0 {
		return
	}
	switch f.kind {
	case crimsonValue:
		out.Sender(Client)
		out.Operation(ot.Write, 1)
	case crimsonChunk:
		out.Sender(Client)
		out.Operation(ot.Program, 1)
	}
}

// Resync implements Resyncer.
func (d *crimson) Resync(b []byte) int {
	for i := 0; i+6 <= len(b); i++ {
		if f, ok := readCrimson(b[i:]); ok && f.size > 0 && (f.asks() || f.text() != nil) {
			return i
		}
	}
	return -1
}
