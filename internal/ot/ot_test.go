package ot

import (
	"slices"
	"testing"
)

func TestNamesCoverConstants(t *testing.T) {
	for i := range NumOperations {
		if s := Operation(i).String(); s == "" || s == "invalid" {
			t.Errorf("operation %d has no name", i)
		}
	}
	for g := Hint; g <= Identity; g++ {
		if ParseGrade(g.String()) != g {
			t.Errorf("grade %d does not survive its name", g)
		}
	}
	for o := OutcomeUnknown; o <= Exchanged; o++ {
		if ParseOutcome(o.String()) != o {
			t.Errorf("outcome %d does not survive its name", o)
		}
	}
	for b := BasisUnknown; b <= BasisSYN; b++ {
		if ParseBasis(b.String()) != b {
			t.Errorf("basis %d does not survive its name", b)
		}
	}
	if Operation(200).String() != "invalid" || ParseGrade("no such") != GradeNone {
		t.Error("an unknown value must not look like a known one")
	}
}

func TestProtocolNames(t *testing.T) {
	all := Protocols()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) || len(all) < 100 {
		t.Errorf("%d protocol names: sorted and each once is right", len(all))
	}
	for _, name := range []string{"modbus", "iec104", "c12.22", "tls"} {
		if !IsProtocol(name) {
			t.Errorf("%s is not known", name)
		}
	}
	if IsProtocol("modbuss") || IsProtocol("") {
		t.Error("a slip passes for a protocol")
	}
}
