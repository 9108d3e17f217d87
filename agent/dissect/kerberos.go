package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "kerberos",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(TCP(88), UDP(88)...),
		Match:    kerberosMatch,
		New:      func() Dissector { return &kerberos{} },
		Reads:    "log-ons, realm, names of machine accounts and of hosts",
		Standard: "RFC 4120",
	})
}

// kerberosRealm is the realm that an end belongs to.
const kerberosRealm ot.Attribute = "kerberos.realm"

// Message types (RFC 4120 section 7.5.7): also the BER application tag.
const (
	krbASReq  = 10
	krbASRep  = 11
	krbTGSReq = 12
	krbTGSRep = 13
	krbError  = 30

	krbTag    = 0x60 // constructed, application
	krbMaxTCP = 64<<10 - 1024
)

type kerberos struct{ text scratch }

// krbMessage is one message to or from the key distribution centre: its fields
// begin behind protocol version and type.
type krbMessage struct {
	kind   uint8
	fields wire.Cursor
}

// readKerberos reads a message that must fill b (RFC 4120 sections 5.4, 5.9.1).
func readKerberos(b []byte) (x krbMessage, ok bool) {
	c := wire.New(b)
	tag, v := berValue(&c)
	x.kind = tag &^ krbTag
	if !krbKind(tag) || !c.OK() || c.Len() != 0 {
		return x, false
	}
	first := uint8(0xa0)
	if x.kind == krbASReq || x.kind == krbTGSReq {
		first = 0xa1
	}
	seq := berExpect(&v, berSequence)
	version, ok1 := krbInteger(&seq, first)
	kind, ok2 := krbInteger(&seq, first+1)
	x.fields = seq
	return x, ok1 && ok2 && version == 5 && kind == uint64(x.kind)
}

// krbInteger reads an integer inside a context tag.
func krbInteger(c *wire.Cursor, tag uint8) (n uint64, ok bool) {
	v := berExpect(c, tag)
	i := berExpect(&v, berInteger)
	ok = c.OK() && v.OK() && i.Len() > 0
	return berUint(&i), ok
}

func kerberosMatch(b []byte) bool {
	if _, ok := readKerberos(b); ok {
		return true
	}
	c := wire.New(b)
	n, tag := c.U32(), c.U8()
	return c.OK() && n > 16 && n < krbMaxTCP && krbKind(tag)
}

// krbKind reports the tag of a message that is read here.
func krbKind(tag uint8) bool {
	switch tag {
	case krbTag | krbASReq, krbTag | krbASRep, krbTag | krbTGSReq, krbTag | krbTGSRep, krbTag | krbError:
		return true
	}
	return false
}

// Dissect reads one message. Over TCP four bytes of length stand before it
// (RFC 4120 section 7.2.2).
func (d *kerberos) Dissect(m *Message, out Out) (int, error) {
	msg, used := m.Data, len(m.Data)
	if m.Stream {
		c := wire.New(m.Data)
		n := c.U32()
		switch tag := c.Peek(1); {
		case !c.OK():
			return 0, ErrShort
		case n < 16 || n > krbMaxTCP || (tag != nil && !krbKind(tag[0])):
			return 0, ErrNotMine
		}
		if msg = c.Peek(int(n)); msg == nil {
			return 0, ErrShort
		}
		used = 4 + int(n)
	}
	x, ok := readKerberos(msg)
	if !ok {
		return 0, ErrNotMine
	}
	d.text.reset()
	switch x.kind {
	case krbASReq, krbTGSReq:
		out.Sender(Client)
		out.Operation(ot.Authenticate, 1)
		d.request(&x.fields, out)
	default:
		out.Sender(Server)
		d.answer(&x, out)
	}
	return used, nil
}

// request reads the body of a request (RFC 4120 section 5.4.1). The name of a
// machine account ends in "$" and is the machine's own.
func (d *kerberos) request(c *wire.Cursor, out Out) {
	for c.Len() > 0 {
		tag, v := berValue(c)
		if tag != 0xa4 || !c.OK() {
			continue
		}
		body := berExpect(&v, berSequence)
		for body.Len() > 0 && body.OK() {
			switch tag, field := berValue(&body); tag {
			case 0xa1:
				if name := krbName(&field); len(name) > 1 && name[len(name)-1] == '$' && printable(name) {
					out.Fact(Sender, ot.Name, name[:len(name)-1], "kerberos.request.client_name", ot.Content)
				}
			case 0xa9:
				d.addresses(&field, out)
			}
		}
	}
}

// krbName is the first part of a principal's name (section 5.2.2).
func krbName(c *wire.Cursor) []byte {
	seq := berExpect(c, berSequence)
	berExpect(&seq, 0xa0) // kind of name
	list := berExpect(&seq, 0xa1)
	parts := berExpect(&list, berSequence)
	_, name := berValue(&parts)
	if !seq.OK() || !parts.OK() {
		return nil
	}
	return name.Rest()
}

// addresses reads the NetBIOS name that Windows gives as a host address of type
// 20 (section 7.5.3).
func (d *kerberos) addresses(c *wire.Cursor, out Out) {
	const netbios = 20
	list := berExpect(c, berSequence)
	for i := 0; list.Len() > 0 && i < 8; i++ {
		one := berExpect(&list, berSequence)
		kind, ok := krbInteger(&one, 0xa0)
		v := berExpect(&one, 0xa1)
		text := berExpect(&v, berOctetString)
		if name := bytes.TrimSpace(text.Rest()); ok && kind == netbios && len(name) > 0 && printable(name) {
			out.Fact(Sender, ot.Name, name, "kerberos.request.address", ot.Identity)
		}
	}
}

// answer tells the realm: [3] of a reply is the client's, [9] of an error the
// service's (sections 5.4.2, 5.9.1).
func (d *kerberos) answer(x *krbMessage, out Out) {
	want := uint8(0xa3)
	if x.kind == krbError {
		want = 0xa9
	}
	for c := &x.fields; c.Len() > 0; {
		tag, v := berValue(c)
		if tag != want || !c.OK() {
			continue
		}
		if _, text := berValue(&v); v.OK() {
			if name := text.Rest(); len(name) > 0 && printable(name) {
				out.Fact(Sender, kerberosRealm, name, "kerberos.answer.realm", ot.Content)
			}
		}
		return
	}
}
