package boundary

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"demarc/internal/ot"
)

// Side is one of the two sides of an agreement.
type Side uint8

const (
	Either Side = iota
	From
	To
)

// Agreement is an Interconnection, or a SharedService with one of its
// consumers, ready to judge by. Information flows from From to To.
type Agreement struct {
	Document  string // "Interconnection/line4-to-historian"
	Name      string
	From, To  AgreementEnd
	BothWays  bool // information may flow either way
	Services  []AgreedService
	Through   []string
	Schedule  *Times
	PerWindow bool
	Under     string // authorization that a SharedService is lent under; empty for none
	Cover     []Cover
	Window    time.Duration // over which the worst counts
	Consumer  string        // of a SharedService; empty for an Interconnection
	Use       Use           // how often it is expected to be used; continuous where no document says
}

// DefaultWindow is the time over which the worst of a connection counts, where no
// document says.
const DefaultWindow = 24 * time.Hour

// AgreementEnd is one end; no list at all is every address of the boundary.
type AgreementEnd struct {
	Boundary string
	CIDRs    []netip.Prefix
	Names    []string // lower case; "*.example.com"
	Groups   []netip.Prefix
	AppIDs   []uint16
	Roles    []string
	Known    []netip.Addr // that had one of Roles when the documents were applied
}

// GroupsAlone reports whether e names groups or APPIDs and no device.
func (e *AgreementEnd) GroupsAlone() bool {
	return len(e.Groups)+len(e.AppIDs) > 0 && len(e.CIDRs)+len(e.Names)+len(e.Roles) == 0
}

// AgreedService is one service with its terms.
type AgreedService struct {
	Protocol   string
	Ports      Ports
	Operations []string   // empty: every one that flows the agreed way
	Classes    ot.Classes // of Operations
	Mode, TLS  string     // lowest protection; empty: none asked for
	Over       string
	Attested   bool // people attest what encryption hides
	Dynamic    bool
	Opener     Side
	Line       string // of the document that names it: "opcua on 4840", "set ad-member"
}

// Cover is one paper that must be in force: the agreement, or a side's approval.
type Cover struct {
	What     string // "the agreement ISA-2026-017", "the approval of dmz"
	Approval string // approved, pending, denied, withdrawn; empty for an agreement
	From     time.Time
	Until    time.Time // zero: no end
}

// Times is a Schedule in a zone.
type Times struct {
	Days        [7]bool // from Sunday
	From, Until int     // minutes after midnight; From > Until spans midnight
	Words       string
	Zone        *time.Location // nil: of the connection's site
}

// Offer is an agreement as it stands to a client's and a server's boundary.
type Offer struct {
	*Agreement
	ClientFrom bool // the client stands on the From side
}

// Agreements lists what is agreed between a client's and a server's boundary,
// also through the boundaries that they are parts of. Do not change it.
func (p *Policy) Agreements(client, server string) []Offer {
	return p.agreements[[2]string{client, server}]
}

// Published lists the agreements by which boundary may send to routed groups.
func (p *Policy) Published(boundary string) []Offer { return p.published[boundary] }

// InternalRules say what is allowed inside a boundary by name; without any,
// everything is.
type InternalRules struct {
	Document string
	Rules    []InternalRuleSet
}

// InternalRuleSet allows services from one end to the other.
type InternalRuleSet struct {
	From, To InternalEnd
	Known    [2][]netip.Addr // that had one of the roles of From and To when the documents were applied
	Services []AgreedService
}

// Internal returns the rules inside boundary name; nil allows everything.
func (p *Policy) Internal(name string) *InternalRules { return p.internal[name] }

func (p *Policy) addAgreements(d *Documents) {
	p.setParts()
	sets := make(map[string]*ServiceSet)
	for _, s := range d.ServiceSets {
		sets[s.Name] = s
	}
	for _, b := range d.Boundaries {
		if b.InternalDefault != "deny" {
			continue
		}
		rules := &InternalRules{Document: b.Meta.String()}
		for i, r := range b.Internal {
			known := [2][]netip.Addr{p.resolved.addrs(insideKey(b, i, "from")), p.resolved.addrs(insideKey(b, i, "to"))}
			rules.Rules = append(rules.Rules, InternalRuleSet{r.From, r.To, known, agreed(r.Services, sets, From)})
		}
		p.internal[b.Name] = rules
	}
	for _, x := range d.Interconnections {
		p.addInterconnection(x, sets)
	}
	for _, s := range d.SharedServices {
		p.addSharedService(s, sets)
	}
}

