package role

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"demarc/internal/ot"
)

// Of lists what d does, the best founded first. It is empty when nothing is
// known.
func (r *Rules) Of(d *Device) []Claim {
	v := view{Device: d}
	claims := v.told()
	for i := range r.rules {
		rule := &r.rules[i]
		c, ok := v.match(rule)
		if ok && !slices.ContainsFunc(claims, func(x Claim) bool { return x.Grade >= c.Grade && slices.Contains(rule.unless, x.Role) }) {
			claims = add(claims, c)
		}
	}
	for _, g := range r.groups {
		claims = bestOf(claims, g)
	}
	little := func(c Claim) bool { return slices.Contains(r.fallback, c.Role) }
	if slices.ContainsFunc(claims, func(c Claim) bool { return !little(c) }) {
		claims = slices.DeleteFunc(claims, little)
	}
	slices.SortStableFunc(claims, func(a, b Claim) int { return cmp.Or(cmp.Compare(b.Grade, a.Grade), cmp.Compare(b.Weight, a.Weight)) })
	return claims
}

// add keeps one claim of each role, the best founded.
func add(claims []Claim, c Claim) []Claim {
	for i := range claims {
		if claims[i].Role == c.Role {
			if cmp.Or(cmp.Compare(c.Grade, claims[i].Grade), cmp.Compare(c.Weight, claims[i].Weight)) > 0 {
				claims[i] = c
			}
			return claims
		}
	}
	return append(claims, c)
}

// bestOf leaves one of the group's roles.
func bestOf(claims []Claim, group []ot.Role) []Claim {
	best := -1
	for i, c := range claims {
		at := slices.Index(group, c.Role)
		if at >= 0 && (best < 0 || cmp.Or(cmp.Compare(c.Grade, claims[best].Grade), cmp.Compare(c.Weight, claims[best].Weight), cmp.Compare(slices.Index(group, claims[best].Role), at)) > 0) {
			best = i
		}
	}
	if best < 0 {
		return claims
	}
	keep := claims[best].Role
	return slices.DeleteFunc(claims, func(c Claim) bool { return c.Role != keep && slices.Contains(group, c.Role) })
}

// view is a device with its words split once.
type view struct {
	*Device
	words [][]string // of each fact's value, made when first asked for
	texts []string   // names, and what clients ask for it by; made when first asked for
	names [][]string // their words
}

// askedBy are the attributes that hold the name a client asked a server by.
var askedBy = [...]string{"tls.server_name", "http.host"}

// told lists the roles that messages name outright.
func (v *view) told() []Claim {
	var claims []Claim
	for _, f := range v.Facts {
		if role := ot.Role(strings.ToLower(f.Value)); f.Attribute == string(ot.RoleAttr) && known(role) {
			claims = add(claims, Claim{role, f.Grade, 100, toldBy(f)})
		}
	}
	return claims
}

// toldBy is the reason of a role that a fact names.
func toldBy(f Fact) string {
	if front, ok := strings.CutPrefix(f.Source, "order-number."); ok {
		return "has an order number of that family (" + front + "...)"
	}
	if name, why, ok := fingerprintOf(f.Source); ok {
		return why + " (fingerprint " + name + ")"
	}
	return "is told to be one (" + f.Source + ")"
}

// match reports whether every condition of r holds and none of its
// counter-evidence, and with what grade and reason.
func (v *view) match(r *rule) (Claim, bool) {
	c := Claim{Role: r.role, Grade: r.grade, Weight: r.weight}
	var why []string
	if r.say != "" {
		why = append(why, r.say)
	}
	grade, why, ok := v.meets(&r.when, why)
	if !ok {
		return c, false
	}
	for i := range r.but {
		if _, _, against := v.meets(&r.but[i], nil); against {
			return c, false
		}
	}
	c.Grade = min(c.Grade, grade)
	c.Why = strings.Join(why, " and ")
	return c, true
}

