package finding

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

// fact reads "firmware=1.4 modbus.device_id.x 5": told so last 5 hours after start.
func factOf(t *testing.T, text string) *demarcv1.Fact {
	t.Helper()
	words := strings.Fields(text)
	attribute, value, _ := strings.Cut(words[0], "=")
	hours, err := time.ParseDuration(words[2] + "h")
	if err != nil {
		t.Fatal(err)
	}
	f := &demarcv1.Fact{
		Attribute: attribute, Value: strings.ReplaceAll(value, "_", " "), Source: words[1], Grade: "identity",
		FirstSeen: timestamppb.New(start), LastSeen: timestamppb.New(start.Add(hours)),
	}
	if len(words) > 3 {
		f.Grade = words[3]
	}
	return f
}

// TestDiscords: what counts as a difference between the wire and the device.
func TestDiscords(t *testing.T) {
	const heard, asked = "modbus.device_id.major_minor_revision", "probe.modbus.device_id.major_minor_revision"
	for name, c := range map[string]struct {
		facts []string
		want  string // "attribute heard asked"
	}{
		"nobody asked":                     {[]string{"firmware=1.4 " + heard + " 1"}, ""},
		"nothing heard":                    {[]string{"firmware=1.4 " + asked + " 1"}, ""},
		"the same":                         {[]string{"firmware=1.4 " + heard + " 1", "firmware=1.4 " + asked + " 2"}, ""},
		"another":                          {[]string{"firmware=1.4 " + heard + " 1", "firmware=1.5 " + asked + " 2"}, "firmware 1.4 1.5"},
		"the same message is held exactly": {[]string{"firmware=1.4 " + heard + " 1", "firmware=1.4.2 " + asked + " 2"}, "firmware 1.4 1.4.2"},
		"heard anew since":                 {[]string{"firmware=1.4 " + heard + " 1", "firmware=1.5 " + asked + " 2", "firmware=1.5 " + heard + " 3"}, ""},
		"asked anew since":                 {[]string{"firmware=1.5 " + heard + " 3", "firmware=1.4 " + asked + " 1", "firmware=1.5 " + asked + " 2"}, ""},
		"back again":                       {[]string{"firmware=1.4 " + heard + " 9", "firmware=1.5 " + heard + " 5", "firmware=1.5 " + asked + " 2"}, "firmware 1.4 1.5"},
		"a hint is no claim":               {[]string{"vendor=Siemens mac.prefix 1 hint", "vendor=ACME probe.modbus.device_id.vendor_name 2"}, ""},
		"content is no claim":              {[]string{"firmware=1.4 http.server 1 content", "firmware=1.5 " + asked + " 2"}, ""},
		"other attributes are none of it":  {[]string{"name=a lldp.name 1", "name=b probe.modbus.device_id.user_application_name 2"}, ""},

		// Several protocols word one thing differently.
		"more precise elsewhere":                {[]string{"firmware=V3.02 s7comm.szl 1", "firmware=3.2.6 " + asked + " 2"}, ""},
		"not more precise":                      {[]string{"firmware=V3.2 s7comm.szl 1", "firmware=3.20.6 " + asked + " 2"}, "firmware V3.2 3.20.6"},
		"one agrees":                            {[]string{"model=PM-800 a.b 1", "model=Power_Meter c.d 5", "model=PM800 probe.modbus.device_id.product_code 2"}, ""},
		"none agrees":                           {[]string{"model=PM-900 a.b 1", "model=Gauge c.d 5", "model=PM800 probe.modbus.device_id.product_code 2"}, "model Gauge PM800"},
		"a serial with zeros":                   {[]string{"serial=0012-ab a.b 1", "serial=12AB probe.sunspec.common.serial_number 2"}, ""},
		"another serial":                        {[]string{"serial=12AB a.b 1", "serial=12ABC probe.sunspec.common.serial_number 2"}, "serial 12AB 12ABC"},
		"a vendor's long name":                  {[]string{"vendor=Siemens a.b 1", "vendor=SIEMENS_AG probe.x.y 2"}, ""},
		"the program that answers is no device": {[]string{"vendor=ACME a.b 1", "vendor=Example_Works probe.opcua.build_info.manufacturer_name 2"}, ""},
		"the program itself":                    {[]string{"firmware=1 opcua.build_info.software_version 1", "firmware=2 probe.opcua.build_info.software_version 2"}, "firmware 1 2"},
		"the one that says most comes first": {[]string{
			"vendor=A a.b 1", "vendor=B probe.a.b 2", "serial=1 a.c 1", "serial=2 probe.a.c 2",
		}, "serial 1 2, vendor A B"},
	} {
		var facts []*demarcv1.Fact
		for _, f := range c.facts {
			facts = append(facts, factOf(t, f))
		}
		for range 2 { // whatever their order
			var got []string
			for _, d := range discords(facts) {
				got = append(got, d.Attribute+" "+d.Heard.Value+" "+d.Asked.Value)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			slices.Reverse(facts)
		}
	}
}

// TestProbeDifference: one finding an asset, with both values, their sources and
// dates; it ceases by itself and comes back.
func TestProbeDifference(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	const source = "modbus.device_id.major_minor_revision"
	update := func(hour int, texts ...string) []*demarcv1.Finding {
		t.Helper()
		b.Tick(start.Add(time.Duration(hour) * time.Hour))
		a := &demarcv1.Asset{Id: "a1", Site: "houston", Kind: "device"}
		for _, text := range texts {
			a.Facts = append(a.Facts, factOf(t, text))
		}
		b.UpdateAsset(p, a, ends("10.20.4.10"), start)
		return b.All()
	}
	old := []string{"firmware=1.4 " + source + " 1", "serial=S1 modbus.register_9 1", "firmware=1.5 probe." + source + " 2", "serial=S2 probe.modbus.register_9 2"}
	all := update(3, old...)
	if len(all) != 1 || all[0].GetKind() != ProbeDifference || !slices.Equal(all[0].GetAssets(), []string{"a1"}) || all[0].GetFromBoundary() != "line4" {
		t.Fatalf("findings: %v", all)
	}
	f := all[0]
	check(t, f)
	for _, want := range []string{`"S2" asked 2026-`, "(probe.modbus.register_9)", `"S1" heard 2026-`, `"1.5" asked`, `"1.4" heard`, "(" + source + ")"} {
		if !strings.Contains(f.GetWhy(), want) {
			t.Errorf("%s lacks %s", f.GetWhy(), want)
		}
	}
	if want := `10.20.4.10 says serial "S2" when it is asked, and "S1" was heard of it; 1 more differ`; f.GetTitle() != want {
		t.Errorf("title %q", f.GetTitle())
	}
	if d := f.GetDifferences(); len(d) != 2 || d[1].GetAttribute() != "firmware" || d[1].GetHeard().GetValue() != "1.4" || d[1].GetAsked().GetSource() != "probe."+source || !d[1].GetAsked().GetLastSeen().AsTime().Equal(start.Add(2*time.Hour)) {
		t.Errorf("differences: %v", d)
	}
	if f.GetSeverity() != 25+20+15+15 || f.GetUrgent() {
		t.Errorf("severity %d: %v", f.GetSeverity(), f.GetSeverityTerms())
	}

	// A person explains it; only another difference brings it back.
	if err := b.Act(Act{Kind: Close, By: "ana", At: start.Add(4 * time.Hour), Body: &demarcv1.FindingAct{
		Targets: []*demarcv1.FindingTarget{{Id: f.GetId()}}, Closure: &demarcv1.Closure{Reason: Explained}, Comment: "the gateway answers",
	}}); err != nil {
		t.Fatal(err)
	}
	told := slices.Clone(old)
	told[0] = "firmware=1.4 " + source + " 5" // heard again
	if f = update(5, told...)[0]; f.GetStatus() != Closed {
		t.Errorf("the same difference is %s", f.GetStatus())
	}
	told = append(told, "firmware=1.6 probe."+source+" 6")
	if f = update(6, told...)[0]; f.GetStatus() != Open {
		t.Errorf("another difference is %s", f.GetStatus())
	}

	// They agree: it says so, and waits for a person.
	agreed := append(slices.Clone(told), "firmware=1.6 "+source+" 7", "serial=S2 modbus.register_9 7")
	f = update(7, agreed...)[0]
	if f.GetStatus() != Open || f.GetCeased() == "" || !f.GetCeasedSince().AsTime().Equal(start.Add(7*time.Hour)) || !slices.Equal(f.GetPast(), []string{"a1"}) || len(f.GetDifferences()) != 2 {
		t.Errorf("it does not cease: %v", f)
	}
	if restored := New(); restored.Restore(b.Snapshot()) != nil || restored.All()[0].String() != f.String() {
		t.Errorf("restored otherwise: %v", restored.All())
	}
	if len(b.OfAsset("a1")) != 0 {
		t.Error("the asset is still a member")
	}
	if f = update(8, append(agreed, "firmware=1.4 "+source+" 8")...)[0]; f.GetStatus() != Open || f.GetCeased() != "" || len(f.GetAssets()) != 1 {
		t.Errorf("it does not come back: %v", f)
	}
	events, _ := b.Events(f.GetId())
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.GetKind())
	}
	if got := strings.Join(kinds, " "); got != "raised closed reopened ceased again" {
		t.Errorf("events: %s", got)
	}
}

// TestPartsDiffer: a unit behind an address differs by itself, and stands where
// its chassis does without being judged for that again.
func TestPartsDiffer(t *testing.T) {
	p, b := compile(t, plan, 1), New()
	a := &demarcv1.Asset{Id: "a1.u1", Parent: "a1", Site: "houston", Kind: "part", Facts: []*demarcv1.Fact{
		factOf(t, "serial=S1 a.b 1"), factOf(t, "serial=S2 probe.a.b 2"),
	}}
	b.UpdateAsset(p, a, append(ends("10.20.4.10"), ends("10.99.9.14")...), start)
	all := b.All()
	if len(all) != 1 || all[0].GetKind() != ProbeDifference || all[0].GetSeverity() != 25+20+15 {
		t.Errorf("findings: %v", all)
	}
	b.UpdateAsset(p, &demarcv1.Asset{Id: "a1.u1", Site: "houston", Kind: "part"}, []inventory.End{}, start)
	if f := b.All()[0]; f.GetCeased() == "" {
		t.Errorf("it does not cease: %v", f)
	}
}
