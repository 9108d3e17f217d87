package dissect

import "testing"

func FuzzSSDP(f *testing.F) { fuzzDissector(f, "ssdp", false) }
