package finding

import (
	"fmt"
	"slices"
	"strings"

	"demarc/internal/ot"
)

// score adds up a severity and keeps its arithmetic in words.
type score struct {
	sum   int
	terms []string
}

func (s *score) add(n int, why string) {
	if n == 0 {
		return
	}
	s.sum += n
	s.terms = append(s.terms, fmt.Sprintf("%+d: %s", n, why))
}

// crossings weigh what two domains have between them; the pair is unordered.
var crossings = []struct {
	a, b   string
	weight int
}{
	{"ot", "external", 65},
	{"ot", "it", 60},
	{"dmz", "external", 50},
	{"ot", "dmz", 45},
	{"ot", "ot", 40},
	{"dmz", "it", 30},
	{"dmz", "dmz", 25},
}

func crossing(a, b string) (int, string) {
	for _, c := range crossings {
		if c.a == a && c.b == b || c.a == b && c.b == a {
			if a == b {
				return c.weight, "joins two parts of " + a
			}
			return c.weight, "joins " + c.a + " and " + c.b
		}
	}
	return 20, "stays outside ot and dmz"
}

// severity is the sum for the finding as its members stand, 1 to 100.
func (f *finding) severity(t traits) (uint32, []string) {
	var s score
	if f.group.held() {
		f.heldSeverity(&s, t)
		return s.total()
	}
	switch t.kind {
	case ProbeDifference:
		f.differenceSeverity(&s, t)
		return s.total()
	case Attempt:
		s.add(10, "refused or unanswered: nothing got through")
		if t.inner {
			s.add(5, "to or from ot or dmz")
		}
	case Scan:
		s.add(25, "one source tries many services: nothing got through")
		if t.inner {
			s.add(15, "to or from ot or dmz")
		}
	case Unplaced:
		s.add(30, "nobody answers for these addresses")
		if t.ot {
			s.add(30, "in exchange with ot, judged as if from it")
		} else if t.inner {
			s.add(10, "in exchange with dmz, judged as if from it")
		}
	case NoAuthorization:
		s.add(40, "nobody answers for what runs there")
		if t.ot {
			s.add(20, "an ot boundary")
		} else if t.inner {
			s.add(10, "a dmz boundary")
		}
	case Unlisted:
		s.add(35, "a device that nobody authorized")
		if t.ot {
			s.add(20, "in an ot boundary")
		} else if t.inner {
			s.add(10, "in a dmz boundary")
		}
	default:
		s.add(t.crossing, t.crossingWhy)
	}
	switch t.kind {
	case OutOfTerms:
		s.add(-10, "the ends are agreed")
	case Lapsed:
		s.add(-15, "it was agreed until the paper fell")
	case PastInterface:
		s.add(-10, "it is agreed")
	case RemoteAccess:
		s.add(20, "gives a person or a tool the means to act from afar")
	case InternetExposure:
		if f.group.Opener == "internet" {
			s.add(25, "opened from the Internet")
		} else {
			s.add(10, "whoever is at the other end can answer")
		}
	case DualHomed:
		s.add(10, "a way around the access points")
	}
	effects(&s, t)
	return s.total()
}

func (s *score) total() (uint32, []string) {
	n := min(100, max(1, s.sum))
	return uint32(n), append(s.terms, fmt.Sprintf("= %d", n))
}

// effects adds what the members do to the process.
func effects(s *score, t traits) {
	if t.kind == Attempt || t.kind == Scan || t.kind == DualHomed || t.kind == NoAuthorization {
		return
	}
	loads := t.named(ot.Program, ot.Firmware)
	acts := t.named(ot.Write, ot.Control, ot.Configure)
	switch {
	case loads != "" && t.intoOT:
		s.add(25, "changes what devices run ("+loads+")")
	case acts != "" && t.intoOT:
		s.add(20, "acts on the process ("+acts+")")
	}
	if t.safety != "" {
		s.add(10, t.safety+" is a safety zone")
	}
	if t.oneSided {
		s.add(-10, "only one direction was seen")
	}
}

// traits is what current members have together; past ones count where there
// are no others.
type traits struct {
	kind        string // the group's, but for an attempt of many services
	crossing    int
	crossingWhy string
	ot, inner   bool // one of the ends stands in ot; in ot or dmz
	intoOT      bool // the server stands in ot
	oneSided    bool // of every member
	safety      string
	operations  map[string]bool
	services    []string

	sources  int      // that tried in vain
	scanners []string // those of them that made many tries
	source   string   // the first that is none of these
}

func (f *finding) traits() traits {
	t := traits{kind: f.group.Kind, oneSided: true, operations: make(map[string]bool)}
	n := 0
	for _, past := range []bool{false, true} {
		for _, list := range []map[string]*member{f.conns, f.assets} {
			for _, m := range list {
				if m.Past == past {
					t.take(m)
					n++
				}
			}
		}
		if n > 0 {
			break
		}
	}
	t.oneSided = t.oneSided && len(f.conns) > 0
	slices.Sort(t.services)
	if t.kind == Attempt {
		f.tried(&t)
	}
	return t
}

func (t *traits) take(m *member) {
	if n, why := crossing(m.Domains[0], m.Domains[1]); n > t.crossing || n == t.crossing && why < t.crossingWhy {
		t.crossing, t.crossingWhy = n, why
	}
	for _, d := range m.Domains {
		t.ot = t.ot || d == "ot"
		t.inner = t.inner || inner(d)
	}
	t.intoOT = t.intoOT || m.Domains[1] == "ot"
	t.oneSided = t.oneSided && m.OneSided
	t.safety = max(t.safety, m.Safety)
	for _, o := range m.Operations {
		t.operations[o] = true
	}
	if m.Service != "" && !slices.Contains(t.services, m.Service) {
		t.services = append(t.services, m.Service)
	}
}

// urgent reports whether no survey holds the finding back: exchange with the
// Internet, remote access, control, program or firmware from outside, and any
// crossing of a safety zone.
func (t *traits) urgent() bool {
	if (group{Kind: t.kind}).held() {
		return false
	}
	switch t.kind {
	case InternetExposure, RemoteAccess:
		return true
	case Attempt, Scan, NoAuthorization, DualHomed, ProbeDifference:
		return false
	}
	return t.intoOT && t.named(ot.Control, ot.Program, ot.Firmware) != "" || t.safety != ""
}

// named lists those of operations that were seen, "" for none.
func (t *traits) named(operations ...ot.Operation) string {
	var seen []string
	for _, o := range operations {
		if t.operations[o.String()] {
			seen = append(seen, o.String())
		}
	}
	return strings.Join(seen, ", ")
}
