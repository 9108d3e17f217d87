package dissect

import (
	"bytes"
	"net/netip"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// connect reads the versions and the descriptor that a client asks with. Long
// descriptors follow in a data packet.
func (d *tns) connect(p *tnsPacket, out Out) {
	c := wire.New(p.body)
	version := c.U16()
	c.Skip(14)
	n, at := int(c.U16()), int(c.U16())
	if !c.OK() {
		return
	}
	out.Fact(Sender, tnsVersion, d.text.uint(uint64(version)), "tns.connect.version", ot.Content)
	v := wire.New(p.body)
	v.Skip(at - tnsHead)
	data := v.Bytes(n)
	d.awaited = data == nil && n > 0
	d.descriptor(data, out)
}

// accept reads the version that was agreed.
func (d *tns) accept(c *wire.Cursor, out Out) {
	version := c.U16()
	d.large = version >= tnsLarge
	out.Fact(Sender, tnsVersion, d.text.uint(uint64(version)), "tns.accept.version", ot.Content)
}

// tnsDescriptor reports whether b begins like a descriptor.
func tnsDescriptor(b []byte) bool {
	return len(b) == 0 || b[0] == '(' && bytes.IndexByte(b[:min(len(b), 64)], '=') > 0
}

// tnsValue is the value of "(KEY=value)" in a descriptor, key in lower case.
// What is a list itself comes with its parentheses.
func tnsValue(b []byte, key string) []byte {
	for i := 0; i+len(key)+2 <= len(b); i++ {
		if b[i] != '(' || !equalFold(b[i+1:i+1+len(key)], key) {
			continue
		}
		v := bytes.TrimLeft(b[i+1+len(key):], " ")
		if len(v) == 0 || v[0] != '=' {
			continue
		}
		v = v[1:]
		depth := 0
		for j, x := range v {
			switch x {
			case '(':
				depth++
			case ')':
				if depth--; depth < 0 {
					return v[:j]
				}
			}
		}
		return nil
	}
	return nil
}

func tnsTell(of Subject, a ot.Attribute, v []byte, source string, g ot.Grade, out Out) {
	if v = bytes.TrimSpace(v); len(v) > 0 && len(v) <= 255 && printable(v) {
		out.Fact(of, a, v, source, g)
	}
}

// descriptor reads whom a client asks for, and what it says of itself in CID.
func (d *tns) descriptor(b []byte, out Out) {
	if len(b) == 0 || b[0] != '(' {
		return
	}
	data := tnsValue(b, "connect_data")
	tnsTell(Receiver, tnsService, tnsValue(data, "service_name"), "tns.connect_data.service_name", ot.Content, out)
	tnsTell(Receiver, tnsInstance, tnsValue(data, "sid"), "tns.connect_data.sid", ot.Content, out)
	cid := tnsValue(data, "cid")
	tnsTell(Sender, tnsProgram, tnsValue(cid, "program"), "tns.connect_data.program", ot.Content, out)
	tnsComputer(tnsValue(cid, "host"), "tns.connect_data.host", out)
}

// tnsComputer tells the name of a client's computer, which may stand behind
// that of its domain. Java's driver has a name for all.
func tnsComputer(v []byte, source string, out Out) {
	if i := bytes.LastIndexByte(v, '\\'); i >= 0 {
		v = v[i+1:]
	}
	if !equalFold(v, "__jdbc__") && !isAddress(v) {
		tnsTell(Sender, ot.Name, v, source, ot.Identity, out)
	}
}

// refusal reads the version number in a listener's answer.
func (d *tns) refusal(b []byte, out Out) {
	if v := decimal(tnsValue(b, "vsnnum")); v > 0 && v < 1<<32 {
		d.release(uint32(v), "tns.refuse.vsnnum", out)
	}
}

// release tells a version number: since release 18 of 8, 8, 4, 8 and 4 bits,
// before of 8, 4, 8, 4 and 8 (Oracle Call Interface Guide, OCIServerRelease2).
func (d *tns) release(v uint32, source string, out Out) {
	widths := [...]uint{8, 4, 8, 4, 8}
	if v>>24 >= 18 {
		widths = [...]uint{8, 8, 4, 8, 4}
	}
	from, left := d.text.mark(), uint(32)
	for i, w := range widths {
		if i > 0 {
			d.text.byte('.')
		}
		left -= w
		d.text.uint(uint64(v >> left & (1<<w - 1)))
	}
	out.Fact(Sender, tnsRelease, d.text.since(from), source, ot.Identity)
}

// redirect announces the port that a listener sends its client to.
func (d *tns) redirect(m *Message, b []byte, out Out) {
	port := decimal(tnsValue(b, "port"))
	host := m.Src().Addr
	if v := tnsValue(b, "host"); isAddress(v) {
		host = dottedAddr(v)
	}
	if port > 0 && port < 1<<16 && host.IsValid() {
		out.Expect(netip.AddrPortFrom(host, uint16(port)), netip.AddrPortFrom(m.Dst().Addr, 0), "tns", 0)
	}
}

// dottedAddr is the address of which isAddress says that it is one.
func dottedAddr(v []byte) netip.Addr {
	var a [4]byte
	i := 0
	for _, c := range v {
		if c == '.' {
			i++
			continue
		}
		a[i&3] = 10*a[i&3] + c - '0'
	}
	return netip.AddrFrom4(a)
}

// tnsMagic opens the negotiation of native services (Oracle Database Security
// Guide, "Configuring Oracle Database Native Network Encryption").
const tnsMagic = 0xdeadbeef

// tnsServices reports whether a data packet negotiates native services.
func tnsServices(b []byte) bool {
	c := wire.New(b)
	return c.U32() == tnsMagic && c.OK()
}

// tnsCrypto is what the server chose.
type tnsCrypto struct{ agreed bool }

// Services that are negotiated.
const (
	tnsEncryption = 2
	tnsIntegrity  = 3
	tnsChoice     = 2 // type of a field: one byte
)

// services reads the server's choice: a length, version, number of services,
// then of each its fields. The first field of one byte is the algorithm, 0 is
// none.
func (x *tnsCrypto) services(b []byte, out Out) {
	c := wire.New(b)
	c.Skip(4 + 2 + 4)
	count := min(int(c.U16()), 8)
	c.Skip(1)
	mode := ot.SecurityNone
	for range count {
		service, fields := c.U16(), min(int(c.U16()), 16)
		c.Skip(4)
		for range fields {
			n, kind := int(c.U16()), c.U16()
			v := c.Bytes(n)
			if !c.OK() {
				return
			}
			if kind != tnsChoice || n != 1 || v[0] == 0 {
				continue
			}
			switch service {
			case tnsEncryption:
				mode = ot.SignAndEncrypt
			case tnsIntegrity:
				mode = max(mode, ot.Sign)
			}
		}
	}
	x.agreed = mode != ot.SecurityNone
	out.Security(ot.Security{Mode: mode})
}
