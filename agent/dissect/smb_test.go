package dissect

import "testing"

func FuzzSMB(f *testing.F) { fuzzDissector(f, "smb", true) }
