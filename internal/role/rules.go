package role

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"demarc/internal/ot" // the rules

	"github.com/goccy/go-yaml"
)

//go:embed roles.yaml
var shipped []byte

// Default returns the rules that are shipped.
var Default = sync.OnceValue(func() *Rules {
	r, err := Read(shipped)
	if err != nil {
		panic("role: roles.yaml: " + err.Error()) // a test reads it
	}
	return r
})

// Rules say what a device does.
type Rules struct {
	levels   map[ot.Role]int
	groups   [][]ot.Role
	fallback []ot.Role
	rules    []rule
}

// file is the form of roles.yaml, which documents it.
type file struct {
	Levels   map[string]int      `yaml:"levels"`
	Groups   [][]string          `yaml:"groups"`
	Fallback []string            `yaml:"fallback"`
	Sets     map[string][]string `yaml:"sets"`
	Rules    []fileRule          `yaml:"rules"`
}

type fileRule struct {
	Role   string     `yaml:"role"`
	Grade  string     `yaml:"grade"`
	Facts  []fileFact `yaml:"facts"`
	Uses   []fileUse  `yaml:"uses"`
	Names  []string   `yaml:"names"`
	Router bool       `yaml:"router"`
	Unless []string   `yaml:"unless"`
	But    []fileBut  `yaml:"but"`
	Weight *int       `yaml:"weight"`
	Say    string     `yaml:"say"`
}

// fileBut is counter-evidence: conditions that must all hold.
type fileBut struct {
	Facts  []fileFact `yaml:"facts"`
	Uses   []fileUse  `yaml:"uses"`
	Names  []string   `yaml:"names"`
	Router bool       `yaml:"router"`
}

type fileFact struct {
	Attribute  string   `yaml:"attribute"`
	Attributes []string `yaml:"attributes"`
	Is         []string `yaml:"is"`
	Has        []string `yaml:"has"`
}

type fileUse struct {
	As         string   `yaml:"as"`
	Protocols  []string `yaml:"protocols"`
	Operations []string `yaml:"operations"`
	Least      *int     `yaml:"least"`
	Most       int      `yaml:"most"`
	Say        string   `yaml:"say"`
}

// rule is one rule made ready.
type rule struct {
	role   ot.Role
	grade  ot.Grade
	weight int // 0 to 100
	when   conditions
	unless []ot.Role
	but    []conditions
	say    string
}

// conditions must all hold.
type conditions struct {
	facts  []factRule
	uses   []useRule
	names  []string
	router bool
}

type factRule struct {
	attributes []string
	is         []string // lower case
	has        []phrase
}

// usualWeight is that of rules which name none.
const usualWeight = 50

type useRule struct {
	as          []As
	protocols   []string // sorted
	operations  []ot.Operation
	least, most int // most 0: no limit
	say         string
}

// Read makes rules of YAML; an unknown key, role, grade, part or operation is
// an error that names the rule by its number.
func Read(text []byte) (*Rules, error) {
	var f file
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("role: %w", err)
	}
	r := &Rules{levels: map[ot.Role]int{}}
	for name, level := range f.Levels {
		if !known(ot.Role(name)) {
			return nil, fmt.Errorf("role: levels: %q is not a role", name)
		}
		r.levels[ot.Role(name)] = level
	}
	for _, g := range f.Groups {
		roles, err := rolesOf(g)
		if err != nil {
			return nil, fmt.Errorf("role: groups: %w", err)
		}
		r.groups = append(r.groups, roles)
	}
	var err error
	if r.fallback, err = rolesOf(f.Fallback); err != nil {
		return nil, fmt.Errorf("role: fallback: %w", err)
	}
	for i := range f.Rules {
		ready, err := f.Rules[i].ready(f.Sets)
		if err != nil {
			return nil, fmt.Errorf("role: rule %d (%s): %w", i+1, f.Rules[i].Role, err)
		}
		r.rules = append(r.rules, ready)
	}
	return r, nil
}

// Level is the Purdue level that a role stands at, if it has one.
func (r *Rules) Level(role ot.Role) (int, bool) {
	level, ok := r.levels[role]
	return level, ok
}

