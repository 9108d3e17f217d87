package dissect

import "testing"

func FuzzDNS(f *testing.F) { fuzzDissector(f, "dns", false) }

func FuzzDNSStream(f *testing.F) { fuzzDissector(f, "dns", true) }
