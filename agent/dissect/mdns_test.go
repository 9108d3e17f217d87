package dissect

import "testing"

func FuzzMDNS(f *testing.F) { fuzzDissector(f, "mdns", false) }
