package dissect

import "testing"

func FuzzSTP(f *testing.F) { fuzzDissector(f, "stp", false) }