// meets reports whether all of c holds, how well founded that is at best, and
// the reasons: those given, filled in, and those of c.
func (v *view) meets(c *conditions, why []string) (ot.Grade, []string, bool) {
	grade := ot.Identity
	if c.router && !v.Router {
		return grade, nil, false
	}
	for i := range c.facts {
		f := v.fact(&c.facts[i])
		if f == nil {
			return grade, nil, false
		}
		grade = min(grade, f.Grade)
		fill(why, "{value}", f.Value, "{source}", f.Source)
	}
	if len(c.names) > 0 {
		name, ok := v.called(c.names)
		if !ok {
			return grade, nil, false
		}
		fill(why, "{name}", name)
	}
	for i := range c.uses {
		u, ok := v.use(&c.uses[i])
		if !ok {
			return grade, nil, false
		}
		if u.hint {
			grade = min(grade, ot.Hint)
		}
		if text := c.uses[i].say; text != "" {
			why = append(why, u.say(text))
		}
	}
	return grade, why, true
}

func fill(text []string, pairs ...string) {
	for i := range text {
		for j := 0; j+1 < len(pairs); j += 2 {
			text[i] = strings.ReplaceAll(text[i], pairs[j], pairs[j+1])
		}
	}
}

// fact is the best founded fact that r asks for.
func (v *view) fact(r *factRule) *Fact {
	for i := range v.Facts {
		f := &v.Facts[i]
		if !slices.Contains(r.attributes, f.Attribute) {
			continue
		}
		if slices.ContainsFunc(r.is, func(s string) bool { return strings.EqualFold(s, f.Value) }) {
			return f
		}
		if len(r.has) == 0 {
			continue
		}
		if v.words == nil {
			v.words = make([][]string, len(v.Facts))
		}
		if v.words[i] == nil {
			v.words[i] = wordsOf(f.Value, 0)
		}
		if slices.ContainsFunc(r.has, func(p phrase) bool { return p.in(v.words[i]) }) {
			return f
		}
	}
	return nil
}

// called is the first name that holds one of the words.
func (v *view) called(words []string) (string, bool) {
	if v.names == nil {
		v.texts = append(v.texts, v.Names...)
		for _, f := range v.Facts {
			if slices.Contains(askedBy[:], f.Attribute) {
				v.texts = append(v.texts, f.Value)
			}
		}
		v.names = make([][]string, len(v.texts))
		for i, n := range v.texts {
			v.names[i] = nameWords(n)
		}
	}
	for i, n := range v.names {
		if slices.ContainsFunc(n, func(w string) bool { return slices.Contains(words, w) }) {
			return v.texts[i], true
		}
	}
	return "", false
}

// used is what the uses that met one condition come to.
type used struct {
	protocols  []string
	operations []ot.Operation
	peers      int
	hint       bool // every protocol is known from its port alone
}

func (v *view) use(r *useRule) (used, bool) {
	u := used{hint: true}
	found := false
	for i := range v.Uses {
		x := &v.Uses[i]
		if !slices.Contains(r.as, x.As) {
			continue
		}
		if _, ok := slices.BinarySearch(r.protocols, x.Protocol); !ok {
			continue
		}
		met := len(r.operations) == 0
		for _, o := range r.operations {
			if x.Operations[o] > 0 {
				met = true
				if !slices.Contains(u.operations, o) {
					u.operations = append(u.operations, o)
				}
			}
		}
		if !met {
			continue
		}
		found = true
		u.peers += x.Peers
		u.hint = u.hint && x.Grade <= ot.Hint
		if !slices.Contains(u.protocols, x.Protocol) {
			u.protocols = append(u.protocols, x.Protocol)
		}
	}
	return u, found && u.peers >= r.least && (r.most == 0 || u.peers <= r.most)
}

// say fills in a reason: {peers:client} becomes "1 client" or "3 clients".
func (u used) say(text string) string {
	ops := make([]string, len(u.operations))
	slices.Sort(u.operations)
	for i, o := range u.operations {
		ops[i] = o.String()
	}
	text = strings.ReplaceAll(text, "{protocols}", list(u.protocols))
	text = strings.ReplaceAll(text, "{operations}", list(ops))
	front, rest, ok := strings.Cut(text, "{peers:")
	noun, rest, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return text
	}
	if u.peers != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%s%d %s%s", front, u.peers, noun, rest)
}

func list(s []string) string {
	if len(s) < 2 {
		return strings.Join(s, "")
	}
	return strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}
