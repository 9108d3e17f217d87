// Package spancheck answers whether a SPAN port is right. A Checker counts on
// the packet path; Look reads the state of the capture interface; Judge turns
// both into results in words that an engineer can act on. Nothing here can
// transmit or change a setting: the command that cures a fault is told, never
// run.
package spancheck

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict is the answer of one check, the worst last.
type Verdict uint8

// Verdicts. CannotTell is no pass: too little was seen, or the system does not
// say.
const (
	Good Verdict = iota
	CannotTell
	Warning
	Bad
)

var verdictNames = [...]string{"good", "cannot tell", "warning", "bad"}

func (v Verdict) String() string { return verdictNames[min(int(v), len(verdictNames)-1)] }

// MarshalText is the name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the name.
func (v *Verdict) UnmarshalText(b []byte) error {
	i := slices.Index(verdictNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("spancheck: verdict %q is not known: %s", b, strings.Join(verdictNames[:], ", "))
	}
	*v = Verdict(i)
	return nil
}

// Result is the answer of one check.
type Result struct {
	ID       string  `json:"id"`
	Verdict  Verdict `json:"verdict"`
	Evidence string  `json:"evidence"`     // what was seen, with numbers
	Cure     string  `json:"do,omitempty"` // what to do; empty when good
}

// IDs of the checks: first what the traffic shows, then the machine itself.
const (
	Traffic    = "traffic"       // does anything come
	Unicast    = "unicast"       // more than broadcast and multicast
	Directions = "directions"    // both sides of conversations
	Duplicates = "duplicates"    // frames copied twice
	VLANTags   = "vlan-tags"     // kept on the way
	Whole      = "whole-frames"  // not cut by the mirror or the capture
	Drops      = "drops"         // by card, kernel or ring
	Capacity   = "capacity"      // of the mirror itself
	Clock      = "clock"         // in step with the plant's
	OTTraffic  = "ot-traffic"    // what the agent is for
	OwnTraffic = "own-traffic"   // this machine's in the mirror
	Address    = "address"       // on the capture interface
	IPv6       = "ipv6"          // on the capture interface
	ARP        = "arp"           // on the capture interface
	LLDP       = "lldp"          // on the capture interface
	DHCP       = "dhcp-client"   // on the capture interface
	Bridge     = "bridge"        // the interface forwards
	Silence    = "sends-nothing" // frames that the interface has sent
	Offloads   = "offloads"      // that melt frames together
)

// vital are the checks without whose answer nobody knows what the port shows.
var vital = []string{Traffic, Unicast, Directions}

// Overall sums results up: the worst of them; where nothing is bad it cannot
// be told as long as a vital check cannot.
func Overall(all []Result) Verdict {
	worst, known := Good, true
	for _, r := range all {
		switch {
		case r.Verdict == CannotTell:
			known = known && !slices.Contains(vital, r.ID)
		case r.Verdict > worst:
			worst = r.Verdict
		}
	}
	if worst != Bad && !known {
		return CannotTell
	}
	return worst
}

// Word sums results up for a column of a table: "good", "bad: directions arp".
func Word(all []Result) string {
	if len(all) == 0 {
		return ""
	}
	v := Overall(all)
	var ids []string
	for _, r := range all {
		if v != Good && r.Verdict == v && !slices.Contains(ids, r.ID) && (v != CannotTell || slices.Contains(vital, r.ID)) {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return v.String()
	}
	return v.String() + ": " + strings.Join(ids, " ")
}

// share says a part in percent, as "12 of 400 (3.0 %)".
func share[N uint64 | int](part, of N) string {
	if of == 0 {
		return fmt.Sprintf("%d", part)
	}
	percent := 100 * float64(part) / float64(of)
	switch {
	case part == 0:
		return fmt.Sprintf("none of %d", of)
	case part == of:
		return fmt.Sprintf("all %d", of)
	case percent < 0.1:
		return fmt.Sprintf("%d of %d (under 0.1 %%)", part, of)
	}
	return fmt.Sprintf("%d of %d (%.1f %%)", part, of, percent)
}

// some joins up to n of a list, and says how many more there are.
func some(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}
