package dissect

import "testing"

func FuzzTelnet(f *testing.F) { fuzzDissector(f, "telnet", true) }
