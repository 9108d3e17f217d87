package api

import (
	"slices"
	"strings"

	"demarc/collector/inventory"
	demarcv1 "demarc/proto/demarc/v1"
)

// categories are those of information between levels 3 and 4 (IEC 62264-1) by
// the end of a B2MML message's name (IEC 62264-5); BatchML's are of several.
var categories = []struct{ noun, category string }{
	{"Schedule", "production-schedule"},
	{"Directive", "production-schedule"},
	{"Performance", "production-performance"},
	{"ProductionRecord", "production-performance"},
	{"Capability", "production-capability"},
	{"ProductDefinition", "product-definition"},
	{"OperationsDefinition", "product-definition"},
	{"ProcessSegmentInformation", "product-definition"},
	{"MaterialInformation", "material"},
	{"MaterialLot", "material"},
	{"MaterialDefinition", "material"},
	{"MaterialClass", "material"},
	{"EquipmentInformation", "equipment"},
	{"PersonnelInformation", "personnel"},
	{"Maintenance", "maintenance"},
	{"QualityTest", "quality"},
}

func category(message string) string {
	for _, c := range categories {
		if strings.HasSuffix(message, c.noun) {
			return c.category
		}
	}
	return "no one category"
}

// exchangeLines say what a connection across levels 3 and 4 is agreed to
// exchange (ISA-95), and what its ends were seen to send. A message is told of
// its sender, not of one connection: it is named where the protocol carries it.
func (s *Service) exchangeLines(c inventory.Connection, j *demarcv1.JudgedConnection) []string {
	var agreed, lines []string
	for _, x := range s.Plant.Documents().Interconnections {
		if slices.Contains(j.GetVerdict().GetDocuments(), x.Meta.String()) {
			agreed = x.Exchanges
		}
	}
	if len(agreed) > 0 {
		lines = append(lines, "ISA-95, agreed: "+joined(agreed))
	}
	if j.GetConnection().GetProtocol() != "http" {
		return lines
	}
	for _, e := range []inventory.End{c.Client, c.Server} {
		a, _ := s.Plant.Asset(e.Asset)
		for _, f := range a.GetFacts() {
			if f.GetAttribute() != "b2mml.message" {
				continue
			}
			kind := category(f.GetValue())
			words := "ISA-95, seen: " + e.Addr.Unmap().String() + " sends " + f.GetValue() + ", " + kind
			if len(agreed) > 0 && !slices.Contains(agreed, kind) {
				words += ", which is not agreed"
			}
			lines = append(lines, words)
		}
	}
	return lines
}
