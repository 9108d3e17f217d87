package role

import (
	_ "embed" // the shipped fingerprints
	"strings"
	"sync"
	"sync/atomic"

	"demarc/internal/ot"
)

// Fingerprints tell vendor, product, model and role of devices that do not say
// them in a field of their own: each entry sets them where its conditions hold.
type Fingerprints struct{ entries []fingerprint }

// fingerprint is one entry made ready: conditions beside those of a rule, and
// what it sets.
type fingerprint struct {
	rule
	name     string
	patterns []pattern
	macs     []string // prefixes, lower case with colons
	ports    []string // one of them must be served
	set      []setting
}

// setting is one attribute with its value; $1 or ${1} is what a pattern's group
// matched.
type setting struct {
	attribute ot.Attribute
	value     string
}

//go:embed fingerprints.yaml
var shippedFingerprints []byte

var defaultFingerprints = sync.OnceValue(func() *Fingerprints {
	f, err := ReadFingerprints("fingerprints.yaml", shippedFingerprints)
	if err != nil {
		panic("role: " + err.Error()) // a test reads it
	}
	return f
})

var userFingerprints atomic.Pointer[Fingerprints]

// UseFingerprints lays a user's fingerprints beside those that are shipped. It
// is called once, at start; nil takes them away.
func UseFingerprints(f *Fingerprints) { userFingerprints.Store(f) }

// Told lists what the fingerprints, the user's first, tell of d beside its own
// facts. The source of each names the fingerprint and says why.
func Told(d *Device) []Fact {
	var facts []Fact
	v := view{Device: d}
	if user := userFingerprints.Load(); user != nil {
		facts = user.told(&v, facts)
	}
	return defaultFingerprints().told(&v, facts)
}

func (f *Fingerprints) told(v *view, facts []Fact) []Fact {
	for i := range f.entries {
		facts = f.entries[i].told(v, facts)
	}
	return facts
}

const fingerprintSource = "fingerprint."

// fingerprintOf takes the source of a fact apart that a fingerprint told.
func fingerprintOf(source string) (name, why string, ok bool) {
	rest, ok := strings.CutPrefix(source, fingerprintSource)
	if !ok {
		return "", "", false
	}
	name, why, ok = strings.Cut(rest, ": ")
	return name, why, ok
}

// told appends what p sets when all its conditions hold. A MAC prefix, a port or
// a name alone is a hint, whatever grade the entry has.
func (p *fingerprint) told(v *view, facts []Fact) []Fact {
	c, ok := v.match(&p.rule)
	if !ok || !v.hasMAC(p.macs) || !v.serves(p.ports) {
		return facts
	}
	if len(p.patterns)+len(p.when.facts)+len(p.when.uses) == 0 && !p.when.router {
		c.Grade = min(c.Grade, ot.Hint)
	}
	values := make([]string, len(p.set))
	for i := range p.set {
		values[i] = p.set[i].value
	}
	why := c.Why
	for i := range p.patterns {
		f := p.patterns[i].in(v.Facts)
		if f == nil {
			return facts
		}
		c.Grade = min(c.Grade, f.Grade)
		for j := range values {
			values[j] = p.patterns[i].expand(values[j], f.Value)
		}
		why = strings.NewReplacer("{value}", f.Value, "{source}", f.Source).Replace(why)
	}
	for i, s := range p.set {
		if values[i] != "" {
			facts = append(facts, Fact{Attribute: string(s.attribute), Value: values[i], Source: fingerprintSource + p.name + ": " + why, Grade: c.Grade})
		}
	}
	return facts
}

// steps are the instructions of its patterns.
func (p *fingerprint) steps() (n int) {
	for i := range p.patterns {
		n += p.patterns[i].steps
	}
	return n
}

func (v *view) hasMAC(prefixes []string) bool {
	for _, p := range prefixes {
		for _, m := range v.MACs {
			if strings.HasPrefix(m, p) {
				return true
			}
		}
	}
	return len(prefixes) == 0
}

func (v *view) serves(ports []string) bool {
	for _, p := range ports {
		for i := range v.Uses {
			for _, q := range v.Uses[i].Ports {
				if v.Uses[i].As == Server && p == q {
					return true
				}
			}
		}
	}
	return len(ports) == 0
}
