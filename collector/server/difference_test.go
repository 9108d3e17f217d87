package server

import (
	"strings"
	"testing"
	"time"

	"demarc/collector/finding"
	demarcv1 "demarc/proto/demarc/v1"
)

// says is what one source tells of an address, or of a part behind it.
func (l *lab) says(part, attribute, value, source string) *demarcv1.Body {
	return &demarcv1.Body{Facts: []*demarcv1.FactDelta{{
		Of: addr("10.20.4.10"), Part: part, Attribute: attribute, Value: value, Source: source, Grade: demarcv1.Grade_GRADE_IDENTITY,
		FirstNs: l.now.UnixNano(), LastNs: l.now.UnixNano(),
	}}}
}

// What a device says when it is asked and what is overheard of it are one
// finding as long as they differ, of the device and of each part behind it; what
// a collector comes to follows from the journal alone.
func TestProbeDifference(t *testing.T) {
	l := newLab(t)
	_, err := l.apply(documents(plantDocs, agreement), applyOptions{})
	l.must(err)
	l.send("a", flow("10.50.1.20", "10.20.4.10", 4840, "opcua", l.now))
	const source = "modbus.device_id.major_minor_revision"
	l.send("a", l.says("", "firmware", "1.4", source))
	l.send("a", l.says("unit/7", "serial", "S-7", "modbus.register_9"))
	if f := l.Findings(); len(f) != 0 {
		t.Fatalf("before anybody asked: %v", f)
	}
	tell := func(body *demarcv1.Body) map[string]*demarcv1.Finding {
		t.Helper()
		l.pass(time.Hour)
		l.send("a", body)
		all := map[string]*demarcv1.Finding{}
		for _, f := range l.Findings() {
			if f.GetKind() != finding.ProbeDifference || f.GetFromBoundary() != "line4" {
				t.Errorf("%v", f)
			}
			for _, a := range append(f.GetAssets(), f.GetPast()...) {
				all[l.show(a).GetKind()] = f
			}
		}
		return all
	}
	if f := tell(l.says("", "firmware", "1.4", "probe."+source)); len(f) != 0 {
		t.Errorf("they agree: %v", f)
	}
	f := tell(l.says("", "firmware", "1.5", "probe."+source))
	if d := f["device"].GetDifferences(); len(f) != 1 || len(d) != 1 || d[0].GetHeard().GetValue() != "1.4" || d[0].GetAsked().GetValue() != "1.5" {
		t.Errorf("they differ: %v", f)
	}
	if f = tell(l.says("unit/7", "serial", "S-8", "probe.modbus.register_9")); len(f) != 2 || !strings.Contains(f["part"].GetTitle(), `serial "S-8"`) {
		t.Errorf("a part differs: %v", f)
	}
	f = tell(l.says("", "firmware", "1.5", source))
	if d := f["device"]; d.GetStatus() != finding.Open || d.GetCeased() == "" || d.GetCeasedSince().AsTime() != l.now {
		t.Errorf("they agree again: %v", d)
	}
	if a, b := dump(l.engine), dump(l.restarted()); a != b {
		t.Errorf("life:\n%s\nreplay:\n%s", a, b)
	}
}
