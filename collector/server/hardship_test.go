package server

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/store"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

// Two people apply at the same time: each policy version is one of them whole,
// and what is judged is judged by the last.
func TestTwoWritersAtOnce(t *testing.T) {
	l := newLab(t)
	l.must2(l.apply(documents(plantDocs, agreement), applyOptions{}))
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	// Each changes two documents that belong together.
	variant := func(port string) string {
		return strings.Replace(plantDocs, "title: DMZ", "title: DMZ "+port, 1) + strings.Replace(agreement, "4840", port, 1)
	}
	stop := l.looping()
	var both sync.WaitGroup
	for _, port := range []string{"4841", "4842"} {
		both.Go(func() {
			for range 5 {
				if _, err := l.Apply(owner(t), documents(variant(port)), applyOptions{}); err != nil && !errors.Is(err, api.ErrRefused) {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	stop()
	last := l.Policy().Version()
	if last < 3 {
		t.Fatalf("%d versions", last)
	}
	for v := uint64(2); v <= last; v++ {
		p, err := l.store.Policy(t.Context(), v)
		l.must(err)
		text := ""
		for _, d := range p.Documents {
			text += string(d.Content)
		}
		for _, port := range []string{"4841", "4842"} {
			if a, b := strings.Contains(text, "title: DMZ "+port), strings.Contains(text, "ports: ["+port+"]"); a != b {
				t.Errorf("version %d is half of one and half of the other:\n%s", v, text)
			}
		}
	}
	c := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict()
	if c.GetVerdict() != verdict.OutOfTerms || c.GetPolicyVersion() != last {
		t.Errorf("%s by version %d of %d", c.GetVerdict(), c.GetPolicyVersion(), last)
	}
	l.same("replayed", l.restarted())
}

// Two officials confirm the same proposal at the same time: it comes into force
// once, and the other is told.
func TestTwoConfirmAtOnce(t *testing.T) {
	l := newEnforced(t)
	l.inForce(plantDocs)
	a, err := l.say("ivo", api.ApplyOptions{}, plantDocs, agreement)
	l.must(err)
	before := l.Policy().Version()
	answers := make([]error, 2)
	stop := l.looping()
	var both sync.WaitGroup
	for i := range answers {
		both.Go(func() {
			_, answers[i] = l.Confirm(as(t, "olga"), a.GetPending().GetId(), nil, store.Act{Who: "olga", What: "proposal confirm"})
		})
	}
	both.Wait()
	stop()
	if (answers[0] == nil) == (answers[1] == nil) || !errors.Is(errors.Join(answers...), api.ErrRefused) {
		t.Errorf("%v", answers)
	}
	if l.Policy().Version() != before+1 {
		t.Errorf("version %d after %d", l.Policy().Version(), before)
	}
}

// The collector's clock is put back over the end of an authorization and comes
// by it again: whatever it shows, each time it passes the end the cover falls,
// and a replay says the same.
func TestClockIsMovedBack(t *testing.T) {
	l := newLab(t)
	ending := strings.Replace(lineATO, "expires: 2026-04-13", "expires: 2026-04-12", 1)
	l.must2(l.apply(documents(plantDocs, agreement, ending), applyOptions{}))
	end := time.Date(2026, 4, 13, 0, 0, 0, 0, time.UTC)
	l.now = end.Add(-time.Hour)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	for range 3 {
		l.now = end.Add(-time.Minute)
		l.pass(2 * time.Minute)
		l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
		l.now = end.Add(-2 * time.Hour)
		l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
		l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
		l.pass(time.Second)
	}
	l.now = end.Add(-time.Minute)
	l.pass(2 * time.Minute)
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Lapsed)
	if at := verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetJudgedAt().AsTime(); at.Before(end) {
		t.Errorf("judged for %s", at)
	}
	l.same("restarted", l.restarted())
}

// What a document allowed is still live when it goes: it is kept, whoever
// removes what, until that is over; then the connection is judged without it.
func TestDocumentsRemovedWhileInUse(t *testing.T) {
	l := newLab(t)
	l.must2(l.apply(documents(plantDocs, agreement, lineATO), applyOptions{}))
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	for what, left := range map[string][]string{
		"the agreement": {plantDocs, lineATO}, "the authorization": {plantDocs, agreement}, "both": {plantDocs},
		"a boundary": {strings.Replace(plantDocs, "kind: Boundary\nmetadata: {name: dmz}", "kind: Boundary\nmetadata: {name: other}", 1), lineATO},
	} {
		before := l.Policy().Version()
		_, err := l.apply(documents(left...), applyOptions{Prune: true})
		if !errors.Is(err, api.ErrRefused) || l.Policy().Version() != before {
			t.Errorf("%s: %v, version %d", what, err, l.Policy().Version())
		}
	}
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Authorized)
	l.now = l.now.Add(live + time.Hour)
	l.must2(l.apply(documents(plantDocs), applyOptions{Prune: true}))
	l.expect(l.engine, "10.50.1.20", "10.20.4.10", verdict.Unauthorized)
	l.same("replayed", l.restarted())
}

// 10,000 documents are read, compiled and judged by in bounded time; one wrong
// among them refuses all, by its line.
func TestTenThousandDocuments(t *testing.T) {
	l := newLab(t)
	files := documents("{apiVersion: demarc/v1, kind: Site, metadata: {name: houston}, spec: {}}\n")
	const pairs = 3333
	for i := range pairs {
		if i%100 == 0 {
			files = append(files, boundary.File{Path: fmt.Sprintf("lines%d.yaml", i/100)})
		}
		f := &files[len(files)-1]
		f.Content = fmt.Appendf(f.Content, `---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: a%[1]d}, spec: {title: A, domain: ot, members: [{site: houston, cidrs: [10.%[2]d.%[3]d.0/25]}]}}
---
{apiVersion: demarc/v1, kind: Boundary, metadata: {name: b%[1]d}, spec: {title: B, domain: dmz, members: [{site: houston, cidrs: [10.%[2]d.%[3]d.128/25]}]}}
---
{apiVersion: demarc/v1, kind: Interconnection, metadata: {name: x%[1]d}, spec: {purpose: P, owner: {name: O}, from: {boundary: a%[1]d}, to: {boundary: b%[1]d}, initiator: to, services: [{protocol: opcua, ports: [4840]}]}}
`, i, i/250, i%250)
	}
	begun := time.Now()
	a, err := l.apply(files, applyOptions{})
	l.must(err)
	t.Logf("%d documents applied in %s", len(a.GetChanges()), time.Since(begun).Round(time.Millisecond))
	if len(a.GetChanges()) != 3*pairs+1 {
		t.Errorf("%d documents", len(a.GetChanges()))
	}
	l.send("a", flow("10.13.82.200", "10.13.82.10", 4840, "opcua", l.now))
	l.expect(l.engine, "10.13.82.200", "10.13.82.10", verdict.Authorized)
	wrong := &files[len(files)-1]
	wrong.Content = []byte(strings.Replace(string(wrong.Content), "from: {boundary: a3310}", "from: {boundary: a9999}", 1))
	before, _, _ := strings.Cut(string(wrong.Content), "a9999")
	_, err = l.apply(files, applyOptions{})
	if line := fmt.Sprintf("%s:%d", wrong.Path, strings.Count(before, "\n")+1); err == nil || !strings.Contains(err.Error(), line) {
		t.Errorf("%v, want %s", err, line)
	}
	if l.Policy().Version() != 1 {
		t.Errorf("refused, and version %d", l.Policy().Version())
	}
}

// A device that newly serves OPC UA, or takes an address of a vendor on the
// list, makes no verdict on what was there any better: what is learned
// authorizes nothing.
func TestWhatIsLearnedImprovesNoVerdict(t *testing.T) {
	roles := strings.Replace(agreement, "from: {boundary: line4}", "from: {boundary: line4, roles: [opc-server]}", 1)
	list := `---
{apiVersion: demarc/v1, kind: Inventory, metadata: {name: line4-hw}, spec: {list: hardware, source: list, asOf: 2026-02-20, rows: [{name: plc-1, ips: [10.20.4.10], macs: ["00:0e:8c:14:04:0a"]}]}}
`
	listed := strings.Replace(plantDocs, "title: Line 4, domain: ot,", "title: Line 4, domain: ot, components: {inventory: line4-hw},", 1)
	for name, texts := range map[string][]string{
		"roles": {plantDocs, roles}, "a list": {listed, list, agreement}, "both": {listed, list, roles}, "an authorization": {listed, list, roles, lineATO},
	} {
		for seed := range uint64(6) {
			l := newLab(t)
			l.must2(l.apply(documents(texts...), applyOptions{}))
			r := rand.New(rand.NewPCG(seed, 2))
			for range 8 {
				l.send("a", anyBody(r, l.now))
			}
			l.pass(verdict.Early + packetTail)
			before := l.verdicts()
			for i, host := range []string{"10.20.4.10", "10.20.4.11", "10.20.4.12", "10.20.4.99"} {
				serves := flow("10.20.4.200", host, 4840, "opcua", l.now)
				serves.Facts = append(serves.Facts,
					&demarcv1.FactDelta{Of: addr(host), Attribute: "role", Value: "opc-server", Source: "opcua", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano()},
					&demarcv1.FactDelta{Of: addr(host), Attribute: "vendor", Value: "Siemens", Source: "opcua", Grade: demarcv1.Grade_GRADE_IDENTITY, FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano()})
				l.send("a", serves)
				taken := flow("10.20.4.200", host, 102, "s7comm", l.now)
				taken.Endpoints[1].Mac = []byte{0, 0x0e, 0x8c, 0x77, 0, byte(i)}
				l.send("b", taken)
			}
			for id, was := range before {
				if c := l.judged[id]; c != nil && ranks[c.verdict] > ranks[was.GetVerdict()] {
					t.Errorf("%s, seed %d: %s is %s, and was %s before: %s", name, seed, id, c.verdict, was.GetVerdict(), c.reason)
				}
			}
		}
	}
}

// One authorization walks through all that may come of it, and the flow under it
// through the verdicts, by dates and documents alone.
func TestOneFlowThroughTheVerdicts(t *testing.T) {
	l := newLab(t)
	var walked []string
	step := func(texts ...string) {
		t.Helper()
		l.must2(l.apply(documents(texts...), applyOptions{Prune: true}))
		walked = append(walked, verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetVerdict())
	}
	l.must2(l.apply(documents("apiVersion: demarc/v1\nkind: Site\nmetadata: {name: houston}\nspec: {}\n"), applyOptions{}))
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	walked = append(walked, verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetVerdict())
	step(plantDocs)
	step(plantDocs, strings.Replace(agreement, "4840", "4841", 1))
	step(plantDocs, agreement)
	_, err := l.decide(&demarcv1.AuthorizationAct{Kind: "rescind", Authorization: "none"}, true)
	if !errors.Is(err, api.ErrRefused) {
		t.Error(err)
	}
	step(plantDocs, agreement, lineATO)
	l.must2(l.decide(&demarcv1.AuthorizationAct{Kind: "suspend", Authorization: "line4-ato", Until: timestamppb.New(l.now.Add(time.Hour)), Reason: "r"}, false))
	walked = append(walked, verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetVerdict())
	l.pass(time.Hour)
	walked = append(walked, verdictOf(t, l.engine, "10.50.1.20", "10.20.4.10").GetVerdict().GetVerdict())
	want := []string{verdict.Undecided, verdict.Unauthorized, verdict.OutOfTerms, verdict.Authorized, verdict.Authorized, verdict.Lapsed, verdict.Authorized}
	if !slices.Equal(walked, want) {
		t.Errorf("%v\nwant %v", walked, want)
	}
}
