package boundary

// ISO27001 is the framework of those who approve and accept risks as ISO/IEC
// 27001 has it. Its records are the same; it names them otherwise.
const ISO27001 = "iso-27001"

// decisionWords name decisions as NIST SP 800-37 does, and as managers who
// follow ISO/IEC 27001 do.
var decisionWords = map[string][2]string{
	"ato":                 {"authorization to operate", "management approval"},
	"ato-with-conditions": {"authorization to operate with conditions", "management approval with conditions"},
	"iatt":                {"interim authorization to test", "approval of a test"},
	"iato":                {"interim authorization to operate", "interim management approval"},
	"atu":                 {"authorization to use", "approval of a provider's service"},
	"common-control":      {"common control authorization", "approval of controls that others take over"},
	Pato:                  {"provisional authorization", "provisional approval by others"},
	Dato:                  {"denial of authorization to operate", "refusal"},
	NotYetAuthorized:      {"not yet authorized", "not yet approved"},
	Decommissioned:        {"decommissioned", "taken out of use"},
}

// DecisionWords name a decision in words of a framework.
func DecisionWords(framework, decision string) string {
	if framework == ISO27001 {
		return decisionWords[decision][1]
	}
	return decisionWords[decision][0]
}

// RecordWords name the record of a decision, and who takes it.
func RecordWords(framework string) (record, who string) {
	if framework == ISO27001 {
		return "Management approval and risk acceptance", "risk owner"
	}
	return "Authorization", "authorizing official"
}
