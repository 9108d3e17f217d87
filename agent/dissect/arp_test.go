package dissect

import "testing"

func FuzzARP(f *testing.F) { fuzzDissector(f, "arp", false) }
