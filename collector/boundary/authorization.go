package boundary

// Authorization is a decision of an authorizing official over boundaries
// (CA-6), with what it stands on and what it demands.
type Authorization struct {
	Meta
	Decision      string      `doc:"decision,need" oneof:"ato ato-with-conditions iatt iato atu common-control pato dato not-yet-authorized decommissioned"`
	Reason        string      `doc:"reason"` // why it was decided so, above all of a denial
	Maintained    string      `doc:"maintained" oneof:"fixed-term ongoing"`
	Scope         string      `doc:"scope" oneof:"system type facility"`
	Sites         []Ref       `doc:"sites"` // of scope type
	Issuer        *Issuer     `doc:"issuer"`
	Officials     []Official  `doc:"officials"` // several: a joint decision (CA-6(1), (2))
	Boundaries    []Ref       `doc:"boundaries"`
	Environments  []string    `doc:"environments" oneof:"production staging test"`
	Consolidates  []Ref       `doc:"consolidates"` // boundaries of a provider under the same decision
	Leverages     []Leverage  `doc:"leverages"`
	Connect       []Connect   `doc:"connect"`
	Granted       Date        `doc:"granted"`
	Expires       Date        `doc:"expires"` // bound by conditions alone when absent
	Review        *ReviewPlan `doc:"review"`
	Triggers      []Trigger   `doc:"reviewTriggers"`
	Package       *Package    `doc:"package"`
	EarlyStart    *EarlyStart `doc:"earlyStart"`
	Framework     string      `doc:"framework" oneof:"nist-rmf iso-27001"` // whose words name it
	RMFStep       string      `doc:"rmfStep" oneof:"prepare categorize select implement assess authorize monitor"`
	Supersedes    Ref         `doc:"supersedes"`
	Documents     []Artefact  `doc:"documents"`
	Conditions    []Condition `doc:"conditions"`
	ResidualRisks []Risk      `doc:"residualRisks"`
}

// Issuer is the organization that a decision binds.
type Issuer struct {
	Organization string `doc:"organization,need"`
}

// Official is an authorizing official, or one of several.
type Official struct {
	Name         string `doc:"name,need"`
	Organization string `doc:"organization"`
}

// Leverage is what one decision takes over from another: controls, and the
// shared services through which its cover may reach.
type Leverage struct {
	At
	Authorization Ref         `doc:"authorization,need"`
	Controls      []Inherited `doc:"controls"`
	Services      []Ref       `doc:"services"`
}

// Inherited is a control taken over in whole or in part.
type Inherited struct {
	ID     string `doc:"id,need"`
	Extent string `doc:"extent" oneof:"full partial"` // full when absent
}

// Connect is the decision on a connection to a network, apart from the decision
// to operate.
type Connect struct {
	At
	To       Ref    `doc:"to,need"`
	Decision string `doc:"decision,need" oneof:"atc iatc datc"`
	Granted  Date   `doc:"granted,need"`
	Expires  Date   `doc:"expires"`
}

// ReviewPlan says how often a decision is looked at again.
type ReviewPlan struct {
	At
	Every Period `doc:"every"`
	Last  Date   `doc:"last"`
}

// Trigger makes a review due when something happens.
type Trigger struct {
	At
	On   string  `doc:"on,need" oneof:"new-interconnection members-changed leveraged-lapsed emergency"`
	Over Percent `doc:"over"` // of member entries; any change when absent
}

// Package is the state of a provider's authorization package.
type Package struct {
	At
	ID        string `doc:"id"`
	Requested Date   `doc:"requested"`
	Received  Date   `doc:"received"`
	Reviewed  Date   `doc:"reviewed"`
	Outcome   string `doc:"outcome" oneof:"approved concerns stopped"`
}

// EarlyStart is the permission to begin work before a decision. It never counts
// as cover.
type EarlyStart struct {
	AllowedBy string `doc:"allowedBy,need"`
	On        Date   `doc:"on,need"`
}

// Artefact is a paper that stands behind a document, such as the signed letter.
type Artefact struct {
	Title  string `doc:"title,need"`
	Href   string `doc:"href"`
	SHA256 SHA256 `doc:"sha256"`
	Signer string `doc:"signer"`
	Signed Date   `doc:"signed"`
}

