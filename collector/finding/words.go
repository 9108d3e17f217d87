package finding

import (
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/boundary"
	"demarc/internal/ot"
	demarcv1 "demarc/proto/demarc/v1"
)

// show makes the finding as it is listed.
func (f *finding) show() *demarcv1.Finding {
	if f.shown != nil {
		return f.shown
	}
	t := f.traits()
	g := f.group
	out := &demarcv1.Finding{
		Id: f.id, Kind: t.kind, Site: g.Site, Service: g.Service, Opener: g.Opener,
		FromBoundary: g.From, ToBoundary: g.To, LeftOff: uint32(f.leftOff), Technique: f.technique(t),
	}
	out.Severity, out.SeverityTerms = f.severity(t)
	out.Urgent = t.urgent()
	out.Title, out.Why = f.title(t), f.why(t)
	if t.kind == OutOfTerms {
		out.Term = g.Terms
	}
	if out.Service == "" {
		out.Service = some(t.services, 5)
	}
	f.members(out)
	f.decided(out)
	f.about(out)
	f.differences(out)
	f.shown = out
	return out
}

func (f *finding) members(out *demarcv1.Finding) {
	var first, last *member
	both := []map[string]*member{f.conns, f.assets}
	for i, to := range []*[]string{&out.Connections, &out.Assets} {
		for _, name := range slices.Sorted(maps.Keys(both[i])) {
			m := both[i][name]
			if m.Past {
				out.Past = append(out.Past, name)
			} else {
				*to = append(*to, name)
			}
			if first == nil || m.First < first.First {
				first = m
			}
			if last == nil || m.Last > last.Last {
				last = m
			}
			f.boundaries(out, m)
		}
	}
	if first != nil {
		out.FirstSeen, out.LastSeen = timestamppb.New(time.Unix(0, first.First)), timestamppb.New(time.Unix(0, last.Last))
	}
}

// boundaries fills in where a finding's subject stands when its group does not
// say it.
func (f *finding) boundaries(out *demarcv1.Finding, m *member) {
	switch f.group.Kind {
	case Attempt, Lapsed, DualHomed:
		if len(m.Boundaries) > 1 && out.ToBoundary == "" {
			out.FromBoundary, out.ToBoundary = m.Boundaries[0], m.Boundaries[1]
		}
	case Unplaced:
		for _, b := range m.Boundaries {
			out.ToBoundary = max(out.ToBoundary, b)
		}
	}
}

func sortedCopy(names []string) []string {
	all := slices.Clone(names)
	slices.Sort(all)
	return slices.Compact(all)
}

