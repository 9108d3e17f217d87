package dissect

import (
	"bytes"

	"demarc/internal/ot"
)

func init() {
	register(Protocol{
		Name:     "pi",
		Over:     []string{"http"},
		Tier:     2,
		Usual:    TCP(5450), // AVEVA, PI Connector for UFL, Configure firewalls: clients of the Data Archive
		New:      func() Dissector { return &pi{} },
		OT:       true,
		Reads:    "messages of the Open Message Format and their version, who sends them and who takes them; requests to PI Web API are inferred by their path; what PI's own ports carry is not public",
		Standard: FromText + ": AVEVA, Open Message Format 1.2 and 2.0, Message headers; AVEVA, OMF with PI Web API, Example OMF request and response",
	})
}

// Attributes of who sends to a PI System.
const (
	omfVersion ot.Attribute = "omf.version"
	omfMessage ot.Attribute = "omf.message"
)

// What http gives of a request to who is registered over it.
const (
	httpTagFields = iota + 1 // the header fields of one with the Open Message Format
	httpTagTarget            // the target of one to PI Web API
)

// piWebAPI is where PI Web API stands on its server.
const piWebAPI = "/piwebapi"

// toPIWebAPI reports whether the target of a request is within PI Web API.
func toPIWebAPI(target []byte) bool {
	return len(target) >= len(piWebAPI) && equalFold(target[:len(piWebAPI)], piWebAPI) &&
		(len(target) == len(piWebAPI) || target[len(piWebAPI)] == '/' || target[len(piWebAPI)] == '?')
}

// pi knows who sends plant data to a PI System, or another that takes the same
// messages, by HTTP. A path alone is what any scanner may ask for: it proves
// nothing.
type pi struct{ proved bool }

// Surmises implements Surmiser.
func (d *pi) Surmises() bool { return !d.proved }

// Dissect is given what http gives of a request.
func (d *pi) Dissect(m *Message, out Out) (int, error) {
	switch {
	case m.Tag == httpTagTarget && toPIWebAPI(m.Data):
	case m.Tag == httpTagFields:
		version, message := omfOf(m.Data)
		if version == nil || message == nil {
			return 0, notMine(d.proved)
		}
		d.proved = true
		out.Fact(Sender, omfVersion, version, "omf.omfversion", ot.Content)
		out.Fact(Sender, omfMessage, message, "omf.messagetype", ot.Content)
	default:
		return 0, notMine(d.proved)
	}
	out.Sender(Client)
	return len(m.Data), nil
}

// omfTypes are the types of messages of 1.0 to 1.2, and those of 2.0.
var omfTypes = [...]string{"type", "container", "data", "schema", "instance"}

// omfOf finds the headers that every message has: its version, its type, and
// that its body is JSON.
func omfOf(fields []byte) (version, message []byte) {
	format := false
	for line := range bytes.SplitSeq(fields, []byte{'\n'}) {
		name, v, _ := bytes.Cut(line, []byte{':'})
		switch v = bytes.TrimSpace(v); {
		case equalFold(name, "omfversion") && len(v) == 3 && (v[0] == '1' || v[0] == '2') && v[1] == '.' && v[2] >= '0' && v[2] <= '9':
			version = v
		case equalFold(name, "messageformat"):
			format = equalFold(v, "json")
		case equalFold(name, "messagetype"):
			for _, t := range omfTypes {
				if equalFold(v, t) {
					message = v
				}
			}
		}
	}
	if !format {
		return nil, nil
	}
	return version, message
}
