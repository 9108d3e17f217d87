package dissect

import (
	"bytes"
	"errors"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

func init() {
	register(Protocol{
		Name:     "ldap",
		Over:     []string{"tcp", "udp"},
		Tier:     1,
		Ports:    append(TCP(389, 3268), UDP(389)...),
		Match:    func(b []byte) bool { _, err := readLDAP(b); return err == nil },
		New:      func() Dissector { return &ldap{} },
		Reads:    "log-ons, searches, changes; names in NTLM log-ons; STARTTLS",
		Standard: "RFC 4511",
	})
}

// Operations, as BER application tags (RFC 4511 section 4).
const (
	ldapBind          = 0x60
	ldapBindDone      = 0x61
	ldapUnbind        = 0x42
	ldapSearch        = 0x63
	ldapEntry         = 0x64
	ldapSearchDone    = 0x65
	ldapModify        = 0x66
	ldapModifyDone    = 0x67
	ldapAdd           = 0x68
	ldapAddDone       = 0x69
	ldapDelete        = 0x4a
	ldapDeleteDone    = 0x6b
	ldapRename        = 0x6c
	ldapRenameDone    = 0x6d
	ldapCompare       = 0x6e
	ldapCompareDone   = 0x6f
	ldapAbandon       = 0x50
	ldapReference     = 0x73
	ldapExtended      = 0x77
	ldapExtendedDone  = 0x78
	ldapIntermediate  = 0x79
	ldapMaxMessage    = 16 << 20
	ldapMaxInspection = 32 << 10
)

// ldapStartTLS is the extended operation of RFC 4511 section 4.14.
var ldapStartTLS = []byte("1.3.6.1.4.1.1466.20037")

type ldap struct {
	text     scratch
	claimed  bool
	startTLS bool // asked for, not answered
}

// ldapHead is the front of a message: its length with headers, its operation.
type ldapHead struct {
	size int
	op   uint8
	body int // offset of the operation's content
}

// readLDAP reads the envelope and the operation's tag. The content may be yet
// to come.
func readLDAP(b []byte) (h ldapHead, err error) {
	c := wire.New(b)
	tag, n := c.U8(), berLength(&c)
	if len(b) > 0 && tag != berSequence {
		return h, ErrNotMine
	}
	h.size = c.Off() + n
	id, width := c.U8(), int(c.U8())
	c.Skip(width)
	h.op = c.U8()
	at := c.Off()
	m := berLength(&c)
	h.body = c.Off()
	switch {
	case !c.OK() && len(b) < 24:
		return h, ErrShort
	case !c.OK(), n < 5, h.size > ldapMaxMessage, id != berInteger, width < 1, width > 4, at <= 0, m < 0, h.body+m > h.size:
		return h, ErrNotMine
	}
	switch h.op {
	case ldapBind, ldapBindDone, ldapUnbind, ldapSearch, ldapEntry, ldapSearchDone, ldapModify, ldapModifyDone, ldapAdd, ldapAddDone,
		ldapDelete, ldapDeleteDone, ldapRename, ldapRenameDone, ldapCompare, ldapCompareDone, ldapAbandon, ldapReference,
		ldapExtended, ldapExtendedDone, ldapIntermediate:
		return h, nil
	}
	return h, ErrNotMine
}

// Dissect reads one message. Only log-ons and extended operations are read
// beyond the operation's tag.
func (d *ldap) Dissect(m *Message, out Out) (int, error) {
	h, err := readLDAP(m.Data)
	switch {
	case errors.Is(err, ErrShort):
		return 0, err
	case err != nil && d.claimed && m.Data[0] == 0:
		return len(m.Data), ErrDone // the log-on agreed on a protected layer (RFC 4513 section 5.2)
	case err != nil:
		return 0, notMine(d.claimed)
	}
	if !m.Stream && h.size > len(m.Data) {
		return 0, ErrNotMine
	}
	whole := h.size <= len(m.Data)
	switch h.op {
	case ldapBind, ldapBindDone, ldapExtended, ldapExtendedDone:
		if !whole && h.size <= ldapMaxInspection {
			return 0, ErrShort
		}
	}
	d.text.reset()
	d.operation(&h, out)
	if whole {
		d.inspect(m, &h, m.Data[h.body:h.size], out)
	}
	d.claimed = true
	return h.size, nil
}

func (d *ldap) operation(h *ldapHead, out Out) {
	switch h.op {
	case ldapBind, ldapUnbind, ldapSearch, ldapModify, ldapAdd, ldapDelete, ldapRename, ldapCompare, ldapAbandon, ldapExtended:
		out.Sender(Client)
	default:
		out.Sender(Server)
	}
	switch h.op {
	case ldapBind:
		out.Operation(ot.Authenticate, 1)
	case ldapSearch, ldapCompare:
		out.Operation(ot.Read, 1)
	case ldapModify, ldapAdd, ldapDelete, ldapRename:
		out.Operation(ot.Write, 1)
	}
}

func (d *ldap) inspect(m *Message, h *ldapHead, v []byte, out Out) {
	switch h.op {
	case ldapBind, ldapBindDone:
		d.text.ntlm(v, out)
	case ldapExtended:
		d.startTLS = bytes.Contains(v, ldapStartTLS)
	case ldapExtendedDone:
		c := wire.New(v)
		if code := berExpect(&c, berEnumerated); d.startTLS && m.Stream && c.OK() && berUint(&code) == 0 {
			out.Switch("tls")
		}
	}
}
