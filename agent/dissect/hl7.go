package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "hl7",
		Over:     []string{"tcp"},
		Tier:     3,
		Ports:    TCP(2575),
		Match:    matchHL7,
		New:      func() Dissector { return &hl7{} },
		Reads:    "applications and facilities of both ends, version, queries and reports",
		Standard: "HL7 version 2 chapter 2.14.9 (MSH), HL7 MLLP release 1",
	})
}

// Attributes of the ends of an interface.
const (
	hl7Application ot.Attribute = "hl7.application"
	hl7Facility    ot.Attribute = "hl7.facility"
	hl7Version     ot.Attribute = "hl7.version"
)

// hl7 reads blocks: 0x0b, segments that end with 0x0d, 0x1c 0x0d. The first
// segment says everything that is wanted; the rest is passed over.
type hl7 struct {
	told  bool
	sides sides
	body  [3]bool // by side: behind the first segment
}

const (
	hl7Start  = "\x0bMSH"
	hl7End    = 0x1c
	maxHL7MSH = 1024
)

// hl7Head is the first segment with the octet before it; whole is false while
// its end has not come.
func hl7Head(b []byte) (head []byte, whole, ok bool) {
	if !startsLike(b, hl7Start) {
		return nil, false, false
	}
	i := bytes.IndexByte(b, '\r')
	if i < 0 {
		return nil, false, len(b) <= maxHL7MSH
	}
	head = b[:i+1]
	return head, true, i > len(hl7Start)+6 && i <= maxHL7MSH && !bytes.ContainsRune(head[1:i], '\n')
}

func matchHL7(b []byte) bool {
	_, _, ok := hl7Head(b)
	return ok && len(b) >= len(hl7Start)
}

func (d *hl7) Dissect(m *Message, out Out) (int, error) {
	if m.Trial {
		trial := *d
		d = &trial
	}
	body := &d.body[d.sides.of(m)]
	if *body {
		i := bytes.IndexByte(m.Data, hl7End)
		switch {
		case i < 0:
			return len(m.Data), nil
		case i > 0:
			return i, nil
		case len(m.Data) < 2:
			return 0, ErrShort
		}
		*body = false
		return 2, nil
	}
	head, whole, ok := hl7Head(m.Data)
	switch {
	case !ok:
		return 0, notMine(d.told)
	case !whole:
		return 0, ErrShort
	case !hl7MSH(head, out):
		return 0, notMine(d.told)
	}
	if !d.told {
		out.Security(ot.Security{Mode: ot.SecurityNone})
	}
	d.told, *body = true, true
	return len(head), nil
}

// hl7MSH reads the fields of the first segment: separator, encoding, sending
// application and facility, receiving ones, time, security, type, control
// identifier, processing, version.
func hl7MSH(head []byte, out Out) bool {
	rest := head[len(hl7Start) : len(head)-1]
	separator := rest[:1]
	var field [12][]byte // of MSH-2 on
	for i := range field {
		if i == 0 {
			rest = rest[1:]
		}
		field[i], rest, _ = bytes.Cut(rest, separator)
	}
	if len(field[0]) < 4 || len(field[0]) > 5 || len(field[7]) < 3 {
		return false
	}
	kind := hl7Component(field[7], field[0])
	switch string(kind) {
	case "ACK", "RSP", "ADR", "ORR", "RAS":
		out.Sender(Server)
	case "QRY", "QBP", "QCN":
		out.Sender(Client)
		out.Operation(ot.Read, 1)
	default:
		out.Sender(Client)
		out.Operation(ot.Write, 1)
	}
	hl7Text(Sender, hl7Application, hl7Component(field[1], field[0]), "hl7.msh.sending_application", out)
	hl7Text(Sender, hl7Facility, hl7Component(field[2], field[0]), "hl7.msh.sending_facility", out)
	hl7Text(Receiver, hl7Application, hl7Component(field[3], field[0]), "hl7.msh.receiving_application", out)
	hl7Text(Receiver, hl7Facility, hl7Component(field[4], field[0]), "hl7.msh.receiving_facility", out)
	hl7Text(Sender, hl7Version, hl7Component(field[10], field[0]), "hl7.msh.version", out)
	return true
}

// hl7Component is the first component of a field.
func hl7Component(field, encoding []byte) []byte {
	v, _, _ := bytes.Cut(field, encoding[:1])
	return v
}

func hl7Text(of Subject, a ot.Attribute, v []byte, source string, out Out) {
	if v = trim(v); len(v) > 0 && printable(v) {
		out.Fact(of, a, v, source, ot.Content)
	}
}

// Resync finds the next block behind a gap.
func (d *hl7) Resync(b []byte) int {
	d.body = [3]bool{}
	return bytes.Index(b, []byte(hl7Start))
}
