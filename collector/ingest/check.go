package ingest

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	demarcv1 "demarc/proto/demarc/v1"
)

// errBody is what CheckBody's errors wrap.
var errBody = errors.New("the batch's body is not readable")

// form is what the wire format may hold for one message of sighting.proto.
// Field numbers that it does not list are of a newer agent: they are skipped
// within their bounds, as protobuf does.
type form struct {
	name   string
	fields []field                       // by number; the zero field is unlisted
	whole  func(seen uint32) (no string) // what is wrong with the set of fields, bit by number
}

type field struct {
	kind  kind
	many  bool   // repeated; any other may come once
	limit uint64 // highest number, or most bytes; 0 is none
	sub   *form
}

type kind uint8

const (
	unlisted kind = iota
	number        // varint; packed too when many
	text          // UTF-8
	label         // UTF-8 without control characters
	octets        // of an address: 4, 6 or 16
	raw           // any bytes
	message
	inner // of what a collector saves; from an agent it is refused
)

const (
	nameBytes  = 128
	valueBytes = 4096
	probeBytes = 256
	maxVLAN    = 4095
	maxTTL     = 255
	maxPort    = 65535
)

var (
	addressForm = form{name: "Address", whole: oneAddress, fields: []field{
		1: {kind: label, limit: nameBytes}, 2: {kind: octets, limit: 16}, 3: {kind: octets, limit: 6}, 4: {kind: number, limit: maxVLAN},
	}}
	endpointForm = form{name: "EndpointDelta", whole: needs(1), fields: []field{
		1: {kind: message, sub: &addressForm}, 2: {kind: octets, limit: 6}, 3: {kind: number, many: true, limit: maxVLAN},
		4: {kind: number, limit: 1}, 5: {kind: number}, 6: {kind: number}, 7: {kind: number, many: true, limit: maxTTL}, 8: {kind: inner},
	}}
	factForm = form{name: "FactDelta", whole: needs(1), fields: []field{
		1: {kind: message, sub: &addressForm}, 2: {kind: text, limit: nameBytes}, 3: {kind: text, limit: nameBytes},
		4: {kind: text, limit: valueBytes}, 5: {kind: text, limit: nameBytes}, 6: {kind: number, limit: 255},
		7: {kind: number}, 8: {kind: number},
	}}
	keyForm = form{name: "ConnectionKey", whole: needs(1, 2), fields: []field{
		1: {kind: message, sub: &addressForm}, 2: {kind: message, sub: &addressForm},
		3: {kind: label, limit: nameBytes}, 4: {kind: number, limit: maxPort},
	}}
	connectionForm = form{name: "ConnectionDelta", whole: needs(1), fields: []field{
		1: {kind: message, sub: &keyForm}, 2: {kind: number, many: true, limit: maxVLAN},
		3: {kind: text, limit: nameBytes}, 4: {kind: number, limit: 255}, 5: {kind: text, limit: nameBytes},
		6: {kind: text, limit: nameBytes}, 7: {kind: text, limit: nameBytes}, 8: {kind: message, sub: &keyForm},
		9: {kind: number}, 10: {kind: number}, 11: {kind: number}, 12: {kind: number}, 13: {kind: number},
		14: {kind: number, many: true}, 15: {kind: text, limit: nameBytes}, 16: {kind: text, limit: nameBytes},
		17: {kind: text, limit: nameBytes}, 18: {kind: text, limit: valueBytes}, 19: {kind: text, limit: valueBytes},
		20: {kind: number}, 21: {kind: number}, 22: {kind: inner}, 23: {kind: inner}, 24: {kind: number}, 25: {kind: number},
	}}
	moveForm = form{name: "ConnectionMove", whole: needs(1, 2), fields: []field{
		1: {kind: message, sub: &keyForm}, 2: {kind: message, sub: &keyForm},
	}}
	lossForm = form{name: "LossDelta", fields: []field{
		1: {kind: text, limit: nameBytes}, 2: {kind: label, limit: nameBytes}, 3: {kind: number}, 4: {kind: number},
		5: {kind: number}, 6: {kind: text, limit: valueBytes},
	}}
	probeForm = form{name: "ProbeEntry", whole: needs(1, 3), fields: []field{
		1: {kind: number}, 2: {kind: label, limit: nameBytes}, 3: {kind: label, limit: nameBytes}, 4: {kind: label, limit: probeBytes},
		5: {kind: raw, limit: 1 << 16}, 6: {kind: raw, limit: valueBytes}, 7: {kind: number}, 8: {kind: number}, 9: {kind: text, limit: valueBytes},
	}}
	bodyForm = form{name: "Body", fields: []field{
		1: {kind: message, many: true, sub: &endpointForm}, 2: {kind: message, many: true, sub: &factForm},
		3: {kind: message, many: true, sub: &connectionForm}, 4: {kind: message, many: true, sub: &moveForm},
		5: {kind: message, many: true, sub: &lossForm}, 6: {kind: message, many: true, sub: &probeForm},
	}}
)

