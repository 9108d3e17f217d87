package dissect

import "testing"

func TestNoMachineIssuer(t *testing.T) {
	for name, c := range map[string]struct {
		tag  uint64
		want bool
	}{"NoMachine": {tlsTagOrganization, true}, "NoMachine Ltd": {tlsTagOrganization, false}, "nomachine": {tlsTagCommonName, false}} {
		k := &talk{t: t, d: noMachine{}, tag: c.tag}
		k.log.reset()
		if _, err := k.d.Dissect(k.message(0, []byte(name)), &k.log); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzNoMachine(f *testing.F) { fuzzDissector(f, "nomachine", false) }
