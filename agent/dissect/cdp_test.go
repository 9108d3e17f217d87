package dissect

import "testing"

func FuzzCDP(f *testing.F) { fuzzDissector(f, "cdp", false) }