// Risk is a residual risk that somebody accepted, for a reason and to a date.
type Risk struct {
	At
	ID          ID     `doc:"id,need"`
	Statement   string `doc:"statement,need"`
	Level       string `doc:"level" oneof:"low moderate high"`
	AcceptedBy  string `doc:"acceptedBy,need"`
	AcceptedOn  Date   `doc:"acceptedOn,need"`
	Until       Date   `doc:"until,need"`
	MitigatedBy []ID   `doc:"mitigatedBy"` // conditions
}

// Decisions that let nobody operate.
const (
	Pato             = "pato"
	Dato             = "dato"
	NotYetAuthorized = "not-yet-authorized"
	Decommissioned   = "decommissioned"
	Iatt             = "iatt"
)

// Denies reports whether decision keeps a boundary from operating.
func Denies(decision string) bool {
	return decision == Dato || decision == NotYetAuthorized || decision == Decommissioned
}

func (a *Authorization) check(d *decoder) {
	d.inOrder(a.At, "granted", a.Granted, "expires", a.Expires)
	if a.Granted.Time.IsZero() && a.Decision != NotYetAuthorized && a.Decision != "" {
		d.problem(a.At, a.Decision+" "+a.Name+" has no granted date", "add granted: with the date of the decision, or decision: not-yet-authorized")
	}
	if len(a.Boundaries) == 0 {
		d.problem(a.At, "authorization "+a.Name+" names no boundary", "add boundaries: [...]: what is not named is not authorized")
	}
	a.checkScope(d)
	a.checkConnect(d)
	for _, t := range a.Triggers {
		if t.Over.Line != 0 && t.On != "members-changed" {
			d.problem(t.Over.At, "over belongs to members-changed", "take it out")
		}
	}
	a.checkConditions(d)
	a.checkRisks(d)
	if p := a.Package; p != nil {
		d.inOrder(p.At, "requested", p.Requested, "received", p.Received)
		d.inOrder(p.At, "received", p.Received, "reviewed", p.Reviewed)
	}
}

// checkScope holds an authorization to what its kind can say: a type names its
// sites, a test is for a test environment and has an end.
func (a *Authorization) checkScope(d *decoder) {
	if (a.Scope == "type") != (len(a.Sites) > 0) {
		d.problem(a.At, "scope: type and sites belong together", "name the sites where the type stands, or take both out")
	}
	if a.Decision != Iatt {
		return
	}
	if a.Expires.Time.IsZero() {
		d.problem(a.At, "an iatt without end", "add expires: an interim authorization to test covers a test to its date")
	}
	test := len(a.Environments) > 0
	for _, e := range a.Environments {
		test = test && e != "production"
	}
	if !test {
		d.problem(a.At, "an iatt covers a test environment", "write environments: [test]; production needs an ato")
	}
}

func (a *Authorization) checkConnect(d *decoder) {
	for _, c := range a.Connect {
		d.inOrder(c.At, "granted", c.Granted, "expires", c.Expires)
		if c.Decision == "datc" || a.Expires.Time.IsZero() || c.Expires.Time.IsZero() {
			continue
		}
		if c.Expires.End().After(a.Expires.End()) {
			d.problem(c.Expires.At, c.Decision+" to "+c.To.Name+" ends "+c.Expires.day()+", after "+a.Name+" itself ("+a.Expires.day()+")", "a connection may not outlive its authorization: end it by "+a.Expires.day())
		}
	}
}

func (a *Authorization) checkRisks(d *decoder) {
	seen := make(map[string]bool)
	for _, r := range a.ResidualRisks {
		if r.ID.Name != "" && seen[r.ID.Name] {
			d.problem(r.ID.At, "risk "+r.ID.Name+" stands twice", "keep one")
		}
		seen[r.ID.Name] = true
		d.inOrder(r.At, "acceptedOn", r.AcceptedOn, "until", r.Until)
		for _, m := range r.MitigatedBy {
			var ids []string
			known := false
			for _, c := range a.Conditions {
				ids, known = append(ids, c.ID.Name), known || c.ID.Name == m.Name
			}
			if !known && m.Name != "" {
				d.problem(m.At, "no condition "+m.Name+" in "+a.Name, unknown(m.Name, ids))
			}
		}
	}
}
