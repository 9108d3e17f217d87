// Package oscal writes what a collector knows of an authorization in OSCAL, the
// language of NIST for security plans, assessment results, and plans of action
// and milestones. Write makes one document, and gives it to nobody unless NIST's
// own schema takes it. What OSCAL asks for and no document or person told is said
// in a remark, and listed: nothing is made up.
package oscal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	types "github.com/defenseunicorns/go-oscal/src/types/oscal-1-1-3"
	"github.com/google/uuid"

	demarcv1 "demarc/proto/demarc/v1"
)

// Models are the documents that Write makes: assessment results, plan of action
// and milestones, and what a system security plan takes over of the plant.
var Models = []string{"ar", "poam", "ssp"}

// namespace is that of the properties and identifiers that OSCAL does not name.
const namespace = "urn:demarc"

// Facts are what a document is made of, as it stood at a moment.
type Facts struct {
	Title          string // "authorization lines-ato"
	Name           string // of the authorization; of the boundary where there is none
	Authorizations []*demarcv1.Authorization
	Lenders        []*demarcv1.Authorization // that those lean on
	Boundaries     []*demarcv1.BoundarySummary
	Agreements     []*demarcv1.Agreement
	Conditions     []*demarcv1.Condition
	Findings       []*demarcv1.GetFindingResponse
	Assets         []*demarcv1.Asset
	Verdicts       map[string]map[string]int // boundary -> verdict -> connections
	At             time.Time
	PolicyVersion  uint64
	Position       uint64 // of the journal
	Software       string // version of the collector
	Key            string // fingerprint of the collector's key: ids of two collectors differ

	// What only people know: URIs of the assessment plan, the system security
	// plan, and the profile of its controls. Each may be empty.
	Plan, SecurityPlan, Profile string
}

// document is a document that is being written.
type document struct {
	*Facts
	space   uuid.UUID
	parties map[string]types.Party // by uuid
	roles   map[string]string      // id -> title
	named   map[string]*demarcv1.Asset
	open    []types.Resource // what stands for what nobody told
	missing []string
}

// Write makes a document. missing says what a person must still fill in, a line
// each.
func Write(model string, f *Facts) (text []byte, missing []string, err error) {
	d := &document{
		Facts: f, space: uuid.NewSHA1(uuid.NameSpaceURL, []byte(namespace+":"+f.Key)),
		parties: map[string]types.Party{}, roles: map[string]string{}, named: map[string]*demarcv1.Asset{},
	}
	for _, a := range f.Assets {
		d.named[a.GetId()] = a
	}
	models := &types.OscalModels{}
	switch model {
	case "ar":
		models.AssessmentResults = d.results()
	case "poam":
		if models.PlanOfActionAndMilestones, err = d.plan(); err != nil {
			return nil, nil, err
		}
	case "ssp":
		models.SystemSecurityPlan = d.securityPlan()
	default:
		return nil, nil, fmt.Errorf("model %q is not one of %s", model, strings.Join(Models, ", "))
	}
	if text, err = d.encode(models); err == nil {
		err = validate(text)
	}
	if err != nil {
		return nil, nil, err
	}
	return text, slices.Compact(d.missing), nil // a shared service is an agreement with each consumer
}

// encode gives the document its own id, out of all that it says: OSCAL wants
// another one whenever the content changes.
func (d *document) encode(models *types.OscalModels) ([]byte, error) {
	text, err := indented(models)
	if err != nil {
		return nil, err
	}
	id := d.id("document", string(text))
	switch {
	case models.AssessmentResults != nil:
		models.AssessmentResults.UUID = id
	case models.PlanOfActionAndMilestones != nil:
		models.PlanOfActionAndMilestones.UUID = id
	default:
		models.SystemSecurityPlan.UUID = id
	}
	return indented(models)
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	err := out.Encode(v)
	return b.Bytes(), err
}

