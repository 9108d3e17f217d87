package dissect

import "testing"

func FuzzHTTP(f *testing.F) { fuzzDissector(f, "http", true) }
