package dissect

import "testing"

func FuzzVNC(f *testing.F) { fuzzDissector(f, "vnc", true) }
