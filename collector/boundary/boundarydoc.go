package boundary

import (
	"fmt"
	"slices"
)

// Boundary is an authorization boundary, or a part of one.
type Boundary struct {
	Meta
	Title          string      `doc:"title,need"`
	Type           string      `doc:"kind" oneof:"system application control-environment provider org space service-instance enterprise external"`
	Domain         string      `doc:"domain,need" oneof:"ot dmz it external"` // what OT-to-IT is judged by
	Levels         []Level     `doc:"levels"`
	Zone           *ZoneOf     `doc:"zone"`
	Environment    string      `doc:"environment" oneof:"production staging test"`
	Systems        []string    `doc:"systems" oneof:"scada dcs mes historian quality-record batch-record erp cloud iiot remote-access network"`
	Categorization *Impact     `doc:"categorization"`
	Regulated      []string    `doc:"regulatedRecords"`
	Retention      *Retention  `doc:"retention"`
	SecurityPlan   *Artefact   `doc:"securityPlan"` // SSP (PL-2)
	Parent         Ref         `doc:"parent"`
	Isolated       bool        `doc:"isolated"`
	Parties        []Party     `doc:"parties"`
	Members        []Member    `doc:"members"`
	Components     *Components `doc:"components"`

	InternalDefault string         `doc:"internalDefault" oneof:"allow deny"` // allow when absent
	Internal        []InternalRule `doc:"internal"`                           // read where the default is deny

	AccessPoints []AccessPoint `doc:"accessPoints"`
	Translations []Translation `doc:"translations"`
	Review       *Review       `doc:"review"`
}

// ZoneOf is a zone of IEC 62443-3-2.
type ZoneOf struct {
	ID       string        `doc:"id"`
	SLTarget SecurityLevel `doc:"slTarget"`
	Safety   bool          `doc:"safety"`
}

// Impact is a categorization after FIPS 199.
type Impact struct {
	Confidentiality string `doc:"confidentiality" oneof:"low moderate high"`
	Integrity       string `doc:"integrity" oneof:"low moderate high"`
	Availability    string `doc:"availability" oneof:"low moderate high"`
}

// Retention says how long records of a boundary are kept, and whether none may
// go meanwhile. It is paper: what is written beside the flows that carry them.
type Retention struct {
	Class string `doc:"class,need"` // as the records plan names it
	Keep  Period `doc:"keep"`
	Hold  bool   `doc:"hold"` // an inspection or a dispute: nothing goes
}

// String is "batch-record, kept 3650d, on hold".
func (r *Retention) String() string {
	if r == nil {
		return ""
	}
	s := r.Class
	if r.Keep.Duration > 0 {
		s += " for " + r.Keep.String()
	}
	if r.Hold {
		s += ", on hold"
	}
	return s
}

// Party is a person or an organization with a role.
type Party struct {
	Role         string `doc:"role,need"`
	Name         string `doc:"name,need"`
	Organization string `doc:"organization"`
	Contact      string `doc:"contact"`
}

// Member says where addresses stand. It places by its CIDRs, its MACs or its
// VLANs, and with a segment alone by that.
type Member struct {
	At
	Site    Ref      `doc:"site,need"`
	Segment Ref      `doc:"segment"`
	CIDRs   []Prefix `doc:"cidrs"`
	VLANs   []VLAN   `doc:"vlans"`
	MACs    []MAC    `doc:"macs"`
	Shared  []Ref    `doc:"shared"` // boundaries that hold the entry together
}

// Components names the inventory that was authorized (CM-8).
type Components struct {
	Inventory Ref `doc:"inventory,need"`
}

// InternalRule allows services within a boundary (CA-9).
type InternalRule struct {
	At
	From     InternalEnd `doc:"from"`
	To       InternalEnd `doc:"to"`
	Services []Service   `doc:"services,need"`
}

