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

// decide gives the verdict, and as its reason what happened, "10.60.0.15
// (corporate) wrote to 10.20.4.10 (line4) with s7comm", followed by why.
func (k *judge) decide(verdict string, why ...string) {
	with := " with "
	if k.seen.protocol == "" {
		with = " over "
	}
	b := appendAddress(k.round.words[:0], k.c.Client)
	b = appendPlace(b, &k.out.Client, "")
	b = append(append(append(b, ' '), k.verb()...), ' ')
	b = appendAddress(b, k.c.Server)
	b = appendPlace(b, &k.out.Server, k.data.GetSecurityFacts().GetServerName())
	b = append(append(b, with...), clean(k.seen.service)...)
	k.conclude(verdict, b, why)
}

// stay says of an ordinary connection that it is internal: what it is, and where
// it stays.
func (k *judge) stay(what string, stays ...string) {
	b := append(append(k.round.words[:0], clean(k.seen.service)...), " from "...)
	b = append(appendAddress(b, k.c.Client), " to "...)
	b = append(appendAddress(b, k.c.Server), ' ')
	if what != "" {
		b = append(append(b, what...), " and "...)
	}
	k.conclude(Internal, b, stays)
	if k.timed {
		k.out.Verdict.Reason += k.strayed()
	}
}

func (k *judge) conclude(verdict string, reason []byte, rest []string) {
	for _, s := range rest {
		reason = append(reason, s...)
	}
	k.out.Verdict.Verdict, k.out.Verdict.Reason = verdict, string(reason)
	k.round.words = reason
}

// appendPlace says where an end stands, and by which name the Internet's was
// asked for.
func appendPlace(b []byte, p *boundary.Placement, server string) []byte {
	if p.Boundary == "" {
		return b
	}
	b = append(append(b, " ("...), p.Boundary...)
	if server = clean(server); server != "" && p.Boundary == boundary.Internet {
		b = append(append(b, ", "...), server...)
	}
	return append(b, ')')
}

func appendAddress(b []byte, e inventory.End) []byte {
	if e.Addr.IsValid() {
		return e.Addr.Unmap().AppendTo(b)
	}
	return append(b, address(e)...)
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
