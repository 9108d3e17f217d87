package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/inventory"
	"demarc/internal/ot"
	"demarc/internal/tables"
	demarcv1 "demarc/proto/demarc/v1"
)

// ProbeDifference is the kind of a device of which the wire tells something
// else than the device itself says when it is asked.
const ProbeDifference = "probe-difference"

// compared are the attributes that are held against each other, the one that
// says most first.
var compared = []ot.Attribute{ot.Serial, ot.Model, ot.FirmwareRev, ot.Vendor, ot.Product}

// discord is one attribute that is told in two ways.
type discord struct {
	Attribute string `json:"attribute"`
	Heard     told   `json:"heard"`
	Asked     told   `json:"asked"`
}

// told is a value with the message that said it, and when it did last (Unix
// nanoseconds).
type told struct {
	Value  string `json:"value"`
	Source string `json:"source"`
	Last   int64  `json:"last"`
}

// ofProgram begins the sources that tell of the program that answers: a server
// of one maker may run on a device of another.
const ofProgram = "opcua.build_info."

// discords holds what an asset says of itself when it is asked against what was
// overheard: facts of grade identity alone, of each source the latest value. The
// same message must say the same; of different messages one that agrees is
// enough, because protocols word one thing in several ways.
func discords(facts []*demarcv1.Fact) (all []discord) {
	for _, attribute := range compared {
		for _, program := range []bool{false, true} {
			heard, asked := latest(facts, attribute, program)
			if d, differ := discordOf(attribute, heard, asked); differ {
				all = append(all, d)
			}
		}
	}
	return all
}

// latest lists what each source told last, the latest of all first.
func latest(facts []*demarcv1.Fact, attribute ot.Attribute, program bool) (heard, asked []told) {
	for _, f := range facts {
		source, wasAsked := strings.CutPrefix(f.GetSource(), inventory.AskedPrefix)
		if f.GetAttribute() != string(attribute) || f.GetGrade() != ot.Identity.String() || strings.HasPrefix(source, ofProgram) != program {
			continue
		}
		list := &heard
		if wasAsked {
			list = &asked
		}
		t := told{f.GetValue(), f.GetSource(), f.GetLastSeen().AsTime().UnixNano()}
		switch i := slices.IndexFunc(*list, func(x told) bool { return x.Source == t.Source }); {
		case i < 0:
			*list = append(*list, t)
		case t.Last > (*list)[i].Last:
			(*list)[i] = t
		}
	}
	for _, list := range [][]told{heard, asked} {
		slices.SortFunc(list, func(x, y told) int {
			return cmp.Or(cmp.Compare(y.Last, x.Last), strings.Compare(x.Source, y.Source))
		})
	}
	return heard, asked
}

func discordOf(attribute ot.Attribute, heard, asked []told) (discord, bool) {
	if len(heard) == 0 || len(asked) == 0 {
		return discord{}, false
	}
	agreed := false
	for _, a := range asked {
		for _, h := range heard {
			if a.Source == inventory.AskedPrefix+h.Source && !strings.EqualFold(strings.TrimSpace(a.Value), strings.TrimSpace(h.Value)) {
				return discord{string(attribute), h, a}, true
			}
			agreed = agreed || agree(attribute, h.Value, a.Value)
		}
	}
	return discord{string(attribute), heard[0], asked[0]}, !agreed
}

// agree reports whether two messages may mean the same: the spelling aside, and
// one may say more than the other.
func agree(attribute ot.Attribute, x, y string) bool {
	switch attribute {
	case ot.Serial:
		return strings.TrimLeft(letters(x), "0") == strings.TrimLeft(letters(y), "0")
	case ot.FirmwareRev:
		return begins(version(x), version(y)) || begins(version(y), version(x))
	case ot.Vendor:
		x, y = tables.Vendor(x), tables.Vendor(y)
	case ot.Product:
		x, y = tables.Product(x), tables.Product(y)
	}
	x, y = letters(x), letters(y)
	return strings.Contains(x, y) || strings.Contains(y, x)
}

