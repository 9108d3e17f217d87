package dissect

import "testing"

func FuzzNBNS(f *testing.F) { fuzzDissector(f, "nbns", false) }
