package condition

import (
	"strings"
	"testing"
	"time"

	"demarc/collector/boundary"
	demarcv1 "demarc/proto/demarc/v1"
)

// noon is the instant of every test.
var noon = time.Date(2026, 4, 12, 12, 0, 0, 0, time.UTC)

const site = `apiVersion: demarc/v1
kind: Site
metadata: {name: houston}
spec: {addressSpace: [10.0.0.0/8], segments: [{name: line4}, {name: dmz}, {name: corp}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: line4}
spec: {title: Line 4, domain: ot, members: [{site: houston, segment: line4, cidrs: [10.20.4.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: dmz}
spec: {title: DMZ, domain: dmz, members: [{site: houston, segment: dmz, cidrs: [10.50.1.0/24]}]}
---
apiVersion: demarc/v1
kind: Boundary
metadata: {name: corporate}
spec: {title: Corporate, domain: it, members: [{site: houston, cidrs: [10.60.0.0/16]}]}
`

func documents(t *testing.T, texts ...string) (*boundary.Documents, *boundary.Policy) {
	t.Helper()
	return read(t, site+strings.Join(texts, ""))
}

func read(t *testing.T, text string) (*boundary.Documents, *boundary.Policy) {
	t.Helper()
	docs, err := boundary.Read([]boundary.File{{Path: "plant.yaml", Content: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := boundary.Compile(docs, 1)
	if err != nil {
		t.Fatal(err)
	}
	return docs, p
}

// hear has an agent hear a segment for whole quarter hours until an instant.
func hear(l *Ledger, agent, segment string, from, to time.Time) {
	for t := from; t.Before(to); t = t.Add(15 * time.Minute) {
		l.Hear("houston", agent, &demarcv1.Body{Connections: []*demarcv1.ConnectionDelta{{
			Key: &demarcv1.ConnectionKey{Client: &demarcv1.Address{Segment: segment}}, Vlans: []uint32{104}, ClientPackets: 600, ServerPackets: 400,
			FirstNs: t.UnixNano(), LastNs: t.Add(time.Minute).UnixNano(),
		}}})
	}
}

func lose(l *Ledger, agent, segment, reason string, at time.Time, count uint64) {
	l.Hear("houston", agent, &demarcv1.Body{Losses: []*demarcv1.LossDelta{{Reason: reason, Segment: segment, FirstNs: at.UnixNano(), LastNs: at.UnixNano(), Count: count}}})
}

func TestSight(t *testing.T) {
	docs, p := documents(t)
	for _, c := range []struct {
		name string
		do   func(*Ledger)
		gap  string // in the gaps; empty: none
		say  string // in the words
	}{
		{"nobody", func(*Ledger) {}, "no agent was heard on segment line4 yet", "segment line4: no agent"},
		{"a whole day", func(l *Ledger) { hear(l, "a", "line4", noon.Add(-Window), noon) }, "", "by a, VLANs 104, heard for 24 h of 24 h since 2026-04-11 12:00 UTC, loss 0%"},
		{"two hours", func(l *Ledger) { hear(l, "a", "line4", noon.Add(-2*time.Hour), noon) }, "segment line4 was heard for 2 h of 24 h", "2 h of 24 h"},
		{"long ago", func(l *Ledger) { hear(l, "a", "line4", noon.Add(-72*time.Hour), noon.Add(-48*time.Hour)) }, "nothing was heard on segment line4 since 2026-04-10 12:00 UTC", "silent since"},
		{"another segment", func(l *Ledger) { hear(l, "a", "dmz", noon.Add(-Window), noon) }, "no agent was heard on segment line4", "no agent"},
		{"two agents make a whole", func(l *Ledger) {
			hear(l, "a", "line4", noon.Add(-Window), noon.Add(-12*time.Hour))
			hear(l, "b", "line4", noon.Add(-12*time.Hour), noon)
		}, "", "by a, b"},
		{"a SPAN port that is wrong", func(l *Ledger) {
			hear(l, "a", "line4", noon.Add(-Window), noon)
			lose(l, "a", "line4", "mirror-directions", noon.Add(-time.Hour), 1)
		}, "segment line4 was not seen whole for 15 min: mirror-directions", "mirror-directions for 15 min"},
		{"a fault that another agent does not have", func(l *Ledger) {
			hear(l, "a", "line4", noon.Add(-Window), noon)
			hear(l, "b", "line4", noon.Add(-Window), noon)
			lose(l, "a", "line4", "mirror-directions", noon.Add(-time.Hour), 1)
		}, "", "by a, b"},
		{"batches lost by the agent", func(l *Ledger) {
			hear(l, "a", "line4", noon.Add(-Window), noon)
			lose(l, "a", "", "spool-full", noon.Add(-time.Hour), 3)
		}, "spool-full", "spool-full"},
	} {
		l := NewLedger()
		c.do(l)
		s := Sights(World{Policy: p, Documents: docs, Ledger: l, Now: noon})["line4"]
		gaps := strings.Join(s.Gaps, "; ")
		if (c.gap == "") != (gaps == "") || !strings.Contains(gaps, c.gap) {
			t.Errorf("%s: gaps %q, want %q", c.name, gaps, c.gap)
		}
		if w := s.Words(); !strings.Contains(w, c.say) {
			t.Errorf("%s: words %q lack %q", c.name, w, c.say)
		}
	}
}

func TestLossOfASegment(t *testing.T) {
	docs, p := documents(t)
	l := NewLedger()
	hear(l, "a", "line4", noon.Add(-Window), noon)
	lose(l, "a", "line4", "kernel-drop", noon.Add(-time.Hour), 1000)
	s := Sights(World{Policy: p, Documents: docs, Ledger: l, Now: noon})["line4"]
	if got := s.lossy(MaxLoss); len(got) != 1 || !strings.Contains(got[0], "1.03% of the packets") {
		t.Errorf("%q", got)
	}
	if got := s.lossy(0.02); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestLedgerIsKept: saved in parts, it comes back whole.
func TestLedgerIsKept(t *testing.T) {
	l, saved := NewLedger(), map[string][]byte{}
	save := func(whole bool) {
		t.Helper()
		d := l.Draft(whole)
		all, err := d.Next(d.Len())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if saved[r.Key] = r.Value; r.Value == nil {
				delete(saved, r.Key)
			}
		}
	}
	hear(l, "a", "line4", noon.Add(-60*24*time.Hour), noon.Add(-Window))
	save(false)
	hear(l, "a", "line4", noon.Add(-Window), noon)
	lose(l, "a", "", "spool-full", noon.Add(-time.Hour), 3)
	save(false)
	back := NewLedger()
	for k, v := range saved {
		if err := back.Restore(Record{k, v}); err != nil {
			t.Fatal(err)
		}
	}
	docs, p := documents(t)
	before := Sights(World{Policy: p, Documents: docs, Ledger: l.Clone(), Now: noon})["line4"]
	after := Sights(World{Policy: p, Documents: docs, Ledger: back, Now: noon})["line4"]
	if a, b := before.Words(), after.Words(); a != b || !strings.Contains(a, "since 2026-02-11") {
		t.Errorf("%s\n%s", a, b)
	}
	if n := len(back.ears[Ear{"houston", "a", "line4"}].days); n != maxDays {
		t.Errorf("%d days are kept, not %d", n, maxDays)
	}
	if err := back.Restore(Record{"nonsense", nil}); err == nil {
		t.Error("a record that names no day is taken")
	}
}

// TestLedgerIsBounded: what an agent invents does not grow.
func TestLedgerIsBounded(t *testing.T) {
	l := NewLedger()
	for i := range 3 * maxEars {
		hear(l, "a", strings.Repeat("x", i%97)+string(rune('a'+i%26))+strings.Repeat("y", i/97), noon, noon.Add(time.Minute))
	}
	hear(l, "a", "nul\x00in it", noon, noon.Add(time.Minute))
	hear(l, "a", "line4", time.Unix(0, -5), time.Unix(0, 0))
	lose(l, "a", "line4", "panic", time.Unix(0, -1<<62), 1)
	if len(l.ears) > maxEars {
		t.Errorf("%d ears", len(l.ears))
	}
	for e := range l.ears {
		if strings.Contains(e.Segment, "\x00") {
			t.Errorf("%q would not be read back", e.Segment)
		}
	}
}
