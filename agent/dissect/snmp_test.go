package dissect

import "testing"

func FuzzSNMP(f *testing.F) { fuzzDissector(f, "snmp", false) }
