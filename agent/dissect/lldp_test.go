package dissect

import "testing"

func FuzzLLDP(f *testing.F) { fuzzDissector(f, "lldp", false) }
