package finding

import (
	"fmt"
	"strings"
	"time"

	demarcv1 "demarc/proto/demarc/v1"
)

// Days of sight after which what nothing used, or what was never seen, is a
// finding, and after which an agreement is offered for termination.
const (
	IdleAfter      = 30
	TerminateAfter = 180
)

// States of an Idle.
const (
	Used          = "used"           // or seen
	Unused        = "unused"         // or never seen: a finding
	NotObservable = "not-observable" // too few days of sight to tell
	Exempt        = "exempt"         // silence is what is expected of it
)

// Idle is how much of a document nothing uses: of an agreement, or of a list of
// hardware what was never seen.
type Idle struct {
	Document  string
	Inventory bool // a list of hardware
	State     string
	From, To  string   // boundaries that it joins; of a list, the one that it is for
	What      []string // lines, consumers or rows that nothing used; nil is all of an agreement
	Days      int      // of sight since, the fewest of What
	Need      int      // of them before anything is told
	Since     int64    // last use, or since when it stands, Unix nanoseconds
	Ever      bool     // Since is a use
	Why       string   // of the state, where it is not Unused
}

// idle is what an Idle finding keeps. Its fields are stored.
type idle struct {
	What    []string  `json:"what,omitempty"`
	Days    int       `json:"days"`
	Since   int64     `json:"since"`
	Ever    bool      `json:"ever,omitempty"`
	Domains [2]string `json:"domains"`
}

func (x *Idle) group() group {
	g := group{Kind: NeverUsed, Document: x.Document, From: x.From, To: x.To}
	if x.Inventory {
		g.Kind = NeverSeen
	}
	return g
}

// Idle raises one finding for each document of which something is unused, and
// says of those whose cause ceased what ended it.
func (b *Book) Idle(all []Idle, domain func(boundary string) string) {
	at := make(map[group]*Idle, len(all))
	for i := range all {
		x := &all[i]
		at[x.group()] = x
		if x.State == Unused {
			b.raiseIdle(x, domain)
		}
	}
	for _, f := range b.sorted() {
		if f.idle == nil {
			continue
		}
		switch x := at[f.group]; {
		case x == nil:
			b.cease(f, "its document is gone, or says something else")
		case x.State == Used:
			b.cease(f, fmt.Sprintf("%s, last %s", x.Why, day(time.Unix(0, x.Since))))
		case x.State == Exempt:
			b.cease(f, x.Why)
		}
	}
	clear(b.touched)
}

func (b *Book) raiseIdle(x *Idle, domain func(string) string) {
	g := x.group()
	f := b.findings[g.id()]
	if f == nil {
		f = b.raise(g.id(), g)
	}
	now := &idle{What: x.What, Days: x.Days, Since: x.Since, Ever: x.Ever, Domains: [2]string{domain(x.From), domain(x.To)}}
	switch was := f.idle; {
	case f.Ceased != nil:
		b.again(f, fmt.Sprintf("nothing was seen of it again in %d days of sight", x.Days))
	case f.settled() && was != nil && grown(was.What, x.What):
		b.reopen(f, EventReopened, "more of it is unused: "+some(x.What, 5))
	}
	f.idle = now
	b.touch(f)
}

// grown reports whether what has something that was has not; nil is everything.
func grown(was, what []string) bool {
	if was == nil {
		return false
	}
	if what == nil {
		return true
	}
	had := make(map[string]bool, len(was))
	for _, w := range was {
		had[w] = true
	}
	for _, w := range what {
		if !had[w] {
			return true
		}
	}
	return false
}

// idles reports whether kind is one of those that silence makes.
func (g group) idles() bool { return g.Kind == NeverUsed || g.Kind == NeverSeen }

// over reports whether an agreement is offered for termination.
func (f *finding) over() bool { return f.group.Kind == NeverUsed && f.idle.Days >= TerminateAfter }

func (f *finding) idleTitle() string {
	x, document := f.idle, f.group.Document
	in := fmt.Sprintf(" in %d days of sight", x.Days)
	since := ""
	if x.Ever {
		since = " since " + time.Unix(0, x.Since).UTC().Format(time.DateOnly)
	}
	switch {
	case f.group.Kind == NeverSeen:
		return document + " lists what was never seen" + in + ": " + some(x.What, 3)
	case x.What != nil:
		return document + " agrees to what nothing used" + in + ": " + some(x.What, 3)
	case f.over():
		return "Nothing used " + document + since + in + ": it is offered for termination"
	}
	return "Nothing used " + document + since + in
}

func (f *finding) idleWhy() string {
	switch {
	case f.group.Kind == NeverSeen:
		return "What was authorized is not there: removed, renamed, or standing where nobody looks; the list is wrong, or the sight is."
	case f.over():
		return "A connection is to be reviewed for continued need, and terminated when it is over (CA-9, CA-3); whoever finds it can use it meanwhile."
	}
	return "An agreement that nothing uses is an open door that nobody watches: is it still needed?"
}

func (f *finding) idleSeverity(s *score) {
	if f.group.Kind == NeverSeen {
		s.add(15, "what was authorized was never seen")
	} else {
		s.add(10, "allowed, and used by nothing")
		if n, why := crossing(f.idle.Domains[0], f.idle.Domains[1]); n >= crossingWeighs {
			s.add(10, why)
		}
	}
	if f.over() {
		s.add(10, "for half a year")
	}
	if f.idle.Domains[0] == "ot" || f.idle.Domains[1] == "ot" {
		s.add(5, "an end in ot")
	}
}

// crossingWeighs is from which weight on a crossing is told of an unused
// agreement.
const crossingWeighs = 45

// unused fills in what of a document nothing used.
func (f *finding) unused(out *demarcv1.Finding) {
	if f.idle == nil {
		return
	}
	out.Unused, out.UnusedDays, out.Document = f.idle.What, uint32(f.idle.Days), f.group.Document
}

// Words say how an Idle stands, for a list beside its document.
func (x *Idle) Words() string {
	what := ""
	if x.What != nil {
		what = ": " + strings.Join(x.What, ", ")
	}
	if x.State == Unused {
		return fmt.Sprintf("unused in %d days of sight%s", x.Days, what)
	}
	return x.Why
}
