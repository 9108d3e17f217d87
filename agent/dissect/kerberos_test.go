package dissect

import "testing"

func FuzzKerberos(f *testing.F) { fuzzDissector(f, "kerberos", true) }
