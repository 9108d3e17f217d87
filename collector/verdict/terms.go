package verdict

import (
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/internal/ot"
	"demarc/internal/quarter"
)

// ends holds both ends of the connection against those of an agreement, and
// counts those that are not agreed.
func (k *judge) ends(o boundary.Offer, group, explain bool) (t term, misses int) {
	client, server := &o.From, &o.To
	if !o.ClientFrom {
		client, server = server, client
	}
	t = k.end(client, k.c.Client, false, group, explain)
	u := k.end(server, k.c.Server, true, group, explain)
	for _, one := range [...]term{t, u} {
		if one.state == broken {
			misses++
		}
	}
	if u.state == broken || t.state == met {
		t = u
	}
	if explain && t.state == met {
		t.why = "both ends are agreed"
	}
	return t, misses
}

func (k *judge) end(agreed *boundary.AgreementEnd, e inventory.End, server, group, explain bool) term {
	a := e.Addr.Unmap()
	if group && server {
		if !contains(agreed.Groups, a) {
			return term{state: broken, why: "the group is not agreed"}
		}
		return term{}
	}
	if agreed.GroupsAlone() {
		return term{state: broken, why: "groups alone are agreed"}
	}
	if len(agreed.CIDRs) > 0 && !contains(agreed.CIDRs, a) {
		if !explain {
			return term{state: broken}
		}
		return term{state: broken, why: address(e) + " is no agreed address of " + agreed.Boundary}
	}
	if len(agreed.Names) > 0 && len(agreed.CIDRs) == 0 {
		if t := k.name(agreed, e, server, explain); t.state != met {
			return t
		}
	}
	if len(agreed.Roles) > 0 && len(agreed.CIDRs) == 0 && !slices.Contains(agreed.Known, a) {
		return k.role(agreed, e, explain)
	}
	return term{}
}

// role is the term of an end that had none of the agreed roles when the
// documents were applied. What has one now is not confirmed.
func (k *judge) role(agreed *boundary.AgreementEnd, e inventory.End, explain bool) term {
	if !explain {
		return term{state: broken}
	}
	if role := k.hasRole(e, agreed.Roles); role != "" {
		return term{state: broken, why: address(e) + " is " + role + " now and was not when the documents were applied", unconfirmed: true}
	}
	return term{state: broken, why: address(e) + " was not " + strings.Join(agreed.Roles, " or ") + " of " + agreed.Boundary + " when the documents were applied"}
}

// hasRole names the first of roles that the device at e has now.
func (k *judge) hasRole(e inventory.End, roles []string) string {
	if k.c.Devices == nil || e.Asset == "" {
		return ""
	}
	have := k.c.Devices.Roles(e.Asset)
	for _, r := range roles {
		if slices.Contains(have, r) {
			return r
		}
	}
	return ""
}