// InternalEnd is one end within the boundary; empty is every address of it.
type InternalEnd struct {
	CIDRs    []Prefix `doc:"cidrs"`
	Segments []Ref    `doc:"segments"`
	Roles    []string `doc:"roles" oneof:"@roles"`
}

// AccessPoint is a device that joins boundaries: an electronic access point, a
// conduit's access point, an intermediate system.
type AccessPoint struct {
	Name      Name      `doc:"name,need"`
	Type      string    `doc:"kind,need" oneof:"firewall unidirectional-gateway jump-host proxy vpn wireless dual-homed-host"`
	Addresses []Address `doc:"addresses"`
	Sensors   struct {
		Inside  []string `doc:"inside"`
		Outside []string `doc:"outside"`
	} `doc:"sensors"`
}

// Translation is an address translation at an access point.
type Translation struct {
	At
	Point  Ref    `doc:"at,need"`
	Type   string `doc:"type,need" oneof:"one-to-one source-pat port-forward"`
	Inside struct {
		Segment Ref   `doc:"segment"`
		CIDR    Block `doc:"cidr,need"`
		Ports   Ports `doc:"ports"`
	} `doc:"inside,need"`
	Outside Block `doc:"outside,need"`
	Ports   Ports `doc:"ports"`
}

// Review is the state of a boundary's first weeks.
type Review struct {
	At
	State string `doc:"state,need" oneof:"survey enforced"`
	Until Date   `doc:"until"`
	Owner string `doc:"owner"`
}

func (b *Boundary) check(d *decoder) {
	if b.Name == Internet {
		d.problem(b.At, "boundary internet is built in", "give this one another name, such as wan or provider-x")
	}
	if r := b.Review; r != nil && r.State == "survey" && r.Until.Time.IsZero() {
		d.problem(r.At, "review: a survey without end", "add until: with a date at most 90 days ahead")
	}
	for i := range b.Members {
		b.Members[i].check(d, b.Name)
	}
	for i := range b.Internal {
		checkServices(d, b.Internal[i].At, b.Internal[i].Services, false)
	}
	b.checkPoints(d)
}

func (m *Member) check(d *decoder, owner string) {
	forms := 0
	for _, n := range []int{len(m.CIDRs), len(m.VLANs), len(m.MACs)} {
		if n > 0 {
			forms++
		}
	}
	if forms > 1 {
		d.problem(m.At, "a member entry with more than one of cidrs, vlans and macs", "write one entry for each: they place by different rank")
	}
	if forms == 0 && m.Segment.Name == "" {
		d.problem(m.At, "a member entry that holds nothing", "add cidrs, vlans, macs or a segment")
	}
	if len(m.Shared) > 0 && !slices.ContainsFunc(m.Shared, func(r Ref) bool { return r.Name == owner }) {
		d.problem(m.At, "shared does not name "+owner+" itself", "list every boundary that holds the entry, "+owner+" too")
	}
}

func (b *Boundary) checkPoints(d *decoder) {
	var names []string
	for _, p := range b.AccessPoints {
		if p.Name.Name != "" && slices.Contains(names, p.Name.Name) {
			d.problem(p.Name.At, "access point "+p.Name.Name+" stands twice", "keep one")
		}
		names = append(names, p.Name.Name)
	}
	for _, t := range b.Translations {
		if t.Point.Name != "" && !slices.Contains(names, t.Point.Name) {
			d.problem(t.Point.At, "no access point "+t.Point.Name+" in boundary "+b.Name, unknown(t.Point.Name, names))
		}
		in, out := t.Inside.CIDR.Prefix.Prefix, t.Outside.Prefix.Prefix
		if t.Type == "one-to-one" && in.IsValid() && out.IsValid() && in.Addr().BitLen()-in.Bits() != out.Addr().BitLen()-out.Bits() {
			d.problem(t.At, fmt.Sprintf("one-to-one of %s to %s: they differ in size", in, out), "write two blocks of one size")
		}
	}
}
