package dissect

import (
	"bytes"

	"demarc/internal/ot"
	"demarc/internal/wire"
)

// oidMMS is the abstract syntax of MMS, {1 0 9506 2 1}.
const oidMMS = "\x28\xca\x22\x02\x01"

// mmsAssociation is what a CONNECT or ACCEPT holds.
type mmsAssociation struct {
	mms       bool   // it is for MMS
	title     []byte // of the sender: AP title, an object identifier
	qualifier []byte // of the sender: AE qualifier, an integer
	password  bool   // an authentication value
}

// ACSE APDUs, ISO 8650-1 clause 9, and the elements that are read.
const (
	acseAARQ = 0x60
	acseAARE = 0x61
)

// readAssociation reads the presentation layer's CP or CPA (ISO 8823-1 8.2)
// and the ACSE APDU in it:
//
//	31 { A0 mode   A2 { ... A4 contexts   A5 results   61 user data { AARQ | AARE } } }
func readAssociation(user wire.Cursor, cut bool) (a mmsAssociation) {
	tag, set := berNext(&user, cut)
	if tag != berSet {
		return a
	}
	for set.Len() > 0 {
		if tag, normal := berNext(&set, cut); tag == 0xa2 {
			a.normalMode(normal, cut)
		}
	}
	return a
}

func (a *mmsAssociation) normalMode(normal wire.Cursor, cut bool) {
	for normal.Len() > 0 {
		rest := normal
		switch tag, v := berNext(&normal, cut); tag {
		case 0xa4: // context definition list
			a.mms = a.mms || bytes.Contains(v.Rest(), []byte("\x06\x05"+oidMMS))
		case 0x61:
			user := wire.New(rest.Bytes(rest.Len() - normal.Len()))
			if acse, ok := readPDV(&user, cut); ok {
				a.acse(acse, cut)
			}
		}
	}
}

// acse reads an AARQ or AARE: names of the sender are under tags 6 and 7 in
// one, 4 and 5 in the other; the association is for MMS when its user
// information is an initiate PDU, or when it refuses one.
func (a *mmsAssociation) acse(c wire.Cursor, cut bool) {
	apdu, v := berNext(&c, cut)
	title, qualifier, password := uint16(0xa6), uint16(0xa7), uint16(0xac)
	switch apdu {
	case acseAARQ:
	case acseAARE:
		title, qualifier, password = 0xa4, 0xa5, 0xaa
	default:
		return
	}
	for v.Len() > 0 {
		switch tag, x := berNext(&v, cut); tag {
		case title:
			a.title = berInner(x, berOID)
		case qualifier:
			a.qualifier = berInner(x, berInteger)
		case password:
			a.password = true
		case 0xbe: // user information: EXTERNAL, in it the encoding
			a.mms = a.mms || initiates(x, cut)
		}
	}
}

// berInner is the content of the one value in c, nil unless it has the tag.
func berInner(c wire.Cursor, tag uint8) []byte {
	v := berExpect(&c, tag)
	if !c.OK() || v.Len() > 32 {
		return nil
	}
	return v.Rest()
}

// initiates reports whether user information holds an MMS initiate PDU.
func initiates(c wire.Cursor, cut bool) bool {
	if tag, external := berNext(&c, cut); tag == 0x28 {
		for external.Len() > 0 {
			if tag, v := berNext(&external, cut); tag == 0xa0 {
				b := v.Rest()
				return len(b) > 2 && (b[0] == mmsInitiate || b[0] == mmsInitiated || b[0] == mmsInitiateError)
			}
		}
	}
	return false
}

// associate tells what a CONNECT or ACCEPT says.
func (d *mms) associate(connect bool, a mmsAssociation, out Out) {
	out.Sender(roleOf(connect))
	out.Security(ot.Security{Mode: ot.SecurityNone})
	if a.password && connect {
		out.Operation(ot.Authenticate, 1)
	}
	if len(a.title) > 0 {
		from := d.text.mark()
		d.text.oid(a.title)
		if len(a.qualifier) > 0 {
			d.text.adds("/")
			q := wire.New(a.qualifier)
			d.text.uint(berUint(&q))
		}
		out.Fact(Sender, "mms.ap_title", d.text.since(from), "mms.acse.ap_title", ot.Content)
	}
}
