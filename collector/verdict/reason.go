package verdict

import (
	"strings"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/internal/ot"
)

// verbs say what the strongest operation did, from client to server.
var verbs = []struct {
	operation ot.Operation
	verb      string
}{
	{ot.Program, "exchanged a program with"},
	{ot.Firmware, "sent firmware to"},
	{ot.Control, "operated"},
	{ot.Write, "wrote to"},
	{ot.Configure, "configured"},
	{ot.Transfer, "transferred files with"},
	{ot.Subscribe, "subscribed to"},
	{ot.Read, "read from"},
	{ot.Alarm, "took alarms from"},
	{ot.Diagnose, "asked after the state of"},
	{ot.Authenticate, "logged on to"},
}

func (k *judge) verb() string {
	switch ot.ParseOutcome(k.data.Outcome) {
	case ot.Unanswered:
		return "tried in vain to reach"
	case ot.Refused:
		return "was refused by"
	}
	for _, v := range verbs {
		if k.seen.classes.Has(v.operation) {
			return v.verb
		}
	}
	if k.seen.opener == 0 {
		return "exchanged traffic with"
	}
	return "spoke to"
}

// sentence says what happened: "10.60.0.15 (corporate) wrote to 10.20.4.10
// (line4) with s7comm".
func (k *judge) sentence() string {
	with := " with "
	if k.seen.protocol == "" {
		with = " over "
	}
	ends := k.names()
	return ends[0] + in(k.out.Client, "") + " " + k.verb() + " " + ends[1] + in(k.out.Server, k.data.GetSecurityFacts().GetServerName()) + with + clean(k.seen.service)
}

// line says of an ordinary connection what it is and where it stays.
func (k *judge) line(what, stays string) string {
	if what != "" {
		what = " " + what + " and"
	}
	ends := k.names()
	return clean(k.seen.service) + " from " + ends[0] + " to " + ends[1] + what + " " + stays
}

// names are the addresses of both ends, made once.
func (k *judge) names() *[2]string {
	if k.ended[0] == "" {
		k.ended = [2]string{address(k.c.Client), address(k.c.Server)}
	}
	return &k.ended
}

// in says where an end stands, and by which name the Internet's was asked for.
func in(p boundary.Placement, server string) string {
	where := p.Boundary
	if server = clean(server); server != "" && where == boundary.Internet {
		where += ", " + server
	}
	if where == "" {
		return ""
	}
	return " (" + where + ")"
}

func address(e inventory.End) string {
	switch {
	case e.Addr.IsValid():
		return e.Addr.Unmap().String()
	case e.MAC != "":
		return e.MAC
	}
	return "an unknown device"
}

func where(boundary, segment string) string {
	if boundary != "" {
		return boundary
	}
	return "segment " + segment
}

// clean takes out of text from the wire what has no place in a sentence, and
// cuts it to a length that a line can hold.
func clean(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	ok := true
	for i := range len(s) {
		ok = ok && s[i] > ' ' && s[i] < 0x7f
	}
	if ok {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, s)
}
