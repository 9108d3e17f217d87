package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"demarc/collector/boundary"
	"demarc/collector/inventory"
	"demarc/collector/verdict"
	"demarc/internal/domains"
	"demarc/internal/ot"
)

// Kinds of finding.
const (
	Unauthorized     = "unauthorized"
	OutOfTerms       = "out-of-terms"
	Lapsed           = "lapsed"
	InternetExposure = "internet-exposure"
	RemoteAccess     = "remote-access"
	Unplaced         = "unplaced"
	Attempt          = "attempt"
	Scan             = "scan"
	DualHomed        = "dual-homed"
	PastInterface    = "past-erp-interface"
	NoAuthorization  = "operating-without-authorization"
	Unlisted         = "unlisted"
	NoSnapshot       = "no-snapshot"
	Condition        = "condition"
	NeverUsed        = "never-used"
	NeverSeen        = "never-seen"
)

// Drift begins the kinds of findings that hold what is there against the
// snapshot of a decision.
const Drift = "drift"

// Kinds lists every kind of finding.
func Kinds() []string {
	return []string{
		Unauthorized, OutOfTerms, Lapsed, InternetExposure, RemoteAccess, Unplaced, Attempt, Scan, DualHomed, PastInterface, NoAuthorization, Unlisted, NoSnapshot, Condition, ProbeDifference, NeverUsed, NeverSeen,
		Drift + "-" + NewAsset, Drift + "-" + ChangedAsset, Drift + "-" + GoneAsset, Drift + "-" + NewConnection, Drift + "-" + ChangedConnection, Drift + "-" + GoneConnection,
	}
}

// group is what makes members one decision: equal groups are one finding. What
// is not part of a kind's decision stays empty.
type group struct {
	Kind, Site                string
	From, To                  string // boundaries of client and server
	Service, Opener, Document string
	Terms                     string // broken ones, "service, initiator"
	Subject                   string // subnet, address of a scan's source, or asset
}

// id is the same whenever the same group is found.
func (g group) id() string {
	parts := []string{g.Kind, g.Site, g.From, g.To, g.Service, g.Opener, g.Document, g.Terms, g.Subject}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "f-" + hex.EncodeToString(sum[:8])
}

// groupOf says which finding a judged connection belongs to, if any. Where
// several kinds fit, the first of this order stands, so that one cause gives
// one finding:
//
//  1. unplaced: an end that sent something stands in no boundary; nothing else
//     can be said before it does;
//  2. attempt (scan when one source makes many): refused or unanswered, so
//     nothing got through; a Book tells what many try alike together;
//  3. unlisted: it would be agreed, were the device on the list of what was
//     authorized;
//  4. lapsed: it was agreed, and the paper fell;
//  5. remote-access: a person or a tool acts from afar on ot, and nothing agreed
//     to this service;
//  6. internet-exposure: ot or dmz exchanges with the Internet, and nothing
//     agreed to this service;
//  7. out-of-terms: the ends are agreed, a term is broken;
//  8. unauthorized: nothing is agreed;
//  9. past-erp-interface: it is agreed, and joins levels 0 to 2 and business
//     systems without anything between.
func groupOf(p *boundary.Policy, c inventory.Connection, v *verdict.Judged) (group, bool) {
	g := group{Site: c.Site, From: v.Client.Boundary, To: v.Server.Boundary}
	switch v.Verdict.GetVerdict() {
	case verdict.Undecided:
		return unplacedGroup(p, c, v)
	case verdict.Unauthorized, verdict.OutOfTerms, verdict.Lapsed:
	case verdict.Authorized:
		if tried(c) || !p.PastInterface(g.From, g.To) {
			return group{}, false
		}
		g.Kind, g.Service, g.Opener = PastInterface, g.service(p, c, v), opener(c, v)
		return g, true
	case verdict.Internal:
		return strayGroup(p, c, v)
	default:
		return group{}, false
	}
	if tried(c) {
		return attemptGroup(p, c), true
	}
	if v.Unlisted != "" {
		return unlistedGroup(c.Site, homeOf(c, v), v.Unlisted), true
	}
	g.Opener = opener(c, v)
	agreedService := v.Verdict.Verdict == verdict.OutOfTerms && !slices.Contains(v.Broken, "service")
	tool := remoteTool(p, c, v)
	switch {
	case v.Verdict.Verdict == verdict.Lapsed:
		return group{Kind: Lapsed, Site: c.Site, Document: v.Document}, true
	case tool != "" && !agreedService:
		g.Kind, g.Service = RemoteAccess, tool
	case exposed(p, g) && !agreedService:
		g.Kind = InternetExposure
	case v.Verdict.Verdict == verdict.OutOfTerms:
		g.Kind, g.Service, g.Terms, g.Document = OutOfTerms, g.service(p, c, v), strings.Join(v.Broken, ", "), v.Document
	default:
		g.Kind, g.Service = Unauthorized, g.service(p, c, v)
	}
	return g, true
}

