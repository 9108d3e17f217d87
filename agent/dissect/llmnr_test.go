package dissect

import "testing"

func FuzzLLMNR(f *testing.F) { fuzzDissector(f, "llmnr", false) }
