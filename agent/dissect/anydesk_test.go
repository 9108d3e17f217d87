package dissect

import "testing"

func FuzzAnyDesk(f *testing.F) { fuzzDissector(f, "anydesk", false) }

func TestAnyDeskNames(t *testing.T) {
	for name, want := range map[string]bool{"AnyDesk Client": true, "AnyNet Relay": true, "anydesk.com": false, "AnyDesk Client 2": false} {
		k := &talk{t: t, d: anyDesk{}}
		m := k.message(0, []byte(name))
		m.Tag = tlsTagCommonName
		if _, err := k.d.Dissect(m, &k.log); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		k.refused(0, []byte(name), ErrNotMine) // without the tag it is anything
	}
}