// letters are the letters and digits of a text, in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// version are the steps of a version: "V3.02.6" is 3, 2, 6.
func version(s string) []string {
	steps := strings.FieldsFunc(strings.TrimLeft(strings.ToLower(strings.TrimSpace(s)), "v "), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, x := range steps {
		if steps[i] = strings.TrimLeft(x, "0"); steps[i] == "" {
			steps[i] = "0"
		}
	}
	return steps
}

func begins(all, front []string) bool {
	return len(all) >= len(front) && slices.Equal(all[:len(front)], front)
}

// differenceGroup is the finding of one asset.
func differenceGroup(site, asset string) group {
	return group{Kind: ProbeDifference, Site: site, Subject: asset}
}

// otherwise reports whether m differs in something that the member before it
// did not differ in.
func (m *member) otherwise(before *member) bool {
	return slices.ContainsFunc(m.Discords, func(d discord) bool {
		return !slices.ContainsFunc(before.Discords, func(x discord) bool {
			return d.Attribute == x.Attribute && d.Heard.Value == x.Heard.Value && d.Asked.Value == x.Asked.Value
		})
	})
}

// differing is the member that a difference is of.
func (f *finding) differing() *member { return f.assets[f.group.Subject] }

func (f *finding) differenceSeverity(s *score, t traits) {
	s.add(25, "what is heard of a device is not what it says when it is asked")
	if m := f.differing(); m != nil {
		for _, d := range m.Discords {
			switch ot.Attribute(d.Attribute) {
			case ot.Serial, ot.Model:
				s.add(20, "another "+d.Attribute+": perhaps another device answers")
			case ot.FirmwareRev:
				s.add(15, "another firmware: what it runs is not what is known of it")
			default:
				s.add(5, "another "+d.Attribute)
			}
		}
	}
	if t.ot {
		s.add(15, "in ot")
	} else if t.inner {
		s.add(5, "in dmz")
	}
}

func (f *finding) differenceTitle() string {
	m := f.differing()
	if m == nil || len(m.Discords) == 0 {
		return f.device() + " says otherwise when it is asked than the wire does"
	}
	d := m.Discords[0]
	words := fmt.Sprintf("%s says %s %q when it is asked, and %q was heard of it", f.device(), d.Attribute, short(d.Asked.Value), short(d.Heard.Value))
	if n := len(m.Discords) - 1; n > 0 {
		words += fmt.Sprintf("; %d more differ", n)
	}
	return words
}

// short is a value as it fits into a title.
func short(s string) string {
	if r := []rune(s); len(r) > 48 {
		return string(r[:48]) + "..."
	}
	return s
}

// differenceWhy tells both values with their sources and dates.
func (f *finding) differenceWhy() string {
	words := "Either one of them is old, or somebody answers in the device's place, or the traffic is not the device's own"
	m := f.differing()
	if m == nil {
		return words + "."
	}
	for _, d := range m.Discords {
		words += fmt.Sprintf("; %s: %q asked %s (%s), %q heard %s (%s)", d.Attribute,
			short(d.Asked.Value), day(time.Unix(0, d.Asked.Last)), d.Asked.Source, short(d.Heard.Value), day(time.Unix(0, d.Heard.Last)), d.Heard.Source)
	}
	return words + "."
}

// differences fills in what differs.
func (f *finding) differences(out *demarcv1.Finding) {
	m := f.differing()
	if f.group.Kind != ProbeDifference || m == nil {
		return
	}
	if len(m.Boundaries) > 0 {
		out.FromBoundary = m.Boundaries[0]
	}
	for _, d := range m.Discords {
		out.Differences = append(out.Differences, &demarcv1.ProbeDifference{
			Attribute: d.Attribute, Heard: d.Heard.fact(d.Attribute), Asked: d.Asked.fact(d.Attribute),
		})
	}
}

func (t told) fact(attribute string) *demarcv1.Fact {
	return &demarcv1.Fact{Attribute: attribute, Value: t.Value, Source: t.Source, Grade: ot.Identity.String(), LastSeen: timestamppb.New(time.Unix(0, t.Last))}
}
