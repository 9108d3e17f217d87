package dissect

import "testing"

func FuzzSSH(f *testing.F) { fuzzDissector(f, "ssh", true) }