func (f *fileRule) ready(sets map[string][]string) (rule, error) {
	r := rule{role: ot.Role(f.Role), grade: ot.ParseGrade(f.Grade), weight: usualWeight, say: f.Say}
	if !known(r.role) {
		return r, fmt.Errorf("%q is not a role", f.Role)
	}
	if r.grade == ot.GradeNone {
		return r, fmt.Errorf("%q is not a grade", f.Grade)
	}
	if f.Weight != nil {
		r.weight = *f.Weight
	}
	if r.weight < 0 || r.weight > 100 {
		return r, fmt.Errorf("weight %d: 0 to 100", r.weight)
	}
	var err error
	if r.unless, err = rolesOf(f.Unless); err != nil {
		return r, err
	}
	when := fileBut{Facts: f.Facts, Uses: f.Uses, Names: f.Names, Router: f.Router}
	if r.when, err = when.ready(sets); err != nil {
		return r, err
	}
	for i := range f.But {
		c, err := f.But[i].ready(sets)
		if err != nil {
			return r, fmt.Errorf("but: %w", err)
		}
		r.but = append(r.but, c)
	}
	return r, nil
}

func (f *fileBut) ready(sets map[string][]string) (conditions, error) {
	c := conditions{names: lower(f.Names), router: f.Router}
	if len(f.Facts)+len(f.Uses)+len(f.Names) == 0 && !f.Router {
		return c, errors.New("no condition")
	}
	for _, x := range f.Facts {
		ready := factRule{attributes: x.Attributes, is: lower(x.Is)}
		if x.Attribute != "" {
			ready.attributes = append([]string{x.Attribute}, x.Attributes...)
		}
		for _, p := range x.Has {
			ready.has = append(ready.has, phraseOf(p))
		}
		if len(ready.attributes) == 0 || len(x.Is)+len(x.Has) == 0 {
			return c, errors.New("a fact needs attribute and is or has")
		}
		c.facts = append(c.facts, ready)
	}
	for _, x := range f.Uses {
		ready, err := x.ready(sets)
		if err != nil {
			return c, err
		}
		c.uses = append(c.uses, ready)
	}
	return c, nil
}

func (f *fileUse) ready(sets map[string][]string) (useRule, error) {
	u := useRule{least: 1, most: f.Most, say: f.Say}
	if f.Least != nil {
		u.least = *f.Least
	}
	switch f.As {
	case "client":
		u.as = []As{Client}
	case "server":
		u.as = []As{Server}
	case "peer":
		u.as = []As{Peer}
	case "any":
		u.as = []As{Client, Server, Peer}
	default:
		return u, fmt.Errorf("as %q: client, server, peer or any", f.As)
	}
	for _, p := range f.Protocols {
		name, isSet := strings.CutPrefix(p, "$")
		if !isSet {
			u.protocols = append(u.protocols, p)
			continue
		}
		if len(sets[name]) == 0 {
			return u, fmt.Errorf("set %q is not known", name)
		}
		u.protocols = append(u.protocols, sets[name]...)
	}
	for _, p := range u.protocols {
		if !ot.IsProtocol(p) {
			return u, fmt.Errorf("protocol %q is not known: want one as demarc-agent protocols lists them", p)
		}
	}
	slices.Sort(u.protocols)
	u.protocols = slices.Compact(u.protocols)
	if len(u.protocols) == 0 {
		return u, errors.New("a use needs protocols")
	}
	for _, name := range f.Operations {
		i := slices.Index(ot.OperationNames(), name)
		if i < 0 {
			return u, fmt.Errorf("%q is not a class of operation", name)
		}
		u.operations = append(u.operations, ot.Operation(i))
	}
	return u, nil
}

func rolesOf(names []string) ([]ot.Role, error) {
	var roles []ot.Role
	for _, n := range names {
		if !known(ot.Role(n)) {
			return nil, fmt.Errorf("%q is not a role", n)
		}
		roles = append(roles, ot.Role(n))
	}
	return roles, nil
}

func lower(s []string) []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = strings.ToLower(s[i])
	}
	return out
}

func known(r ot.Role) bool { return ot.IsRole(r) }