func (p *Policy) addInterconnection(x *Interconnection, sets map[string]*ServiceSet) {
	opener := map[string]Side{"from": From, "to": To}[x.Initiator]
	a := &Agreement{
		Document: x.Meta.String(), Name: x.Name, From: p.endOf(x, "from", x.From), To: p.endOf(x, "to", x.To),
		Services: agreed(x.Services, sets, opener), PerWindow: x.Activation == "per-window", Cover: coverOf(x.Agreement, x.Sides),
		Window: cmp.Or(x.Window.Duration, DefaultWindow),
	}
	for _, t := range x.Through {
		a.Through = append(a.Through, t.Name)
	}
	if x.Schedule != nil {
		a.Schedule = TimesOf(x.Schedule)
	}
	if a.Use = x.Use; a.Use.Mode == "" && a.PerWindow {
		a.Use.Mode = OnDemand
	}
	p.offer(a)
}

func (p *Policy) addSharedService(s *SharedService, sets map[string]*ServiceSet) {
	provider := AgreementEnd{Boundary: s.Provider.Boundary.Name}
	for _, a := range s.Provider.Addresses {
		provider.CIDRs = append(provider.CIDRs, netip.PrefixFrom(a.Addr, a.Addr.BitLen()))
	}
	provider.CIDRs = p.spread(provider.CIDRs)
	for _, c := range s.Consumers {
		var sides []Approval
		for _, one := range s.Sides {
			if one.Boundary.Name == c.Name || one.Boundary.Name == provider.Boundary {
				sides = append(sides, one)
			}
		}
		p.offer(&Agreement{
			Document: s.Meta.String(), Name: s.Name, From: provider, To: AgreementEnd{Boundary: c.Name}, BothWays: true,
			Under: s.Provider.Under.Name, Services: agreed(s.Services, sets, To), Cover: coverOf(s.Agreement, sides),
			Window: DefaultWindow, Consumer: c.Name,
		})
	}
}

// offer files a under every pair of boundaries that it joins: its ends and
// their parts, but for parts that are isolated.
func (p *Policy) offer(a *Agreement) {
	p.agreed = append(p.agreed, a)
	for _, from := range p.partsOf(a.From.Boundary) {
		if len(a.To.Groups) > 0 {
			p.published[from] = append(p.published[from], Offer{a, true})
		}
		for _, to := range p.partsOf(a.To.Boundary) {
			if from == to {
				continue
			}
			there, back := [2]string{from, to}, [2]string{to, from}
			p.agreements[there] = append(p.agreements[there], Offer{a, true})
			p.agreements[back] = append(p.agreements[back], Offer{a, false})
		}
	}
}

// partsOf lists a boundary and, sorted, its parts, but for parts that are
// isolated.
func (p *Policy) partsOf(whole string) []string {
	return append([]string{whole}, p.parts[whole]...)
}

// setParts finds the parts of every boundary.
func (p *Policy) setParts() {
	p.parts = make(map[string][]string)
	for _, n := range p.names {
		for i := p.boundaries[n]; !i.Isolated && p.boundaries[i.Parent] != nil; {
			i = p.boundaries[i.Parent]
			p.parts[i.Name] = append(p.parts[i.Name], n)
		}
	}
}

