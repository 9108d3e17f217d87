package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"demarc/collector/api"
	"demarc/collector/boundary"
	"demarc/collector/verdict"
	demarcv1 "demarc/proto/demarc/v1"
)

type applyOptions = api.ApplyOptions

func changed(a *demarcv1.ApplyResponse) (what []string) {
	for _, c := range a.GetChanges() {
		if c.GetChange() != "same" {
			what = append(what, c.GetChange()+" "+c.GetKind()+"/"+c.GetName())
		}
	}
	return what
}

func TestDryRunTellsAndChangesNothing(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	l.send("a", flow("10.60.1.1", "10.20.4.10", 102, "s7comm", l.now))
	before, last := dump(l.engine), l.Position()
	a, err := l.apply(documents(agreement), applyOptions{DryRun: true})
	l.must(err)
	if len(a.GetVerdicts()) != 1 || a.GetVerdicts()[0].GetBefore() != verdict.Unauthorized || a.GetVerdicts()[0].GetAfter() != verdict.Authorized {
		t.Errorf("verdicts %v", a.GetVerdicts())
	}
	if got := changed(a); len(got) != 1 || got[0] != "new Interconnection/line4-to-historian" || a.GetPolicyVersion() != 2 {
		t.Errorf("%v, version %d", got, a.GetPolicyVersion())
	}
	if dump(l.engine) != before || l.Position() != last || l.Policy().Version() != 1 {
		t.Error("a dry run changed something")
	}
	a, err = l.apply(documents(agreement), applyOptions{})
	l.must(err)
	if len(a.GetVerdicts()) != 1 || a.GetVerdicts()[0].GetAfter() != verdict.Authorized {
		t.Errorf("verdicts %v", a.GetVerdicts())
	}
	l.same("after the apply", l.restarted())
}

func TestSameDocumentsMakeNoVersion(t *testing.T) {
	l := newLab(t)
	for range 2 {
		a, err := l.apply(documents(plantDocs), applyOptions{})
		l.must(err)
		if a.GetPolicyVersion() != 1 {
			t.Errorf("version %d", a.GetPolicyVersion())
		}
	}
	a, err := l.apply(documents("# another comment\n", plantDocs), applyOptions{Prune: true})
	l.must(err)
	if a.GetPolicyVersion() != 1 || len(changed(a)) != 0 {
		t.Errorf("version %d: %v", a.GetPolicyVersion(), changed(a))
	}
}

func TestWrongDocumentsAreRefusedWhole(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement, strings.Replace(agreement, "boundary: dmz", "boundary: dmzz", 1)), applyOptions{})
	var problems boundary.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("%v", err)
	}
	if l.Policy().Version() != 0 || l.Position() != 0 {
		t.Error("half of it was applied")
	}
	// The line is that of the file, although documents are kept one by one.
	want := strings.Count(plantDocs+agreement, "\n") + strings.Count(agreement[:strings.Index(agreement, "boundary: dmz")], "\n") + 1
	found := false
	for _, p := range problems {
		found = found || p.File == "plant.yaml" && p.Line == want
	}
	if !found {
		t.Errorf("no problem names line %d: %v", want, problems)
	}
}

func TestDocumentsStayUnlessPruned(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	renamed := strings.Replace(agreement, "Values for the historian", "Other words", 1)
	a, err := l.apply([]boundary.File{{Path: "more.yaml", Content: []byte(renamed)}}, applyOptions{})
	l.must(err)
	if got := changed(a); len(got) != 1 || got[0] != "changed Interconnection/line4-to-historian" {
		t.Errorf("%v", got)
	}
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	_, err = l.apply(documents(plantDocs), applyOptions{Prune: true})
	if !errors.Is(err, api.ErrRefused) || !strings.Contains(err.Error(), "Interconnection/line4-to-historian") {
		t.Errorf("a live verdict stands on it: %v", err)
	}
	l.now = l.now.Add(live + time.Hour)
	a, err = l.apply(documents(plantDocs), applyOptions{Prune: true})
	l.must(err)
	if got := changed(a); len(got) != 1 || got[0] != "removed Interconnection/line4-to-historian" {
		t.Errorf("%v", got)
	}
}
