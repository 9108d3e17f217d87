package boundary

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"line4", "line5", "dmz", "corporate", "houston"}
	for name, want := range map[string]string{
		"lien4": "line4", "line": "line4", "dzm": "dmz", "Corporate": "corporate", "huston": "houston", "cooperate": "corporate",
		"warehouse": "", "": "", "x": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != got {
			t.Errorf("distance(%q, %q) = %d, want %d both ways", c.a, c.b, got, c.want)
		}
	}
}
