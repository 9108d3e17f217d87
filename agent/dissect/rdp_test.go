package dissect

import "testing"

func FuzzRDP(f *testing.F) { fuzzDissector(f, "rdp", false) }
