package dissect

import "testing"

func FuzzNBDGM(f *testing.F) { fuzzDissector(f, "nbdgm", false) }