// id is the same for the same thing in every document of the same collector.
func (d *document) id(words ...string) string {
	return uuid.NewSHA1(d.space, []byte(strings.Join(words, "\x00"))).String()
}

// metadata comes last: it lists the parties and roles that were named.
func (d *document) metadata(what string) types.Metadata {
	m := types.Metadata{
		Title: markup(what + " of " + d.Title), LastModified: d.At.UTC(), OscalVersion: types.Version,
		Version: fmt.Sprintf("policy-%d.journal-%d", d.PolicyVersion, d.Position),
		Props:   some([]types.Property{own("collector-version", d.Software), own("collector-key", d.Key)}),
		Remarks: prose("Written by Demarc out of what its agents heard and what people decided, as it was recorded by "+stamp(d.At)+".",
			"What no agent heard is not in it, and nothing in it says that it was not there. Demarc computes; it decides nothing."),
	}
	for _, id := range slices.Sorted(maps.Keys(d.roles)) {
		add(&m.Roles, types.Role{ID: id, Title: markup(d.roles[id])})
	}
	for _, id := range slices.Sorted(maps.Keys(d.parties)) {
		add(&m.Parties, d.parties[id])
	}
	return m
}

// party is a person or an organization that the document names.
func (d *document) party(kind, name, contact string) string {
	name = line(name)
	if name == "" {
		name = "not named"
	}
	id := d.id("party", kind, name)
	p, known := d.parties[id]
	if !known {
		p = types.Party{UUID: id, Type: kind, Name: name}
	}
	if contact = line(contact); contact != "" && p.Remarks == "" {
		p.Remarks = markup("Contact: " + contact)
	}
	d.parties[id] = p
	return id
}

// role is a role that the document names; its id is a token.
func (d *document) role(name string) string {
	id := token(name)
	if d.roles[id] == "" {
		d.roles[id] = name
	}
	return id
}

// href is a reference that a person gave, or one to a line of the back matter
// that says that nobody did.
func (d *document) href(given, what, flag string) string {
	if given != "" {
		return given
	}
	r := types.Resource{UUID: d.id("not known", what), Title: markup(what + ": not known to Demarc"), Remarks: prose("Nobody named it. Name it with " + flag + ", or put its address here.")}
	d.open = append(d.open, r)
	d.missing = append(d.missing, what+": name it with "+flag)
	return "#" + r.UUID
}

func (d *document) backMatter() *types.BackMatter {
	if len(d.open) == 0 {
		return nil
	}
	return &types.BackMatter{Resources: &d.open}
}

// tool is the collector, as what observed.
func (d *document) tool() types.SystemComponent {
	return types.SystemComponent{
		UUID: d.id("collector"), Type: "software", Title: "Demarc collector", Status: types.SystemComponentStatus{State: "operational"},
		Description: "Holds what passive agents heard on the plant's networks against what people decided.",
		Props:       some([]types.Property{property("version", d.Software)}),
	}
}

func (d *document) origin() types.Origin {
	return types.Origin{Actors: []types.OriginActor{{Type: "tool", ActorUuid: d.id("collector")}}}
}

// property is one that OSCAL names, and own is one of Demarc.
func property(name, value string) types.Property {
	return types.Property{Name: name, Value: said(value)}
}

func own(name, value string) types.Property {
	return types.Property{Name: name, Ns: namespace, Value: said(value)}
}

// told are properties without those that nobody told.
func told(all ...types.Property) *[]types.Property {
	return some(slices.DeleteFunc(all, func(p types.Property) bool { return p.Value == said("") }))
}

// some is a list that is left out when it is empty.
func some[T any](all []T) *[]T {
	if len(all) == 0 {
		return nil
	}
	return &all
}

func add[T any](to **[]T, x ...T) {
	if len(x) == 0 {
		return
	}
	if *to == nil {
		*to = &[]T{}
	}
	**to = append(**to, x...)
}
