package dissect

import "testing"

func FuzzTLS(f *testing.F) { fuzzDissector(f, "tls", true) }
