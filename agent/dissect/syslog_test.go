package dissect

import "testing"

func FuzzSyslog(f *testing.F) { fuzzDissector(f, "syslog", false) }
