package boundary

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Resolved is what roles and names of devices in documents came to when they
// were applied: addresses, by the Key of the Question. It is kept with the
// policy version, so that what takes a role or a name later is covered by
// nothing until a person has it resolved anew.
type Resolved map[string][]string

// Question is a place in a document that names devices by what was learned of
// them.
type Question struct {
	At
	Key      string   // "Interconnection/line4-to-historian from"
	Document string   // "Interconnection/line4-to-historian"
	Boundary string   // where the devices stand; empty for anywhere
	Roles    []string // any of them
	Name     string   // without roles: the device's name
}

// Words say what is asked: "roles plc of line4".
func (q *Question) Words() string {
	if q.Name != "" {
		return "member " + q.Name
	}
	return "roles " + strings.Join(q.Roles, ", ") + " of " + q.Boundary
}

// Questions lists what must be resolved, in the order of the documents.
func (d *Documents) Questions() []Question {
	var all []Question
	for _, b := range d.Boundaries {
		for i, r := range b.Internal {
			for side, e := range map[string]InternalEnd{"from": r.From, "to": r.To} {
				if len(e.Roles) > 0 {
					all = append(all, Question{At: r.At, Key: insideKey(b, i, side), Document: b.Meta.String(), Boundary: b.Name, Roles: e.Roles})
				}
			}
		}
	}
	for _, x := range d.Interconnections {
		for side, e := range map[string]AgreedEnd{"from": x.From, "to": x.To} {
			if len(e.Roles) > 0 && len(e.CIDRs) == 0 {
				all = append(all, Question{At: e.Boundary.At, Key: x.Meta.String() + " " + side, Document: x.Meta.String(), Boundary: e.Boundary.Name, Roles: e.Roles})
			}
		}
	}
	for _, g := range d.Groups {
		for _, m := range g.Members {
			if _, is := addressOf(m); !is {
				all = append(all, Question{At: g.At, Key: g.Meta.String() + " " + m, Document: g.Meta.String(), Name: m})
			}
		}
	}
	slices.SortFunc(all, func(a, b Question) int { return strings.Compare(a.Key, b.Key) })
	return all
}

func insideKey(b *Boundary, rule int, side string) string {
	return b.Meta.String() + " internal " + strconv.Itoa(rule) + " " + side
}

// addressOf reads a group's member that is written as an IP or MAC address.
func addressOf(member string) (string, bool) {
	if a, err := netip.ParseAddr(member); err == nil {
		return a.Unmap().String(), true
	}
	var m MAC
	if what, _ := m.parse(member); what == "" {
		return m.MAC, true
	}
	return "", false
}

// addrs are the IP addresses that a question came to.
func (r Resolved) addrs(key string) []netip.Addr {
	var all []netip.Addr
	for _, s := range r[key] {
		if a, err := netip.ParseAddr(s); err == nil {
			all = append(all, a.Unmap())
		}
	}
	return all
}

// Warn tells the questions to which nothing was the answer.
func (r Resolved) Warn(d *Documents) Problems {
	var all Problems
	for _, q := range d.Questions() {
		if len(r[q.Key]) == 0 {
			all = append(all, q.problem(fmt.Sprintf("%s: %s are nothing that was seen yet, and cover nothing", q.Document, q.Words()), "apply again with --resolve once they were seen, or write addresses"))
		}
	}
	return all
}