// some lists the first n of names, which are sorted.
func some(names []string, n int) string {
	if len(names) > n {
		return strings.Join(names[:n], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

// place names a boundary as it stands in a sentence.
func place(name string) string {
	if name == boundary.Internet {
		return "the Internet"
	}
	return name
}

func (f *finding) title(t traits) string {
	g := f.group
	if g.held() {
		return f.heldTitle()
	}
	switch t.kind {
	case Unauthorized:
		with := ""
		if g.Service != "" {
			with = " with " + g.Service
		}
		return place(g.From) + " " + deed(t) + " " + place(g.To) + with + ", and nothing agrees to it"
	case OutOfTerms:
		_, name, _ := strings.Cut(g.Document, "/")
		if g.Subject != "" {
			return g.Subject + " was connected in " + g.From + " outside the times of " + name
		}
		if g.From == g.To {
			return g.From + " uses " + g.Service + " inside against its internal rules (" + g.Terms + ")"
		}
		return place(g.From) + " " + deed(t) + " " + place(g.To) + " with " + g.Service + ", against " + name + " (" + g.Terms + ")"
	case PastInterface:
		return g.From + " " + deed(t) + " " + g.To + " with " + g.Service + ", past any ERP interface"
	case Lapsed:
		return g.Document + " is no longer in force, and its traffic goes on"
	case InternetExposure:
		if g.Opener == boundary.Internet {
			return "The Internet reaches into " + g.To
		}
		if g.From == boundary.Internet {
			return g.To + " exchanges with the Internet"
		}
		return g.From + " exchanges with the Internet"
	case RemoteAccess:
		if g.To == boundary.Internet || g.From == boundary.Internet {
			return "Remote access by " + g.Service + " between " + place(g.From) + " and " + place(g.To)
		}
		return "Remote access by " + g.Service + " from " + place(g.From) + " to " + place(g.To)
	case Unplaced:
		if g.Terms != "" {
			return "Addresses in " + g.Subject + " stand in " + g.Terms + " at once"
		}
		return "No boundary holds " + g.Subject
	case Attempt, Scan:
		return f.attemptTitle(t)
	case NoAuthorization:
		return g.Subject + " operates without authorization"
	case ProbeDifference:
		return f.differenceTitle()
	case Unlisted:
		return f.device() + " stands in " + g.From + " and on no list of what was authorized there"
	}
	addresses, homes := f.homes()
	return "One device stands in " + homes + " at once: " + addresses
}

// device names the one device of a finding by its addresses.
func (f *finding) device() string {
	if m := f.assets[f.group.Subject]; m != nil && len(m.Addresses) > 0 {
		return some(m.Addresses, 3)
	}
	return "Device " + f.group.Subject
}

// homes lists the addresses and boundaries of a dual-homed asset.
func (f *finding) homes() (addresses, boundaries string) {
	for _, name := range slices.Sorted(maps.Keys(f.assets)) {
		m := f.assets[name]
		return some(m.Addresses, 8), strings.Join(m.Boundaries, " and ")
	}
	return f.group.Subject, "two boundaries"
}

// deed is what the members did at worst.
func deed(t traits) string {
	for _, d := range []struct {
		operation ot.Operation
		words     string
	}{{ot.Firmware, "sends firmware to"}, {ot.Program, "exchanges programs with"}, {ot.Control, "operates"}, {ot.Write, "writes to"}, {ot.Configure, "configures"}, {ot.Read, "reads from"}, {ot.Subscribe, "subscribes to"}} {
		if t.operations[d.operation.String()] {
			return d.words
		}
	}
	return "speaks to"
}

// why says in one sentence why it matters.
func (f *finding) why(t traits) string {
	if f.group.held() {
		return f.heldWhy()
	}
	switch t.kind {
	case Unauthorized:
		if t.intoOT && (t.named(ot.Write, ot.Control, ot.Configure, ot.Program, ot.Firmware) != "") {
			return "What acts on the process from outside its boundary can stop or damage it, and nobody has accepted that risk."
		}
		return "Information crosses a boundary without an agreement, so nobody has weighed what it exposes."
	case OutOfTerms:
		if f.group.Subject != "" {
			return "A device that is carried about is let in at agreed times; outside them nobody looks after what it brings."
		}
		return "The two sides agreed to something narrower; what goes beyond it was never weighed."
	case PastInterface:
		return "Controllers and business systems meet without a level between them that could hold a fault or an intruder back. That it is agreed does not change it."
	case Lapsed:
		return "Traffic goes on under a paper that no longer holds, so nobody answers for its risk today."
	case InternetExposure:
		return "Whoever is on the Internet may learn from, or act on, what keeps the process running."
	case RemoteAccess:
		return "A session or tool of this kind lets somebody outside act on the process as if at its keyboard."
	case Unplaced:
		if f.group.Terms != "" {
			return "As long as two boundaries hold the same addresses, no verdict on them can be given."
		}
		return "A device that no boundary holds is covered by no agreement, and nobody answers for it."
	case Scan:
		return "Somebody, or a tool, is finding out which services answer across a boundary."
	case Attempt:
		return "Something is set up to use what nobody agreed to; the barrier held, and the cause is worth removing."
	case NoAuthorization:
		return "Its authorization does not stand, and what runs there goes on: nobody has accepted its risk for today."
	case ProbeDifference:
		return f.differenceWhy()
	case Unlisted:
		why := "What was authorized is a list of components"
		if m := f.assets[f.group.Subject]; m != nil && m.Unlisted != "" {
			why += ": " + m.Unlisted
		}
		return why + ". No agreement covers what it exchanges across the boundary."
	}
	return "A device with a foot in two boundaries is a way around the access points between them."
}

// technique names what MITRE ATT&CK for ICS calls it, where one applies.
func (f *finding) technique(t traits) string {
	g := f.group
	if g.held() {
		return f.heldTechnique()
	}
	switch t.kind {
	case RemoteAccess:
		if g.From == boundary.Internet || g.To == boundary.Internet || ot.RemoteBy(g.Service) != ot.Interactive {
			return "T0822 External Remote Services"
		}
		return "T0886 Remote Services"
	case InternetExposure:
		if g.Opener == boundary.Internet {
			return "T0883 Internet Accessible Device"
		}
		return "T0869 Standard Application Layer Protocol"
	case Scan:
		return "T0846 Remote System Discovery"
	case Unauthorized, OutOfTerms, Lapsed, PastInterface:
	default:
		return ""
	}
	if !t.intoOT {
		return ""
	}
	switch {
	case t.named(ot.Firmware) != "":
		return "T0857 System Firmware"
	case t.named(ot.Program) != "":
		return "T0843 Program Download"
	case t.named(ot.Write, ot.Control) != "":
		return "T0855 Unauthorized Command Message"
	case t.named(ot.Configure) != "":
		return "T0836 Modify Parameter"
	case t.named(ot.Read, ot.Subscribe) != "":
		return "T0801 Monitor Process State"
	}
	return ""
}
