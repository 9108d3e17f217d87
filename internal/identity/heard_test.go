package identity

import (
	"strings"
	"testing"

	demarcv1 "demarc/proto/demarc/v1"
)

// A device that speaks all day is gone after a silent day, one that is heard on
// Monday mornings after three silent weeks, and none while its agent is silent.
func TestGoneByItsOwnRhythm(t *testing.T) {
	const h = int64(3600)
	monday := int64(4*24) * h // from Thursday, 1 January 1970
	heardAt := func(times ...int64) (*Book, string) {
		b := New(nil)
		for _, s := range times {
			ns := s * second
			b.Apply("houston", "a4", saw(&demarcv1.EndpointDelta{Address: addr("line4", "10.20.4.10"), Mac: hw(plcMAC), FirstNs: ns, LastNs: ns}))
		}
		return b, b.Assets("")[0].Id
	}
	var always, shift []int64
	for n := range int64(7 * 24) {
		always = append(always, monday+n*h)
		if n%24 >= 6 && n%24 < 14 && n < 5*24 {
			shift = append(shift, monday+n*h)
		}
	}
	weekly := []int64{monday + 8*h}
	for _, c := range []struct {
		what  string
		times []int64
		after int64 // hours since the last
		want  Presence
	}{
		{"always, a minute", always, 0, Active},
		{"always, half a day", always, 12, Quiet},
		{"always, two days", always, 48, Gone},
		{"a shift, the night", shift, 16, Quiet},
		{"a shift, the weekend", shift, 64, Quiet},
		{"a shift, another week", shift, 64 + 5*24, Gone},
		{"weekly, a week and a day", weekly, 8 * 24, Quiet},
		{"weekly, a month", weekly, 28 * 24, Gone},
	} {
		b, id := heardAt(c.times...)
		last := c.times[len(c.times)-1]
		now := (last + c.after*h + 1800) * second
		got, missed, of, holds := b.Presence(id, func(string, string) int64 { return now })
		if got != c.want {
			t.Errorf("%s: %s (%d of %d), want %s", c.what, got, missed, of, c.want)
		}
		if holds <= now {
			t.Errorf("%s: it holds until %d, before %d", c.what, holds, now)
		}
		if again, missedAgain, _, _ := b.Presence(id, func(string, string) int64 { return min(holds, now+1000*h*second) - 1 }); again != got || missedAgain != missed {
			t.Errorf("%s: %s (%d) and then %s (%d), while it was to hold", c.what, got, missed, again, missedAgain)
		}
		if got, _, _, _ := b.Presence(id, func(string, string) int64 { return last * second }); got != Active {
			t.Errorf("%s, and the agent is silent: %s", c.what, got)
		}
	}
}

func TestWhoHeardItLast(t *testing.T) {
	b := New(nil)
	b.Apply("houston", "a5", saw(owner("line4", "10.20.4.10", plcMAC, 50)))
	b.Apply("houston", "a4", saw(owner("line4", "10.20.4.10", plcMAC, 20)))
	heard := b.Assets("")[0].Heard
	if len(heard) != 2 || heard[0].Agent != "a4" || heard[0].LastSeen.AsTime().UnixNano() != start+20*second || heard[1].LastSeen.AsTime().UnixNano() != start+50*second {
		t.Errorf("heard %v", heard)
	}
}

func TestHistoryAndConflicts(t *testing.T) {
	a := addr("line4", "10.20.4.10")
	tell := func(attribute, value, source string, g demarcv1.Grade, at int64) *demarcv1.Body {
		return &demarcv1.Body{Facts: []*demarcv1.FactDelta{factOf(a, attribute, value, source, g, at)}}
	}
	const id, content = demarcv1.Grade_GRADE_IDENTITY, demarcv1.Grade_GRADE_CONTENT
	x := read(
		saw(owner("line4", "10.20.4.10", plcMAC, 0)),
		tell("firmware", "V3.2.6", "s7comm.szl", id, 10), tell("firmware", "V3.2.8", "s7comm.szl", id, 90),
		tell("vendor", "Rockwell Automation/Allen-Bradley", "cip.identity", id, 5), tell("vendor", "Rockwell Automation", "http.title", id, 5),
		tell("model", "315-2", "s7comm.szl", id, 7), tell("model", "CP 343-1", "lldp.model", id, 8), tell("model", "other", "http.server", content, 9),
	).Assets[0]
	wantText(t, "firmware now", x.Firmware, "V3.2.8")
	if len(x.Changes) != 1 || x.Changes[0].From != "V3.2.6" || x.Changes[0].To != "V3.2.8" || x.Changes[0].At.AsTime().UnixNano() != start+90*second {
		t.Errorf("changes %v", x.Changes)
	}
	if len(x.Conflicts) != 1 || !strings.Contains(x.Conflicts[0], `model: "CP 343-1" (lldp.model) against "315-2" (s7comm.szl)`) {
		t.Errorf("conflicts %q", x.Conflicts)
	}
}
