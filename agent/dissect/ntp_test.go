package dissect

import "testing"

func FuzzNTP(f *testing.F) { fuzzDissector(f, "ntp", false) }
