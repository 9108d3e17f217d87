package boundary

import (
	"fmt"
	"slices"
	"strings"

	"demarc/internal/ot"
)

// Interconnection is an agreed information exchange between two boundaries
// (CA-3). Information flows from From to To, whoever opens the connection.
type Interconnection struct {
	Meta
	Purpose    string     `doc:"purpose,need"`
	Owner      *Contact   `doc:"owner"`
	From       AgreedEnd  `doc:"from,need"`
	To         AgreedEnd  `doc:"to,need"`
	Initiator  string     `doc:"initiator" oneof:"from to either"` // either when absent
	Services   []Service  `doc:"services,need"`
	Through    []Ref      `doc:"through"`
	Schedule   *Schedule  `doc:"schedule"`
	Activation string     `doc:"activation" oneof:"standing per-window"` // standing when absent
	Openers    []string   `doc:"openers"`
	MaxLength  Period     `doc:"maxLength"`
	Use        Use        `doc:"expectedUse"`
	Window     Period     `doc:"window"`
	Carries    []string   `doc:"carries"`
	Exchanges  []string   `doc:"exchanges" oneof:"@transactions"` // ISA-95, across levels 3 and 4
	Agreement  *Paper     `doc:"agreement"`
	Sides      []Approval `doc:"sides"`
	Impact     *Impact    `doc:"impact"`
	Peer       string     `doc:"peerAuthorization"`
}

// Contact is who answers for a document.
type Contact struct {
	Name    string `doc:"name,need"`
	Contact string `doc:"contact"`
}

// AgreedEnd is one end of an agreement; with nothing but its boundary it is
// every address there.
type AgreedEnd struct {
	Boundary Ref      `doc:"boundary,need"`
	Roles    []string `doc:"roles" oneof:"@roles"`
	CIDRs    []Prefix `doc:"cidrs"`
	Names    []string `doc:"names"` // "*.azure-devices.net"
	Groups   []Block  `doc:"groups"`
	AppIDs   []AppID  `doc:"appids"`
}

// Schedule is when an agreement may be used, in the zone of the site where the
// server side stands. A span over midnight belongs to the day it begins.
type Schedule struct {
	At
	Days  []string `doc:"days" oneof:"mon tue wed thu fri sat sun"` // every day when absent
	From  Clock    `doc:"from"`
	Until Clock    `doc:"until"`
}

// Paper is the agreement that stands behind an interconnection.
type Paper struct {
	At
	Type        string `doc:"type,need" oneof:"isa iesa iea mou moa sla contract user-agreement nda security-plans"`
	Reference   string `doc:"reference"`
	Signed      Date   `doc:"signed"`
	Expires     Date   `doc:"expires"`
	ReviewEvery Period `doc:"reviewEvery"`
	Reviewed    Date   `doc:"reviewed"`
}

// Approval is what one side's official decided.
type Approval struct {
	At
	Boundary Ref    `doc:"boundary,need"`
	Official string `doc:"official"`
	Approval string `doc:"approval,need" oneof:"approved pending denied withdrawn"`
	Granted  Date   `doc:"granted"`
	Expires  Date   `doc:"expires"`
}

func (x *Interconnection) check(d *decoder) {
	if x.From.Boundary.Name != "" && x.From.Boundary.Name == x.To.Boundary.Name {
		d.problem(x.To.Boundary.At, "from and to are both "+x.To.Boundary.Name, "an interconnection joins two boundaries: write internal rules in the boundary instead")
	}
	checkServices(d, x.At, x.Services, false)
	x.From.check(d)
	x.To.check(d)
	if x.Schedule != nil {
		x.Schedule.check(d)
	}
	if x.Activation != "per-window" && (len(x.Openers) > 0 || x.MaxLength.Duration > 0) {
		d.problem(x.At, "openers and maxLength belong to activation: per-window", "add it or take them out")
	}
	checkPaper(d, x.Agreement, x.Sides)
	x.warn(d)
}

func (e *AgreedEnd) check(d *decoder) {
	for _, g := range e.Groups {
		if p := g.Prefix.Prefix; p.IsValid() && !p.Addr().IsMulticast() {
			d.problem(g.At, p.String()+" is not a multicast group", "write it under cidrs")
		}
	}
	for _, n := range e.Names {
		if strings.ContainsAny(n, "/: ") || strings.Contains(strings.TrimPrefix(n, "*."), "*") || !strings.Contains(n, ".") {
			d.problem(e.Boundary.At, "names: "+quote(n)+" is not a domain name", `write host.example.com, or "*.example.com" for all under it`)
		}
	}
}

func (s *Schedule) check(d *decoder) {
	if s.From.Set != s.Until.Set {
		d.problem(s.At, "schedule has one of from and until", "write both, or neither for whole days")
	}
	if s.From.Set && s.From.Minute == s.Until.Minute {
		d.problem(s.At, "schedule: from and until are the same", `write "00:00" and "24:00" for whole days`)
	}
	if s.From.Set && s.From.Minute == 24*60 {
		d.problem(s.From.At, `from: "24:00" is the next day`, `write "00:00"`)
	}
}

func checkPaper(d *decoder, paper *Paper, sides []Approval) {
	if paper != nil {
		d.inOrder(paper.At, "signed", paper.Signed, "expires", paper.Expires)
		d.inOrder(paper.At, "signed", paper.Signed, "reviewed", paper.Reviewed)
	}
	for _, s := range sides {
		d.inOrder(s.At, "granted", s.Granted, "expires", s.Expires)
	}
}

// inward are the operations that move information from client to server, the
// others of outward from server to client.
var (
	inward  = []string{ot.Write.String(), ot.Control.String(), ot.Program.String(), ot.Firmware.String(), ot.Configure.String()}
	outward = []string{ot.Read.String(), ot.Subscribe.String(), ot.Alarm.String(), ot.Diagnose.String()}
)

// warn tells of terms that traffic cannot show, or that fight each other.
func (x *Interconnection) warn(d *decoder) {
	against, opens := inward, "to"
	if x.Initiator == "from" {
		against, opens = outward, "from"
	}
	for _, s := range x.Services {
		for _, o := range s.Operations {
			if x.Initiator == opens && slices.Contains(against, o) {
				d.warn(s.At, fmt.Sprintf("%s opens and may %s: that moves information from %s to %s, against the direction of the agreement", opens, o, x.To.Boundary.Name, x.From.Boundary.Name), "swap from and to, or agree the other direction in a document of its own")
			}
		}
	}
}
