package bus

import "testing"

func TestName(t *testing.T) {
	for _, r := range []struct {
		a    [6]byte
		want string
	}{
		{MSTP(0), "mstp:0"},
		{MSTP(254), "mstp:254"},
		{ARCNET(0x1b), "arcnet:0x1b"},
		{ARCNET(3), "arcnet:0x03"},
		{[6]byte{0x06, 'm', 's', 't', 'q', 1}, ""},
		{[6]byte{0x00, 0x0e, 0x8c, 1, 2, 3}, ""},
		{[6]byte{}, ""},
	} {
		got, ok := Name(r.a)
		if got != r.want || ok != (r.want != "") {
			t.Errorf("%x: %q %v, want %q", r.a, got, ok, r.want)
		}
	}
	if MSTP(1)[0]&1 != 0 || ARCNET(1)[0]&1 != 0 {
		t.Error("a station is no group")
	}
}
