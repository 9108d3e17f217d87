package condition

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"demarc/collector/boundary"
	"demarc/collector/verdict"
	"demarc/internal/domains"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// checks are the named checks that are built, with what each is about and reads,
// beside its scope and parameters. Each has its section in deploy/checks.md.
var checks = map[string]struct {
	need  need
	run   func(*judge)
	about about
	reads Attributes
}{
	"only-via":               {edges, (*judge).onlyVia, crossing, always},
	"no-internet":            {edges, (*judge).noInternet, crossing, always},
	"read-only-from-outside": {edges, (*judge).readOnly, crossing, always | Security | classes(changing...)},
	"one-way":                {edges, (*judge).oneWay, touching, always},
	"encrypted":              {edges, (*judge).encrypted, crossing, always | Security},
	"initiator":              {edges, (*judge).initiator, crossing, always | Opener},
	"no-remote-access-tools": {edges, (*judge).noRemoteTools, crossing, always | Name},
	"agreement-in-force":     {edges, (*judge).agreementInForce, crossing, always | Verdict},
	"peer-authorized":        {edges, (*judge).peerAuthorized, crossing, always},
	"allow-list":             {edges, (*judge).allowList, crossing, always | Name},
	"time-window":            {edges, (*judge).timeWindow, crossing, always},
	"volume-limit":           {edges, (*judge).volumeLimit, crossing, always},
	"cadence":                {edges, (*judge).cadence, crossing, always},
	"atc-within-ato":         {papers, (*judge).atcWithinATO, nothing, 0},
	"no-dual-homed":          {segments, (*judge).noDualHomed, devices, Places | Seen},
	"no-unlisted-assets":     {segments, (*judge).noUnlisted, devices, Places | Facts | Seen},
	"no-transitive-path":     {edges, (*judge).noTransitivePath, leaving, Every &^ ofDevices},
	"visibility-at-least":    {papers, (*judge).visibilityAtLeast, nothing, 0},
	"evidence-newer-than":    {papers, (*judge).evidenceNewerThan, nothing, 0},
}

// with are the parameters of the check, empty when there are none.
func (k *judge) with() *boundary.With {
	if k.c.With == nil {
		return &boundary.With{}
	}
	return k.c.With
}

// crossings calls each crossing connection that fits from and to and is not
// excepted. from picks the client's end, to the server's.
func (k *judge) crossings(each func(*demarcv1.JudgedConnection, answer)) {
	w := k.with()
	k.subject(func(c *demarcv1.JudgedConnection) answer {
		if under(c, w.Except) {
			return no
		}
		return k.crossing(c).and(k.picks(w.From, k.client(c))).and(k.picks(w.To, k.server(c)))
	}, each)
}

// hold files what a check says of a connection: a broken one violates only if
// it is surely in scope.
func (k *judge) hold(c *demarcv1.JudgedConnection, a, holds answer, why string) {
	switch {
	case holds == yes:
	case holds == no && a == yes:
		k.out.breaks(c.GetId(), words(c)+why)
	case holds == no:
		k.out.hide(c.GetId(), words(c)+why+", and whether it is in scope cannot be told")
	default:
		k.out.hide(c.GetId(), words(c)+": it cannot be told"+why)
	}
}

// onlyVia: what goes from within to an end that "to" picks, whoever opened it,
// ends in the boundary or at the access point "via".
func (k *judge) onlyVia() {
	w := k.with()
	point := k.point(w.Via.Name)
	k.subject(func(c *demarcv1.JudgedConnection) answer {
		if under(c, w.Except) {
			return no
		}
		return k.crossing(c).and(k.picks(w.From, k.inner(c)))
	}, func(c *demarcv1.JudgedConnection, a answer) {
		out := k.outer(c)
		if out.boundary != "" && k.w.Policy.Holds(w.Via.Name, out.boundary) || slices.Contains(point, out.address) {
			return
		}
		k.hold(c, a.and(k.picks(w.To, out)), no, " is not by way of "+w.Via.Name)
	})
}

// point lists the addresses of an access point.
func (k *judge) point(name string) []string {
	var all []string
	if k.w.Documents == nil {
		return nil
	}
	for _, b := range k.w.Documents.Boundaries {
		for _, p := range b.AccessPoints {
			for _, a := range p.Addresses {
				if p.Name.Name == name {
					all = append(all, a.Addr.String())
				}
			}
		}
	}
	return all
}

func (k *judge) noInternet() {
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		if k.outer(c).boundary == boundary.Internet {
			k.hold(c, a, no, " reaches the Internet")
		}
	})
}

