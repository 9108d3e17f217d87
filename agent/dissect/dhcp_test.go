package dissect

import "testing"

func FuzzDHCP(f *testing.F) { fuzzDissector(f, "dhcp", false) }