// strayGroup is the finding of a device that roams and was connected outside the
// times of its group.
func strayGroup(p *boundary.Policy, c inventory.Connection, v *verdict.Judged) (group, bool) {
	if v.Stray.Document == "" {
		return group{}, false
	}
	end, home := c.Client, v.Client.Boundary
	if v.Stray.Server {
		end, home = c.Server, v.Server.Boundary
	}
	return group{Kind: OutOfTerms, Site: c.Site, From: home, To: home, Terms: "schedule", Document: v.Stray.Document, Subject: subject(p, c.Site, end)}, true
}

// unlistedGroup is the finding of a device that stands in a boundary and on no
// list of what was authorized there.
func unlistedGroup(site, boundary, asset string) group {
	return group{Kind: Unlisted, Site: site, From: boundary, Subject: asset}
}

// homeOf is the boundary of the end that is unlisted.
func homeOf(c inventory.Connection, v *verdict.Judged) string {
	if c.Client.Asset == v.Unlisted {
		return v.Client.Boundary
	}
	return v.Server.Boundary
}

// tried reports whether nothing came of c.
func tried(c inventory.Connection) bool {
	o := ot.ParseOutcome(c.Data.GetOutcome())
	return o == ot.Refused || o == ot.Unanswered
}

// service names what a decision is about. A port that is never assigned (IANA,
// RFC 6335: 49152 to 65535) names nothing: what runs there is one question. What
// stays outside ot and dmz and goes to the Internet is not decided on by service.
func (g group) service(p *boundary.Policy, c inventory.Connection, v *verdict.Judged) string {
	d := c.Data
	switch {
	case (g.From == boundary.Internet || g.To == boundary.Internet) && !inner(p.Domain(g.From)) && !inner(p.Domain(g.To)):
		return ""
	case d.GetPort() >= firstDynamic && v.Service == d.GetTransport()+"/"+strconv.FormatUint(uint64(d.GetPort()), 10):
		return d.GetTransport() + " on dynamic ports"
	}
	return v.Service
}

const firstDynamic = 49152

// subject names an address so that equal ones of two segments with the same
// plan stay apart.
func subject(p *boundary.Policy, site string, e inventory.End) string {
	if !e.Addr.IsValid() {
		return e.MAC
	}
	return e.Addr.Unmap().String() + within(p, site, e)
}

func within(p *boundary.Policy, site string, e inventory.End) string {
	if in, local := strings.CutPrefix(p.Space(site, e.Segment, e.Addr), "segment "+site+"/"); local {
		return " in segment " + in
	}
	return ""
}

// unplacedGroup: the end that stands nowhere, if it ever sent anything; tries
// towards addresses that nobody holds belong to who tried.
func unplacedGroup(p *boundary.Policy, c inventory.Connection, v *verdict.Judged) (group, bool) {
	switch {
	case nowhere(v.Client) && c.Client.Addr.IsValid():
		return subnetGroup(p, c.Site, c.Client, v.Client), true
	case nowhere(v.Server) && c.Server.Addr.IsValid() && tried(c):
		return attemptGroup(p, c), true
	case nowhere(v.Server) && c.Server.Addr.IsValid():
		return subnetGroup(p, c.Site, c.Server, v.Server), true
	}
	return group{}, false
}

func nowhere(p boundary.Placement) bool { return p.Boundary == "" && !p.Group }

// subnetGroup gathers what stands nowhere, or in several places, by its /24 or
// /64.
func subnetGroup(p *boundary.Policy, site string, e inventory.End, at boundary.Placement) group {
	a, bits := e.Addr.Unmap(), 64
	if a.Is4() {
		bits = 24
	}
	subnet := netip.PrefixFrom(a, bits).Masked().String()
	return group{Kind: Unplaced, Site: site, Subject: subnet + within(p, site, e), Terms: strings.Join(at.Ambiguous, " and ")}
}

// opener names the boundary from which the connection was opened.
func opener(c inventory.Connection, v *verdict.Judged) string {
	if ot.ParseBasis(c.Data.GetDirectionBasis()) <= ot.BasisPort {
		return "unknown"
	}
	switch c.Data.GetOpenedBy() {
	case "client":
		return v.Client.Boundary
	case "server":
		return v.Server.Boundary
	}
	return "unknown"
}

// remoteTool names what gives access from afar: an interactive protocol into
// ot, or a tool or tunnel between ot or dmz and it, external or the Internet,
// known by its protocol or by the name that it asked for.
func remoteTool(p *boundary.Policy, c inventory.Connection, v *verdict.Judged) string {
	from, to := p.Domain(v.Client.Boundary), p.Domain(v.Server.Boundary)
	if ot.RemoteBy(v.Service) == ot.Interactive && to == "ot" && v.Client.Boundary != v.Server.Boundary {
		return v.Service
	}
	if inner(from) == inner(to) {
		return ""
	}
	if ot.RemoteBy(v.Service) == ot.Tunnel {
		return v.Service
	}
	if e, ok := domains.Lookup(c.Data.GetSecurityFacts().GetServerName()); ok && e.Kind == domains.RemoteAccess {
		return e.Tool
	}
	return ""
}

// inner domains are those that hold or shield the process.
func inner(domain string) bool { return domain == "ot" || domain == "dmz" }

func exposed(p *boundary.Policy, g group) bool {
	return g.From == boundary.Internet && inner(p.Domain(g.To)) || g.To == boundary.Internet && inner(p.Domain(g.From))
}