// oneAddress wants an IP or a MAC, never both; lengths were checked as limits,
// so what is left is a length in between, which length keeps out.
func oneAddress(seen uint32) string {
	switch seen & (1<<2 | 1<<3) {
	case 0:
		return "has neither ip nor mac"
	case 1<<2 | 1<<3:
		return "has both ip and mac"
	}
	return ""
}

func needs(numbers ...uint) func(uint32) string {
	var all uint32
	for _, n := range numbers {
		all |= 1 << n
	}
	return func(seen uint32) string {
		if seen&all != all {
			return "lacks what it is about"
		}
		return ""
	}
}

// CheckBody walks the wire format of a Body without decoding it: bounds, sizes,
// numbers, text, and that every address is one. A body that passes decodes, and
// into memory of bounded size. It allocates nothing unless it finds something.
func CheckBody(b []byte) error {
	if len(b) > demarcv1.MaxBody {
		return fmt.Errorf("%w: %d bytes, at most %d are taken", errBody, len(b), demarcv1.MaxBody)
	}
	w := walk{}
	if err := w.message(b, &bodyForm); err != nil {
		return fmt.Errorf("%w: %w", errBody, err)
	}
	return nil
}

// walk counts what one body holds. Its depth is that of the forms.
type walk struct{ items int }

func (w *walk) message(b []byte, f *form) error {
	var seen uint32
	for len(b) > 0 {
		num, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%s: %w", f.name, protowire.ParseError(n))
		}
		if !num.IsValid() { // ConsumeTag checks the lower bound only
			return fmt.Errorf("%s: field number %d", f.name, num)
		}
		b = b[n:]
		var as field
		if int(num) < len(f.fields) {
			as = f.fields[num]
		}
		used, err := w.field(b, wire, as)
		if err != nil {
			return fmt.Errorf("%s, field %d: %w", f.name, num, err)
		}
		b = b[used:]
		if as.kind == unlisted {
			continue
		}
		if seen&(1<<num) != 0 && !as.many {
			return fmt.Errorf("%s, field %d comes twice", f.name, num)
		}
		// Protobuf takes empty for absent.
		if as.kind != octets || used > 1 {
			seen |= 1 << num
		}
	}
	if f.whole != nil {
		if no := f.whole(seen); no != "" {
			return fmt.Errorf("%s %s", f.name, no)
		}
	}
	return nil
}

// field checks one field's value at the front of b and says how long it is.
func (w *walk) field(b []byte, wire protowire.Type, as field) (used int, err error) {
	switch {
	case as.kind == inner:
		return 0, errors.New("a field that agents leave empty")
	case wire == protowire.VarintType && (as.kind == number || as.kind == unlisted):
		v, n := protowire.ConsumeVarint(b)
		if n >= 0 && as.limit > 0 && v > as.limit {
			return 0, fmt.Errorf("%d is more than %d", v, as.limit)
		}
		used = n
	case wire == protowire.BytesType:
		s, n := protowire.ConsumeBytes(b)
		if n >= 0 {
			err = w.bytes(s, as)
		}
		used = n
	case as.kind == unlisted && (wire == protowire.Fixed32Type || wire == protowire.Fixed64Type):
		used = protowire.ConsumeFieldValue(1, wire, b)
	default:
		return 0, fmt.Errorf("wire type %d", wire)
	}
	if used < 0 {
		return 0, protowire.ParseError(used)
	}
	return used, err
}

// bytes checks a length-delimited value.
func (w *walk) bytes(s []byte, as field) error {
	switch as.kind {
	case message:
		if as.many {
			if w.items++; w.items > demarcv1.MaxItems {
				return fmt.Errorf("more than %d items", demarcv1.MaxItems)
			}
		}
		return w.message(s, as.sub)
	case number:
		if !as.many {
			return errors.New("bytes where a number belongs")
		}
		return packed(s, as.limit)
	case unlisted:
		return nil
	}
	if uint64(len(s)) > as.limit {
		return fmt.Errorf("%d bytes, at most %d are taken", len(s), as.limit)
	}
	switch as.kind {
	case raw:
		return nil
	case octets:
		return length(len(s), as.limit)
	case label:
		return printable(s)
	}
	if !utf8.Valid(s) {
		return errors.New("text that is not UTF-8")
	}
	return nil
}

// length wants a whole address: MAC 6, IP 4 or 16 bytes, or none.
func length(n int, limit uint64) error {
	if n == 0 || uint64(n) == limit || (limit == 16 && n == 4) {
		return nil
	}
	return fmt.Errorf("an address of %d bytes", n)
}

func packed(s []byte, limit uint64) error {
	for len(s) > 0 {
		v, n := protowire.ConsumeVarint(s)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if limit > 0 && v > limit {
			return fmt.Errorf("%d is more than %d", v, limit)
		}
		s = s[n:]
	}
	return nil
}

// printable wants UTF-8 without control characters: a plausible name.
func printable(s []byte) error {
	if !utf8.Valid(s) {
		return errors.New("a name that is not UTF-8")
	}
	for _, c := range s {
		if c < ' ' || c == 0x7f {
			return errors.New("a name with control characters")
		}
	}
	return nil
}
