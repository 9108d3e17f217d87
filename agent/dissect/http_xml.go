package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

// Attributes that XML messages between plant and business systems tell of
// whoever sends them.
const (
	b2mmlMessage ot.Attribute = "b2mml.message"
	idocMessage  ot.Attribute = "idoc.message"
)

// b2mmlVerbs open the name of a B2MML transaction (ISA-95 part 5, IEC 62264-5
// clause 5), b2mmlNouns are what it is about.
var (
	b2mmlVerbs = [...]string{"Get", "Show", "Process", "Acknowledge", "Change", "Respond", "Cancel", "Sync", "Confirm"}
	b2mmlNouns = [...]string{
		"ProductionSchedule", "ProductionPerformance", "ProductionCapability", "ProductDefinition", "OperationsSchedule", "OperationsPerformance",
		"OperationsCapability", "OperationsDefinition", "WorkSchedule", "WorkPerformance", "WorkDirective", "WorkCapability", "MaterialInformation",
		"MaterialLot", "MaterialDefinition", "MaterialClass", "EquipmentInformation", "PersonnelInformation", "ProcessSegmentInformation",
		"BatchInformation", "BatchProductionRecord", "Maintenance", "QualityTest", "TransactionProfile",
	}
)

// document looks for the message that an XML body is, tag by tag, so that it
// does not matter how the bytes were cut.
func (b *httpBody) document(data []byte, out Out) (int, error) {
	const most = 96
	whole := b.state != bodyToClose && int64(len(data)) >= b.left
	if whole {
		data = data[:b.left]
	}
	at := bytes.IndexByte(data, '<')
	switch {
	case at < 0:
		return b.searched(len(data)), nil
	case at > 0:
		return b.searched(at), nil
	}
	end := bytes.IndexAny(data, " \t\r\n/>")
	switch {
	case end < 0 && len(data) < most && !whole:
		return 0, ErrShort
	case end < 0 || end > most:
		return b.searched(1), nil
	}
	name := data[1:max(1, end)]
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	switch {
	case isB2MML(name):
		out.Fact(Sender, b2mmlMessage, name, "http.body.root", ot.Content)
	case string(name) == "IDOC" || string(name) == "EDI_DC40": // SAP's intermediate documents
		out.Fact(Sender, idocMessage, name, "http.body.element", ot.Content)
	default:
		return b.searched(end), nil
	}
	b.xml = false
	return b.searched(end), nil
}

func isB2MML(name []byte) bool {
	for _, verb := range b2mmlVerbs {
		noun, ok := bytes.CutPrefix(name, []byte(verb))
		if !ok {
			continue
		}
		for _, n := range b2mmlNouns {
			if string(noun) == n {
				return true
			}
		}
	}
	return false
}