func (p *Policy) endOf(x *Interconnection, side string, e AgreedEnd) AgreementEnd {
	end := AgreementEnd{Boundary: e.Boundary.Name, Roles: e.Roles}
	for _, c := range e.CIDRs {
		end.CIDRs = append(end.CIDRs, c.Prefix)
	}
	end.CIDRs = p.spread(end.CIDRs)
	if len(e.Roles) > 0 && len(e.CIDRs) == 0 {
		end.Known = p.resolved.addrs(x.Meta.String() + " " + side)
		p.ask(e.Boundary.Name, e.Roles)
	}
	for _, g := range e.Groups {
		end.Groups = append(end.Groups, g.Prefix.Prefix)
	}
	for _, a := range e.AppIDs {
		end.AppIDs = append(end.AppIDs, a.ID)
	}
	for _, n := range e.Names {
		end.Names = append(end.Names, strings.ToLower(strings.TrimSuffix(n, ".")))
	}
	return end
}

// agreed flattens sets; opener is who opens where the service does not say.
func agreed(list []Service, sets map[string]*ServiceSet, opener Side) []AgreedService {
	var out []AgreedService
	for _, s := range list {
		side := opener
		switch s.Opens {
		case "provider":
			side = From
		case "consumer":
			side = To
		}
		if set := sets[s.Set.Name]; set != nil {
			for _, one := range agreed(set.Services, nil, side) {
				one.Line = "set " + set.Name
				out = append(out, one)
			}
			continue
		}
		one := AgreedService{
			Protocol: s.Protocol, Ports: s.Ports, Operations: s.Operations, Classes: ot.ClassesOf(s.Operations), Mode: s.Security.Mode, TLS: s.Security.TLS,
			Over: s.Over, Attested: s.WhenHidden == "attest", Dynamic: s.Dynamic, Opener: side,
		}
		if len(one.Ports.Ranges) == 0 {
			one.Ports.Any = true
		}
		if one.Protocol == "https" {
			one.Protocol, one.Over = "http", "tls"
		}
		if one.Protocol == "ldaps" {
			one.Protocol, one.Over = "ldap", "tls"
		}
		one.Line = s.Protocol + " on " + one.Ports.String()
		out = append(out, one)
	}
	return out
}

func coverOf(paper *Paper, sides []Approval) []Cover {
	var covers []Cover
	if paper != nil && !paper.Expires.Time.IsZero() {
		what := "the agreement"
		if paper.Reference != "" {
			what += " " + paper.Reference
		}
		covers = append(covers, Cover{What: what, Until: paper.Expires.End()})
	}
	for _, s := range sides {
		c := Cover{What: "the approval of " + s.Boundary.Name, Approval: s.Approval, From: s.Granted.Time}
		if !s.Expires.Time.IsZero() {
			c.Until = s.Expires.End()
		}
		covers = append(covers, c)
	}
	return covers
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// TimesOf compiles a schedule.
func TimesOf(s *Schedule) *Times {
	t := &Times{From: s.From.Minute, Until: s.Until.Minute}
	if !s.From.Set {
		t.Until = 24 * 60
	}
	words := "every day"
	if len(s.Days) > 0 {
		words = strings.Join(s.Days, ", ")
	}
	for i, n := range dayNames {
		t.Days[i] = len(s.Days) == 0 || slices.Contains(s.Days, n)
	}
	t.Words = fmt.Sprintf("%s %02d:%02d to %02d:%02d", words, t.From/60, t.From%60, t.Until/60, t.Until%60)
	return t
}

// Holds reports whether at lies in the schedule by the clock of zone. A span
// over midnight belongs to the day that it begins.
func (t *Times) Holds(at time.Time, zone *time.Location) bool {
	at = at.In(zone)
	minute, day := at.Hour()*60+at.Minute(), int(at.Weekday())
	if t.From <= t.Until {
		return t.Days[day] && t.From <= minute && minute < t.Until
	}
	return t.Days[day] && minute >= t.From || t.Days[(day+6)%7] && minute < t.Until
}

// Zone is the clock by which schedules of an agreement are read when its server
// stands in boundary and the connection was seen at site: that of the server's
// site where its boundary names one site alone, else of the connection's.
func (p *Policy) Zone(boundary, siteName string) *time.Location {
	if i := p.boundaries[boundary]; i != nil && len(i.Sites) == 1 {
		siteName = i.Sites[0]
	}
	if s := p.sites[siteName]; s != nil {
		return s.zone
	}
	return time.UTC
}