func (k *judge) readOnly() {
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		if k.inside(c.GetClientBoundary()) {
			return
		}
		hidden := ""
		for _, class := range changing {
			switch n := k.operations(c, class, k.decoded(c)); {
			case n.Low > 0:
				k.hold(c, a, no, ": "+class.String()+" was counted "+times(n.Low))
				return
			case n.Unknown:
				hidden = class.String()
			}
		}
		if hidden != "" {
			k.hold(c, a, maybe, " whether it writes, because not all of it was decoded")
		}
	})
}

var strength = map[string]int{"none": 1, "sign": 2, "sign-and-encrypt": 3}

func (k *judge) encrypted() {
	w := k.with()
	k.out.subject = true
	want := strength[cmp.Or(w.Security, "sign-and-encrypt")]
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		d := c.GetConnection()
		if len(w.Protocols) > 0 && !slices.Contains(w.Protocols, d.GetProtocol()) {
			if identified(d) {
				return
			}
			a = a.and(maybe)
		}
		tls, mode := d.GetSecurityFacts().GetTls(), strength[d.GetSecurity()]
		if tls != "" {
			mode = strength["sign-and-encrypt"]
		}
		switch {
		case mode == 0:
			k.hold(c, a, maybe, " whether it is protected")
		case mode < want:
			k.hold(c, a, no, " is not protected enough: "+d.GetSecurity())
		case w.TLS != "" && tls == "":
			k.hold(c, a, maybe, " which TLS version it runs")
		case w.TLS != "" && tls < w.TLS:
			k.hold(c, a, no, " runs TLS "+tls)
		}
	})
}

func (k *judge) initiator() {
	k.out.subject = true
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		side := map[string]string{"inside": "outside", "outside": "inside"}[k.with().Initiator]
		k.hold(c, a, k.openedBy(c, k.with().Initiator), " which end opened it, or it was opened from "+side)
	})
}

// remote protocols give access from afar.
var remote = ot.RemoteProtocols()

func (k *judge) noRemoteTools() {
	list := k.with().Protocols
	if len(list) == 0 {
		list = remote
	}
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		d := c.GetConnection()
		e, known := domains.Lookup(d.GetSecurityFacts().GetServerName())
		switch {
		case identified(d) && slices.Contains(list, d.GetProtocol()):
			k.hold(c, a, no, " gives access from afar")
		case known && e.Kind == domains.RemoteAccess:
			k.hold(c, a, no, " gives access from afar: "+e.Tool)
		case !identified(d) && d.GetTransport() != "icmp" && d.GetTransport() != "ethernet":
			k.hold(c, a, maybe, " what it is, because its protocol is not identified")
		}
	})
}

func (k *judge) agreementInForce() {
	k.out.subject = true
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		switch v := c.GetVerdict().GetVerdict(); v {
		case verdict.Unauthorized, verdict.Lapsed:
			k.hold(c, a, no, " is "+v)
		case verdict.Undecided, "":
			k.hold(c, a, maybe, " what covers it")
		}
	})
}

func (k *judge) peerAuthorized() {
	k.out.subject = true
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		out := k.outer(c)
		if out.boundary == "" {
			k.hold(c, a, maybe, " where "+out.address+" stands")
			return
		}
		if at := k.w.Policy.Authority(out.boundary, k.to); at.In == nil {
			why := "no authorization on record"
			if at.Home != "" {
				why = at.Why
			}
			k.hold(c, a, no, ": "+out.boundary+" is not authorized, "+why)
		}
	})
}

func (k *judge) allowList() {
	w := k.with()
	k.out.subject = true
	k.crossings(func(c *demarcv1.JudgedConnection, a answer) {
		out := k.outer(c)
		addr, err := netip.ParseAddr(out.address)
		listed := err == nil && slices.ContainsFunc(w.Peers, func(p boundary.Prefix) bool { return p.Prefix.Contains(addr) })
		name := strings.ToLower(c.GetConnection().GetSecurityFacts().GetServerName())
		listed = listed || name != "" && out.address == c.GetConnection().GetServer() && slices.ContainsFunc(w.Names, func(n string) bool { return named(n, name) })
		k.hold(c, a, sure(listed), ": "+out.address+" is not on the list")
	})
}

// named holds a host name to "host.example.com" or "*.example.com".
func named(pattern, name string) bool {
	pattern = strings.ToLower(pattern)
	if tail, any := strings.CutPrefix(pattern, "*"); any {
		return strings.HasSuffix(name, tail) && len(name) > len(tail)
	}
	return pattern == name
}