// name holds the name that the client asked for against the agreed ones. A name
// that does not show covers nothing: else every address would be agreed.
func (k *judge) name(agreed *boundary.AgreementEnd, e inventory.End, server, explain bool) term {
	asked := strings.ToLower(strings.TrimSuffix(k.data.GetSecurityFacts().GetServerName(), "."))
	if server && asked != "" {
		for _, n := range agreed.Names {
			if suffix, ok := strings.CutPrefix(n, "*"); n == asked || ok && len(asked) > len(suffix) && strings.HasSuffix(asked, suffix) {
				return term{}
			}
		}
	}
	if !explain {
		return term{state: broken}
	}
	shown := "shows no name"
	if asked != "" && server {
		shown = "goes by the name " + clean(asked)
	}
	return term{state: broken, why: address(e) + " " + shown + ", and agreed are " + strings.Join(agreed.Names, ", ")}
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// initiatorTerm holds who opened against who may. A direction known only from a
// port never breaks it.
func (k *judge) initiatorTerm(x *candidate, explain bool) term {
	if x.service.Opener == boundary.Either {
		return term{state: met, why: "either side may open"}
	}
	client, server := x.From.Boundary, x.To.Boundary
	if !x.ClientFrom {
		client, server = server, client
	}
	may := x.From.Boundary
	if x.service.Opener == boundary.To {
		may = x.To.Boundary
	}
	if k.at.opener == quarter.Unknown || !k.seen.directed {
		if !explain {
			return term{state: hidden}
		}
		return term{state: hidden, why: "who opened is known no better than from the port"}
	}
	opened := client
	if k.at.opener == quarter.Server {
		opened = server
	}
	t := term{state: met}
	if opened != may {
		t.state = broken
	}
	if explain {
		t.why = "opened from " + opened
		if t.state == broken {
			t.why += ", and only " + may + " may open"
		}
	}
	return t
}

// operationsTerm holds what was asked against the agreed operations; where none
// are listed, against the direction in which information may flow.
func (k *judge) operationsTerm(x *candidate, explain bool) term {
	s := x.service
	if len(s.Operations) == 0 && x.BothWays {
		return term{state: met, why: "no operation is excluded"}
	}
	if o, bad := k.breaking(x); bad {
		switch {
		case !explain:
			return term{state: broken}
		case len(s.Operations) > 0:
			return term{state: broken, why: o.String() + " is not agreed: agreed are " + strings.Join(s.Operations, ", ") + " alone"}
		}
		return term{state: broken, why: o.String() + " is not agreed: it moves information from " + x.To.Boundary + " to " + x.From.Boundary + ", and " + x.From.Boundary + " to " + x.To.Boundary + " is agreed"}
	}
	if k.at.classes != 0 {
		if !explain {
			return term{}
		}
		return term{state: met, why: "seen: " + strings.Join(k.at.classes.Names(), ", ")}
	}
	if k.at.security == ot.SignAndEncrypt || k.seen.protocol == "tls" {
		if len(s.Operations) == 0 {
			return term{state: met, why: "no operation is listed, and encryption hides which way information flows"}
		}
		if s.Attested {
			return term{state: hidden, why: "encryption hides them, people attest them"}
		}
		return term{state: hidden, why: "encryption hides them"}
	}
	return term{state: met, why: "none seen that is not agreed"}
}

// breaking is the first operation of the moment that is not agreed.
func (k *judge) breaking(x *candidate) (o ot.Operation, bad bool) {
	not := k.at.classes &^ implied(x.service.Classes)
	if len(x.service.Operations) == 0 {
		not = k.at.classes & outward
		if !x.ClientFrom {
			not = k.at.classes & inward
		}
		// Information flows from From to To: from the client that is From by what
		// it writes, from the server that is From by what is read of it.
		if x.BothWays {
			not = 0
		}
	}
	return ot.Operation(bits.TrailingZeros16(uint16(not))), not != 0
}

// implied is what an agreed list allows. Opening a session takes
// authentication; a session that reads or subscribes also asks what there is
// and in which state (diagnose), and alarms come by subscription.
func implied(agreed ot.Classes) ot.Classes {
	all := agreed | 1<<ot.Authenticate
	if agreed.Has(ot.Read) || agreed.Has(ot.Subscribe) {
		all |= 1 << ot.Diagnose
	}
	if agreed.Has(ot.Subscribe) {
		all |= 1 << ot.Alarm
	}
	return all
}

// Operations that move information from client to server, and from server to
// client; others make no direction for certain.
const (
	inward  = ot.Classes(1<<ot.Write | 1<<ot.Control | 1<<ot.Program | 1<<ot.Firmware | 1<<ot.Configure)
	outward = ot.Classes(1<<ot.Read | 1<<ot.Subscribe | 1<<ot.Alarm | 1<<ot.Diagnose)
)

// securityTerm holds the protection that shows against the lowest agreed.
func (k *judge) securityTerm(x *candidate, explain bool) term {
	s := x.service
	want := ""
	switch {
	case s.TLS != "":
		want = "TLS " + s.TLS
	case s.Mode != "" && s.Mode != ot.SecurityNone.String():
		want = s.Mode
	case s.Over != "":
		want = "TLS"
	default:
		return term{state: met, why: "no protection is asked for"}
	}
	have, tls := k.at.security, k.at.tls
	clear := k.seen.protocol == s.Protocol && tls == "" // the agreed protocol was read, so nothing covers it
	t := term{state: hidden}
	switch {
	case want == ot.Sign.String():
		t.state = pick(have >= ot.Sign, have == ot.SecurityNone)
	case want == ot.SignAndEncrypt.String():
		t.state = pick(have == ot.SignAndEncrypt || k.seen.protocol == "tls", have == ot.SecurityNone || have == ot.Sign)
	case s.TLS != "":
		t.state = pick(tls != "" && tls >= s.TLS, tls != "" && tls < s.TLS || clear)
	default:
		t.state = pick(tls != "" || k.seen.protocol == "tls", clear)
	}
	if explain {
		t.why = k.protection() + ", " + want + " is agreed"
	}
	return t
}

func pick(isMet, isBroken bool) state {
	switch {
	case isMet:
		return met
	case isBroken:
		return broken
	}
	return hidden
}

func (k *judge) protection() string {
	switch {
	case k.at.tls != "":
		return "TLS " + clean(k.at.tls) + " shows"
	case k.at.security != ot.SecurityUnknown:
		return "protection is " + k.at.security.String()
	case k.seen.protocol != "":
		return "no protection shows on " + clean(k.seen.protocol)
	}
	return "protection does not show"
}

// scheduleTerm holds the last activity against the schedule, and an agreement
// by window against the windows.
func (k *judge) scheduleTerm(x *candidate, explain bool) term {
	if k.timed {
		if t, out := k.roamTerm(explain); out {
			return t
		}
	}
	if x.PerWindow {
		return k.windowTerm(x, explain)
	}
	if x.Schedule == nil {
		return term{state: met, why: "no schedule limits it"}
	}
	zone, at := k.zone(x.Offer), k.at.last
	if at.IsZero() {
		at = k.today
	}
	t := term{state: met}
	if !x.Schedule.Holds(at, zone) || k.at.past && !x.Schedule.Holds(k.at.first, zone) {
		t.state = broken
	}
	if k.at.folded {
		t.state = hidden
	}
	if explain {
		t.why = "last active " + strings.ToLower(at.In(zone).Format("Mon 2006-01-02 15:04 MST")) + ", agreed is " + x.Schedule.Words
		if k.at.folded {
			t.why = "when it was active is not kept for all of the window, agreed is " + x.Schedule.Words
		}
	}
	return t
}

// zone is the clock by which the schedule of an agreement is read.
func (k *judge) zone(o boundary.Offer) *time.Location {
	if o.ClientFrom {
		return k.p.Zone(o.To.Boundary, k.c.Site)
	}
	return k.p.Zone(o.From.Boundary, k.c.Site)
}

// pathTerm: which way packets went shows only to sensors on both sides of an
// access point.
func (k *judge) pathTerm(x *candidate, explain bool) term {
	if len(x.Through) == 0 {
		return term{state: met, why: "no path is agreed"}
	}
	if !explain {
		return term{state: hidden}
	}
	return term{state: hidden, why: "whether it went through " + strings.Join(x.Through, ", ") + " is not judged yet"}
}
