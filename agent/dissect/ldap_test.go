package dissect

import "testing"

func FuzzLDAP(f *testing.F) { fuzzDissector(f, "ldap", true) }
