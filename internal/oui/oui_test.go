package oui

import "testing"

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		name string
		mac  [6]byte
		want string
	}{
		{"MA-L", [6]byte{0x00, 0x0e, 0x8c, 1, 2, 3}, "Siemens AG"},
		{"MA-L first line", [6]byte{0x00, 0x00, 0x00, 1, 2, 3}, "XEROX CORPORATION"},
		{"MA-L second vendor", [6]byte{0x00, 0x00, 0xbc, 9, 9, 9}, "Rockwell Automation"},
		{"MA-M", [6]byte{0x20, 0x85, 0x93, 0xb1, 0, 0}, "IOG Products LLC"},
		{"MA-S", [6]byte{0x70, 0xb3, 0xd5, 0x71, 0x9f, 0}, "2M Technology"},
		{"IAB", [6]byte{0x00, 0x50, 0xc2, 0x7d, 0x5f, 0}, "DEUTA-WERKE GmbH"},
		{"block of the IEEE, part unassigned", [6]byte{0x70, 0xb3, 0xd5, 0xff, 0xff, 0xff}, ""},
		{"group address", [6]byte{0x01, 0x0e, 0x8c, 1, 2, 3}, ""},
		{"broadcast", [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ""},
		{"locally administered", [6]byte{0x02, 0x0e, 0x8c, 1, 2, 3}, ""},
		{"unassigned", [6]byte{0xfc, 0xff, 0xfc, 1, 2, 3}, ""},
	} {
		if got := Lookup(c.mac); got != c.want {
			t.Errorf("%s: Lookup(%x) = %q, want %q", c.name, c.mac, got, c.want)
		}
	}
}

func TestDate(t *testing.T) {
	if d := Date(); len(d) != len("2006-01-02") {
		t.Errorf("Date() = %q, want a day", d)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	mac := [6]byte{0x70, 0xb3, 0xd5, 0x71, 0x9f, 0}
	if n := testing.AllocsPerRun(100, func() { Lookup(mac) }); n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	mac := [6]byte{0x00, 0x0e, 0x8c, 1, 2, 3}
	for b.Loop() {
		Lookup(mac)
	}
}