func (k *judge) atcWithinATO() {
	s, doc := k.d.At(k.w.Now), k.d.Source()
	in := 0
	for _, c := range doc.Connect {
		if c.Decision == "datc" {
			continue
		}
		in++
		what := "the " + c.Decision + " to " + c.To.Name
		switch {
		case k.w.Now.Before(c.Granted.Time):
			k.out.violated = append(k.out.violated, what+" has not begun")
		case !c.Expires.Time.IsZero() && !k.w.Now.Before(c.Expires.End()):
			k.out.violated = append(k.out.violated, what+" ended")
		case !c.Expires.Time.IsZero() && !s.Until.IsZero() && c.Expires.End().After(s.Until):
			k.out.violated = append(k.out.violated, what+" ends after "+k.d.Name+" itself")
		case !s.InForce:
			k.out.violated = append(k.out.violated, what+" stands on an authorization that is not in force: "+s.Why)
		}
	}
	if in == 0 {
		k.out.unknown = append(k.out.unknown, k.d.Name+" names no atc")
	}
}

func (k *judge) noDualHomed() {
	for _, a := range k.eye.index.Within(k.inside) {
		var homes []string
		exempt, touches := false, false
		for _, p := range a.GetPlaces() {
			addr, err := netip.ParseAddr(p.GetAddress())
			exempt = exempt || err == nil && k.w.Policy.AccessPoint(addr)
			if p.GetBoundary() == "" || err != nil || group(p.GetAddress()) {
				continue
			}
			touches = touches || k.inside(p.GetBoundary())
			apart := !slices.ContainsFunc(homes, func(h string) bool {
				return k.w.Policy.Holds(h, p.GetBoundary()) || k.w.Policy.Holds(p.GetBoundary(), h)
			})
			if apart {
				homes = append(homes, p.GetBoundary())
			}
		}
		last := a.GetLastSeen()
		if len(homes) > 1 && touches && !exempt && last != nil && !last.AsTime().Before(k.from) {
			k.out.violated = append(k.out.violated, strings.Join(a.GetIps(), " ")+" stands in "+strings.Join(homes, " and "))
			k.out.assets = append(k.out.assets, a.GetId())
		}
	}
}

// noUnlisted: what stands where a hardware list was approved is on a row of it.
func (k *judge) noUnlisted() {
	p := k.w.Policy
	if !slices.ContainsFunc(p.Boundaries(), func(b boundary.Info) bool { return k.inside(b.Name) && p.Listing(b.Name) != nil }) {
		k.out.unknown = append(k.out.unknown, "no boundary of "+k.d.Name+" names an approved inventory (components: {inventory: ...})")
	}
	for _, a := range k.eye.index.Within(k.inside) {
		last := a.GetLastSeen()
		if a.GetKind() == "part" || last == nil || last.AsTime().Before(k.from) {
			continue
		}
		device := boundary.DeviceShown(a)
		for _, at := range a.GetPlaces() {
			if !k.inside(at.GetBoundary()) {
				continue
			}
			if why := p.Unlisted(at.GetBoundary(), device); why != "" {
				k.out.violated = append(k.out.violated, strings.Join(a.GetIps(), " ")+" stands in "+at.GetBoundary()+", and "+why)
				k.out.assets = append(k.out.assets, a.GetId())
				break
			}
		}
	}
}

func (k *judge) visibilityAtLeast() {
	w := k.with()
	agents, share := max(w.Agents, 1), Heard
	if w.Heard.Line != 0 {
		share = w.Heard.Share
	}
	from := k.w.Now.Add(k.from.Sub(k.to))
	for _, b := range k.d.Boundaries {
		s := k.eye.of(b, from, k.w.Now)
		if len(s.Segments) == 0 {
			k.out.violated = append(k.out.violated, some(s.Gaps))
		}
		for i := range s.Segments {
			if x := &s.Segments[i]; len(x.Agents) < agents || float64(x.Heard) < share*float64(x.Of) {
				k.out.violated = append(k.out.violated, fmt.Sprintf("segment %s: %d agents, heard for %s of %s", x.Segment, len(x.Agents), hours(x.Heard), hours(x.Of)))
			}
		}
	}
}

func (k *judge) evidenceNewerThan() {
	for i := range k.sights {
		s := &k.sights[i]
		if len(s.Segments) == 0 {
			k.out.violated = append(k.out.violated, some(s.Gaps))
		}
		for j := range s.Segments {
			if x := &s.Segments[j]; x.Last.IsZero() || k.w.Now.Sub(x.Last) > k.with().Age.Duration {
				k.out.violated = append(k.out.violated, x.words())
			}
		}
	}
}
